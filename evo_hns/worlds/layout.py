"""Where everything starts: layouts drawn as the original draws them, so that world k is its world k.

A layout is only arrays, a pure function of the settings and the seeds. All positions are body
(geom) *centres* in the world frame, metres; the field is [0, floor_size] in x and y, the floor z = 0.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from evo_hns.config import ConfigError, WorldConfig
from evo_hns.worlds.placement import Plan, make_plan, place_items
from evo_hns.worlds.sizes import NUM_WALLS, PARKED_HALF_SIZE, PARKED_Z
from evo_hns.worlds.walls import Door, Wall, door_centre, draw_room, mark_walls, outer_walls, wall_box

IntArray = np.ndarray

MAX_BUILDS = 200  #: of one world; the original's own settings need one, seldom two
NUM_DOORS = 2


@dataclass(frozen=True)
class Layout:
    """Starting places of W worlds. Absent walls and doors are marked; nothing is NaN."""

    wall_pos: np.ndarray  #: `(W, num_walls, 3)` centres; absent walls are parked far below
    wall_size: np.ndarray  #: `(W, num_walls, 3)` half sizes
    wall_mask: np.ndarray  #: `(W, num_walls)` bool, the wall exists
    doors: np.ndarray  #: `(W, 2, 3)` x, y of the centre of each door's cells, 1 if it exists (else all 0)
    agents: np.ndarray  #: `(W, n, 3)` centres
    boxes: np.ndarray  #: `(W, B, 3)` centres
    ramps: np.ndarray  #: `(W, R, 3)` body-frame origins (the centre of the 0.5 m cube the wedge is cut from)
    grid: np.ndarray  #: `(W, grid, grid)` bool, occupied placement cells (walls and objects), x first


class _World(NamedTuple):
    """One built world: its walls and doors in cells, the rest in metres."""

    walls: list[Wall]
    doors: list[Door]
    agents: np.ndarray
    boxes: np.ndarray
    ramps: np.ndarray
    grid: np.ndarray


def sample_layouts(world: WorldConfig, seeds: IntArray) -> Layout:
    """Draw one layout for each seed.

    Args:
        world: the scenario and what exists in it.
        seeds: `(W,)` integers, at least 0 and below 2**32; equal seeds give equal worlds.

    Returns:
        The layouts, in the order of the seeds. Door 0 is in the room's left wall, door 1 in its top wall.

    Raises:
        ConfigError: the objects do not fit on the field.
    """
    plan = make_plan(world)
    unique, rows = np.unique(seeds, return_inverse=True)
    layout = _parked_layout(world, len(unique))
    rng = np.random.RandomState(0)  # seeded anew for each world: its construction costs as much as a layout
    for row, seed in enumerate(unique):
        _write_row(layout, row, _build_world(world, plan, int(seed), rng), world.floor_size / world.grid_size)
    return Layout(**{field.name: getattr(layout, field.name)[rows] for field in fields(Layout)})


def _build_world(world: WorldConfig, plan: Plan, seed: int, rng: np.random.RandomState) -> _World:
    rng.seed(seed)
    for _ in range(MAX_BUILDS):
        built = _try_to_build(world, plan, rng)
        if built is not None:
            return built
    raise ConfigError(
        f"world {seed} found no free place for every object in {MAX_BUILDS} attempts; "
        "use fewer or smaller objects, or a larger floor_size"
    )


def _try_to_build(world: WorldConfig, plan: Plan, rng: np.random.RandomState) -> _World | None:
    cell = world.floor_size / world.grid_size
    grid = np.zeros((world.grid_size, world.grid_size), dtype=bool)
    inner, doors = draw_room(world, rng)
    walls = outer_walls(world) + inner
    mark_walls(grid, walls)
    # After a failure the original still places the other kinds, which moves its random numbers on.
    agents = place_items(plan.agents, grid, cell, rng)
    boxes = place_items(plan.boxes, grid, cell, rng)
    ramps = place_items(plan.ramps, grid, cell, rng)
    if agents is None or boxes is None or ramps is None:
        return None
    return _World(walls, doors, agents, boxes, ramps, grid)


def _parked_layout(world: WorldConfig, num_worlds: int) -> Layout:
    """A layout without walls and doors, to be written row by row."""
    half, grid = world.floor_size / 2, world.grid_size
    return Layout(
        wall_pos=np.tile((half, half, PARKED_Z), (num_worlds, NUM_WALLS, 1)),
        wall_size=np.full((num_worlds, NUM_WALLS, 3), PARKED_HALF_SIZE),
        wall_mask=np.zeros((num_worlds, NUM_WALLS), dtype=bool),
        doors=np.zeros((num_worlds, NUM_DOORS, 3)),
        agents=np.zeros((num_worlds, world.num_agents, 3)),
        boxes=np.zeros((num_worlds, world.num_boxes, 3)),
        ramps=np.zeros((num_worlds, world.num_ramps, 3)),
        grid=np.zeros((num_worlds, grid, grid), dtype=bool),
    )


def _write_row(layout: Layout, row: int, built: _World, cell: float) -> None:
    layout.wall_mask[row, : len(built.walls)] = True
    for slot, wall in enumerate(built.walls):
        layout.wall_pos[row, slot], layout.wall_size[row, slot] = wall_box(wall, cell)
    for door in built.doors:
        layout.doors[row, 0 if door.is_vertical else 1] = *door_centre(door, cell), 1.0
    for name in ("agents", "boxes", "ramps", "grid"):
        getattr(layout, name)[row] = getattr(built, name)
