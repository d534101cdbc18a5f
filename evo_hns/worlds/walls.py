"""Walls and doors of the quadrant scenario, in cells of the placement grid and in metres.

A wall is a straight run of cells, both ends included, half a cell thick. The room is the corner
at high x and low y: a vertical wall on its left and a horizontal one on top, each with at most one
door. With the door drop-out one of the two stays solid.

Source: Baker et al. 2020 and the authors' published environment, whose order of draws is kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evo_hns.config import WorldConfig
from evo_hns.worlds.sizes import INNER_WALL_HEIGHT, OUTER_WALL_HEIGHT

Triple = tuple[float, float, float]


class Wall(NamedTuple):
    """A run of cells along one axis, from `start` to `end`, both included."""

    is_vertical: bool
    line: int  #: x of a vertical wall, y of a horizontal one
    start: int
    end: int
    height: float


class Door(NamedTuple):
    """`size` cells, the first at `start`, that are missing from a wall."""

    is_vertical: bool  #: of the wall that it is in
    line: int
    start: int
    size: int


def room_size(world: WorldConfig) -> int:
    """Cells along the edge of the room (`quadrant_size` in the original's metadata)."""
    return int(0.5 * world.grid_size)


def outer_walls(world: WorldConfig) -> list[Wall]:
    """The four high walls around the field, in the original's order."""
    last = world.grid_size - 1
    sides = ((True, 0), (False, 0), (True, last), (False, last))
    return [Wall(is_vertical, line, 0, last, OUTER_WALL_HEIGHT) for is_vertical, line in sides]


def draw_room(world: WorldConfig, rng: np.random.RandomState) -> tuple[list[Wall], list[Door]]:
    """Draw the room's walls and doors.

    Returns:
        One to four inner walls in the original's order (a solid wall first), and up to two doors.
    """
    room, last = room_size(world), world.grid_size - 1
    vertical = Wall(True, last + 1 - room, 0, room, INNER_WALL_HEIGHT)
    horizontal = Wall(False, room, last + 1 - room, last, INNER_WALL_HEIGHT)
    walls: list[Wall] = []
    doors: list[Door] = []
    with_door = [vertical, horizontal]
    if rng.uniform(0, 1) < world.door_dropout:
        kept = with_door.pop(rng.randint(0, 2))
        walls, with_door = with_door, [kept]
    for wall in with_door:
        parts, door = _cut_door(wall, world.door_size, rng)
        walls += parts
        doors += door
    return walls, doors


def _cut_door(wall: Wall, door_size: int, rng: np.random.RandomState) -> tuple[list[Wall], list[Door]]:
    """Cut a door at a random place; parts of one cell are dropped, and a wall too short stays whole."""
    span = wall.end - wall.start
    if door_size == 0 or span < door_size + 1:
        return [wall], []
    # The original draws the region of the wall first; here there is one, which takes no random number.
    start = wall.start + rng.randint(1, span - door_size + 1)
    parts = [wall._replace(end=start - 1), wall._replace(start=start + door_size)]
    return [part for part in parts if part.start < part.end], [Door(wall.is_vertical, wall.line, start, door_size)]


def wall_box(wall: Wall, cell: float) -> tuple[Triple, Triple]:
    """Centre and half size of a wall's geom.

    Args:
        wall: the run of cells.
        cell: edge of a cell, metres.
    """
    thickness = cell / 2
    across = (wall.line + 0.5) * cell
    low, high = (wall.start + 0.5) * cell + thickness / 2, (wall.end + 0.5) * cell - thickness / 2
    centre, half, half_height = (low + high) / 2, (high - low) / 2, wall.height / 2
    if wall.is_vertical:
        return (across, centre, half_height), (thickness / 2, half, half_height)
    return (centre, across, half_height), (half, thickness / 2, half_height)


def door_centre(door: Door, cell: float) -> tuple[float, float]:
    """World x and y of the middle of a door's cells, metres."""
    along, across = (door.start + door.size / 2) * cell, (door.line + 0.5) * cell
    return (across, along) if door.is_vertical else (along, across)


def mark_walls(grid: np.ndarray, walls: list[Wall]) -> None:
    """Mark the cells of walls as occupied in a `(grid, grid)` bool array, x first."""
    for wall in walls:
        run = slice(wall.start, wall.end + 1)
        if wall.is_vertical:
            grid[wall.line, run] = True
        else:
            grid[run, wall.line] = True
