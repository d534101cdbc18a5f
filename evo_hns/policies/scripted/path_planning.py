"""Path planning on an occupancy grid: shortest paths, where to head now, what to search next, how to come free.

What is not drawn yet counts as passable, but as longer: ways lead through the unknown where the known is far.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.actions import draw
from evo_hns.policies.scripted.field import distance
from evo_hns.policies.scripted.motion import around
from evo_hns.policies.scripted.occupancy_grid import CELL, NUM_CELLS, SIDE, OccupancyGrid, cell_at, centre, is_free
from evo_hns.system.kernels import kernel

_UNKNOWN, _BESIDE = 1.5, 2.0  # length of a cell that is not known, or beside something solid, in cells
_DIAGONAL = 1.4142135623730951
_MARGIN = 0.14  # metres that a straight way must be free to both sides
_NEARNESS = 4.0  # metres of way that count for as much as any way
_STUCK_LIMIT, _PUSH, _ASIDE = 4, 4, 3  # env steps without progress; of pushing straight on; of stepping aside

HOME_RANGE = 5.2
"""How far from where they began players go, metres: who runs out of an open field has left the game."""

OLD_X, OLD_Y, STUCK, SIDESTEP = 0, 1, 2, 3
"""Columns of a walk: where it was, for how many env steps without progress, angle to break free."""
WALK_SIZE = 4


@kernel
def shortest_paths(grid: OccupancyGrid, x: float, y: float, lengths: np.ndarray) -> None:
    """Fill `lengths` `(NUM_CELLS,)` with the way from a point to each cell, metres; infinite where none is."""
    costs = np.empty(NUM_CELLS)
    for k in range(NUM_CELLS):
        costs[k] = _cost(grid, k)
    lengths[:] = np.inf
    waiting = np.zeros(NUM_CELLS, np.bool_)
    queue = np.empty(NUM_CELLS, np.int64)
    start = cell_at(grid, x, y)
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
                slanted = di != 0 and dj != 0
                if slanted and not (costs[k + di] < np.inf and costs[k + dj * SIDE] < np.inf):
                    continue  # no cutting of corners
                length = lengths[k] + CELL * costs[n] * (_DIAGONAL if slanted else 1.0)
                if length < lengths[n] - 1e-9:
                    lengths[n] = length
                    if not waiting[n]:
                        waiting[n] = True
                        queue[(head + count) % NUM_CELLS] = n
                        count += 1


@kernel
def _cost(grid: OccupancyGrid, k: int) -> float:
    """What it costs to enter a cell, in cells."""
    if grid.walls[k] > 0.0:
        return float(np.inf)
    i, j = k % SIDE, k // SIDE
    beside = (i > 0 and grid.walls[k - 1] > 0.0) or (i < SIDE - 1 and grid.walls[k + 1] > 0.0)
    beside |= (j > 0 and grid.walls[k - SIDE] > 0.0) or (j < SIDE - 1 and grid.walls[k + SIDE] > 0.0)
    return (_BESIDE if beside else 1.0) * (_UNKNOWN if grid.walls[k] == 0.0 else 1.0)


@kernel
def heading(
    grid: OccupancyGrid, lengths: np.ndarray, x: float, y: float, to_x: float, to_y: float
) -> tuple[float, float]:
    """Where to head now: the farthest point of the shortest way to a goal that lies straight ahead.

    Args:
        grid: the map.
        lengths: from `shortest_paths` at (x, y).
        x: of where the way begins.
        y: likewise.
        to_x: of where it ends.
        to_y: likewise.
    """
    if is_free(grid, x, y, to_x, to_y, _MARGIN):
        return to_x, to_y
    k = cell_at(grid, to_x, to_y)
    if lengths[k] == np.inf:
        k = _beside(lengths, k)
        if lengths[k] == np.inf:
            return to_x, to_y
    for _ in range(NUM_CELLS):
        cell_x, cell_y = centre(grid, k)
        before = _before(lengths, k)
        if lengths[before] == 0.0 or before == k or is_free(grid, x, y, cell_x, cell_y, _MARGIN):
            break
        k = before
    return centre(grid, k)


@kernel
def _beside(lengths: np.ndarray, k: int) -> int:
    """The nearest to walk of a cell and the eight around it."""
    best, shortest = k, lengths[k]
    i, j = k % SIDE, k // SIDE
    for dj in range(-1, 2):
        for di in range(-1, 2):
            if min(i + di, j + dj) >= 0 and max(i + di, j + dj) < SIDE:
                n = k + dj * SIDE + di
                if lengths[n] < shortest:
                    best, shortest = n, lengths[n]
    return best


@kernel
def _before(lengths: np.ndarray, k: int) -> int:
    """The cell before the last one of the shortest way to a cell."""
    best, shortest = k, lengths[k]
    i, j = k % SIDE, k // SIDE
    for dj in range(-1, 2):
        for di in range(-1, 2):
            if min(i + di, j + dj) < 0 or max(i + di, j + dj) >= SIDE:
                continue
            n = k + dj * SIDE + di
            blocked = di != 0 and dj != 0 and (lengths[k + di] == np.inf or lengths[k + dj * SIDE] == np.inf)
            if not blocked and lengths[n] < shortest:
                best, shortest = n, lengths[n]
    return best


@kernel
def most_worth(grid: OccupancyGrid, lengths: np.ndarray, home_x: float, home_y: float) -> int:
    """The cell most worth a visit: long unseen, not far, and not too far from home; -1 if there is none."""
    best, highest = -1, 0.0
    for k in range(NUM_CELLS):
        if lengths[k] < np.inf and grid.ages[k] > 0.0:
            worth = grid.ages[k] / (_NEARNESS + lengths[k])
            cell_x, cell_y = centre(grid, k)
            if worth > highest and distance(cell_x, cell_y, home_x, home_y) < HOME_RANGE:
                best, highest = k, worth
    return best


@kernel
def step_towards(
    dx: float, dy: float, x: float, y: float, lidar: np.ndarray, walk: np.ndarray, row: np.ndarray
) -> tuple[float, float]:
    """Step in a direction, around things; where that does not help, push on, then step aside.

    Args:
        dx: the way to go, metres.
        dy: likewise.
        x: of where the agent is.
        y: likewise.
        lidar: `(L,)` metres.
        walk: `(WALK_SIZE,)` its memory.
        row: whose first number is the random stream.
    """
    if walk[STUCK] < 0:
        walk[STUCK] += 1
        if walk[STUCK] < -_ASIDE:
            return dx, dy
        return math.cos(walk[SIDESTEP]), math.sin(walk[SIDESTEP])
    moved = math.sqrt((x - walk[OLD_X]) * (x - walk[OLD_X]) + (y - walk[OLD_Y]) * (y - walk[OLD_Y]))
    stands = moved < 0.05 and dx * dx + dy * dy > 0.09
    walk[OLD_X], walk[OLD_Y] = x, y
    walk[STUCK] = walk[STUCK] + 1 if stands else max(walk[STUCK] - 1, 0)
    if walk[STUCK] >= _STUCK_LIMIT:
        walk[STUCK] = -_PUSH - _ASIDE
        walk[SIDESTEP] = 2.0 * math.pi * draw(row)
    return around(dx, dy, lidar)
