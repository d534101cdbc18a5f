"""A recorded episode of the original game: what was observed, done and rewarded, and every state.

Arrays of S = T + 1 rows begin with the state after the reset; those of T rows belong to the env
step between two rows. Locks, grabs and welds of row t + 1 are the ones used during step t.
Objects are places, boxes before ramps: where a world has fewer boxes than the game allows, the rest is absent.

In scripted recordings objects were put in place by hand between two steps: there the row's state
is the new one, and its observation the one from before (`Recording.placed_by_hand`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evo_hns.config import BoxLockingConfig, FoodConfig, RulesConfig, WorldConfig
from evo_hns.spec import ObjectColumns

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

TALLER_THAN_INNER_WALLS = 1.0  #: half height, metres: walls around the field are 4 m high, those inside 0.5 m
_DEFAULT_HORIZON, _PREP_FRACTION = 80, 0.4  # of the original's examples
_MOVED_BY_HAND = 0.01  # metres, radians: less is a difference between observation and state, and an error
_OPEN_FIELD = (-6.0, -6.0, 12.0, 12.0)  # what the original's example with random walls calls outside
_FOOD_RADIUS = 0.25  # metres: not in recordings; in the one with food nobody comes nearer when allowed to eat
_BOX_LOCKING = BoxLockingConfig(lock_reward=5.0, unlock_penalty=5.0, shaped_reward_scale=0.5)  # of both tasks


@dataclass(frozen=True)
class Recording:
    """One recorded episode: T env steps, S = T + 1 rows, n agents, m places for objects, F food items."""

    path: Path
    task: Literal["hide-and-seek", "box-locking", "blueprint", "shelter"]
    scenario: Literal["quadrant", "randomwalls", "three-rooms", "empty"]
    num_hiders: int
    present: BoolArray  #: `(m,)` the object exists
    num_ramps: int
    box_columns: ObjectColumns  #: of boxes in observations
    ramp_columns: ObjectColumns  #: of ramps in observations
    observations: dict[str, NDArray[Any]]  #: `OBSERVATION_KEYS`, `(S, n, ...)`
    qpos: FloatArray  #: `(S, q)` x, y, z, rz of agents, boxes, ramps that exist; metres, radians
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
    statistics: dict[str, float]  #: OpenAI's statistics at the end of the episode, where the file has them
    finished: bool  #: the last step reached the horizon
    wall_pos: FloatArray  #: `(K, 3)` centres, metres
    wall_size: FloatArray  #: `(K, 3)` half sizes, metres
    box_size: FloatArray  #: `(B, 3)` half sizes, metres; of absent boxes those of a cube
    cylinder: FloatArray  #: `(C, 5)` centre, radius and half height of the cylinder, if there is one, metres
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
        """B, the places for boxes."""
        return len(self.present) - self.num_ramps

    @property
    def prep_steps(self) -> float:
        """Length of the preparation in env steps, read off the observed clock k / (P + 1e-5)."""
        clock = self.observations["observation_self"][:, 0, 9]
        ticks = np.flatnonzero((clock > 0.0) & (clock < 1.0))
        return round(float(ticks[-1] / clock[ticks[-1]]) - 1e-5, 6) if len(ticks) else 0.0

    def rules(self) -> RulesConfig:
        """The rules that the episode was played by: those of the original's example, with the settings in the file."""
        longest_known = max(_DEFAULT_HORIZON, self.num_steps + 1, round(self.prep_steps / _PREP_FRACTION))
        horizon = self.num_steps if self.finished else longest_known
        is_quadrant, food = self.scenario == "quadrant", self.observations["food_obs"]
        return RulesConfig(
            task=self.task,
            horizon=horizon,
            prep_fraction=self.prep_steps / horizon,
            num_lidar_rays=self.observations["lidar"].shape[2],
            restrict_rect=RulesConfig().restrict_rect if is_quadrant else _OPEN_FIELD,
            penalize_objects_out=is_quadrant,
            lock_ramp=self.ramp_columns.has_locks,
            tell_box_size=self.box_columns.has_size,
            food=FoodConfig(radius=_FOOD_RADIUS, max_health=float(food[0, 0, 0, 3]) if food.shape[2] else 1.0),
            box_locking=_BOX_LOCKING.model_copy(
                update={"goal": "order" if self.scenario == "three-rooms" else "all-return"}
            ),
        )

    def world(self) -> WorldConfig:
        """What can exist in the recorded world."""
        boxes, inner_walls = int(self.present[: self.num_boxes].sum()), int((~self.is_outer_wall).sum())
        return WorldConfig(
            scenario=self.scenario,
            num_hiders=self.num_hiders,
            num_seekers=self.num_agents - self.num_hiders,
            num_boxes=(boxes, self.num_boxes),
            num_elongated_boxes=(0, self.num_boxes) if self.ramp_columns.has_size else 0,
            cylinder_diameter=2.0 * float(self.cylinder[0, 3]) if len(self.cylinder) else 0.0,
            num_ramps=self.num_ramps,
            num_rooms=1 + inner_walls,  # as many as there can be: each inner wall makes one more
            num_sites=(1, sites) if (sites := self.observations["construction_site_obs"].shape[2]) else 0,
            num_food=self.observations["food_obs"].shape[2],
        )

    @cached_property
    def is_outer_wall(self) -> BoolArray:
        """`(K,)` bool, the wall is one of those around the field."""
        return np.asarray(self.wall_size[:, 2] > TALLER_THAN_INNER_WALLS)

    @cached_property
    def placed_by_hand(self) -> BoolArray:
        """`(S,)` rows of a scripted episode whose observation was made before something was moved by hand."""
        moved = np.abs(self._expected_observation() - self._observed()).max(axis=(1, 2)) > _MOVED_BY_HAND
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
        """`(S, E, 9)` what is observed of everything that exists: x, y, z, cos rz, sin rz and four velocities."""
        agents = self.observations["observation_self"]
        angle = agents[..., 3:4]
        observed = np.concatenate([agents[..., :3], np.cos(angle), np.sin(angle), agents[..., 4:8]], axis=-1)
        objects = np.concatenate([self.observations[key][:, 0, :, :9] for key in ("box_obs", "ramp_obs")], axis=1)
        return np.concatenate([observed, objects[:, self.present]], axis=1)

    def _expected_observation(self) -> FloatArray:
        """`(S, E, 9)` the observation that the state should give."""
        poses, speeds = (state.reshape(len(state), -1, 4) for state in (self.qpos, self.qvel))
        angle = poses[..., 3:]
        return np.concatenate([poses[..., :3], np.cos(angle), np.sin(angle), speeds], axis=-1)
