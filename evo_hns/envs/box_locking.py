"""Box locking: one agent that locks all boxes, in a given order or not, and may have to return to where it started.

There is no preparation and nobody else. The reward of an env step counts boxes that got locked and unlocked,
how much nearer the agent came to the next box, and whether the goal is reached. Lock-and-return is this task
in a house of six rooms with one box.

Source: Baker et al. 2020 and the authors' published environment (their transfer tasks).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from evo_hns.config import ConfigError, RulesConfig, WorldConfig
from evo_hns.envs.entities import Entities, take
from evo_hns.envs.manipulation import ActionRequest
from evo_hns.envs.state import GameState
from evo_hns.envs.task import Snapshot


@dataclass(frozen=True)
class Target:
    """The box that the shaped reward leads to."""

    exists: Tensor  #: `(W,)` bool, some box is not locked
    index: Tensor  #: `(W,)` int64, the box
    distance: Tensor  #: `(W,)` metres to it


class BoxLocking:
    """The rules of the task (see `Task`).

    Args:
        world: a single agent, counted as a hider, and boxes.
        rules: the goal and its rewards.

    Raises:
        ConfigError: more agents than one, or no box.
    """

    def __init__(self, world: WorldConfig, rules: RulesConfig) -> None:
        if world.max_agents != 1 or world.max_boxes < 1:
            raise ConfigError(
                f"box-locking is a task of one agent and at least one box, got {world.max_agents} agents and "
                f"{world.max_boxes} boxes; set world.num_hiders 1, world.num_seekers 0 and world.num_boxes"
            )
        self._goal, self._num_boxes = rules.box_locking, world.max_boxes
        self._in_order = self._goal.goal.startswith("order")
        self._returns = self._goal.goal.endswith("return")

    _target: Target
    _was_locked: Tensor
    _was_home: Tensor

    def reset(self, start: Snapshot) -> None:
        """Begin new episodes; the agent is to return to where it is now."""
        self._home = start.entities.qpos[:, 0, :2]
        self._remember(start)

    def prep_progress(self, t: int) -> float:
        """There is no preparation: always 0."""
        return 0.0

    def mask_actions(self, movement: Tensor, request: ActionRequest, state: GameState) -> tuple[Tensor, ActionRequest]:
        """In order: of the boxes that are not locked only the first may be locked."""
        if not self._in_order:
            return movement, request
        boxes = state.locked[:, : self._num_boxes]
        open_before = (~boxes).cumsum(1) - (~boxes).to(torch.int64)
        may = torch.ones_like(state.locked)
        may[:, : self._num_boxes] = boxes | (open_before == 0)
        return movement, ActionRequest(request.grab, request.lock & may.unsqueeze(1))

    def after_physics(self, now: Snapshot) -> None:
        """Nothing happens before the agent observes."""

    def reward(self, now: Snapshot) -> Tensor:
        """`(W, 1)` rewards of the env step since the last call, or since the start."""
        goal, locked = self._goal, self._locked(now)
        exists = now.entities.constants.object_mask[:, : self._num_boxes]
        newly, lost = locked & ~self._was_locked, ~locked & self._was_locked
        reward = goal.lock_reward * newly.sum(1) - goal.unlock_penalty * lost.sum(1)
        home = self._distance_home(now.entities)
        reward = reward + goal.shaped_reward_scale * self._shaping(now, lost.any(1), home)
        reached = (locked | ~exists).all(1)
        if self._returns:
            reached = reached & (home <= goal.return_threshold)
        self._remember(now)
        return (reward + goal.success_reward * reached).unsqueeze(1)

    def metrics(self, now: Snapshot) -> dict[str, Tensor]:
        """Locked boxes, and how far the agent is from where it started."""
        locked = self._locked(now).sum(1).to(torch.float64)
        return {"num_box_lock": locked, "distance_to_start": self._distance_home(now.entities)}

    def branch(self, sources: Tensor) -> None:
        """Follow the episodes of these worlds."""
        self._home, self._target = self._home[sources], take(self._target, sources)
        self._was_locked, self._was_home = self._was_locked[sources], self._was_home[sources]

    def _remember(self, now: Snapshot) -> None:
        self._was_locked, self._was_home = self._locked(now), self._distance_home(now.entities)
        self._target = self._find_target(now)

    def _locked(self, now: Snapshot) -> Tensor:
        return now.state.locked[:, : self._num_boxes]

    def _find_target(self, now: Snapshot) -> Target:
        """The nearest box that is not locked, or in order the first."""
        entities = now.entities
        # Corners, not centres: the original's quirk.
        distances = _distance(entities.qpos[:, :1, :2] - entities.qpos[:, 1 : 1 + self._num_boxes, :2])
        open_ = ~self._locked(now) & entities.constants.object_mask[:, : self._num_boxes]
        rank = torch.arange(self._num_boxes).expand_as(distances) if self._in_order else distances
        index = torch.where(open_, rank, torch.inf).argmin(1)
        return Target(open_.any(1), index, distances.gather(1, index[:, None])[:, 0])

    def _shaping(self, now: Snapshot, any_lost: Tensor, home: Tensor) -> Tensor:
        """`(W,)` metres that the agent came nearer to its target.

        A target that was locked pays its old distance, one that is there because a box was unlocked takes its new
        distance back. Where another box merely became the nearest, the difference counts: our reading.
        """
        before, after = self._target, self._find_target(now)
        old, new = before.distance, after.distance
        was_locked = self._locked(now).gather(1, before.index[:, None])[:, 0]
        same = (before.index == after.index) | ~(was_locked | any_lost)
        gain = torch.where(same, old - new, torch.where(was_locked, old, -new))
        gain = torch.where(after.exists, gain, old)
        gain = torch.where(before.exists, gain, -new)
        neither = ~before.exists & ~after.exists
        return torch.where(neither, (self._was_home - home) * self._returns, gain)

    def _distance_home(self, entities: Entities) -> Tensor:
        return _distance(entities.qpos[:, 0, :2] - self._home)


def _distance(offset: Tensor) -> Tensor:
    """Length in the plane."""
    x, y = offset[..., 0], offset[..., 1]
    return torch.sqrt(x * x + y * y)
