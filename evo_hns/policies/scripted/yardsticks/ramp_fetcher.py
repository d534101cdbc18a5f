"""The ramp fetcher: brings the ramp into the room before it builds, so that nobody climbs in.

It gives up when the preparation is too far gone, since open doors cost more than a ramp outside.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.scripted.field import WALL, best_door, distance, in_room, on_vertical_wall
from evo_hns.policies.scripted.yardsticks.builder import BUILDER_MEMORY, build, inward, offsets
from evo_hns.policies.scripted.yardsticks.carrying import approach, carry, face, in_grip, side_of, step_to, wrap
from evo_hns.policies.scripted.yardsticks.floor_plan import NUM_CELLS, shortest_paths
from evo_hns.policies.scripted.yardsticks.sitter import plan
from evo_hns.policies.scripted.yardsticks.state_reader import EXISTS, HandlerPolicy, View, X, Y
from evo_hns.spec import ObservationSpec
from evo_hns.system.kernels import kernel

_BEFORE, _BEHIND, _INSIDE = 0.8, 1.9, 0.75  # metres from a door: where it is aligned, brought to, and let slide
_HALF_GAP = 0.35  # of a door
_ALIGNED, _TURNED = 0.09, 0.2  # metres off the door's axis, and radians, with which the ramp passes
_CORNER_X, _CORNER_Y = 2.55, 3.65  # where it is brought around the room's corner
_LATEST, _LAST = 0.55, 0.85  # shares of the preparation: to have taken the ramp, and to go on with it
_STUCK_LIMIT, _AVOID_STEPS, _AVOIDED, _KEEP = 4, 10, 1.5, 0.3
_TURN_COST = 0.3  # of taking it at a face, metres a radian

# Columns of its memory, after the stream; then the builder's.
_DONE, _HELD, _FACE, _OLD_X, _OLD_Y, _STUCK, _AVOID, _AVOID_LEFT, _DOOR = range(9)
_SIZE = 9


def build_ramp_fetcher(spec: ObservationSpec) -> HandlerPolicy:
    """Brings the ramp in, then shuts the room; reads where everything is."""
    return HandlerPolicy(_decide, 1 + _SIZE + BUILDER_MEMORY, spec)


@kernel
def _decide(view: View, row: np.ndarray) -> tuple[float, float, float, bool, bool]:
    memo, me = row[1 : 1 + _SIZE], view.me
    if memo[_DONE] == 0 and _wants_ramp(me, view.others, view.doors, view.ramps, memo):
        fx, fy, torque, pull = _fetch(me, view.doors, view.boxes, view.ramps, memo)
        if memo[_DONE] == 0:
            return fx, fy, torque, pull, False
    memo[_DONE] = 1
    return build(view.member, me, view.others, view.doors, view.boxes, view.ramps, row[1 + _SIZE :])


@kernel
def _wants_ramp(me: np.ndarray, others: np.ndarray, doors: np.ndarray, ramps: np.ndarray, memo: np.ndarray) -> bool:
    """Whether there is a ramp to fetch, time left, and no team mate nearer to it."""
    if ramps.shape[0] == 0 or not ramps[0, EXISTS] > 0:
        return False
    x, y = ramps[0, X], ramps[0, Y]
    if memo[_HELD] == 0 and in_room(x, y):
        return False
    if me[9] > (_LATEST if memo[_HELD] == 0 else _LAST) and not _passes(ramps[0], doors, memo):
        return False
    mine = distance(me[0] + 0.15, me[1] + 0.15, x, y)
    for j in range(others.shape[0]):
        other_x, other_y = others[j, 0] + 0.15, others[j, 1] + 0.15
        if others[j, 8] == me[8] and other_x > 0.2 and distance(other_x, other_y, x, y) < mine:
            return False
    return True


@kernel
def _passes(ramp: np.ndarray, doors: np.ndarray, memo: np.ndarray) -> bool:
    """Whether a held ramp is in its door already."""
    if memo[_HELD] == 0 or memo[_DOOR] == 0:
        return False
    depth, off = offsets(ramp, doors[int(memo[_DOOR]) - 1])
    return bool(-0.5 < depth < _INSIDE and abs(off) < 0.35)


@kernel
def _fetch(
    me: np.ndarray, doors: np.ndarray, boxes: np.ndarray, ramps: np.ndarray, memo: np.ndarray
) -> tuple[float, float, float, bool]:
    """Force, torque and grab that bring the ramp into the room."""
    ramp, x, y = ramps[0], me[0] + 0.15, me[1] + 0.15
    memo[_AVOID_LEFT] = max(memo[_AVOID_LEFT] - 1, 0)
    if memo[_DOOR] == 0:
        memo[_DOOR] = 1 + best_door(ramp[X], ramp[Y], 4.5, 1.6, doors)
        if memo[_DOOR] == 0:
            memo[_DONE] = 1
            return 0.0, 0.0, 0.0, False
    door = doors[int(memo[_DOOR]) - 1]
    if memo[_HELD] > 0 and not in_grip(ramp, x, y):
        memo[_HELD] = 0
    if memo[_HELD] == 0:
        blocked, lengths = np.empty(NUM_CELLS, np.bool_), np.empty(NUM_CELLS)
        plan(doors, boxes, ramps, blocked)
        shortest_paths(blocked, x, y, lengths)
        taken, way_x, way_y, ready = approach(ramp, x, y, _face_costs(ramp, door, memo), blocked, lengths)
        memo[_FACE] = taken + 1
        if not ready:
            fx, fy = step_to(me, way_x, way_y, ramp)
            return fx, fy, face(me, ramp[X], ramp[Y]), False
    memo[_HELD] += 1
    return _bring(me, ramp, door, memo)


@kernel
def _face_costs(ramp: np.ndarray, door: np.ndarray, memo: np.ndarray) -> np.ndarray:
    """`(4,)` metres: by how far the ramp must turn for a face to look along the way through the door."""
    costs = np.empty(4)
    for k in range(4):
        costs[k] = _TURN_COST * abs(_turn(ramp, door, k))
    if memo[_AVOID_LEFT] > 0 and memo[_AVOID] > 0:
        costs[int(memo[_AVOID]) - 1] += _AVOIDED
    if memo[_FACE] > 0:
        costs[int(memo[_FACE]) - 1] -= _KEEP
    return costs


@kernel
def _turn(ramp: np.ndarray, door: np.ndarray, k: int) -> float:
    """Radians by which a ramp must turn for face k to look straight through a door, outwards or inwards."""
    nx, ny = inward(door)
    ux, uy = side_of(ramp, k)
    turn = wrap(math.atan2(ny, nx) - math.atan2(uy, ux))
    back = wrap(turn + math.pi)
    return turn if abs(turn) < abs(back) else back


@kernel
def _bring(me: np.ndarray, ramp: np.ndarray, door: np.ndarray, memo: np.ndarray) -> tuple[float, float, float, bool]:
    """Carry the ramp around the corner, before the door, through it and out of the way."""
    moved = distance(ramp[X], ramp[Y], memo[_OLD_X], memo[_OLD_Y])
    memo[_STUCK] = memo[_STUCK] + 1 if moved < 0.03 and memo[_HELD] > 2 else 0
    memo[_OLD_X], memo[_OLD_Y] = ramp[X], ramp[Y]
    nx, ny = inward(door)
    depth, off = offsets(ramp, door)
    if depth > _INSIDE or (depth > 0.45 and memo[_STUCK] > 2):
        memo[_DONE] = 1
    if memo[_STUCK] > _STUCK_LIMIT:
        memo[_STUCK], memo[_HELD], memo[_AVOID], memo[_AVOID_LEFT] = 0, 0, memo[_FACE], _AVOID_STEPS
        return 0.0, 0.0, 0.0, False
    turn = _turn(ramp, door, max(int(memo[_FACE]) - 1, 0))
    angle = math.atan2(me[1] + 0.15 - ramp[Y], me[0] + 0.15 - ramp[X]) + turn
    in_gap = depth > -0.45 and abs(off) < _HALF_GAP
    through = in_gap or (abs(off) < _ALIGNED and abs(turn) < _TURNED)
    along = _BEHIND if through else -_BEFORE
    to_x, to_y = door[0] + along * nx, door[1] + along * ny
    around = ramp[X] > WALL - 0.2 if on_vertical_wall(door) else ramp[Y] < WALL + 0.2
    if (around and depth < -0.45) or (around and abs(off) > 0.5):
        to_x, to_y = _CORNER_X, _CORNER_Y
    fx, fy, torque = carry(me, ramp, to_x, to_y, math.cos(angle), math.sin(angle))
    return fx, fy, torque, True
