"""One side of the game as a Gymnasium environment, against a given player of the other side.

With one agent on the side, observation and action are that agent's (`arrays`). With several, the environment is their
team: every observed array has a leading axis for them, `(A, ...)`, and the action is theirs one after the other, A * K
numbers in one row, since Stable-Baselines3 takes no other. The reward is the team's, the mean over its members that are
there, as `evo-hns evaluate` counts. Where counts are ranges, members that a world lacks observe zeros and act without
effect.

The opponent observes what the game tells it in full precision and remembers its own episode, as in `evaluate`.

An episode is truncated at the horizon, and terminated only if the physics fails; its return is then worth nothing.
Infos say which world is played (`world_seed`) and who is there (`present`, `(A,)` bool); at the end also the game's
`statistics`, and whether the episode is to be `discarded`.

`reset(seed=k)` plays world k of the original and begins the generator that later resets draw training worlds from, as
`evo_hns.parallel_env` does. `pickle` and `copy.deepcopy` are exact, also in the middle of an episode.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from evo_hns.evaluation.matches import HELD_OUT_SEED
from evo_hns.gym.arrays import Told, checked_choices, space_of
from evo_hns.gym.played import Match, PlayedGame, checked_seed, pictures_per_second
from evo_hns.gym.world import World, check_render_mode


class HideAndSeekEnv(gymnasium.Env[Told, npt.NDArray[np.int64]]):
    """One world, one side; made by `evo_hns.make_gym_env`.

    Args:
        match: the game, the side, and the opponent.
        render_mode: None or `rgb_array`.

    Raises:
        ConfigError: another render mode, or nothing can be drawn on this machine.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 40 / 3}  # noqa: RUF012

    def __init__(self, match: Match, render_mode: str | None = None) -> None:
        check_render_mode(render_mode)
        self.render_mode, self.side = render_mode, match.side
        self.metadata = self.metadata | {"render_fps": pictures_per_second(match.config)}
        self._world = World(match.config, {match.side.other: match.opponent})
        game = self._world.game
        self.observation_space: spaces.Dict = observation_space(self._world.told)  # type: ignore[assignment]  # it is one
        self.action_space: spaces.MultiDiscrete = action_space(game)
        self._shape, self._is_going_on = (game.num_members, len(game.choices)), False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Told, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: the world; without it the next one is drawn.
            options: none are known; ignored.

        Raises:
            ValueError: a seed that no world has.
        """
        world = None if seed is None else checked_seed(seed)
        super().reset(seed=world)
        self._world.begin(int(self.np_random.integers(HELD_OUT_SEED)) if world is None else world)
        self._is_going_on = True
        return self._told, self._info

    def step(self, action: npt.NDArray[np.int64]) -> tuple[Told, float, bool, bool, dict[str, Any]]:
        """Play one env step.

        Raises:
            ValueError: an impossible action, or the episode is over.
        """
        if not self._is_going_on:
            raise ValueError("got a step, expected reset: no episode is going on")
        choices = checked_choices(action, self.action_space.nvec, f"the {self.side.label}")
        world = self._world
        rewards = world.step(choices.reshape(self._shape))
        reward = float(team_reward(rewards[None], np.array([world.present]))[0])
        self._is_going_on = not world.is_over
        info = self._info
        if world.is_over:
            info |= {"discarded": world.failed, "statistics": world.statistics}
        return self._told, reward, world.failed, world.is_over and not world.failed, info

    def render(self) -> npt.NDArray[np.uint8] | None:
        """`(height, width, 3)`, the world as it is; None without `render_mode="rgb_array"`."""
        return None if self.render_mode is None else self._world.picture()

    def close(self) -> None:
        """Close what draws."""
        self._world.close()

    @property
    def _told(self) -> Told:
        return squeezed(self._world.told, axis=0)

    @property
    def _info(self) -> dict[str, Any]:
        return {"world_seed": self._world.seed, "present": np.array(self._world.present)}


def observation_space(sample: Told) -> spaces.Dict:
    """What one agent or a team observes, from a sample of `(A, ...)` arrays."""
    return spaces.Dict({name: space_of(values) for name, values in squeezed(sample, axis=0).items()})


def action_space(game: PlayedGame) -> spaces.MultiDiscrete:
    """What one agent or a team may do, A * K numbers."""
    return spaces.MultiDiscrete(game.choices * game.num_members)


def squeezed(arrays: Told, axis: int) -> Told:
    """Arrays without the axis of the agents, where there is but one."""
    return {name: values.squeeze(axis) if values.shape[axis] == 1 else values for name, values in arrays.items()}


def team_reward(rewards: npt.NDArray[np.float64], present: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """`(W,)`, the mean of the rewards `(W, A)` of those who are there; 0 where nobody is."""
    mean: npt.NDArray[np.float64] = rewards.sum(1) / np.maximum(present.sum(1), 1)
    return mean
