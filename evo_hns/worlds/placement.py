"""Where things may start: rejection sampling on a grid of cells, with the original's order of draws.

An object covers a square of cells. Its lower-left cell is drawn until the square is free, ten times
at most; then its place within the square is drawn. The plan of a world (what, how large, where) depends on
the settings alone, and is where impossible settings are found out.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evo_hns.config import ConfigError, WorldConfig
from evo_hns.worlds.sizes import AGENT_RADIUS, RAMP_SIZE
from evo_hns.worlds.walls import room_size

MAX_TRIES = 10  #: draws of a cell before the whole world is built anew


class Region(NamedTuple):
    """Lower-left cells that may be drawn; upper ends are excluded."""

    x_low: int
    x_high: int
    y_low: int
    y_high: int


@dataclass(frozen=True)
class Item:
    """One object of the plan."""

    name: str
    half_extent: float  #: metres
    num_cells: int  #: edge of the square of cells that it covers
    slack: float  #: metres by which that square is wider than the object
    regions: tuple[Region, ...]  #: a cell of each is drawn, then one of those


@dataclass(frozen=True)
class Plan:
    """What is placed in every world of a run, in the order of the draws."""

    agents: list[Item]
    boxes: list[Item]
    ramps: list[Item]


def make_plan(world: WorldConfig) -> Plan:
    """List what has to be placed.

    Raises:
        ConfigError: an object is too large for the cells that it must start in.
    """
    hiders = "room" if world.hider_placement == "quadrant" else "anywhere"
    agent = 2 * AGENT_RADIUS
    return Plan(
        agents=[_item(world, "hider", agent, hiders)] * world.num_hiders
        + [_item(world, "seeker", agent, "outside the room")] * world.num_seekers,
        boxes=[_item(world, "box", world.box_size, "room")] * world.num_boxes,
        ramps=[_item(world, "ramp", RAMP_SIZE, "anywhere")] * world.num_ramps,
    )


def _item(world: WorldConfig, name: str, size: float, place: str) -> Item:
    cell = world.floor_size / world.grid_size
    num_cells = math.ceil(size / cell)
    regions = _regions(world.grid_size, room_size(world), num_cells, place)
    if any(r.x_low >= r.x_high or r.y_low >= r.y_high for r in regions):
        raise ConfigError(
            f"a {name} of {size:g} m does not fit ({place}) on a field of {world.floor_size:g} m with "
            f"{world.grid_size} x {world.grid_size} cells; use a larger floor_size or smaller objects"
        )
    return Item(name, size / 2, num_cells, num_cells * cell - size, regions)


def _regions(grid: int, room: int, cells: int, place: str) -> tuple[Region, ...]:
    """Cells from which an object of `cells` x `cells` keeps one cell off its region's far border."""
    left, right = (1, grid - room - cells - 1), (grid - room, grid - cells - 1)
    low, high = (1, room - cells - 1), (room, grid - cells - 1)
    if place == "room":
        return (Region(*right, *low),)
    if place == "outside the room":
        return Region(*left, *low), Region(*left, *high), Region(*right, *high)
    return (Region(1, grid - cells - 1, 1, grid - cells - 1),)


def place_items(items: list[Item], grid: np.ndarray, cell: float, rng: np.random.RandomState) -> np.ndarray | None:
    """Place objects one after the other and mark their cells.

    Args:
        items: what to place.
        grid: `(grid, grid)` bool, occupied cells, x first; written.
        cell: edge of a cell, metres.
        rng: the world's random numbers.

    Returns:
        `(len(items), 3)` centres, metres, standing on the floor; None if an object found no free place.
    """
    centres = []
    for item in items:
        corner = _draw_free_cell(item, grid, rng)
        if corner is None:
            return None
        x, y = corner
        grid[x : x + item.num_cells, y : y + item.num_cells] = True
        shift_x, shift_y = rng.random_sample(), rng.random_sample()
        centre_x = x * cell + shift_x * item.slack + item.half_extent
        centre_y = y * cell + shift_y * item.slack + item.half_extent
        centres.append((centre_x, centre_y, item.half_extent))
    return np.array(centres).reshape(-1, 3)


def _draw_free_cell(item: Item, grid: np.ndarray, rng: np.random.RandomState) -> tuple[int, int] | None:
    for _ in range(MAX_TRIES):
        x, y = _draw_cell(item.regions, rng)
        if not grid[x : x + item.num_cells, y : y + item.num_cells].any():
            return x, y
    return None


def _draw_cell(regions: tuple[Region, ...], rng: np.random.RandomState) -> tuple[int, int]:
    cells = [(rng.randint(r.x_low, r.x_high), rng.randint(r.y_low, r.y_high)) for r in regions]
    return cells[0] if len(cells) == 1 else cells[rng.randint(0, len(cells))]
