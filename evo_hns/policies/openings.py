"""Openings in what the lidar measures: gaps between two edges, behind which it reaches farther.

Along a straight wall the inverse of the range, q, satisfies `q[k-1] - 2 cos(step) q[k] + q[k+1] = 0` in evenly spaced
rays. A range that exceeds what the wall before it foretells has passed an edge; in a convex room without an opening
none does. An edge that has no partner (a door beside an outer wall) makes an opening of unknown width.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.config import LEAST_RAYS
from evo_hns.policies.features import point
from evo_hns.system.kernels import kernel

NUM_OPENING = 5
"""Columns of an opening: direction (forward, left), closeness, width, depth; all 0 where there is none."""

_JUMP = 0.3  # metres by which an edge stands out; an agent's diameter
_WIDEST = 3  # an opening takes at most this part of the circle
_SCALE = 0.5  # of width and depth, which run to some metres


@kernel
def find_openings(lidar: np.ndarray, rz: float, openings: np.ndarray) -> None:
    """Describe the deepest openings around an agent.

    Args:
        lidar: `(L,)` ranges in metres of evenly spaced rays, ray 0 along x, then counterclockwise.
        rz: the agent's heading, radians.
        openings: `(N, NUM_OPENING)`, receives the deepest ones, deepest first.
    """
    openings[:] = 0.0
    num_rays, most = lidar.shape[0], openings.shape[0]
    if num_rays < LEAST_RAYS or most == 0:
        return
    step = 2.0 * math.pi / num_rays
    chord = 2.0 * math.cos(step)
    depths = np.zeros(most)
    for k in range(num_rays):
        # Once for each rising edge between rays k and k + 1, and for each falling one that has no rising partner.
        rising = _is_edge(lidar, k, 1, chord)
        falling = not rising and _is_edge(lidar, k, -1, chord)
        if not rising and not falling:
            continue
        towards = 1 if rising else -1
        near, far = k, _beside(k, towards, lidar)
        length = _length(lidar, far, towards, chord)
        if falling and length > 0:
            continue
        if length > 0:
            other = _beside(far, towards * length, lidar)
            total = 0.0
            for i in range(length):
                total += lidar[_beside(far, towards * i, lidar)]
            depth = total / length - 0.5 * (lidar[near] + lidar[other])
        else:
            other = near
            depth = lidar[far] - lidar[near]
        if depth <= depths[most - 1]:
            continue
        at = most - 1
        while at > 0 and depth > depths[at - 1]:
            depths[at] = depths[at - 1]
            for column in range(NUM_OPENING):  # whole rows take Numba seconds to compile, for their errors' words
                openings[at, column] = openings[at - 1, column]
            at -= 1
        depths[at] = depth
        _describe(lidar, near, other, far, depth, rz, step, openings[at])


@kernel
def _is_edge(lidar: np.ndarray, k: int, towards: int, chord: float) -> bool:
    """Whether the ray after k, in one direction, passes the edge of what ray k hits."""
    before = max(lidar[_beside(k, -towards, lidar)], 1e-3)
    here, after = max(lidar[k], 1e-3), lidar[_beside(k, towards, lidar)]
    inverse = chord / here - 1.0 / before
    return bool(after > here + _JUMP and inverse > 0.0 and after > 1.0 / inverse + _JUMP)


@kernel
def _beside(k: int, by: int, lidar: np.ndarray) -> int:
    """The ray `by` places after ray k, of which there are fewer than rays."""
    num_rays: int = lidar.shape[0]
    k += by
    if k < 0:
        return k + num_rays
    return k - num_rays if k >= num_rays else k


@kernel
def _length(lidar: np.ndarray, far: int, towards: int, chord: float) -> int:
    """Rays from `far` on until the opposite edge; 0 if there is none within a part of the circle."""
    num_rays = lidar.shape[0]
    for length in range(1, num_rays // _WIDEST + 1):
        if _is_edge(lidar, _beside(far, towards * length, lidar), -towards, chord):
            return length
        if _is_edge(lidar, _beside(far, towards * (length - 1), lidar), towards, chord):
            return 0  # deeper still: another opening begins
    return 0


@kernel
def _describe(
    lidar: np.ndarray, near: int, other: int, far: int, depth: float, rz: float, step: float, row: np.ndarray
) -> None:
    """Fill the columns of an opening between the points that two rays hit; with one edge, where it begins."""
    x, y = lidar[near] * math.cos(near * step), lidar[near] * math.sin(near * step)
    if other == near:
        angle = 0.5 * step * (2 * near + (1 if _beside(near, 1, lidar) == far else -1))
        mid_x, mid_y, width = lidar[near] * math.cos(angle), lidar[near] * math.sin(angle), 0.0
    else:
        other_x, other_y = lidar[other] * math.cos(other * step), lidar[other] * math.sin(other * step)
        mid_x, mid_y = 0.5 * (x + other_x), 0.5 * (y + other_y)
        width = math.sqrt((x - other_x) * (x - other_x) + (y - other_y) * (y - other_y))
    point(mid_x, mid_y, math.sin(rz), math.cos(rz), row)
    row[3] = width * _SCALE
    row[4] = depth * _SCALE
