"""Where everything starts: layouts drawn as the original draws them, so that world k is its world k.

A layout is only arrays. All positions are body (geom) *centres* in the world frame, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Starting places of W worlds. Absent walls and doors are marked; nothing is NaN."""

    wall_pos: np.ndarray  #: `(W, num_walls, 3)` centres; absent walls are parked far below
    wall_size: np.ndarray  #: `(W, num_walls, 3)` half sizes
    wall_mask: np.ndarray  #: `(W, num_walls)` bool, the wall exists
    doors: np.ndarray  #: `(W, 2, 3)` x, y of the centre of each door's gap, 1 if it exists (else all 0)
    agents: np.ndarray  #: `(W, n, 3)` centres
    boxes: np.ndarray  #: `(W, B, 3)` centres
    ramps: np.ndarray  #: `(W, R, 3)` body-frame origins (the centre of the 0.5 m cube the wedge is cut from)
    grid: np.ndarray  #: `(W, grid, grid)` bool, occupied placement cells (walls and objects)
