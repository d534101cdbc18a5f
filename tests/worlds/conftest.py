"""Settings that several tests of the worlds share."""

from __future__ import annotations

import pytest

from evo_hns.config import WorldConfig

FULL = WorldConfig(
    scenario="randomwalls",
    outer_walls_probability=0.5,
    hiders_together_radius=0.5,
    seekers_together_radius=0.5,
    num_boxes=(3, 9),
    num_elongated_boxes=(3, 9),
    num_ramps=2,
)


@pytest.fixture(scope="session")
def full() -> WorldConfig:
    """The settings of the recorded worlds of the full game."""
    return FULL


@pytest.fixture(scope="session")
def varied() -> WorldConfig:
    """Everything that may differ between worlds does."""
    ranges = {"num_hiders": (1, 3), "num_seekers": (0, 3), "num_ramps": (0, 2), "floor_size": (6.0, 8.0)}
    return WorldConfig.model_validate(FULL.model_dump() | ranges | {"num_food": 4})
