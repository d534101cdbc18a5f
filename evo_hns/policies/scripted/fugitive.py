"""The scripted hider: sits where no door shows it, and runs behind a wall when a seeker sees it.

Nothing of it needs a hider: as a seeker it would keep out of the hiders' sight.
"""

from __future__ import annotations

import numpy as np

from evo_hns.policies.scripted.field import WALL, distance, in_room, in_sight, on_vertical_wall, way_length, waypoint
from evo_hns.policies.scripted.motion import around, force_towards, turn_towards
from evo_hns.policies.scripted.player import ScriptedPolicy, mover
from evo_hns.spec import ObservationSpec
from evo_hns.system.kernels import kernel

_HALF_AGENT = 0.15
_MEMORY = 12  # env steps for which a seeker that was seen is still thought to be there
_SPOTS = (
    (5.5, 0.5),
    (3.5, 0.5),
    (5.5, 2.7),
    (3.5, 2.7),
    (0.5, 0.5),
    (2.7, 0.5),
    (2.7, 2.7),
    (0.5, 5.5),
    (0.5, 3.1),
    (3.0, 5.5),
    (5.5, 5.5),
    (5.5, 3.5),
)
_HIDDEN, _STAY = 6.0, 1.0  # worth of being out of sight and of keeping to a plan, in metres of way
_EXPOSURE = 2.0  # cost of a spot that doors show
_OUTSIDE = 3.0  # cost of a spot outside while nobody is near

# Columns of the memory after the random stream.
_SPOT, _THREAT, _X, _Y = 1, 2, 3, 4  # 1 + spot (0: none yet); env steps left to think of a seeker at (x, y)
_MEMORY_SIZE = 5


def build_fugitive(spec: ObservationSpec) -> ScriptedPolicy:
    """Hides, watches, flees; neither grabs nor locks."""
    return ScriptedPolicy(mover(_decide), memory_size=_MEMORY_SIZE)


@kernel
def _decide(
    me: np.ndarray, others: np.ndarray, sees: np.ndarray, lidar: np.ndarray, doors: np.ndarray, row: np.ndarray
) -> tuple[float, float, float]:
    """Force and torque of one agent."""
    x, y = me[0] + _HALF_AGENT, me[1] + _HALF_AGENT
    _watch(me, others, sees, row)
    if row[_SPOT] == 0 or row[_THREAT] > 0:
        row[_SPOT] = 1 + _best_spot(x, y, doors, row)
    spot_x, spot_y = _SPOTS[int(row[_SPOT]) - 1]
    way_x, way_y = waypoint(x, y, spot_x, spot_y, doors)
    dx, dy = around(way_x - x, way_y - y, lidar)
    fx, fy = force_towards(dx, dy, me[4], me[5])
    look_x, look_y = _lookout(x, y, doors, row)
    return fx, fy, turn_towards(me[3], look_x - x, look_y - y)


@kernel
def _watch(me: np.ndarray, others: np.ndarray, sees: np.ndarray, row: np.ndarray) -> None:
    """Remember the nearest visible opponent."""
    row[_THREAT] = max(row[_THREAT] - 1, 0)
    nearest = np.inf
    for j in range(others.shape[0]):
        if sees[j] and others[j, 8] != me[8]:
            length = distance(me[0], me[1], others[j, 0], others[j, 1])
            if length < nearest:
                nearest = length
                row[_THREAT], row[_X], row[_Y] = _MEMORY, others[j, 0] + _HALF_AGENT, others[j, 1] + _HALF_AGENT


@kernel
def _best_spot(x: float, y: float, doors: np.ndarray, row: np.ndarray) -> int:
    """The hiding place with the best balance of way, exposure and danger."""
    best, least = 0, np.inf
    for k in range(len(_SPOTS)):
        spot_x, spot_y = _SPOTS[k]
        cost = way_length(x, y, spot_x, spot_y, doors) if row[_THREAT] > 0 else 0.0
        cost += _EXPOSURE * _exposure(spot_x, spot_y, doors)
        if row[_THREAT] > 0:
            cost += _danger(x, y, spot_x, spot_y, doors, row)
        elif not in_room(spot_x, spot_y):
            cost += _OUTSIDE
        if k + 1 == row[_SPOT]:
            cost -= _STAY
        if cost < least:
            best, least = k, cost
    return best


@kernel
def _exposure(x: float, y: float, doors: np.ndarray) -> float:
    """How widely doors open on a place in the room: least close to a door's own wall and far from it."""
    exposure = 0.0
    for d in range(doors.shape[0]):
        if doors[d, 2] > 0:
            away = abs(x - WALL) if on_vertical_wall(doors[d]) else abs(y - WALL)
            length = max(distance(x, y, doors[d, 0], doors[d, 1]), 0.3)
            exposure += away / (length * length)
    return exposure


@kernel
def _danger(x: float, y: float, to_x: float, to_y: float, doors: np.ndarray, row: np.ndarray) -> float:
    """Cost of a place while a seeker is about: in its sight, nearer to it than to me, or reached past it."""
    way_x, way_y = waypoint(x, y, to_x, to_y, doors)
    cost = -_HIDDEN if not in_sight(row[_X], row[_Y], to_x, to_y, doors) else 0.0
    cost -= distance(row[_X], row[_Y], to_x, to_y)
    towards = (way_x - x) * (row[_X] - x) + (way_y - y) * (row[_Y] - y)
    if towards > 0.0 and distance(row[_X], row[_Y], way_x, way_y) < distance(x, y, way_x, way_y):
        cost += _HIDDEN
    return cost


@kernel
def _lookout(x: float, y: float, doors: np.ndarray, row: np.ndarray) -> tuple[float, float]:
    """What to keep in view: a seeker, else the nearest door of the room, else the middle of the field."""
    if row[_THREAT] > 0:
        return row[_X], row[_Y]
    best_x, best_y, shortest = 2.5, 3.5, np.inf
    for d in range(doors.shape[0]):
        length = distance(x, y, doors[d, 0], doors[d, 1])
        if doors[d, 2] > 0 and in_room(x, y) and length < shortest:
            best_x, best_y, shortest = doors[d, 0], doors[d, 1], length
    return best_x, best_y
