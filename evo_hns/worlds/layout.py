"""Where everything starts: layouts drawn as the original draws them, so that world k is its world k.

A layout is only arrays, a pure function of the settings and the seeds. All positions are body
(geom) *centres* in the world frame, metres; the field is [0, floor_size] in x and y, the floor z = 0.

Team sizes and the field's size, where they are ranges, come from streams of their own: the original knows
no varying teams, and draws the field's size from another stream than the rest. So neither moves what the
world's own random numbers give.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from evo_hns.config import ConfigError, WorldConfig, highest, lowest
from evo_hns.worlds.placement import Group, Plan, at_the_room, cylinder, in_room, make_plan, near_doors, place_groups
from evo_hns.worlds.scenarios import SCENARIOS, num_doors, num_walls
from evo_hns.worlds.sizes import NUM_OUTER_WALLS, PARKED_HALF_SIZE, PARKED_Z, Triple, box_half_sizes, floor_range
from evo_hns.worlds.walls import Partition, door_centre, mark_walls, wall_box

IntArray = np.ndarray

MAX_BUILDS = 200  #: of one world; the original's own settings need one, seldom two

SEEDS_OF_A_KIND = 2**32
"""Of several kinds of worlds, kind k has the seeds from k times this on; world s of all has the same random numbers."""

SEEDS_OF_A_START = 2**48
"""What lies above is no matter of the world: how far a match is demonstrated (`evaluation.demonstrations`)."""

_CORNERS = ((0, 0, 0), (-1, -1, 0), (-1, 1, 0), (1, -1, 0), (1, 1, 0))  #: of a site, after its centre, in half sizes

_TEAM_STREAM, _FLOOR_STREAM = 1, 2  #: second words of the seeds of the two streams apart


@dataclass(frozen=True)
class Layout:
    """Starting places of W worlds. n, B, R, F and the slots count places; what is absent is masked, and never NaN."""

    wall_pos: np.ndarray  #: `(W, num_walls, 3)` centres, outer walls in slots 0 to 3; absent: parked far below
    wall_size: np.ndarray  #: `(W, num_walls, 3)` half sizes; absent: small
    wall_mask: np.ndarray  #: `(W, num_walls)` bool, the wall exists
    doors: np.ndarray  #: `(W, D, 3)` x, y of the centre of each door's cells, 1 if it exists (else all 0)
    cylinder: np.ndarray  #: `(W, C, 5)` centre, radius and half height of the cylinder, of which there is one or none
    agents: np.ndarray  #: `(W, n, 3)` centres, hiders first; absent (the last places of each team): 0
    agent_mask: np.ndarray  #: `(W, n)` bool, the agent exists
    boxes: np.ndarray  #: `(W, B, 3)` centres: elongated along x, then along y, then cubes; absent (last): 0
    box_size: np.ndarray  #: `(W, B, 3)` half sizes; absent: those of a cube
    box_mask: np.ndarray  #: `(W, B)` bool, the box exists
    ramps: np.ndarray  #: `(W, R, 3)` body-frame origins (centre of the cube the wedge is cut from); absent (last): 0
    ramp_mask: np.ndarray  #: `(W, R)` bool, the ramp exists
    sites: np.ndarray  #: `(W, S, 5, 3)` centre and corners (`_CORNERS`) of construction sites; absent (last): 0
    site_mask: np.ndarray  #: `(W, S)` bool, the site exists
    food: np.ndarray  #: `(W, F, 3)` points; all exist
    floor_size: np.ndarray  #: `(W,)` edge of the field
    grid: np.ndarray  #: `(W, grid, grid)` bool, occupied placement cells (walls and objects), x first


class _World(NamedTuple):
    """One built world: its walls and doors in cells, the rest in metres; only what exists."""

    partition: Partition
    cylinder: list[tuple[float, ...]]
    places: list[int]  #: of the agents, among those of all agents
    agents: list[Triple]
    boxes: list[Triple]
    box_size: list[Triple]
    ramps: list[Triple]
    sites: list[Triple]
    food: list[Triple]
    grid: np.ndarray


def sample_layouts(world: WorldConfig, seeds: IntArray, others: Sequence[WorldConfig] = ()) -> Layout:
    """Draw one layout for each seed.

    Args:
        world: the scenario and what exists in it.
        seeds: `(W,)` integers, at least 0 and below `SEEDS_OF_A_KIND`; equal seeds give equal worlds.
        others: further kinds of worlds in which the same exists; of the k-th, seeds lie that often so much higher.

    Returns:
        The layouts, in the order of the seeds.

    Raises:
        ConfigError: the objects do not fit on the field.
    """
    smallest, largest = floor_range(world)
    kinds = world, *others
    plans = [make_plan(kind, smallest) for kind in kinds]
    unique, rows = np.unique(seeds, return_inverse=True)
    layout = _empty_layout(world, len(unique))
    rng = np.random.RandomState(0)  # seeded anew for each world: its construction costs as much as a layout
    for row, number in enumerate(unique.tolist()):
        kind, seed = divmod(number % SEEDS_OF_A_START, SEEDS_OF_A_KIND)
        plan = plans[kind]
        if smallest < largest:
            layout.floor_size[row] = np.random.default_rng((seed, _FLOOR_STREAM)).uniform(smallest, largest)
            plan = make_plan(kinds[kind], float(layout.floor_size[row]))
        teams = _draw_teams(world, seed)
        _write_row(layout, row, _build_world(kinds[kind], plan, teams, seed, rng), plan.field.cell)
    return Layout(**{field.name: getattr(layout, field.name)[rows] for field in fields(Layout)})


def _draw_teams(world: WorldConfig, seed: int) -> tuple[int, int]:
    """Numbers of hiders and seekers."""
    hiders, seekers = world.num_hiders, world.num_seekers
    if isinstance(hiders, int) and isinstance(seekers, int):
        return hiders, seekers
    low, high = (lowest(hiders), lowest(seekers)), (highest(hiders), highest(seekers))
    num_hiders, num_seekers = np.random.default_rng((seed, _TEAM_STREAM)).integers(low, high, endpoint=True).tolist()
    return num_hiders, num_seekers


def _build_world(
    world: WorldConfig, plan: Plan, teams: tuple[int, int], seed: int, rng: np.random.RandomState
) -> _World:
    rng.seed(seed)
    for _ in range(MAX_BUILDS):
        built = _try_to_build(world, plan, teams, rng)
        if built is not None:
            return built
    raise ConfigError(
        f"world {seed} found no free place for every room and object in {MAX_BUILDS} attempts; "
        "use fewer of them or smaller objects, or a larger floor_size"
    )


def _try_to_build(world: WorldConfig, plan: Plan, teams: tuple[int, int], rng: np.random.RandomState) -> _World | None:
    cell = plan.field.cell
    grid = np.zeros((world.grid_size, world.grid_size), dtype=bool)
    partition = SCENARIOS[world.scenario].draw(world, rng)
    if partition is not None:
        mark_walls(grid, partition.outer)
        mark_walls(grid, partition.inner)
    cylinders: list[tuple[float, ...]] | None = []
    if world.has_cylinder:
        item = cylinder(world, plan, rng)
        stands = place_groups([(item, 1)], grid, cell, rng)
        cylinders = None if stands is None else [tuple(map(_as_written, (*stands[0], *item.half[1:])))]
    # After a failure the original still places the other kinds, which moves its random numbers on.
    num_hiders, num_seekers = teams
    agents = place_groups([(plan.hider, num_hiders), (plan.seeker, num_seekers)], grid, cell, rng)
    kinds = _draw_boxes(world, plan, rng)
    if world.box_door_distance is not None and partition is not None:
        kinds = [(near_doors(item, partition, plan.field, world.box_door_distance), count) for item, count in kinds]
    boxes = place_groups(kinds, grid, cell, rng)
    ramps = place_groups(_ramps(world, plan, partition, _draw_count(world.num_ramps, rng)), grid, cell, rng)
    sites = place_groups([(plan.site, _draw_count(world.num_sites, rng))], grid, cell, rng)
    food = place_groups(_food_clusters(world, plan), grid, cell, rng)
    if partition is None or agents is None or boxes is None or ramps is None:
        return None
    if cylinders is None or sites is None or food is None:
        return None
    box_size = [item.half for item, count in kinds for _ in range(count)]
    places = [*range(num_hiders), *range(world.max_hiders, world.max_hiders + num_seekers)]
    return _World(partition, cylinders, places, agents, boxes, box_size, ramps, sites, food, grid)


def _as_written(number: float) -> float:
    """A number as the original writes it into the text of its model, which rounds it: 6 decimals, then 6 digits."""
    return float(f"{float(f'{number:.6f}'):.6g}")


def _draw_count(count: int | tuple[int, int], rng: np.random.RandomState) -> int:
    return count if isinstance(count, int) else int(rng.randint(count[0], count[1] + 1))


def _draw_boxes(world: WorldConfig, plan: Plan, rng: np.random.RandomState) -> list[Group]:
    """How many boxes there are of each kind."""
    total, long = _draw_count(world.num_boxes, rng), 0
    if world.has_elongated_boxes:
        long = rng.randint(lowest(world.num_elongated_boxes), min(highest(world.num_elongated_boxes), total) + 1)
    long_x = rng.randint(0, long + 1) if long else 0
    return list(zip(plan.boxes, (long_x, long - long_x, total - long), strict=True))


def _ramps(world: WorldConfig, plan: Plan, partition: Partition | None, count: int) -> list[Group]:
    """All together; or one in each room, if the partition names rooms, and further ones from the first room on."""
    if world.ramp_wall_distance is not None:
        return [(at_the_room(plan.ramp, plan.field, world.ramp_wall_distance), count)]
    if partition is None or not partition.rooms:
        return [(plan.ramp, count)]
    return [(in_room(plan.ramp, partition.rooms[k % len(partition.rooms)]), 1) for k in range(count)]


def _food_clusters(world: WorldConfig, plan: Plan) -> list[Group]:
    num_clusters = 1 if world.food_together_radius is None else world.num_food_clusters
    return [(plan.food, world.num_food // num_clusters)] * num_clusters


def _empty_layout(world: WorldConfig, num_worlds: int) -> Layout:
    """A layout without anything, to be written row by row."""
    grid, walls, floor = world.grid_size, num_walls(world), floor_range(world)[1]
    agents, boxes, ramps = world.max_agents, world.max_boxes, world.max_ramps
    cube = box_half_sizes(world)[2]
    return Layout(
        wall_pos=np.tile((floor / 2, floor / 2, PARKED_Z), (num_worlds, walls, 1)),
        wall_size=np.full((num_worlds, walls, 3), PARKED_HALF_SIZE),
        wall_mask=np.zeros((num_worlds, walls), dtype=bool),
        doors=np.zeros((num_worlds, num_doors(world), 3)),
        cylinder=np.zeros((num_worlds, int(world.has_cylinder), 5)),
        agents=np.zeros((num_worlds, agents, 3)),
        agent_mask=np.zeros((num_worlds, agents), dtype=bool),
        boxes=np.zeros((num_worlds, boxes, 3)),
        box_size=np.tile(cube, (num_worlds, boxes, 1)),
        box_mask=np.zeros((num_worlds, boxes), dtype=bool),
        ramps=np.zeros((num_worlds, ramps, 3)),
        ramp_mask=np.zeros((num_worlds, ramps), dtype=bool),
        sites=np.zeros((num_worlds, world.max_sites, 5, 3)),
        site_mask=np.zeros((num_worlds, world.max_sites), dtype=bool),
        food=np.zeros((num_worlds, world.num_food, 3)),
        floor_size=np.full(num_worlds, floor),
        grid=np.zeros((num_worlds, grid, grid), dtype=bool),
    )


def _write_row(layout: Layout, row: int, built: _World, cell: float) -> None:
    _write_partition(layout, row, built.partition, cell)
    layout.agents[row, built.places] = built.agents
    layout.agent_mask[row, built.places] = True
    if built.cylinder:
        layout.cylinder[row] = built.cylinder
    if built.boxes:
        present = slice(len(built.boxes))
        layout.boxes[row, present], layout.box_size[row, present] = built.boxes, built.box_size
        layout.box_mask[row, present] = True
    if built.ramps:
        layout.ramps[row, : len(built.ramps)] = built.ramps
        layout.ramp_mask[row, : len(built.ramps)] = True
    if built.sites:
        layout.sites[row, : len(built.sites)] = _site_points(built.sites, layout.floor_size[row])
        layout.site_mask[row, : len(built.sites)] = True
    if built.food:
        layout.food[row] = _food_points(built.food, layout.floor_size[row])
    layout.grid[row] = built.grid


def _write_partition(layout: Layout, row: int, partition: Partition, cell: float) -> None:
    first = 0 if partition.outer else NUM_OUTER_WALLS
    boxes = np.array([wall_box(wall, cell) for wall in partition.outer + partition.inner]).reshape(-1, 2, 3)
    slots = slice(first, first + len(boxes))
    layout.wall_pos[row, slots], layout.wall_size[row, slots] = boxes[:, 0], boxes[:, 1]
    layout.wall_mask[row, slots] = True
    for slot, door in enumerate(partition.doors):
        if door is not None:
            layout.doors[row, slot] = *door_centre(door, cell), 1.0


def _food_points(centres: list[Triple], floor_size: float) -> np.ndarray:
    """Where food, or the centre of a construction site, is, from the centres of the places drawn for it.

    The original takes the share of the free way, up to the far border, at which the place's corner is for that of the
    thing itself: `centre = floor_size * corner / (floor_size - size)`. So it is up to half its size off its place.
    """
    points = np.array(centres)
    half = points[0, 2]
    points[:, :2] = (points[:, :2] - half) * floor_size / (floor_size - 2 * half)
    return points


def _site_points(centres: list[Triple], floor_size: float) -> np.ndarray:
    """`(S, 5, 3)` centres and corners, each as the original writes it: as an offset from the middle of the field."""
    middles, middle = _food_points(centres, floor_size), floor_size / 2
    points = middles[:, None] + np.array(_CORNERS) * middles[:, None, 2:]  # half as high as wide
    points[..., :2] = middle + np.vectorize(_as_written)(points[..., :2] - middle)
    return np.asarray(points)
