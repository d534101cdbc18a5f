"""The floor as a fine grid: where the centre of an agent can be, and from where to where it can go.

What stands on the floor is a list of rectangles that may be turned; a cell is blocked if its middle lies nearer to one
of them than an agent's radius. Cells hang together along their edges. So a gap between two straight faces is taken for
closed below 0.300 m and for open above 0.343 m (the agent's diameter and the diagonal of a cell); in between it depends
on where the cells lie.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evo_hns.system.kernels import kernel
from evo_hns.worlds.sizes import AGENT_RADIUS

CELL = 0.03
"""Edge of a cell, metres: a straight way through a gap of 1.2 agents' diameters is never missed, at any angle."""

MARGIN = 1.5
"""How far the grid reaches beyond the floor, metres: where the field is open, ways lead around it."""

SNAP = 0.12
"""Contacts are soft and cells coarse: an agent is in the nearest free cell if that is not farther, metres. Less than
an agent's radius and the half width of the thinnest box, so that nobody is taken for being on the other side."""


class Ground(NamedTuple):
    """A square grid of cells over the floor, x first."""

    low: float  #: x and y of its lower corner, metres
    blocked: np.ndarray  #: `(N, N)` bool, an agent's centre cannot be there

    def cell_of(self, point: np.ndarray) -> tuple[int, int]:
        """The cell at a `(2,)` place; the nearest one at the rim for places beyond it."""
        i, j = np.clip((point[:2] - self.low) // CELL, 0, len(self.blocked) - 1).astype(int).tolist()
        return i, j

    def with_more(self, rectangles: np.ndarray) -> Ground:
        """The same floor with more on it: `(K, 5)` x, y, half sizes along its own axes, turn."""
        blocked = self.blocked.copy()
        _block(blocked, np.ascontiguousarray(rectangles), self.low, CELL, AGENT_RADIUS)
        return Ground(self.low, blocked)

    def regions(self) -> np.ndarray:
        """`(N, N)` int32: cells with the same number can be reached from each other; 0 is blocked."""
        return label(self.blocked)

    def region_at(self, regions: np.ndarray, point: np.ndarray) -> int:
        """The region of an agent at a `(2,)` place; 0 if it cannot be on the floor there."""
        i, j = self.cell_of(point)
        reach = int(SNAP / CELL)
        near = regions[max(i - reach, 0) : i + reach + 1, max(j - reach, 0) : j + reach + 1]
        x, y = np.nonzero(near)
        if not len(x):
            return 0
        dx, dy = x + max(i - reach, 0) - i, y + max(j - reach, 0) - j
        square = dx * dx + dy * dy
        best = int(square.argmin())
        return int(near[x[best], y[best]]) if square[best] <= reach * reach else 0


def empty_ground(floor_size: float) -> Ground:
    """A floor with nothing on it.

    Args:
        floor_size: edge of the field, metres.
    """
    num_cells = int(np.ceil((floor_size + 2 * MARGIN) / CELL))
    return Ground(-MARGIN, np.zeros((num_cells, num_cells), dtype=bool))


def label(blocked: np.ndarray) -> np.ndarray:
    """Number the parts of a grid that hang together along edges, from 1 on; `(X, Y)` int32, 0 where it is blocked."""
    from scipy import ndimage

    regions: np.ndarray = ndimage.label(~blocked)[0]
    return regions


@kernel
def _block(blocked: np.ndarray, rectangles: np.ndarray, low: float, cell: float, radius: float) -> None:
    num_x, num_y = blocked.shape
    for k in range(len(rectangles)):
        x, y, half_x, half_y, turn = rectangles[k]
        cos, sin = np.cos(turn), np.sin(turn)
        reach = np.sqrt(half_x * half_x + half_y * half_y) + radius
        for i in range(max(0, int((x - reach - low) / cell)), min(num_x, int((x + reach - low) / cell) + 1)):
            for j in range(max(0, int((y - reach - low) / cell)), min(num_y, int((y + reach - low) / cell) + 1)):
                dx, dy = low + (i + 0.5) * cell - x, low + (j + 0.5) * cell - y
                beyond_x = max(abs(cos * dx + sin * dy) - half_x, 0.0)
                beyond_y = max(abs(cos * dy - sin * dx) - half_y, 0.0)
                if beyond_x * beyond_x + beyond_y * beyond_y < radius * radius:
                    blocked[i, j] = True
