"""From forces to the bins of the game."""

from __future__ import annotations

import math

import pytest

from evo_hns.policies.actions import movement_bin


@pytest.mark.parametrize(
    ("force", "bin"),
    [(0.0, 5), (1.0, 10), (-1.0, 0), (7.0, 10), (-7.0, 0), (0.09, 5), (0.11, 6), (-0.11, 4), (math.nan, 0)],
)
def test_a_force_goes_to_the_next_bin(force, bin):
    assert movement_bin(force) == bin
