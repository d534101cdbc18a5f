"""A stage for recorded episodes: our game in one world, set to any row of a recording.

Every row is set up from the recording alone, so an error of one step never reaches the next. What
is seen and what is done are asked apart, because in scripted recordings the two differ in state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from evo_hns.config import PhysicsConfig
from evo_hns.diagnostics.parity.recordings import BoolArray, FloatArray, IntArray, Recording
from evo_hns.envs.game import Game
from evo_hns.physics import BACKENDS
from evo_hns.spec import Action, Observation
from evo_hns.worlds.layout import Layout, sample_layouts
from evo_hns.worlds.scene import build_scene
from evo_hns.worlds.sizes import AGENT_RADIUS, NUM_OUTER_WALLS, PARKED_HALF_SIZE, PARKED_Z, RAMP_SIZE

_OFFSET_AND_TURN = slice(3, 10)  # the relative pose within the 11 numbers of a weld


@dataclass(frozen=True)
class Sight:
    """What our game shows at a row of a recording."""

    observation: Observation
    reward: FloatArray  #: `(n,)` of the step that led to the row
    metrics: dict[str, float]  #: the statistics of the episode so far


@dataclass(frozen=True)
class Outcome:
    """What our rules and physics make of a recorded step. n agents, m objects, q joints."""

    step: int
    locked: BoolArray  #: `(m,)`
    lock_owner: IntArray  #: `(m,)`
    lock_pose: FloatArray  #: `(m, 4)` x, y, z, rz that a lock holds
    grabbed: BoolArray  #: `(n, m)`
    grips: FloatArray  #: `(n, m, 7)` offset and quaternion of each weld
    qpos: FloatArray  #: `(q,)` after the physics, in the recording's order
    failed: bool  #: the physics failed


class Stage:
    """The recorded world, ready to be set to any row.

    Args:
        recording: gives the world, the rules and every state.
        physics: how time passes.
    """

    def __init__(self, recording: Recording, physics: PhysicsConfig) -> None:
        world = recording.world()
        self._recording, self._num_substeps = recording, physics.num_substeps
        self._scene = build_scene(world, physics)
        self._physics = BACKENDS["cpu"](self._scene.model, 1, 1)
        self._game = Game(self._scene, self._physics, world, recording.rules(), physics.num_substeps)
        self._game.begin(recorded_layout(recording), np.zeros(1, dtype=np.int64))
        objects = self._scene.object_qpos[recording.present]
        self._joints = np.concatenate([self._scene.agent_qpos, objects]).ravel()

    @torch.inference_mode()
    def observe(self, row: int) -> Sight:
        """Look around at a row; no step led to row 0. Rows must be asked for in their order."""
        self._set(row, self._recording.seen_qpos[row], self._recording.seen_qvel[row], seen_at=max(row - 1, 0))
        observation = self._game.observe()
        if row == 0:
            return Sight(observation, np.zeros(self._recording.num_agents), {})
        reward = self._game.reward()[0].numpy()
        return Sight(observation, reward, {name: float(value[0]) for name, value in self._game.metrics().items()})

    @torch.inference_mode()
    def play(self, step: int) -> Outcome:
        """What our rules and physics make of a recorded step.

        The physics holds objects as the recording does, so that a position error is not a grip's.
        """
        self._set_to_state(step)
        self._game.apply(self._action(step))
        state, fields = self._game.state, self._physics.model_field
        grips = fields("eq_data")[0, self._scene.weld, _OFFSET_AND_TURN].numpy().copy()
        lock_pose = fields("jnt_range")[0, self._scene.object_qpos, 0].numpy().copy()
        self._set_grips(step + 1)
        failed = self._physics.step(self._num_substeps)
        return Outcome(
            step=step,
            locked=state.locked[0].numpy(),
            lock_owner=state.lock_owner[0].numpy(),
            lock_pose=lock_pose,
            grabbed=state.grabbed[0].numpy(),
            grips=grips,
            qpos=self._physics.field("qpos")[0].numpy()[self._joints],
            failed=bool(failed[0]),
        )

    @torch.inference_mode()
    def would_lock(self, step: int, agent: int, item: int) -> bool:
        """Whether the agent, if nobody else were there to see the object, locks it in a recorded step."""
        self._set_to_state(step)
        sees = self._game.state.sees_objects
        self._game.state.sees_objects = torch.zeros_like(sees)
        self._game.state.sees_objects[0, agent] = sees[0, agent]
        self._game.apply(self._action(step))
        return bool(self._game.state.locked[0, item])

    def _action(self, step: int) -> Action:
        recording = self._recording
        asked = (recording.movement, recording.pull, recording.glueall)
        return Action(*(torch.from_numpy(values[step : step + 1]) for values in asked))

    def _set_to_state(self, step: int) -> None:
        self._set(step, self._recording.qpos[step], self._recording.qvel[step], seen_at=step)

    def _set(self, row: int, qpos: FloatArray, qvel: FloatArray, seen_at: int) -> None:
        """Put the world and the rules into the state of a row; what was seen last is what row `seen_at` shows."""
        recording, physics = self._recording, self._physics
        self._set_locks(row)
        self._set_grips(row)
        physics.reset()
        for name, values in {"qpos": qpos, "qvel": qvel, "qacc_warmstart": recording.qacc_warmstart[row]}.items():
            physics.field(name)[0, self._joints] = torch.from_numpy(values)
        physics.field("eq_active")[0, self._scene.weld] = torch.from_numpy(recording.grabbed[row]).to(
            physics.field("eq_active").dtype
        )
        physics.forward()
        health = recording.observations["food_obs"][seen_at, 0, :, 3]
        self._game.state = replace(
            self._game.state,
            t=row,
            locked=torch.from_numpy(recording.locked[None, row]),
            lock_owner=torch.from_numpy(recording.lock_owner[None, row]),
            grabbed=torch.from_numpy(recording.grabbed[None, row]),
            sees_agents=self._seen("mask_aa_obs", seen_at),
            sees_objects=torch.cat([self._seen("mask_ab_obs", seen_at), self._seen("mask_ar_obs", seen_at)], 2),
            sees_food=self._seen("mask_af_obs", seen_at),
            food_health=torch.from_numpy(health[None].copy()),
        )

    def _seen(self, mask: str, row: int) -> torch.Tensor:
        return torch.from_numpy(self._recording.observations[mask][None, row].astype(bool))

    def _set_locks(self, row: int) -> None:
        ranges = self._physics.model_field("jnt_range")
        ranges[:] = torch.from_numpy(self._scene.model.jnt_range)
        locked = self._recording.locked[row]
        pose = torch.from_numpy(self._recording.lock_pose[row, locked])
        ranges[0, self._scene.object_qpos[locked]] = pose[..., None].expand(-1, -1, 2)

    def _set_grips(self, row: int) -> None:
        agents, items = np.nonzero(self._recording.grabbed[row])
        poses = torch.from_numpy(self._recording.weld[row, agents])
        self._physics.model_field("eq_data")[0, self._scene.weld[agents, items], _OFFSET_AND_TURN] = poses


def recorded_layout(recording: Recording) -> Layout:
    """The recorded world as a layout; walls beyond those it has stay away."""
    layout = sample_layouts(recording.world(), np.zeros(1, dtype=np.int64))
    wall_pos, wall_size = np.full_like(layout.wall_pos, PARKED_Z), np.full_like(layout.wall_size, PARKED_HALF_SIZE)
    outer = recording.is_outer_wall
    slots = np.concatenate([np.arange(outer.sum()), NUM_OUTER_WALLS + np.arange((~outer).sum())])
    order = np.concatenate([np.flatnonzero(outer), np.flatnonzero(~outer)])
    wall_pos[0, slots], wall_size[0, slots] = recording.wall_pos[order], recording.wall_size[order]
    num_agents, num_boxes = recording.num_agents, recording.num_boxes
    corners = np.zeros((num_agents + len(recording.present), 3))
    exists = np.concatenate([np.ones(num_agents, dtype=bool), recording.present])
    corners[exists] = recording.qpos[0].reshape(-1, 4)[:, :3]
    agents, boxes, ramps = np.split(corners, [num_agents, num_agents + num_boxes])
    return replace(
        layout,
        wall_pos=wall_pos,
        wall_size=wall_size,
        wall_mask=np.isin(np.arange(wall_pos.shape[1]), slots)[None],
        agents=agents[None] + AGENT_RADIUS,
        boxes=boxes[None] + recording.box_size,
        box_size=recording.box_size[None],
        cylinder=recording.cylinder[None],
        box_mask=recording.present[None, :num_boxes],
        ramps=ramps[None] + RAMP_SIZE / 2,
        sites=recording.observations["construction_site_obs"][None, 0, 0].reshape(1, -1, 5, 3),
        site_mask=recording.observations["mask_acs_obs"][None, 0, 0].astype(bool),
        food=recording.observations["food_obs"][None, 0, 0, :, :3],
    )
