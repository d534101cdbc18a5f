"""Walls and doors in cells and in metres."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.config import WorldConfig
from evo_hns.worlds.walls import Door, Wall, door_centre, draw_room, mark_walls, outer_walls, wall_box


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


def test_outer_walls_leave_the_recorded_free_space() -> None:
    boxes = [wall_box(wall, cell=0.2) for wall in outer_walls(WorldConfig())]
    left, bottom, right, top = ((np.array(pos), np.array(size)) for pos, size in boxes)
    assert (left[0] + left[1])[0] == pytest.approx(0.15)
    assert (bottom[0] + bottom[1])[1] == pytest.approx(0.15)
    assert (right[0] - right[1])[0] == pytest.approx(5.85)
    assert (top[0] - top[1])[1] == pytest.approx(5.85)
    assert {pos[2] + size[2] for pos, size in boxes} == {4.0}


def test_a_door_is_centred_on_its_cells() -> None:
    assert door_centre(Door(is_vertical=True, line=15, start=6, size=2), 0.2) == pytest.approx((3.1, 1.4))
    assert door_centre(Door(is_vertical=False, line=15, start=16, size=2), 0.2) == pytest.approx((3.4, 3.1))


def test_each_cell_of_the_room_is_wall_or_door_but_for_single_cells_at_the_ends() -> None:
    line = [(15, y) for y in range(16)] + [(x, 15) for x in range(15, 30)]
    ends = {(15, 0), (15, 15), (29, 15)}
    for seed in range(100):
        walls, doors = draw_room(WorldConfig(door_dropout=0.0), np.random.RandomState(seed))
        grid = np.zeros((30, 30), dtype=bool)
        mark_walls(grid, walls)
        run = [(door, door.start + k) for door in doors for k in range(door.size)]
        holes = {(door.line, k) if door.is_vertical else (k, door.line) for door, k in run}
        free = {cell for cell in line if not grid[cell]}
        assert holes <= free <= holes | ends
        assert set(zip(*np.nonzero(grid), strict=True)) == set(line) - free


def test_every_place_of_a_door_is_drawn() -> None:
    rooms = [draw_room(WorldConfig(door_dropout=0.0), np.random.RandomState(seed)) for seed in range(500)]
    starts = {(door.is_vertical, door.start) for _, doors in rooms for door in doors}
    assert starts == {(True, s) for s in range(1, 14)} | {(False, s) for s in range(16, 28)}
