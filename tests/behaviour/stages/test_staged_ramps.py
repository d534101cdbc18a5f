"""Ramps, staged in the real game: climbed and not, brought in, carried off, locked, left alone."""

from __future__ import annotations

import pytest

from evo_hns.behaviour.stages import detect
from evo_hns.behaviour.stages.ramps import OUT_OF_REACH
from evo_hns.evaluation.trajectory import Trajectory
from tests.behaviour.stages.staging import Deed, Scene, Script, World, idle, room

SHORT = {"steps": 30, "prep": 4}
RUN = {1: Deed(y=-5)}  # the seeker, towards -y at full speed
WALL = 3.15  # the face of the room's upper wall; ramps reach 0.25 m from their middle


def stages(trajectory: Trajectory) -> set[str]:
    """What one episode shows of ramps."""
    found = detect(trajectory)
    assert not found["through_wall"].shown.any()
    return {name for name in ("ramp_use", "ramp_defence") if found[name].shown[0]}


def seek(script: Script, *, seeker: float = 4.0, **world: object) -> Trajectory:
    """A hider in the room, a seeker that starts north of it."""
    settings = {"hiders": [(5.5, 0.5)], "seekers": [(seeker, 5.6)], "ramps": [(4.0, 3.42)], "boxes": [(1.0, 0.41)]}
    return World(**(settings | room() | world)).play(script, **SHORT)  # type: ignore[arg-type]


def hide(script: Script, **world: object) -> Trajectory:
    """A hider behind a ramp that stands at the door of the room; the preparation is long."""
    settings = {"hiders": [(4.5, 3.92)], "seekers": [(1.0, 1.0)], "ramps": [(4.5, 3.5)]}
    return World(**(settings | room() | world)).play(script)  # type: ignore[arg-type]


def carry(speed: int, until: float) -> Script:
    """The hider takes the ramp along, up to some y."""

    def script(_: int, scene: Scene) -> dict[int, Deed]:
        goes_on = (until - scene.agent(0)[1]) * speed > 0
        return {0: Deed(y=speed if goes_on else 0, pull=True)}

    return script


def test_a_seeker_that_runs_up_a_ramp_and_over_the_wall_uses_it() -> None:
    trajectory = seek(lambda *_: RUN)
    assert trajectory.agents[0, -1, 1, 1] < 3.0
    assert stages(trajectory) == {"ramp_use"}


def test_a_seeker_that_runs_against_the_wall_beside_the_ramp_does_not() -> None:
    trajectory = seek(lambda *_: RUN, seeker=3.3)
    assert trajectory.agents[0, -1, 1, 1] > 3.0
    assert stages(trajectory) == set()


def test_a_seeker_that_goes_through_the_door_beside_the_ramp_does_not() -> None:
    trajectory = seek(lambda *_: RUN, seeker=4.6)
    assert trajectory.agents[0, -1, 1, 1] < 3.0
    assert stages(trajectory) == set()


def test_up_a_ramp_and_down_again_is_no_use() -> None:
    trajectory = seek(lambda number, _: {1: Deed(y=-5 if number < 9 else 3)}, seeker=4.0)
    assert trajectory.agents[0, :, 1, 2].max() > 0.4
    assert stages(trajectory) == set()


def test_over_a_ramp_that_leads_to_no_wall_is_no_use() -> None:
    trajectory = seek(lambda number, _: RUN if number < 14 else {}, seeker=1.0, ramps=[(1.0, 4.0)])
    assert trajectory.agents[0, :, 1, 2].max() > 0.3
    assert stages(trajectory) == set()


def test_a_seeker_that_ends_on_a_box_over_a_ramp_uses_it_and_one_that_starts_on_a_box_does_not() -> None:
    up = seek(lambda *_: RUN, seeker=1.0, ramps=[(1.0, 0.93)])
    assert up.agents[0, -1, 1, 2] == pytest.approx(0.65, abs=0.1)
    assert stages(up) == {"ramp_use"}
    assert stages(seek(idle, seekers=[(1.0, 0.41, 0.65)])) == set()


def test_a_seeker_that_climbs_over_a_box_in_the_doorway_uses_the_ramp_and_one_that_walks_through_it_does_not() -> None:
    over = {"seeker": 4.5, "ramps": [(4.5, 3.69)], "boxes": [(4.5, 3.1)], "hiders": [(4.0, 2.75)]}
    climbs = seek(lambda *_: RUN | {0: Deed(turn=5, lock=True)}, **over)
    assert climbs.agents[0, -1, 1, 1] < 2.9
    assert "ramp_use" in stages(climbs)
    assert stages(seek(lambda *_: RUN, seeker=4.5, ramps=[(1.0, 5.0)])) == set()


def test_a_hider_that_climbs_does_not_count() -> None:
    trajectory = seek(lambda *_: {0: Deed(y=-5)}, hiders=[(4.0, 5.6)], seekers=[(1.0, 5.6)])
    assert trajectory.agents[0, -1, 0, 1] < 3.0
    assert stages(trajectory) == set()


@pytest.mark.parametrize(("gap", "gets_over"), [(0.8, True), (1.0, False)])
def test_how_far_a_seeker_jumps_off_a_ramp_that_is_locked(gap: float, gets_over: bool) -> None:
    # What `OUT_OF_REACH` rests on. The hider beside the ramp locks it.
    y = WALL + gap + 0.25
    trajectory = seek(lambda *_: RUN | {0: Deed(lock=True)}, hiders=[(4.44, y + 0.2)], ramps=[(4.0, y)])
    assert trajectory.objects[0, -1, 1, 1] == pytest.approx(y, abs=0.02)
    assert stages(trajectory) == ({"ramp_use", "ramp_defence"} if gets_over else {"ramp_defence"})
    assert (y - WALL < OUT_OF_REACH) == gets_over


def test_a_ramp_that_a_hider_takes_into_the_room_is_out_of_the_game() -> None:
    trajectory = hide(carry(-3, 2.0))
    assert trajectory.objects[0, 24, 0, 1] < 2.0
    assert stages(trajectory) == {"ramp_defence"}


def test_it_is_not_if_a_seeker_is_in_that_room() -> None:
    trajectory = hide(carry(-2, 2.8), seekers=[(5.5, 0.5)])
    assert 2.0 < trajectory.objects[0, 24, 0, 1] < 2.5
    assert stages(trajectory) == set()
    assert stages(hide(carry(-2, 2.8))) == {"ramp_defence"}


def test_a_ramp_that_a_hider_carries_away_from_all_low_walls_is_out_of_the_game() -> None:
    assert stages(hide(carry(2, 4.8))) == {"ramp_defence"}


def test_a_ramp_that_is_left_within_a_jump_of_a_wall_is_not() -> None:
    trajectory = hide(carry(2, 4.4))
    assert trajectory.objects[0, 24, 0, 1] - 3.5 > 0.5  # it was moved
    assert stages(trajectory) == set()


def test_a_ramp_that_is_locked_where_it_stands_is_out_of_the_game_and_one_left_alone_is_not() -> None:
    assert stages(hide(lambda *_: {0: Deed(lock=True)})) == {"ramp_defence"}
    assert stages(hide(idle)) == set()


def test_one_ramp_of_two_is_not_enough() -> None:
    assert stages(hide(lambda *_: {0: Deed(lock=True)}, ramps=[(4.5, 3.5), (1.0, 3.0)])) == set()


def test_a_ramp_that_is_locked_after_the_preparation_does_not_count() -> None:
    assert stages(hide(lambda number, _: {0: Deed(lock=number > 30)})) == set()


def test_worlds_without_ramps_or_without_low_walls_are_not_counted() -> None:
    none = detect(hide(idle, ramps=[]))
    assert not none["ramp_use"].counted.any()
    assert not none["ramp_defence"].counted.any()
    flat = detect(hide(idle, inner=[], doors=[]))
    assert flat["ramp_use"].counted.all()
    assert not flat["ramp_defence"].counted.any()
