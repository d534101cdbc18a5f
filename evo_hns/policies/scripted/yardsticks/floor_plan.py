"""Shortest paths of an agent over the quadrant's floor, around walls, boxes and ramps that are known.

A grid of 60 x 60 cells of 0.1 m over the field of 6 m; a cell is blocked if an agent's centre cannot be there.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.scripted.field import WALL, on_vertical_wall
from evo_hns.system.kernels import kernel

CELL, SIDE = 0.1, 60
NUM_CELLS = SIDE * SIDE

_RADIUS = 0.17  # metres: an agent's, and a little more
_HALF_WALL = 0.05
_HALF_GAP = 0.35  # of a door
_RIM = 0.15  # thickness of the outer walls, metres
_DIAGONAL = 1.4142135623730951
_SNAP = 3  # cells from a blocked place to the free one that stands for it


@kernel
def block_walls(blocked: np.ndarray, doors: np.ndarray) -> None:
    """Mark a `(NUM_CELLS,)` plan anew: outer walls, and the room's walls but for its doors `(D, 3)`."""
    block_rim(blocked)
    gap_y = gap_x = -9.0
    for d in range(doors.shape[0]):
        if doors[d, 2] > 0:
            if on_vertical_wall(doors[d]):
                gap_y = doors[d, 1]
            else:
                gap_x = doors[d, 0]
    _block_wall(blocked, True, 0.0, WALL, gap_y)
    _block_wall(blocked, False, WALL, SIDE * CELL, gap_x)


@kernel
def block_rim(blocked: np.ndarray) -> None:
    """Mark a `(NUM_CELLS,)` plan anew: outer walls alone."""
    rim = _RIM + _RADIUS - CELL / 2
    for k in range(NUM_CELLS):
        x, y = centre(k)
        blocked[k] = min(x, y) < rim or max(x, y) > SIDE * CELL - rim


@kernel
def _block_wall(blocked: np.ndarray, along_y: bool, start: float, end: float, gap: float) -> None:
    """One wall of the room from start to end, but for a gap in it."""
    edges = (start, max(gap - _HALF_GAP, start), max(gap + _HALF_GAP, start), end)
    for part in range(2):
        middle, half = (edges[2 * part] + edges[2 * part + 1]) / 2, (edges[2 * part + 1] - edges[2 * part]) / 2
        if half > 0.0:
            if along_y:
                block(blocked, WALL, middle, _HALF_WALL, half, 0.0)
            else:
                block(blocked, middle, WALL, half, _HALF_WALL, 0.0)


@kernel
def block(blocked: np.ndarray, x: float, y: float, half_x: float, half_y: float, turn: float) -> None:
    """Mark what a rectangle takes of the floor."""
    cos, sin = math.cos(turn), math.sin(turn)
    reach = math.sqrt(half_x * half_x + half_y * half_y) + _RADIUS
    low_i, high_i = max(int((x - reach) / CELL), 0), min(int((x + reach) / CELL), SIDE - 1)
    low_j, high_j = max(int((y - reach) / CELL), 0), min(int((y + reach) / CELL), SIDE - 1)
    for j in range(low_j, high_j + 1):
        for i in range(low_i, high_i + 1):
            dx, dy = (i + 0.5) * CELL - x, (j + 0.5) * CELL - y
            beyond_x = max(abs(cos * dx + sin * dy) - half_x, 0.0)
            beyond_y = max(abs(cos * dy - sin * dx) - half_y, 0.0)
            if beyond_x * beyond_x + beyond_y * beyond_y < _RADIUS * _RADIUS:
                blocked[j * SIDE + i] = True


@kernel
def centre(k: int) -> tuple[float, float]:
    """Middle of a cell, metres."""
    return CELL * (k % SIDE + 0.5), CELL * (k // SIDE + 0.5)


@kernel
def cell_at(x: float, y: float) -> int:
    """The cell of a point, or the nearest one."""
    i, j = min(max(int(x / CELL), 0), SIDE - 1), min(max(int(y / CELL), 0), SIDE - 1)
    return j * SIDE + i


@kernel
def free_cell(blocked: np.ndarray, x: float, y: float) -> int:
    """The free cell nearest to a point, the point's own if none is near."""
    here = cell_at(x, y)
    best, nearest = here, np.inf
    for dj in range(-_SNAP, _SNAP + 1):
        for di in range(-_SNAP, _SNAP + 1):
            i, j = here % SIDE + di, here // SIDE + dj
            if min(i, j) >= 0 and max(i, j) < SIDE and not blocked[j * SIDE + i]:
                cell_x, cell_y = centre(j * SIDE + i)
                square = (cell_x - x) * (cell_x - x) + (cell_y - y) * (cell_y - y)
                if square < nearest:
                    best, nearest = j * SIDE + i, square
    return best


@kernel
def shortest_paths(blocked: np.ndarray, x: float, y: float, lengths: np.ndarray) -> None:
    """Fill `lengths` `(NUM_CELLS,)` with the way from a point to each free cell, metres; infinite where none is."""
    lengths[:] = np.inf
    waiting = np.zeros(NUM_CELLS, np.bool_)
    queue = np.empty(NUM_CELLS, np.int64)
    start = free_cell(blocked, x, y)
    lengths[start] = 0.0
    queue[0], head, count = start, 0, 1
    while count > 0:
        k = queue[head]
        head, count = (head + 1) % NUM_CELLS, count - 1
        waiting[k] = False
        i, j = k % SIDE, k // SIDE
        for dj in range(-1, 2):
            for di in range(-1, 2):
                if min(i + di, j + dj) < 0 or max(i + di, j + dj) >= SIDE:
                    continue
                n = k + dj * SIDE + di
                if blocked[n] or (di != 0 and dj != 0 and (blocked[k + di] or blocked[k + dj * SIDE])):
                    continue  # no cutting of corners
                length = lengths[k] + CELL * (_DIAGONAL if di != 0 and dj != 0 else 1.0)
                if length < lengths[n] - 1e-9:
                    lengths[n] = length
                    if not waiting[n]:
                        waiting[n] = True
                        queue[(head + count) % NUM_CELLS] = n
                        count += 1


@kernel
def next_point(
    blocked: np.ndarray, lengths: np.ndarray, x: float, y: float, to_x: float, to_y: float
) -> tuple[float, float]:
    """Where to head now from where `shortest_paths` began: the farthest point of the path to a goal in a free line."""
    k = free_cell(blocked, to_x, to_y)
    if lengths[k] == np.inf or is_free(blocked, x, y, to_x, to_y):
        return to_x, to_y
    for _ in range(NUM_CELLS):
        cell_x, cell_y = centre(k)
        before = _before(blocked, lengths, k)
        if before == k or lengths[before] == 0.0 or is_free(blocked, x, y, cell_x, cell_y):
            break
        k = before
    return centre(k)


@kernel
def _before(blocked: np.ndarray, lengths: np.ndarray, k: int) -> int:
    """The cell before the last one of the shortest path to a cell."""
    best, shortest = k, lengths[k]
    i, j = k % SIDE, k // SIDE
    for dj in range(-1, 2):
        for di in range(-1, 2):
            if min(i + di, j + dj) < 0 or max(i + di, j + dj) >= SIDE:
                continue
            n = k + dj * SIDE + di
            cuts = di != 0 and dj != 0 and (blocked[k + di] or blocked[k + dj * SIDE])
            if not cuts and lengths[n] < shortest:
                best, shortest = n, lengths[n]
    return best


@kernel
def is_free(blocked: np.ndarray, x: float, y: float, to_x: float, to_y: float) -> bool:
    """Whether the straight way between two points is free, but for blocked cells that it begins in."""
    count = max(int(math.sqrt((to_x - x) * (to_x - x) + (to_y - y) * (to_y - y)) / (0.5 * CELL)), 1)
    inside = True
    for i in range(count + 1):
        share = i / count
        taken = blocked[cell_at(x + share * (to_x - x), y + share * (to_y - y))]
        if taken and not inside:
            return False
        inside = inside and taken and i * 0.5 * CELL < 2 * CELL
        if taken and not inside:
            return False
    return True
