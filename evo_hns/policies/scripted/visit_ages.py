"""Visit ages: how long ago each cell of 9 x 9 was in view, kept in a searching player's memory.

A cell counts as seen when it lies in the cone of vision and the lidar reaches (almost) to its middle.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.actions import draw
from evo_hns.policies.scripted.field import in_room, way_length
from evo_hns.system.kernels import kernel

CELLS_PER_SIDE = 9
NUM_CELLS = CELLS_PER_SIDE * CELLS_PER_SIDE

_CELL = 0.6  # metres
_COS_CONE = 0.38268343236508984  # cos of 67.5 degrees
_DEPTH = 0.3  # how far behind a surface a cell's middle may lie, metres: boxes fill cells
_CLOSE = 0.35  # metres at which a cell is seen in any direction
_UNSEEN, _NOISE = 30.0, 15.0  # env steps: age of the cells at first, so that no two players search alike
_ROOM = 80.0  # the room is searched first
_NEARNESS = 3.0  # metres of way that count for as much as any way


@kernel
def cell_centre(k: int) -> tuple[float, float]:
    """Middle of a cell, metres."""
    return _CELL * (k % CELLS_PER_SIDE + 1), _CELL * (k // CELLS_PER_SIDE + 1)


@kernel
def reset(ages: np.ndarray, row: np.ndarray) -> None:
    """A new map: nothing seen yet; `row` holds the player's random stream."""
    for k in range(NUM_CELLS):
        x, y = cell_centre(k)
        ages[k] = _UNSEEN + _NOISE * draw(row) + (_ROOM if in_room(x, y) else 0.0)


@kernel
def look(ages: np.ndarray, x: float, y: float, rz: float, lidar: np.ndarray) -> None:
    """Let all cells grow older by an env step, but for those in view."""
    front_x, front_y = math.sin(rz), -math.cos(rz)
    num_rays = lidar.shape[0]
    for k in range(NUM_CELLS):
        ages[k] += 1
        cell_x, cell_y = cell_centre(k)
        dx, dy = cell_x - x, cell_y - y
        length = math.sqrt(dx * dx + dy * dy)
        if dx * front_x + dy * front_y >= _COS_CONE * length:
            ray = math.floor(math.atan2(dy, dx) * num_rays / (2.0 * math.pi) + 0.5) % max(num_rays, 1)
            if num_rays == 0 or lidar[ray] >= length - _DEPTH:
                ages[k] = 0
        if length < _CLOSE:
            ages[k] = 0


@kernel
def choose(ages: np.ndarray, x: float, y: float, doors: np.ndarray) -> int:
    """The cell most worth a visit: long unseen, and not far."""
    best, highest = 0, -np.inf
    for k in range(NUM_CELLS):
        cell_x, cell_y = cell_centre(k)
        worth = ages[k] / (_NEARNESS + way_length(x, y, cell_x, cell_y, doors))
        if worth > highest:
            best, highest = k, worth
    return best
