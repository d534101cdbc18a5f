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

With `render_mode="rgb_array"`, `render` gives a picture as `evo-hns render` draws it (extra `render`; without a display
it needs EGL), `(480, 640, 3)` uint8. What draws belongs to one thread, and no copy has it.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import HELD_OUT_SEED
from evo_hns.spec import Side
from evo_hns.system.installation import how_to_install

try:
    from gymnasium import spaces
    from pettingzoo import ParallelEnv
except ImportError as error:
    raise ImportError(f"evo_hns.parallel_env needs PettingZoo: {how_to_install('pettingzoo')}") from error

from evo_hns.gym.arrays import Told, checked_choices, space_of
from evo_hns.gym.played import checked_seed, pictures_per_second
from evo_hns.gym.world import World, check_render_mode


def parallel_env(
    config: RunConfig | None = None, render_mode: str | None = None, *, pad_agents: bool = False
) -> HideAndSeekParallelEnv:
    """The game, one world at a time.

    Args:
        config: world, rules and physics are taken from it; by default OpenAI's quadrant example, two against two.
        render_mode: None, or `rgb_array` for pictures.
        pad_agents: whether agents that a world lacks take part as well, without effect.

    Raises:
        ConfigError: a world that cannot be built, another render mode, or nothing can be drawn on this machine.
    """
    return HideAndSeekParallelEnv(RunConfig() if config is None else config, render_mode, pad_agents=pad_agents)


class HideAndSeekParallelEnv(ParallelEnv[str, Told, np.ndarray]):  # type: ignore[misc]  # PettingZoo is not typed
    """One world of hide-and-seek; made by `parallel_env`.

    Args:
        config: world, rules and physics are taken from it.
        render_mode: None or `rgb_array`.
        pad_agents: whether agents that a world lacks take part as well, without effect.

    Raises:
        ConfigError: another render mode, or nothing can be drawn on this machine.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "name": "evo_hns_v0",
        "render_modes": ["rgb_array"],
        "render_fps": 40 / 3,
        "is_parallelizable": True,
    }

    def __init__(self, config: RunConfig, render_mode: str | None = None, *, pad_agents: bool = False) -> None:
        check_render_mode(render_mode)
        self.render_mode, self._pad_agents = render_mode, pad_agents
        self.metadata = self.metadata | {"render_fps": pictures_per_second(config)}
        self._rng: np.random.Generator | None = None  # begun by the first reset: see the module
        self._world = World(config, {})
        self._num_episodes = 0
        self._last_episode: dict[str, float] = {"discarded": False, **dict.fromkeys(self._world.statistics, 0.0)}
        game = self._world.game
        self.possible_agents = [
            f"{side.label.removesuffix('s')}_{member}" for side in Side for member in range(game.spec.team_size(side))
        ]
        self.agents: list[str] = []
        self._rows = {agent: row for row, agent in enumerate(self.possible_agents)}
        sample = self._observe(self.possible_agents[:1])[self.possible_agents[0]]
        space = spaces.Dict({name: space_of(values) for name, values in sample.items()})
        self.observation_spaces = {agent: copy.deepcopy(space) for agent in self.possible_agents}
        self.action_spaces = {agent: spaces.MultiDiscrete(game.choices) for agent in self.possible_agents}
        self.state_space = spaces.Box(-np.inf, np.inf, self.state().shape, np.float32)

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
        world = None if seed is None else checked_seed(seed)
        if self._rng is None or world is not None:
            self._rng = np.random.default_rng(world)
        self._world.begin(int(self._rng.integers(HELD_OUT_SEED)) if world is None else world)
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
        rewards = self._world.step(self._join(actions))
        failed, over = self._world.failed, self._world.is_over
        if over:
            self._num_episodes += 1
            self._last_episode = {"discarded": failed, **self._world.statistics}
        played = self.agents
        self.agents = [] if over else played
        return (
            self._observe(played),
            {agent: float(rewards[self._rows[agent]]) for agent in played},
            dict.fromkeys(played, failed),
            dict.fromkeys(played, over and not failed),
            self._infos(played),
        )

    def state(self) -> np.ndarray:
        """`(S,)` float32, everything there is to know, seen or not, of all agents; for centralised critics."""
        everything = vars(self._world.game.observation).values()
        return np.concatenate([values.numpy().astype(np.float32).ravel() for values in everything])

    def render(self) -> npt.NDArray[np.uint8] | None:
        """`(height, width, 3)`, the world as it is; None without `render_mode="rgb_array"`."""
        return None if self.render_mode is None else self._world.picture()

    def close(self) -> None:
        """Close what draws."""
        self._world.close()

    def _is_present(self, agent: str) -> bool:
        return self._world.present[self._rows[agent]]

    def _observe(self, agents: list[str]) -> dict[str, Told]:
        """What each agent observes."""
        told = self._world.told
        return {agent: {name: values[self._rows[agent]] for name, values in told.items()} for agent in agents}

    def _infos(self, agents: list[str]) -> dict[str, dict[str, Any]]:
        """Infos with the same keys after each reset and step."""
        common: dict[str, Any] = {"world_seed": self._world.seed, "num_episodes": self._num_episodes}
        common |= {f"last_episode_{name}": value for name, value in self._last_episode.items()}
        return {agent: {"present": self._is_present(agent), **common} for agent in agents}

    def _join(self, actions: dict[str, np.ndarray]) -> npt.NDArray[np.int64]:
        """`(A, K)`, the actions of all possible agents; who does not take part does nothing."""
        choices = self._world.game.idle
        for agent in actions:
            if agent not in self._rows:
                raise ValueError(f"got an action of {agent}, expected one of each of {', '.join(self.agents)}")
        for agent in self.agents:
            if agent not in actions:
                raise ValueError(f"got no action of {agent}, expected one of each of {', '.join(self.agents)}")
            choices[self._rows[agent]] = checked_choices(actions[agent], self.action_spaces[agent].nvec, agent)
        return choices
