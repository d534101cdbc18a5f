"""From the state of the worlds to what the agents are told: OpenAI's numbers in OpenAI's order.

Values are not masked: hidden entities are told too, beside the masks that policies must apply.
"""

from __future__ import annotations

import torch
from torch import Tensor

from evo_hns.config import RulesConfig, WorldConfig
from evo_hns.envs.entities import Entities
from evo_hns.envs.state import GameState
from evo_hns.envs.vision import circulant, in_cone, lidar_directions, lidar_readings
from evo_hns.physics.base import Physics
from evo_hns.spec import Observation, ObservationSpec
from evo_hns.worlds.scene import Scene

_POSE_FEATURES, _LOCK_FEATURES = 9, 3


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


class Eyes:
    """Casts every ray of the agents: lines of sight to the others and to objects, and the lidar.

    Args:
        scene: names bodies and geoms.
        physics: casts the rays.
        num_lidar_rays: rays of each agent's lidar.
    """

    def __init__(self, scene: Scene, physics: Physics, num_lidar_rays: int) -> None:
        n, m = len(scene.agent_body), len(scene.object_body)
        self._physics, self._num_agents, self._num_lidar_rays = physics, n, num_lidar_rays
        objects = torch.arange(n, n + m).expand(n, m)
        self._targets = torch.cat([circulant(n), objects], 1)  # (n, K) entity index of what each agent looks at
        bodies = torch.as_tensor([*scene.agent_body, *scene.object_body], dtype=torch.int64)
        self._target_bodies = bodies[self._targets]
        # One more entry than geoms: a miss, geom -1, finds the last.
        self._geom_body = torch.as_tensor([*scene.model.geom_bodyid, -1], dtype=torch.int64)
        num_rays = num_lidar_rays + self._targets.shape[1]
        self._exclude_body = bodies[:n].repeat_interleave(num_rays)
        # Rays of one agent stand side by side, its lidar first; the lidar's directions never change.
        self._origins = torch.zeros(physics.num_worlds, n, num_rays, 3, dtype=torch.float64)
        self._directions = torch.zeros_like(self._origins)
        self._directions[:, :, :num_lidar_rays] = lidar_directions(num_lidar_rays)

    def look(self, entities: Entities) -> tuple[Tensor, Tensor, Tensor]:
        """What every agent sees now.

        Args:
            entities: where everything is; the physics must hold the same.

        Returns:
            `(W, n, n - 1)` bool, sees the other agents (circulant order); `(W, n, m)` bool, sees the
            objects; `(W, n, L)` lidar readings, metres.
        """
        n, num_rays = self._num_agents, self._num_lidar_rays
        distance, geom = self._cast(entities.centre)
        nearest_body = self._geom_body[geom[:, :, num_rays:]]
        cos, sin = entities.cos[:, :n, None], entities.sin[:, :n, None]
        # The cone is tested between qpos coordinates: a quirk of the original, about 0.1 m for a box.
        ahead = in_cone(cos, sin, self._offset(entities.qpos[..., 0]), self._offset(entities.qpos[..., 1]))
        sees = ahead & (nearest_body == self._target_bodies)
        return sees[:, :, : n - 1], sees[:, :, n - 1 :], lidar_readings(distance[:, :, :num_rays])

    def _cast(self, centre: Tensor) -> tuple[Tensor, Tensor]:
        """`(W, n, L + K)` distance and geom of the first hit of every ray."""
        origins, directions = self._origins[: len(centre)], self._directions[: len(centre)]
        eyes = centre[:, : self._num_agents, None]
        origins.copy_(eyes.expand_as(origins))
        targets = centre.index_select(1, self._targets.flatten()).unflatten(1, self._targets.shape)
        torch.sub(targets, eyes, out=directions[:, :, self._num_lidar_rays :])
        distance, geom = self._physics.cast_rays(
            origins.flatten(1, 2), directions.flatten(1, 2), exclude_body=self._exclude_body
        )
        return distance.view(origins.shape[:3]), geom.view(origins.shape[:3])

    def _offset(self, coordinate: Tensor) -> Tensor:
        """Of a `(W, E)` coordinate, `(W, n, K)` target minus agent."""
        target = coordinate.index_select(1, self._targets.flatten()).unflatten(1, self._targets.shape)
        return target - coordinate[:, : self._num_agents, None]


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
            agent_qpos_qvel=agents.index_select(1, self._others).unflatten(1, (n, n - 1)),
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
        rows = qpos.new_empty(len(qpos), self._spec.num_agents, 10)
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
