"""The walls of the quadrant scenario."""

from __future__ import annotations

import numpy as np

from evo_hns.config import WorldConfig
from evo_hns.worlds.quadrant import draw_quadrant
from evo_hns.worlds.walls import mark_walls


def test_each_cell_of_the_room_is_wall_or_door_but_for_single_cells_at_the_ends() -> None:
    line = [(15, y) for y in range(16)] + [(x, 15) for x in range(15, 30)]
    ends = {(15, 0), (15, 15), (29, 15)}
    for seed in range(100):
        _, inner, doors, _ = draw_quadrant(WorldConfig(door_dropout=0.0), np.random.RandomState(seed))
        grid = np.zeros((30, 30), dtype=bool)
        mark_walls(grid, inner)
        run = [(door, door.start + k) for door in doors if door for k in range(door.size)]
        holes = {(door.line, k) if door.is_vertical else (k, door.line) for door, k in run}
        free = {cell for cell in line if not grid[cell]}
        assert holes <= free <= holes | ends
        assert set(zip(*np.nonzero(grid), strict=True)) == set(line) - free


def test_every_place_of_a_door_is_drawn() -> None:
    rooms = [draw_quadrant(WorldConfig(door_dropout=0.0), np.random.RandomState(seed)) for seed in range(500)]
    starts = {(door.is_vertical, door.start) for room in rooms for door in room.doors if door}
    assert starts == {(True, s) for s in range(1, 14)} | {(False, s) for s in range(16, 28)}


def test_door_slot_0_is_in_the_left_wall_and_slot_1_in_the_top_wall() -> None:
    for seed in range(20):
        left, top = draw_quadrant(WorldConfig(door_dropout=1.0), np.random.RandomState(seed)).doors
        assert (left is None) != (top is None)
        assert left is None or left.is_vertical
        assert top is None or not top.is_vertical
