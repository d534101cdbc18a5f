"""Layouts against the recorded worlds of the original, and what must hold in any world."""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from evo_hns.config import ConfigError, WorldConfig
from evo_hns.experiment import load_experiment
from evo_hns.worlds import Layout, sample_layouts
from evo_hns.worlds.layout import MAX_BUILDS
from evo_hns.worlds.three_rooms import draw_three_rooms

DATA = Path(__file__).parents[1] / "data"
QUADRANT, FULL = np.load(DATA / "worlds_quadrant.npz"), np.load(DATA / "worlds_full.npz")
THREE_ROOMS, SHELTER = np.load(DATA / "worlds_three_rooms.npz"), np.load(DATA / "worlds_shelter.npz")
BLUEPRINT = np.load(DATA / "worlds_blueprint.npz")

OPEN = {"scenario": "randomwalls", "num_rooms": 5}
WORLDS = {
    "original": WorldConfig(),
    "crowded": WorldConfig(num_hiders=3, num_seekers=4, num_boxes=4, num_ramps=3),
    "hiders in the room": WorldConfig(hider_placement="quadrant"),
    "large field": WorldConfig(floor_size=12.0, grid_size=48, box_size=0.8, door_size=3),
    "small field": WorldConfig(floor_size=4.0, grid_size=20, num_boxes=1, door_dropout=0.0),
    "elongated": WorldConfig(num_elongated_boxes=(0, 2)),
}
MORE_WORLDS = {
    "random walls": WorldConfig.model_validate(OPEN),
    "three rooms": WorldConfig(scenario="three-rooms", num_ramps=4),
    "low walls": WorldConfig.model_validate(OPEN | {"low_outer_walls": True, "outer_walls_probability": 0.5}),
    "ranges": WorldConfig.model_validate(
        OPEN | {"num_hiders": [1, 3], "num_seekers": [0, 3], "num_boxes": [2, 6], "num_elongated_boxes": [1, 4]}
    ),
    "varied field": WorldConfig.model_validate(OPEN | {"floor_size": [5.0, 9.0], "num_ramps": [0, 3]}),
}
ALL_WORLDS = WORLDS | MORE_WORLDS


@pytest.fixture(scope="module")
def quadrant_layout() -> Layout:
    return sample_layouts(WorldConfig(), np.arange(200))


@pytest.fixture(scope="module")
def full_layout(full: WorldConfig) -> Layout:
    return sample_layouts(full, np.arange(200))


def assert_same(one: Layout, other: Layout) -> None:
    for field in fields(Layout):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def assert_recorded_walls(layout: Layout, recorded: np.ndarray) -> None:
    """Walls `(W, ., 6)` of centres and half sizes are there, in their order; absent slots aside."""
    walls = np.concatenate([layout.wall_pos, layout.wall_size], axis=-1)
    exists = ~np.isnan(recorded[..., 0])
    np.testing.assert_array_equal(layout.wall_mask.sum(axis=1), exists.sum(axis=1))
    np.testing.assert_allclose(walls[layout.wall_mask], recorded[exists], rtol=0, atol=1e-12)


def test_quadrant_k_has_the_walls_of_the_originals_world_k(quadrant_layout: Layout) -> None:
    assert_recorded_walls(quadrant_layout, QUADRANT["walls"])


@pytest.mark.parametrize("name", ["agents", "boxes", "ramps"])
def test_quadrant_k_has_the_objects_of_the_originals_world_k(quadrant_layout: Layout, name: str) -> None:
    np.testing.assert_allclose(getattr(quadrant_layout, name), QUADRANT[name], rtol=0, atol=1e-12)


def test_full_world_k_has_the_walls_of_the_originals_world_k(full_layout: Layout) -> None:
    assert_recorded_walls(full_layout, FULL["walls"])
    outer = full_layout.wall_mask[:, :4]
    assert (outer.all(axis=1) | ~outer.any(axis=1)).all()
    np.testing.assert_array_equal(outer.any(axis=1), FULL["walls"][:, 0, 5] == 2.0)  # high: half of 4 m


@pytest.mark.parametrize("name", ["agents", "ramps"])
def test_full_world_k_has_the_agents_and_ramps_of_the_originals_world_k(full_layout: Layout, name: str) -> None:
    np.testing.assert_allclose(getattr(full_layout, name), FULL[name], rtol=0, atol=1e-12)


def test_full_world_k_has_the_boxes_of_the_originals_world_k(full_layout: Layout) -> None:
    exists = ~np.isnan(FULL["boxes"][..., 0])
    np.testing.assert_array_equal(full_layout.box_mask, exists)
    boxes = np.concatenate([full_layout.boxes, full_layout.box_size], axis=-1)
    np.testing.assert_allclose(boxes[exists], FULL["boxes"][exists], rtol=0, atol=1e-12)


def test_world_k_has_the_occupied_cells_of_the_originals_world_k(quadrant_layout: Layout, full_layout: Layout) -> None:
    for layout, recorded in ((quadrant_layout, QUADRANT), (full_layout, FULL)):
        cells = np.unpackbits(recorded["grid"], axis=-1)[..., :30].astype(bool)
        np.testing.assert_array_equal(layout.grid, cells)


def test_six_rooms_are_those_of_the_recorded_lock_and_return_worlds() -> None:
    world = WorldConfig(
        scenario="randomwalls",
        num_rooms=6,
        random_room_number=False,
        num_hiders=1,
        num_seekers=0,
        num_boxes=1,
        num_ramps=0,
    )
    layout = sample_layouts(world, np.arange(2))
    assert_recorded_walls(layout, FULL["lock_walls"])
    corners = np.concatenate([layout.agents - 0.15, layout.boxes - 0.25], axis=1)
    np.testing.assert_allclose(corners, FULL["lock_qpos"].reshape(2, 2, 4)[..., :3], rtol=0, atol=1e-12)


def test_three_rooms_k_are_the_originals_of_sequential_lock() -> None:
    world = load_experiment("sequential-lock").world
    layout = sample_layouts(world, np.arange(120))
    assert_recorded_walls(layout, THREE_ROOMS["walls"])
    for name in ("agents", "boxes", "ramps"):
        np.testing.assert_allclose(getattr(layout, name), THREE_ROOMS[name], rtol=0, atol=1e-12)
    cells = np.unpackbits(THREE_ROOMS["grid"], axis=-1)[..., :30].astype(bool)
    np.testing.assert_array_equal(layout.grid, cells)


def test_open_field_k_with_its_cylinder_is_the_originals_of_shelter_construction() -> None:
    layout = sample_layouts(load_experiment("shelter").world, np.arange(80))
    assert_recorded_walls(layout, SHELTER["walls"])
    boxes = np.concatenate([layout.boxes, layout.box_size], axis=-1)
    for found, name in ((layout.agents, "agents"), (boxes, "boxes"), (layout.cylinder[:, 0], "cylinder")):
        np.testing.assert_allclose(found, SHELTER[name], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(layout.grid, np.unpackbits(SHELTER["grid"], axis=-1)[..., :30].astype(bool))


def test_open_field_k_with_its_sites_is_the_originals_of_blueprint_construction() -> None:
    layout = sample_layouts(load_experiment("blueprint").world, np.arange(80))
    exists = ~np.isnan(BLUEPRINT["sites"][..., 0])
    np.testing.assert_array_equal(layout.site_mask, exists)
    boxes = np.concatenate([layout.boxes, layout.box_size], axis=-1)
    sites = layout.sites[exists][:, 0], BLUEPRINT["sites"][exists]
    for found, recorded in ((layout.agents, BLUEPRINT["agents"]), (boxes, BLUEPRINT["boxes"]), sites):
        np.testing.assert_allclose(found, recorded, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(layout.grid, np.unpackbits(BLUEPRINT["grid"], axis=-1)[..., :30].astype(bool))


def test_a_cylinder_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"a cylinder of 4\.5 m does not fit about the middle of a field of 4 m"):
        sample_layouts(WorldConfig(scenario="empty", floor_size=4.0, cylinder_diameter=4.5), np.arange(1))


def test_three_rooms_have_a_door_in_each_wall_and_ramps_in_turn() -> None:
    world = WorldConfig(scenario="three-rooms", num_ramps=5)
    layout = sample_layouts(world, np.arange(50))
    assert (layout.doors[..., 2] == 1).all()
    partitions = [draw_three_rooms(world, np.random.RandomState(seed)) for seed in range(50)]
    for row, partition in enumerate(partitions):
        cells = (layout.ramps[row, :, :2] / 0.2).tolist()
        held = [[room.x[0] < x < room.x[1] and room.y[0] < y < room.y[1] for room in partition.rooms] for x, y in cells]
        assert [each.index(True) for each in held] == [0, 1, 2, 0, 1]
        assert all(sum(each) == 1 for each in held)


def test_food_of_world_0_is_the_originals(full: WorldConfig) -> None:
    food = {"num_food": 4, "food_in_the_middle": True, "food_together_radius": 0.4}
    layout = sample_layouts(WorldConfig.model_validate(full.model_dump() | food), np.array([0]))
    np.testing.assert_allclose(layout.food[0], FULL["food"], rtol=0, atol=1e-6)  # six digits went through a text file


def test_doors_are_where_the_original_says(quadrant_layout: Layout) -> None:
    # Its metadata of worlds 0 and 1, in cells: [[15, 6], [15, 7]] and [[16, 15], [17, 15]]; [[15, 9], [15, 10]].
    np.testing.assert_allclose(quadrant_layout.doors[0], [[3.1, 1.4, 1.0], [3.4, 3.1, 1.0]])
    np.testing.assert_allclose(quadrant_layout.doors[1], [[3.1, 2.0, 1.0], [0.0, 0.0, 0.0]])


def boxes_of(layout: Layout, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres and half sizes of everything solid in one world: walls, then agents, boxes, ramps."""
    walls, agents = layout.wall_mask[row], layout.agent_mask[row]
    boxes, ramps = layout.box_mask[row], layout.ramp_mask[row]
    centres = [layout.wall_pos[row, walls], layout.agents[row, agents], layout.boxes[row, boxes]]
    halves = [layout.wall_size[row, walls], np.full((agents.sum(), 3), 0.15), layout.box_size[row, boxes]]
    halves.append(np.full((ramps.sum(), 3), 0.25))
    return np.concatenate([*centres, layout.ramps[row, ramps]]), np.concatenate(halves)


@pytest.mark.parametrize("world", ALL_WORLDS.values(), ids=ALL_WORLDS)
def test_nothing_overlaps_and_everything_is_inside(world: WorldConfig) -> None:
    layout = sample_layouts(world, np.arange(1000, 1030))
    for row in range(30):
        centres, halves = boxes_of(layout, row)
        for i, j in combinations(range(len(centres)), 2):
            gap = np.abs(centres[i] - centres[j]) - halves[i] - halves[j]
            assert gap.max() > -1e-9, f"world {row}: {i} and {j} overlap"
        assert (centres - halves > -1e-9).all()
        assert (centres[:, :2] + halves[:, :2] < layout.floor_size[row] + 1e-9).all()
        np.testing.assert_allclose(centres[:, 2], halves[:, 2])  # all stand on the floor


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_things_start_where_the_scenario_says(world: WorldConfig) -> None:
    layout = sample_layouts(world, np.arange(100))
    wall = layout.floor_size[0] / 2
    kinds = ("agents", "boxes", "ramps")
    inside = {name: (at[..., 0] > wall) & (at[..., 1] < wall) for name, at in vars(layout).items() if name in kinds}
    hiders, seekers = np.split(inside["agents"], [world.max_hiders], axis=1)
    assert inside["boxes"].all()
    assert not seekers.any()
    assert hiders.all() == (world.hider_placement == "quadrant")
    assert inside["ramps"].any() != inside["ramps"].all()


@pytest.mark.parametrize("world", ALL_WORLDS.values(), ids=ALL_WORLDS)
def test_every_existing_door_is_a_hole_in_its_wall(world: WorldConfig) -> None:
    layout = sample_layouts(world, np.arange(50))
    assert layout.doors[..., 2].any()
    for row, slot in zip(*np.nonzero(layout.doors[..., 2]), strict=True):
        door, cell = layout.doors[row, slot, :2], layout.floor_size[row] / world.grid_size
        exists = layout.wall_mask[row]
        distance = np.abs(door - layout.wall_pos[row, exists, :2]) - layout.wall_size[row, exists, :2]
        gap = distance.max(axis=1)  # to each wall, in the larger of the two directions
        between_ends = (world.door_size + 1.5) * cell / 2
        # Where a part of one cell was dropped, the other wall's end stands half a cell into the gap.
        assert gap.min() == pytest.approx(between_ends) or gap.min() == pytest.approx(between_ends - cell / 2)


def test_both_doors_exist_without_drop_out_and_one_with_it() -> None:
    seeds = np.arange(60)
    both = sample_layouts(WorldConfig(door_dropout=0.0), seeds).doors[..., 2]
    one = sample_layouts(WorldConfig(door_dropout=1.0), seeds).doors[..., 2]
    assert (both == 1).all()
    assert (one.sum(axis=1) == 1).all()
    assert (one.sum(axis=0) > 0).all()  # either wall may stay solid


@pytest.mark.parametrize("door_size", [0, 15])
def test_a_door_that_is_absent_or_does_not_fit_leaves_the_room_closed(door_size: int) -> None:
    layout = sample_layouts(WorldConfig(door_size=door_size), np.arange(5))
    assert not layout.doors.any()
    np.testing.assert_array_equal(layout.wall_mask.sum(axis=1), 6)


@pytest.mark.parametrize("world", ALL_WORLDS.values(), ids=ALL_WORLDS)
def test_what_is_absent_has_harmless_numbers(world: WorldConfig) -> None:
    layout = sample_layouts(world, np.arange(50))
    walls = ~layout.wall_mask
    assert walls.any()
    assert (layout.wall_pos[walls][:, 2] < -10).all()
    assert (layout.wall_size > 0).all()
    assert not layout.agents[~layout.agent_mask].any()
    assert not layout.boxes[~layout.box_mask].any()
    assert (layout.box_size[~layout.box_mask] == world.box_size / 2).all()
    assert not layout.ramps[~layout.ramp_mask].any()
    assert all(np.isfinite(values).all() for values in vars(layout).values())


@pytest.mark.parametrize("world", ALL_WORLDS.values(), ids=ALL_WORLDS)
def test_counts_take_every_value_of_their_range_and_fill_the_first_places(world: WorldConfig) -> None:
    layout = sample_layouts(world, np.arange(150))
    hiders, seekers = np.split(layout.agent_mask, [world.max_hiders], axis=1)
    kinds = (world.num_hiders, hiders), (world.num_seekers, seekers)
    for count, mask in (*kinds, (world.num_boxes, layout.box_mask), (world.num_ramps, layout.ramp_mask)):
        low, high = count if isinstance(count, tuple) else (count, count)
        assert set(mask.sum(axis=1)) == set(range(low, high + 1))
        assert (np.sort(mask, axis=1)[:, ::-1] == mask).all()


def test_boxes_come_elongated_along_x_then_along_y_then_as_cubes(full_layout: Layout) -> None:
    kinds = set()
    for sizes, mask in zip(full_layout.box_size, full_layout.box_mask, strict=True):
        kind = [0 if x > y else 1 if x < y else 2 for x, y, _ in sizes[mask]]
        assert kind == sorted(kind)
        assert kind.count(2) <= len(kind) - 3  # at least three are elongated
        kinds |= set(kind)
    assert kinds == {0, 1, 2}


@pytest.mark.parametrize("name", ["num_hiders", "num_seekers", "floor_size"])
def test_a_world_with_a_drawn_team_or_field_is_the_world_with_that_one(full: WorldConfig, name: str) -> None:
    ranges = {"num_hiders": (1, 3), "num_seekers": (0, 3), "floor_size": (5.0, 9.0)}
    varied = sample_layouts(WorldConfig.model_validate(full.model_dump() | {name: ranges[name]}), np.arange(12))
    num_hiders = 3 if name == "num_hiders" else 2
    for seed in range(12):
        hiders, seekers = np.split(varied.agent_mask[seed], [num_hiders])
        drawn = {"num_hiders": sum(hiders.tolist()), "num_seekers": sum(seekers.tolist())}
        drawn["floor_size"] = varied.floor_size[seed].item()
        fixed = sample_layouts(WorldConfig.model_validate(full.model_dump() | {name: drawn[name]}), np.array([seed]))
        np.testing.assert_array_equal(varied.agents[seed, varied.agent_mask[seed]], fixed.agents[0])
        for same in ("boxes", "box_size", "box_mask", "ramps", "grid", "doors", "floor_size", "wall_mask"):
            np.testing.assert_array_equal(getattr(varied, same)[seed], getattr(fixed, same)[0], err_msg=same)


def test_food_forms_clusters() -> None:
    food = {"num_food": 6, "num_food_clusters": 2, "food_together_radius": 0.4}
    layout = sample_layouts(WorldConfig.model_validate(OPEN | food), np.arange(50))
    clusters = layout.food.reshape(50, 2, 3, 3)
    away = np.abs(clusters - clusters[:, :, :1])
    assert away.max() < 0.4 + 2 * 0.2
    assert np.abs(clusters[:, 0, 0] - clusters[:, 1, 0]).max() > 2.0
    np.testing.assert_allclose(layout.food[..., 2], 0.05)


@pytest.mark.parametrize("world", ALL_WORLDS.values(), ids=ALL_WORLDS)
def test_equal_seeds_give_equal_worlds_wherever_they_stand(world: WorldConfig) -> None:
    seeds = np.array([7, 3, 7, 2**32 - 1, 0, 3])
    layout = sample_layouts(world, seeds)
    for row, seed in enumerate(seeds):
        alone = sample_layouts(world, np.array([seed]))
        assert_same(alone, Layout(**{field.name: getattr(layout, field.name)[[row]] for field in fields(Layout)}))


def test_different_seeds_give_different_worlds() -> None:
    agents = sample_layouts(WorldConfig(), np.arange(100)).agents
    assert len(np.unique(agents[:, 0, 0])) == 100


def test_layouts_leave_the_global_random_numbers_alone() -> None:
    np.random.seed(5)
    expected = np.random.random_sample()
    np.random.seed(5)
    sample_layouts(WorldConfig(), np.arange(5))
    assert np.random.random_sample() == expected


def test_no_seeds_give_an_empty_layout() -> None:
    layout = sample_layouts(WorldConfig(num_boxes=0, num_ramps=0), np.zeros(0, dtype=np.int64))
    assert layout.agents.shape == (0, 4, 3)
    assert layout.boxes.shape == (0, 0, 3)
    assert layout.grid.shape == (0, 30, 30)


def test_objects_that_never_fit_together_end_in_an_error() -> None:
    crowded = world_with(num_boxes=9, box_size=1.5)
    with pytest.raises(ConfigError, match=f"world 4 found no free place .* {MAX_BUILDS} attempts; use fewer"):
        sample_layouts(crowded, np.array([4]))


def test_rooms_that_cannot_be_made_end_in_an_error() -> None:
    world = WorldConfig.model_validate(OPEN | {"num_rooms": 12, "random_room_number": False, "floor_size": 3.0})
    with pytest.raises(ConfigError, match="world 0 found no free place for every room"):
        sample_layouts(world.model_copy(update={"grid_size": 15, "num_boxes": 0, "num_ramps": 0}), np.array([0]))


def test_an_object_too_large_for_the_smallest_field_is_refused_at_once() -> None:
    world = WorldConfig.model_validate({"floor_size": [4.0, 9.0], "grid_size": 20, "box_size": 2.0})
    with pytest.raises(ConfigError, match=r"a box of 2 m does not fit \(room\) on a field of 4 m"):
        sample_layouts(world, np.array([0]))


def test_an_object_too_large_for_its_place_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"a box of 2 m does not fit \(room\) on a field of 4 m"):
        sample_layouts(world_with(floor_size=4.0, grid_size=20, box_size=2.0), np.array([0]))


def world_with(**settings: float) -> WorldConfig:
    return WorldConfig.model_validate(settings)
