"""Sizes that the scene and the layouts must agree on (metres); what varies is in `WorldConfig`."""

from __future__ import annotations

AGENT_RADIUS = 0.15
RAMP_SIZE = 0.5  #: edge of the cube that a ramp is half of
OUTER_WALL_HEIGHT = 4.0
INNER_WALL_HEIGHT = 0.5

NUM_OUTER_WALLS = 4
NUM_INNER_WALLS = 4  #: the most that the room's two walls give, each cut in two by a door
NUM_WALLS = NUM_OUTER_WALLS + NUM_INNER_WALLS

PARKED_Z = -100.0  #: height at which absent walls wait, out of reach of bodies and rays
PARKED_HALF_SIZE = 0.05
