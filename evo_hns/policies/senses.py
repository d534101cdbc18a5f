"""What an agent knows beyond this moment's observation: openings, doors it remembers, where things are, the nearest.

Each sense is off by default and adds some columns of its own to what it observes of itself, so that a network
need not find them in the lidar and in means over entities. All of it follows from the agent's own observations, and
what it remembers stands in its row of the team's state: zeros at the start of an episode.

A network has these columns in every game of the same lidar and columns, however many entities there are: where there
is nothing to tell, they are 0. Without lidar there are neither openings nor doors.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from evo_hns.config import LEAST_RAYS, SmallPolicyConfig
from evo_hns.policies.doors import (
    NUM_DOOR,
    NUM_PLACE,
    NUM_PLACES,
    NUM_WALL,
    NUM_WALLS,
    ON_FLOOR,
    describe_doors,
    remember_doors,
    take_best,
)
from evo_hns.policies.features import BOX, FOOD, NUM_SELF, OPPONENT, RAMP, Features, entity_widths, num_sectors, point
from evo_hns.policies.openings import NUM_OPENING, find_openings
from evo_hns.spec import Observation, ObservationSpec
from evo_hns.system.kernels import kernel

NUM_LAST_SEEN = 4
"""Columns of where something was last seen: direction (forward, left), closeness, freshness: 1 while it is in sight."""

_KINDS = (OPPONENT, BOX, RAMP)
_SIGHTING = 3  # numbers of a remembered entity: freshness, 0 if it was never seen; x, y, metres
_FADES = 0.95  # factor on the freshness after each env step without sight: half of it after 13
_IN_VIEW = 0.5  # cosine to the heading, well within the cone of sight
_BEHIND = 0.3  # metres that the lidar reaches behind a place where nothing stands
_TOUCHING = 0.2  # metres within which nothing can be beside an agent
_HALF_AGENT = 0.15  # metres
_WALL_CELLS = 2 * NUM_WALLS * NUM_WALL
_DOOR_CELLS = _WALL_CELLS + NUM_PLACES * NUM_PLACE


class Senses(NamedTuple):
    """How many of each sense there are; as kernels read it."""

    openings: int = 0
    doors: int = 0
    last_seen: int = 0  #: of each of opponents, boxes and ramps
    nearest: int = 0  #: of each of opponents, boxes, ramps and, where there is any, food

    @classmethod
    def of(cls, config: SmallPolicyConfig) -> Senses:
        """Those of a configuration."""
        return cls(config.openings, config.doors, config.last_seen, config.nearest)

    def in_game(self, spec: ObservationSpec) -> Senses:
        """Those that a game has."""
        return self if spec.num_lidar_rays >= LEAST_RAYS else self._replace(openings=0, doors=0)


NO_SENSES = Senses()


def sense_widths(senses: Senses, spec: ObservationSpec) -> dict[str, int]:
    """Columns of each sense that there is, in their order."""
    senses = senses.in_game(spec)
    one_each = sum(1 + width for _, width in _nearest_kinds(spec))
    widths = {
        "openings": NUM_OPENING * senses.openings,
        "doors": NUM_DOOR * senses.doors,
        "last seen": NUM_LAST_SEEN * len(_KINDS) * senses.last_seen,
        "nearest": one_each * senses.nearest,
    }
    return {name: width for name, width in widths.items() if width}


def num_sense_cells(senses: Senses, spec: ObservationSpec) -> int:
    """Numbers that an agent's senses remember: walls and doors, then what was seen of each entity but food."""
    senses = senses.in_game(spec)
    entities = spec.num_agents - 1 + spec.num_boxes + spec.num_ramps
    return _DOOR_CELLS * (senses.doors > 0) + _SIGHTING * entities * (senses.last_seen > 0)


def perceive(
    senses: Senses, spec: ObservationSpec, observation: Observation, features: Features, first: int, state: np.ndarray
) -> None:
    """Add what the senses tell now to the features of a team, and to its state what they remember.

    Args:
        senses: of all agents.
        spec: of the game.
        observation: `(W, A, ...)` of the team.
        features: of it; the last columns of `self_features` are filled.
        first: column of the state from which on the senses remember.
        state: `(W, A, C)` float32 before this observation; renewed.
    """
    me, lidar = (np.ascontiguousarray(t.numpy()) for t in (observation.observation_self, observation.lidar[..., 0]))
    places = NUM_SELF + num_sectors(spec), first
    seen = features.present, features.heading, features.entity_features, features.entity_types
    counts, kinds = (spec.num_agents - 1, spec.num_boxes, spec.num_ramps), _nearest_kinds(spec)
    observed = (me, lidar, _rays(lidar.shape[2]), *seen)
    _perceive(senses.in_game(spec), counts, kinds, observed, places, features.self_features, state)


@functools.cache
def _nearest_kinds(spec: ObservationSpec) -> tuple[tuple[int, int], ...]:
    """Types whose nearest entities are inputs, and the columns of each."""
    return tuple((kind, width) for kind, width in enumerate(entity_widths(spec)) if width and kind in (*_KINDS, FOOD))


def nearest_kinds(spec: ObservationSpec) -> tuple[int, ...]:
    """Types whose nearest entities are inputs, in their order."""
    return tuple(kind for kind, _ in _nearest_kinds(spec))


@functools.cache
def _rays(num_rays: int) -> np.ndarray:
    """`(L, 2)` directions of the rays of a lidar."""
    angles = 2.0 * math.pi * np.arange(num_rays) / max(num_rays, 1)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


@kernel
def _perceive(
    senses: Senses,
    counts: tuple[int, int, int],
    kinds: tuple[tuple[int, int], ...],
    observed: tuple[np.ndarray, ...],
    places: tuple[int, int],
    self_features: np.ndarray,
    state: np.ndarray,
) -> None:
    """Fill columns of `self_features` and cells of the state, of all who exist, from the given places on."""
    me, lidar, rays, present, heading, entity_features, entity_types = observed
    first_column, first_cell = places
    scratch = np.empty((2, max(lidar.shape[2], 2 * NUM_PLACES, entity_types.shape[2])))
    num_known = counts[0] + counts[1] + counts[2]
    for w in range(present.shape[0]):
        for a in range(present.shape[1]):
            if not present[w, a]:
                continue
            x, y, z, rz = me[w, a, 0] + _HALF_AGENT, me[w, a, 1] + _HALF_AGENT, me[w, a, 2], me[w, a, 3]
            s, c = heading[w, a]
            columns, cells, seen, types = self_features[w, a], state[w, a], entity_features[w, a], entity_types[w, a]
            at, cell = first_column, first_cell
            if senses.openings > 0:
                end = at + NUM_OPENING * senses.openings
                find_openings(lidar[w, a], rz, columns[at:end].reshape((senses.openings, NUM_OPENING)))
                at = end
            if senses.doors > 0:
                end = at + NUM_DOOR * senses.doors
                walls = cells[cell : cell + _WALL_CELLS].reshape((2, NUM_WALLS, NUM_WALL))
                doors = cells[cell + _WALL_CELLS : cell + _DOOR_CELLS].reshape((NUM_PLACES, NUM_PLACE))
                remember_doors(x, y, z, lidar[w, a], rays, scratch, walls, doors)
                describe_doors(x, y, s, c, doors, scratch[0], columns[at:end])
                at, cell = end, cell + _DOOR_CELLS
            if senses.last_seen > 0:
                known = cells[cell : cell + _SIGHTING * num_known].reshape((num_known, _SIGHTING))
                _remember_seen(x, y, z, s, c, lidar[w, a], seen, types, known)
                before = 0
                for count in counts:
                    end = at + NUM_LAST_SEEN * senses.last_seen
                    _tell_last_seen(x, y, s, c, known[before : before + count], scratch[0], columns[at:end])
                    at, before = end, before + count
            if senses.nearest > 0:
                for kind, width in kinds:
                    end = at + (1 + width) * senses.nearest
                    _tell_nearest(kind, width, seen, types, scratch[0], columns[at:end])
                    at = end


@kernel
def _remember_seen(
    x: float,
    y: float,
    z: float,
    s: float,
    c: float,
    lidar: np.ndarray,
    seen: np.ndarray,
    types: np.ndarray,
    known: np.ndarray,
) -> None:
    """Note where opponents and objects are seen; what is not seen fades, and what is not where it was is forgotten."""
    for e in range(known.shape[0]):
        thing = known[e]
        if types[e] == OPPONENT or types[e] == BOX or types[e] == RAMP:
            forward, left, distance = seen[e, 0], seen[e, 1], 1.0 / seen[e, 2] - 1.0
            thing[0] = 1.0
            thing[1] = x + (forward * s + left * c) * distance
            thing[2] = y + (left * s - forward * c) * distance
        elif thing[0] > 0 and _is_empty(thing[1] - x, thing[2] - y, z, s, c, lidar):
            thing[0] = 0.0
        else:
            thing[0] *= _FADES


@kernel
def _is_empty(dx: float, dy: float, z: float, s: float, c: float, lidar: np.ndarray) -> bool:
    """Whether an agent looks at a place, and the lidar beside it reaches farther."""
    distance = math.sqrt(dx * dx + dy * dy)
    if distance < _TOUCHING:
        return True
    num_rays = lidar.shape[0]
    if num_rays < LEAST_RAYS or z > ON_FLOOR or dx * s - dy * c < _IN_VIEW * distance:
        return False
    k = math.floor((math.atan2(dy, dx) / (2.0 * math.pi) + 1.0) * num_rays) % num_rays
    return bool(min(lidar[k], lidar[(k + 1) % num_rays]) > distance + _BEHIND)


@kernel
def _tell_last_seen(
    x: float, y: float, s: float, c: float, known: np.ndarray, scores: np.ndarray, columns: np.ndarray
) -> None:
    """Fill the columns of those of one kind that are near and fresh, the best first."""
    for e in range(known.shape[0]):
        dx, dy = known[e, 1] - x, known[e, 2] - y
        scores[e] = known[e, 0] / (1.0 + math.sqrt(dx * dx + dy * dy))
    for at in range(0, columns.shape[0], NUM_LAST_SEEN):
        best = take_best(scores[: known.shape[0]])
        if best < 0:
            columns[at : at + NUM_LAST_SEEN] = 0.0
        else:
            point(known[best, 1] - x, known[best, 2] - y, s, c, columns[at : at + 3])
            columns[at + 3] = known[best, 0]


@kernel
def _tell_nearest(
    kind: int, width: int, seen: np.ndarray, types: np.ndarray, scores: np.ndarray, columns: np.ndarray
) -> None:
    """Fill the columns of the nearest in sight of one kind: whether there is one, then what is observed of it."""
    for e in range(types.shape[0]):
        scores[e] = seen[e, 2] if types[e] == kind else 0.0
    for at in range(0, columns.shape[0], 1 + width):
        best = take_best(scores[: types.shape[0]])
        columns[at] = 1.0 if best >= 0 else 0.0
        for j in range(width):
            columns[at + 1 + j] = seen[best, j] if best >= 0 else 0.0
