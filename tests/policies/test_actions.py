"""From the agent's own directions to the bins of the game."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evo_hns.policies.actions import decide, movement_bin


@pytest.mark.parametrize(
    ("force", "bin"),
    [(0.0, 5), (1.0, 10), (-1.0, 0), (7.0, 10), (-7.0, 0), (0.09, 5), (0.11, 6), (-0.11, 4), (math.nan, 0)],
)
def test_a_force_goes_to_the_next_bin(force, bin):
    assert movement_bin(force) == bin


@pytest.mark.parametrize(
    ("rz", "forward", "left"),
    [
        (0.0, (5, 0), (10, 5)),
        (math.pi / 2, (10, 5), (5, 10)),
        (math.pi, (5, 10), (0, 5)),
        (-math.pi / 2, (0, 5), (5, 0)),
    ],
)
def test_forward_is_where_the_front_points_and_left_is_left_of_it(rz, forward, left):
    heading = np.array([[[math.sin(rz), math.cos(rz)]] * 2])
    outputs = np.array([[[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]]], np.float32)
    movement = decide(outputs, heading).movement[0]
    assert tuple(movement[0, :2].tolist()) == forward
    assert tuple(movement[1, :2].tolist()) == left


def test_turn_grab_and_lock_are_taken_as_they_are():
    outputs = np.array([[[0, 0, -1, 0.1, -0.1], [0, 0, 0.4, 0, 0]]], np.float32)
    action = decide(outputs, np.array([[[0.0, 1.0]] * 2]))
    assert action.movement[0, :, 2].tolist() == [0, 7]
    assert action.pull.tolist() == [[True, False]]
    assert action.glueall.tolist() == [[False, False]]
