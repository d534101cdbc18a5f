from __future__ import annotations

import math

import pytest
import torch

from evo_hns.envs.vision import CONE_HALF_ANGLE, circulant, in_cone, lidar_directions, lidar_reading


def cone(angle: float, x: float, y: float) -> bool:
    """One agent that turned by `angle`, one target at an offset."""
    return in_cone(math.cos(angle), math.sin(angle), x, y)


def slow_cone(angle: float, x: float, y: float) -> bool:
    """The original's words: the angle between the heading and the target, by arc cosine."""
    heading = angle - math.pi / 2
    distance = math.hypot(x, y)
    if distance == 0.0:
        return True
    dot = (x * math.cos(heading) + y * math.sin(heading)) / distance
    return abs(math.acos(max(-1.0, min(1.0, dot)))) <= CONE_HALF_ANGLE


def test_cone_agrees_with_the_arc_cosine_everywhere():
    rng = torch.Generator().manual_seed(0)
    samples = (torch.rand(4000, 3, generator=rng).double() * 2 - 1).tolist()
    assert all(cone(7 * a, 3 * x, 3 * y) == slow_cone(7 * a, 3 * x, 3 * y) for a, x, y in samples)


def test_cone_is_135_degrees_wide_around_minus_y():
    edge = CONE_HALF_ANGLE
    for side in (-1, 1):
        inner, outer = side * (edge - 1e-9), side * (edge + 1e-9)
        assert cone(0.0, math.sin(inner), -math.cos(inner))
        assert not cone(0.0, math.sin(outer), -math.cos(outer))
    assert not cone(0.0, 0.0, 1.0)


def test_a_target_at_the_agent_itself_is_in_the_cone():
    assert cone(1.0, 0.0, 0.0)


def test_others_are_listed_backwards_from_the_agent():
    assert circulant(4).tolist() == [[3, 2, 1], [0, 3, 2], [1, 0, 3], [2, 1, 0]]


def test_lidar_starts_along_x_and_turns_counterclockwise():
    rays = lidar_directions(4)
    expected = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], dtype=torch.float64)
    assert torch.allclose(rays, expected, atol=1e-15)


def test_lidar_reads_a_miss_as_six_metres_and_a_far_hit_as_it_is():
    assert [lidar_reading(d, None) for d in (-1.0, 0.0, 2.5, 7.3)] == [6.0, 0.0, 2.5, 7.3]


def test_compressed_lidar_saturates():
    observed = [lidar_reading(d, 2.0) for d in (-1.0, 0.0, 2.5, 7.3)]
    assert observed == pytest.approx([2.0 * math.tanh(d / 2.0) for d in (6.0, 0.0, 2.5, 7.3)], rel=1e-15)


def test_an_agent_may_have_no_lidar():
    assert lidar_directions(0).shape == (0, 3)
