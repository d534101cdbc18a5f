"""Many worlds of the game as a `gymnasium.vector.VectorEnv`: one side of each against a given player.

Each environment is what `evo_hns.gym.env` says of one: the same spaces with a leading axis, rewards, infos and worlds,
to the bit. But worlds are played in batches, one for each thread, which is as fast as `evo-hns evaluate`.

Autoreset is `NEXT_STEP`: the step after the end of an episode ignores the action and begins the next one. All worlds of
a batch end at the horizon together. A world whose physics fails is terminated, and another one takes its place until
then, whose episode is cut short: truncated, and in its infos to be `discarded`.
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
        self.failed, self.over, self.cut = (np.zeros(num_envs, dtype=bool) for _ in range(3))
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
            infos |= _masked({"discarded": self.failed | self.cut, "statistics": statistics}, self.over)
        return infos


class Group:
    """Worlds of some environments, all at the same env step, from the start of an episode on.

    Args:
        game: plays them.
        envs: `(W,)` the numbers of the environments.
        seeds: `(W,)` of the worlds.
    """

    def __init__(self, game: PlayedGame, envs: Numbers, seeds: Numbers) -> None:
        self.game, self.envs = game, envs
        self.game.begin(seeds)
        self._seeds, self._rows = seeds, np.arange(len(seeds))
        self._present = game.told.agent_mask.numpy()  # a failed world's mask is zeros

    def leave(self, leaving: npt.NDArray[np.bool_]) -> None:
        """Let go of environments.

        Args:
            leaving: `(N,)` bool.
        """
        staying = ~leaving[self.envs]
        self.envs, self._rows = self.envs[staying], self._rows[staying]

    def step(self, choices: npt.NDArray[np.int64], turn: Turn) -> None:
        """Play an env step, and say what it came to but for what is observed.

        Args:
            choices: `(N, A, K)`, actions in all environments.
            turn: is filled in.
        """
        envs, rows = self.envs, self._rows
        whole = np.zeros((len(self._seeds), *choices.shape[1:]), dtype=np.int64)  # who has left does anything
        whole[rows] = choices[envs]
        step = self.game.step(whole)
        turn.reward[envs] = team_reward(step.reward[:, self.game.team].numpy(), self._present)[rows]
        turn.failed[envs] = step.failed.numpy()[rows]
        turn.over[envs] = turn.failed[envs] | self.game.at_horizon

    def tell(self, turn: Turn) -> None:
        """Say what is observed, in which worlds, and how episodes ended."""
        envs, rows = self.envs, self._rows
        turn.seeds[envs], turn.present[envs] = self._seeds[rows], self._present[rows]
        for name, values in squeezed(told(self.game.told), axis=1).items():
            turn.told[name][envs] = values[rows]
        if turn.over[envs].any():
            for name, values in self.game.statistics().items():
                turn.statistics.setdefault(name, np.zeros(len(turn.reward)))[envs] = values[rows] * turn.over[envs]


class Batch:
    """Environments that are played in one thread.

    Args:
        match: the game, the side, and the opponent.
        envs: `(W,)` their numbers.
    """

    def __init__(self, match: Match, envs: Numbers) -> None:
        self._match, self._envs = match, envs
        self.game, self._spare_games = self._build(len(envs)), list[PlayedGame]()
        self.restart()

    def _build(self, num_worlds: int) -> PlayedGame:
        return PlayedGame(self._match.config, num_worlds, {self._match.side.other: self._match.opponent})

    def restart(self) -> None:
        """Let the next turn begin an episode everywhere."""
        self._together: Group | None = None
        self._alone: dict[int, Group] = {}  # in place of worlds that have failed

    def take_turn(
        self, choices: npt.NDArray[np.int64], over: npt.NDArray[np.bool_], seeds: Numbers, turn: Turn
    ) -> None:
        """Play an env step; where the last episode is over, begin the next one instead.

        Args:
            choices: `(N, A, K)`, actions in all environments.
            over: `(N,)` bool, whose last episode is over.
            seeds: `(N,)` of worlds to begin.
            turn: is filled in.
        """
        if self._together is None:
            self._together = Group(self.game, self._envs, seeds[self._envs])
        else:
            self._together.leave(over)
            self._together.step(choices, turn)
            for group in self._alone.values():
                if not over[group.envs[0]]:
                    group.step(choices, turn)
            for env in self._envs[over[self._envs]].tolist():
                game = self._alone[env].game if env in self._alone else self._spare()
                self._alone[env] = Group(game, np.array([env]), seeds[env : env + 1])
        if self.game.at_horizon:
            for env in self._alone:
                turn.cut[env], turn.over[env] = not turn.over[env], True
        for group in (self._together, *self._alone.values()):
            group.tell(turn)
        if self.game.at_horizon:
            self._spare_games += [group.game for group in self._alone.values()]
            self.restart()

    def _spare(self) -> PlayedGame:
        return self._spare_games.pop() if self._spare_games else self._build(1)


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
        self.num_envs = num_envs
        self._batches = [Batch(match, part) for part in parts]
        self._pool = ThreadPoolExecutor(len(parts), thread_name_prefix="evo-hns-vector-env")
        self._streams: list[np.random.Generator | None] = [None] * num_envs
        self._over: npt.NDArray[np.bool_] | None = None  # environments to begin next; None before the first reset
        first = self._batches[0]
        first.game.begin(np.zeros(1, dtype=np.int64))
        sample = {name: values[0] for name, values in told(first.game.told).items()}
        self._like, self._shape = squeezed(sample, axis=0), (first.game.num_members, len(first.game.choices))
        self.single_observation_space = observation_space(sample)
        self.single_action_space = action_space(first.game)
        self._limits = np.tile(self.single_action_space.nvec, (num_envs, 1))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
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
        for batch in self._batches:
            batch.restart()
        self._over = np.zeros(self.num_envs, dtype=bool)
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
        for number in np.flatnonzero(self._over).tolist():
            seeds[number] = self._draw(number)
        turn = self._play(choices.reshape(self.num_envs, *self._shape), seeds)
        return turn.told, turn.reward, turn.failed, turn.over & ~turn.failed, turn.infos

    @property
    def members_and_numbers(self) -> tuple[int, int]:
        """A, agents of the side, and K, numbers in the action of each."""
        return self._shape

    def _play(self, choices: npt.NDArray[np.int64], seeds: Numbers) -> Turn:
        """A turn of all batches, each on a thread."""
        turn, over = Turn(self.num_envs, self._like, self._shape[0]), self._over
        run = map if len(self._batches) == 1 else self._pool.map
        for _ in run(lambda batch: batch.take_turn(choices, over, seeds, turn), self._batches):
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
