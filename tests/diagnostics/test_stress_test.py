"""A stress test of seconds, and its verdict on made slices."""

from __future__ import annotations

import json

import pytest

from evo_hns.cli import main
from evo_hns.config import RunConfig
from evo_hns.diagnostics import stress_test as module
from evo_hns.diagnostics.stress_test import Slice, StressTest, stress_test
from evo_hns.system.interrupt import INTERRUPTED

TINY = {
    "world": {"num_hiders": 1, "num_seekers": 1, "num_boxes": 1, "num_ramps": 0},
    "rules": {"horizon": 5},
    "physics": {"num_worlds": 4, "num_threads": 2},
}
LIMIT = round(100 * module.MAX_DISCARDED)  # of 100 episodes
WORDS = ["diagnose", "stress-test", "quadrant-1v1", "--rules.horizon", "5", "--physics.num-worlds", "4"]


def made(memory: list[float], microseconds: list[float] | None = None, physics: int = 0, flung: int = 0) -> StressTest:
    """Slices of 10,000 env steps in 100 episodes."""
    costs = microseconds or [500.0] * len(memory)
    return StressTest(
        tuple(
            Slice(10_000, 100, {"physics": physics, "flung": flung}, cost * 1e-2, 1.0, held)
            for held, cost in zip(memory, costs, strict=True)
        )
    )


def test_a_short_stress_test_plays_what_was_asked_for_in_whole_batches() -> None:
    *_, done = stress_test(RunConfig.model_validate(TINY), 110)
    assert (done.env_steps, done.episodes, len(done.slices)) == (120, 24, 6)
    assert done.discards == {"physics": 0, "flung": 0}
    assert all(s.cpu_seconds > 0 and s.seconds > 0 and s.memory_mb > 50 for s in done.slices)


def test_a_long_stress_test_has_twenty_slices() -> None:
    parts = list(stress_test(RunConfig.model_validate(TINY), 800))
    assert [part.env_steps for part in parts] == list(range(40, 801, 40))


def test_every_slice_plays_new_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    class Watched:
        def __init__(self, config: RunConfig) -> None:
            self._evaluator = build(config)
            self.session = self._evaluator.session
            self.discards = {"physics": 0, "flung": 0}

        def evaluate(self, table, rosters) -> None:
            seeds.extend(table.seed.tolist())
            self.discards = {"physics": len(seeds), "flung": 1}

    build = module.build_evaluator
    monkeypatch.setattr(module, "build_evaluator", Watched)
    *_, done = stress_test(RunConfig.model_validate(TINY), 60)
    assert seeds == list(range(12))
    assert [s.discards for s in done.slices] == [{"physics": 4, "flung": 1}, *[{"physics": 4, "flung": 0}] * 2]


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        (made([100.0] + [104.0] * 19), None),
        (made([50.0, 80.0, 90.0, 95.0] + [100.0] * 16), None),  # what the first half takes is not a leak
        (made([100.0] * 18 + [110.0, 100.0]), None),  # what was given back is not one either
        (made([100.0 + k for k in range(20)]), "memory grew by 8.3%, more than 5%"),
        (made([100.0] * 20, [500.0] * 10 + [700.0] * 10), None),
        (made([100.0] * 20, [900.0] + [500.0] * 19), None),  # compiling
        (made([100.0] * 20, [1.0] * 10 + [90.0] * 10), None),  # too short to tell
        (made([100.0] * 20, [500.0] * 10 + [800.0] * 10), "env steps became 60% slower, more than 50%"),
        (made([100.0] * 20, physics=LIMIT - 1, flung=1), None),
        (made([100.0] * 20, physics=LIMIT, flung=1), "of the episodes failed, more than "),
        (made([100.0]), None),
    ],
)
def test_the_verdict_names_what_is_wrong_and_nothing_else(result: StressTest, complaint: str | None) -> None:
    assert len(result.complaints) == (complaint is not None)
    assert complaint is None or complaint in result.complaints[0]


def test_the_command_tells_each_slice_and_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--env-steps", "60"]) == 0
    *slices, verdict = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in slices] == ["20", "40", "60"]
    assert verdict.startswith("60 env steps in ") and verdict.endswith("12 episodes discarded (0 physics, 0 flung): ok")


def test_the_figures_come_as_json_and_the_lines_beside_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--env-steps", "60", "--json"]) == 0
    shown = capsys.readouterr()
    figures = json.loads(shown.out)
    assert (figures["env_steps"], figures["episodes"], figures["complaints"]) == (60, 12, [])
    assert len(figures["slices"]) == len(shown.err.splitlines()) == 3


def test_a_complaint_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "stress_test", lambda config, env_steps: iter([made([100.0] * 19 + [200.0] * 2)]))
    with pytest.raises(SystemExit) as stop:
        main([*WORDS, "--env-steps", "60"])
    assert stop.value.code == 1
    assert "memory grew by 100.0%" in capsys.readouterr().out


def test_an_interrupt_tells_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(config: RunConfig, env_steps: int):
        yield made([100.0] * 3)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "stress_test", interrupted)
    assert main([*WORDS, "--env-steps", "60"]) == INTERRUPTED
    assert capsys.readouterr().err.startswith("evo-hns: interrupted: 30,000 env steps in 3.0 s: memory +0.0%, ")
