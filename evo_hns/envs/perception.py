"""Perception: casts all rays of all worlds in one call, and finds what each agent sees.

An agent sees an entity if it lies in the cone of sight and the first thing on the line between
their centres belongs to it; it sees food if nothing stands before it. Walls, boxes, ramps, other
agents and their arms block the view. Absent agents neither see nor are seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evo_hns.envs.entities import Entities, arrays
from evo_hns.envs.vision import NO_BODY, aim, circulant, lidar_directions, read_lidar, recognise
from evo_hns.physics.base import Physics
from evo_hns.worlds.scene import Scene


@dataclass(frozen=True)
class Sight:
    """What every agent sees."""

    agents: Tensor  #: `(W, n, n - 1)` bool, the other agents (circulant order)
    objects: Tensor  #: `(W, n, m)` bool
    food: Tensor  #: `(W, n, F)` bool
    lidar: Tensor  #: `(W, n, L)` readings, metres


class Perception:
    """Casts every ray of the agents: the lidar, and lines of sight to the others, to objects and to food.

    Args:
        scene: names bodies and geoms.
        physics: casts the rays.
        num_lidar_rays: rays of each agent's lidar.
        num_food: food items.
        lidar_compression: distance at which readings saturate, metres; None: readings are distances.
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
        self._physics, self._compression = physics, lidar_compression
        self._num_seen, self._num_lidar_rays = (n - 1, m, num_food), num_lidar_rays
        things = torch.arange(n, n + m + num_food).expand(n, m + num_food)
        self._targets = torch.cat([circulant(n), things], 1).numpy()  # (n, K) index of what each agent looks at
        bodies = np.array([*scene.agent_body, *scene.object_body, *[NO_BODY] * num_food], np.int64)
        self._target_bodies = bodies[self._targets]
        self._geom_body = scene.model.geom_bodyid.astype(np.int64)
        # Rays of one agent stand side by side, its lidar first; the lidar's directions never change.
        num_rays = num_lidar_rays + self._targets.shape[1]
        self._exclude_body = torch.from_numpy(bodies[:n].repeat(num_rays))
        rays = torch.zeros(2, physics.num_worlds, n, num_rays, 3, dtype=torch.float64)
        rays[1, :, :, :num_lidar_rays] = lidar_directions(num_lidar_rays)
        self._origins, self._directions = rays.flatten(2, 3)
        self._ray_arrays = rays.numpy()

    def look(self, entities: Entities) -> Sight:
        """What every agent sees now.

        Args:
            entities: where everything is; the physics must hold the same.
        """
        constants, num = entities.constants, len(entities.constants)
        ahead, sees = np.empty((2, num, *self._targets.shape), np.bool_)
        places = arrays(constants.mask, entities.qpos, entities.rotation, entities.centre, constants.food)
        # The cone is tested between qpos coordinates: a quirk of the original, about 0.1 m for a box. Whatever is out
        # of it, as two thirds of the targets are, gets a ray without length, which costs nothing.
        aim(self._targets, *places, ahead, *self._ray_arrays)
        hits = self._physics.cast_rays(self._origins[:num], self._directions[:num], exclude_body=self._exclude_body)
        distance, geom = (values.numpy().reshape(num, len(self._targets), -1) for values in hits)
        recognise(ahead, self._target_bodies, distance, geom, self._geom_body, sees)
        agents, objects, food = torch.from_numpy(sees).split_with_sizes(self._num_seen, 2)
        lidar = np.empty((*ahead.shape[:2], self._num_lidar_rays))
        read_lidar(*arrays(constants.agent_mask), distance, self._compression, lidar)
        return Sight(agents, objects, food, torch.from_numpy(lidar))
