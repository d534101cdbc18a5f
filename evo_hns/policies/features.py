"""What a network reads: an observation turned into the agent's own frame and scaled to order one.

The frame of an agent looks along its front, the local -y axis: forward = (sin rz, -cos rz), left =
(cos rz, sin rz). What the masks hide is not even read. Entities are sorted into types, and a row
of the same columns describes each of a type, so that nothing depends on how many there are.

Observed positions are corners: an agent's centre lies 0.15 m above its `qpos`, a box's or a ramp's half its
size: 0.25 m where sizes are not observed. (Of boxes of another, unobserved size the features are shifted by half
the difference.) The corner of an elongated box does not turn with it. Food has its true place.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evo_hns.spec import ObjectColumns, Observation, ObservationSpec
from evo_hns.system.kernels import kernel

ENTITY_TYPES = ("opponents", "mates", "boxes", "ramps", "food", "sites")
OPPONENT, MATE, BOX, RAMP, FOOD, SITE = 0, 1, 2, 3, 4, 5
HIDDEN = -1

NUM_SELF = 10
"""Columns on the agent itself: x, y, z, sin rz, cos rz, velocity forward, left, turning; prep clock, is prep."""
NUM_POSE = 8
"""Columns of agents and objects: direction (forward, left), closeness, velocity (forward, left), height, relative
heading (sin, cos)."""
NUM_SIZE = 2
"""Columns of boxes whose size is observed, after their pose: full size along their own x and y, metres."""
NUM_LOCKS = 3
"""Last columns of lockable objects: locked by me, by my team, by anyone."""
NUM_FOOD = 5
"""Columns of food, which neither moves nor turns: direction (forward, left), closeness, height, health."""

NUM_SITE = 3
"""Columns of construction sites: direction (forward, left), closeness of the centre."""

_HALF_AGENT = 0.15  # metres
_CORNER_SHIFT = 0.10  # half size of an object less that of an agent, metres
_SPEED = 0.2  # velocities run to 9 m/s and 9 rad/s
_HEIGHT = 2.0  # objects are 0.5 m high
_HALF_FIELD = 3.0  # metres


@dataclass(frozen=True)
class Features:
    """Inputs of a network. E entities: the other agents, then boxes, ramps, food and construction sites."""

    present: np.ndarray  #: `(W, A)` bool, the agent exists; if not, nothing is visible and `self_features` is undefined
    self_features: np.ndarray
    """`(W, A, NUM_SELF + sectors + more)` float32, the agent itself, its lidar, sector 0 ahead, and its `senses`"""
    entity_features: np.ndarray  #: `(W, A, E, widest type)` float32, undefined where hidden
    entity_types: np.ndarray  #: `(W, A, E)` int8, or `HIDDEN`
    heading: np.ndarray  #: `(W, A, 2)` float64, sin and cos of rz; 0 and 1 of who does not exist


class _Places(NamedTuple):
    """Where the numbers of an object's row stand."""

    angle: int  # of the turn about z: its cosine or, if there is no sine, radians
    sine: int  # -1: none
    velocity: int
    size: int  # -1: not observed
    locks: int
    end: int


def num_sectors(spec: ObservationSpec) -> int:
    """Lidar rays are averaged in pairs."""
    return max(min(1, spec.num_lidar_rays), spec.num_lidar_rays // 2)


@functools.cache
def entity_columns(spec: ObservationSpec) -> tuple[tuple[str, ...], ...]:
    """The columns of each entity type: sizes where they are observed, locks of what can be locked.

    Their names mean the same in every game. Types without columns are not in the game; nor are those that are left out
    at the end.
    """
    pose = tuple(f"pose {k}" for k in range(NUM_POSE))
    size, locks = tuple(f"size {k}" for k in range(NUM_SIZE)), tuple(f"lock {k}" for k in range(NUM_LOCKS))
    box = (*pose, *size * spec.box_columns.has_size, *locks * spec.box_columns.has_locks)
    ramp = (*pose, *locks * spec.ramp_columns.has_locks)
    food = tuple(f"food {k}" for k in range(NUM_FOOD if spec.num_food else 0))
    sites = tuple(f"site {k}" for k in range(NUM_SITE if spec.num_sites else 0))
    columns = (pose, pose, box, ramp, food, sites)
    return columns[: max(kind for kind, names in enumerate(columns) if names) + 1]


def entity_widths(spec: ObservationSpec) -> tuple[int, ...]:
    """How many columns each entity type has; see `entity_columns`."""
    return tuple(map(len, entity_columns(spec)))


def encode(observation: Observation, spec: ObservationSpec, num_more: int = 0) -> Features:
    """Turn a team's observation into features.

    Args:
        observation: `(W, A, ...)` of all agents or one team.
        spec: of the game.
        num_more: columns of `self_features` that are left to others to fill.
    """
    arrays = (
        observation.agent_mask,
        observation.observation_self,
        observation.lidar[..., 0],
        observation.agent_qpos_qvel,
        observation.mask_aa_obs,
        observation.box_obs,
        observation.mask_ab_obs,
        observation.ramp_obs,
        observation.mask_ar_obs,
        observation.food_obs,
        observation.mask_af_obs,
        observation.construction_site_obs,
        observation.mask_acs_obs,
    )
    observed = tuple(np.ascontiguousarray(tensor.numpy()) for tensor in arrays)
    present, num_entities = observed[0], sum(observed[k].shape[2] for k in (3, 5, 7, 9, 11))
    features = Features(
        present=present,
        self_features=np.empty((*present.shape, NUM_SELF + num_sectors(spec) + num_more), np.float32),
        entity_features=np.empty((*present.shape, num_entities, max(entity_widths(spec))), np.float32),
        entity_types=np.empty((*present.shape, num_entities), np.int8),
        heading=np.empty((*present.shape, 2)),
    )
    places = _places(spec.box_columns, BOX), _places(spec.ramp_columns, RAMP)
    out = (features.self_features, features.entity_features, features.entity_types, features.heading)
    _encode(observed, places, num_more, out)
    return features


@functools.cache
def _places(columns: ObjectColumns, entity_type: int) -> _Places:
    """Of three angles the last is the turn about z; ramps have columns for sizes, but no sizes."""
    last = columns.angles.start + columns.num_angles - 1
    return _Places(
        angle=last,
        sine=last + columns.num_angles if columns.polar else -1,
        velocity=columns.velocities.start,
        size=columns.size.start if columns.has_size and entity_type == BOX else -1,
        locks=columns.locks.start,
        end=columns.width,
    )


@kernel
def _encode(
    observed: tuple[np.ndarray, ...], places: tuple[_Places, _Places], num_more: int, out: tuple[np.ndarray, ...]
) -> None:
    """Fill all features: one call, which costs more than some of its parts."""
    present, me, lidar, agents, sees_agent, boxes, sees_box, ramps, sees_ramp = observed[:9]
    food, sees_food, sites, is_site = observed[9:]
    self_features, entity_features, entity_types, heading = out
    first_ramp = agents.shape[2] + boxes.shape[2]
    agent, entities = (present, me, heading), (entity_features, entity_types)
    _encode_self(present, me, lidar, num_more, self_features, heading)
    _encode_agents(*agent, agents, sees_agent, *entities)
    _encode_objects(*agent, boxes, sees_box, places[0], BOX, agents.shape[2], *entities)
    _encode_objects(*agent, ramps, sees_ramp, places[1], RAMP, first_ramp, *entities)
    _encode_food(*agent, food, sees_food, first_ramp + ramps.shape[2], *entities)
    _encode_sites(*agent, sites, is_site, first_ramp + ramps.shape[2] + food.shape[2], *entities)


@kernel
def _encode_self(
    present: np.ndarray,
    me: np.ndarray,
    lidar: np.ndarray,
    num_more: int,
    self_features: np.ndarray,
    heading: np.ndarray,
) -> None:
    """Fill `self_features`, but for the last ones, and `heading` from `observation_self` `(W, A, 10)` and lidar."""
    ring, end = np.empty(lidar.shape[2]), self_features.shape[2] - num_more
    for w in range(me.shape[0]):
        for a in range(me.shape[1]):
            heading[w, a, 0], heading[w, a, 1] = 0.0, 1.0
            if not present[w, a]:
                continue
            x, y, z, rz, vx, vy, _, turning, _, clock = me[w, a]
            s, c = math.sin(rz), math.cos(rz)
            heading[w, a, 0], heading[w, a, 1] = s, c
            row = self_features[w, a]
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
            _turn_ring(ring, rz, row[NUM_SELF:end])


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
    present: np.ndarray,
    me: np.ndarray,
    heading: np.ndarray,
    agents: np.ndarray,
    sees: np.ndarray,
    entity_features: np.ndarray,
    entity_types: np.ndarray,
) -> None:
    """Fill the first entities from `agent_qpos_qvel` `(W, A, n - 1, 10)`."""
    for w in range(agents.shape[0]):
        for a in range(agents.shape[1]):
            for j in range(agents.shape[2]):
                entity_types[w, a, j] = HIDDEN
                if present[w, a] and sees[w, a, j]:
                    other = agents[w, a, j]
                    entity_types[w, a, j] = MATE if other[8] == me[w, a, 8] else OPPONENT
                    s, c = heading[w, a]
                    sin_other, cos_other = math.sin(other[3]), math.cos(other[3])
                    row, vx, vy = entity_features[w, a, j], other[4], other[5]
                    _fill_pose(row, me[w, a], s, c, other, 0.0, 0.0, sin_other, cos_other, vx, vy)


@kernel
def _encode_objects(
    present: np.ndarray,
    me: np.ndarray,
    heading: np.ndarray,
    objects: np.ndarray,
    sees: np.ndarray,
    places: _Places,
    entity_type: int,
    first: int,
    entity_features: np.ndarray,
    entity_types: np.ndarray,
) -> None:
    """Fill the entities from `first` on from `box_obs` or `ramp_obs`."""
    for w in range(objects.shape[0]):
        for a in range(objects.shape[1]):
            for j in range(objects.shape[2]):
                entity_types[w, a, first + j] = HIDDEN
                if present[w, a] and sees[w, a, j]:
                    entity_types[w, a, first + j] = entity_type
                    thing, row = objects[w, a, j], entity_features[w, a, first + j]
                    s, c = heading[w, a]
                    cos_thing, sin_thing = _heading(thing, places)
                    shift_x = shift_y = _CORNER_SHIFT
                    at = NUM_POSE
                    if places.size >= 0:
                        width, depth = thing[places.size], thing[places.size + 1]
                        shift_x, shift_y = 0.5 * width - _HALF_AGENT, 0.5 * depth - _HALF_AGENT
                        row[at], row[at + 1] = width, depth
                        at += NUM_SIZE
                    vx, vy = thing[places.velocity], thing[places.velocity + 1]
                    _fill_pose(row, me[w, a], s, c, thing, shift_x, shift_y, sin_thing, cos_thing, vx, vy)
                    for k in range(places.locks, places.end):
                        row[at + k - places.locks] = thing[k]


@kernel
def _heading(thing: np.ndarray, places: _Places) -> tuple[float, float]:
    """Cosine and sine of an object's turn about z."""
    if places.sine >= 0:
        return thing[places.angle], thing[places.sine]
    return math.cos(thing[places.angle]), math.sin(thing[places.angle])


@kernel
def _encode_food(
    present: np.ndarray,
    me: np.ndarray,
    heading: np.ndarray,
    food: np.ndarray,
    sees: np.ndarray,
    first: int,
    entity_features: np.ndarray,
    entity_types: np.ndarray,
) -> None:
    """Fill the entities from `first` on from `food_obs` `(W, A, F, 4)`."""
    for w in range(food.shape[0]):
        for a in range(food.shape[1]):
            for j in range(food.shape[2]):
                entity_types[w, a, first + j] = HIDDEN
                if present[w, a] and sees[w, a, j]:
                    entity_types[w, a, first + j] = FOOD
                    item, row = food[w, a, j], entity_features[w, a, first + j]
                    s, c = heading[w, a]
                    _fill_direction(row, me[w, a], s, c, item, -_HALF_AGENT, -_HALF_AGENT)
                    row[3] = (item[2] - me[w, a, 2]) * _HEIGHT
                    row[4] = item[3] / (1.0 + item[3])


@kernel
def _encode_sites(
    present: np.ndarray,
    me: np.ndarray,
    heading: np.ndarray,
    sites: np.ndarray,
    exists: np.ndarray,
    first: int,
    entity_features: np.ndarray,
    entity_types: np.ndarray,
) -> None:
    """Fill the entities from `first` on from `construction_site_obs` `(W, A, S, 15)`."""
    for w in range(sites.shape[0]):
        for a in range(sites.shape[1]):
            for j in range(sites.shape[2]):
                entity_types[w, a, first + j] = HIDDEN
                if present[w, a] and exists[w, a, j]:
                    entity_types[w, a, first + j] = SITE
                    s, c = heading[w, a]
                    row = entity_features[w, a, first + j]
                    _fill_direction(row, me[w, a], s, c, sites[w, a, j], -_HALF_AGENT, -_HALF_AGENT)


@kernel
def _fill_pose(
    row: np.ndarray,
    me: np.ndarray,
    s: float,
    c: float,
    other: np.ndarray,
    shift_x: float,
    shift_y: float,
    sin_other: float,
    cos_other: float,
    vx: float,
    vy: float,
) -> None:
    """Write the `NUM_POSE` columns of an entity at `other[:3]`, seen from `me`."""
    _fill_direction(row, me, s, c, other, shift_x, shift_y)
    row[3] = (vx * s - vy * c) * _SPEED
    row[4] = (vx * c + vy * s) * _SPEED
    row[5] = (other[2] - me[2]) * _HEIGHT
    row[6] = sin_other * c - cos_other * s
    row[7] = cos_other * c + sin_other * s


@kernel
def _fill_direction(
    row: np.ndarray, me: np.ndarray, s: float, c: float, other: np.ndarray, shift_x: float, shift_y: float
) -> None:
    """Write the first three columns: direction (forward, left) and closeness."""
    point(other[0] - me[0] + shift_x, other[1] - me[1] + shift_y, s, c, row)


@kernel
def point(dx: float, dy: float, s: float, c: float, row: np.ndarray) -> None:
    """Write direction (forward, left) and closeness of what lies at this offset from the agent, in the world's axes."""
    distance = math.sqrt(dx * dx + dy * dy)
    scale = 1.0 / distance if distance > 0.0 else 0.0
    row[0] = (dx * s - dy * c) * scale
    row[1] = (dx * c + dy * s) * scale
    row[2] = 1.0 / (1.0 + distance)
