"""The agents' eyes: all rays of all worlds in one call, and what they make visible.

An agent sees an entity if it lies in the cone of sight and the first thing on the line between
their centres belongs to it. Everything hides: walls, boxes, ramps, other agents and their arms.
"""

from __future__ import annotations

import torch
from torch import Tensor

from evo_hns.envs.entities import Entities
from evo_hns.envs.vision import circulant, in_cone, lidar_directions, lidar_readings
from evo_hns.physics.base import Physics
from evo_hns.worlds.scene import Scene


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
        cos, sin = entities.cos[:, :n, None], entities.sin[:, :n, None]
        # The cone is tested between qpos coordinates: a quirk of the original, about 0.1 m for a box.
        ahead = in_cone(cos, sin, self._offset(entities.qpos[..., 0]), self._offset(entities.qpos[..., 1]))
        distance, geom = self._cast(entities.centre, ahead)
        nearest_body = self._geom_body[geom[:, :, num_rays:]]
        sees = ahead & (nearest_body == self._target_bodies)
        return sees[:, :, : n - 1], sees[:, :, n - 1 :], lidar_readings(distance[:, :, :num_rays])

    def _cast(self, centre: Tensor, ahead: Tensor) -> tuple[Tensor, Tensor]:
        """`(W, n, L + K)` distance and geom of the first hit of every ray; lines of sight only ahead."""
        origins, directions = self._origins[: len(centre)], self._directions[: len(centre)]
        eyes = centre[:, : self._num_agents, None]
        origins.copy_(eyes.expand_as(origins))
        targets = centre.index_select(1, self._targets.flatten()).view(-1, *self._targets.shape, 3)
        # A ray without length costs nothing: two thirds of the targets are out of the cone.
        torch.mul(targets - eyes, ahead.unsqueeze(-1), out=directions[:, :, self._num_lidar_rays :])
        distance, geom = self._physics.cast_rays(
            origins.flatten(1, 2), directions.flatten(1, 2), exclude_body=self._exclude_body
        )
        return distance.view(origins.shape[:3]), geom.view(origins.shape[:3])

    def _offset(self, coordinate: Tensor) -> Tensor:
        """Of a `(W, E)` coordinate, `(W, n, K)` target minus agent."""
        target = coordinate.index_select(1, self._targets.flatten()).view(-1, *self._targets.shape)
        return target - coordinate[:, : self._num_agents, None]
