"""Manipulation: carries out the decisions of `grab_lock` in the fields of the physics.

A grip is a weld between agent and object; a lock is a joint range of no width, where the object is.
Both are soft constraints: a hard push moves a locked box by some millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from evo_hns.config import RulesConfig
from evo_hns.envs import grab_lock
from evo_hns.envs.entities import Entities, index_tensor
from evo_hns.envs.state import GameState
from evo_hns.physics.base import Physics
from evo_hns.spec import Action
from evo_hns.worlds.scene import UNLOCKED_RANGE, Scene

_RELATIVE_POSE = slice(3, 10)  # in the numbers of a weld: anchor, *relative pose*, torque scale


@dataclass(frozen=True)
class ActionRequest:
    """The objects that agents ask to grab and to lock in one env step."""

    grab: Tensor  #: `(W, n, m)` bool
    lock: Tensor  #: `(W, n, m)` bool; False refuses the lock

    @classmethod
    def of(cls, action: Action, num_objects: int) -> ActionRequest:
        """The request of an action, whose `pull` may be for all objects at once."""
        grab = action.pull if action.pull.dim() == 3 else action.pull.unsqueeze(2).expand(-1, -1, num_objects)
        return cls(grab, action.glueall.unsqueeze(2).expand(-1, -1, num_objects))


class Manipulation:
    """Grips and locks of all agents.

    Args:
        scene: names objects, joints and welds.
        physics: holds `scene.model`.
        rules: reach, and what can be grabbed and locked by whom.
    """

    def __init__(self, scene: Scene, physics: Physics, rules: RulesConfig) -> None:
        self._model, self._physics, self._rules = scene.model, physics, rules
        self._num_agents, self._num_hiders = len(scene.agent_body), scene.num_hiders
        is_box = torch.arange(len(scene.object_body)) < scene.num_boxes
        self._lockable = torch.where(is_box, rules.lock_box, rules.lock_ramp)
        self._grabbable = torch.where(is_box, rules.grab_box, rules.grab_ramp)
        self._agent_body, self._object_body = index_tensor(scene.agent_body), index_tensor(scene.object_body)
        self._joints, self._weld = index_tensor(scene.object_qpos), index_tensor(scene.weld)
        self._quaternions = physics.field("xquat")
        self._active, self._welds = physics.field("eq_active").numpy(), scene.weld.flatten()

    def release_all(self, num_worlds: int) -> None:
        """Undo all locks and grips in the first worlds; their physics must be reset after it."""
        for name in ("jnt_range", "eq_data"):
            self._physics.model_field(name)[:num_worlds] = torch.as_tensor(getattr(self._model, name))

    def apply(self, request: ActionRequest, now: Entities, state: GameState) -> None:
        """Carry out the request of one step; `state` keeps what is held and locked.

        Args:
            request: of all agents.
            now: where everything is.
            state: what was seen, held and locked before.
        """
        n, constants, rules = self._num_agents, now.constants, self._rules
        distance = grab_lock.distance_to_cuboids(
            now.pos[:, :n], now.pos[:, n:], now.rotation[:, n:], constants.half_sizes
        )
        near = (distance <= rules.lock_grab_radius) & constants.reachable
        near_and_seen = near & state.sees_objects
        can_grab = near if rules.grab_out_of_vision else near_and_seen
        grabbed = grab_lock.decide_grabs(
            can_grab & self._grabbable & request.grab, distance, exclusive=rules.grab_exclusive
        )
        self._weld_new_grips(grabbed & ~state.grabbed, now)
        self._active[: len(constants), self._welds] = grabbed.numpy().reshape(len(constants), -1)
        state.grabbed = grabbed
        can_lock = near if rules.lock_out_of_vision else near_and_seen
        self._lock(can_lock & self._lockable, request.lock, state, constants.seeds)

    def _weld_new_grips(self, new: Tensor, now: Entities) -> None:
        """A new grip keeps the relative pose of this moment."""
        if not new.any():
            return
        world, agent, item = new.nonzero(as_tuple=True)
        turn = torch.stack([now.cos[world, agent], now.sin[world, agent]], -1)
        quaternions = (
            self._quaternions[world, self._agent_body[agent]],
            self._quaternions[world, self._object_body[item]],
        )
        pose = grab_lock.grip_poses(
            now.pos[world, agent],
            turn,
            now.pos[world, self._num_agents + item],
            quaternions,
            self._rules.grab_distance,
        )
        self._physics.model_field("eq_data")[world, self._weld[agent, item], _RELATIVE_POSE] = pose

    def _lock(self, able: Tensor, asks: Tensor, state: GameState, seeds: Tensor) -> None:
        """A new lock pins the object's joints where they are."""
        locked, drawn = grab_lock.decide_locks(
            self._rules.lock_type, state.locked, state.lock_owner, asks, able, self._num_hiders
        )
        if drawn.any():
            owner = grab_lock.draw_owner(able & asks, seeds, state.t)
            state.lock_owner = torch.where(drawn, owner, state.lock_owner)
        if (newly := locked & ~state.locked).any():
            world, item = newly.nonzero(as_tuple=True)
            here = self._physics.field("qpos")[world[:, None], self._joints[item]]
            self._limit_joints(world, item, here.unsqueeze(-1))
        if (released := state.locked & ~locked).any():
            world, item = released.nonzero(as_tuple=True)
            self._limit_joints(world, item, torch.tensor(UNLOCKED_RANGE, dtype=torch.float64))
        state.locked = locked

    def _limit_joints(self, world: Tensor, item: Tensor, limits: Tensor) -> None:
        """Set the range of the J joints of K objects; `limits` broadcasts to `(K, J, 2)`."""
        joints = self._joints[item]
        self._physics.model_field("jnt_range")[world[:, None], joints] = limits.expand(*joints.shape, 2)
