"""Surfing, its defence, chases and exploits: staged in the real game, or drawn where the game forbids them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evo_hns.behaviour.stages import DETECTORS, detect
from evo_hns.evaluation.trajectory import Trajectory
from tests.behaviour.stages.staging import PREP, Deed, Scene, World, idle, room

SHORT = {"steps": 20, "prep": 4}
BOX = (2.0, 2.5)
ON_TOP = (2.0, 2.6, 0.65)  # of the box, looking at it
BESIDE = (2.0, 2.92)  # the box, looking at it


def stages(trajectory: Trajectory) -> set[str]:
    """What one episode shows."""
    return {name for name, found in detect(trajectory).items() if found.shown[0]}


def test_a_seeker_that_stands_on_a_box_it_holds_and_moves_surfs() -> None:
    trajectory = World([(5, 5)], [ON_TOP], [BOX]).play(lambda *_: {1: Deed(x=4, pull=True)}, **SHORT)
    assert trajectory.objects[0, -1, 0, 0] > 5.0
    assert trajectory.agents[0, -1, 1, 2] == pytest.approx(0.65, abs=0.05)
    assert stages(trajectory) == {"box_surfing"}


def test_a_seeker_that_another_one_pulls_along_surfs() -> None:
    world = World([(5, 5)], [ON_TOP, BESIDE], [BOX])
    trajectory = world.play(lambda *_: {2: Deed(y=2, pull=True)}, steps=44, prep=4)
    assert trajectory.objects[0, -1, 0, 1] - BOX[1] > 0.6
    assert stages(trajectory) == {"box_surfing"}


@pytest.mark.parametrize(
    ("world", "deeds"),
    [
        (World([(5, 5)], [ON_TOP], [BOX]), {1: Deed(pull=True)}),
        (World([(5, 5)], [BESIDE], [BOX]), {1: Deed(y=2, pull=True)}),
        (World([BESIDE], [(2.0, 2.45, 0.65)], [BOX]), {0: Deed(y=4, pull=True)}),
        (World([ON_TOP], [(5, 5)], [BOX]), {0: Deed(x=4, pull=True)}),
        (World([(5, 5)], [ON_TOP], [BOX]), {1: Deed(x=4)}),
    ],
    ids=["stands still", "pulls from the floor", "a hider pulls it away", "a hider rides", "does not hold it"],
)
def test_what_looks_like_surfing_and_is_none(world: World, deeds: dict[int, Deed]) -> None:
    assert "box_surfing" not in stages(world.play(lambda *_: deeds, **SHORT))


def test_all_boxes_locked_in_the_preparation_is_the_defence_and_absent_ones_need_no_lock() -> None:
    for absent in (0, 2):
        world = World([BESIDE], [(5, 5)], [BOX], absent=absent)
        assert stages(world.play(lambda *_: {0: Deed(lock=True)})) == {"surf_defence"}


def test_one_box_of_two_or_locked_late_or_by_a_seeker_is_none() -> None:
    lock = {0: Deed(lock=True)}
    assert stages(World([BESIDE], [(5, 5)], [BOX, (4, 4)]).play(lambda *_: lock)) == set()
    assert stages(World([BESIDE], [(5, 5)], [BOX]).play(lambda number, _: lock if number > PREP else {})) == set()
    late = World([(5, 5)], [BESIDE], [BOX]).play(lambda *_: {1: Deed(lock=True)})
    assert late.locked[0, -1, 0]
    assert stages(late) == set()


@pytest.mark.parametrize(
    ("seeker", "hider", "shown"),
    [(-2, 0, {"chasing"}), (0, -2, {"running"}), (-2, -2, {"running", "chasing"}), (0, 0, set()), (2, 0, set())],
)
def test_who_runs_and_who_follows_is_told_apart(seeker: int, hider: int, shown: set[str]) -> None:
    # The seeker looks along -y at the hider, and sees it all the time; in the last pair it backs away.
    def script(number: int, scene: Scene) -> dict[int, Deed]:
        arrived = seeker < 0 and scene.agent(1)[1] - scene.agent(0)[1] < 0.5
        return {0: Deed(y=hider), 1: Deed(y=0 if arrived else seeker)} if number >= PREP else {}

    trajectory = World([(3, 2.0 if seeker and not hider else 4.0)], [(3, 5.5 if seeker <= 0 else 3.0)]).play(script)
    assert stages(trajectory) == shown


def test_who_sees_nobody_neither_runs_nor_follows() -> None:
    walls = {"inner": [(3.0, 3.1, 2.85, 0.05)]}
    trajectory = World([(3, 2.5)], [(3, 5.5)], **walls).play(lambda *_: {0: Deed(y=-2), 1: Deed(y=-2)})
    assert stages(trajectory) == set()


def test_the_open_field_may_be_left_for_its_own_size_and_not_more() -> None:
    world = World([(2, 3)], [(5, 5)], outer=False)
    assert stages(world.play(lambda number, _: {0: Deed(x=-5 if number < 8 else 0)})) == set()
    assert stages(world.play(lambda *_: {0: Deed(x=-5)})) == {"left_area"}


@pytest.fixture(scope="module")
def still() -> Trajectory:
    """A seeker and a hider with walls between them, who do nothing."""
    return World([(5, 2)], [(1, 4)], [(1, 1)], absent=1, **room()).play(idle, **SHORT)


def move(trajectory: Trajectory, agent: int, *places: tuple[float, float, float], row: int = 8) -> Trajectory:
    """The same with an agent's centre elsewhere from a row on."""
    joints = trajectory.scene.agent_qpos[agent, :3]
    qpos = trajectory.qpos.copy()
    shift = np.array(places) - trajectory.agents[0, row, agent, :3]
    qpos[0, row : row + len(places), joints] += shift.T
    qpos[0, row + len(places) :, joints] = qpos[0, row + len(places) - 1, joints][:, None]
    return replace(trajectory, qpos=qpos)


def test_beyond_the_outer_walls_is_out_of_the_area(still: Trajectory) -> None:
    assert stages(still) == set()
    assert stages(move(still, 1, (1.0, 4.0, 5.0), (1.0, 6.2, 5.0))) == {"left_area"}


def test_a_centre_below_the_floor_is_under_it_and_one_pressed_into_it_is_not(still: Trajectory) -> None:
    assert stages(move(still, 0, (5.0, 2.0, -0.05))) == {"under_floor"}
    assert stages(move(still, 0, (5.0, 2.0, 0.1))) == set()


@pytest.mark.parametrize(
    ("before", "after", "through"),
    [
        ((3.5, 3.3, 0.15), (3.5, 2.9, 0.15), True),  # the room's upper wall
        ((3.5, 3.3, 0.30), (3.5, 2.9, 0.30), True),
        ((3.5, 3.3, 0.65), (3.5, 2.9, 0.65), False),  # over it
        ((4.5, 3.3, 0.15), (4.5, 2.9, 0.15), False),  # through its door
        ((4.1, 3.3, 0.15), (4.1, 2.9, 0.15), False),  # around the door's post, on a bent way
        ((2.9, 1.0, 0.15), (3.3, 1.0, 0.15), True),  # the other wall
        ((2.9, 3.3, 0.15), (2.9, 2.9, 0.15), False),  # past the corner
        ((1.0, 5.7, 3.00), (1.0, 6.1, 3.00), True),  # an outer wall, which is 4 m high
    ],
)
def test_through_a_wall_is_below_its_top_and_not_around_its_end(
    still: Trajectory, before: tuple[float, float, float], after: tuple[float, float, float], through: bool
) -> None:
    agent = 0 if before[0] > 1 else 1
    moved = move(move(still, agent, before, row=2), agent, after, row=9)
    # The way to the first place may cross walls, too: only what comes after it is judged.
    rows = replace(moved, **{name: getattr(moved, name)[:, 2:] for name in ("qpos", "locked", "lock_owner", "grabbed")})
    rows = replace(rows, sees_agents=moved.sees_agents[:, 2:], reward=moved.reward[:, 2:], num_prep_steps=2)
    start = replace(rows.layout, agents=moved.agents[:, 2, :, :3])
    assert ("through_wall" in stages(replace(rows, layout=start))) == through


def test_failed_worlds_show_nothing_and_are_not_counted(still: Trajectory) -> None:
    gone = replace(move(still, 0, (5.0, 2.0, -0.05)), failed=np.array([True]))
    found = detect(gone)
    assert set(found) == set(DETECTORS)
    assert not any(each.shown.any() or each.counted.any() for each in found.values())
