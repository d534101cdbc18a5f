"""The game as a PettingZoo `ParallelEnv` of one world, for anybody's multi-agent library.

Agents are `hider_0`, `hider_1`, ..., `seeker_0`, ... An observation is a dictionary of what the agent knows, by the
names of `spec.Observation`: float32 arrays, and binary masks of what it sees. Unlike there, whatever a mask switches
off is told as zeros, so that nobody can look at it by mistake; `state` tells everything, for critics. Arrays
without entries (the boxes of a game without boxes) are left out.

An action is `MultiDiscrete([11, 11, 11, 2, 2])`, the form that most libraries take as it is: bins of the force along
world x and y and of the torque (5 is none), pull, glueall. Where agents may name what they pull there is one pull for
each box and ramp.

An episode is truncated at the horizon for all agents at once. It is terminated only if the physics fails; its
returns are then worth nothing, and `info["discarded"]` is true. The last infos hold the statistics of the game.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import build_game
from evo_hns.evaluation.matches import HELD_OUT_SEED
from evo_hns.installation import how_to_install
from evo_hns.spec import Action, Observation, Side

try:
    from gymnasium import spaces
    from pettingzoo import ParallelEnv
except ImportError as error:
    raise ImportError(f"evo_hns.parallel_env needs PettingZoo: {how_to_install('pettingzoo')}") from error

Told = dict[str, np.ndarray]
"""What one agent is told, by field of `Observation`."""

_SEEN = {
    "agent_qpos_qvel": "mask_aa_obs",
    "box_obs": "mask_ab_obs",
    "ramp_obs": "mask_ar_obs",
    "food_obs": "mask_af_obs",
}
"""What is told of things that an agent may not see, and the mask of those that it sees."""

_NOT_TOLD = ("door_obs", "agent_mask")
"""What is known of the world, not of an agent; so is everything that ends in `_spoof`."""

MAX_WORLD_SEED = 2**32 - 1


def parallel_env(config: RunConfig | None = None, render_mode: str | None = None) -> HideAndSeekParallelEnv:
    """The game, one world at a time.

    Args:
        config: world, rules and physics are taken from it; by default OpenAI's quadrant example, two against two.
        render_mode: None; there are no pictures yet.

    Raises:
        ValueError: another render mode.
        ConfigError: a world that cannot be built.
    """
    if render_mode is not None:
        raise ValueError(f"got the render mode {render_mode!r}, expected None: there are no pictures")
    return HideAndSeekParallelEnv(RunConfig() if config is None else config)


class HideAndSeekParallelEnv(ParallelEnv[str, Told, np.ndarray]):  # type: ignore[misc]  # PettingZoo is not typed
    """One world of hide-and-seek; made by `parallel_env`.

    Args:
        config: world, rules and physics are taken from it.
    """

    metadata: dict[str, Any] = {"name": "evo_hns_v0", "render_modes": [], "is_parallelizable": True}  # noqa: RUF012
    render_mode = None

    def __init__(self, config: RunConfig) -> None:
        self._game = build_game(config, num_worlds=1)
        self._rng = np.random.default_rng()
        self._time = 0
        self._observation = self._game.reset(np.zeros(1, dtype=np.int64))
        spec = self._game.observation_spec
        self.possible_agents = [
            f"{side.label.removesuffix('s')}_{member}" for side in Side for member in range(spec.team_size(side))
        ]
        self.agents: list[str] = []
        self._rows = {agent: row for row, agent in enumerate(self.possible_agents)}
        shapes = self._tell(self.possible_agents)
        self.observation_spaces = {
            agent: spaces.Dict({name: _space_of(values) for name, values in told.items()})
            for agent, told in shapes.items()
        }
        self.action_spaces = {agent: spaces.MultiDiscrete(self._choices()) for agent in self.possible_agents}
        self.state_space = spaces.Box(-np.inf, np.inf, self.state().shape, np.float32)

    def _choices(self) -> list[int]:
        """The number of choices for each number of an action."""
        spec, sizes = self._game.action_spec, self._game.observation_spec
        self._num_movements = spec.num_movement_axes
        self._pulls_objects = spec.selective_grab
        num_pulls = sizes.num_boxes + sizes.num_ramps if self._pulls_objects else 1
        return [spec.num_movement_bins] * self._num_movements + [2] * num_pulls + [2]

    def observation_space(self, agent: str) -> spaces.Dict:
        """What an agent may be told."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.MultiDiscrete:
        """What an agent may do."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Told], dict[str, dict[str, Any]]]:
        """Begin an episode.

        Args:
            seed: the world; k is world k of the original. Without it the next one is drawn from a generator that the
                last seed started, among the worlds of training.
            options: none are known; ignored.

        Returns:
            Observations and infos (the seed of the world) of the agents that are there.

        Raises:
            ValueError: a seed that no world has.
        """
        if seed is not None:
            if not 0 <= seed <= MAX_WORLD_SEED:
                raise ValueError(f"got the seed {seed}, expected 0 to {MAX_WORLD_SEED}")
            self._rng = np.random.default_rng(seed)
        world = int(self._rng.integers(HELD_OUT_SEED)) if seed is None else int(seed)
        self._observation, self._time = self._game.reset(np.array([world], dtype=np.int64)), 0
        there = self._observation.agent_mask[0]
        self.agents = [agent for agent, row in self._rows.items() if there[row]]
        return self._tell(self.agents), {agent: {"world_seed": world} for agent in self.agents}

    def step(
        self, actions: dict[str, np.ndarray]
    ) -> tuple[dict[str, Told], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Play one env step.

        Args:
            actions: of every agent in `agents`.

        Returns:
            Observations, rewards, terminations, truncations and infos of these agents.

        Raises:
            ValueError: an action that is missing or impossible, or the episode is over.
        """
        if not self.agents:
            raise ValueError("got a step, expected reset: no episode is going on")
        step = self._game.step(self._join(actions))
        self._observation, self._time = step.observation, self._time + 1
        failed = bool(step.failed[0])
        over = failed or self._time == self._game.horizon
        statistics = {name: float(values[0]) for name, values in self._game.metrics().items()} if over else {}
        played = self.agents
        self.agents = [] if over else played
        return (
            self._tell(played),
            {agent: float(step.reward[0, self._rows[agent]]) for agent in played},
            dict.fromkeys(played, failed),
            dict.fromkeys(played, over and not failed),
            {agent: {"discarded": failed, "statistics": dict(statistics)} if over else {} for agent in played},
        )

    def state(self) -> np.ndarray:
        """`(S,)` float32, everything there is to know, seen or not, of all agents; for centralised critics."""
        return np.concatenate(
            [_array(values).astype(np.float32).ravel() for values in vars(self._observation).values()]
        )

    def render(self) -> None:
        """Nothing: there are no pictures."""

    def _tell(self, agents: list[str]) -> dict[str, Told]:
        """What each agent is told, hidden things as zeros."""
        known = {name: values for name, values in _known(self._observation).items() if values[0, 0].numel()}
        return {
            agent: {name: _array(values[0, self._rows[agent]]) for name, values in known.items()} for agent in agents
        }

    def _join(self, actions: dict[str, np.ndarray]) -> Action:
        """The actions of all agents as the game takes them; who is not there does nothing."""
        num_agents, num_movements = len(self.possible_agents), self._num_movements
        rows = np.zeros((num_agents, len(self.action_spaces[self.possible_agents[0]].nvec)), dtype=np.int64)
        rows[:, :num_movements] = self._game.action_spec.num_movement_bins // 2
        for agent in self.agents:
            if agent not in actions:
                raise ValueError(f"got no action of {agent}, expected one of each of {', '.join(self.agents)}")
            row, choices = np.asarray(actions[agent]), self.action_spaces[agent].nvec
            if row.shape != choices.shape or not ((row >= 0) & (row < choices)).all():
                expected = f"{len(choices)} numbers below {choices.tolist()}"
                raise ValueError(f"got the action {row.tolist()} of {agent}, expected {expected}")
            rows[self._rows[agent]] = row
        numbers = torch.from_numpy(rows)[None]
        pull = numbers[:, :, num_movements:-1].bool()
        return Action(
            movement=numbers[:, :, :num_movements],
            pull=pull if self._pulls_objects else pull[:, :, 0],
            glueall=numbers[:, :, -1].bool(),
        )


def _known(observation: Observation) -> dict[str, Tensor]:
    """The fields that agents are told, hidden things as zeros."""
    told = {f.name: getattr(observation, f.name) for f in fields(observation)}
    for name, mask in _SEEN.items():
        if name in told:
            told[name] = torch.where(told[mask].unsqueeze(-1), told[name], 0.0)
    return {name: values for name, values in told.items() if name not in _NOT_TOLD and not name.endswith("_spoof")}


def _array(values: Tensor) -> np.ndarray:
    """A copy in the type that libraries expect: int8 for what is binary, else float32."""
    return values.numpy().astype(np.int8 if values.dtype == torch.bool else np.float32)


def _space_of(values: np.ndarray) -> spaces.Space[Any]:
    if values.dtype == np.int8:
        return spaces.MultiBinary(values.shape[0] if values.ndim == 1 else list(values.shape))
    return spaces.Box(-np.inf, np.inf, values.shape, np.float32)
