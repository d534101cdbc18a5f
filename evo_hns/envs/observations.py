"""From the state of the worlds to what the agents are told: OpenAI's numbers in OpenAI's order.

Values are not masked: hidden entities are told too, beside the masks that policies must apply.
"""

from __future__ import annotations

import torch
from torch import Tensor

from evo_hns.config import RulesConfig, WorldConfig
from evo_hns.envs import scalar
from evo_hns.envs.entities import Cast, Entities
from evo_hns.envs.state import GameState
from evo_hns.envs.vision import circulant
from evo_hns.spec import ObjectColumns, Observation, ObservationSpec

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
        has_room=world.scenario == "quadrant",
    )


class ObservationBuilder:
    """Puts observations together.

    Args:
        spec: their sizes.
    """

    def __init__(self, spec: ObservationSpec) -> None:
        self._spec = spec
        self._others = circulant(spec.num_agents).flatten()
        is_hider = torch.arange(spec.num_agents) < spec.num_hiders
        self._same_team = is_hider[:, None] == is_hider
        self._is_hider = is_hider.to(torch.float64)

    def build(self, entities: Entities, state: GameState, lidar: Tensor, clock: float) -> Observation:
        """The observation of all agents.

        Args:
            entities: where everything is.
            state: what is seen and locked now.
            lidar: `(W, n, L)` metres.
            clock: how much of the preparation is over.
        """
        n, boxes, cast = self._spec.num_agents, self._spec.num_boxes, entities.cast
        agents, exists = self._agent_rows(entities, clock), self._exists(cast)
        pairs = self._of_others(cast.agent_mask) & cast.agent_mask.unsqueeze(2)
        columns = self._spec.box_columns, self._spec.ramp_columns
        of_boxes, of_ramps = slice(0, boxes), slice(boxes, boxes + self._spec.num_ramps)
        return Observation(
            agent_mask=cast.agent_mask,
            observation_self=agents,
            agent_qpos_qvel=torch.where(pairs.unsqueeze(3), self._of_others(agents), 0.0),
            mask_aa_obs=state.sees_agents,
            mask_aa_obs_spoof=pairs,
            box_obs=self._object_rows(columns[0], of_boxes, entities, state),
            mask_ab_obs=state.sees_objects[:, :, :boxes],
            mask_ab_obs_spoof=exists[:, :, :boxes],
            ramp_obs=self._object_rows(columns[1], of_ramps, entities, state),
            mask_ar_obs=state.sees_objects[:, :, boxes:],
            mask_ar_obs_spoof=exists[:, :, boxes:],
            food_obs=_food_rows(cast, state),
            mask_af_obs=state.sees_food,
            mask_af_obs_spoof=cast.agent_mask.unsqueeze(2).expand(-1, n, self._spec.num_food),
            lidar=lidar.unsqueeze(-1),
            door_obs=cast.doors,
        )

    def _of_others(self, values: Tensor) -> Tensor:
        """Of `(W, n, ...)`, `(W, n, n - 1, ...)` those of the other agents."""
        n = self._spec.num_agents
        return values.index_select(1, self._others).view(len(values), n, n - 1, *values.shape[2:])

    def _exists(self, cast: Cast) -> Tensor:
        """`(W, n, m)` bool, agent and object exist."""
        return cast.agent_mask.unsqueeze(2) & cast.object_mask.unsqueeze(1)

    def _agent_rows(self, entities: Entities, clock: float) -> Tensor:
        """`(W, n, 10)` what is told of each agent; zeros of who is absent."""
        n, mask = self._spec.num_agents, entities.cast.agent_mask
        rows = entities.qpos.new_empty(len(mask), n, _AGENT_FEATURES)
        rows[..., :4], rows[..., 4:8] = entities.qpos[:, :n], entities.qvel[:, :n]
        rows[..., 8], rows[..., 9] = self._is_hider, clock
        return torch.where(mask.unsqueeze(2), rows, 0.0)

    def _object_rows(self, kind: ObjectColumns, of: slice, entities: Entities, state: GameState) -> Tensor:
        """`(W, n, k, width)` what each agent is told of the objects `of`; zeros of what is absent."""
        cast, rows = entities.cast, slice(self._spec.num_agents + of.start, self._spec.num_agents + of.stop)
        told = entities.qpos.new_zeros(len(cast), of.stop - of.start, kind.width)
        told[..., :3] = entities.qpos[:, rows, :3]
        told[..., kind.angles] = _angles(kind, entities, rows)
        told[..., kind.velocities] = _velocities(kind, entities, rows)
        if kind.has_index:
            told[..., kind.velocities.stop] = torch.arange(told.shape[1], dtype=told.dtype)
        if kind.has_size and of.start == 0:  # of a ramp's size the original tells zeros
            told[..., kind.size] = 2.0 * cast.half_sizes[:, of]
        told[~cast.object_mask[:, of]] = 0.0
        # All agents are told the same, but for the locks; nothing absent is locked.
        told = torch.stack([told] * self._spec.num_agents, 1)
        if kind.has_locks:
            told[..., kind.locks] = self._lock_columns(state.locked[:, of], state.lock_owner[:, of])
        if not cast.agent_mask.all():
            told[~cast.agent_mask] = 0.0
        return told

    def _lock_columns(self, locked: Tensor, owner: Tensor) -> Tensor:
        """`(W, n, k, 3)` float64: locked by me, by my team, at all."""
        locked = locked.unsqueeze(1)
        mine = locked & (owner.unsqueeze(1) == torch.arange(self._spec.num_agents)[:, None])
        ours = locked & self._same_team[:, owner].transpose(0, 1)
        return torch.stack([mine, ours, locked.expand_as(mine)], -1).to(torch.float64)


def _angles(kind: ObjectColumns, entities: Entities, rows: slice) -> Tensor:
    """`(W, k, ...)` angles as they are told."""
    if kind.num_angles == 1 and kind.polar:
        return torch.stack([entities.cos[:, rows], entities.sin[:, rows]], -1)
    raw = entities.qpos[:, rows, 3:]
    if kind.num_angles == 3:
        raw = torch.cat([entities.tilt, raw], -1)
    return torch.cat([scalar.cos(raw), scalar.sin(raw)], -1) if kind.polar else raw


def _velocities(kind: ObjectColumns, entities: Entities, rows: slice) -> Tensor:
    """`(W, k, ...)` velocities as they are told."""
    qvel = entities.qvel[:, rows]
    return qvel if kind.num_angles == 1 else torch.cat([qvel[..., :3], entities.tilt_velocity, qvel[..., 3:]], -1)


def _food_rows(cast: Cast, state: GameState) -> Tensor:
    """`(W, n, F, 4)` place and health of food, the same for every agent that exists."""
    rows = torch.cat([cast.food, state.food_health.unsqueeze(2)], 2).unsqueeze(1)
    return torch.where(cast.agent_mask[:, :, None, None], rows, 0.0)
