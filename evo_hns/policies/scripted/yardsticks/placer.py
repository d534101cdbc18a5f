"""The placer: carries boxes onto the sites of blueprint construction, the nearest first, and turns them straight."""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.scripted.field import distance
from evo_hns.policies.scripted.yardsticks.carrying import approach, carry, face, in_grip, step_to, wrap
from evo_hns.policies.scripted.yardsticks.floor_plan import NUM_CELLS, block, block_rim, shortest_paths
from evo_hns.policies.scripted.yardsticks.state_reader import (
    EXISTS,
    HALF_X,
    HALF_Y,
    TURN,
    HandlerPolicy,
    View,
    X,
    Y,
)
from evo_hns.spec import ObservationSpec
from evo_hns.system.kernels import kernel

_PLACED, _STRAIGHT = 0.06, 0.1  # metres and radians with which a box is let go: it rolls on a little
_BUILT, _NEARLY_STRAIGHT = 0.1, 0.15  # with which it stays where it is
_STUCK_LIMIT, _AVOID_STEPS, _AVOIDED, _KEEP = 5, 10, 1.5, 0.3
_TURN_COST = 0.4  # metres a radian

# Columns of its memory.
_BOX, _SITE, _HELD, _FACE, _OLD_X, _OLD_Y, _OLD_TURN, _STUCK, _AVOID, _AVOID_LEFT = range(10)
_SIZE = 10


def build_placer(spec: ObservationSpec) -> HandlerPolicy:
    """Builds on all sites; reads where the boxes are without seeing them."""
    return HandlerPolicy(_decide, 1 + _SIZE, spec)


@kernel
def _decide(view: View, row: np.ndarray) -> tuple[float, float, float, bool, bool]:
    me, memo = view.me, row[1:]
    x, y = me[0] + 0.15, me[1] + 0.15
    _choose(x, y, view.boxes, view.sites, memo)
    b, s = int(memo[_BOX]) - 1, int(memo[_SITE]) - 1
    if b < 0:
        return 0.0, 0.0, 0.0, False, False
    box, site = view.boxes[b], view.sites[s]
    blocked, lengths = np.empty(NUM_CELLS, np.bool_), np.empty(NUM_CELLS)
    block_rim(blocked)
    for k in range(view.boxes.shape[0]):
        other = view.boxes[k]
        if other[EXISTS] > 0:
            block(blocked, other[X], other[Y], other[HALF_X], other[HALF_Y], other[TURN])
    shortest_paths(blocked, x, y, lengths)
    memo[_AVOID_LEFT] = max(memo[_AVOID_LEFT] - 1, 0)
    if memo[_HELD] > 0 and not in_grip(box, x, y):
        memo[_HELD] = 0
    if memo[_HELD] == 0:
        costs = np.zeros(4)
        if memo[_AVOID_LEFT] > 0 and memo[_AVOID] > 0:
            costs[int(memo[_AVOID]) - 1] += _AVOIDED
        if memo[_FACE] > 0:
            costs[int(memo[_FACE]) - 1] -= _KEEP
        taken, way_x, way_y, ready = approach(box, x, y, costs, blocked, lengths)
        memo[_FACE] = taken + 1
        if not ready:
            fx, fy = step_to(me, way_x, way_y, box)
            return fx, fy, face(me, box[X], box[Y]), False, False
    memo[_HELD] += 1
    return _bring(me, box, site, memo)


@kernel
def _off_straight(box: np.ndarray) -> float:
    """Radians by which a box must turn for its sides to lie along the field's."""
    return float(0.5 * math.pi * math.floor(box[TURN] / (0.5 * math.pi) + 0.5) - box[TURN])


@kernel
def _stands_on(box: np.ndarray, site: np.ndarray, within: float, straight: float) -> bool:
    off = distance(box[X], box[Y], site[0], site[1])
    return bool(box[EXISTS] > 0 and off < within and abs(_off_straight(box)) < straight)


@kernel
def _choose(x: float, y: float, boxes: np.ndarray, sites: np.ndarray, memo: np.ndarray) -> None:
    """Keep to what is being done, else take the nearest box that is free for the nearest site without one."""
    b, s = int(memo[_BOX]) - 1, int(memo[_SITE]) - 1
    if b >= 0 and not _stands_on(boxes[b], sites[s], _PLACED, _STRAIGHT):
        return
    best_b, best_s, least = -1, -1, np.inf
    for j in range(sites.shape[0]):
        if not sites[j, 2] > 0 or _is_built(boxes, sites[j]):
            continue
        for i in range(boxes.shape[0]):
            if not boxes[i, EXISTS] > 0 or _has_site(boxes[i], sites):
                continue
            cost = distance(x, y, boxes[i, X], boxes[i, Y])
            cost += 1.3 * distance(boxes[i, X], boxes[i, Y], sites[j, 0], sites[j, 1])
            cost += _TURN_COST * abs(_off_straight(boxes[i]))
            if cost < least:
                best_b, best_s, least = i, j, cost
    memo[_BOX], memo[_SITE] = best_b + 1, best_s + 1
    memo[_HELD], memo[_FACE], memo[_STUCK] = 0, 0, 0


@kernel
def _is_built(boxes: np.ndarray, site: np.ndarray) -> bool:
    found = False
    for i in range(boxes.shape[0]):
        found |= _stands_on(boxes[i], site, _BUILT, _NEARLY_STRAIGHT)
    return bool(found)


@kernel
def _has_site(box: np.ndarray, sites: np.ndarray) -> bool:
    found = False
    for j in range(sites.shape[0]):
        found |= sites[j, 2] > 0 and _stands_on(box, sites[j], _BUILT, _NEARLY_STRAIGHT)
    return bool(found)


@kernel
def _bring(
    me: np.ndarray, box: np.ndarray, site: np.ndarray, memo: np.ndarray
) -> tuple[float, float, float, bool, bool]:
    """Carry a held box to its site, and turn it on the way."""
    still = (
        distance(box[X], box[Y], memo[_OLD_X], memo[_OLD_Y]) < 0.01 and abs(wrap(box[TURN] - memo[_OLD_TURN])) < 0.02
    )
    memo[_STUCK] = memo[_STUCK] + 1 if still and memo[_HELD] > 2 else 0
    memo[_OLD_X], memo[_OLD_Y], memo[_OLD_TURN] = box[X], box[Y], box[TURN]
    if memo[_STUCK] > _STUCK_LIMIT:
        memo[_STUCK], memo[_HELD], memo[_AVOID], memo[_AVOID_LEFT] = 0, 0, memo[_FACE], _AVOID_STEPS
        return 0.0, 0.0, 0.0, False, False
    angle = math.atan2(me[1] + 0.15 - box[Y], me[0] + 0.15 - box[X]) + _off_straight(box)
    fx, fy, torque = carry(me, box, site[0], site[1], math.cos(angle), math.sin(angle))
    return fx, fy, torque, True, False
