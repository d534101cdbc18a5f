"""Layouts against 200 recorded worlds of the original, and what must hold in any world."""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from evo_hns.config import ConfigError, WorldConfig
from evo_hns.worlds import Layout, sample_layouts
from evo_hns.worlds.layout import MAX_BUILDS

RECORDED = np.load(Path(__file__).parents[1] / "data" / "worlds_quadrant.npz")

WORLDS = {
    "original": WorldConfig(),
    "crowded": WorldConfig(num_hiders=3, num_seekers=4, num_boxes=4, num_ramps=3),
    "hiders in the room": WorldConfig(hider_placement="quadrant"),
    "large field": WorldConfig(floor_size=12.0, grid_size=48, box_size=0.8, door_size=3),
    "small field": WorldConfig(floor_size=4.0, grid_size=20, num_boxes=1, door_dropout=0.0),
}


@pytest.fixture(scope="module")
def recorded_layout() -> Layout:
    return sample_layouts(WorldConfig(), np.arange(200))


def assert_same(one: Layout, other: Layout) -> None:
    for field in fields(Layout):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def test_world_k_has_the_walls_of_the_originals_world_k(recorded_layout: Layout) -> None:
    exists = ~np.isnan(RECORDED["walls"][..., 0])
    np.testing.assert_array_equal(recorded_layout.wall_mask, exists)
    walls = np.concatenate([recorded_layout.wall_pos, recorded_layout.wall_size], axis=-1)
    np.testing.assert_allclose(walls[exists], RECORDED["walls"][exists], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["agents", "boxes", "ramps"])
def test_world_k_has_the_objects_of_the_originals_world_k(recorded_layout: Layout, name: str) -> None:
    np.testing.assert_allclose(getattr(recorded_layout, name), RECORDED[name], rtol=0, atol=1e-12)


def test_world_k_has_the_occupied_cells_of_the_originals_world_k(recorded_layout: Layout) -> None:
    cells = np.unpackbits(RECORDED["grid"], axis=-1)[..., :30].astype(bool)
    np.testing.assert_array_equal(recorded_layout.grid, cells)


def test_doors_are_where_the_original_says(recorded_layout: Layout) -> None:
    # Its metadata of worlds 0 and 1, in cells: [[15, 6], [15, 7]] and [[16, 15], [17, 15]]; [[15, 9], [15, 10]].
    np.testing.assert_allclose(recorded_layout.doors[0], [[3.1, 1.4, 1.0], [3.4, 3.1, 1.0]])
    np.testing.assert_allclose(recorded_layout.doors[1], [[3.1, 2.0, 1.0], [0.0, 0.0, 0.0]])


def boxes_of(layout: Layout, world: WorldConfig, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres and half sizes of everything solid in one world: walls, then agents, boxes, ramps."""
    exists = layout.wall_mask[row]
    movable = np.concatenate([layout.agents[row], layout.boxes[row], layout.ramps[row]])
    halves = [0.15] * world.num_agents + [world.box_size / 2] * world.num_boxes + [0.25] * world.num_ramps
    centres = np.concatenate([layout.wall_pos[row, exists], movable])
    return centres, np.concatenate([layout.wall_size[row, exists], np.repeat(halves, 3).reshape(-1, 3)])


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_nothing_overlaps_and_everything_is_inside(world: WorldConfig) -> None:
    layout = sample_layouts(world, np.arange(1000, 1030))
    for row in range(30):
        centres, halves = boxes_of(layout, world, row)
        for i, j in combinations(range(len(centres)), 2):
            gap = np.abs(centres[i] - centres[j]) - halves[i] - halves[j]
            assert gap.max() > -1e-9, f"world {row}: {i} and {j} overlap"
        assert (centres - halves > -1e-9).all()
        assert (centres[:, :2] + halves[:, :2] < world.floor_size + 1e-9).all()
        np.testing.assert_allclose(centres[:, 2], halves[:, 2])  # all stand on the floor


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_things_start_where_the_scenario_says(world: WorldConfig) -> None:
    layout = sample_layouts(world, np.arange(100))
    wall = world.floor_size / 2
    inside = {name: (at[..., 0] > wall) & (at[..., 1] < wall) for name, at in vars(layout).items() if name != "grid"}
    hiders, seekers = np.split(inside["agents"], [world.num_hiders], axis=1)
    assert inside["boxes"].all()
    assert not seekers.any()
    assert hiders.all() == (world.hider_placement == "quadrant")
    assert inside["ramps"].any() != inside["ramps"].all()


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_every_existing_door_is_a_hole_in_its_wall(world: WorldConfig) -> None:
    layout = sample_layouts(world, np.arange(50))
    cell = world.floor_size / world.grid_size
    for row, slot in zip(*np.nonzero(layout.doors[..., 2]), strict=True):
        door = layout.doors[row, slot, :2]
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


def test_absent_walls_are_parked_far_below() -> None:
    layout = sample_layouts(WorldConfig(), np.arange(50))
    absent = ~layout.wall_mask
    assert absent.any()
    assert (layout.wall_pos[absent][:, 2] < -10).all()
    assert (layout.wall_size > 0).all()


def test_equal_seeds_give_equal_worlds_wherever_they_stand() -> None:
    seeds = np.array([7, 3, 7, 2**32 - 1, 0, 3])
    layout = sample_layouts(WorldConfig(), seeds)
    for row, seed in enumerate(seeds):
        alone = sample_layouts(WorldConfig(), np.array([seed]))
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


def test_an_object_too_large_for_its_place_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"a box of 2 m does not fit \(room\) on a field of 4 m"):
        sample_layouts(world_with(floor_size=4.0, grid_size=20, box_size=2.0), np.array([0]))


def world_with(**settings: float) -> WorldConfig:
    return WorldConfig.model_validate(settings)
