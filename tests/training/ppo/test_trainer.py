"""Runs of PPO: stopped anywhere they continue to the same bits, and their files are run files like any other."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from evo_hns.archive.records import Run
from evo_hns.archive.run_file import RunFile
from evo_hns.archive.run_view import RunView
from evo_hns.archive.storage import RunFileError
from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import HELD_OUT_SEED
from evo_hns.players.evaluate import evaluate
from evo_hns.players.replay import replay
from evo_hns.reports.info import describe_run, gains
from evo_hns.spec import Side
from evo_hns.system.shutdown import ShutdownSignal
from evo_hns.training.driver import resume, train
from evo_hns.training.ppo.learner import Learner
from evo_hns.training.ppo.trainer import PPO
from tests.runs import GENERATIONS, StopAfter, assert_same_bits, ignore
from tests.training.ppo.learners import CROWDED, tiny_ppo

LOCK_AND_RETURN = {
    "world": {"scenario": "randomwalls", "num_hiders": 1, "num_seekers": 0, "num_boxes": 1, "num_ramps": 0},
    "rules": {"task": "box-locking", "horizon": 10, "box_locking": {"goal": "all-return"}},
}
GAMES = {"anything absent": CROWDED | {"physics": {"search_substeps": 8}}, "one team": LOCK_AND_RETURN}


def whole(path: Path, config: RunConfig) -> Run:
    train(config, path, announce=ignore, observers=[])
    return RunFile.read(path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run file that is complete."""
    path = tmp_path_factory.mktemp("finished") / "run.h5"
    whole(path, tiny_ppo())
    return path


@pytest.mark.parametrize("game", GAMES)
def test_an_interrupted_run_continues_to_the_same_bits_on_other_threads(game: str, tmp_path: Path) -> None:
    config, broken = tiny_ppo(**GAMES[game], coevolution={"generations": 2}), tmp_path / "broken.h5"
    unbroken = whole(tmp_path / "unbroken.h5", config)
    physics = config.physics.model_copy(update={"num_threads": 2, "num_worlds": 5})
    with pytest.raises(KeyboardInterrupt):
        train(config.model_copy(update={"physics": physics}), broken, announce=ignore, observers=[StopAfter(1)])
    assert RunFile.read(broken).num_generations == 1
    resume(broken, announce=ignore, observers=[])
    assert_same_bits(RunFile.read(broken), unbroken)


def test_a_run_that_is_killed_in_the_middle_of_a_generation_continues_to_the_same_bits(
    finished: Path, tmp_path: Path
) -> None:
    path = tmp_path / "killed.h5"
    pid = os.fork()
    if pid == 0:
        train(tiny_ppo(), path, announce=ignore, observers=[])
        os._exit(0)
    while not path.exists() or RunFile.read(path).num_generations < 1:
        time.sleep(0.01)
    time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)
    assert 1 <= RunFile.read(path).num_generations < GENERATIONS
    resume(path, announce=ignore, observers=[])
    assert_same_bits(RunFile.read(path), RunFile.read(finished))


def test_both_halls_hold_the_policy_after_each_generation(finished: Path) -> None:
    run = RunFile.read(finished)
    hiders, seekers = (run.halls[side].genomes for side in Side)
    assert hiders.shape[0] == GENERATIONS
    assert np.array_equal(hiders, seekers)
    assert len(np.unique(hiders, axis=0)) == GENERATIONS
    learner = Learner(run.config)
    learner.resume(run.state)
    last = learner.champions(learner.learn(GENERATIONS))
    assert not np.array_equal(last[Side.HIDERS].genome, hiders[-1])


def test_what_a_generation_reports_is_what_was_played(finished: Path) -> None:
    run, worlds = RunFile.read(finished), 6
    assert run.metrics["env_steps"].tolist() == [6 * worlds * 3, *[6 * worlds * 2] * (GENERATIONS - 1)]
    trainer = PPO(run.config, ShutdownSignal())
    assert run.metrics["env_steps"].tolist() == [trainer.env_steps(generation) for generation in range(GENERATIONS)]
    assert np.allclose(run.metrics["hiders.self_play_return"], -run.metrics["seekers.self_play_return"])
    assert {row.opponent for row in run.held_out} == {"still", "random", "chaser", "fugitive"}
    assert {row.generation for row in run.held_out} == {0, GENERATIONS - 1}
    for name in ("ppo.entropy", "ppo.approx_kl", "time_worlds", "time_policy", "time_update", "time_measurement"):
        assert (run.metrics[name] > 0.0).all(), name
    assert (run.metrics["cpu_seconds"] > 0.0).all()


def test_the_worlds_of_training_are_never_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Learner(tiny_ppo())
    scheduled = []
    monkeypatch.setattr(learner.worlds, "schedule", lambda seeds: scheduled.append(np.array(seeds)))
    for generation in range(3):
        with pytest.raises(IndexError):  # nothing was scheduled, so there is nothing to play
            learner.learn(generation)
    seeds = np.concatenate([part.flatten() for part in scheduled])
    assert len(np.unique(seeds)) == len(seeds) == 6 * (3 + 2 + 2)
    assert (seeds < HELD_OUT_SEED).all()


def test_every_analysis_takes_its_champions_for_players(finished: Path) -> None:
    result = evaluate(f"{finished}:hiders/last", f"{finished}:seekers/0", RunConfig(), episodes=4)
    assert all(np.isfinite(estimate.mean) for estimate in result.returns.values())
    assert all(each.is_equal for each in replay(finished, None))
    with RunView(finished) as run:
        assert len(gains(run)) == 6
        assert describe_run(run)["generations"] == {"done": GENERATIONS, "planned": GENERATIONS}


def test_external_players_are_met_and_kept_and_teach_nothing(finished: Path, tmp_path: Path) -> None:
    other, path = tmp_path / "other.h5", tmp_path / "run.h5"
    shutil.copy(finished, other)
    settings = {**tiny_ppo().coevolution.model_dump(), "held_out_runs": [str(other)], "generations": 2}
    with pytest.raises(KeyboardInterrupt):
        train(tiny_ppo(coevolution=settings), path, announce=ignore, observers=[StopAfter(1)])
    other.unlink()
    resume(path, announce=ignore, observers=[])
    run = RunFile.read(path)
    met = {row.opponent for row in run.held_out if row.generation == 1}
    assert {f"{other}:seekers/3", f"{other}:hiders/3"} <= met
    for side in Side:
        assert np.array_equal(run.halls[side].genomes, RunFile.read(finished).halls[side].genomes[:2])


def test_a_run_has_one_writer(finished: Path) -> None:
    with RunFile.open(finished), pytest.raises(RunFileError, match="another"):
        resume(finished, generations=9, announce=ignore, observers=[])


def test_a_state_of_another_network_is_refused(finished: Path) -> None:
    learner = Learner(tiny_ppo(entity={"layer_norm": False}))
    with pytest.raises(ValueError, match="other parameters"):
        learner.resume(RunFile.read(finished).state)


def test_seeds_make_different_runs() -> None:
    genomes = [Learner(tiny_ppo(seed=seed)).ppo.policy.action_net.weight.detach() for seed in (3, 4)]
    assert not torch.equal(*genomes)
