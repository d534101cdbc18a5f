"""The agents' eyes: all rays of all worlds in one call, and what they make visible.

An agent sees an entity if it lies in the cone of sight and the first thing on the line between
their centres belongs to it; it sees food if nothing stands before it. Everything hides: walls, boxes,
ramps, other agents and their arms. Who is absent neither sees nor is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from evo_hns.envs.entities import Entities
from evo_hns.envs.vision import circulant, in_cone, lidar_directions, lidar_readings
from evo_hns.physics.base import Physics
from evo_hns.worlds.scene import Scene

_NO_BODY = -2  # what food belongs to: nothing that a ray can hit


@dataclass(frozen=True)
class Sight:
    """What every agent sees."""

    agents: Tensor  #: `(W, n, n - 1)` bool, the other agents (circulant order)
    objects: Tensor  #: `(W, n, m)` bool
    food: Tensor  #: `(W, n, F)` bool
    lidar: Tensor  #: `(W, n, L)` readings, metres


class Eyes:
    """Casts every ray of the agents: the lidar, and lines of sight to the others, to objects and to food.

    Args:
        scene: names bodies and geoms.
        physics: casts the rays.
        num_lidar_rays: rays of each agent's lidar.
        num_food: food items.
        lidar_compression: distance at which readings saturate, metres; None tells distances.
    """

    def __init__(
        self,
        scene: Scene,
        physics: Physics,
        num_lidar_rays: int,
        num_food: int = 0,
        lidar_compression: float | None = None,
    ) -> None:
        n, m = len(scene.agent_body), len(scene.object_body)
        self._physics, self._num_agents, self._num_objects = physics, n, m
        self._num_lidar_rays, self._lidar_compression = num_lidar_rays, lidar_compression
        things = torch.arange(n, n + m + num_food).expand(n, m + num_food)
        self._targets = torch.cat([circulant(n), things], 1)  # (n, K) index of what each agent looks at
        bodies = torch.as_tensor([*scene.agent_body, *scene.object_body, *[_NO_BODY] * num_food], dtype=torch.int64)
        self._target_bodies = bodies[self._targets]
        # One more entry than geoms: a miss, geom -1, finds the last.
        self._geom_body = torch.as_tensor([*scene.model.geom_bodyid, -1], dtype=torch.int64)
        num_rays = num_lidar_rays + self._targets.shape[1]
        self._exclude_body = bodies[:n].repeat_interleave(num_rays)
        # Rays of one agent stand side by side, its lidar first; the lidar's directions never change.
        self._origins = torch.zeros(physics.num_worlds, n, num_rays, 3, dtype=torch.float64)
        self._directions = torch.zeros_like(self._origins)
        self._directions[:, :, :num_lidar_rays] = lidar_directions(num_lidar_rays)

    def look(self, entities: Entities) -> Sight:
        """What every agent sees now.

        Args:
            entities: where everything is; the physics must hold the same.
        """
        n, num_rays, cast = self._num_agents, self._num_lidar_rays, entities.cast
        cos, sin = entities.cos[:, :n, None], entities.sin[:, :n, None]
        # The cone is tested between qpos coordinates: a quirk of the original, about 0.1 m for a box.
        told, exists = torch.cat([entities.qpos[..., :2], cast.food[..., :2]], 1), self._exists(entities)
        ahead = in_cone(cos, sin, self._offset(told[..., 0]), self._offset(told[..., 1])) & exists
        distance, geom = self._cast(torch.cat([entities.centre, cast.food], 1), ahead)
        sees = ahead & (self._geom_body[geom[:, :, num_rays:]] == self._target_bodies)
        food = slice(n - 1 + self._num_objects, None)
        to_food = distance[:, :, num_rays:][:, :, food]  # in multiples of the way there; a miss is -1
        lidar = lidar_readings(distance[:, :, :num_rays], self._lidar_compression)
        return Sight(
            agents=sees[:, :, : n - 1],
            objects=sees[:, :, n - 1 : n - 1 + self._num_objects],
            food=ahead[:, :, food] & ((to_food < 0.0) | (to_food >= 1.0)),
            lidar=torch.where(cast.agent_mask.unsqueeze(2), lidar, 0.0),
        )

    def _exists(self, entities: Entities) -> Tensor:
        """`(W, n, K)` bool, both who looks and what is looked at exist."""
        cast = entities.cast
        exists = torch.cat([cast.mask, torch.ones(cast.food.shape[:2], dtype=torch.bool)], 1)
        return cast.agent_mask.unsqueeze(2) & self._gather(exists)

    def _cast(self, centre: Tensor, ahead: Tensor) -> tuple[Tensor, Tensor]:
        """`(W, n, L + K)` distance and geom of the first hit of every ray; lines of sight only ahead."""
        origins, directions = self._origins[: len(centre)], self._directions[: len(centre)]
        eyes = centre[:, : self._num_agents, None]
        origins.copy_(eyes.expand_as(origins))
        # A ray without length costs nothing: two thirds of the targets are out of the cone.
        offsets = self._gather(centre) - eyes
        torch.mul(offsets, ahead.unsqueeze(-1), out=directions[:, :, self._num_lidar_rays :])
        distance, geom = self._physics.cast_rays(
            origins.flatten(1, 2), directions.flatten(1, 2), exclude_body=self._exclude_body
        )
        return distance.view(origins.shape[:3]), geom.view(origins.shape[:3])

    def _gather(self, values: Tensor) -> Tensor:
        """Of `(W, E + F, ...)`, `(W, n, K, ...)` the targets' of each agent."""
        targets = values.index_select(1, self._targets.flatten())
        return targets.view(len(values), *self._targets.shape, *values.shape[2:])

    def _offset(self, coordinate: Tensor) -> Tensor:
        """Of a `(W, E + F)` coordinate, `(W, n, K)` target minus agent."""
        return self._gather(coordinate) - coordinate[:, : self._num_agents, None]
