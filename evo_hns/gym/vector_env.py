"""Many worlds of the game as a `gymnasium.vector.VectorEnv`: one side of each against a given player.

Each environment is what `evo_hns.gym.env` says of one: the same spaces with a leading axis, rewards, infos and worlds,
to the bit. But worlds are played in batches, one for each thread, which is as fast as `evo-hns evaluate`.

Autoreset is `NEXT_STEP`: the step after the end of an episode ignores the action and begins the next one. All worlds of
a batch end at the horizon together. A world whose physics fails is terminated, and its environment goes on in a batch of
its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from evo_hns.config import ConfigError
from evo_hns.evaluation.matches import HELD_OUT_SEED
from evo_hns.gym.arrays import Told, checked_choices, told
from evo_hns.gym.env import action_space, observation_space, squeezed, team_reward
from evo_hns.gym.played import Match, PlayedGame, checked_seed
from evo_hns.system.machine import usable_cores

Numbers = npt.NDArray[np.int64]


class Turn:
    """What a step or reset of all N environments comes to; each batch fills in its own, in its thread."""

    def __init__(self, num_envs: int, like: Told, num_members: int) -> None:
        self.told = {name: np.empty((num_envs, *row.shape), row.dtype) for name, row in like.items()}
        self.reward = np.zeros(num_envs)
        self.failed, self.over = np.zeros(num_envs, dtype=bool), np.zeros(num_envs, dtype=bool)
        self.seeds = np.zeros(num_envs, dtype=np.int64)
        self.present = np.zeros((num_envs, num_members), dtype=bool)
        self.statistics: dict[str, npt.NDArray[np.float64]] = {}  #: of episodes that are over

    @property
    def infos(self) -> dict[str, Any]:
        """As Gymnasium has them: beside each array a mask of the environments that have the info."""
        everybody = np.ones(len(self.reward), dtype=bool)
        infos = _masked({"world_seed": self.seeds, "present": self.present}, everybody)
        if self.over.any():
            statistics = _masked(self.statistics, self.over)
            infos |= _masked({"discarded": self.failed, "statistics": statistics}, self.over)
        return infos


class Batch:
    """Environments that are played together, in one thread.

    Args:
        match: the game, the side, and the opponent.
        envs: `(W,)` their numbers.
    """

    def __init__(self, match: Match, envs: Numbers) -> None:
        self.game = PlayedGame(match.config, len(envs), {match.side.other: match.opponent})
        self._all = envs
        self.restart()

    def restart(self) -> None:
        """Begin the next turn with all environments, those that left too."""
        self.envs, self.is_over = self._all, True

    def begin(self, seeds: Numbers) -> None:
        """Begin an episode in the world of each environment.

        Args:
            seeds: `(W,)` of the worlds.
        """
        self.game.begin(seeds)
        self._seeds, self._rows, self.is_over = seeds, np.arange(len(seeds)), False
        self._present = self.game.told.agent_mask.numpy()  # a failed world's mask is zeros

    def take_turn(self, choices: npt.NDArray[np.int64], seeds: Numbers, turn: Turn) -> None:
        """Begin the next episode if the last one is over, else play an env step.

        Args:
            choices: `(N, A, K)`, actions in all environments.
            seeds: `(N,)` of worlds to begin.
            turn: is filled in.
        """
        envs = self.envs
        if self.is_over:
            self.begin(seeds[envs])
        else:
            self._step(choices, turn)
        rows = self._rows
        turn.seeds[envs], turn.present[envs] = self._seeds[rows], self._present[rows]
        for name, values in squeezed(told(self.game.told), axis=1).items():
            turn.told[name][envs] = values[rows]

    def _step(self, choices: npt.NDArray[np.int64], turn: Turn) -> None:
        envs, rows = self.envs, self._rows
        whole = np.zeros((len(self._seeds), *choices.shape[1:]), dtype=np.int64)  # who has left does anything
        whole[rows] = choices[envs]
        step = self.game.step(whole)
        failed, self.is_over = step.failed.numpy()[rows], self.game.at_horizon
        turn.reward[envs] = team_reward(step.reward[:, self.game.team].numpy(), self._present)[rows]
        turn.failed[envs], turn.over[envs] = failed, failed | self.is_over
        if failed.any() or self.is_over:
            for name, values in self.game.statistics().items():
                turn.statistics.setdefault(name, np.zeros(len(turn.reward)))[envs] = values[rows] * turn.over[envs]

    def leave(self, over: npt.NDArray[np.bool_]) -> Numbers:
        """Let go of environments whose episodes are over, unless all are, which then begin anew together.

        Args:
            over: `(N,)` bool.

        Returns:
            Their numbers.
        """
        self.is_over |= bool(over[self.envs].all())
        leaving = over[self.envs] & (not self.is_over)
        gone = self.envs[leaving]
        self.envs, self._rows = self.envs[~leaving], self._rows[~leaving]
        return gone


class HideAndSeekVectorEnv(VectorEnv[Told, Numbers, npt.NDArray[Any]]):
    """N environments; made by `evo_hns.make_vector_env`.

    Args:
        match: the game, the side, and the opponent.
        num_envs: N.
        num_threads: batches that are played at the same time; 0 takes every core that this process may use.

    Raises:
        ConfigError: no environments, or fewer than no threads.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP, "render_modes": []}  # noqa: RUF012

    def __init__(self, match: Match, num_envs: int, num_threads: int = 0) -> None:
        if num_envs < 1 or num_threads < 0:
            raise ConfigError(f"got {num_envs} environments on {num_threads} threads, expected 1 or more on 0 or more")
        parts = np.array_split(np.arange(num_envs), min(num_threads or usable_cores(), num_envs))
        self.num_envs, self._match = num_envs, match
        self._batches = self._whole = [Batch(match, part) for part in parts]
        self._pool = ThreadPoolExecutor(len(parts), thread_name_prefix="evo-hns-vector-env")
        self._streams: list[np.random.Generator | None] = [None] * num_envs
        self._over: npt.NDArray[np.bool_] | None = None  # environments to begin next; None before the first reset
        first = self._batches[0]
        first.begin(np.zeros(len(parts[0]), dtype=np.int64))
        first.restart()
        sample = {name: values[0] for name, values in told(first.game.told).items()}
        self._like, self._shape = squeezed(sample, axis=0), (first.game.num_members, len(first.game.choices))
        self.single_observation_space = observation_space(first.game, sample)
        self.single_action_space = action_space(first.game)
        self._limits = np.tile(self.single_action_space.nvec, (num_envs, 1))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(  # type: ignore[override]  # Gymnasium's own take lists of seeds, too
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Told, dict[str, Any]]:
        """Begin an episode in every environment.

        Args:
            seed: environment i plays world seed + i, or the world of its own seed; without one the next is drawn.
            options: none are known; ignored.

        Raises:
            ValueError: a seed that no world has, another number of seeds, or a part of the environments is to be reset.
        """
        if options and "reset_mask" in options:
            raise ValueError("got a reset_mask, expected none: environments begin anew by themselves, or all at once")
        seeds = self._checked_seeds(seed)
        if seed is not None and not isinstance(seed, Sequence):
            super().reset(seed=int(seed))
        for number, world in enumerate(seeds):
            if world is not None:
                self._streams[number] = np.random.default_rng(world)
        worlds = [self._draw(number) if world is None else world for number, world in enumerate(seeds)]
        self._batches = self._whole
        for batch in self._batches:
            batch.restart()
        turn = self._play(np.zeros((self.num_envs, *self._shape), dtype=np.int64), np.array(worlds, dtype=np.int64))
        return turn.told, turn.infos

    def step(
        self, actions: Numbers
    ) -> tuple[Told, npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], dict[str, Any]]:
        """Play one env step everywhere, or begin the next episode where one has ended.

        Args:
            actions: `(N, A * K)`.

        Raises:
            ValueError: an impossible action, or a step before the first reset.
        """
        if self._over is None:
            raise ValueError("got a step, expected reset: no episode is going on")
        choices = checked_choices(actions, self._limits, "all environments")
        seeds = np.zeros(self.num_envs, dtype=np.int64)
        if self._over.any():
            for number in np.flatnonzero(self._over):
                seeds[number] = self._draw(int(number))
            alone = [batch.leave(self._over) for batch in self._batches]
            self._batches = [batch for batch in self._batches if len(batch.envs)]
            self._batches += [Batch(self._match, envs[k : k + 1]) for envs in alone for k in range(len(envs))]
        turn = self._play(choices.reshape(self.num_envs, *self._shape), seeds)
        return turn.told, turn.reward, turn.failed, turn.over & ~turn.failed, turn.infos

    @property
    def members_and_numbers(self) -> tuple[int, int]:
        """A, agents of the side, and K, numbers in the action of each."""
        return self._shape

    def _play(self, choices: npt.NDArray[np.int64], seeds: Numbers) -> Turn:
        """A turn of all batches, each on a thread."""
        turn = Turn(self.num_envs, self._like, self._shape[0])
        run = map if len(self._batches) == 1 else self._pool.map
        for _ in run(lambda batch: batch.take_turn(choices, seeds, turn), self._batches):
            pass
        self._over = turn.over
        return turn

    def _draw(self, number: int) -> int:
        """The next world of an environment."""
        stream = self._streams[number] = self._streams[number] or np.random.default_rng()
        return int(stream.integers(HELD_OUT_SEED))

    def _checked_seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if not isinstance(seed, Sequence | np.ndarray):
            return [checked_seed(checked_seed(seed) + number) for number in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"got {len(seed)} seeds, expected one for each of {self.num_envs} environments")
        return [None if each is None else checked_seed(each) for each in seed]

    def close_extras(self, **kwargs: Any) -> None:
        """End the threads."""
        self._pool.shutdown()


def _masked(infos: dict[str, Any], mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Infos, each with a mask of the environments that have it."""
    return infos | {f"_{name}": mask.copy() for name in infos}
