"""What an agent sees: a cone without limit of range, cut off by whatever stands in the way.

Agents look along their local -y. The cone is tested in the plane between `qpos` coordinates, as the
original does: those of an agent and of an object are offset differently from their centres, so
the cone is aimed about 0.1 m beside a box. The line of sight runs between true centres.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from evo_hns.envs.scalar import tanh

CONE_HALF_ANGLE = 3 / 8 * math.pi  #: radians to each side
COS_CONE_HALF_ANGLE = math.cos(CONE_HALF_ANGLE)
LIDAR_MISS = 6.0  #: metres reported where a lidar ray hits nothing


def circulant(num_agents: int) -> Tensor:
    """`(n, n - 1)` int64, the others in the order in which each agent's observation lists them.

    Row i is (i - 1) % n, (i - 2) % n, ... (the original's order).
    """
    agent = torch.arange(num_agents)[:, None]
    return (agent - torch.arange(1, num_agents)[None]) % num_agents


def in_cone(cos: Tensor, sin: Tensor, offset_x: Tensor, offset_y: Tensor) -> Tensor:
    """Whether points lie within an agent's cone of sight.

    The cone's axis is the heading rz - pi / 2 = (sin rz, -cos rz). The original compares an arc cosine
    with the half angle; comparing the dot product with its cosine decides the same without dividing
    by the distance, and a point at the agent itself is inside, as it is there.

    Args:
        cos: `(W, A, 1)` cosine of each agent's turn about z.
        sin: `(W, A, 1)` its sine.
        offset_x: `(W, A, K)` target minus agent, metres.
        offset_y: `(W, A, K)`.

    Returns:
        `(W, A, K)` bool.
    """
    along = offset_x * sin - offset_y * cos
    distance = torch.sqrt(offset_x * offset_x + offset_y * offset_y)
    return along >= distance * COS_CONE_HALF_ANGLE


def lidar_directions(num_rays: int) -> Tensor:
    """`(L, 3)` unit vectors in the horizontal plane, evenly spaced, the first along world +x."""
    angles = [2 * math.pi * k / num_rays for k in range(num_rays)]
    directions = [[math.cos(a), math.sin(a), 0.0] for a in angles]
    return torch.tensor(directions, dtype=torch.float64).view(-1, 3)


def lidar_readings(distance: Tensor, compression: float | None = None) -> Tensor:
    """What lidar tells of distances.

    Args:
        distance: metres; a miss (-1) is read as 6.0 m, a hit farther away is told as it is.
        compression: scale s at which readings saturate, s tanh(d / s), metres; None tells distances.
    """
    readings = torch.where(distance < 0.0, LIDAR_MISS, distance)
    return readings if compression is None else compression * tanh(readings / compression)
