"""The map that scripted players carry: one room in the high-x, low-y corner of a field of 6 m, and its doors.

All points are centres in the world frame, metres. Doors are `(D, 3)`: x, y of the gap's centre, 1 if it exists.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.system.kernels import kernel

WALL = 3.1
"""The room is x > WALL, y < WALL."""

_HALF_GAP = 0.35  # of a door
_BEFORE, _BEHIND = 0.5, 0.6  # where to stand before a door and where to aim behind it
_ALIGNED = 0.14  # how far off its axis a door can be passed
_BEND = 0.45  # how far from the room's outer corner to pass


@kernel
def in_room(x: float, y: float) -> bool:
    """Whether a point is in the room."""
    return x > WALL and y < WALL


@kernel
def distance(ax: float, ay: float, bx: float, by: float) -> float:
    """Between two points, metres."""
    return math.sqrt((ax - bx) * (ax - bx) + (ay - by) * (ay - by))


@kernel
def best_door(x: float, y: float, to_x: float, to_y: float, doors: np.ndarray) -> int:
    """The door on the shortest way between two points, or -1 if there is none."""
    best, shortest = -1, np.inf
    for d in range(doors.shape[0]):
        if doors[d, 2] > 0:
            length = distance(x, y, doors[d, 0], doors[d, 1]) + distance(doors[d, 0], doors[d, 1], to_x, to_y)
            if length < shortest:
                best, shortest = d, length
    return best


@kernel
def on_vertical_wall(door: np.ndarray) -> bool:
    """Whether a door is passed along x."""
    return bool(abs(door[0] - WALL) < abs(door[1] - WALL))


@kernel
def waypoint(x: float, y: float, to_x: float, to_y: float, doors: np.ndarray) -> tuple[float, float]:
    """Where to head now in order to get from one point to another around the walls."""
    if in_room(x, y) != in_room(to_x, to_y):
        d = best_door(x, y, to_x, to_y, doors)
        return _through(x, y, doors[d]) if d >= 0 else (to_x, to_y)
    if not in_room(x, y) and _crosses_room(x, y, to_x, to_y):
        return WALL - _BEND, WALL + _BEND
    return to_x, to_y


@kernel
def way_length(x: float, y: float, to_x: float, to_y: float, doors: np.ndarray) -> float:
    """Length of the way between two points, its first bend included, metres."""
    way_x, way_y = waypoint(x, y, to_x, to_y, doors)
    return distance(x, y, way_x, way_y) + distance(way_x, way_y, to_x, to_y)


@kernel
def _through(x: float, y: float, door: np.ndarray) -> tuple[float, float]:
    """First to the axis of the door, then along it to the other side."""
    inward = -1.0 if in_room(x, y) else 1.0
    nx, ny = (inward, 0.0) if on_vertical_wall(door) else (0.0, -inward)
    off_axis = abs((x - door[0]) * ny - (y - door[1]) * nx)
    step = _BEHIND if off_axis < _ALIGNED else -_BEFORE
    return door[0] + step * nx, door[1] + step * ny


@kernel
def _crosses_room(ax: float, ay: float, bx: float, by: float) -> bool:
    """Whether the straight way between two points outside cuts the room's outer corner, an agent's width included."""
    if (ax - WALL) * (bx - WALL) >= 0.0 and (ay - WALL) * (by - WALL) >= 0.0:
        return False
    cross = (bx - ax) * (WALL - ay) - (by - ay) * (WALL - ax)  # > 0: the corner lies to the left of the way
    margin = 0.25 * distance(ax, ay, bx, by)
    room_to_the_right = (bx - ax) + (by - ay) > 0.0
    return cross > -margin if room_to_the_right else cross < margin


@kernel
def in_sight(ax: float, ay: float, bx: float, by: float, doors: np.ndarray) -> bool:
    """Whether the inner walls leave the line between two points free (boxes and ramps are not thought of)."""
    if (ax - WALL) * (bx - WALL) < 0.0:
        y = ay + (by - ay) * (WALL - ax) / (bx - ax)
        if y < WALL and not _in_gap(WALL, y, doors):
            return False
    if (ay - WALL) * (by - WALL) < 0.0:
        x = ax + (bx - ax) * (WALL - ay) / (by - ay)
        if x > WALL and not _in_gap(x, WALL, doors):
            return False
    return True


@kernel
def _in_gap(x: float, y: float, doors: np.ndarray) -> bool:
    """Whether a point of the walls is in a door."""
    inside = False
    for d in range(doors.shape[0]):
        inside |= doors[d, 2] > 0 and distance(x, y, doors[d, 0], doors[d, 1]) < _HALF_GAP
    return inside
