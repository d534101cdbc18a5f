"""Random walls: how many rooms they make, and how one gets from one to another."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.config import WorldConfig
from evo_hns.worlds.random_walls import MIN_ROOM_SIZE, draw_random_walls
from evo_hns.worlds.scenarios import num_doors, num_walls
from evo_hns.worlds.walls import Partition, mark_walls

SEEDS = range(40)


def drawn(world: WorldConfig, seed: int) -> Partition:
    partition = draw_random_walls(world, np.random.RandomState(seed))
    assert partition is not None
    return partition


def world_with(**settings: float) -> WorldConfig:
    return WorldConfig.model_validate({"scenario": "randomwalls", "random_room_number": False, **settings})


def separate_areas(partition: Partition) -> int:
    """Number of areas of free cells that hang together."""
    taken = np.zeros((30, 30), dtype=bool)
    mark_walls(taken, partition.outer + partition.inner)
    areas = 0
    for start in zip(*np.nonzero(~taken), strict=True):
        areas += not taken[start]
        stack = [start]
        while stack:
            x, y = stack.pop()
            if 0 <= x < 30 and 0 <= y < 30 and not taken[x, y]:
                taken[x, y] = True
                stack += [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
    return areas


@pytest.mark.parametrize("num_rooms", [1, 2, 4, 6])
def test_walls_make_the_number_of_rooms_and_doors_join_them_all(num_rooms: int) -> None:
    for seed in SEEDS:
        closed = drawn(world_with(num_rooms=num_rooms, door_size=0), seed)
        assert separate_areas(closed) == num_rooms
        assert len(closed.inner) == num_rooms - 1
        assert closed.doors == [None] * (num_rooms - 1)
        assert separate_areas(drawn(world_with(num_rooms=num_rooms), seed)) == 1


def test_the_number_of_rooms_may_be_drawn() -> None:
    world = WorldConfig(scenario="randomwalls", num_rooms=4, door_size=0)
    assert {separate_areas(drawn(world, seed)) for seed in SEEDS} == {1, 2, 3, 4}


def test_slots_suffice_for_every_world() -> None:
    world = world_with(num_rooms=6)
    assert (num_walls(world), num_doors(world)) == (14, 5)
    for seed in SEEDS:
        partition = drawn(world, seed)
        assert len(partition.inner) <= 10
        assert len(partition.doors) == 5
        assert sum(door is not None for door in partition.doors) == 5


@pytest.mark.parametrize(("probability", "shares"), [(0.0, {0}), (1.0, {4}), (0.5, {0, 4})])
def test_outer_walls_are_kept_as_often_as_asked(probability: float, shares: set[int]) -> None:
    world = world_with(outer_walls_probability=probability)
    assert {len(drawn(world, seed).outer) for seed in SEEDS} == shares


def test_rooms_are_wider_than_the_least_size() -> None:
    for seed in SEEDS:
        lines: dict[bool, set[int]] = {True: {0, 29}, False: {0, 29}}
        for wall in drawn(world_with(num_rooms=2, door_size=0), seed).inner:
            lines[wall.is_vertical].add(wall.line)
        assert all(np.diff(sorted(at)).min() > MIN_ROOM_SIZE for at in lines.values())


def test_rooms_that_cannot_be_made_reject_the_build() -> None:
    world = WorldConfig(scenario="randomwalls", num_rooms=12, random_room_number=False, grid_size=15, floor_size=3.0)
    assert draw_random_walls(world, np.random.RandomState(0)) is None
