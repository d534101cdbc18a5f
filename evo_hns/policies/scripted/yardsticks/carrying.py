"""How an agent takes hold of an object and brings it to a place.

A grip keeps the object's pose in the agent's frame, so that agent and object move as one body: the agent goes to where
it must be for the object to be where it should, and turns. `side` is the unit vector from the object to the agent.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.scripted.motion import force_towards, turn_towards
from evo_hns.policies.scripted.yardsticks.floor_plan import cell_at, free_cell, next_point
from evo_hns.policies.scripted.yardsticks.state_reader import HALF_X, HALF_Y, SEEN, TURN, X, Y
from evo_hns.system.kernels import kernel

REACH = 0.25
"""From an agent's centre to an object's surface, metres, at which it can be grabbed and locked."""

_SURE_GRIP = 0.21  # metres to its surface at which an object is taken
_CLOSE, _BESIDE = 0.45, 0.7  # metres to its surface at which it is walked at; to its middle at which it is beside
_OFF_SIDE = 0.5  # radians between the chosen face and where the agent stands
_STAND_OFF = 0.17  # metres from the surface to the agent's centre: its radius, and a little more
_COASTING = 0.09  # seconds of its velocity that an agent with an object rolls on
_GAIN = 4.0  # full force from a quarter of a metre
_FRICTION, _NEAR_ENOUGH = 0.25, 0.03  # force that moves it at all, in units of the largest; metres of no matter
_RUN = 0.7  # metres: a point on the way is run through
_TURN_GAIN = 0.5 / 0.675  # of the torque that would turn it at once: abrupt turning swings the object off
_MOST_TURN = 0.7  # radians that the object is to swing around in a step at most


@kernel
def wrap(angle: float) -> float:
    """The same angle between -pi and pi."""
    return angle - 2.0 * math.pi * math.floor(angle / (2.0 * math.pi) + 0.5)


@kernel
def gap_to(thing: np.ndarray, x: float, y: float) -> float:
    """Distance from a point to an object's surface in the plane, metres; 0 inside."""
    cos, sin = math.cos(thing[TURN]), math.sin(thing[TURN])
    dx, dy = x - thing[X], y - thing[Y]
    beyond_x = max(abs(cos * dx + sin * dy) - thing[HALF_X], 0.0)
    beyond_y = max(abs(cos * dy - sin * dx) - thing[HALF_Y], 0.0)
    return math.sqrt(beyond_x * beyond_x + beyond_y * beyond_y)


@kernel
def side_of(thing: np.ndarray, k: int) -> tuple[float, float]:
    """Unit vector from an object's centre out of its face k = 0..3: its own +x, +y, -x, -y."""
    angle = thing[TURN] + 0.5 * math.pi * k
    return math.cos(angle), math.sin(angle)


@kernel
def grip_point(thing: np.ndarray, k: int) -> tuple[float, float]:
    """Where an agent's centre stands to take hold of an object at face k."""
    ux, uy = side_of(thing, k)
    away = (thing[HALF_X] if k % 2 == 0 else thing[HALF_Y]) + _STAND_OFF
    return thing[X] + away * ux, thing[Y] + away * uy


@kernel
def can_stand(blocked: np.ndarray, x: float, y: float) -> bool:
    """Whether a place is free on the floor plan, or right beside a free cell."""
    k = free_cell(blocked, x, y)
    if blocked[k]:
        return False
    i, j = k % 60, k // 60
    return bool((0.1 * (i + 0.5) - x) ** 2 + (0.1 * (j + 0.5) - y) ** 2 < 0.0121) or not blocked[cell_at(x, y)]


@kernel
def in_grip(thing: np.ndarray, x: float, y: float) -> bool:
    """Whether an agent at a place reaches and sees an object."""
    return bool(thing[SEEN] > 0 and gap_to(thing, x, y) <= REACH)


@kernel
def carry(
    me: np.ndarray, thing: np.ndarray, to_x: float, to_y: float, side_x: float, side_y: float
) -> tuple[float, float, float]:
    """Force and torque that bring a held object to a place, with the agent on a given side of it.

    Args:
        me: the agent's row.
        thing: the object's row.
        to_x: where its centre is to be.
        to_y: likewise.
        side_x: unit vector from it to where the agent is to be; zeros: on whatever side it is.
        side_y: likewise.
    """
    x, y = me[0] + 0.15, me[1] + 0.15
    rx, ry = x - thing[X], y - thing[Y]
    length, angle = math.sqrt(rx * rx + ry * ry), math.atan2(ry, rx)
    turn = 0.0
    if side_x != 0.0 or side_y != 0.0:
        turn = wrap(math.atan2(side_y, side_x) - angle)
    angle += min(max(turn, -_MOST_TURN), _MOST_TURN)
    dx = to_x + length * math.cos(angle) - x - _COASTING * me[4]
    dy = to_y + length * math.sin(angle) - y - _COASTING * me[5]
    rest = math.sqrt(dx * dx + dy * dy)
    gain = _GAIN + (_FRICTION / rest if rest > _NEAR_ENOUGH else 0.0)
    fx, fy = gain * dx, gain * dy
    largest = max(abs(fx), abs(fy), 1.0)
    return fx / largest, fy / largest, _TURN_GAIN * min(max(turn, -1.2), 1.2)


@kernel
def face(me: np.ndarray, x: float, y: float) -> float:
    """Torque that turns an agent to a point."""
    return turn_towards(me[3], x - me[0] - 0.15, y - me[1] - 0.15)


@kernel
def run_towards(me: np.ndarray, x: float, y: float) -> tuple[float, float]:
    """Force that brings an agent to a point, or past it: without braking."""
    dx, dy = x - me[0] - 0.15, y - me[1] - 0.15
    scale = max(_RUN / max(math.sqrt(dx * dx + dy * dy), 1e-6), 1.0)
    return force_towards(scale * dx, scale * dy, me[4], me[5])


@kernel
def approach(
    thing: np.ndarray, x: float, y: float, costs: np.ndarray, blocked: np.ndarray, lengths: np.ndarray
) -> tuple[int, float, float, bool]:
    """How to take hold of an object.

    Args:
        thing: the object's row.
        x: of where the agent is.
        y: likewise.
        costs: `(4,)` what each face costs beside the way there, metres.
        blocked: the floor plan.
        lengths: from `shortest_paths` at (x, y).

    Returns:
        The face, or -1 if none can be reached; where to head now; whether the agent can take it there at once.
    """
    best, least = -1, np.inf
    for k in range(4):
        grip_x, grip_y = grip_point(thing, k)
        cost = costs[k] + (
            lengths[free_cell(blocked, grip_x, grip_y)] if can_stand(blocked, grip_x, grip_y) else np.inf
        )
        if cost < least:
            best, least = k, cost
    if best < 0:
        return best, thing[X], thing[Y], in_grip(thing, x, y) and gap_to(thing, x, y) < _SURE_GRIP
    ux, uy = side_of(thing, best)
    off = abs(wrap(math.atan2(y - thing[Y], x - thing[X]) - math.atan2(uy, ux)))
    if off < _OFF_SIDE and gap_to(thing, x, y) < _SURE_GRIP and in_grip(thing, x, y):
        return best, x, y, True
    if off < _OFF_SIDE and gap_to(thing, x, y) < _CLOSE:
        return best, thing[X], thing[Y], False
    grip_x, grip_y = grip_point(thing, best)
    way_x, way_y = next_point(blocked, lengths, x, y, grip_x, grip_y)
    return best, way_x, way_y, False


@kernel
def step_to(me: np.ndarray, way_x: float, way_y: float, thing: np.ndarray) -> tuple[float, float]:
    """Force on the way to an object: run to points that are far from it, come to rest at those beside it."""
    dx, dy = way_x - thing[X], way_y - thing[Y]
    if math.sqrt(dx * dx + dy * dy) > _BESIDE:
        return run_towards(me, way_x, way_y)
    return force_towards(way_x - me[0] - 0.15, way_y - me[1] - 0.15, me[4], me[5])
