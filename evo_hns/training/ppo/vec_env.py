"""The batched game as a `VecEnv` of Stable-Baselines3: every agent of every world is one of its environments.

Environment w * A + a is agent a of world w. All worlds are played to their horizon together, which is the end of the
episode and no time limit: no value is estimated after it. The caller schedules which worlds come; nothing here draws a
random number.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from evo_hns.envs.game import Game
from evo_hns.evaluation.rollout import Episodes, join
from evo_hns.policies.entity.form import ENTITY_TYPES, HEAD_SIZES, SELF_WIDTH, game_widths
from evo_hns.spec import Action, Observation, ObservationSpec
from evo_hns.system.shutdown import ShutdownSignal

T = TypeVar("T")
Sights = dict[str, npt.NDArray[np.float32]]
"""Fields of an `Observation` by name, each `(N, ...)` for N environments."""

NUM_BINS = HEAD_SIZES["movement"] // 3


class EpisodicEnv(VecEnv):
    """Worlds of as many environments each, which all begin together and end together at the horizon."""

    render_mode = None
    num_worlds: int
    num_agents: int  #: environments of a world, which follow each other
    horizon: int  #: steps of an episode
    seconds = 0.0  #: spent in the worlds

    @property
    @abstractmethod
    def counted(self) -> npt.NDArray[np.bool_]:
        """`(N,)` whose last episode counts."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The same for all environments, as there is but this one object."""
        return [getattr(self, attr_name)] * len(self._indices(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refused: environments have nothing of their own."""
        raise AttributeError(f"the environments of a world have no attribute {attr_name!r} to be set")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Refused: environments have nothing of their own."""
        raise AttributeError(f"the environments of a world have no method {method_name!r}")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """None of them is."""
        return [False] * len(self._indices(indices))

    def _indices(self, indices: Any) -> Sequence[int]:
        return list(self._get_indices(indices))


class SelfPlayEnv(EpisodicEnv):
    """All agents of all worlds, who may be played by one policy.

    Args:
        games: of the same settings; each is stepped by a thread of its own.
        shutdown: is asked before each env step whether to go on.
    """

    last: Episodes  #: of the last rollout that came to its end, world by world

    def __init__(self, games: Sequence[Game], shutdown: ShutdownSignal | None = None) -> None:
        self._games, self._shutdown = tuple(games), shutdown or ShutdownSignal()
        self._pool = ThreadPoolExecutor(len(self._games), thread_name_prefix="evo-hns-rollout")
        self.spec: ObservationSpec = games[0].observation_spec
        self.num_agents, self.horizon = self.spec.num_agents, games[0].horizon
        self.num_worlds = sum(game.num_worlds for game in games)
        self._scheduled: deque[npt.NDArray[np.int64]] = deque()
        super().__init__(self.num_worlds * self.num_agents, sight_space(self.spec), action_space())
        self._no_infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]

    def schedule(self, seeds: Iterable[npt.NDArray[np.int64]]) -> None:
        """Say which worlds the next rollouts are of, instead of what was said before.

        Args:
            seeds: for each rollout `(num_worlds,)` world seeds.
        """
        self._scheduled = deque(seeds)

    def reset(self) -> Sights:
        """Begin the next rollout of the schedule."""
        start = time.perf_counter()
        seeds = np.split(self._scheduled.popleft(), np.cumsum([game.num_worlds for game in self._games])[:-1])
        observations = self._of_all(lambda k: self._games[k].reset(seeds[k]))
        self._agent_mask = torch.cat([observation.agent_mask for observation in observations])
        self._returns = torch.zeros(self._agent_mask.shape, dtype=torch.float64)
        self._step = 0
        self.seconds += time.perf_counter() - start
        return self._observed(observations)

    def step_async(self, actions: npt.NDArray[np.int64]) -> None:
        """Take the actions `(N, 5)` of all environments: three bins of movement, pull, glueall."""
        rows = torch.from_numpy(actions).reshape(self.num_worlds, self.num_agents, -1)
        parts = rows.split_with_sizes([game.num_worlds for game in self._games])
        self._actions = [Action(part[..., :3], part[..., 3].bool(), part[..., 4].bool()) for part in parts]

    def step_wait(self) -> tuple[Sights, npt.NDArray[np.float32], npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Play the env step; after the last one of an episode the observation is of the next rollout, if any."""
        self._shutdown.check()
        start = time.perf_counter()
        steps = self._of_all(lambda k: self._games[k].step(self._actions[k]))
        reward = torch.cat([step.reward for step in steps])
        self._returns += reward
        self._step += 1
        is_over = self._step == self.horizon
        if is_over:
            self.last = join([self._episodes(k, steps[k].failed) for k in range(len(steps))])
        self.seconds += time.perf_counter() - start
        observed = self.reset() if is_over and self._scheduled else self._observed([step.observation for step in steps])
        return observed, reward.flatten().float().numpy(), np.full(self.num_envs, is_over), self._no_infos

    @property
    def counted(self) -> npt.NDArray[np.bool_]:
        """`(N,)` whose last episode counts: the agent was there, and the physics of its world did not fail."""
        return (self.last.agent_mask & ~self.last.failed[:, None]).flatten().numpy()

    def _of_all(self, job: Callable[[int], T]) -> list[T]:
        """Do something with every game, by number, each on its thread; the answers in their order."""
        if len(self._games) == 1:
            return [job(0)]
        return list(self._pool.map(job, range(len(self._games))))

    def _episodes(self, number: int, failed: Tensor) -> Episodes:
        """The episodes of one game at their end."""
        first = sum(game.num_worlds for game in self._games[:number])
        worlds = slice(first, first + self._games[number].num_worlds)
        return Episodes(self._returns[worlds], self._games[number].metrics(), failed, self._agent_mask[worlds])

    def _observed(self, observations: Sequence[Observation]) -> Sights:
        """Observations of all environments."""
        names = self.observation_space.spaces  # type: ignore[attr-defined]  # a `Dict`
        return {name: _rows([getattr(observation, name) for observation in observations]) for name in names}

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def sight_space(spec: ObservationSpec) -> spaces.Dict:
    """What an agent observes: the fields of an `Observation` that the paper's network reads; masks are 0 or 1."""
    counts = {"agents": spec.num_agents - 1, "boxes": spec.num_boxes, "ramps": spec.num_ramps}
    counts |= {"food": spec.num_food, "sites": spec.num_sites}
    shapes: dict[str, tuple[int, ...]] = {"observation_self": (SELF_WIDTH,)}
    if spec.num_lidar_rays:
        shapes["lidar"] = (spec.num_lidar_rays, 1)
    for entity_type, width in game_widths(spec):
        fields, count = ENTITY_TYPES[entity_type], counts[entity_type]
        shapes |= {fields.rows: (count, width), fields.mask: (count,), fields.exists: (count,)}
    return spaces.Dict({name: spaces.Box(-np.inf, np.inf, shape, np.float32) for name, shape in shapes.items()})


def action_space() -> spaces.MultiDiscrete:
    """Three bins of movement; pull and glueall, each no or yes."""
    return spaces.MultiDiscrete([NUM_BINS, NUM_BINS, NUM_BINS, HEAD_SIZES["pull"], HEAD_SIZES["glueall"]])


def _rows(parts: Sequence[Tensor]) -> npt.NDArray[np.float32]:
    """Fields `(W, A, ...)` of several games as `(N, ...)`."""
    rows: npt.NDArray[np.float32] = torch.cat([part.float() for part in parts]).flatten(0, 1).numpy()
    return rows
