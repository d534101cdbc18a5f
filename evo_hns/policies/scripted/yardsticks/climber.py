"""The climber: where no way leads to the hiders it takes the ramp to the room's wall, goes over, and chases.

The ramp's high face, local -y, goes to the wall; the climber stands at its low face. It may also bring it at one of the
sides and then walk around.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.scripted.chaser import CHASER_MEMORY, chase_or_search
from evo_hns.policies.scripted.field import WALL, distance, in_room, on_vertical_wall
from evo_hns.policies.scripted.yardsticks.carrying import approach, carry, face, in_grip, step_to, wrap
from evo_hns.policies.scripted.yardsticks.floor_plan import NUM_CELLS, free_cell, next_point, shortest_paths
from evo_hns.policies.scripted.yardsticks.sitter import plan
from evo_hns.policies.scripted.yardsticks.state_reader import EXISTS, TURN, HandlerPolicy, View, X, Y
from evo_hns.spec import ObservationSpec
from evo_hns.system.kernels import kernel

LOW_FACE = 1  # of a ramp

_AT_WALL = 0.32  # metres from the wall's middle to that of a ramp that touches it
_CLOSE_ENOUGH, _STRAIGHT = 0.47, 0.6  # metres likewise, and radians, with which a ramp leads over
_ALIGN_AT = 0.75  # metres likewise at which it is turned
_FROM_DOOR, _FIRST, _LAST = 0.62, 0.4, 2.4  # metres along a wall from its door, and from the room's outer corner
_CORNER_X, _CORNER_Y = 2.6, 3.6  # where a ramp is brought around the room's corner
_SIDE_FACE, _HIGH_FACE = 0.9, 3.0  # cost of taking a ramp there, metres
_TURN_COST = 0.5  # metres a radian
_LANE, _BACK = 0.14, 0.5  # metres off its middle line with which it is run up; before its middle where one starts
_STUCK_LIMIT, _AVOID_STEPS, _AVOIDED, _KEEP = 5, 10, 1.5, 0.3

# Columns of its memory, after the chaser's.
_WALL, _HELD, _FACE, _OLD_X, _OLD_Y, _STUCK, _AVOID, _AVOID_LEFT, _RUNNING = range(9)
_SIZE = 9


def build_climber(spec: ObservationSpec) -> HandlerPolicy:
    """Climbs into a room that is shut, else chases; reads where everything is."""
    return HandlerPolicy(_decide, CHASER_MEMORY + _SIZE, spec)


@kernel
def _decide(view: View, row: np.ndarray) -> tuple[float, float, float, bool, bool]:
    me, memo = view.me, row[CHASER_MEMORY:]
    x, y = me[0] + 0.15, me[1] + 0.15
    fx, fy, torque = chase_or_search(me, view.others, view.sees, view.lidar, view.doors, row[:CHASER_MEMORY])
    if me[9] < 0.999 or in_room(x, y) or view.ramps.shape[0] == 0:
        return fx, fy, torque, False, False
    ramp = view.ramps[0]
    if not ramp[EXISTS] > 0 or in_room(ramp[X], ramp[Y]) or _mate_is_nearer(me, view.others, ramp):
        return fx, fy, torque, False, False
    blocked, lengths = np.empty(NUM_CELLS, np.bool_), np.empty(NUM_CELLS)
    plan(view.doors, view.boxes, view.ramps, blocked)
    shortest_paths(blocked, x, y, lengths)
    if memo[_RUNNING] == 0 and _can_reach(me, view.others, blocked, lengths):
        return fx, fy, torque, False, False
    fx, fy, torque, pull = _climb(me, ramp, view.doors, blocked, lengths, memo)
    return fx, fy, torque, pull, False


@kernel
def _mate_is_nearer(me: np.ndarray, others: np.ndarray, ramp: np.ndarray) -> bool:
    """Whether a team mate outside the room is nearer to the ramp."""
    mine = distance(me[0] + 0.15, me[1] + 0.15, ramp[X], ramp[Y])
    nearer = False
    for j in range(others.shape[0]):
        x, y = others[j, 0] + 0.15, others[j, 1] + 0.15
        if others[j, 8] == me[8] and x > 0.2 and not in_room(x, y):
            nearer |= distance(x, y, ramp[X], ramp[Y]) < mine
    return bool(nearer)


@kernel
def _can_reach(me: np.ndarray, others: np.ndarray, blocked: np.ndarray, lengths: np.ndarray) -> bool:
    """Whether a way on the floor leads to an opponent, or none of them is in the room."""
    found, inside = False, False
    for j in range(others.shape[0]):
        x, y = others[j, 0] + 0.15, others[j, 1] + 0.15
        if others[j, 8] != me[8]:
            inside |= in_room(x, y)
            found |= lengths[free_cell(blocked, x, y)] < np.inf
    return found or not inside


@kernel
def _climb(
    me: np.ndarray, ramp: np.ndarray, doors: np.ndarray, blocked: np.ndarray, lengths: np.ndarray, memo: np.ndarray
) -> tuple[float, float, float, bool]:
    """Force, torque and grab that bring ramp and agent to the wall and over it."""
    x, y = me[0] + 0.15, me[1] + 0.15
    if memo[_WALL] == 0:
        memo[_WALL] = 1 + (_wall_cost(ramp, doors, True) < _wall_cost(ramp, doors, False))
    vertical = memo[_WALL] == 2
    memo[_AVOID_LEFT] = max(memo[_AVOID_LEFT] - 1, 0)
    if memo[_HELD] > 0 and not in_grip(ramp, x, y):
        memo[_HELD] = 0
    if _leads_over(ramp, doors, vertical):
        memo[_HELD] = 0
        return _run_up(me, ramp, vertical, blocked, lengths, memo)
    memo[_RUNNING] = 0
    if memo[_HELD] == 0:
        costs = np.array([_SIDE_FACE, 0.0, _SIDE_FACE, _HIGH_FACE])
        if memo[_AVOID_LEFT] > 0 and memo[_AVOID] > 0:
            costs[int(memo[_AVOID]) - 1] += _AVOIDED
        if memo[_FACE] > 0:
            costs[int(memo[_FACE]) - 1] -= _KEEP
        taken, way_x, way_y, ready = approach(ramp, x, y, costs, blocked, lengths)
        memo[_FACE] = taken + 1
        if not ready:
            fx, fy = step_to(me, way_x, way_y, ramp)
            return fx, fy, face(me, ramp[X], ramp[Y]), False
    memo[_HELD] += 1
    return _bring(me, ramp, doors, vertical, memo)


@kernel
def _ahead(vertical: bool) -> tuple[float, float]:
    """Unit vector over a wall into the room."""
    return (1.0, 0.0) if vertical else (0.0, -1.0)


@kernel
def _turned(ramp: np.ndarray, vertical: bool) -> float:
    """Radians by which a ramp must turn to lead over a wall."""
    cx, cy = _ahead(vertical)
    return wrap(math.atan2(cy, cx) - math.atan2(-math.cos(ramp[TURN]), math.sin(ramp[TURN])))


@kernel
def _slot(ramp: np.ndarray, doors: np.ndarray, vertical: bool) -> float:
    """Where along a wall the ramp should stand: as near as can be, away from the wall's door."""
    wanted = ramp[Y] if vertical else ramp[X]
    best, nearest = wanted, np.inf
    for k in range(41):
        along = _FIRST + (_LAST - _FIRST) * k / 40.0
        place = WALL - along if vertical else WALL + along
        free = True
        for d in range(doors.shape[0]):
            if doors[d, 2] > 0 and on_vertical_wall(doors[d]) == vertical:
                free &= abs((doors[d, 1] if vertical else doors[d, 0]) - place) >= _FROM_DOOR
        if free and abs(place - wanted) < nearest:
            best, nearest = place, abs(place - wanted)
    return float(best)


@kernel
def _wall_cost(ramp: np.ndarray, doors: np.ndarray, vertical: bool) -> float:
    """Way of the ramp to a wall, metres, and its turn."""
    slot = _slot(ramp, doors, vertical)
    to_x, to_y = (WALL - _AT_WALL, slot) if vertical else (slot, WALL + _AT_WALL)
    cost = _TURN_COST * abs(_turned(ramp, vertical))
    around = ramp[X] > WALL if vertical else ramp[Y] < WALL
    if around:
        return cost + distance(ramp[X], ramp[Y], _CORNER_X, _CORNER_Y) + distance(_CORNER_X, _CORNER_Y, to_x, to_y)
    return cost + distance(ramp[X], ramp[Y], to_x, to_y)


@kernel
def _leads_over(ramp: np.ndarray, doors: np.ndarray, vertical: bool) -> bool:
    """Whether a ramp stands at a wall, turned to it and beside the wall's door."""
    away = WALL - ramp[X] if vertical else ramp[Y] - WALL
    along = WALL - ramp[Y] if vertical else ramp[X] - WALL
    if not (0.0 < away < _CLOSE_ENOUGH and 0.2 < along < 2.65 and abs(_turned(ramp, vertical)) < _STRAIGHT):
        return False
    for d in range(doors.shape[0]):
        off = (doors[d, 1] - ramp[Y]) if vertical else (doors[d, 0] - ramp[X])
        if doors[d, 2] > 0 and on_vertical_wall(doors[d]) == vertical and abs(off) < 0.45:
            return False
    return True


@kernel
def _run_up(
    me: np.ndarray, ramp: np.ndarray, vertical: bool, blocked: np.ndarray, lengths: np.ndarray, memo: np.ndarray
) -> tuple[float, float, float, bool]:
    """Run up the ramp from its low face; first go there."""
    x, y = me[0] + 0.15, me[1] + 0.15
    hx, hy = math.sin(ramp[TURN]), -math.cos(ramp[TURN])
    dx, dy = x - ramp[X], y - ramp[Y]
    before, off = -(dx * hx + dy * hy), dx * hy - dy * hx  # off > 0: to the right of the way up
    cx, cy = _ahead(vertical)
    if me[2] > 0.08 or (before > 0.0 and abs(off) < _LANE + 0.2 * max(before - 0.3, 0.0)):
        memo[_RUNNING] = 1
        fx, fy = cx - 3.0 * off * hy, cy + 3.0 * off * hx
        return fx, fy, face(me, x + cx, y + cy), False
    to_x, to_y = ramp[X] - _BACK * hx, ramp[Y] - _BACK * hy
    way_x, way_y = next_point(blocked, lengths, x, y, to_x, to_y)
    fx, fy = step_to(me, way_x, way_y, ramp)
    return fx, fy, face(me, ramp[X], ramp[Y]), False


@kernel
def _bring(
    me: np.ndarray, ramp: np.ndarray, doors: np.ndarray, vertical: bool, memo: np.ndarray
) -> tuple[float, float, float, bool]:
    """Carry the ramp to its place at the wall."""
    moved = distance(ramp[X], ramp[Y], memo[_OLD_X], memo[_OLD_Y])
    memo[_STUCK] = memo[_STUCK] + 1 if moved < 0.03 and memo[_HELD] > 2 else 0
    memo[_OLD_X], memo[_OLD_Y] = ramp[X], ramp[Y]
    if memo[_STUCK] > _STUCK_LIMIT:
        memo[_STUCK], memo[_HELD], memo[_AVOID], memo[_AVOID_LEFT] = 0, 0, memo[_FACE], _AVOID_STEPS
        return 0.0, 0.0, 0.0, False
    slot = _slot(ramp, doors, vertical)
    straight = abs(_turned(ramp, vertical)) < _STRAIGHT - 0.15
    high = memo[_FACE] == 4
    away = _ALIGN_AT + 0.6 * high if high or not straight else _AT_WALL
    to_x, to_y = (WALL - away, slot) if vertical else (slot, WALL + away)
    around = ramp[X] > WALL - 0.2 if vertical else ramp[Y] < WALL + 0.2
    if around:
        to_x, to_y = _CORNER_X, _CORNER_Y
    angle = math.atan2(me[1] + 0.15 - ramp[Y], me[0] + 0.15 - ramp[X]) + _turned(ramp, vertical)
    side_x, side_y = math.cos(angle), math.sin(angle)
    if high or memo[_FACE] == 0:
        side_x = side_y = 0.0
    if high and memo[_HELD] > 8:
        memo[_HELD], memo[_AVOID], memo[_AVOID_LEFT] = 0, 4, _AVOID_STEPS
    fx, fy, torque = carry(me, ramp, to_x, to_y, side_x, side_y)
    return fx, fy, torque, True
