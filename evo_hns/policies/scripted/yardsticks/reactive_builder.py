"""The reactive builder: the builder's rules from nothing but an agent's own observations.

It remembers boxes and ramps where it last saw them, and finds the doors with its lidar: where a ray goes on behind the
line of one of the room's walls there is a gap. It knows where the room is, as the chaser does, and how wide doors are.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.scripted.field import WALL, distance, in_room
from evo_hns.policies.scripted.motion import force_towards
from evo_hns.policies.scripted.yardsticks.builder import BUILDER_MEMORY, build, door_state
from evo_hns.policies.scripted.yardsticks.carrying import run_towards
from evo_hns.policies.scripted.yardsticks.floor_plan import NUM_CELLS, next_point, shortest_paths
from evo_hns.policies.scripted.yardsticks.sitter import plan
from evo_hns.policies.scripted.yardsticks.state_reader import EXISTS, OBJECT_SIZE, SEEN, HandlerPolicy, View
from evo_hns.spec import ObservationSpec
from evo_hns.system.kernels import kernel

_BIN, _NUM_BINS = 0.1, 30  # along a wall from the room's outer corner, metres
_PASSES, _MEETS = 0.2, 0.15  # metres that a ray goes on behind a wall's line, or ends off it
_HALF_GAP = 0.35
_DOOR_BINS = 7
_LEAST = 2  # bins of these that must be open
_END_BINS = 2  # at the ends of a wall, where no door begins and rays pass the walls' notches
_MOST = 4.0  # looks that count
_UNSEEN = 6  # bins in a row that were never looked at may hide a door
_NEAR, _LOOKS = 0.6, 3  # metres to a place, and env steps there, that are enough to have looked
_EXPLORE = 0.8  # share of the preparation after which it no longer looks for more
_PLACES = ((2.3, 1.5), (4.5, 3.9), (4.5, 1.6))  # from where walls are looked at: outside each, and in the room

# Columns of its memory after the stream: evidence of both walls, env steps in which each was looked at, the builder's,
# then boxes and ramps.
_EVIDENCE = 1
_VISITS = _EVIDENCE + 2 * _NUM_BINS
_BUILDER = _VISITS + 2
_OBJECTS = _BUILDER + BUILDER_MEMORY


def build_reactive_builder(spec: ObservationSpec) -> HandlerPolicy:
    """Shuts and locks the room with boxes that it has seen, in doors that it has found."""
    size = _OBJECTS + OBJECT_SIZE * (spec.num_boxes + spec.num_ramps)
    return HandlerPolicy(_decide, size, spec)


@kernel
def _decide(view: View, row: np.ndarray) -> tuple[float, float, float, bool, bool]:
    me, num_boxes, num_ramps = view.me, view.boxes.shape[0], view.ramps.shape[0]
    x, y = me[0] + 0.15, me[1] + 0.15
    middle = _OBJECTS + OBJECT_SIZE * num_boxes
    boxes = row[_OBJECTS:middle].reshape((num_boxes, OBJECT_SIZE))
    ramps = row[middle : middle + OBJECT_SIZE * num_ramps].reshape((num_ramps, OBJECT_SIZE))
    _remember(view.boxes, boxes)
    _remember(view.ramps, ramps)
    evidence = row[_EVIDENCE:_VISITS].reshape((2, _NUM_BINS))
    _look_for_gaps(x, y, view.lidar, evidence)
    doors = np.zeros((2, 3))
    for wall in range(2):
        _find_door(evidence[wall], wall, doors[wall])
    visits = row[_VISITS:_BUILDER]
    for wall in range(2):
        visits[wall] += in_room(x, y) or distance(x, y, _PLACES[wall][0], _PLACES[wall][1]) < _NEAR
    others = view.others.copy()
    for j in range(others.shape[0]):
        if not view.sees[j]:
            others[j] = 0.0
    if me[9] < _EXPLORE and not row[_BUILDER + 3] > 0 and _lacks(doors, boxes, evidence, visits):
        fx, fy = _explore(me, doors, boxes, ramps, evidence, visits)
        return fx, fy, 1.0, False, False
    return build(view.member, me, others, doors, boxes, ramps, row[_BUILDER:_OBJECTS])


@kernel
def _remember(seen: np.ndarray, known: np.ndarray) -> None:
    for k in range(seen.shape[0]):
        if seen[k, SEEN] > 0:
            for column in range(OBJECT_SIZE):  # whole rows take Numba seconds to compile, for their errors' words
                known[k, column] = seen[k, column]
            known[k, EXISTS] = 1.0  # as far as it knows
        known[k, SEEN] = seen[k, SEEN]


@kernel
def _look_for_gaps(x: float, y: float, lidar: np.ndarray, evidence: np.ndarray) -> None:
    """Count for each bin of both walls the rays that pass there, less those that end there."""
    num_rays = lidar.shape[0]
    for k in range(num_rays):
        ux, uy = math.cos(2.0 * math.pi * k / num_rays), math.sin(2.0 * math.pi * k / num_rays)
        for wall in range(2):
            away, along = (WALL - x, ux) if wall == 0 else (WALL - y, uy)
            reach = away / along if abs(along) > 1e-6 else -1.0
            if reach <= 0.2:
                continue
            place = WALL - (y + reach * uy) if wall == 0 else x + reach * ux - WALL
            number = math.floor(place / _BIN)
            if number < _END_BINS or number >= _NUM_BINS - _END_BINS:
                continue
            slack = _MEETS / max(abs(along), 0.3)
            if lidar[k] > reach + _PASSES / max(abs(along), 0.3):
                evidence[wall, number] = min(evidence[wall, number] + 1.0, _MOST)
            elif abs(lidar[k] - reach) < slack and evidence[wall, number] < 0.5:
                evidence[wall, number] = max(evidence[wall, number] - 1.0, -_MOST)


@kernel
def _find_door(evidence: np.ndarray, wall: int, door: np.ndarray) -> None:
    """Fill in the door of a wall, if gaps were seen in it: in the middle of where it can be."""
    start, most = 0, 0
    for k in range(_NUM_BINS - _DOOR_BINS + 1):
        count = 0
        for i in range(k, k + _DOOR_BINS):
            count += evidence[i] > 0.5
        if count > most:
            start, most = k, count
    if most < _LEAST:
        return
    first, last = _NUM_BINS, -1
    for k in range(start, start + _DOOR_BINS):
        if evidence[k] > 0.5:
            first, last = min(first, k), max(last, k)
    low, high = _BIN * (last + 0.5) - _HALF_GAP, _BIN * (first + 0.5) + _HALF_GAP
    for k in range(_NUM_BINS):
        if evidence[k] < -0.5 and k < first:
            low = max(low, _BIN * (k + 0.5) + _HALF_GAP)
        if evidence[k] < -0.5 and k > last:
            high = min(high, _BIN * (k + 0.5) - _HALF_GAP)
    place = 0.5 * (low + high)
    door[0], door[1] = (WALL, WALL - place) if wall == 0 else (WALL + place, WALL)
    door[2] = 1.0


@kernel
def _may_hide_a_door(evidence: np.ndarray, visits: float) -> bool:
    """Whether a wall was not looked at for long and has bins in a row that no ray has met."""
    run, longest = 0, 0
    for k in range(_NUM_BINS):
        run = run + 1 if evidence[k] == 0.0 else 0
        longest = max(longest, run)
    return bool(longest >= _UNSEEN and visits < _LOOKS)


@kernel
def _lacks(doors: np.ndarray, boxes: np.ndarray, evidence: np.ndarray, visits: np.ndarray) -> bool:
    """Whether a door or a box for each open door is still to be found."""
    num_open = num_doors = num_free = 0
    for wall in range(2):
        if doors[wall, 2] > 0:
            num_doors += 1
            num_open += door_state(doors[wall], boxes) < 2
        elif _may_hide_a_door(evidence[wall], visits[wall]):
            return num_free == 0 and num_open == 0
    for b in range(boxes.shape[0]):
        num_free += boxes[b, EXISTS] > 0
    return bool(num_doors == 0 or num_free == 0)


@kernel
def _explore(
    me: np.ndarray, doors: np.ndarray, boxes: np.ndarray, ramps: np.ndarray, evidence: np.ndarray, visits: np.ndarray
) -> tuple[float, float]:
    """Go into the room if a way is known, else to where a wall can be looked at."""
    x, y = me[0] + 0.15, me[1] + 0.15
    blocked, lengths = np.empty(NUM_CELLS, np.bool_), np.empty(NUM_CELLS)
    plan(doors, boxes, ramps, blocked)
    shortest_paths(blocked, x, y, lengths)
    goal = 2
    if not in_room(x, y) and doors[0, 2] == 0 and doors[1, 2] == 0:
        first, second = _may_hide_a_door(evidence[0], visits[0]), _may_hide_a_door(evidence[1], visits[1])
        nearer = (x - 2.3) ** 2 + (y - 1.5) ** 2 < (x - 4.5) ** 2 + (y - 3.9) ** 2
        goal = 0 if first and (nearer or not second) else 1
    to_x, to_y = _PLACES[goal]
    if goal == 2 and in_room(x, y):
        return force_towards(to_x - x, to_y - y, me[4], me[5])
    way_x, way_y = next_point(blocked, lengths, x, y, to_x, to_y)
    return run_towards(me, way_x, way_y)
