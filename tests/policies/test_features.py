"""Features are what a plain loop computes, turn with the world, and know nothing hidden."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evo_hns.policies.features import BOX, HIDDEN, MATE, NUM_OWN, NUM_POSE, OPPONENT, RAMP, encode, row_widths

WORLD_COLUMNS = [0, 1, 3, 4]  # of the agent itself: place and heading, which it knows absolutely


def plain_pose(me, other, shift, sin_other, cos_other, velocity):
    """Columns of an entity, by rotating vectors as complex numbers whose real axis looks ahead."""
    ahead = complex(math.sin(me[3]), -math.cos(me[3]))
    offset = complex(other[0] - me[0] + shift, other[1] - me[1] + shift) / ahead
    speed = complex(*velocity) / ahead
    angle = math.atan2(sin_other, cos_other) - me[3]
    direction = offset / abs(offset)
    closeness = 1 / (1 + abs(offset))
    return [
        *(direction.real, direction.imag, closeness, speed.real / 5, speed.imag / 5),
        *(2 * (other[2] - me[2]), math.sin(angle), math.cos(angle)),
    ]


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
    observation = random_observation(make_spec(num_rays=num_rays), 5)
    own = encode(observation).own
    for w, a in np.ndindex(*own.shape[:2]):
        x, y, z, rz, vx, vy, _, turning, _, clock = observation.observation_self[w, a].tolist()
        speed = complex(vx, vy) / complex(math.sin(rz), -math.cos(rz)) / 5
        expected = [(x - 3) / 3, (y - 3) / 3, 2 * z, math.sin(rz), math.cos(rz)]
        expected += [speed.real, speed.imag, turning / 5, clock, float(clock < 1)]
        np.testing.assert_allclose(own[w, a, :NUM_OWN], expected, rtol=1e-5, atol=1e-6)
        sectors = plain_sectors(observation.lidar[w, a, :, 0].numpy(), rz)
        np.testing.assert_allclose(own[w, a, NUM_OWN:], sectors, rtol=1e-5)


def test_rows_of_entities_equal_a_plain_loop(make_spec, random_observation):
    observation = random_observation(make_spec(), 6)
    features = encode(observation)
    sees = np.concatenate([observation.mask_aa_obs, observation.mask_ab_obs, observation.mask_ar_obs], -1)
    assert np.array_equal(features.kinds != HIDDEN, sees)
    for w, a, e in np.argwhere(sees):
        me = observation.observation_self[w, a].tolist()
        if e < 3:
            other = observation.agent_qpos_qvel[w, a, e].tolist()
            kind = MATE if other[8] == me[8] else OPPONENT
            expected = plain_pose(me, other, 0.0, math.sin(other[3]), math.cos(other[3]), other[4:6])
        else:
            kind, things, j = (BOX, observation.box_obs, e - 3) if e < 5 else (RAMP, observation.ramp_obs, e - 5)
            thing = things[w, a, j].tolist()
            expected = plain_pose(me, thing, 0.25 - 0.15, thing[4], thing[3], thing[5:7]) + thing[9:]
        assert features.kinds[w, a, e] == kind
        np.testing.assert_allclose(features.rows[w, a, e, : len(expected)], expected, rtol=1e-5, atol=1e-6)


def test_a_wall_ahead_shows_in_sector_zero_and_one_to_the_left_in_the_first_half(make_spec, random_observation):
    observation = random_observation(make_spec(), 1)
    observation.observation_self[..., 3] = math.pi / 2  # front along +x, where ray 0 points
    observation.lidar[:] = 6.0
    observation.lidar[:, :, 0] = 0.2
    assert (encode(observation).own[..., NUM_OWN:].argmax(-1) == 0).all()
    observation.observation_self[..., 3] = 0.0  # front along -y: +x is to the left
    assert (encode(observation).own[..., NUM_OWN:].argmax(-1) < 7).all()


@pytest.mark.parametrize("rays", [5, 10, 15, 25])
def test_what_is_egocentric_does_not_notice_that_the_world_is_turned(make_spec, random_observation, turned, rays):
    observation = random_observation(make_spec(), 4)
    before, after = encode(observation), encode(turned(observation, 2 * math.pi * rays / 30))
    relative = [k for k in range(before.own.shape[-1]) if k not in WORLD_COLUMNS]
    np.testing.assert_allclose(after.own[..., relative], before.own[..., relative], atol=2e-6)
    seen = before.kinds != HIDDEN
    np.testing.assert_allclose(after.rows[seen][:, :NUM_POSE], before.rows[seen][:, :NUM_POSE], atol=2e-6)


def test_features_are_of_order_one(make_spec, random_observation):
    features = encode(random_observation(make_spec(), 50))
    assert np.abs(features.own).max() < 2.5
    assert np.abs(features.rows[features.kinds != HIDDEN][:, :NUM_POSE]).max() < 2.5


def test_the_preparation_is_over_with_its_last_step(make_spec, random_observation):
    observation = random_observation(make_spec(), 3)
    for world, steps in enumerate((31, 32, 33)):
        observation.observation_self[world, :, 9] = min(1.0, steps / (32 + 1e-5))
    assert encode(observation).own[:, 0, 9].tolist() == [1.0, 0.0, 0.0]


def test_lock_columns_are_read_only_where_the_game_has_them(make_spec):
    assert row_widths(make_spec()) == (8, 8, 11, 8)
