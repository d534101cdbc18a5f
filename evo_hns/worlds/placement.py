"""Where things may start: rejection sampling on a grid of cells, with the original's order of draws.

An object covers a rectangle of cells. Its lower-left cell is drawn until the rectangle is free, ten times
at most; then its place within the rectangle is drawn. The plan of a world (what, how large, where) depends on
the settings and the field's size alone, and is where impossible settings are found out.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from evo_hns.config import ConfigError, WorldConfig, highest
from evo_hns.worlds.scenarios import SCENARIOS
from evo_hns.worlds.sizes import AGENT_RADIUS, RAMP_SIZE, Triple, box_half_sizes
from evo_hns.worlds.walls import Partition, Room, room_size

MAX_TRIES = 10  #: draws of a cell before the whole world is built anew


class Region(NamedTuple):
    """Lower-left cells that may be drawn; upper ends are excluded."""

    x_low: int
    x_high: int
    y_low: int
    y_high: int


class Field(NamedTuple):
    """The grid that things are placed on, in cells but for `cell`."""

    grid: int  #: edge of the field
    room: int  #: edge of the quadrant's room
    cell: float  #: edge of a cell, metres


@dataclass(frozen=True)
class Item:
    """A kind of object of the plan."""

    half: Triple  #: metres
    cells: tuple[int, int]  #: edges of the rectangle of cells that it covers
    slack: tuple[float, float]  #: metres by which that rectangle is longer than the object
    regions: tuple[Region, ...]  #: a cell of each is drawn, then one of those
    together: int | None = None  #: cells within which a group starts around its first object


@dataclass(frozen=True)
class Plan:
    """What is placed in a world."""

    field: Field
    hider: Item
    seeker: Item
    boxes: tuple[Item, Item, Item]  #: elongated along x, along y, cube
    ramp: Item
    site: Item
    food: Item


Group = tuple[Item, int]  #: a kind of object and how many of it


def make_plan(world: WorldConfig, floor_size: float) -> Plan:
    """List what has to be placed on a field of `floor_size` metres.

    Raises:
        ConfigError: an object is too large for the cells that it must start in.
    """
    scenario = SCENARIOS[world.scenario]
    places = scenario.places(world)
    field = Field(world.grid_size, room_size(world), floor_size / world.grid_size)
    agent: Triple = (AGENT_RADIUS,) * 3
    ramp: Triple = (RAMP_SIZE / 2,) * 3
    food: Triple = (world.food_size / 2,) * 3
    long_x, long_y, cube = box_half_sizes(world)
    num_long = highest(world.num_elongated_boxes)

    def item(name: str, count: int, half: Triple, place: str, radius: float | None = None) -> Item:
        made = _make_item(field, half, place, radius)
        if count and any(r.x_low >= r.x_high or r.y_low >= r.y_high for r in made.regions):
            raise ConfigError(
                f"{name} of {2 * max(half):g} m does not fit ({place}) on a field of {floor_size:g} m with "
                f"{field.grid} x {field.grid} cells; use a larger floor_size or smaller objects"
            )
        return made

    hiders_radius = world.hiders_together_radius if scenario.teams_together else None
    seekers_radius = world.seekers_together_radius if scenario.teams_together else None
    return Plan(
        field=field,
        hider=item("a hider", world.max_hiders, agent, places.hiders, hiders_radius),
        seeker=item("a seeker", world.max_seekers, agent, places.seekers, seekers_radius),
        boxes=(
            item("an elongated box", num_long, long_x, places.boxes),
            item("an elongated box", num_long, long_y, places.boxes),
            item("a box", world.max_boxes, cube, places.boxes),
        ),
        ramp=item("a ramp", world.max_ramps, ramp, places.ramps),
        site=item("a construction site", world.max_sites, cube, "most of the field"),
        food=item("a food item", world.num_food, food, places.food, world.food_together_radius),
    )


def cylinder(world: WorldConfig, plan: Plan, rng: np.random.RandomState) -> Item:
    """The cylinder of a world, of a drawn diameter.

    Raises:
        ConfigError: it is too large for the field.
    """
    ends = world.cylinder_diameter
    radius = rng.uniform(*(ends if isinstance(ends, tuple) else (ends, ends))) / 2
    half = radius, radius, rng.uniform(world.cylinder_height, world.cylinder_height) / 2
    made = _make_item(plan.field, half, "about the middle", None)
    (region,) = made.regions
    if region.x_low >= region.x_high:
        raise ConfigError(
            f"a cylinder of {2 * radius:g} m does not fit about the middle of a field of "
            f"{plan.field.grid * plan.field.cell:g} m; use a larger floor_size or a smaller cylinder_diameter"
        )
    return made


def _make_item(field: Field, half: Triple, place: str, radius: float | None) -> Item:
    width, length = 2 * half[0], 2 * half[1]
    cells = math.ceil(width / field.cell), math.ceil(length / field.cell)
    slack = cells[0] * field.cell - width, cells[1] * field.cell - length
    together = None if radius is None else math.ceil(radius / field.cell)
    return Item(half, cells, slack, REGIONS[place](field, *cells), together)


def _anywhere(field: Field, width: int, length: int) -> tuple[Region, ...]:
    return (Region(1, field.grid - width - 1, 1, field.grid - length - 1),)


def _middle(share: float) -> Callable[[Field, int, int], tuple[Region, ...]]:
    """A share of the field's edge about its middle, rounded as in the original."""

    def region(field: Field, width: int, length: int) -> tuple[Region, ...]:
        ends = []
        for size in (width, length):
            free = field.grid - size
            ends += [int(free * (1 - share) / 2 + share), int(free * (1 + share) / 2 - share)]
        return (Region(*ends),)

    return region


def _room(field: Field, width: int, length: int) -> tuple[Region, ...]:
    return (Region(field.grid - field.room, field.grid - width - 1, 1, field.room - length - 1),)


def _outside_the_room(field: Field, width: int, length: int) -> tuple[Region, ...]:
    grid, room = field.grid, field.room
    left, right = (1, grid - room - width - 1), (grid - room, grid - width - 1)
    low, high = (1, room - length - 1), (room, grid - length - 1)
    return Region(*left, *low), Region(*left, *high), Region(*right, *high)


def at_the_room(item: Item, field: Field, distance: float) -> Item:
    """The same kind of object, which starts outside of the quadrant's room, so near one of its walls (metres)."""
    (width, length), grid, room = item.cells, field.grid, field.room
    near = math.ceil(distance / field.cell)
    left = Region(max(1, grid - room - width - near), grid - room - width, 1, room - length - 1)
    above = Region(grid - room, grid - width - 1, room + 1, min(room + 1 + near, grid - length - 1))
    return replace(item, regions=(left, above))


def near_doors(item: Item, partition: Partition, field: Field, distance: float) -> Item:
    """The same kind of object, which starts in the quadrant's room so near one of the doors (metres)."""
    (room,), near = _room(field, *item.cells), math.ceil(distance / field.cell)
    regions = []
    for door in partition.doors:
        if door is not None:
            along = door.start - near, door.start + near + 1
            across = (door.line - near, door.line + near + 1)
            across = across if door.is_vertical else (across[0] - item.cells[1], across[1] - item.cells[1])
            regions.append(_overlap(room, Region(*across, *along) if door.is_vertical else Region(*along, *across)))
    found = tuple(region for region in regions if region.x_low < region.x_high and region.y_low < region.y_high)
    return replace(item, regions=found or item.regions)


def in_room(item: Item, room: Room) -> Item:
    """The same kind of object, which starts in a room."""
    (x_low, x_high), (y_low, y_high) = room
    return replace(item, regions=(Region(x_low, x_high - item.cells[0], y_low, y_high - item.cells[1]),))


def _overlap(one: Region, other: Region) -> Region:
    return Region(
        max(one.x_low, other.x_low),
        min(one.x_high, other.x_high),
        max(one.y_low, other.y_low),
        min(one.y_high, other.y_high),
    )


#: Cells from which an object of some cells keeps one cell off its region's far border, by name of the place.
REGIONS: dict[str, Callable[[Field, int, int], tuple[Region, ...]]] = {
    "anywhere": _anywhere,
    "middle": _middle(0.25),
    "about the middle": _middle(0.7),
    "most of the field": _middle(0.85),
    "room": _room,
    "outside the room": _outside_the_room,
}


def place_groups(
    groups: Sequence[Group], grid: np.ndarray, cell: float, rng: np.random.RandomState
) -> list[Triple] | None:
    """Place objects one after the other and mark their cells.

    Args:
        groups: what to place.
        grid: `(grid, grid)` bool, occupied cells, x first; written.
        cell: edge of a cell, metres.
        rng: the world's random numbers.

    Returns:
        The centres in order, metres, standing on the floor; None if an object found no free place. The
        others are placed all the same, as in the original: the next build goes on with the random numbers.
    """
    centres: list[Triple] = []
    for item, count in groups:
        regions = item.regions
        for index in range(count):
            corner = _draw_free_cell(item, regions, grid, rng)
            if corner is None:
                continue
            centres.append(_settle(item, corner, grid, cell, rng))
            if index == 0 and item.together is not None:
                regions = (_around(corner, item.together, len(grid)),)
    return centres if len(centres) == sum(count for _, count in groups) else None


def _settle(item: Item, corner: tuple[int, int], grid: np.ndarray, cell: float, rng: np.random.RandomState) -> Triple:
    """Take the cells and draw the place within them."""
    x, y = corner
    grid[x : x + item.cells[0], y : y + item.cells[1]] = True
    shift_x, shift_y = rng.random_sample(), rng.random_sample()
    half_x, half_y, half_z = item.half
    return x * cell + shift_x * item.slack[0] + half_x, y * cell + shift_y * item.slack[1] + half_y, half_z


def _around(corner: tuple[int, int], radius: int, grid: int) -> Region:
    """Cells near that of a group's first object; as in the original, without regard to the size of what comes."""
    x, y = corner
    return Region(max(1, x - radius), min(grid - 1, x + radius), max(1, y - radius), min(grid - 1, y + radius))


def _draw_free_cell(
    item: Item, regions: tuple[Region, ...], grid: np.ndarray, rng: np.random.RandomState
) -> tuple[int, int] | None:
    width, length = item.cells
    for _ in range(MAX_TRIES):
        x, y = _draw_cell(regions, rng)
        if not grid[x : x + width, y : y + length].any():
            return x, y
    return None


def _draw_cell(regions: tuple[Region, ...], rng: np.random.RandomState) -> tuple[int, int]:
    cells = [(rng.randint(r.x_low, r.x_high), rng.randint(r.y_low, r.y_high)) for r in regions]
    return cells[0] if len(cells) == 1 else cells[rng.randint(0, len(cells))]
