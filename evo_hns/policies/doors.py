"""Doors that an agent remembers: gaps in straight walls, as its lidar has shown them so far.

Walls run along the axes. Rays that end at the very same coordinate hit one wall; a ray that goes on behind its line
between such ends passes a gap. A door is 0.7 m wide: each ray that passes leaves an interval in which the middle of the
door can be, and each that ends on the wall beside it cuts a piece off, until the place is known to some centimetres.
Where a gap turns out too wide, or wall is hit inside of it, there is no door.

An agent remembers `NUM_PLACES` candidates for the rest of an episode, whatever stands in them later. On its way it
learns the walls: a gap counts between ends on one, or on to the next wall across it.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.config import LEAST_RAYS
from evo_hns.policies.features import point
from evo_hns.system.kernels import kernel

NUM_DOOR = 5
"""Columns of a remembered door: direction (forward, left), closeness, how open it was when last looked at, confidence;
all 0 where none is known."""
NUM_PLACES = 6
"""Candidates that are remembered."""
NUM_PLACE = 8
"""Numbers of a candidate."""
NUM_WALLS = 6
"""Walls across each axis that are remembered."""
NUM_WALL = 3
"""Numbers of a wall: its middle, and where along it the first and the last ray ended."""
ON_FLOOR = 0.1
"""Height of an agent's `qpos` in metres up to which its rays meet walls; from higher up they may pass over them."""

# Rays that passed, 0 if there is no candidate; the axis that crosses the wall; the wall's middle on it; along the wall
# the interval of the door's middle, and the part that was seen to be open; how open it was when last looked at.
_EVIDENCE, _AXIS, _LINE, _LOW, _HIGH, _FROM, _TO, _OPEN = range(NUM_PLACE)
_AT, _LEAST, _MOST = range(NUM_WALL)

_MISS = 6.0  # metres, what a ray tells that hits nothing
_SAME = 1e-4  # metres, within which ends lie on one face: lidar is exact
_HALF_GAP = 0.35
_HALF_WALL = 0.05
_PASSES = 0.1  # metres that a ray goes on behind the far face of a wall
_GRAZING = 0.3  # cosine to the wall's normal below which a ray tells nothing
_SLACK = 0.05
_SPAN = 0.6  # metres over which ends make a wall; a box is 0.5
_STUB = 2.4  # metres between the last end on a wall and the next wall across it, with a door between
_REACH = 4  # rays within which two ends make a face
_CERTAIN = 12.0  # evidence that counts at most
_HALF_CERTAIN = 2.0  # evidence for a confidence of one half
_LOOKED_AT = 0.25  # metres along the wall from a door's middle
_BEFORE = 0.5  # metres before a wall, within which what stops a ray stands in the door


@kernel
def remember_doors(
    x: float,
    y: float,
    z: float,
    lidar: np.ndarray,
    rays: np.ndarray,
    scratch: np.ndarray,
    walls: np.ndarray,
    places: np.ndarray,
) -> None:
    """Take in what the lidar shows now.

    Args:
        x: of the agent's centre, metres.
        y: alike.
        z: of its `qpos`.
        lidar: `(L,)` ranges, metres.
        rays: `(L, 2)` directions of its rays.
        scratch: `(2, >= L)` float64.
        walls: `(2, NUM_WALLS, NUM_WALL)` float32, what it remembers of walls across each axis; updated.
        places: `(NUM_PLACES, NUM_PLACE)` float32, what it remembers of doors; updated.
    """
    if z > ON_FLOOR or lidar.shape[0] < LEAST_RAYS:
        return
    for axis in range(2):
        across, along = (x, y) if axis == 0 else (y, x)
        lines = scratch[0]
        for i in range(_find_lines(across, axis, lidar, rays, scratch[1], walls[axis], lines)):
            if abs(lines[i] - across) > 2 * _HALF_WALL:
                _look_along(across, along, lines[i], axis, lidar, rays, scratch[1], walls, places)


@kernel
def _find_lines(
    across: float,
    axis: int,
    lidar: np.ndarray,
    rays: np.ndarray,
    ends: np.ndarray,
    walls: np.ndarray,
    lines: np.ndarray,
) -> int:
    """Faces of walls across an axis, by their coordinate: of remembered walls, and where two rays end; how many."""
    num_rays, count = lidar.shape[0], 0
    for i in range(walls.shape[0]):
        if walls[i, _MOST] > 0:
            lines[count] = walls[i, _AT] - math.copysign(_HALF_WALL, walls[i, _AT] - across)
            count += 1
    for k in range(num_rays):
        ends[k] = across + lidar[k] * rays[k, axis]
    for k in range(num_rays):
        if abs(lidar[k] - _MISS) < 1e-6:
            continue
        for i in range(1, _REACH + 1):
            other = k + i if k + i < num_rays else k + i - num_rays
            if abs(ends[k] - ends[other]) < _SAME and abs(lidar[other] - _MISS) > 1e-6:
                count = _add(ends[k], lines, count)
                break
    return count


@kernel
def _add(value: float, values: np.ndarray, count: int) -> int:
    for i in range(count):
        if abs(values[i] - value) < 2 * _SAME:
            return count
    if count < values.shape[0]:
        values[count] = value
        return count + 1
    return count


@kernel
def _look_along(
    across: float,
    along: float,
    face: float,
    axis: int,
    lidar: np.ndarray,
    rays: np.ndarray,
    hits: np.ndarray,
    walls: np.ndarray,
    places: np.ndarray,
) -> None:
    """Go along one face of a wall, from ray to ray, and take in its ends and gaps."""
    num_rays, away = lidar.shape[0], abs(face - across)
    towards = 1.0 if face > across else -1.0
    middle, num_hits = face + towards * _HALF_WALL, 0
    least, most = math.inf, -math.inf
    for k in range(num_rays):
        towards_wall = rays[k, axis] * towards
        if towards_wall > _GRAZING and abs(lidar[k] * towards_wall - away) < _SAME:
            place = along + lidar[k] * rays[k, 1 - axis]
            hits[num_hits] = place
            num_hits += 1
            least, most = min(least, place), max(most, place)
    wall = _remember_wall(middle, least, most, walls[axis])
    if wall < 0:
        return
    for i in range(places.shape[0]):
        if places[i, _EVIDENCE] > 0 and places[i, _AXIS] == axis and abs(places[i, _LINE] - middle) < _SLACK:
            _take_in_ends(hits, num_hits, places[i])
            _look_into(along, away, towards, axis, lidar, rays, places[i])
    low, high = _extent(walls[axis, wall], walls[1 - axis])
    # From ray to ray in the order of the places along the wall: a run of rays that pass, between what bounds it.
    rises = (towards > 0) == (axis == 0)
    k, step = int((0.75 if axis == 0 else 0.5) * num_rays) - 2, 1
    if not rises:
        k, step = k + 4, -1
    before, begin, end, count = -math.inf, 0.0, 0.0, 0
    for _ in range(num_rays // 2 + 3):
        k += step
        k += num_rays if k < 0 else 0
        k -= num_rays if k >= num_rays else 0
        towards_wall = rays[k, axis] * towards
        if towards_wall < _GRAZING:
            continue
        depth, slope = lidar[k] * towards_wall, rays[k, 1 - axis] / towards_wall
        place, further = along + away * slope, along + (away + 2 * _HALF_WALL) * slope
        if depth > away + 2 * _HALF_WALL + _PASSES and min(place, further) > low and max(place, further) < high:
            if count == 0:
                begin, end = place, place
            begin, end = min(begin, place, further), max(end, place, further)
            count += 1
            continue
        is_end = abs(depth - away) < _SAME
        if not is_end and away < depth < away + 2 * _HALF_WALL + _PASSES:
            continue  # ends inside of the wall, at the door's jamb or at what stands in it
        if count > 0:
            _take_in_run(begin, end, before, place if is_end else math.inf, count, axis, middle, places)
        count, before = 0, place if is_end else -math.inf
    if count > 0:
        _take_in_run(begin, end, before, math.inf, count, axis, middle, places)


@kernel
def _remember_wall(middle: float, least: float, most: float, walls: np.ndarray) -> int:
    """The number of a wall, whose length grows with the ends on it; -1 if this may be none."""
    for i in range(walls.shape[0]):
        wall = walls[i]
        if wall[_MOST] > 0 and abs(wall[_AT] - middle) < _SLACK:
            wall[_LEAST], wall[_MOST] = min(wall[_LEAST], least), max(wall[_MOST], most)
            return i
        if wall[_MOST] == 0:
            if most - least < _SPAN:
                return -1
            wall[_AT], wall[_LEAST], wall[_MOST] = middle, least, most
            return i
    return -1


@kernel
def _extent(wall: np.ndarray, crossing: np.ndarray) -> tuple[float, float]:
    """As far as a wall was met, and on to the next known walls across it: beyond, a ray passes beside the wall."""
    low, high = wall[_LEAST] - _STUB, wall[_MOST] + _STUB
    is_low = is_high = False
    for i in range(crossing.shape[0]):
        at = crossing[i, _AT]
        if crossing[i, _MOST] > 0 and low <= at < wall[_LEAST]:
            low, is_low = at, True
        elif crossing[i, _MOST] > 0 and wall[_MOST] < at <= high:
            high, is_high = at, True
    return low if is_low else wall[_LEAST], high if is_high else wall[_MOST]


@kernel
def _take_in_run(
    begin: float, end: float, before: float, behind: float, count: int, axis: int, middle: float, places: np.ndarray
) -> None:
    """Merge a gap with a candidate, or make it one."""
    low = max(end - _HALF_GAP, before + _HALF_GAP)
    high = min(begin + _HALF_GAP, behind - _HALF_GAP)
    spare, least = -1, math.inf
    for i in range(places.shape[0]):
        place = places[i]
        if place[_EVIDENCE] < least:
            spare, least = i, place[_EVIDENCE]
        if place[_EVIDENCE] == 0 or place[_AXIS] != axis or abs(place[_LINE] - middle) > _SLACK:
            continue
        if low > high + _SLACK:  # too wide for a door
            if begin < place[_TO] and end > place[_FROM]:
                place[_EVIDENCE] = 0.0
        elif max(low, place[_LOW]) <= min(high, place[_HIGH]) + _SLACK:
            place[_EVIDENCE] = min(place[_EVIDENCE] + count, _CERTAIN)
            place[_LOW], place[_HIGH] = max(low, place[_LOW]), min(high, place[_HIGH])
            place[_FROM], place[_TO] = min(begin, place[_FROM]), max(end, place[_TO])
            return
    if low > high + _SLACK:
        return
    place = places[spare]
    place[_EVIDENCE], place[_AXIS], place[_LINE] = min(count, _CERTAIN), axis, middle
    place[_LOW], place[_HIGH], place[_FROM], place[_TO], place[_OPEN] = low, high, begin, end, 1.0


@kernel
def _take_in_ends(hits: np.ndarray, num_hits: int, place: np.ndarray) -> None:
    """Cut off where wall is; forget a candidate that has wall inside."""
    for i in range(num_hits):
        if hits[i] <= place[_FROM]:
            place[_LOW] = max(place[_LOW], hits[i] + _HALF_GAP)
        elif hits[i] >= place[_TO]:
            place[_HIGH] = min(place[_HIGH], hits[i] - _HALF_GAP)
        else:
            place[_EVIDENCE] = 0.0
    if place[_LOW] > place[_HIGH] + 2 * _SLACK:
        place[_EVIDENCE] = 0.0


@kernel
def _look_into(
    along: float, away: float, towards: float, axis: int, lidar: np.ndarray, rays: np.ndarray, place: np.ndarray
) -> None:
    """How open a door is: the share of rays to it that pass; what stands farther away tells nothing."""
    middle, passed, stopped = 0.5 * (place[_LOW] + place[_HIGH]), 0, 0
    for k in range(lidar.shape[0]):
        towards_wall = rays[k, axis] * towards
        if towards_wall > _GRAZING:
            depth = lidar[k] * towards_wall
            if depth > away - _BEFORE and abs(along + away * rays[k, 1 - axis] / towards_wall - middle) < _LOOKED_AT:
                passes = depth > away + 2 * _HALF_WALL + _PASSES
                passed, stopped = passed + passes, stopped + (not passes)
    if passed + stopped > 0:
        place[_OPEN] = passed / (passed + stopped)


@kernel
def describe_doors(
    x: float, y: float, s: float, c: float, places: np.ndarray, scratch: np.ndarray, columns: np.ndarray
) -> None:
    """Tell of the best candidates, those that are near and certain first.

    Args:
        x: of the agent's centre, metres.
        y: alike.
        s: sine of its heading.
        c: cosine of it.
        places: `(NUM_PLACES, NUM_PLACE)` what it remembers.
        scratch: `(>= NUM_PLACES,)` float64.
        columns: `(N * NUM_DOOR,)` receives the best N.
    """
    for i in range(places.shape[0]):
        px, py = place_of(places[i])
        closeness = 1.0 / (1.0 + math.sqrt((px - x) * (px - x) + (py - y) * (py - y)))
        scratch[i] = closeness * _confidence(places[i])
    for at in range(0, columns.shape[0], NUM_DOOR):
        best = take_best(scratch[: places.shape[0]])
        if best < 0:
            columns[at : at + NUM_DOOR] = 0.0
        else:
            px, py = place_of(places[best])
            point(px - x, py - y, s, c, columns[at : at + 3])
            columns[at + 3], columns[at + 4] = places[best, _OPEN], _confidence(places[best])


@kernel
def take_best(scores: np.ndarray) -> int:
    """Index of the first of the highest scores, which is set to 0; -1 if none is above."""
    best = -1
    for i in range(scores.shape[0]):
        if scores[i] > 0.0 and (best < 0 or scores[i] > scores[best]):
            best = i
    if best >= 0:
        scores[best] = 0.0
    return best


@kernel
def place_of(place: np.ndarray) -> tuple[float, float]:
    """The middle of a candidate, x and y in metres."""
    middle = 0.5 * (place[_LOW] + place[_HIGH])
    if place[_AXIS] == 0:
        return place[_LINE], middle
    return middle, place[_LINE]


@kernel
def _confidence(place: np.ndarray) -> float:
    return float(place[_EVIDENCE] / (place[_EVIDENCE] + _HALF_CERTAIN))
