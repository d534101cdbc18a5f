"""Matches to look at."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import LocalEvaluator, build_evaluator
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Side

SEEDS = np.array([3, 4, 5], dtype=np.int64)


@pytest.fixture(scope="session")
def busy_game() -> RunConfig:
    """Everything that may differ between worlds does, and boxes may tip over."""
    world = {
        "scenario": "randomwalls",
        "num_hiders": [1, 2],
        "num_seekers": [1, 2],
        "num_boxes": [2, 4],
        "num_elongated_boxes": [1, 3],
        "num_ramps": [1, 2],
        "free_box_rotation": True,
    }
    return RunConfig.model_validate(
        {"world": world, "rules": {"horizon": 40}, "physics": {"num_worlds": 3, "num_threads": 1}}
    )


@pytest.fixture(scope="session")
def trajectory(busy_game: RunConfig) -> Trajectory:
    """Players that run, grab and lock at random against each other."""
    evaluator = build_evaluator(busy_game)
    return follow(evaluator, "random", "random", SEEDS)


def follow(evaluator: LocalEvaluator, hider: str, seeker: str, seeds: np.ndarray) -> Trajectory:
    """Matches of two scripted players."""
    first = np.zeros(len(seeds), dtype=np.int64)
    rosters = {Side.HIDERS: scripted_roster(hider), Side.SEEKERS: scripted_roster(seeker)}
    return evaluator.evaluate(MatchTable(first, first, seeds), rosters, keep=["trajectory"]).trajectory
