"""From the state of the worlds to what the agents are told: OpenAI's numbers in OpenAI's order.

Values are not masked: hidden entities are told too, beside the masks that policies must apply.
"""

from __future__ import annotations

import torch
from torch import Tensor

from evo_hns.config import RulesConfig, WorldConfig
from evo_hns.envs.entities import Entities
from evo_hns.envs.state import GameState
from evo_hns.envs.vision import circulant
from evo_hns.spec import Observation, ObservationSpec

_AGENT_FEATURES, _POSE_FEATURES, _LOCK_FEATURES = 10, 9, 3


def observation_spec(world: WorldConfig, rules: RulesConfig) -> ObservationSpec:
    """Sizes of the observations of a game; what cannot be locked has no columns for locks."""
    return ObservationSpec(
        num_hiders=world.num_hiders,
        num_seekers=world.num_seekers,
        num_boxes=world.num_boxes,
        num_ramps=world.num_ramps,
        num_lidar_rays=rules.num_lidar_rays,
        box_features=_POSE_FEATURES + _LOCK_FEATURES * rules.lock_box,
        ramp_features=_POSE_FEATURES + _LOCK_FEATURES * rules.lock_ramp,
    )


def preparation_clock(time: int, prep_time: float) -> float:
    """How much of the preparation is over, 0 to 1; 1 from the first step *after* it (the original's 1e-5)."""
    return min(1.0, time / (prep_time + 1e-5))


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

    def build(self, entities: Entities, state: GameState, lidar: Tensor, clock: float, doors: Tensor) -> Observation:
        """The observation of all agents.

        Args:
            entities: where everything is.
            state: what is seen and locked now.
            lidar: `(W, n, L)` metres.
            clock: how much of the preparation is over.
            doors: `(W, D, 3)`.
        """
        n, boxes = self._spec.num_agents, self._spec.num_boxes
        agents = self._agent_rows(entities.qpos[:, :n], entities.qvel[:, :n], clock)
        poses, locks = self._object_poses(entities), self._lock_columns(state.locked, state.lock_owner)
        sees_boxes = state.sees_objects[:, :, :boxes]
        return Observation(
            observation_self=agents,
            agent_qpos_qvel=agents.index_select(1, self._others).view(-1, n, n - 1, _AGENT_FEATURES),
            mask_aa_obs=state.sees_agents,
            box_obs=_object_rows(poses[:, :boxes], locks[:, :, :boxes], self._spec.box_features),
            mask_ab_obs=sees_boxes,
            mask_ab_obs_spoof=torch.ones_like(sees_boxes),
            ramp_obs=_object_rows(poses[:, boxes:], locks[:, :, boxes:], self._spec.ramp_features),
            mask_ar_obs=state.sees_objects[:, :, boxes:],
            lidar=lidar.unsqueeze(-1),
            door_obs=doors,
        )

    def _object_poses(self, entities: Entities) -> Tensor:
        """`(W, m, 9)` qpos x, y, z, cosine and sine of rz, qvel."""
        n = self._spec.num_agents
        turn = torch.stack([entities.cos[:, n:], entities.sin[:, n:]], -1)
        return torch.cat([entities.qpos[:, n:, :3], turn, entities.qvel[:, n:]], -1)

    def _agent_rows(self, qpos: Tensor, qvel: Tensor, clock: float) -> Tensor:
        """`(W, n, 10)` what is told of each agent."""
        rows = qpos.new_empty(len(qpos), self._spec.num_agents, _AGENT_FEATURES)
        rows[..., :4], rows[..., 4:8] = qpos, qvel
        rows[..., 8], rows[..., 9] = self._is_hider, clock
        return rows

    def _lock_columns(self, locked: Tensor, owner: Tensor) -> Tensor:
        """`(W, n, m, 3)` bool: locked by me, by my team, at all."""
        locked = locked.unsqueeze(1)
        mine = locked & (owner.unsqueeze(1) == torch.arange(self._spec.num_agents)[:, None])
        ours = locked & self._same_team[:, owner].transpose(0, 1)
        return torch.stack([mine, ours, locked.expand_as(mine)], -1)


def _object_rows(poses: Tensor, locks: Tensor, num_features: int) -> Tensor:
    """`(W, n, k, F)` what each agent is told of k objects."""
    rows = poses.new_empty(*locks.shape[:3], num_features)
    rows[..., :_POSE_FEATURES] = poses.unsqueeze(1)
    if num_features > _POSE_FEATURES:
        rows[..., _POSE_FEATURES:] = locks
    return rows
