"""The agents' hands: carries out what `manipulation` decides, in the fields of the physics.

A grip is a weld between agent and object; a lock is a joint range of no width, where the object is.
Both are soft constraints: a hard push moves a locked box by some millimetres.
"""

from __future__ import annotations

import torch
from torch import Tensor

from evo_hns.config import RulesConfig
from evo_hns.envs import manipulation
from evo_hns.envs.entities import Entities
from evo_hns.envs.state import GameState
from evo_hns.physics.base import Physics
from evo_hns.spec import Action
from evo_hns.worlds.scene import UNLOCKED_RANGE, Scene

_RELATIVE_POSE = slice(3, 10)  # in the numbers of a weld: anchor, *relative pose*, torque scale


class Hands:
    """Grips and locks of all agents.

    Args:
        scene: names objects, joints and welds.
        physics: holds `scene.model`.
        rules: reach, and what can be grabbed and locked.
    """

    def __init__(self, scene: Scene, physics: Physics, rules: RulesConfig) -> None:
        self._model, self._physics = scene.model, physics
        self._num_agents, self._num_hiders, self._reach = (
            len(scene.agent_body),
            scene.num_hiders,
            rules.lock_grab_radius,
        )
        is_box = torch.arange(len(scene.object_body)) < scene.num_boxes
        self._lockable = torch.where(is_box, rules.lock_box, rules.lock_ramp)
        self._grabbable = torch.where(is_box, rules.grab_box, rules.grab_ramp)
        # A ramp is reached as a cuboid of its mesh's stored size, whose axes are not the body's: the original's quirk.
        self._half_sizes = torch.as_tensor(scene.model.geom_size[scene.object_geom])
        self._joints = torch.as_tensor(scene.object_qpos, dtype=torch.int64)
        self._weld = torch.as_tensor(scene.weld, dtype=torch.int64)

    def let_go(self) -> None:
        """Forget every lock and relative pose, in all worlds; the physics must be reset after it."""
        for name in ("jnt_range", "eq_data"):
            self._physics.model_field(name)[:] = torch.as_tensor(getattr(self._model, name))

    def apply(self, action: Action, now: Entities, state: GameState, seeds: Tensor) -> None:
        """Carry out the wishes of one step; `state` learns what is held and locked.

        Args:
            action: its `pull` and `glueall`.
            now: where everything is.
            state: what was seen, held and locked before.
            seeds: `(W,)` int64, decide between agents that lock the same object at once.
        """
        n = self._num_agents
        distance = manipulation.distance_to_cuboids(
            now.pos[:, :n], now.pos[:, n:], now.cos[:, n:], now.sin[:, n:], self._half_sizes
        )
        able = (distance <= self._reach) & state.sees_objects
        grabbed = manipulation.decide_grabs(able & self._grabbable & action.pull.unsqueeze(2), distance)
        self._weld_new_grips(grabbed & ~state.grabbed, now)
        active = self._physics.field("eq_active")
        active[: len(grabbed), self._weld.flatten()] = grabbed.flatten(1).to(active.dtype)
        state.grabbed = grabbed
        self._lock(able & self._lockable, action.glueall, state, seeds)

    def _weld_new_grips(self, new: Tensor, now: Entities) -> None:
        """A new grip keeps the relative pose of this moment."""
        if not new.any():
            return
        world, agent, item = new.nonzero(as_tuple=True)
        held, turns = self._num_agents + item, torch.stack([now.cos, now.sin], -1)
        pose = manipulation.grip_poses(
            now.pos[world, agent], turns[world, agent], now.pos[world, held], turns[world, held]
        )
        self._physics.model_field("eq_data")[world, self._weld[agent, item], _RELATIVE_POSE] = pose

    def _lock(self, able: Tensor, glue: Tensor, state: GameState, seeds: Tensor) -> None:
        """A new lock pins the object's joints where they are."""
        locked, newly, wants = manipulation.decide_locks(state.locked, state.lock_owner, glue, able, self._num_hiders)
        if newly.any():
            state.lock_owner = torch.where(newly, manipulation.draw_owner(wants, seeds, state.t), state.lock_owner)
            world, item = newly.nonzero(as_tuple=True)
            here = self._physics.field("qpos")[world[:, None], self._joints[item]]
            self._limit_joints(world, item, here.unsqueeze(-1))
        if (released := state.locked & ~locked).any():
            world, item = released.nonzero(as_tuple=True)
            self._limit_joints(world, item, torch.tensor(UNLOCKED_RANGE, dtype=torch.float64))
        state.locked = locked

    def _limit_joints(self, world: Tensor, item: Tensor, limits: Tensor) -> None:
        """Set the range of the four joints of K objects; `limits` broadcasts to `(K, 4, 2)`."""
        self._physics.model_field("jnt_range")[world[:, None], self._joints[item]] = limits.expand(len(world), 4, 2)
