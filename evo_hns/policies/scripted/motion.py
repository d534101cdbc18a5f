"""How scripted players move: forces in units of the largest one, along the world's axes, and torque."""

from __future__ import annotations

import math

import numpy as np

from evo_hns.system.kernels import kernel

_COASTING = 0.08  # seconds of its velocity that an agent rolls on
_GAIN = 3.0  # full force from a third of a metre
_TURN_PER_STEP = 0.675  # radians at full torque
_CLEARANCE = 0.35  # metres from the centre that must be free to walk on
_SLACK = 0.2  # how much nearer than an obstacle a goal must be to be walked to


@kernel
def force_towards(dx: float, dy: float, vx: float, vy: float) -> tuple[float, float]:
    """Force that brings an agent to a point at (dx, dy) and lets it come to rest there."""
    fx, fy = _GAIN * (dx - _COASTING * vx), _GAIN * (dy - _COASTING * vy)
    largest = max(abs(fx), abs(fy), 1.0)
    return fx / largest, fy / largest


@kernel
def turn_towards(rz: float, dx: float, dy: float) -> float:
    """Torque that turns the front, (sin rz, -cos rz), to a direction."""
    difference = math.atan2(dx, -dy) - rz
    difference -= 2.0 * math.pi * math.floor(difference / (2.0 * math.pi) + 0.5)
    return difference / _TURN_PER_STEP


@kernel
def around(dx: float, dy: float, lidar: np.ndarray) -> tuple[float, float]:
    """The nearest free direction: (dx, dy) itself if nothing is in the way, else turned to a free ray."""
    reach = math.sqrt(dx * dx + dy * dy)
    need = min(_CLEARANCE, reach + _SLACK)
    num_rays = lidar.shape[0]
    wanted = math.atan2(dy, dx) * num_rays / (2.0 * math.pi)
    ahead = math.floor(wanted + 0.5)
    for turn in range(num_rays // 2):
        for side in (1, -1) if wanted > ahead else (-1, 1):
            k = ahead + side * turn
            if _free(lidar, k) > need:
                angle = 2.0 * math.pi * (wanted if turn == 0 else k) / num_rays
                return reach * math.cos(angle), reach * math.sin(angle)
    return dx, dy


@kernel
def _free(lidar: np.ndarray, k: int) -> float:
    """Distance that is free along a ray and its neighbours."""
    num_rays = lidar.shape[0]
    return float(min(lidar[(k - 1) % num_rays], lidar[k % num_rays], lidar[(k + 1) % num_rays]))
