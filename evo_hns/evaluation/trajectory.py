"""Matches as geometry: where everything was, who saw, held and locked what, env step by env step.

For what looks at what agents *do*: detectors of stages, films, viewers. It is taken down by a recorder while
matches are played (`play`) or played again (`replay`); it changes nothing in them.
Row 0 of every time axis is the start of the episode, row t what env step t led to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from evo_hns.envs.game import Game, Step
from evo_hns.envs.vision import circulant
from evo_hns.spec import Action, Observation
from evo_hns.worlds.arrays import initial_qpos
from evo_hns.worlds.layout import Layout
from evo_hns.worlds.scene import Scene

_SHARED = ("scene", "layout", "num_prep_steps")
"""Fields of a `Trajectory` that are no arrays with a row for each match."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """W matches of T env steps. n agents (hiders first), m objects (boxes, then ramps), L lidar rays, q joints.

    A world whose physics failed stands still from then on; absent agents and objects see, hold and lock nothing.
    """

    scene: Scene  #: of all worlds: indices of bodies, joints, geoms
    layout: Layout  #: of the W worlds: walls, doors, sizes, and what exists
    seeds: np.ndarray  #: `(W,)` int64 world seeds
    qpos: np.ndarray  #: `(W, T + 1, q)` float64, all joints
    locked: np.ndarray  #: `(W, T + 1, m)` bool
    lock_owner: np.ndarray  #: `(W, T + 1, m)` int64, the agent that locked the object last
    grabbed: np.ndarray  #: `(W, T + 1, n, m)` bool, the agent holds the object
    sees_agents: np.ndarray  #: `(W, T + 1, n, n)` bool, the first agent sees the second; nobody sees itself
    sees_objects: np.ndarray  #: `(W, T + 1, n, m)` bool
    lidar: np.ndarray  #: `(W, T + 1, n, L)` metres, ray k at angle 2 pi k / L from +x of the world
    reward: np.ndarray  #: `(W, T, n)` float64, of env step t + 1
    failed: np.ndarray  #: `(W,)` bool
    num_prep_steps: int  #: env steps of preparation, in which seekers stand still

    def take(self, index: np.ndarray) -> Trajectory:
        """Some of the matches, in this order."""
        layout = Layout(**{f.name: getattr(self.layout, f.name)[index] for f in fields(Layout)})
        arrays = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name not in _SHARED}
        return Trajectory(scene=self.scene, layout=layout, num_prep_steps=self.num_prep_steps, **arrays)

    @property
    def num_steps(self) -> int:
        """T."""
        return int(self.reward.shape[1])

    @property
    def object_mask(self) -> np.ndarray:
        """`(W, m)` bool, the object exists."""
        return np.concatenate([self.layout.box_mask, self.layout.ramp_mask], axis=1)

    @property
    def agents(self) -> np.ndarray:
        """`(W, T + 1, n, 4)` x, y, z of each agent's centre in the world frame, metres, and its turn about z, rad."""
        return self._poses(self.scene.agent_qpos, self.layout.agents)

    @property
    def objects(self) -> np.ndarray:
        """`(W, T + 1, m, 4)` x, y, z of the body frames of boxes (their centres) and ramps, and the turn about z."""
        start = np.concatenate([self.layout.boxes, self.layout.ramps], axis=1)
        return self._poses(self.scene.object_qpos[:, [0, 1, 2, -1]], start)

    def until(self, step: int) -> Trajectory:
        """The same matches as they were after so many env steps, 0 to T."""
        rows = ("qpos", "locked", "lock_owner", "grabbed", "sees_agents", "sees_objects", "lidar")
        return replace(
            self, reward=self.reward[:, :step], **{name: getattr(self, name)[:, : step + 1] for name in rows}
        )

    def _poses(self, joints: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Joints measure from places that differ from world to world; which the start gives."""
        poses = self.qpos[:, :, joints].copy()
        poses[..., :3] += (start - poses[:, 0, :, :3])[:, None]
        return poses


class TrajectoryRecorder:
    """Takes down a batch of matches while it is played; one recorder for each batch.

    Args:
        game: plays them.
        seeds: `(W,)` their world seeds.
        layout: of the worlds, if `Game.begin` was given others than those of the seeds.
    """

    def __init__(self, game: Game, seeds: np.ndarray, layout: Layout | None = None) -> None:
        self._game, self._seeds = game, np.asarray(seeds, dtype=np.int64)
        self._layout = game.layouts(self._seeds) if layout is None else layout
        self._rows: list[dict[str, np.ndarray]] = []
        self._rewards: list[np.ndarray] = []
        self._failed = np.zeros(len(self._seeds), dtype=bool)

    def begin(self, observation: Observation) -> None:
        """Take down the start of the episodes; for who looks before the first env step."""
        self._rows.append(self._sights(observation) | self._start())

    def record(self, observation: Observation, action: Action, step: Step) -> None:
        """Copy what is there after an env step, and before the first also what was there at its start."""
        if not self._rows:
            self.begin(observation)
        self._rows.append(self._now(step.observation))
        self._rewards.append(step.reward.numpy().copy())
        self._failed = step.failed.numpy().copy()

    def moment(self, observation: Observation) -> Trajectory:
        """Where everything is now, as row 1 of a trajectory of its own; row 0 says where it started, and no more."""
        now = self._now(observation)
        rows = {name: np.stack([start, now[name]], 1) for name, start in (now | self._start()).items()}
        reward = np.zeros((len(self._seeds), 1, len(self._game.scene.agent_body)))
        return self._trajectory(reward, self._game.failed.numpy().copy(), rows)

    @property
    def trajectory(self) -> Trajectory:
        """Everything so far."""
        rows = {name: np.stack([row[name] for row in self._rows], 1) for name in self._rows[0]}
        reward = np.stack(self._rewards, 1) if self._rewards else self._no_reward
        return self._trajectory(reward, self._failed, rows)

    def _trajectory(self, reward: np.ndarray, failed: np.ndarray, rows: dict[str, np.ndarray]) -> Trajectory:
        return Trajectory(
            scene=self._game.scene,
            layout=self._layout,
            seeds=self._seeds,
            reward=reward,
            failed=failed,
            num_prep_steps=self._game.rules.num_prep_steps,
            **rows,
        )

    @property
    def _no_reward(self) -> np.ndarray:
        return np.zeros((len(self._seeds), 0, len(self._game.scene.agent_body)))

    def _start(self) -> dict[str, np.ndarray]:
        num_worlds, n, m = len(self._seeds), len(self._game.scene.agent_body), len(self._game.scene.object_body)
        return {
            "qpos": initial_qpos(self._game.scene, self._layout),
            "locked": np.zeros((num_worlds, m), dtype=bool),
            "lock_owner": np.zeros((num_worlds, m), dtype=np.int64),
            "grabbed": np.zeros((num_worlds, n, m), dtype=bool),
        }

    def _now(self, observation: Observation) -> dict[str, np.ndarray]:
        state = self._game.state
        held = {name: getattr(state, name).numpy().copy() for name in ("locked", "lock_owner", "grabbed")}
        qpos = self._game.physics.field("qpos").numpy()[: len(self._seeds)].copy()
        return self._sights(observation) | held | {"qpos": qpos}

    def _sights(self, observation: Observation) -> dict[str, np.ndarray]:
        seen = observation.mask_aa_obs.numpy()
        num_worlds, n = seen.shape[:2]
        sees_agents = np.zeros((num_worlds, n, n), dtype=bool)
        np.put_along_axis(sees_agents, np.broadcast_to(circulant(n).numpy(), seen.shape), seen, axis=2)
        objects = [observation.mask_ab_obs.numpy(), observation.mask_ar_obs.numpy()]
        return {
            "sees_agents": sees_agents,
            "sees_objects": np.concatenate(objects, axis=2),
            "lidar": observation.lidar.numpy()[..., 0].copy(),
        }


def join_trajectories(parts: Sequence[Trajectory]) -> Trajectory:
    """The matches of several batches of the same game one after the other."""
    first = parts[0]
    layout = Layout(
        **{f.name: np.concatenate([getattr(part.layout, f.name) for part in parts]) for f in fields(Layout)}
    )
    arrays = {
        f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(first) if f.name not in _SHARED
    }
    return Trajectory(scene=first.scene, layout=layout, num_prep_steps=first.num_prep_steps, **arrays)
