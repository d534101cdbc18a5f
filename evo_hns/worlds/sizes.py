"""Sizes that the scene and the layouts must agree on (metres); what varies is in `WorldConfig`."""

from __future__ import annotations

from evo_hns.config import WorldConfig

Triple = tuple[float, float, float]

AGENT_RADIUS = 0.15
RAMP_SIZE = 0.5  #: edge of the cube that a ramp is half of
OUTER_WALL_HEIGHT = 4.0
INNER_WALL_HEIGHT = 0.5

NUM_OUTER_WALLS = 4

PARKED_Z = -100.0  #: height at which absent walls wait, out of reach of bodies and rays
PARKED_HALF_SIZE = 0.05

PARKING_ROW = 7  #: absent bodies stand in rows of so many
PARKING_START, PARKING_DISTANCE = -50.0, 3.0  #: x and y of the first, and from one to the next
PARKING_HEIGHT = 10.0  #: of the deck that they stand on: no agent looks so high

LONG_SIDE, SHORT_SIDE = 3.3, 0.3  #: of an elongated box, in edges of a cube


def box_half_sizes(world: WorldConfig) -> tuple[Triple, Triple, Triple]:
    """Half sizes of the three kinds of boxes: elongated along x, elongated along y, cube."""
    half = world.box_size / 2
    long, short = half * LONG_SIDE, half * SHORT_SIDE
    return (long, short, half), (short, long, half), (half, half, half)


def floor_range(world: WorldConfig) -> tuple[float, float]:
    """The least and the largest edge of the field."""
    size = world.floor_size
    return size if isinstance(size, tuple) else (size, size)
