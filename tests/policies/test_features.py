"""Features are what a plain loop computes, turn with the world, and know nothing hidden."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evo_hns.policies.features import (
    BOX,
    FOOD,
    HIDDEN,
    MATE,
    NUM_SELF,
    OPPONENT,
    RAMP,
    SITE,
    encode,
    entity_widths,
    num_sectors,
)
from evo_hns.spec import ObjectColumns

WORLD_COLUMNS = [0, 1, 3, 4]  # of the agent itself: place and heading, which it knows absolutely


def plain_direction(me, centre):
    """Direction and closeness of a place, by rotating vectors as complex numbers whose real axis looks ahead."""
    offset = complex(centre[0] - me[0] - 0.15, centre[1] - me[1] - 0.15) / ahead(me)
    direction = offset / abs(offset)
    return [direction.real, direction.imag, 1 / (1 + abs(offset))]


def plain_pose(me, centre, z, heading, velocity):
    """Columns of an agent or an object."""
    speed, angle = complex(*velocity) / ahead(me) / 5, heading - me[3]
    return [
        *(*plain_direction(me, centre), speed.real, speed.imag),
        *(2 * (z - me[2]), math.sin(angle), math.cos(angle)),
    ]


def ahead(me):
    return complex(math.sin(me[3]), -math.cos(me[3]))


def plain_object(me, thing, columns, is_box):
    """Columns of a box or a ramp, with its numbers taken one after the other."""
    numbers = iter(thing)
    x, y, z = (next(numbers) for _ in range(3))
    angles = [next(numbers) for _ in range(columns.num_angles)]
    if columns.polar:
        angles = [math.atan2(next(numbers), cosine) for cosine in angles]
    vx, vy, *_ = (next(numbers) for _ in range(3 + columns.num_angles))
    if columns.has_index:
        next(numbers)
    size = [next(numbers) for _ in range(3)] if columns.has_size else []
    width, depth = size[:2] if size and is_box else (0.5, 0.5)
    pose = plain_pose(me, (x + width / 2, y + depth / 2), z, angles[-1], (vx, vy))
    return [*pose, *(size[:2] if is_box else []), *numbers]


def plain_sectors(lidar, rz):
    """Closeness seen at even angles from the heading on: half of it beside, half of it at the angle itself."""
    num_rays = len(lidar)
    angles = np.arange(-2, num_rays + 3)
    closeness = (1 / (1 + lidar))[angles % num_rays]
    ahead = ((rz - math.pi / 2) / (2 * math.pi) * num_rays) % num_rays
    count = num_rays // 2
    read = [[np.interp((ahead + i * num_rays / count) % num_rays + d, angles, closeness) for d in (-1, 0, 1)]
            for i in range(count)]  # fmt: skip
    return [0.25 * a + 0.5 * b + 0.25 * c for a, b, c in read]


@pytest.mark.parametrize("num_rays", [30, 31, 8])
def test_what_an_agent_knows_of_itself_equals_a_plain_loop(make_spec, random_observation, num_rays):
    spec = make_spec(num_rays=num_rays)
    observation = random_observation(spec, 5)
    own = encode(observation, spec).self_features
    for w, a in np.ndindex(*own.shape[:2]):
        x, y, z, rz, vx, vy, _, turning, _, clock = observation.observation_self[w, a].tolist()
        speed = complex(vx, vy) / complex(math.sin(rz), -math.cos(rz)) / 5
        expected = [(x - 3) / 3, (y - 3) / 3, 2 * z, math.sin(rz), math.cos(rz)]
        expected += [speed.real, speed.imag, turning / 5, clock, float(clock < 1)]
        np.testing.assert_allclose(own[w, a, :NUM_SELF], expected, rtol=1e-5, atol=1e-6)
        sectors = plain_sectors(observation.lidar[w, a, :, 0].numpy(), rz)
        np.testing.assert_allclose(own[w, a, NUM_SELF:], sectors, rtol=1e-5)


COLUMNS = [
    ObjectColumns(has_locks=False),
    ObjectColumns(),
    ObjectColumns(has_size=True),
    ObjectColumns(polar=False, has_index=True),
    ObjectColumns(num_angles=3),
    ObjectColumns(num_angles=3, polar=False, has_index=True, has_size=True),
]


@pytest.mark.parametrize("boxes", COLUMNS)
@pytest.mark.parametrize("ramps", [COLUMNS[0], COLUMNS[2], COLUMNS[4]])
@pytest.mark.parametrize(("num_food", "num_sites"), [(0, 0), (2, 0), (0, 2), (1, 3)])
def test_rows_of_entities_equal_a_plain_loop(make_spec, random_observation, boxes, ramps, num_food, num_sites):
    spec = make_spec(2, 2, 3, 2, box_columns=boxes, ramp_columns=ramps, num_food=num_food, num_sites=num_sites)
    observation = random_observation(spec, 6, absent=0.2)
    features, widths = encode(observation, spec), entity_widths(spec)
    masks = [getattr(observation, f"mask_{kind}_obs") for kind in ("aa", "ab", "ar", "af", "acs")]
    sees = np.concatenate(masks, -1)
    assert np.array_equal(features.entity_types != HIDDEN, sees)
    for w, a, e in np.argwhere(sees):
        me = observation.observation_self[w, a].tolist()
        if e < 3:
            x, y, z, heading, vx, vy, _, _, is_hider, _ = observation.agent_qpos_qvel[w, a, e].tolist()
            kind = MATE if is_hider == me[8] else OPPONENT
            expected = plain_pose(me, (x + 0.15, y + 0.15), z, heading, (vx, vy))
        elif e < 6:
            kind, expected = BOX, plain_object(me, observation.box_obs[w, a, e - 3].tolist(), boxes, True)
        elif e < 8:
            kind, expected = RAMP, plain_object(me, observation.ramp_obs[w, a, e - 6].tolist(), ramps, False)
        elif e >= 8 + num_food:
            x, y = observation.construction_site_obs[w, a, e - 8 - num_food, :2].tolist()
            kind, expected = SITE, plain_direction(me, (x, y))
        else:
            x, y, z, health = observation.food_obs[w, a, e - 8].tolist()
            kind, expected = FOOD, [*plain_direction(me, (x, y)), 2 * (z - me[2]), health / (1 + health)]
        assert features.entity_types[w, a, e] == kind
        assert len(expected) == widths[kind]
        np.testing.assert_allclose(features.entity_features[w, a, e, : len(expected)], expected, rtol=1e-5, atol=1e-6)


def test_a_wall_ahead_shows_in_sector_zero_and_one_to_the_left_in_the_first_half(make_spec, random_observation):
    observation = random_observation(make_spec(), 1)
    observation.observation_self[..., 3] = math.pi / 2  # front along +x, where ray 0 points
    observation.lidar[:] = 6.0
    observation.lidar[:, :, 0] = 0.2
    assert (encode(observation, make_spec()).self_features[..., NUM_SELF:].argmax(-1) == 0).all()
    observation.observation_self[..., 3] = 0.0  # front along -y: +x is to the left
    assert (encode(observation, make_spec()).self_features[..., NUM_SELF:].argmax(-1) < 7).all()


@pytest.mark.parametrize("rays", [5, 10, 15, 25])
@pytest.mark.parametrize("has_size", [False, True])
def test_what_is_egocentric_does_not_notice_that_the_world_is_turned(
    make_spec, random_observation, turned, rays, has_size
):
    spec = make_spec(num_boxes=3, box_columns=ObjectColumns(has_size=has_size), num_food=2)
    observation = random_observation(spec, 4)
    before, after = encode(observation, spec), encode(turned(observation, 2 * math.pi * rays / 30), spec)
    relative = [k for k in range(before.self_features.shape[-1]) if k not in WORLD_COLUMNS]
    np.testing.assert_allclose(after.self_features[..., relative], before.self_features[..., relative], atol=2e-6)
    for kind, width in enumerate(entity_widths(spec)):
        seen = before.entity_types == kind
        assert seen.any()
        np.testing.assert_allclose(
            after.entity_features[seen][:, :width], before.entity_features[seen][:, :width], atol=3e-6
        )


def test_features_are_of_order_one(make_spec, random_observation):
    spec = make_spec(box_columns=ObjectColumns(has_size=True), num_food=3)
    features = encode(random_observation(spec, 50), spec)
    assert np.abs(features.self_features).max() < 2.5
    for kind, width in enumerate(entity_widths(spec)):
        assert np.abs(features.entity_features[features.entity_types == kind][:, :width]).max() < 2.5


def test_the_preparation_is_over_with_its_last_step(make_spec, random_observation):
    observation = random_observation(make_spec(), 3)
    for world, steps in enumerate((31, 32, 33)):
        observation.observation_self[world, :, 9] = min(1.0, steps / (32 + 1e-5))
    assert encode(observation, make_spec()).self_features[:, 0, 9].tolist() == [1.0, 0.0, 0.0]


def test_columns_are_read_only_where_the_game_has_them(make_spec):
    sized = ObjectColumns(has_size=True)
    assert entity_widths(make_spec()) == (8, 8, 11, 8)
    assert entity_widths(make_spec(box_columns=sized, ramp_columns=sized, num_food=1)) == (8, 8, 13, 11, 5)
    assert entity_widths(make_spec(num_sites=1)) == (8, 8, 11, 8, 0, 3)
    assert [num_sectors(make_spec(num_rays=n)) for n in (0, 1, 8, 30, 31)] == [0, 1, 4, 15, 15]


@pytest.mark.parametrize(("width", "depth"), [(1.65, 0.15), (0.15, 1.65), (0.5, 0.5)])
def test_a_box_ahead_is_ahead_however_long_it_is(make_spec, random_observation, width, depth):
    spec = make_spec(box_columns=ObjectColumns(has_size=True))
    observation = random_observation(spec, 3, visible=1.0)
    observation.observation_self[..., :2] = 3.0 - 0.15
    observation.observation_self[..., 3] = math.pi / 2  # front along +x
    observation.box_obs[..., 0], observation.box_obs[..., 1] = 5.0 - width / 2, 3.0 - depth / 2
    observation.box_obs[..., 9], observation.box_obs[..., 10] = width, depth
    features = encode(observation, spec)
    boxes = features.entity_features[features.entity_types == BOX]
    np.testing.assert_allclose(boxes[:, :3], [[1.0, 0.0, 1 / 3]] * len(boxes), atol=1e-6)
