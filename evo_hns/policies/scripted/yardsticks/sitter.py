"""The room sitter: goes where the doors of the room show least, and stays there."""

from __future__ import annotations

import numpy as np

from evo_hns.policies.scripted.field import WALL, distance, in_sight, on_vertical_wall
from evo_hns.policies.scripted.motion import force_towards
from evo_hns.policies.scripted.yardsticks.carrying import can_stand, face
from evo_hns.policies.scripted.yardsticks.floor_plan import NUM_CELLS, block, block_walls, next_point, shortest_paths
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

_SPOTS = 7  # along each edge of the room
_FIRST, _APART = 3.4, 0.36  # metres
_PROBES = 12  # places outside from which a spot may be seen
_SEEN, _MATE = 1.0, 6.0  # cost of being seen from a probe; of a spot that a team mate is nearer to
_MEMORY_SIZE = 1


def build_sitter(spec: ObservationSpec) -> HandlerPolicy:
    """Sits in the room; neither grabs nor locks."""
    return HandlerPolicy(_decide, _MEMORY_SIZE, spec)


@kernel
def _decide(view: View, row: np.ndarray) -> tuple[float, float, float, bool, bool]:
    """Force, torque, grab and lock of one agent."""
    blocked, lengths = np.empty(NUM_CELLS, np.bool_), np.empty(NUM_CELLS)
    plan(view.doors, view.boxes, view.ramps, blocked)
    shortest_paths(blocked, view.me[0] + 0.15, view.me[1] + 0.15, lengths)
    fx, fy, torque = sit(view.member, view.me, view.others, view.doors, blocked, lengths)
    return fx, fy, torque, False, False


@kernel
def plan(doors: np.ndarray, boxes: np.ndarray, ramps: np.ndarray, blocked: np.ndarray) -> None:
    """The floor with all boxes and ramps on it."""
    block_walls(blocked, doors)
    for things in (boxes, ramps):
        for k in range(things.shape[0]):
            if things[k, EXISTS] > 0:
                block(blocked, things[k, X], things[k, Y], things[k, HALF_X], things[k, HALF_Y], things[k, TURN])


@kernel
def sit(
    member: int, me: np.ndarray, others: np.ndarray, doors: np.ndarray, blocked: np.ndarray, lengths: np.ndarray
) -> tuple[float, float, float]:
    """Force and torque towards the most hidden spot of the room, and to face a door there."""
    x, y = me[0] + 0.15, me[1] + 0.15
    best_x, best_y, least = 5.4, 0.6, np.inf
    for k in range(_SPOTS * _SPOTS):
        spot_x, spot_y = _FIRST + _APART * (k % _SPOTS), 6.0 - _FIRST - _APART * (k // _SPOTS)
        if not can_stand(blocked, spot_x, spot_y):
            continue
        cost = exposure(spot_x, spot_y, doors) + 0.1 * min(lengths[_cell(spot_x, spot_y)], 20.0)
        for j in range(others.shape[0]):
            if others[j, 8] == me[8] and _mate_comes_first(x, y, others[j], spot_x, spot_y):
                cost += _MATE
        if cost < least:
            best_x, best_y, least = spot_x, spot_y, cost
    way_x, way_y = next_point(blocked, lengths, x, y, best_x, best_y)
    fx, fy = force_towards(way_x - x, way_y - y, me[4], me[5])
    look_x, look_y, shortest = 2.5, 3.5, np.inf
    for d in range(doors.shape[0]):
        length = distance(x, y, doors[d, 0], doors[d, 1])
        if doors[d, 2] > 0 and length < shortest:
            look_x, look_y, shortest = doors[d, 0], doors[d, 1], length
    return fx, fy, face(me, look_x, look_y)


@kernel
def _cell(x: float, y: float) -> int:
    return int(y / 0.1) * 60 + int(x / 0.1)


@kernel
def _mate_comes_first(x: float, y: float, mate: np.ndarray, spot_x: float, spot_y: float) -> bool:
    """Whether a team mate is near to a spot, and nearer than I am."""
    other = distance(mate[0] + 0.15, mate[1] + 0.15, spot_x, spot_y)
    return bool(other < 0.5 and other < distance(x, y, spot_x, spot_y))


@kernel
def exposure(x: float, y: float, doors: np.ndarray) -> float:
    """How much doors show of a place in the room: by how widely they open on it, and from how many places outside."""
    cost = 0.0
    for d in range(doors.shape[0]):
        if doors[d, 2] > 0:
            vertical = on_vertical_wall(doors[d])
            away = abs(x - WALL) if vertical else abs(y - WALL)
            length = max(distance(x, y, doors[d, 0], doors[d, 1]), 0.3)
            cost += 2.0 * away / (length * length)
            for k in range(_PROBES):
                along = -1.65 + 0.3 * k
                out_x = WALL - 1.0 if vertical else doors[d, 0] + along
                out_y = doors[d, 1] + along if vertical else WALL + 1.0
                if in_sight(out_x, out_y, x, y, doors):
                    cost += _SEEN / _PROBES
    return cost
