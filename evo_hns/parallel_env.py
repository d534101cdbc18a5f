"""The game as a PettingZoo `ParallelEnv` of one world, for anybody's multi-agent library.

Agents are `hider_0`, `hider_1`, ..., `seeker_0`, ... An observation is a dictionary of what the agent knows, by the
names of `spec.Observation`: float32 arrays, and binary masks of what it sees. Unlike there, whatever a mask switches
off is observed as zeros, so that nobody can look at it by mistake; `state` has everything, for critics. Arrays
without entries (the boxes of a game without boxes) are left out.

An action is `MultiDiscrete([11, 11, 11, 2, 2])`, the form that most libraries take as it is: bins of the force along
world x and y and of the torque (5 is none), pull, glueall. Where agents may name what they pull there is one pull for
each box and ramp.

An episode is truncated at the horizon for all agents at once. It is terminated only if the physics fails; its
returns are then worth nothing.

Every info has the same keys, whose values are numbers or truth values:

- `world_seed`: the world that is played,
- `present`: whether the agent is in this world; False only with `pad_agents`,
- `num_episodes`: episodes that have ended in this environment,
- `last_episode_discarded`, and `last_episode_NAME` for each of the game's statistics: the last episode that ended,
  which in the last step of an episode is that one; 0 until one has ended. They outlive a reset, because wrappers that
  reset by themselves lay the infos of the reset over those of the last step.

With `pad_agents` all possible agents take part in each world, for libraries that expect a fixed team where counts are
ranges. Who is absent observes zeros, earns nothing, and acts without effect.

`pickle` and `copy.deepcopy` are exact, also in the middle of an episode: a copy plays the episode's actions again,
which takes as long as they took, and continues the same random streams. An environment that was never reset has no
stream of worlds yet (nor a space that was never asked for a sample): each copy begins its own, so that parallel workers
play different worlds.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import HELD_OUT_SEED
from evo_hns.evaluation.session import build_game
from evo_hns.spec import Action, Observation, Side
from evo_hns.system.installation import how_to_install

try:
    from gymnasium import spaces
    from pettingzoo import ParallelEnv
except ImportError as error:
    raise ImportError(f"evo_hns.parallel_env needs PettingZoo: {how_to_install('pettingzoo')}") from error

Told = dict[str, np.ndarray]
"""The observation of one agent, by field of `Observation`."""

_SEEN = {
    "agent_qpos_qvel": "mask_aa_obs",
    "box_obs": "mask_ab_obs",
    "ramp_obs": "mask_ar_obs",
    "food_obs": "mask_af_obs",
}
"""Fields of entities that an agent may not see, and the masks of those that it sees."""

_NOT_OBSERVED = ("door_obs", "agent_mask")
"""What is known of the world, not of an agent; so is everything that ends in `_spoof`."""

_NOT_COPIED = ("_game", "_observation")
"""What a copy makes anew: the physics engine holds memory of its own."""

MAX_WORLD_SEED = 2**32 - 1


def parallel_env(
    config: RunConfig | None = None, render_mode: str | None = None, *, pad_agents: bool = False
) -> HideAndSeekParallelEnv:
    """The game, one world at a time.

    Args:
        config: world, rules and physics are taken from it; by default OpenAI's quadrant example, two against two.
        render_mode: None; there are no pictures yet.
        pad_agents: whether agents that a world lacks take part as well, without effect.

    Raises:
        ValueError: another render mode.
        ConfigError: a world that cannot be built.
    """
    if render_mode is not None:
        raise ValueError(f"got the render mode {render_mode!r}, expected None: there are no pictures")
    return HideAndSeekParallelEnv(RunConfig() if config is None else config, pad_agents=pad_agents)


class HideAndSeekParallelEnv(ParallelEnv[str, Told, np.ndarray]):  # type: ignore[misc]  # PettingZoo is not typed
    """One world of hide-and-seek; made by `parallel_env`.

    Args:
        config: world, rules and physics are taken from it.
        pad_agents: whether agents that a world lacks take part as well, without effect.
    """

    _world: int
    _played: list[np.ndarray]  #: `(A, K)` int64 each, what everybody did in this episode

    metadata: dict[str, Any] = {"name": "evo_hns_v0", "render_modes": [], "is_parallelizable": True}  # noqa: RUF012
    render_mode = None

    def __init__(self, config: RunConfig, *, pad_agents: bool = False) -> None:
        self._config, self._pad_agents = config, pad_agents
        self._rng: np.random.Generator | None = None  # begun by the first reset: see the module
        self._game = build_game(config, num_worlds=1)
        self._begin(world=0)
        self._num_episodes = 0
        self._last_episode: dict[str, float] = {"discarded": False, **dict.fromkeys(self._game.metrics(), 0.0)}
        spec = self._game.observation_spec
        self.possible_agents = [
            f"{side.label.removesuffix('s')}_{member}" for side in Side for member in range(spec.team_size(side))
        ]
        self.agents: list[str] = []
        self._rows = {agent: row for row, agent in enumerate(self.possible_agents)}
        samples = self._observe(self.possible_agents)
        self.observation_spaces = {
            agent: spaces.Dict({name: _space_of(values) for name, values in sample.items()})
            for agent, sample in samples.items()
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
        """The observation space of an agent."""
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
            Observations and infos of the agents that take part.

        Raises:
            ValueError: a seed that no world has.
        """
        if seed is not None:
            if not isinstance(seed, int | np.integer) or not 0 <= seed <= MAX_WORLD_SEED:
                raise ValueError(f"got the seed {seed}, expected a whole number from 0 to {MAX_WORLD_SEED}")
            self._rng = np.random.default_rng(seed)
        elif self._rng is None:
            self._rng = np.random.default_rng()
        self._begin(int(self._rng.integers(HELD_OUT_SEED)) if seed is None else int(seed))
        self.agents = [agent for agent in self.possible_agents if self._pad_agents or self._is_present(agent)]
        return self._observe(self.agents), self._infos(self.agents)

    def step(
        self, actions: dict[str, np.ndarray]
    ) -> tuple[dict[str, Told], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Play one env step.

        Args:
            actions: of every agent in `agents`; those of other possible agents are ignored.

        Returns:
            Observations, rewards, terminations, truncations and infos of these agents.

        Raises:
            ValueError: an action that is missing or impossible, or the episode is over.
        """
        if not self.agents:
            raise ValueError("got a step, expected reset: no episode is going on")
        choices = self._join(actions)
        step = self._game.step(self._to_action(choices))
        self._observation = step.observation
        self._played.append(choices)
        failed = bool(step.failed[0])
        over = failed or len(self._played) == self._game.horizon
        if over:
            statistics = {name: float(values[0]) for name, values in self._game.metrics().items()}
            self._num_episodes, self._last_episode = self._num_episodes + 1, {"discarded": failed, **statistics}
        played = self.agents
        self.agents = [] if over else played
        return (
            self._observe(played),
            {agent: float(step.reward[0, self._rows[agent]]) for agent in played},
            dict.fromkeys(played, failed),
            dict.fromkeys(played, over and not failed),
            self._infos(played),
        )

    def state(self) -> np.ndarray:
        """`(S,)` float32, everything there is to know, seen or not, of all agents; for centralised critics."""
        return np.concatenate(
            [_array(values).astype(np.float32).ravel() for values in vars(self._observation).values()]
        )

    def render(self) -> None:
        """Nothing: there are no pictures."""

    def __getstate__(self) -> dict[str, Any]:
        """All but the engine; the world and what was played in it say what that holds."""
        return {name: value for name, value in vars(self).items() if name not in _NOT_COPIED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Play the episode again, to the bit."""
        self.__dict__.update(state)
        self._game = build_game(self._config, num_worlds=1)
        played = self._played
        self._begin(self._world)
        for choices in played:
            self._observation = self._game.step(self._to_action(choices)).observation
        self._played = played

    def _begin(self, world: int) -> None:
        """Lay out a world, in which nothing was played yet."""
        self._world, self._played = world, []
        self._observation = self._game.reset(np.array([world], dtype=np.int64))
        self._present = self._observation.agent_mask[0].tolist()  # a failed world's mask is zeros

    def _is_present(self, agent: str) -> bool:
        return bool(self._present[self._rows[agent]])

    def _observe(self, agents: list[str]) -> dict[str, Told]:
        """What each agent observes, hidden things as zeros, and nothing but zeros where it is absent."""
        known = {name: values[0] for name, values in _known(self._observation).items() if values[0, 0].numel()}
        observations = {}
        for agent in agents:
            row, present = self._rows[agent], self._is_present(agent)
            observations[agent] = {
                name: _array(values[row] if present else torch.zeros_like(values[row]))
                for name, values in known.items()
            }
        return observations

    def _infos(self, agents: list[str]) -> dict[str, dict[str, Any]]:
        """Infos with the same keys after each reset and step."""
        common: dict[str, Any] = {"world_seed": self._world, "num_episodes": self._num_episodes}
        common |= {f"last_episode_{name}": value for name, value in self._last_episode.items()}
        return {agent: {"present": self._is_present(agent), **common} for agent in agents}

    def _join(self, actions: dict[str, np.ndarray]) -> np.ndarray:
        """`(A, K)` int64, the actions of all possible agents; who does not take part does nothing."""
        num_choices = len(self.action_spaces[self.possible_agents[0]].nvec)
        choices = np.zeros((len(self.possible_agents), num_choices), dtype=np.int64)
        choices[:, : self._num_movements] = self._game.action_spec.num_movement_bins // 2
        for agent in actions:
            if agent not in self._rows:
                raise ValueError(f"got an action of {agent}, expected one of each of {', '.join(self.agents)}")
        for agent in self.agents:
            if agent not in actions:
                raise ValueError(f"got no action of {agent}, expected one of each of {', '.join(self.agents)}")
            choices[self._rows[agent]] = self._checked(agent, actions[agent])
        return choices

    def _checked(self, agent: str, action: np.ndarray) -> np.ndarray:
        """An action as numbers, if it is in the agent's action space."""
        limits = self.action_spaces[agent].nvec
        try:
            row = np.asarray(action, dtype=np.float64)
            fits = row.shape == limits.shape and bool(((row >= 0) & (row < limits) & (row == np.floor(row))).all())
        except (TypeError, ValueError):
            fits = False
        if not fits:
            got = " ".join(str(action).split())
            expected = f"{len(limits)} whole numbers, 0 or more, below {limits.tolist()}"
            raise ValueError(f"got the action {got} of {agent}, expected {expected}")
        return row

    def _to_action(self, choices: np.ndarray) -> Action:
        """The form in which the game takes actions."""
        numbers = torch.from_numpy(choices)[None]
        pull = numbers[:, :, self._num_movements : -1].bool()
        return Action(
            movement=numbers[:, :, : self._num_movements],
            pull=pull if self._pulls_objects else pull[:, :, 0],
            glueall=numbers[:, :, -1].bool(),
        )


def _known(observation: Observation) -> dict[str, Tensor]:
    """The fields that agents observe, hidden entities as zeros."""
    observed = {f.name: getattr(observation, f.name) for f in fields(observation)}
    for name, mask in _SEEN.items():
        if name in observed:
            observed[name] = torch.where(observed[mask].unsqueeze(-1), observed[name], 0.0)
    return {
        name: values for name, values in observed.items() if name not in _NOT_OBSERVED and not name.endswith("_spoof")
    }


def _array(values: Tensor) -> np.ndarray:
    """A copy in the type that libraries expect: int8 for what is binary, else float32."""
    return values.numpy().astype(np.int8 if values.dtype == torch.bool else np.float32)


def _space_of(values: np.ndarray) -> spaces.Space[Any]:
    if values.dtype == np.int8:
        return spaces.MultiBinary(values.shape[0] if values.ndim == 1 else list(values.shape))
    return spaces.Box(-np.inf, np.inf, values.shape, np.float32)
