"""Blueprint construction: one agent that puts boxes onto marked sites, corner to corner.

In each env step it loses a twentieth of how far corners of boxes are from those of sites. When a box's centre lies
within a decimetre of each site's, and a box's corner within a decimetre of each of its corners, it is paid once. The
original ends the episode then; here it goes on, and nothing is rewarded any more.

Source: Baker et al. 2020 and the authors' published environment (their transfer tasks).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import ConfigError, WorldConfig, lowest
from evo_hns.envs.entities import arrays
from evo_hns.envs.manipulation import ActionRequest
from evo_hns.envs.state import GameState
from evo_hns.envs.task import Snapshot
from evo_hns.system.kernels import kernel

DENSE_PENALTY = 0.05
"""Reward lost in an env step for each metre between corners."""
COMPLETION_REWARD = 3.0
"""For each site, once all of them are built on."""
REACH = 0.1
"""Within which a box, or its corner, is where it belongs, metres."""
SOFTNESS = -1.5
"""Exponent (1 / metres) of the weights by which the nearest corners count."""


class Blueprint:
    """The rules of the task (see `Task`).

    Args:
        world: a single agent, counted as a hider, sites, and at least as many boxes.

    Raises:
        ConfigError: more agents than one, or too few boxes.
    """

    def __init__(self, world: WorldConfig) -> None:
        if world.max_agents != 1 or not 1 <= lowest(world.num_sites) <= world.max_sites <= lowest(world.num_boxes):
            raise ConfigError(
                f"blueprint is a task of one agent, sites, and a box for each, got {world.max_agents} agents, world."
                f"num_sites {world.num_sites} and world.num_boxes {world.num_boxes}; set world.num_hiders 1, "
                "world.num_seekers 0 and these"
            )
        self._num_boxes = world.max_boxes

    _done: Tensor  #: `(W,)` bool, everything is built

    def reset(self, start: Snapshot) -> None:
        """Begin new episodes."""
        self._done = torch.zeros(len(start.entities.constants), dtype=torch.bool)

    def branch(self, sources: Tensor) -> None:
        """Follow the episodes of these worlds."""
        self._done = self._done[sources]

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
        gap, built = self._measure(now)
        count = now.entities.constants.site_mask.sum(1)
        complete = (built == count) & ~self._done
        reward = torch.where(self._done, 0.0, -DENSE_PENALTY * gap + COMPLETION_REWARD * count * complete)
        self._done = self._done | complete
        return reward.unsqueeze(1)

    def metrics(self, now: Snapshot) -> dict[str, Tensor]:
        """Sites that are built on now, whether all have been, and how far corners are from where they belong."""
        gap, built = self._measure(now)
        return {"sites_built": built, "completed": self._done.to(torch.float64), "corner_gap": gap}

    def _measure(self, now: Snapshot) -> tuple[Tensor, Tensor]:
        """`(W,)` float64 each: the mean of smooth distances from corners, metres; sites that are built on."""
        entities, constants = now.entities, now.entities.constants
        boxes = slice(1, 1 + self._num_boxes)
        gap, built = np.empty((2, len(constants)))
        there = constants.object_mask[:, : self._num_boxes], constants.half_sizes[:, : self._num_boxes]
        placed = arrays(entities.pos[:, boxes], entities.rotation[:, boxes], *there)
        _measure(tuple(placed), tuple(arrays(constants.sites, constants.site_mask)), gap, built)
        return torch.from_numpy(gap), torch.from_numpy(built)


@kernel
def _measure(boxes: tuple[np.ndarray, ...], sites: tuple[np.ndarray, ...], gap: np.ndarray, built: np.ndarray) -> None:
    """Fill `gap` and `built` `(W,)`.

    Args:
        boxes: `(W, B, 3)` centres, `(W, B, 9)` rotations row by row, `(W, B)` which exist, `(W, B, 3)` half sizes.
        sites: `(W, S, 5, 3)` centres and corners, `(W, S)` which exist.
        gap: mean over corners of sites of the mean distance to corners of boxes, by weights that fall with distance.
        built: sites with a box's centre, and a box's corner at each of theirs, within reach.
    """
    pos, rotation, exists, half = boxes
    place, is_site = sites
    corners = np.empty((4 * pos.shape[1], 3))
    for w in range(pos.shape[0]):
        count = 0
        for b in range(pos.shape[1]):
            for k in range(4 * exists[w, b]):
                x, y = half[w, b, 0] * (1 - 2 * (k // 2)), half[w, b, 1] * (1 - 2 * (k % 2))
                for axis in range(3):
                    turned = rotation[w, b, 3 * axis] * x + rotation[w, b, 3 * axis + 1] * y
                    corners[count, axis] = pos[w, b, axis] + turned
                count += 1
        total, number = 0.0, 0
        built[w] = 0.0
        for s in range(place.shape[1]):
            if not is_site[w, s]:
                continue
            nearest = np.inf
            for b in range(pos.shape[1]):
                if exists[w, b]:
                    nearest = min(nearest, _distance(pos[w, b], place[w, s, 0]))
            is_built = nearest < REACH
            for c in range(1, 5):
                weighted, weights, nearest = 0.0, 0.0, np.inf
                for k in range(count):
                    way = _distance(corners[k], place[w, s, c])
                    weight = math.exp(SOFTNESS * way)
                    weighted, weights, nearest = weighted + way * weight, weights + weight, min(nearest, way)
                total, number = total + weighted / weights, number + 1
                is_built = is_built and nearest < REACH
            built[w] += is_built
        gap[w] = total / number


@kernel
def _distance(one: np.ndarray, other: np.ndarray) -> float:
    x, y, z = one[0] - other[0], one[1] - other[1], one[2] - other[2]
    return math.sqrt(x * x + y * y + z * z)
