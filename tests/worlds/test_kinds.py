"""Several kinds of worlds in one game: the same exists in all of them, and starts elsewhere."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from evo_hns.config import WorldConfig
from evo_hns.worlds.layout import SEEDS_OF_A_KIND, Layout, sample_layouts

OWN = WorldConfig(num_hiders=1, num_seekers=1)
ROOM = {"hider_placement": "quadrant", "door_dropout": 1.0}
NEAR = {"box_door_distance": 0.6, "ramp_wall_distance": 0.6, "seeker_placement": "quadrant"}
KINDS = [WorldConfig.model_validate(OWN.model_dump() | changes) for changes in (ROOM, NEAR)]
SEEDS = np.arange(200)


def assert_same(one: Layout, other: Layout) -> None:
    for field in fields(Layout):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_a_world_of_a_kind_is_that_of_a_game_of_this_kind_wherever_it_stands() -> None:
    seeds = np.array([3, SEEDS_OF_A_KIND + 3, 2 * SEEDS_OF_A_KIND + 3, 3, SEEDS_OF_A_KIND + 7])
    mixed = sample_layouts(OWN, seeds, KINDS)
    for row, (kind, seed) in enumerate([(OWN, 3), (KINDS[0], 3), (KINDS[1], 3), (OWN, 3), (KINDS[0], 7)]):
        alone = sample_layouts(kind, np.array([seed]))
        for field in fields(Layout):
            np.testing.assert_array_equal(getattr(mixed, field.name)[row], getattr(alone, field.name)[0])


def test_a_kind_that_changes_nothing_has_the_games_own_worlds() -> None:
    assert_same(sample_layouts(OWN, SEEDS + SEEDS_OF_A_KIND, [OWN]), sample_layouts(OWN, SEEDS))


@pytest.fixture(scope="module")
def near() -> Layout:
    return sample_layouts(OWN, SEEDS + 2 * SEEDS_OF_A_KIND, KINDS)


def test_boxes_start_in_the_room_near_a_door(near: Layout) -> None:
    usual = sample_layouts(OWN, SEEDS)
    room = (near.boxes[..., 0] > 3.0) & (near.boxes[..., 1] < 3.0)
    assert room.all()
    gaps = []
    for layout in (near, usual):
        ways = np.linalg.norm(layout.boxes[:, :, None, :2] - layout.doors[:, None, :, :2], axis=-1)
        gaps.append(np.where(layout.doors[:, None, :, 2] > 0, ways, np.inf).min(2))
    assert gaps[0].max() < 1.4  # 0.6 m and half of a box and half of the door, across and along
    assert gaps[0].mean() < 0.6 * gaps[1].mean()


def test_ramps_start_outside_near_a_wall_of_the_room(near: Layout) -> None:
    x, y = near.ramps[:, 0, 0], near.ramps[:, 0, 1]
    assert not ((x > 3.0) & (y < 3.0)).any()
    left, above = y < 3.0, x > 3.0
    assert (left ^ above).all()
    assert np.where(left, 3.0 - x, y - 3.0).min() > 0.25 and np.where(left, 3.0 - x, y - 3.0).max() < 1.0


def test_seekers_can_start_in_the_room(near: Layout) -> None:
    seekers = near.agents[:, 1]
    assert ((seekers[:, 0] > 3.0) & (seekers[:, 1] < 3.0)).all()
