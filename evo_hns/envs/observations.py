"""Observations of the agents: OpenAI's numbers in OpenAI's order.

Values are not masked: entities out of sight have their values too, beside the masks that policies must apply.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import RulesConfig, WorldConfig
from evo_hns.envs.entities import Entities, arrays
from evo_hns.envs.state import GameState
from evo_hns.spec import ObjectColumns, Observation, ObservationSpec
from evo_hns.system.kernels import kernel

_AGENT_FEATURES = 10


def observation_spec(world: WorldConfig, rules: RulesConfig) -> ObservationSpec:
    """Sizes of the observations of a game; what cannot be locked has no columns for locks."""
    return ObservationSpec(
        num_hiders=world.max_hiders,
        num_seekers=world.max_seekers,
        num_boxes=world.max_boxes,
        num_ramps=world.max_ramps,
        num_lidar_rays=rules.num_lidar_rays,
        box_columns=ObjectColumns(
            num_angles=3 if world.free_box_rotation else 1,
            polar=rules.polar_angles,
            has_index=rules.tell_box_index,
            has_size=world.has_elongated_boxes or rules.tell_box_size,
            has_locks=rules.lock_box,
        ),
        ramp_columns=ObjectColumns(
            polar=rules.polar_angles, has_size=world.has_elongated_boxes, has_locks=rules.lock_ramp
        ),
        num_food=world.num_food,
        num_sites=world.max_sites,
        has_room=world.scenario == "quadrant",
    )


class ObservationBuilder:
    """Puts observations together.

    Args:
        spec: their sizes.
        is_hiding: hiders are told that they are; in some tasks the original's agent is not.
    """

    def __init__(self, spec: ObservationSpec, *, is_hiding: bool = True) -> None:
        self._spec, self._num_flagged = spec, spec.num_hiders if is_hiding else 0
        n = spec.num_agents
        self._shapes = (
            (n, _AGENT_FEATURES),
            (n, n - 1, _AGENT_FEATURES),
            (n, spec.num_boxes, spec.box_columns.width),
            (n, spec.num_ramps, spec.ramp_columns.width),
            (n, spec.num_food, 4),
        )
        self._box_places = _places(spec.box_columns, has_size=spec.box_columns.has_size)
        self._ramp_places = _places(spec.ramp_columns, has_size=False)  # the original observes zeros for a ramp's size

    def build(self, entities: Entities, state: GameState, lidar: Tensor, prep_progress: float) -> Observation:
        """The observation of all agents.

        Args:
            entities: where everything is.
            state: what is seen and locked now.
            lidar: `(W, n, L)` metres.
            prep_progress: share of the preparation that is over.
        """
        spec, constants = self._spec, entities.constants
        own, others, boxes, ramps, food = (np.zeros((len(constants), *shape)) for shape in self._shapes)
        agent_mask, object_mask = arrays(constants.agent_mask, constants.object_mask)
        places = arrays(entities.qpos, entities.qvel, entities.rotation, entities.tilt, entities.tilt_velocity)
        _fill_agents(agent_mask, *places[:2], self._num_flagged, prep_progress, own, others)
        about = agent_mask, object_mask, *places, *arrays(constants.half_sizes, state.locked, state.lock_owner)
        _fill_objects(self._box_places, 0, spec.num_hiders, about, boxes)
        _fill_objects(self._ramp_places, spec.num_boxes, spec.num_hiders, about, ramps)
        _fill_food(agent_mask, *arrays(constants.food, state.food_health), food)
        sizes = spec.num_boxes, spec.num_ramps
        sees_boxes, sees_ramps = state.sees_objects.split_with_sizes(sizes, 2)
        box_exists, ramp_exists = constants.reachable.split_with_sizes(sizes, 2)
        return Observation(
            agent_mask=constants.agent_mask,
            observation_self=torch.from_numpy(own),
            agent_qpos_qvel=torch.from_numpy(others),
            mask_aa_obs=state.sees_agents,
            mask_aa_obs_spoof=constants.pairs,
            box_obs=torch.from_numpy(boxes),
            mask_ab_obs=sees_boxes,
            mask_ab_obs_spoof=box_exists,
            ramp_obs=torch.from_numpy(ramps),
            mask_ar_obs=sees_ramps,
            mask_ar_obs_spoof=ramp_exists,
            food_obs=torch.from_numpy(food),
            mask_af_obs=state.sees_food,
            mask_af_obs_spoof=constants.agent_mask.unsqueeze(2).expand(-1, -1, spec.num_food),
            construction_site_obs=_for_all(constants.sites.flatten(2), constants.agent_mask),
            mask_acs_obs=_for_all(constants.site_mask, constants.agent_mask),
            lidar=lidar.unsqueeze(-1),
            door_obs=constants.doors,
        )


def _for_all(values: Tensor, agent_mask: Tensor) -> Tensor:
    """`(W, n, ...)` what is the same for all agents that exist; zeros for others."""
    shape = (*agent_mask.shape, *[1] * (values.dim() - 1))
    return values.unsqueeze(1) * agent_mask.view(shape)


def _places(columns: ObjectColumns, *, has_size: bool) -> tuple[int, bool, int, int, int, int]:
    """What stands where in the row of an object: angles and whether they are polar; velocity, index, size, locks.

    They begin at the last four numbers; -1: not observed.
    """
    return (
        columns.num_angles,
        columns.polar,
        columns.velocities.start,
        columns.velocities.stop if columns.has_index else -1,
        columns.size.start if has_size else -1,
        columns.locks.start if columns.has_locks else -1,
    )


@kernel
def _fill_agents(
    agent_mask: np.ndarray,
    qpos: np.ndarray,
    qvel: np.ndarray,
    num_hiders: int,
    prep_progress: float,
    own: np.ndarray,
    others: np.ndarray,
) -> None:
    """Fill `own` `(W, n, 10)` and `others` `(W, n, n - 1, 10)` of zeros, for and of agents that exist."""
    n = own.shape[1]
    for w in range(own.shape[0]):
        for i in range(n):
            if agent_mask[w, i]:
                for k in range(4):
                    own[w, i, k], own[w, i, 4 + k] = qpos[w, i, k], qvel[w, i, k]
                own[w, i, 8], own[w, i, 9] = i < num_hiders, prep_progress
        for i in range(n):
            for j in range(n - 1):
                if agent_mask[w, i]:
                    for k in range(own.shape[2]):
                        others[w, i, j, k] = own[w, (i - 1 - j) % n, k]


@kernel
def _fill_objects(
    places: tuple[int, bool, int, int, int, int],
    first: int,
    num_hiders: int,
    about: tuple[np.ndarray, ...],
    out: np.ndarray,
) -> None:
    """Fill `out` `(W, n, k, width)` of zeros with k objects from `first` on, if both they and the agent exist.

    All agents observe the same, except for the locks.
    """
    num_angles, polar, velocity, index, size, lock = places
    agent_mask, object_mask, qpos, qvel, rotation, tilt, tilt_velocity, half_sizes, locked, owner = about
    n = out.shape[1]
    for w in range(out.shape[0]):
        for j in range(out.shape[2]):
            item, e = first + j, n + first + j
            for i in range(n):
                if not (object_mask[w, item] and agent_mask[w, i]):
                    continue
                row = out[w, i, j]
                for k in range(3):
                    row[k], row[velocity + k] = qpos[w, e, k], qvel[w, e, k]
                for a in range(num_angles):  # about x and y, if the object may tip over, and about z
                    about_z = a == num_angles - 1
                    angle = qpos[w, e, 3] if about_z else tilt[w, j, a]
                    row[velocity + 3 + a] = qvel[w, e, 3] if about_z else tilt_velocity[w, j, a]
                    if not polar:
                        row[3 + a] = angle
                    elif num_angles == 1:
                        row[3], row[4] = rotation[w, e, 0], rotation[w, e, 3]
                    else:
                        row[3 + a], row[3 + num_angles + a] = math.cos(angle), math.sin(angle)
                if index >= 0:
                    row[index] = j
                if size >= 0:
                    for k in range(3):
                        row[size + k] = 2.0 * half_sizes[w, item, k]
                if lock >= 0 and locked[w, item]:
                    row[lock] = owner[w, item] == i
                    row[lock + 1] = (owner[w, item] < num_hiders) == (i < num_hiders)
                    row[lock + 2] = 1.0


@kernel
def _fill_food(agent_mask: np.ndarray, food: np.ndarray, health: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` `(W, n, F, 4)` of zeros with place and health of food, for every agent that exists."""
    for w in range(out.shape[0]):
        for i in range(out.shape[1]):
            if agent_mask[w, i]:
                for f in range(out.shape[2]):
                    for k in range(3):
                        out[w, i, f, k] = food[w, f, k]
                    out[w, i, f, 3] = health[w, f]
