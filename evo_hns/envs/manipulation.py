"""Manipulation: carries out the decisions of `grab_lock` in the fields of the physics.

A grip is a weld between agent and object; a lock is a joint range of no width, where the object is.
Both are soft constraints: a hard push moves a locked box by some millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import RulesConfig
from evo_hns.envs import grab_lock
from evo_hns.envs.entities import EpisodeConstants, arrays, index_tensor
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
        self._verbs = grab_lock.Verbs.of(rules, scene.num_hiders)
        is_box = np.arange(len(scene.object_body)) < scene.num_boxes
        grabbable = np.where(is_box, rules.grab_box, rules.grab_ramp)
        self._usable = grabbable, np.where(is_box, rules.lock_box, rules.lock_ramp)
        self._bodies = scene.agent_body.astype(np.int64), scene.object_body.astype(np.int64)
        self._agent_body, self._object_body = index_tensor(scene.agent_body), index_tensor(scene.object_body)
        self._joints, self._weld = index_tensor(scene.object_qpos), index_tensor(scene.weld)
        self._pos, self._rotation, self._quaternions = map(physics.field, ("xpos", "xmat", "xquat"))
        self._active, self._welds = physics.field("eq_active").numpy(), scene.weld.flatten()

    def release_all(self, num_worlds: int) -> None:
        """Undo all locks and grips in the first worlds; their physics must be reset after it."""
        for name in ("jnt_range", "eq_data"):
            self._physics.model_field(name)[:num_worlds] = torch.as_tensor(getattr(self._model, name))

    def apply(self, request: ActionRequest, constants: EpisodeConstants, state: GameState) -> None:
        """Carry out the request of one step in the present state of the physics; `state` keeps what is held and locked.

        Args:
            request: of all agents.
            constants: what exists.
            state: what was seen, held and locked before.
        """
        requests = tuple(arrays(constants.reachable, state.sees_objects, request.grab, request.lock))
        before = tuple(arrays(state.grabbed, state.locked, state.lock_owner))
        held, locked, _ = after = tuple(map(np.empty_like, before))
        half_sizes, seeds = arrays(constants.half_sizes, constants.seeds)
        poses, draws = (self._pos.numpy(), self._rotation.numpy()), (seeds, state.t)
        grabs, locks = grab_lock.decide(
            self._verbs, self._bodies, self._usable, poses, half_sizes, requests, draws, before, after
        )
        if grabs:
            self._weld_new_grips(torch.from_numpy(held & ~before[0]))
        self._active[: len(held), self._welds] = held.reshape(len(held), -1)
        if locks:
            self._lock(torch.from_numpy(locked & ~before[1]), torch.from_numpy(before[1] & ~locked))
        state.grabbed, state.locked, state.lock_owner = map(torch.from_numpy, after)

    def _weld_new_grips(self, new: Tensor) -> None:
        """A new grip keeps the relative pose of this moment."""
        world, agent, item = new.nonzero(as_tuple=True)
        holder, held = (world, self._agent_body[agent]), (world, self._object_body[item])
        pose = grab_lock.grip_poses(
            self._pos[holder],
            self._rotation[holder][:, [0, 3]],
            self._pos[held],
            (self._quaternions[holder], self._quaternions[held]),
            self._rules.grab_distance,
        )
        self._physics.model_field("eq_data")[world, self._weld[agent, item], _RELATIVE_POSE] = pose

    def _lock(self, new: Tensor, released: Tensor) -> None:
        """A new lock pins the object's joints where they are."""
        world, item = new.nonzero(as_tuple=True)
        here = self._physics.field("qpos")[world[:, None], self._joints[item]]
        self._limit_joints(world, item, here.unsqueeze(-1))
        world, item = released.nonzero(as_tuple=True)
        self._limit_joints(world, item, torch.tensor(UNLOCKED_RANGE, dtype=torch.float64))

    def _limit_joints(self, world: Tensor, item: Tensor, limits: Tensor) -> None:
        """Set the range of the J joints of K objects; `limits` broadcasts to `(K, J, 2)`."""
        joints = self._joints[item]
        self._physics.model_field("jnt_range")[world[:, None], joints] = limits.expand(*joints.shape, 2)
