"""The builder: brings a box into each door of the room, locks it, and stays inside.

It takes hold of a box where little turning is needed, brings it before the door, then straight into the gap, and locks
it there. The lock action is on whenever a locked box is in reach and no other is being handled, since off unlocks.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.scripted.field import distance, on_vertical_wall
from evo_hns.policies.scripted.motion import force_towards
from evo_hns.policies.scripted.yardsticks.carrying import (
    approach,
    carry,
    face,
    gap_to,
    grip_point,
    in_grip,
    side_of,
    step_to,
    wrap,
)
from evo_hns.policies.scripted.yardsticks.floor_plan import NUM_CELLS, next_point, shortest_paths
from evo_hns.policies.scripted.yardsticks.sitter import plan, sit
from evo_hns.policies.scripted.yardsticks.state_reader import (
    EXISTS,
    HALF_X,
    HALF_Y,
    LOCKED,
    SEEN,
    TURN,
    HandlerPolicy,
    View,
    X,
    Y,
)
from evo_hns.spec import ObservationSpec
from evo_hns.system.kernels import kernel

_DEEPEST, _FARTHEST = -0.25, 0.3  # along the way into the room, metres: where a box in a door shuts it
_OVERLAP = 0.1  # metres of box behind each edge of the gap's middle half
_GOAL_DEPTH, _BEFORE = -0.05, 0.55  # where the box is to be, and where it is aligned first, metres
_LOCK_DEPTH, _NARROW = 0.25, 0.05  # metres at which it is locked on the way, and if another door is near
_NEAR_DOORS = 1.1  # metres from door to door at which the box in one is in the way of the other
_ALIGNED, _TURNED = 0.11, 0.45  # metres off the door's axis, and radians, with which it is pushed in
_SWING, _AHEAD = 0.35, 0.2  # cost in metres of a radian to turn, and of a radian off the way
_STUCK_LIMIT, _AVOID_STEPS = 4, 12  # env steps
_AVOIDED, _HARD, _KEEP = 1.5, 2.5, 0.3  # cost of a face, of a task that failed; gain of what was chosen before; metres

# Columns of its memory.
BOX, DOOR, FACE, HELD, OLD_X, OLD_Y, STUCK, AVOID, AVOID_LEFT, HARD_BOX, HARD_DOOR = range(11)
BUILDER_MEMORY = 11


def build_builder(spec: ObservationSpec) -> HandlerPolicy:
    """Shuts and locks the room with boxes; reads where they are without seeing them."""
    return HandlerPolicy(_decide, 1 + BUILDER_MEMORY, spec)


@kernel
def _decide(view: View, row: np.ndarray) -> tuple[float, float, float, bool, bool]:
    return build(view.member, view.me, view.others, view.doors, view.boxes, view.ramps, row[1:])


@kernel
def build(
    member: int,
    me: np.ndarray,
    others: np.ndarray,
    doors: np.ndarray,
    boxes: np.ndarray,
    ramps: np.ndarray,
    memo: np.ndarray,
) -> tuple[float, float, float, bool, bool]:
    """Force, torque, grab and lock of an agent that knows these doors and objects; `memo` is its memory."""
    blocked, lengths = np.empty(NUM_CELLS, np.bool_), np.empty(NUM_CELLS)
    x, y = me[0] + 0.15, me[1] + 0.15
    plan(doors, boxes, ramps, blocked)
    shortest_paths(blocked, x, y, lengths)
    _choose_task(member, me, others, doors, boxes, memo)
    b, d = int(memo[BOX]) - 1, int(memo[DOOR]) - 1
    if b < 0:
        memo[HELD] = 0
        fx, fy, torque = sit(member, me, others, doors, blocked, lengths)
        return fx, fy, torque, False, True
    box, door = boxes[b], doors[d]
    placed = shuts(box, door)
    memo[AVOID_LEFT] = max(memo[AVOID_LEFT] - 1, 0)
    if memo[HELD] > 0 and not in_grip(box, x, y):
        memo[HELD] = 0
    if memo[HELD] == 0 and not placed:
        face_taken, way_x, way_y, ready = approach(box, x, y, _face_costs(box, door, memo), blocked, lengths)
        memo[FACE] = face_taken + 1
        if not ready:
            fx, fy = step_to(me, way_x, way_y, box)
            return fx, fy, face(me, box[X], box[Y]), False, _near_locked(boxes, doors, x, y)
    if memo[HELD] == 0 and placed:
        return _come_and_lock(me, box, door, blocked, lengths)
    memo[HELD] += 1
    return _bring(me, box, door, _lock_depth(doors), memo)


@kernel
def inward(door: np.ndarray) -> tuple[float, float]:
    """Unit vector of the way through a door into the room."""
    return (1.0, 0.0) if on_vertical_wall(door) else (0.0, -1.0)


@kernel
def offsets(thing: np.ndarray, door: np.ndarray) -> tuple[float, float]:
    """How far an object's centre is inside of a door, and to the side of its axis, metres."""
    nx, ny = inward(door)
    dx, dy = thing[X] - door[0], thing[Y] - door[1]
    return dx * nx + dy * ny, dy * nx - dx * ny


@kernel
def shuts(thing: np.ndarray, door: np.ndarray) -> bool:
    """Whether an object in a door leaves no agent past it."""
    depth, off = offsets(thing, door)
    cos, sin = abs(math.cos(thing[TURN])), abs(math.sin(thing[TURN]))
    if on_vertical_wall(door):
        extent = thing[HALF_X] * sin + thing[HALF_Y] * cos
    else:
        extent = thing[HALF_X] * cos + thing[HALF_Y] * sin
    return bool(_DEEPEST < depth < _FARTHEST and abs(off) < extent - _OVERLAP)


@kernel
def door_state(door: np.ndarray, boxes: np.ndarray) -> int:
    """2: shut by a locked box; 1: by one that is not locked; 0: open."""
    state = 0
    for b in range(boxes.shape[0]):
        if boxes[b, EXISTS] > 0 and shuts(boxes[b], door):
            state = max(state, 2 if boxes[b, LOCKED] > 0 else 1)
    return state


@kernel
def _choose_task(
    member: int, me: np.ndarray, others: np.ndarray, doors: np.ndarray, boxes: np.ndarray, memo: np.ndarray
) -> None:
    """Keep to the box that is held as long as its door is open, else take the next one."""
    b, d = int(memo[BOX]) - 1, int(memo[DOOR]) - 1
    if b >= 0 and boxes[b, EXISTS] > 0 and door_state(doors[d], boxes) < 2 and memo[HELD] > 0:
        return
    best_b, best_d, least = -1, -1, np.inf
    x, y = me[0] + 0.15, me[1] + 0.15
    num_open = num_mates = 0
    for k in range(doors.shape[0]):
        num_open += doors[k, 2] > 0 and door_state(doors[k], boxes) < 2
    for j in range(others.shape[0]):
        num_mates += others[j, 8] == me[8] and (others[j, 0] != 0.0 or others[j, 1] != 0.0)
    rank = -1
    for k in range(doors.shape[0]):
        if not doors[k, 2] > 0 or door_state(doors[k], boxes) == 2:
            continue
        rank += 1
        if num_mates > 0 and num_open > 1 and member % num_open != rank:
            continue
        for i in range(boxes.shape[0]):
            cost = _task_cost(x, y, k, i, doors, boxes)
            if num_mates > 0 and num_open == 1 and cost < np.inf and _mate_is_nearer(me, others, boxes[i]):
                cost = np.inf
            if num_mates == 0:
                cost += _rest_cost(k, i, doors, boxes)
            if i == b and k == d:
                cost -= _KEEP
            if memo[AVOID_LEFT] > 0 and memo[HARD_BOX] == i + 1 and memo[HARD_DOOR] == k + 1:
                cost += _HARD
            if cost < least:
                best_b, best_d, least = i, k, cost
    if best_b != b or best_d != d:
        memo[FACE], memo[HELD], memo[STUCK] = 0, 0, 0
    memo[BOX], memo[DOOR] = best_b + 1, best_d + 1


@kernel
def _task_cost(x: float, y: float, d: int, b: int, doors: np.ndarray, boxes: np.ndarray) -> float:
    """Way to a box and with it to a door, metres; infinite if the box is needed elsewhere."""
    if not boxes[b, EXISTS] > 0:
        return float(np.inf)
    for other in range(doors.shape[0]):
        if other != d and doors[other, 2] > 0 and shuts(boxes[b], doors[other]):
            return float(np.inf)
    return distance(x, y, boxes[b, X], boxes[b, Y]) + 1.3 * distance(boxes[b, X], boxes[b, Y], doors[d, 0], doors[d, 1])


@kernel
def _rest_cost(d: int, b: int, doors: np.ndarray, boxes: np.ndarray) -> float:
    """The least that the other doors cost afterwards, metres."""
    total = 0.0
    for k in range(doors.shape[0]):
        if k == d or not doors[k, 2] > 0 or door_state(doors[k], boxes) == 2:
            continue
        least = np.inf
        for i in range(boxes.shape[0]):
            if i != b:
                least = min(least, _task_cost(doors[d, 0], doors[d, 1], k, i, doors, boxes))
        if least < np.inf:
            total += least
    return total


@kernel
def _mate_is_nearer(me: np.ndarray, others: np.ndarray, box: np.ndarray) -> bool:
    mine = distance(me[0] + 0.15, me[1] + 0.15, box[X], box[Y])
    nearer = False
    for j in range(others.shape[0]):
        if others[j, 8] == me[8] and (others[j, 0] != 0.0 or others[j, 1] != 0.0):
            nearer |= distance(others[j, 0] + 0.15, others[j, 1] + 0.15, box[X], box[Y]) < mine
    return bool(nearer)


@kernel
def _face_costs(box: np.ndarray, door: np.ndarray, memo: np.ndarray) -> np.ndarray:
    """`(4,)` what it costs to take a box at each face, beside the way there, metres: by how far it must be turned."""
    nx, ny = inward(door)
    goal = math.atan2(ny, nx)
    behind = math.atan2(box[Y] - door[1], box[X] - door[0])
    costs = np.empty(4)
    for k in range(4):
        ux, uy = side_of(box, k)
        angle = math.atan2(uy, ux)
        costs[k] = _SWING * abs(wrap(angle - goal)) + _AHEAD * abs(wrap(angle - behind))
    if memo[AVOID_LEFT] > 0 and memo[AVOID] > 0:
        costs[int(memo[AVOID]) - 1] += _AVOIDED
    if memo[FACE] > 0:
        costs[int(memo[FACE]) - 1] -= _KEEP
    return costs


@kernel
def _bring(
    me: np.ndarray, box: np.ndarray, door: np.ndarray, lock_depth: float, memo: np.ndarray
) -> tuple[float, float, float, bool, bool]:
    """Carry the box before the door, then into it, and lock it there."""
    x, y = me[0] + 0.15, me[1] + 0.15
    nx, ny = inward(door)
    depth, off = offsets(box, door)
    turn = abs(wrap(math.atan2(y - box[Y], x - box[X]) - math.atan2(ny, nx)))
    moved = distance(box[X], box[Y], memo[OLD_X], memo[OLD_Y])
    memo[STUCK] = memo[STUCK] + 1 if moved < 0.03 and memo[HELD] > 2 else 0
    memo[OLD_X], memo[OLD_Y] = box[X], box[Y]
    aligned = abs(off) < _ALIGNED and turn < _TURNED
    if depth < 0.35:
        aligned = abs(off) < 0.2
    lock = shuts(box, door) and (depth < lock_depth or memo[STUCK] > 1)
    if memo[STUCK] > _STUCK_LIMIT and not lock:
        memo[STUCK], memo[HELD], memo[AVOID], memo[AVOID_LEFT] = 0, 0, memo[FACE], _AVOID_STEPS
        memo[HARD_BOX], memo[HARD_DOOR] = memo[BOX], memo[DOOR]
        return 0.0, 0.0, 0.0, False, False
    depth_wanted = _GOAL_DEPTH if aligned else _BEFORE
    fx, fy, torque = carry(me, box, door[0] + depth_wanted * nx, door[1] + depth_wanted * ny, nx, ny)
    return fx, fy, torque, True, lock


@kernel
def _lock_depth(doors: np.ndarray) -> float:
    """How far inside of its door a box may be locked: in doors beside each other it must not stand out."""
    for i in range(doors.shape[0]):
        for j in range(i):
            apart = distance(doors[i, 0], doors[i, 1], doors[j, 0], doors[j, 1])
            if min(doors[i, 2], doors[j, 2]) > 0 and apart < _NEAR_DOORS:
                return _NARROW
    return _LOCK_DEPTH


@kernel
def _come_and_lock(
    me: np.ndarray, box: np.ndarray, door: np.ndarray, blocked: np.ndarray, lengths: np.ndarray
) -> tuple[float, float, float, bool, bool]:
    """Go to a box that stands in a door, on the room's side of it, and lock it."""
    x, y = me[0] + 0.15, me[1] + 0.15
    nx, ny = inward(door)
    best, most = 0, -np.inf
    for k in range(4):
        ux, uy = side_of(box, k)
        if ux * nx + uy * ny > most:
            best, most = k, ux * nx + uy * ny
    grip_x, grip_y = grip_point(box, best)
    way_x, way_y = next_point(blocked, lengths, x, y, grip_x, grip_y)
    fx, fy = force_towards(way_x - x, way_y - y, me[4], me[5])
    return fx, fy, face(me, box[X], box[Y]), False, in_grip(box, x, y)


@kernel
def _near_locked(boxes: np.ndarray, doors: np.ndarray, x: float, y: float) -> bool:
    """Whether a box that shuts a door is in reach: without the lock action it would be unlocked."""
    near = False
    for b in range(boxes.shape[0]):
        if boxes[b, EXISTS] > 0 and boxes[b, SEEN] > 0 and gap_to(boxes[b], x, y) < 0.4:
            for d in range(doors.shape[0]):
                near |= doors[d, 2] > 0 and shuts(boxes[b], doors[d])
    return bool(near)
