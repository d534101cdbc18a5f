"""The occupancy grid of a player that does not know the walls of its field.

A square of 30 x 30 cells of 0.3 m. At first it covers a field of 6 m and 1.5 m around it; a player that comes to
its rim takes it along and forgets what falls off. Boxes, ramps and agents are drawn like walls where the lidar meets
them, and rubbed out where it passes again. All points are centres in the world frame, metres.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from evo_hns.policies.actions import draw
from evo_hns.system.kernels import kernel

SIDE = 30
NUM_CELLS = SIDE * SIDE
GRID_SIZE = 2 + 2 * NUM_CELLS
"""Numbers that a grid takes of a player's memory."""

CELL = 0.3
_FIELD, _AROUND = 6.0, 1.5
_RIM = 2  # cells from the edge at which the grid is moved
_NO_HIT = 5.9  # the lidar's reach, metres
_STEP = 0.15  # between two points of a ray
_BEHIND = 0.05  # a surface belongs to the cell of a point behind it
_HIT, _PASS, _MOST, _LEAST = 1.0, 0.3, 3.0, -2.0  # what a hit adds and what a passing ray takes; bounds
_COS_CONE = 0.38268343236508984  # cos of 67.5 degrees
_DEPTH = 0.15  # how far behind a surface a cell's middle may lie and still be seen
_CLOSE = 0.3  # metres at which a cell is seen in any direction
_UNSEEN, _NOISE = 40.0, 15.0  # env steps: age of the cells at first, so that no two players search alike


class OccupancyGrid(NamedTuple):
    """Views of a player's memory."""

    origin: np.ndarray  #: `(2,)` x, y of the lower corner
    walls: np.ndarray  #: `(NUM_CELLS,)` evidence of something solid; below 0: of nothing; 0: unknown
    ages: np.ndarray  #: `(NUM_CELLS,)` env steps since the cell was in view; -1: not known to be part of the field


@kernel
def grid_in(numbers: np.ndarray) -> OccupancyGrid:
    """The grid in `GRID_SIZE` numbers of a memory."""
    return OccupancyGrid(numbers[:2], numbers[2 : 2 + NUM_CELLS], numbers[2 + NUM_CELLS : GRID_SIZE])


@kernel
def reset(grid: OccupancyGrid, x: float, y: float, row: np.ndarray) -> None:
    """A new grid for a player at a place; `row` holds its random stream."""
    inside = min(x, y) > 0.0 and max(x, y) < _FIELD
    half = 0.5 * SIDE * CELL
    grid.origin[0] = -_AROUND if inside else CELL * math.floor((x - half) / CELL)
    grid.origin[1] = -_AROUND if inside else CELL * math.floor((y - half) / CELL)
    for k in range(NUM_CELLS):
        grid.walls[k] = 0.0
        cell_x, cell_y = centre(grid, k)
        inside = min(cell_x, cell_y) > 0.0 and max(cell_x, cell_y) < _FIELD
        grid.ages[k] = _UNSEEN + _NOISE * draw(row) if inside else -1.0


@kernel
def update(grid: OccupancyGrid, x: float, y: float, rz: float, lidar: np.ndarray) -> None:
    """Draw what the lidar tells, and note what is in view."""
    _recentre(grid, x, y)
    _trace_rays(grid, x, y, lidar)
    _look(grid, x, y, rz, lidar)


@kernel
def centre(grid: OccupancyGrid, k: int) -> tuple[float, float]:
    """Middle of a cell, metres."""
    return grid.origin[0] + CELL * (k % SIDE + 0.5), grid.origin[1] + CELL * (k // SIDE + 0.5)


@kernel
def cell_at(grid: OccupancyGrid, x: float, y: float) -> int:
    """The cell of a point; the nearest one if it is not on the grid."""
    i = math.floor((x - grid.origin[0]) / CELL)
    j = math.floor((y - grid.origin[1]) / CELL)
    return int(min(max(j, 0), SIDE - 1) * SIDE + min(max(i, 0), SIDE - 1))


@kernel
def on_grid(grid: OccupancyGrid, x: float, y: float) -> bool:
    """Whether a point is on the grid."""
    u, v, width = x - grid.origin[0], y - grid.origin[1], SIDE * CELL
    return bool(min(u, v) >= 0.0 and max(u, v) < width)


@kernel
def is_free(grid: OccupancyGrid, ax: float, ay: float, bx: float, by: float, margin: float) -> bool:
    """Whether nothing is drawn on the straight way between two points, and `margin` metres to both sides of it."""
    length = math.sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay))
    count = int(length / _STEP) + 1
    nx, ny = (0.0, 0.0) if length == 0.0 else (margin * (ay - by) / length, margin * (bx - ax) / length)
    for i in range(1, count + 1):
        x, y = ax + (bx - ax) * i / count, ay + (by - ay) * i / count
        if grid.walls[cell_at(grid, x, y)] > 0.0:
            return False
        if margin > 0.0 and (
            grid.walls[cell_at(grid, x + nx, y + ny)] > 0.0 or grid.walls[cell_at(grid, x - nx, y - ny)] > 0.0
        ):
            return False
    return True


@kernel
def _recentre(grid: OccupancyGrid, x: float, y: float) -> None:
    """Move the grid under a player that has come to its rim, so that the player is in its middle again."""
    i = math.floor((x - grid.origin[0]) / CELL)
    j = math.floor((y - grid.origin[1]) / CELL)
    if min(i, j) >= _RIM and max(i, j) < SIDE - _RIM:
        return
    walls, ages = grid.walls.copy(), grid.ages.copy()
    di, dj = i - SIDE // 2, j - SIDE // 2
    grid.origin[0] += CELL * di
    grid.origin[1] += CELL * dj
    for k in range(NUM_CELLS):
        old_i, old_j = k % SIDE + di, k // SIDE + dj
        kept = min(old_i, old_j) >= 0 and max(old_i, old_j) < SIDE
        old = old_j * SIDE + old_i if kept else 0
        grid.walls[k] = walls[old] if kept else 0.0
        grid.ages[k] = ages[old] if kept else -1.0


@kernel
def _trace_rays(grid: OccupancyGrid, x: float, y: float, lidar: np.ndarray) -> None:
    """Rays rub out what they pass and draw what they meet."""
    num_rays = lidar.shape[0]
    for k in range(num_rays):
        ux, uy = math.cos(2.0 * math.pi * k / num_rays), math.sin(2.0 * math.pi * k / num_rays)
        reach = min(lidar[k], _NO_HIT)
        met = -1
        hit_x, hit_y = x + ux * (reach + _BEHIND), y + uy * (reach + _BEHIND)
        if lidar[k] < _NO_HIT and on_grid(grid, hit_x, hit_y):
            met = cell_at(grid, hit_x, hit_y)
            grid.walls[met] = min(grid.walls[met] + _HIT, _MOST)
        last = met
        for i in range(int(reach / _STEP)):
            at_x, at_y = x + ux * _STEP * i, y + uy * _STEP * i
            if not on_grid(grid, at_x, at_y):
                break
            cell = cell_at(grid, at_x, at_y)
            if cell != last and cell != met:
                grid.walls[cell] = max(grid.walls[cell] - _PASS, _LEAST)
                last = cell
                if grid.ages[cell] < 0.0:
                    grid.ages[cell] = _UNSEEN


@kernel
def _look(grid: OccupancyGrid, x: float, y: float, rz: float, lidar: np.ndarray) -> None:
    """Let all cells grow older by an env step, but for those in view."""
    front_x, front_y = math.sin(rz), -math.cos(rz)
    num_rays = lidar.shape[0]
    for k in range(NUM_CELLS):
        if grid.ages[k] < 0.0:
            continue
        grid.ages[k] += 1.0
        cell_x, cell_y = centre(grid, k)
        dx, dy = cell_x - x, cell_y - y
        length = math.sqrt(dx * dx + dy * dy)
        if length < _CLOSE:
            grid.ages[k] = 0.0
        elif dx * front_x + dy * front_y >= _COS_CONE * length:
            reach = _NO_HIT
            if num_rays > 0:
                below = math.floor(math.atan2(dy, dx) * num_rays / (2.0 * math.pi))
                reach = min(lidar[below % num_rays], lidar[(below + 1) % num_rays])
            if reach >= length - _DEPTH:
                grid.ages[k] = 0.0
