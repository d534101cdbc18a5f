"""The detectors on the games as they are played: worlds that differ in who and what is there, beside each other."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from evo_hns.behaviour.stages import DETECTORS, detect
from evo_hns.behaviour.stages.statistics import statistics_of
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.experiment import load_experiment
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Side
from evo_hns.worlds.layout import Layout

SEEDS = np.arange(6, dtype=np.int64)
SETTINGS = {
    "quadrant": ["rules.horizon=40"],
    "full-small": ["rules.horizon=40"],
    "full": ["rules.horizon=30", "world.num_hiders=[1, 3]", "world.num_seekers=[1, 3]", "world.num_ramps=[0, 2]"],
}


@pytest.fixture(scope="module", params=SETTINGS)
def played(request: pytest.FixtureRequest) -> tuple[Episodes, Trajectory]:
    """Random players."""
    settings = [*SETTINGS[request.param], "physics.num_worlds=6", "physics.num_threads=1"]
    evaluator = build_evaluator(load_experiment(request.param, settings))
    rows = np.zeros(len(SEEDS), dtype=np.int64)
    rosters = {side: scripted_roster("random") for side in Side}
    episodes = evaluator.evaluate(MatchTable(rows, rows, SEEDS), rosters, keep=["trajectory"])
    return episodes, episodes.trajectory


def take(trajectory: Trajectory, world: int) -> Trajectory:
    """One of the worlds alone."""
    layout = Layout(**{f.name: getattr(trajectory.layout, f.name)[[world]] for f in fields(Layout)})
    arrays: dict[str, Any] = {
        f.name: value[[world]]
        for f in fields(trajectory)
        if isinstance(value := getattr(trajectory, f.name), np.ndarray)
    }
    return replace(trajectory, layout=layout, **arrays)


def test_an_episode_is_judged_the_same_alone_and_among_others(played: tuple[Episodes, Trajectory]) -> None:
    trajectory = played[1]
    together = detect(trajectory)
    for world in range(len(SEEDS)):
        alone = detect(take(trajectory, world))
        for name in DETECTORS:
            assert together[name].shown[world] == alone[name].shown[0], name
            assert together[name].counted[world] == alone[name].counted[0], name


def test_only_worlds_that_could_show_a_stage_count(played: tuple[Episodes, Trajectory]) -> None:
    trajectory = played[1]
    found = detect(trajectory)
    ramps = trajectory.layout.ramp_mask.any(1)
    assert np.array_equal(found["ramp_use"].counted, ramps & ~trajectory.failed)
    assert np.array_equal(found["running"].counted, ~trajectory.failed)
    assert not any((each.shown & ~each.counted).any() for each in found.values())


def test_figures_are_those_of_the_game_by_the_same_names(played: tuple[Episodes, Trajectory]) -> None:
    episodes, trajectory = played
    found, counted = statistics_of(trajectory), ~trajectory.failed
    same = [name for name in found if name in episodes.metrics]
    assert {"max_box_move", "max_box_move_prep", "num_box_lock_prep", "max_ramp_move"} <= set(same)
    for name in same:
        assert np.allclose(found[name][counted], episodes.metrics[name].numpy()[counted], atol=1e-9), name


def test_what_moves_in_the_main_phase_is_told_from_what_moved_before(played: tuple[Episodes, Trajectory]) -> None:
    trajectory = played[1]
    found, counted = statistics_of(trajectory), ~trajectory.failed
    assert found["max_box_move_main"].max() > 0.0
    assert (found["max_box_move"] <= found["max_box_move_prep"] + found["max_box_move_main"] + 1e-9)[counted].all()
    assert np.array_equal(found["num_box_lock_main"], found["num_box_lock"] - found["num_box_lock_prep"])
