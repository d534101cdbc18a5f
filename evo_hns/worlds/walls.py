"""Walls and doors, in cells of the placement grid and in metres; which there are is up to the scenario.

A wall is a straight run of cells, both ends included, half a cell thick. It has at most one door,
cut into one of the regions between the places where other walls join it.

Source: Baker et al. 2020 and the authors' published environment, whose order of draws is kept.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from evo_hns.config import WorldConfig
from evo_hns.worlds.sizes import INNER_WALL_HEIGHT, OUTER_WALL_HEIGHT, Triple


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


class Room(NamedTuple):
    """Cells of a room, from the first to the last that an object may not reach beyond."""

    x: tuple[int, int]
    y: tuple[int, int]


class Partition(NamedTuple):
    """How a world is divided."""

    outer: list[Wall]  #: the four around the field; none where the field is open
    inner: list[Wall]  #: between the doors
    doors: list[Door | None]  #: by door slot; None where the slot's wall is solid
    rooms: tuple[Room, ...] = ()  #: where ramps start one in each room


def room_size(world: WorldConfig) -> int:
    """Cells along the edge of the quadrant's room (`quadrant_size` in the original's metadata)."""
    return int(0.5 * world.grid_size)


def outer_walls(world: WorldConfig) -> list[Wall]:
    """The four walls around the field, in the original's order."""
    last = world.grid_size - 1
    height = INNER_WALL_HEIGHT if world.low_outer_walls else OUTER_WALL_HEIGHT
    sides = ((True, 0), (False, 0), (True, last), (False, last))
    return [Wall(is_vertical, line, 0, last, height) for is_vertical, line in sides]


def cut_door(
    wall: Wall, junctions: list[int], door_size: int, rng: np.random.RandomState
) -> tuple[list[Wall], Door | None]:
    """Cut a door at a random place; parts of one cell are dropped.

    Args:
        wall: the whole wall.
        junctions: where it is joined, cells along it; its ends count without being named.
        door_size: cells; 0 leaves the wall whole.
        rng: the world's random numbers.

    Returns:
        What is left of the wall, and the door; None if no region between junctions has room for one.
    """
    ends = sorted({wall.start, wall.end, *junctions})
    regions = [(low, high) for low, high in pairwise(ends) if high - low > door_size]
    if door_size == 0 or not regions:
        return [wall], None
    low, high = regions[rng.permutation(len(regions))[0] if len(regions) > 1 else 0]
    start = low + rng.randint(1, high - low - door_size + 1)
    parts = [wall._replace(end=start - 1), wall._replace(start=start + door_size)]
    return [part for part in parts if part.start < part.end], Door(wall.is_vertical, wall.line, start, door_size)


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
