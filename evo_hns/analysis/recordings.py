"""A recorded episode of the original game: what was observed, done and rewarded, and every state.

Arrays of S = T + 1 rows begin with the state after the reset; those of T rows belong to the env
step between two rows. Locks, grabs and welds of row t + 1 are the ones used during step t.

In scripted recordings objects were put in place by hand between two steps: there the row's state
is the new one, and its observation the one from before (`Recording.placed_by_hand`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo_hns.config import RulesConfig, WorldConfig

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_DEFAULT_HORIZON = 80
_MOVED_BY_HAND = 0.01  # metres, radians: less is a difference between observation and state, and an error


@dataclass(frozen=True)
class Recording:
    """One recorded episode: T env steps, S = T + 1 rows of state, n agents, m = B + R objects, boxes first."""

    path: Path
    num_hiders: int
    num_ramps: int
    observations: dict[str, NDArray[Any]]  #: `OBSERVATION_KEYS`, `(S, n, ...)`
    qpos: FloatArray  #: `(S, q)` x, y, z, rz of agents, boxes, ramps; metres, radians
    qvel: FloatArray  #: `(S, q)`
    qacc_warmstart: FloatArray  #: `(S, q)`
    locked: BoolArray  #: `(S, m)` the lock was on during the step before the row
    lock_owner: IntArray  #: `(S, m)` agent that locked last
    lock_pose: FloatArray  #: `(S, m, 4)` x, y, z, rz that a lock holds (where `locked`)
    grabbed: BoolArray  #: `(S, n, m)` agent held object during the step before the row
    weld: FloatArray  #: `(S, n, 7)` offset (metres) and quaternion wxyz each agent holds its object at
    movement: IntArray  #: `(T, n, 3)` bins 0..10
    pull: BoolArray  #: `(T, n)`
    glueall: BoolArray  #: `(T, n)`
    reward: FloatArray  #: `(T, n)`
    finished: bool  #: the last step reached the horizon
    wall_pos: FloatArray  #: `(K, 3)` centres, metres
    wall_size: FloatArray  #: `(K, 3)` half sizes, metres
    scripted: bool  #: the episode follows a script and may have objects placed by hand

    @property
    def num_steps(self) -> int:
        """T, the env steps of the recording."""
        return len(self.reward)

    @property
    def num_agents(self) -> int:
        """n, hiders first."""
        return int(self.reward.shape[1])

    @property
    def num_boxes(self) -> int:
        """B, the boxes of the world."""
        return int(self.locked.shape[1]) - self.num_ramps

    @property
    def prep_steps(self) -> float:
        """Length of the preparation in env steps, read off the observed clock k / (P + 1e-5)."""
        clock = self.observations["observation_self"][:, 0, 9]
        ticks = np.flatnonzero((clock > 0.0) & (clock < 1.0))
        return round(float(ticks[-1] / clock[ticks[-1]]) - 1e-5, 6) if len(ticks) else 0.0

    def rules(self) -> RulesConfig:
        """The rules that the episode was played by: the quadrant game with this horizon and preparation."""
        horizon = self.num_steps if self.finished else max(_DEFAULT_HORIZON, self.num_steps + 1)
        num_rays = self.observations["lidar"].shape[2]
        return RulesConfig(horizon=horizon, prep_fraction=self.prep_steps / horizon, num_lidar_rays=num_rays)

    def world(self) -> WorldConfig:
        """What exists in the recorded world."""
        return WorldConfig(
            num_hiders=self.num_hiders,
            num_seekers=self.num_agents - self.num_hiders,
            num_boxes=self.num_boxes,
            num_ramps=self.num_ramps,
        )

    @cached_property
    def placed_by_hand(self) -> BoolArray:
        """`(S,)` rows of a scripted episode whose observation was made before something was moved by hand."""
        moved = np.abs(self._told() - self._observed()).max(axis=(1, 2)) > _MOVED_BY_HAND
        return np.asarray(moved & self.scripted)

    @cached_property
    def seen_qpos(self) -> FloatArray:
        """`(S, q)` positions at each observation; other than `qpos` only where something was placed by hand."""
        observed = self._observed()
        poses = np.concatenate([observed[..., :3], np.arctan2(observed[..., 4:5], observed[..., 3:4])], axis=-1)
        poses[:, : self.num_agents, 3] = self.observations["observation_self"][..., 3]
        return np.where(self.placed_by_hand[:, None], poses.reshape(self.qpos.shape), self.qpos)

    @cached_property
    def seen_qvel(self) -> FloatArray:
        """`(S, q)` velocities at each observation."""
        return np.where(self.placed_by_hand[:, None], self._observed()[..., 5:].reshape(self.qvel.shape), self.qvel)

    def _observed(self) -> FloatArray:
        """`(S, n + m, 9)` what is observed of everything: x, y, z, cos rz, sin rz and four velocities."""
        agents = self.observations["observation_self"]
        angle = agents[..., 3:4]
        told = np.concatenate([agents[..., :3], np.cos(angle), np.sin(angle), agents[..., 4:8]], axis=-1)
        objects = [self.observations[key][:, 0, :, :9] for key in ("box_obs", "ramp_obs")]
        return np.concatenate([told, *objects], axis=1)

    def _told(self) -> FloatArray:
        """`(S, n + m, 9)` what an observation would tell of the state."""
        poses, speeds = (state.reshape(len(state), -1, 4) for state in (self.qpos, self.qvel))
        angle = poses[..., 3:]
        return np.concatenate([poses[..., :3], np.cos(angle), np.sin(angle), speeds], axis=-1)
