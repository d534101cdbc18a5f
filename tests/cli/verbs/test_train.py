"""One verb trains whatever an experiment says: what it starts, continues and refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evo_hns.archive.run_view import RunView
from evo_hns.cli import main
from evo_hns.cli.console import as_typed
from evo_hns.cli.errors import USER_ERROR
from evo_hns.config import RunConfig
from tests.runs import as_toml, tiny

TINY = [
    *("--rules.horizon", "5", "--physics.num-worlds", "8", "--physics.num-threads", "1"),
    *("--ppo.num-worlds", "4", "--ppo.minibatches", "2", "--ppo.rollouts-per-generation", "1"),
    *("--policy.entity.embed-size", "8", "--policy.entity.num-cells", "8", "--policy.entity.num-filters", "2"),
    *("--coevolution.held-out-episodes", "2", "--coevolution.progress-episodes", "2"),
]


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a user's mistake is told in."""
    capsys.readouterr()
    assert main(words) == USER_ERROR
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_run_is_trained_continued_extended_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "run.h5")
    words = ["train", "ppo", "--run", path, "--generations", "2", *TINY]
    assert main([*words, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["generation"] for line in told if "generation" in line] == [0, 1]
    assert main([*words, "--resume"]) == 0  # there is nothing left to do
    assert "exists" in complaint(capsys, *words)
    assert main(["resume", path, "--generations", "3"]) == 0
    with RunView(Path(path)) as run:
        assert run.num_generations == 3
    capsys.readouterr()
    assert main(["info", path]) == 0
    assert "ppo.minibatches=2" in capsys.readouterr().out


def test_a_run_ends_with_a_page_if_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evo_hns.reports.clips.find_backend", lambda: (None, "not here"))
    path = tmp_path / "run.h5"
    path.with_suffix(".toml").write_text(as_toml(tiny(coevolution={"generations": 2})))
    assert main(["train", str(path.with_suffix(".toml")), "--run", str(path), "--report"]) == 0
    said, _, missing = capsys.readouterr().out.partition("  not in it")
    first, *between, last = said.splitlines()
    assert first == f"The run goes into {path}."
    assert f"  {as_typed('info', path)}" in between
    assert f"  {as_typed('report', path)}" not in between  # it is written now
    assert f"    {as_typed('tournament', path)}" in missing.splitlines()
    assert last.startswith(f"The report is {tmp_path / 'run-report.html'} (0.")
    assert (tmp_path / "run-report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("table", "trainer"),
    [
        ({}, "evolution"),
        ({"ppo": None}, "evolution"),  # as in files of runs that were evolved
        ({"ppo": {"epochs": 3}}, "ppo"),
        ({"trainer": "ppo"}, "ppo"),
    ],
)
def test_a_trainer_and_its_table_imply_each_other(table: dict[str, object], trainer: str) -> None:
    config = RunConfig.model_validate({"policy": {"network": "entity"}, **table})
    assert config.trainer == trainer
    assert (config.ppo is not None) == (trainer == "ppo")
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "ppo", "--policy.network", "mlp"], "policy.network 'mlp' has no such setting"),
        (["train", "ppo", "--policy.genome-per-member", "true"], "one network for all"),
        (["train", "ppo", "--rules.grab-selective", "true"], "cannot choose what it grabs"),
        (["train", "ppo", "--ppo.clip-range", "3"], "--ppo.clip-range: got 3, expected less than 1"),
        (["train", "ppo", "--ppo.learningrate", "3"], "did you mean ppo.learning_rate?"),
        (["train", "ppo", "--ppo.minibatches", "300"], "lower ppo.minibatches"),
        (["train", "ppo", "--resume"], "--run FILE"),
        (["train", "ppo", "--hiders.init-from", "a.h5:hiders/0"], "--hiders.init-from: PPO does not take this setting"),
        (["train", "ppo", "--hiders.rungs", "[]"], "--hiders.rungs: PPO does not take this setting"),
        (["train", "quickstart", "--init-from", "nowhere.h5"], "nowhere.h5 does not exist"),
        (["train", "quickstart", "--hiders.init-from", "still"], "hiders.init_from: got 'still', expected a champion"),
        (["train", "ppo", "--ranks", "2"], "--ranks 2: PPO trains in one process: leave --ranks out"),
        (["train", "quadrant-1v1", "--trainer", "pp"], "trainer: got 'pp', expected 'evolution' or 'ppo'"),
        (["train", "quadrant-1v1", "--trainer", "ppo"], "'mlp' and trainer 'ppo' (or settings of it)"),
        (["train", "quickstart", "--ppo.num-worlds", "4"], "'mlp' and trainer 'ppo' (or settings of it)"),
        (["train", "ppo", "--trainer", "evolution", "--ppo.epochs", "2"], "trainer 'evolution': leave them out, or"),
        (["ppo", "quadrant-1v1"], "no verb 'ppo'"),
        (["diagnose", "ppo-check", "--seeds", "0"], "expected at least 1"),
    ],
)
def test_mistakes_are_told_in_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in complaint(capsys, *words)
    assert list(tmp_path.iterdir()) == []


def test_processes_of_a_launcher_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PMI_SIZE", "4")
    said = complaint(capsys, "train", "ppo", "--run", str(tmp_path / "run.h5"))
    assert "one process, but a launcher started 4" in said


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGUSR1, 75), pytest.param(signal.SIGINT, 130, marks=pytest.mark.release)]
)
def test_a_signal_ends_a_run_that_can_go_on(signum: signal.Signals, code: int, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    words = ["train", "ppo", "--run", str(path), "--generations", "5000", "--json", *TINY]
    command = [sys.executable, "-m", "evo_hns", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told: dict[str, object] = {}
        while "generation" not in told:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            told = json.loads(line)
        process.send_signal(signum)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert said.splitlines()[-1].endswith(f"resume {path} --json")
    with RunView(path) as run:
        assert run.num_generations >= 1


def test_a_run_of_the_same_settings_and_seed_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    short = ["--generations", "1", "--search.popsize", "4", "--search.ga.num-elites", "1"]
    words = ["train", "quickstart", *TINY[:6], *TINY[-4:], *short]
    assert main(words) == 0
    assert "note:" not in capsys.readouterr().err
    (tmp_path / "runs" / "quickstart-2.h5").write_bytes(b"no run")
    assert main([*words, "--seed", "1"]) == 0
    assert "note:" not in capsys.readouterr().err
    assert main(words) == 0
    told = (
        "note: runs/quickstart.h5 has the same settings and seed, which give the same numbers; for others: --seed N\n"
    )
    assert capsys.readouterr().err == told
    assert sorted(path.name for path in (tmp_path / "runs").glob("*.h5")) == [
        "quickstart-2.h5",
        "quickstart-3.h5",
        "quickstart-4.h5",
        "quickstart.h5",
    ]
