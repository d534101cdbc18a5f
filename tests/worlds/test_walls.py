"""Walls and doors in cells and in metres."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.config import WorldConfig
from evo_hns.worlds.walls import Door, Wall, cut_door, door_centre, outer_walls, wall_box

WALL = Wall(is_vertical=True, line=15, start=0, end=20, height=0.5)


def test_a_vertical_wall_keeps_clear_of_the_walls_at_its_ends() -> None:
    pos, size = wall_box(Wall(is_vertical=True, line=15, start=0, end=5, height=0.5), cell=0.2)
    assert pos == pytest.approx((3.1, 0.6, 0.25))
    assert size == pytest.approx((0.05, 0.45, 0.25))


def test_a_horizontal_wall_is_a_vertical_one_with_x_and_y_swapped() -> None:
    vertical = Wall(is_vertical=True, line=4, start=2, end=9, height=4.0)
    (x, y, z), (half_x, half_y, half_z) = wall_box(vertical, cell=0.25)
    pos, size = wall_box(vertical._replace(is_vertical=False), cell=0.25)
    assert pos == (y, x, z)
    assert size == (half_y, half_x, half_z)


@pytest.mark.parametrize(("low", "height"), [(False, 4.0), (True, 0.5)])
def test_outer_walls_leave_the_recorded_free_space(low: bool, height: float) -> None:
    boxes = [wall_box(wall, cell=0.2) for wall in outer_walls(WorldConfig(low_outer_walls=low))]
    left, bottom, right, top = ((np.array(pos), np.array(size)) for pos, size in boxes)
    assert (left[0] + left[1])[0] == pytest.approx(0.15)
    assert (bottom[0] + bottom[1])[1] == pytest.approx(0.15)
    assert (right[0] - right[1])[0] == pytest.approx(5.85)
    assert (top[0] - top[1])[1] == pytest.approx(5.85)
    assert {pos[2] + size[2] for pos, size in boxes} == {height}


def test_a_door_is_centred_on_its_cells() -> None:
    assert door_centre(Door(is_vertical=True, line=15, start=6, size=2), 0.2) == pytest.approx((3.1, 1.4))
    assert door_centre(Door(is_vertical=False, line=15, start=16, size=2), 0.2) == pytest.approx((3.4, 3.1))


def doors_of(junctions: list[int], door_size: int) -> set[int]:
    """First cells of the doors that are cut into `WALL`."""
    starts = set()
    for seed in range(300):
        parts, door = cut_door(WALL, junctions, door_size, np.random.RandomState(seed))
        assert door is not None
        assert all(part.end < door.start or part.start >= door.start + door_size for part in parts)
        starts.add(door.start)
    return starts


def test_a_door_stands_between_two_junctions() -> None:
    assert doors_of([], 2) == set(range(1, 19))
    assert doors_of([7, 12], 2) == {1, 2, 3, 4, 5, 8, 9, 10, 13, 14, 15, 16, 17, 18}
    assert doors_of([7, 12], 5) == {1, 2, 13, 14, 15}  # from 7 to 12 is too short


@pytest.mark.parametrize(("junctions", "door_size"), [([], 0), ([], 20), ([5, 10, 15], 5)])
def test_a_wall_without_room_for_a_door_stays_whole(junctions: list[int], door_size: int) -> None:
    assert cut_door(WALL, junctions, door_size, np.random.RandomState(0)) == ([WALL], None)
