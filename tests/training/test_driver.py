"""Whole runs: stopped anywhere they continue to the same bits, and no setting of the machine changes a number."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from evo_hns.archive.records import Run
from evo_hns.archive.run_file import RunFile
from evo_hns.archive.storage import RunFileError
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.held_out import measure
from evo_hns.evaluation.matches import FRESH_SEED
from evo_hns.search import SEARCHERS
from evo_hns.spec import Side
from evo_hns.training.driver import resume, train
from tests.runs import EVERYTHING, GENERATIONS, StopAfter, assert_same_bits, ignore, run_whole, tiny


@pytest.mark.parametrize("algorithm", sorted(SEARCHERS))
def test_an_interrupted_run_continues_to_the_same_bits(algorithm: str, tmp_path: Path) -> None:
    unmeasured = {"held_out_episodes": 0, "progress_episodes": 0, "recorded_matches": 0}  # others stop what measures
    config = tiny(search={"algorithm": algorithm, "popsize": 4}, coevolution={"generations": 3, **unmeasured})
    unbroken = run_whole(tmp_path / "unbroken.h5", config)
    broken = tmp_path / "broken.h5"
    with pytest.raises(KeyboardInterrupt):
        train(config, broken, announce=ignore, observers=[StopAfter(1)])
    assert RunFile.read(broken).num_generations == 1
    resume(broken, announce=ignore, observers=[])
    assert_same_bits(RunFile.read(broken), unbroken)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run of `tiny()`, that others are compared with."""
    return run_whole(tmp_path_factory.mktemp("plain") / "run.h5", tiny())


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunConfig, Run, Path]:
    """Settings of a run that has everything, the run, and a run of other networks whose champions it met."""
    folder = tmp_path_factory.mktemp("everything")
    others = folder / "others.h5"
    run_whole(others, tiny(seed=11, policy={"hidden_size": 3}))
    config = tiny(coevolution={**EVERYTHING, "held_out_runs": [str(others)]})
    return config, run_whole(folder / "unbroken.h5", config), others


# within the life of an exploiter, and at its end
@pytest.mark.parametrize("stop", [1, pytest.param(2, marks=pytest.mark.release)])
def test_a_run_with_everything_switched_on_continues_to_the_same_bits(
    stop: int, everything: tuple[RunConfig, Run, Path], tmp_path: Path
) -> None:
    config, unbroken, others = everything
    broken, away = tmp_path / "broken.h5", others.with_suffix(".away")
    with pytest.raises(KeyboardInterrupt):
        train(config, broken, announce=ignore, observers=[StopAfter(stop)])
    others.rename(away)  # a run keeps copies of them
    try:
        resume(broken, announce=ignore, observers=[])
    finally:
        away.rename(others)
    assert_same_bits(RunFile.read(broken), unbroken)
    assert [unbroken.exploiters[side].generations.tolist() for side in Side] == [[1, 3], [1, 3]]
    assert {f"{others}:hiders/3", f"{others}:seekers/3"} <= {row.opponent for row in unbroken.held_out}


def test_a_run_of_an_older_version_goes_on_with_players_of_whom_nothing_is_known(plain: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), path, announce=ignore, observers=[StopAfter(2)])
    with h5py.File(path, "r+") as file:
        del file["state/encounters"]
    resume(path, announce=ignore, observers=[])
    for side in Side:
        assert np.array_equal(RunFile.read(path).halls[side].genomes, plain.halls[side].genomes)


def test_opponents_of_another_game_leave_no_file(tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with RunFile.create(other, tiny(rules={"horizon": 7}), dict.fromkeys(Side, 5)):
        pass
    config = tiny(coevolution={**tiny().coevolution.model_dump(), "held_out_runs": [str(other)]})
    with pytest.raises(ConfigError, match=r"other\.h5 plays another game"):
        train(config, tmp_path / "run.h5", announce=ignore, observers=[])
    assert not (tmp_path / "run.h5").exists()


GAMES: dict[str, dict[str, Any]] = {
    "full": {
        "world": {
            "scenario": "randomwalls",
            "num_hiders": [1, 3],
            "num_seekers": [1, 2],
            "num_boxes": [1, 4],
            "num_elongated_boxes": [1, 4],
            "num_ramps": [0, 2],
            "num_food": 2,
            "outer_walls_probability": 0.5,
        },
        "rules": {"horizon": 10, "lock_ramp": True, "restrict_rect": [-6, -6, 12, 12]},
    },
    "coarse": {"physics": {"search_substeps": 8}},
    "lock and return": {
        "world": {"scenario": "randomwalls", "num_hiders": 1, "num_seekers": 0, "num_boxes": 1, "num_ramps": 0},
        "rules": {"task": "box-locking", "horizon": 10, "box_locking": {"goal": "all-return"}},
    },
}


@pytest.mark.parametrize("game", GAMES)
def test_a_run_of_any_game_continues_to_the_same_bits_on_other_threads(game: str, tmp_path: Path) -> None:
    config = tiny(search={"algorithm": "ga"}, **GAMES[game])
    unbroken, broken = run_whole(tmp_path / "unbroken.h5", config), tmp_path / "broken.h5"
    physics = config.physics.model_copy(update={"num_threads": 2, "num_worlds": 5})
    with pytest.raises(KeyboardInterrupt):
        train(config.model_copy(update={"physics": physics}), broken, announce=ignore, observers=[StopAfter(2)])
    resume(broken, announce=ignore, observers=[])
    assert_same_bits(RunFile.read(broken), unbroken)


def test_a_task_of_one_team_moves_that_team_alone(tmp_path: Path) -> None:
    run = run_whole(tmp_path / "run.h5", tiny(search={"algorithm": "ga"}, **GAMES["lock and return"]))
    assert (run.halls[Side.SEEKERS].scores == 0.0).all()
    assert (run.metrics["hiders.fitness_std"] > 0.0).all()
    assert (run.metrics["env_steps"] == 10 * (4 * 2 + 2 * 2)).all()
    assert {(row.side, row.opponent) for row in run.held_out} == {(Side.HIDERS, "still")}


def test_a_coarse_search_finds_other_champions_which_the_games_own_timestep_measures(
    plain: Run, tmp_path: Path
) -> None:
    coarse = run_whole(tmp_path / "run.h5", tiny(**GAMES["coarse"]))
    assert not np.array_equal(plain.metrics["game.max_agent_travel"], coarse.metrics["game.max_agent_travel"])
    evaluator = build_evaluator(coarse.config)
    champion = evaluator.session.roster(Side.SEEKERS, torch.from_numpy(coarse.halls[Side.SEEKERS].genomes[-1:]))
    again = {row.opponent: row.scores for row in measure(evaluator, Side.SEEKERS, champion, 4)}
    last = [row for row in coarse.held_out if row.side is Side.SEEKERS and row.generation == GENERATIONS - 1]
    assert len(last) == 3
    for row in last:
        np.testing.assert_array_equal(row.scores, again[row.opponent])


@pytest.mark.parametrize("physics", [{"num_worlds": 3}, {"num_worlds": 64, "num_threads": 3}])
def test_batch_size_and_threads_change_no_number(physics: dict[str, int], plain: Run, tmp_path: Path) -> None:
    other = run_whole(tmp_path / "other.h5", tiny(physics={"num_worlds": 16, "num_threads": 1, **physics}))
    assert_same_bits(plain, other)


def test_seeds_make_different_runs(plain: Run, tmp_path: Path) -> None:
    other = run_whole(tmp_path / "other.h5", tiny(seed=4, coevolution={"generations": 1}))
    assert not np.array_equal(plain.halls[Side.HIDERS].genomes[:1], other.halls[Side.HIDERS].genomes)


def test_sides_may_search_in_different_ways_with_different_networks(tmp_path: Path) -> None:
    config = tiny(
        hiders={"search": {"algorithm": "ga", "ga": {"num_elites": 1}}},
        seekers={"search": {"algorithm": "snes"}, "policy": {"network": "attention", "gru_size": 3}},
        coevolution={"generations": 2},
    )
    run = run_whole(tmp_path / "run.h5", config)
    assert run.num_generations == 2
    assert run.halls[Side.HIDERS].num_params != run.halls[Side.SEEKERS].num_params


def test_a_network_for_each_member_makes_longer_genomes(tmp_path: Path) -> None:
    pair: dict[str, Any] = {"world": {"num_hiders": 2, "num_seekers": 2}, "coevolution": {"generations": 1}}
    shared = run_whole(tmp_path / "shared.h5", tiny(**pair))
    own = run_whole(tmp_path / "own.h5", tiny(**pair, policy={"hidden_size": 2, "genome_per_member": True}))
    assert own.halls[Side.HIDERS].num_params == 2 * shared.halls[Side.HIDERS].num_params


def test_a_finished_run_is_extended_only_when_asked(plain: Run, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    run_whole(path, tiny(coevolution={"generations": 2}))
    with pytest.raises(ConfigError, match="has all its 2 generations; to go on, ask for more"):
        resume(path, announce=ignore, observers=[])
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), tmp_path / "half.h5", announce=ignore, observers=[StopAfter(2)])
    with pytest.raises(ConfigError, match="has 2 of 4 generations, got 1: leave --generations out to go on, or ask"):
        resume(tmp_path / "half.h5", generations=1, announce=ignore, observers=[])
    resume(path, generations=4, announce=ignore, observers=[])
    extended = RunFile.read(path)
    assert (extended.num_generations, extended.config.coevolution.generations) == (4, 4)
    for side in Side:
        assert np.array_equal(extended.halls[side].genomes, plain.halls[side].genomes)


def test_a_run_never_overwrites_another(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    before = run_whole(path, tiny(coevolution={"generations": 1}))
    with pytest.raises(RunFileError, match="exists"):
        train(tiny(seed=9), path, announce=ignore, observers=[])
    assert_same_bits(RunFile.read(path), before)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"search": {"algorithm": "cmaes"}, "policy": {"hidden_size": 64}}, "cmaes takes at most 5000"),
        ({"world": {"num_boxes": 9, "box_size": 1.5}}, "no free place for every room and object"),
    ],
)
def test_settings_that_cannot_be_played_leave_no_file(changes: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=complaint):
        train(tiny(**changes), tmp_path / "run.h5", announce=ignore, observers=[])
    assert list(tmp_path.iterdir()) == []


def test_a_total_of_no_generations_is_refused(tmp_path: Path) -> None:
    run_whole(tmp_path / "run.h5", tiny(coevolution={"generations": 1}))
    with pytest.raises(ConfigError, match="got 0 generations, expected at least 1"):
        resume(tmp_path / "run.h5", generations=0, announce=ignore, observers=[])


def test_held_out_players_are_met_first_last_and_every_so_often(tmp_path: Path) -> None:
    settings = {**tiny().coevolution.model_dump(), "held_out_every": 2}
    run = run_whole(tmp_path / "run.h5", tiny(coevolution=settings))
    assert sorted({row.generation for row in run.held_out}) == [0, 2, 3]
    assert {row.opponent for row in run.held_out if row.side is Side.HIDERS} == {"still", "random", "chaser"}


def test_champions_are_recorded_when_they_are_measured_in_worlds_of_their_own(tmp_path: Path) -> None:
    def run(name: str, **changes: int) -> Run:
        settings = {**tiny().coevolution.model_dump(), "held_out_every": 2, **changes}
        return run_whole(tmp_path / f"{name}.h5", tiny(coevolution=settings))

    none, three = run("none", recorded_matches=0), run("three", recorded_matches=3)
    assert none.matches == ()
    assert [match.generation for match in three.matches] == [0, 0, 0, 2, 2, 2, 3, 3, 3]
    seeds = [match.world_seed for match in three.matches]
    assert len(set(seeds)) == 9 and min(seeds) >= FRESH_SEED
    # Being recorded changes nothing else.
    assert_same_bits(replace(three, matches=()), none)


def _in_child(job: Any) -> int:
    """Run a job in a forked process and return its pid: imports and compiled kernels come along."""
    pid = os.fork()
    if pid == 0:
        try:
            job()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return pid


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "least", "generations", "longest"),
    [(0, 4, 4, 1.0), *(pytest.param(seed, 50, 24, 0.5, marks=pytest.mark.release) for seed in range(1, 21))],
)
def test_a_run_killed_at_random_moments_ends_in_the_same_bits(
    seed: int, least: int, generations: int, longest: float, plain: Run, tmp_path: Path
) -> None:
    config = tiny(coevolution={"generations": generations})
    start = time.perf_counter()  # `plain` has compiled the kernels: kills come at moments of a run, not of that
    unbroken = run_whole(tmp_path / "unbroken.h5", config)
    duration = time.perf_counter() - start
    rng = np.random.default_rng(seed)
    kills = 0
    while kills < least:  # as many runs as it takes: a fast machine leaves less time to kill each
        path = tmp_path / f"killed-{kills}.h5"
        done = 0
        while done < generations:
            exists = path.exists()
            pid = _in_child(
                lambda path=path, exists=exists: (
                    resume(path, announce=ignore, observers=[])
                    if exists
                    else train(config, path, announce=ignore, observers=[])
                )
            )
            time.sleep(rng.uniform(0.02, longest) * duration)
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            kills += os.WIFSIGNALED(status)
            if path.exists():
                run = RunFile.read(path)  # never damaged
                assert run.num_generations >= done  # never less than before
                done = run.num_generations
        assert_same_bits(RunFile.read(path), unbroken)
        RunFile.open(path).close()  # puts in order what a kill after the last generation left
        assert sorted(p.name for p in tmp_path.glob("*.tmp*")) == []
        assert_same_bits(RunFile.read(path), unbroken)
