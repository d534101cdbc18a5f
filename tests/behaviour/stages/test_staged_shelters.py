"""Doors and forts, staged in the real game: made, nearly made, there from the start, broken."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.behaviour.stages import detect
from evo_hns.behaviour.stages.geometry import wall_rectangles
from evo_hns.behaviour.stages.ground import Ground, empty_ground
from evo_hns.behaviour.stages.shelter import HOLD_STEPS, door_frame, find_doors, teams_are_apart
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.experiment import load_experiment
from evo_hns.worlds.layout import sample_layouts
from tests.behaviour.stages.staging import PREP, Deed, Scene, Script, World, idle, room

DOOR = (4.5, 3.1)


def push_into_door(number: int, scene: Scene) -> dict[int, Deed]:
    """Hider 0 pushes box 0 ahead of it, up to the door."""
    y = scene.thing(0)[1]
    return {0: Deed(y=3 if y < 2.6 else 1 if y < 3.0 else 0)} if number < PREP else {}


def stages(trajectory: Trajectory) -> set[str]:
    """What one episode shows."""
    return {name for name, found in detect(trajectory).items() if found.shown[0]}


def shut_in(script: Script, *, box_x: float = 4.5, gap: float = 0.7, **world: object) -> Trajectory:
    """A hider and a box in a room, a seeker outside; the box is in line with the door or beside."""
    settings = {"hiders": [(box_x, 1.5)], "seekers": [(1.0, 5.0)], "boxes": [(box_x, 2.0)], **room(gap)}
    return World(**(settings | world)).play(script)  # type: ignore[arg-type]


def test_a_hider_who_pushes_a_box_into_the_only_door_has_a_fort() -> None:
    assert stages(shut_in(push_into_door)) == {"door_blocking", "fort"}


def test_a_box_beside_which_an_agent_and_a_fifth_fits_through_the_door_is_no_fort() -> None:
    # The door is 1 m wide, the box half that: 0.36 m are free on its left, 0.14 m on its right.
    trajectory = shut_in(push_into_door, gap=1.0, box_x=4.61)
    box = trajectory.objects[0, PREP, 0]
    assert box[1] > 2.9
    assert box[0] - 0.25 - 4.0 == pytest.approx(0.36, abs=0.01)
    assert stages(trajectory) == set()


def test_the_same_door_is_shut_by_a_box_that_leaves_less_than_an_agent_on_each_side() -> None:
    assert stages(shut_in(push_into_door, gap=1.0)) == {"door_blocking", "fort"}


def test_a_box_that_stood_in_the_door_from_the_start_is_nobodys_work() -> None:
    assert stages(shut_in(idle, boxes=[DOOR])) == set()


def test_one_door_of_two_is_blocked_but_encloses_nobody() -> None:
    two = room()
    two["inner"] = [(3.1, 0.7, 0.05, 0.55), (3.1, 2.5, 0.05, 0.55), *two["inner"][1:]]
    two["doors"] = [*two["doors"], (3.1, 1.6)]
    assert stages(shut_in(push_into_door, **two)) == {"door_blocking"}


def test_a_seeker_in_the_room_makes_it_no_fort() -> None:
    assert stages(shut_in(push_into_door, seekers=[(5.5, 0.5)])) == {"door_blocking"}


def test_a_seeker_that_climbs_in_at_once_does_not_undo_the_fort_whose_door_is_shut() -> None:
    def climb(number: int, scene: Scene) -> dict[int, Deed]:
        return push_into_door(number, scene) | {1: Deed(y=-5)}

    trajectory = shut_in(climb, seekers=[(5.3, 4.6)], ramps=[(5.3, 3.42)])
    assert trajectory.agents[0, PREP + HOLD_STEPS, 1, 1] < 3.0
    assert stages(trajectory) >= {"door_blocking", "fort", "ramp_use"}


def test_a_seeker_that_walks_in_when_the_door_opens_again_undoes_it() -> None:
    def open_again(number: int, scene: Scene) -> dict[int, Deed]:
        # The hider pulls the box back as soon as the seeker is let loose.
        if number < PREP:
            return {0: Deed(turn=4)} if number < 6 else push_into_door(number, scene)
        return {0: Deed(y=-5, pull=True), 1: Deed(y=-5)}

    trajectory = shut_in(open_again, seekers=[(4.5, 4.6)])
    assert trajectory.objects[0, PREP + HOLD_STEPS, 0, 1] < 2.5
    assert "fort" not in stages(trajectory)


def test_a_hider_outside_makes_it_no_fort_for_the_team() -> None:
    assert stages(shut_in(push_into_door, hiders=[(4.5, 1.5), (1.0, 3.0)])) == {"door_blocking"}


def test_a_box_that_a_seeker_pushes_out_of_the_door_at_once_closes_nothing() -> None:
    def storm(number: int, scene: Scene) -> dict[int, Deed]:
        return push_into_door(number, scene) | {1: Deed(y=-5)}

    trajectory = shut_in(storm, seekers=[(4.5, 3.9)])
    assert trajectory.objects[0, PREP, 0, 1] > 2.9
    assert trajectory.objects[0, -1, 0, 1] < 2.5
    assert stages(trajectory) == set()


def test_a_locked_box_withstands_the_same_seeker() -> None:
    def lock_and_storm(number: int, scene: Scene) -> dict[int, Deed]:
        # The hider turns round to see what it locks, pushes, and locks once the box is there.
        pushes = push_into_door(number, scene).get(0, Deed())
        hider = Deed(turn=4) if number < 6 else pushes._replace(lock=bool(scene.thing(0)[1] > 2.95))
        return {0: hider, 1: Deed(y=-5)}

    trajectory = shut_in(lock_and_storm, seekers=[(4.5, 3.9)])
    assert trajectory.locked[0, PREP, 0]
    assert stages(trajectory) == {"door_blocking", "fort", "surf_defence"}


def test_walls_without_a_door_are_no_fort() -> None:
    closed = {"inner": [(3.1, 1.6, 0.05, 1.45), (4.5, 3.1, 1.35, 0.05)], "doors": []}
    assert stages(shut_in(idle, **closed)) == set()


def test_a_long_box_across_the_door_shuts_it_and_absent_boxes_do_not_matter() -> None:
    side = {"inner": [(3.1, 0.6, 0.05, 0.45), (3.1, 2.3, 0.05, 0.75), (4.5, 3.1, 1.35, 0.05)], "doors": [(3.1, 1.3)]}
    push = {0: Deed(x=-3)}
    trajectory = World(
        hiders=[(4.2, 1.3)], seekers=[(1.0, 5.0)], boxes=[(3.8, 1.3)], long_boxes=1, absent=2, **side
    ).play(lambda number, scene: push if scene.thing(0)[0] > 3.3 and number < PREP else {})
    assert trajectory.object_mask[0].tolist() == [True, False, False]
    assert stages(trajectory) == {"door_blocking", "fort"}


@pytest.mark.parametrize("turn", np.linspace(0.0, np.pi / 2, 7))
@pytest.mark.parametrize("offset", [0.0, 0.011, 0.02])
def test_a_gap_is_open_from_an_agent_and_a_fifth_on_and_closed_below_an_agent_at_any_angle(
    turn: float, offset: float
) -> None:
    def apart(gap: float) -> bool:
        # Two long walls in one line, turned about the middle of the field, with a gap between them.
        along = np.array([np.cos(turn), np.sin(turn)])
        middle = np.array([3.0 + offset, 3.0 - offset])
        places = [middle + sign * (6.0 + gap / 2) * along for sign in (-1, 1)]
        walls = np.array([[*place, 6.0, 0.05, turn] for place in places])
        across = np.array([-along[1], along[0]])
        return teams_are_apart(empty_ground(6.0).with_more(walls), middle[None] + across, middle[None] - across)

    assert not apart(0.36)
    assert apart(0.29)


def test_who_presses_against_a_thin_box_is_not_taken_for_being_behind_it() -> None:
    ground = empty_ground(6.0).with_more(np.array([[3.0, 3.0, 0.075, 6.0, 0.0]]))
    regions = ground.regions()
    left, right = (ground.region_at(regions, np.array([3.0 + side, 2.0])) for side in (-0.2, 0.2))
    assert 0 not in (left, right)
    assert left != right
    assert ground.region_at(regions, np.array([3.0, 2.0])) == 0


@pytest.mark.parametrize("experiment", ["quadrant", "full"])
def test_every_door_of_the_games_is_found_in_its_wall_and_open_without_objects(experiment: str) -> None:
    layout = sample_layouts(load_experiment(experiment, []).world, np.arange(40))
    num_doors = 0
    for world in range(40):
        walls = wall_rectangles(layout, world)
        ground: Ground = empty_ground(6.0).with_more(walls)
        doors = layout.doors[world][layout.doors[world, :, 2] > 0, :2]
        for centre, door in zip(doors, find_doors(layout, world, ground), strict=True):
            is_vertical, half_gap = door_frame(centre, walls)
            assert half_gap == pytest.approx(0.35)
            # In an open field a wall may end beside its door, so that one can walk around both.
            assert door.is_passable(ground) or not layout.wall_mask[world, 0]
            half = (0.05, half_gap) if is_vertical else (half_gap, 0.05)
            assert not door.is_passable(ground.with_more(np.array([[*centre, *half, 0.0]])))
            num_doors += 1
    assert num_doors > 40
