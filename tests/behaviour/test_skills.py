"""Skills on the way to stages, staged in the real game."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.behaviour.skills import AT_DOOR, SKILLS
from evo_hns.envs.statistics import DOOR_REACH
from evo_hns.evaluation.trajectory import Trajectory
from tests.behaviour.stages.staging import PREP, Deed, Scene, Script, World, idle, room

DOOR = np.array([4.5, 3.1])
SHORT = {"steps": 30, "prep": 4}


def shown(trajectory: Trajectory, *names: str) -> list[float]:
    """What one episode shows of skills."""
    found = [SKILLS[name].measure(trajectory) for name in names]
    assert all(values.shape == (1,) and values.dtype == np.float64 for values in found)
    return [float(values[0]) for values in found]


def push(*, until: float = 3.0, locks: bool = True) -> Script:
    """Hider 0 turns round, pushes box 0 ahead up to some y, and locks it there."""

    def script(number: int, scene: Scene) -> dict[int, Deed]:
        y = scene.thing(0)[1]
        ahead = 0 if number >= PREP or y >= until else 3 if y < 2.6 else 1
        hider = Deed(turn=4) if number < 6 else Deed(y=ahead, lock=locks and bool(y > until - 0.05))
        return {0: hider, 1: Deed(y=-5)}

    return script


def shut_in(script: Script, **world: object) -> Trajectory:
    """A hider and a box in a room, and a seeker that storms the door as soon as it may."""
    settings = {"hiders": [(4.5, 1.5)], "seekers": [(4.5, 3.9)], "boxes": [(4.5, 2.0)], **room()}
    return World(**(settings | world)).play(script)  # type: ignore[arg-type]


def two_doors() -> dict[str, object]:
    two = room()
    inner = [(3.1, 0.7, 0.05, 0.55), (3.1, 2.5, 0.05, 0.55), *two["inner"][1:]]
    return {"inner": inner, "doors": [*two["doors"], (3.1, 1.6)]}


def test_a_box_brought_into_the_door_and_locked_shows_all_skills_of_doors() -> None:
    trajectory = shut_in(push())
    gap, locked, shut = shown(trajectory, "door_gap_prep", "doors_locked_prep", "doors_shut")
    assert gap == pytest.approx(float(np.linalg.norm(trajectory.objects[0, PREP, 0, :2] - DOOR)))
    assert gap < 0.2
    assert (locked, shut) == (1.0, 1.0)


def test_a_box_that_is_not_locked_is_at_the_door_and_does_not_hold() -> None:
    gap, locked, shut = shown(shut_in(push(locks=False)), "door_gap_prep", "doors_locked_prep", "doors_shut")
    assert gap < 0.2
    assert (locked, shut) == (0.0, 0.0)


def test_a_box_that_is_locked_away_from_the_door_counts_nothing() -> None:
    trajectory = shut_in(push(until=2.0))
    gap, locked, shut = shown(trajectory, "door_gap_prep", "doors_locked_prep", "doors_shut")
    assert trajectory.locked[0, PREP, 0]
    assert gap > AT_DOOR == DOOR_REACH
    assert (locked, shut) == (0.0, 0.0)


def test_of_two_doors_both_count() -> None:
    trajectory = shut_in(push(), **two_doors())
    gap, locked, shut = shown(trajectory, "door_gap_prep", "doors_locked_prep", "doors_shut")
    box = trajectory.objects[0, PREP, 0, :2]
    other = float(np.linalg.norm(box - np.array([3.1, 1.6])))
    assert gap == pytest.approx((float(np.linalg.norm(box - DOOR)) + other) / 2)
    assert (locked, shut) == (0.0, 0.0)


def test_a_second_door_that_a_box_stood_in_from_the_start_is_shut_all_the_same() -> None:
    # A box that nobody touches fills the door in the wall along y, far from the seeker.
    trajectory = shut_in(push(), **two_doors(), boxes=[(4.5, 2.0), (3.1, 1.6)])
    assert shown(trajectory, "doors_locked_prep", "doors_shut") == [0.0, 1.0]


def test_a_door_that_was_shut_from_the_start_is_nobodys_work() -> None:
    assert shown(shut_in(idle, boxes=[tuple(DOOR)]), "doors_shut") == [0.0]


def test_worlds_without_boxes_or_doors_tell_nobody_apart() -> None:
    for world in (World([(4.5, 1.5)], [(1.0, 5.0)], boxes=[(2.0, 2.0)]), World([(4.5, 1.5)], [(1.0, 5.0)], **room())):
        trajectory = world.play(idle, **SHORT)
        assert shown(trajectory, *SKILLS) == [0.0] * len(SKILLS)


def test_a_ramp_that_a_seeker_pushes_to_the_wall_is_brought_there() -> None:
    def script(_: int, scene: Scene) -> dict[int, Deed]:
        return {1: Deed(y=-5 if scene.thing(0)[1] > 3.5 else 0)}

    world = World([(5.5, 0.5)], [(4.0, 4.9)], ramps=[(4.0, 4.4)], **room())
    brought = world.play(script, **SHORT)
    gaps = brought.objects[0, SHORT["prep"] :, 0, 1] - 3.15
    assert gaps[0] == pytest.approx(1.25, abs=0.01)
    gap, at_wall = shown(brought, "ramp_gap", "ramp_at_wall")
    assert gap == pytest.approx(float(gaps.min()), abs=1e-6)
    assert at_wall == 1.0
    assert shown(world.play(idle, **SHORT), "ramp_gap", "ramp_at_wall") == [pytest.approx(1.25, abs=0.01), 0.0]


def test_a_ramp_that_stood_at_the_wall_was_not_brought_there() -> None:
    trajectory = World([(5.5, 0.5)], [(1.0, 5.6)], ramps=[(4.0, 3.42)], **room()).play(idle, **SHORT)
    assert shown(trajectory, "ramp_at_wall") == [0.0]
