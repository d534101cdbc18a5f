"""What is taken down of matches: the same whoever plays them, and true to the game."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import LocalEvaluator, build_evaluator
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Side

SEEDS = np.arange(5, dtype=np.int64)


@pytest.fixture(scope="module")
def evaluator() -> LocalEvaluator:
    """Batches of two worlds, with teams of one or two."""
    world = {"num_hiders": [1, 2], "num_seekers": 2}
    physics = {"num_worlds": 4, "num_threads": 2}
    return build_evaluator(RunConfig.model_validate({"world": world, "physics": physics}))


@pytest.fixture(scope="module")
def trajectory(evaluator: LocalEvaluator) -> Trajectory:
    """Fugitives against chasers."""
    return evaluator.evaluate(table(), rosters(), keep=["trajectory"]).trajectory


def table() -> MatchTable:
    """One match in each world."""
    first = np.zeros(len(SEEDS), dtype=np.int64)
    return MatchTable(first, first, SEEDS)


def rosters() -> dict:
    """Players who move, grab and look."""
    return {Side.HIDERS: scripted_roster("random"), Side.SEEKERS: scripted_roster("chaser")}


def test_whoever_follows_matches_changes_nothing_and_sees_the_same_in_a_replay(
    evaluator: LocalEvaluator, trajectory: Trajectory
) -> None:
    episodes = evaluator.evaluate(table(), rosters(), keep=["actions"])
    again = evaluator.replay(episodes.actions, SEEDS, keep=["trajectory"])
    assert again.returns.numpy().tobytes() == episodes.returns.numpy().tobytes()
    assert np.array_equal(trajectory.reward.sum(1), episodes.returns.numpy())
    for name in ("qpos", "locked", "grabbed", "sees_agents", "sees_objects", "lidar", "reward"):
        assert getattr(again.trajectory, name).tobytes() == getattr(trajectory, name).tobytes(), name


def test_everything_starts_where_the_layout_says_and_keeps_within_the_walls(trajectory: Trajectory) -> None:
    layout, mask = trajectory.layout, trajectory.layout.agent_mask
    assert np.allclose(trajectory.agents[:, 0, :, :3][mask], layout.agents[mask])
    assert np.allclose(trajectory.objects[:, 0, : layout.boxes.shape[1], :3], layout.boxes)
    there = trajectory.agents[..., :2][np.repeat(mask[:, None], trajectory.num_steps + 1, 1)]
    assert (there > 0).all()
    assert (there < layout.floor_size.max()).all()
    assert np.ptp(trajectory.agents[:, :, 0], axis=1).max() > 1  # metres: somebody went somewhere


def test_seekers_stand_still_in_the_preparation_and_who_is_seen_decides_the_reward(trajectory: Trajectory) -> None:
    steps, hiders = trajectory.num_prep_steps, trajectory.scene.num_hiders
    assert steps == 32
    assert not trajectory.reward[:, :steps].any()
    seen = trajectory.sees_agents[:, 1:, hiders:, :hiders].any((2, 3))[:, steps:]
    assert np.array_equal(trajectory.reward[:, steps:, 0] < 0, seen)
    assert 0 < seen.mean() < 1
    assert not trajectory.sees_agents[:, :, range(4), range(4)].any()
    absent = ~trajectory.layout.agent_mask
    assert absent.any()
    assert not trajectory.sees_agents.any(1)[absent].any()


def test_a_trajectory_until_an_env_step_is_its_beginning(trajectory: Trajectory) -> None:
    part = trajectory.until(33)
    assert part.num_steps == 33
    assert np.array_equal(part.agents, trajectory.agents[:, :34])
    assert np.array_equal(part.reward, trajectory.reward[:, :33])
    per_row = ("locked", "lock_owner", "grabbed", "sees_agents", "sees_objects", "lidar")
    assert all(np.array_equal(getattr(part, name), getattr(trajectory, name)[:, :34]) for name in per_row)
    assert trajectory.until(0).num_steps == 0
