"""What an agent sees: a cone without limit of range, cut off by whatever stands in the way.

Agents look along their local -y. The cone is tested in the plane between `qpos` coordinates, as the
original does: those of an agent and of an object are offset differently from their centres, so
the cone is aimed about 0.1 m beside a box. The line of sight runs between true centres.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from evo_hns.system.kernels import kernel

CONE_HALF_ANGLE = 3 / 8 * math.pi  #: radians to each side
COS_CONE_HALF_ANGLE = math.cos(CONE_HALF_ANGLE)
LIDAR_MISS = 6.0  #: metres reported where a lidar ray hits nothing
NO_BODY = -1  #: what a ray that hits nothing meets, and what food is made of


def circulant(num_agents: int) -> Tensor:
    """`(n, n - 1)` int64, the others in the order in which each agent's observation lists them.

    Row i is (i - 1) % n, (i - 2) % n, ... (the original's order).
    """
    agent = torch.arange(num_agents)[:, None]
    return (agent - torch.arange(1, num_agents)[None]) % num_agents


@kernel
def in_cone(cos: float, sin: float, x: float, y: float) -> bool:
    """Whether a point lies within an agent's cone of sight.

    The cone's axis is the heading rz - pi / 2 = (sin rz, -cos rz). The original compares an arc cosine
    with the half angle; comparing the dot product with its cosine decides the same without dividing
    by the distance, and a point at the agent itself is inside, as it is there.

    Args:
        cos: cosine of the agent's turn about z.
        sin: its sine.
        x: point minus agent, metres.
        y: the same.
    """
    return x * sin - y * cos >= math.sqrt(x * x + y * y) * COS_CONE_HALF_ANGLE


@kernel
def aim(
    targets: np.ndarray,
    exists: np.ndarray,
    qpos: np.ndarray,
    rotation: np.ndarray,
    centre: np.ndarray,
    food: np.ndarray,
    ahead: np.ndarray,
    origins: np.ndarray,
    directions: np.ndarray,
) -> None:
    """Point lines of sight from every agent at those of its targets that exist and lie in its cone.

    Args:
        targets: `(n, K)` what each agent looks at: entity e, or food item f as E + f.
        exists: `(W, E)` bool, the entity exists; all food does.
        qpos: `(W, E, 4)` x, y, ... between which the cone is tested, metres.
        rotation: `(W, E, 9)` row by row.
        centre: `(W, E, 3)` between which agents look, metres.
        food: `(W, F, 3)` places, metres.
        ahead: `(W, n, K)` bool, receives who looks at what.
        origins: `(W, n, L + K, 3)` receives where all rays of an agent start, those of its lidar first.
        directions: `(W, n, L + K, 3)` receives the ways to what lies ahead from ray L on; others have no length.
    """
    num_entities, first = qpos.shape[1], origins.shape[2] - targets.shape[1]
    for w in range(ahead.shape[0]):
        for i in range(ahead.shape[1]):
            cos, sin = rotation[w, i, 0], rotation[w, i, 3]
            for r in range(origins.shape[2]):
                for axis in range(3):
                    origins[w, i, r, axis] = centre[w, i, axis]
            for k in range(targets.shape[1]):
                t, f = targets[i, k], targets[i, k] - num_entities
                observed, there = (food[w, f], food[w, f]) if f >= 0 else (qpos[w, t], centre[w, t])
                in_view = in_cone(cos, sin, observed[0] - qpos[w, i, 0], observed[1] - qpos[w, i, 1])
                ahead[w, i, k] = in_view and exists[w, i] and (f >= 0 or exists[w, t])
                for axis in range(3):
                    way = there[axis] - centre[w, i, axis]
                    directions[w, i, first + k, axis] = way if ahead[w, i, k] else 0.0


def lidar_directions(num_rays: int) -> Tensor:
    """`(L, 3)` unit vectors in the horizontal plane, evenly spaced, the first along world +x."""
    angles = [2 * math.pi * k / num_rays for k in range(num_rays)]
    directions = [[math.cos(a), math.sin(a), 0.0] for a in angles]
    return torch.tensor(directions, dtype=torch.float64).view(-1, 3)


@kernel
def recognise(
    ahead: np.ndarray,
    bodies: np.ndarray,
    distance: np.ndarray,
    geom: np.ndarray,
    geom_body: np.ndarray,
    sees: np.ndarray,
) -> None:
    """Whether what is looked at is the first thing on the line of sight, or is food and nothing stands before it.

    Args:
        ahead: `(W, n, K)` bool, the target is looked at.
        bodies: `(n, K)` body of each target; `NO_BODY` for food, which has none.
        distance: `(W, n, L + K)` to the first hit of each ray, lines of sight last and in multiples of the way.
        geom: `(W, n, L + K)` what was hit; -1 for nothing.
        geom_body: `(G,)` bodies of all geoms.
        sees: `(W, n, K)` bool, receives the answer.
    """
    first = geom.shape[2] - bodies.shape[1]
    for w in range(ahead.shape[0]):
        for i in range(ahead.shape[1]):
            for k in range(ahead.shape[2]):
                hit, way = geom[w, i, first + k], distance[w, i, first + k]
                is_first = (geom_body[hit] if hit >= 0 else NO_BODY) == bodies[i, k]
                is_before = bodies[i, k] == NO_BODY and way >= 1.0
                sees[w, i, k] = ahead[w, i, k] and (is_first or is_before)


@kernel
def read_lidar(agent_mask: np.ndarray, distance: np.ndarray, compression: float | None, readings: np.ndarray) -> None:
    """Fill `readings` `(W, n, L)` from distances `(W, n, >= L)`; zeros of who is absent."""
    for w in range(readings.shape[0]):
        for i in range(readings.shape[1]):
            for k in range(readings.shape[2]):
                readings[w, i, k] = lidar_reading(distance[w, i, k], compression) if agent_mask[w, i] else 0.0


@kernel
def lidar_reading(distance: float, compression: float | None) -> float:
    """The lidar reading of a distance.

    Args:
        distance: metres; a miss (-1) is read as 6.0 m, a hit farther away as it is.
        compression: scale s at which readings saturate, s tanh(d / s), metres; None: readings are distances.
    """
    reading = LIDAR_MISS if distance < 0.0 else distance
    if compression is None:
        return reading
    return compression * math.tanh(reading / compression)
