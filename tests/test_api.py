"""The front door: what `import evo_hns` offers does what it says, prints nothing and tells mistakes in one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import evo_hns
from evo_hns.archive import Generation, RunFileError
from evo_hns.config import ConfigError
from evo_hns.players.evaluate import evaluate as evaluate_addresses
from tests.runs import SMALL, tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> evo_hns.Run:
    """A run of two generations, trained through the front door."""
    return evo_hns.train("quickstart", tmp_path_factory.mktemp("runs") / "small.h5", SMALL)


def test_the_front_door_imports_nothing_until_it_is_used() -> None:
    code = """
import sys, time
before, start = set(sys.modules), time.process_time()
import evo_hns
seconds = time.process_time() - start
assert set(dir(evo_hns)) >= {"train", "load_run", "Champion"}
print(seconds, *sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *modules = done.stdout.split()
    assert float(seconds) < 0.2
    assert not {"numpy", "torch", "pydantic", "h5py", "mujoco"} & set(modules)


def test_a_run_is_looked_at_without_loading_what_plays(run: evo_hns.Run) -> None:
    code = f"import sys, evo_hns; evo_hns.load_run({str(run.path)!r}); print({{'torch', 'mujoco'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_everything_that_is_offered_is_there_and_documented() -> None:
    for name in evo_hns.__all__:
        assert getattr(evo_hns, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        _ = evo_hns.tarin  # type: ignore[attr-defined]


def test_a_run_goes_on_and_prints_nothing_but_what_is_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[int] = []
    config = tiny(coevolution={"generations": 3})
    first = evo_hns.train(config, tmp_path / "a.h5", {"coevolution.generations": 1})
    assert (first.num_generations, first.settings.coevolution.generations) == (1, 1)
    assert capfd.readouterr() == ("", "")

    def observe(generation: Generation) -> None:
        seen.append(generation.number)

    went_on = evo_hns.resume(str(tmp_path / "a.h5"), 3, observe=observe, verbose=True)
    assert (went_on.num_generations, seen) == (3, [1, 2])
    shown = capfd.readouterr()
    assert [line.split()[:2] for line in shown.out.splitlines()] == [["generation", "1"], ["generation", "2"]]
    assert shown.err == ""


def test_a_run_tells_its_settings_metrics_and_champions(run: evo_hns.Run) -> None:
    assert run.settings.hiders.search.popsize == 4
    assert run.metrics["env_steps"].shape == (2,)
    frame = run.frame()
    assert frame.index.tolist() == [0, 1]
    assert frame["env_steps"].tolist() == run.metrics["env_steps"].tolist()
    assert {row.opponent for row in run.held_out} >= {"chaser"}
    assert [each.generation for each in run.champions("hiders")] == [0, 1]
    last = run.champion(evo_hns.Side.HIDERS)
    assert np.array_equal(last.genome, run.champions("hiders")[-1].genome)
    assert np.array_equal(last.genome, evo_hns.load_champion(f"{run.path}:hiders/1").genome)


def test_a_run_is_drawn_without_touching_the_users_matplotlib(run: evo_hns.Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    code = f"""
import sys, evo_hns
figure = evo_hns.load_run({str(run.path)!r}).plot({str(tmp_path / "curves.png")!r}, "statistics")
print(len(figure.axes), "matplotlib.pyplot" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "6 False\n"
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_champions_and_addresses_are_evaluated_alike(run: evo_hns.Run) -> None:
    champion = run.champion("seekers")
    found = evo_hns.evaluate("scripted:evader", champion, episodes=4, seed=5)
    expected = evaluate_addresses("scripted:evader", champion.address, run.settings, episodes=4, seed=5)
    assert found == expected
    game = {"rules.horizon": 5, "physics.num_worlds": 2}
    scripted = evo_hns.evaluate("scripted:still", "random", episodes=2, game=game)
    assert scripted.returns[evo_hns.Side.HIDERS].num_samples == 2


def test_the_game_for_other_libraries_is_that_of_the_settings(run: evo_hns.Run) -> None:
    pytest.importorskip("pettingzoo")
    env = evo_hns.make_env(run.settings, {"rules.horizon": 4})
    env.reset(seed=1)
    steps = 0
    while env.agents:
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        steps += 1
    assert steps == 4
    assert evo_hns.make_env().possible_agents == ["hider_0", "hider_1", "seeker_0", "seeker_1"]


def test_a_missing_library_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "evo_hns.parallel_env", raising=False)
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    with pytest.raises(ConfigError, match=r"^evo_hns\.parallel_env needs PettingZoo: .*pip install"):
        evo_hns.make_env()


def test_settings_come_from_names_files_tables_and_settings(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[search]\npopsize = 8\n")
    for config in (tmp_path / "mine.toml", {"search": {"popsize": 8}}, {"search.popsize": 8}):
        assert evo_hns.load_config(config).seekers.search.popsize == 8
    both = {"search.popsize": 16, "search": {"algorithm": "snes"}}
    settled = evo_hns.load_config(evo_hns.load_config("quickstart"), both)
    assert (settled.hiders.search.popsize, settled.hiders.search.algorithm) == (16, "snes")
    assert settled.world == evo_hns.load_config("quickstart").world


@pytest.mark.parametrize(
    ("mistake", "error", "said"),
    [
        (lambda run: evo_hns.train("quickstart", run.path), RunFileError, r"small\.h5 exists: resume it"),
        (lambda _: evo_hns.train("quickstrt", "x.h5"), ConfigError, r"no experiment 'quickstrt' \(did you mean"),
        (lambda _: evo_hns.train("full", "x.h5", {"search.popsiz": 8}), ConfigError, r"^settings: search\.popsiz: no"),
        (
            lambda _: evo_hns.load_config({"search": {"popsize": -1}}),
            ConfigError,
            r"^settings: search\.popsize: got -",
        ),
        (
            lambda _: evo_hns.train("ppo", "x.h5", {"search": {"popsize": 8}}),
            ConfigError,
            r"^settings: search\.popsize: PPO does not take this setting",
        ),
        (lambda _: evo_hns.train(None, "x.h5"), ConfigError, "got None, expected an experiment, settings or tables"),
        (lambda _: evo_hns.load_config("full", ["seed=1"]), ConfigError, "expected settings by dotted name, such as"),
        (lambda _: evo_hns.train("quickstart", None), ConfigError, "got None, expected the path of a run file"),
        (lambda _: evo_hns.load_run(7), ConfigError, "got 7, expected the path of a run file"),
        (lambda run: evo_hns.resume(run.path, 3.5), ConfigError, "generations: got 3.5, expected a whole number"),
        (lambda _: evo_hns.load_champion(None), ConfigError, "got the champion None, expected RUN:hiders/GENERATION"),
        (
            lambda run: evo_hns.make_env(run),
            ConfigError,
            r"got Run\(.*small\.h5', evolution, 2 of 2 generations\), expected",
        ),
        (
            lambda _: evo_hns.evaluate("random", "random", episodes="4"),
            ConfigError,
            "episodes: got '4', expected a whole",
        ),
        (lambda run: run.plot(3), ConfigError, "got 3, expected the path of a picture"),
        (
            lambda run: run.champion("hiders").save_npz(3),
            ConfigError,
            r"got 3, expected the path of a file that ends with",
        ),
        (
            lambda run: run.champion("hiders").act(None),
            ConfigError,
            "got observations of type NoneType, expected those",
        ),
        (
            lambda run: run.champion("hiders").act({"hider_0": None}),
            ConfigError,
            r"of hider_0 of shape \(0,\), expected",
        ),
        (lambda _: evo_hns.evaluate("random", 5), ConfigError, "got the player 5, expected a champion or an address"),
        (lambda run: evo_hns.resume(run.path), ConfigError, "has all its 2 generations"),
        (lambda _: evo_hns.load_run("nowhere.h5"), RunFileError, r"nowhere\.h5 does not exist"),
        (lambda run: run.champion("hider"), ConfigError, "got the side 'hider', expected hiders or seekers"),
        (lambda run: run.champion("hiders", 7), ConfigError, "no champion of generation 7 among its hiders"),
        (lambda run: run.plot(what="retruns"), ConfigError, "got 'retruns' to draw, expected returns, progress, stat"),
        (
            lambda run: evo_hns.evaluate(run.champion("hiders"), "random", game="full"),
            ConfigError,
            "plays in the game of its run: leave out game",
        ),
    ],
)
def test_a_mistake_is_one_line(
    mistake: Callable[[evo_hns.Run], object], error: type[Exception], said: str, run: evo_hns.Run
) -> None:
    with pytest.raises(error, match=said) as told:
        mistake(run)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 300


def test_what_a_notebook_shows_of_a_run_and_a_champion_is_one_line(run: evo_hns.Run) -> None:
    assert repr(run) == f"Run({str(run.path)!r}, evolution, 2 of 2 generations)"
    champion = run.champion("hiders")
    assert repr(champion) == f"Champion({champion.address!r}, {champion.genome.size:,} parameters)"
