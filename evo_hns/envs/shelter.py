"""Shelter construction: one agent that hides a cylinder behind boxes.

A hundred rays start around the field, on the ground, and point at the cylinder's centre. The fewer of them reach it,
the better: the reward of an env step is minus a thousandth for each that does. Whatever stands between stops a ray.

Source: Baker et al. 2020 and the authors' published environment (their transfer tasks).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import ConfigError, WorldConfig
from evo_hns.envs.manipulation import ActionRequest
from evo_hns.envs.state import GameState
from evo_hns.envs.task import Snapshot
from evo_hns.physics.base import Physics
from evo_hns.worlds.scene import Scene

RAYS_OF_A_SIDE = 25
INSET = 1.01
"""Cells between the border of the field and the rays' square, that is beyond the outer walls."""
PENALTY = 0.001
"""Reward lost for each ray that reaches the cylinder, in each env step."""
_NO_BODY = -1


class Shelter:
    """The rules of the task (see `Task`).

    Args:
        world: a single agent, counted as a hider, and a cylinder.
        scene: says which geom that is.
        physics: casts the rays.

    Raises:
        ConfigError: more agents than one, or no cylinder.
    """

    def __init__(self, world: WorldConfig, scene: Scene, physics: Physics) -> None:
        if world.max_agents != 1 or not world.has_cylinder:
            raise ConfigError(
                f"shelter is a task of one agent and a cylinder, got {world.max_agents} agents and world."
                f"cylinder_diameter {world.cylinder_diameter}; set world.num_hiders 1, world.num_seekers 0 and "
                "world.cylinder_diameter"
            )
        self._grid_size, self._physics = world.grid_size, physics
        (self._cylinder,) = scene.cylinder_geom
        self._nobody = torch.full((4 * RAYS_OF_A_SIDE,), _NO_BODY)

    def reset(self, start: Snapshot) -> None:
        """Begin new episodes."""
        self._origins = ray_origins(start.entities.constants.floor_size.numpy(), self._grid_size)

    def branch(self, sources: Tensor) -> None:
        """Follow the episodes of these worlds."""
        self._origins = self._origins[sources.numpy()]

    def prep_progress(self, t: int) -> float:
        """There is no preparation: always 0."""
        return 0.0

    def mask_actions(self, movement: Tensor, request: ActionRequest, state: GameState) -> tuple[Tensor, ActionRequest]:
        """Everything is allowed."""
        return movement, request

    def after_physics(self, now: Snapshot) -> None:
        """Nothing happens before the agent observes."""

    def reward(self, now: Snapshot) -> Tensor:
        """`(W, 1)` rewards of the last env step."""
        return -PENALTY * self._rays_that_reach(now).unsqueeze(1)

    def metrics(self, now: Snapshot) -> dict[str, Tensor]:
        """Rays that reach the cylinder now, and locked boxes."""
        return {
            "rays_at_cylinder": self._rays_that_reach(now),
            "num_box_lock": now.state.locked.sum(1).to(torch.float64),
        }

    def _rays_that_reach(self, now: Snapshot) -> Tensor:
        """`(W,)` float64 counts."""
        num_worlds = len(now.entities.constants)
        centre = self._physics.field("geom_xpos")[:num_worlds, self._cylinder].numpy()
        ways = torch.from_numpy(centre[:, None] - self._origins)
        _, geom = self._physics.cast_rays(torch.from_numpy(self._origins), ways, exclude_body=self._nobody)
        return (geom == int(self._cylinder)).sum(1).to(torch.float64)


def ray_origins(floor_size: np.ndarray, grid_size: int) -> np.ndarray:
    """`(W, 100, 3)` where rays start, on the ground: once around a square, each corner once.

    Args:
        floor_size: `(W,)` edges of the fields, metres.
        grid_size: cells along them.
    """
    low = INSET * floor_size[:, None] / grid_size
    high = floor_size[:, None] - low
    share = np.arange(RAYS_OF_A_SIDE) / RAYS_OF_A_SIDE
    up, down = low + share * (high - low), high - share * (high - low)
    low, high = np.broadcast_to(low, up.shape), np.broadcast_to(high, up.shape)
    x, y = np.concatenate([up, high, down, low], 1), np.concatenate([low, up, high, down], 1)
    return np.stack([x, y, np.zeros_like(x)], 2)
