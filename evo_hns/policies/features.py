"""What a network is told: an observation turned into the agent's own frame and scaled to order one.

The frame of an agent looks along its front, the local -y axis: forward = (sin rz, -cos rz), left =
(cos rz, sin rz). What the masks hide is not even read. Entities are sorted into four kinds, and a row
of the same columns describes each of them, so that nothing depends on how many there are.

Observed positions are corners: an agent's centre lies 0.15 m above its `qpos`, a box's or a ramp's 0.25 m
(for boxes of the standard 0.5 m; others shift the row of a box by half the difference).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evo_hns.policies.kernel import kernel
from evo_hns.spec import Observation, ObservationSpec

OPPONENT, MATE, BOX, RAMP = 0, 1, 2, 3
NUM_KINDS = 4
HIDDEN = -1

NUM_OWN = 10
"""Columns on the agent itself: x, y, z, sin rz, cos rz, velocity forward, left, turning; prep clock, is prep."""
NUM_POSE = 8
"""Columns of every entity: direction (forward, left), closeness, velocity (forward, left), height, relative
heading (sin, cos)."""
NUM_LOCKS = 3
"""Columns of lockable objects: locked by me, by my team, by anyone."""

_CORNER_SHIFT = 0.10  # half size of an object less that of an agent, metres
_SPEED = 0.2  # velocities run to 9 m/s and 9 rad/s
_HEIGHT = 2.0  # objects are 0.5 m high
_HALF_FIELD = 3.0  # metres


@dataclass(frozen=True)
class Features:
    """Inputs of a network. E entities: the other agents, then boxes, then ramps."""

    own: np.ndarray  #: `(W, A, NUM_OWN + sectors)` float32, the agent itself and its lidar, sector 0 ahead
    rows: np.ndarray  #: `(W, A, E, NUM_POSE + NUM_LOCKS)` float32, undefined where hidden
    kinds: np.ndarray  #: `(W, A, E)` int8, what a row describes, or `HIDDEN`
    heading: np.ndarray  #: `(W, A, 2)` float64, sin and cos of rz


def num_sectors(spec: ObservationSpec) -> int:
    """Lidar rays are averaged in pairs."""
    return max(1, spec.num_lidar_rays // 2)


def row_widths(spec: ObservationSpec) -> tuple[int, int, int, int]:
    """Columns in use for each kind: only what can be locked has lock flags."""
    box_locks = NUM_LOCKS if spec.box_features > 9 else 0
    ramp_locks = NUM_LOCKS if spec.ramp_features > 9 else 0
    return NUM_POSE, NUM_POSE, NUM_POSE + box_locks, NUM_POSE + ramp_locks


def encode(observation: Observation) -> Features:
    """Turn a team's observation into features.

    Args:
        observation: rows `(W, A, ...)`, all agents or one team.
    """
    arrays = (
        observation.observation_self,
        observation.agent_qpos_qvel,
        observation.mask_aa_obs,
        observation.box_obs,
        observation.mask_ab_obs,
        observation.ramp_obs,
        observation.mask_ar_obs,
        observation.lidar[..., 0],
    )
    me, agents, sees_agent, boxes, sees_box, ramps, sees_ramp, lidar = (
        np.ascontiguousarray(array.numpy()) for array in arrays
    )
    num_worlds, num_agents = me.shape[:2]
    num_entities = agents.shape[2] + boxes.shape[2] + ramps.shape[2]
    sectors = max(1, lidar.shape[2] // 2)
    features = Features(
        own=np.empty((num_worlds, num_agents, NUM_OWN + sectors), np.float32),
        rows=np.empty((num_worlds, num_agents, num_entities, NUM_POSE + NUM_LOCKS), np.float32),
        kinds=np.empty((num_worlds, num_agents, num_entities), np.int8),
        heading=np.empty((num_worlds, num_agents, 2)),
    )
    _encode_self(me, lidar, features.own, features.heading)
    _encode_agents(me, features.heading, agents, sees_agent, features.rows, features.kinds)
    first_box, first_ramp = agents.shape[2], agents.shape[2] + boxes.shape[2]
    _encode_objects(me, features.heading, boxes, sees_box, BOX, first_box, features.rows, features.kinds)
    _encode_objects(me, features.heading, ramps, sees_ramp, RAMP, first_ramp, features.rows, features.kinds)
    return features


@kernel
def _encode_self(me: np.ndarray, lidar: np.ndarray, own: np.ndarray, heading: np.ndarray) -> None:
    """Fill `own` and `heading` from `observation_self` `(W, A, 10)` and lidar `(W, A, L)`."""
    ring = np.empty(lidar.shape[2])
    for w in range(me.shape[0]):
        for a in range(me.shape[1]):
            x, y, z, rz, vx, vy, _, turning, _, clock = me[w, a]
            s, c = math.sin(rz), math.cos(rz)
            heading[w, a, 0], heading[w, a, 1] = s, c
            row = own[w, a]
            row[0] = (x - _HALF_FIELD) / _HALF_FIELD
            row[1] = (y - _HALF_FIELD) / _HALF_FIELD
            row[2] = z * _HEIGHT
            row[3], row[4] = s, c
            row[5] = (vx * s - vy * c) * _SPEED
            row[6] = (vx * c + vy * s) * _SPEED
            row[7] = turning * _SPEED
            row[8] = clock
            row[9] = 1.0 if clock < 0.999 else 0.0  # the last clock of the preparation is 1 - 1e-5 / P
            for k in range(ring.shape[0]):
                ring[k] = 1.0 / (1.0 + lidar[w, a, k])
            _turn_ring(ring, rz, row[NUM_OWN:])


@kernel
def _turn_ring(ring: np.ndarray, rz: float, sectors: np.ndarray) -> None:
    """Read a world-fixed ring at evenly spaced angles from the heading on, smoothed over neighbours.

    A sector is the mean of its ray (weight 1/2) and of the rays beside it (1/4 each), each interpolated
    between the two measured rays around it. Sector 0 looks ahead, the next ones to the left of it.
    """
    length = ring.shape[0]
    ahead = (rz / (2.0 * math.pi) - 0.25) * length
    ahead -= math.floor(ahead / length) * length
    for i in range(sectors.shape[0]):
        position = ahead + i * length / sectors.shape[0]
        below = math.floor(position)
        t = position - below
        k = int(below)
        before, here = ring[(k - 1) % length], ring[k % length]
        after, beyond = ring[(k + 1) % length], ring[(k + 2) % length]
        at_below = 0.25 * before + 0.5 * here + 0.25 * after
        at_above = 0.25 * here + 0.5 * after + 0.25 * beyond
        sectors[i] = at_below + t * (at_above - at_below)


@kernel
def _encode_agents(
    me: np.ndarray,
    heading: np.ndarray,
    agents: np.ndarray,
    sees: np.ndarray,
    rows: np.ndarray,
    kinds: np.ndarray,
) -> None:
    """Fill the first entities from `agent_qpos_qvel` `(W, A, n - 1, 10)`."""
    for w in range(agents.shape[0]):
        for a in range(agents.shape[1]):
            for j in range(agents.shape[2]):
                kinds[w, a, j] = HIDDEN
                if sees[w, a, j]:
                    other = agents[w, a, j]
                    kinds[w, a, j] = MATE if other[8] == me[w, a, 8] else OPPONENT
                    s, c = heading[w, a]
                    sin_other, cos_other = math.sin(other[3]), math.cos(other[3])
                    _fill_pose(rows[w, a, j], me[w, a], s, c, other, 0.0, sin_other, cos_other, other[4], other[5])


@kernel
def _encode_objects(
    me: np.ndarray,
    heading: np.ndarray,
    objects: np.ndarray,
    sees: np.ndarray,
    kind: int,
    first: int,
    rows: np.ndarray,
    kinds: np.ndarray,
) -> None:
    """Fill the entities from `first` on from `box_obs` or `ramp_obs`."""
    for w in range(objects.shape[0]):
        for a in range(objects.shape[1]):
            for j in range(objects.shape[2]):
                kinds[w, a, first + j] = HIDDEN
                if sees[w, a, j]:
                    kinds[w, a, first + j] = kind
                    thing, row = objects[w, a, j], rows[w, a, first + j]
                    s, c = heading[w, a]
                    _fill_pose(row, me[w, a], s, c, thing, _CORNER_SHIFT, thing[4], thing[3], thing[5], thing[6])
                    for k in range(9, thing.shape[0]):
                        row[NUM_POSE + k - 9] = thing[k]


@kernel
def _fill_pose(
    row: np.ndarray,
    me: np.ndarray,
    s: float,
    c: float,
    other: np.ndarray,
    shift: float,
    sin_other: float,
    cos_other: float,
    vx: float,
    vy: float,
) -> None:
    """Write the `NUM_POSE` columns of an entity at `other[:3]`, seen from `me`."""
    dx, dy = other[0] - me[0] + shift, other[1] - me[1] + shift
    distance = math.sqrt(dx * dx + dy * dy)
    scale = 1.0 / distance if distance > 0.0 else 0.0
    row[0] = (dx * s - dy * c) * scale
    row[1] = (dx * c + dy * s) * scale
    row[2] = 1.0 / (1.0 + distance)
    row[3] = (vx * s - vy * c) * _SPEED
    row[4] = (vx * c + vy * s) * _SPEED
    row[5] = (other[2] - me[2]) * _HEIGHT
    row[6] = sin_other * c - cos_other * s
    row[7] = cos_other * c + sin_other * s
