"""A known task, to see that PPO as it is used here learns: Gymnasium's CartPole, observed without velocities.

Balancing by positions alone takes a memory (Gomez and Schmidhuber 2005 and many since). As in the game, all episodes
last to one horizon: a cart whose pole has fallen stands still until then and earns nothing more. So an episode's
return is the number of steps in which the pole stood.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from stable_baselines3.common.utils import set_random_seed

from evo_hns.config import PPOConfig
from evo_hns.training.ppo.algorithm import build_ppo
from evo_hns.training.ppo.policy import EpisodicPolicy
from evo_hns.training.ppo.vec_env import EpisodicEnv

HORIZON = 100
SEEN = [0, 2]
"""Of the state: the cart's position and the pole's angle, not how fast they change."""
LIMITS = np.array([2.4, 0.2095], dtype=np.float32)
"""Metres and radians at which an episode ends: the units in which they are observed."""
NUM_CELLS = 64


class CartPoles(EpisodicEnv):
    """Carts, each a world of one environment.

    Args:
        num_worlds: how many.
        seed: decides where they start.
    """

    num_agents, horizon = 1, HORIZON

    def __init__(self, num_worlds: int, seed: int) -> None:
        self.num_worlds = num_worlds
        self._carts = [gymnasium.make("CartPole-v1").unwrapped for _ in range(num_worlds)]
        for number, cart in enumerate(self._carts):
            cart.reset(seed=seed * num_worlds + number)
        self.returns: npt.NDArray[np.float64] = np.zeros(num_worlds)  #: of the last episodes that came to their end
        observed = spaces.Dict({"observed": spaces.Box(-np.inf, np.inf, (len(SEEN),), np.float32)})
        super().__init__(num_worlds, observed, self._carts[0].action_space)

    def reset(self) -> dict[str, npt.NDArray[np.float32]]:
        """Begin episodes."""
        self._standing, self._step = np.ones(self.num_worlds, dtype=bool), 0
        self._so_far = np.zeros(self.num_worlds)
        self._states = np.array([cart.reset()[0] for cart in self._carts], dtype=np.float32)
        return self._observed()

    def step_async(self, actions: npt.NDArray[np.int64]) -> None:
        """Take the actions `(N,)`: push to the left or to the right."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, npt.NDArray[np.float32], npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Push the carts whose poles stand; the episode that follows the last step has begun already."""
        start = time.perf_counter()
        rewards = self._standing.astype(np.float32)
        for number in np.flatnonzero(self._standing):
            self._states[number], _, fell, _, _ = self._carts[number].step(int(self._actions[number]))
            self._standing[number] = not fell
        self._so_far += rewards
        self._step += 1
        is_over = self._step == HORIZON
        observed = self._observed()
        if is_over:
            self.returns, observed = self._so_far, self.reset()
        self.seconds += time.perf_counter() - start
        return observed, rewards, np.full(self.num_worlds, is_over), [{} for _ in range(self.num_worlds)]

    def _observed(self) -> dict[str, npt.NDArray[np.float32]]:
        return {"observed": self._states[:, SEEN] / LIMITS}

    @property
    def counted(self) -> npt.NDArray[np.bool_]:
        """`(N,)` all of them."""
        return np.ones(self.num_worlds, dtype=bool)

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Balance:
    """How long poles stood."""

    seed: int
    steps: tuple[int, ...]  #: env steps that were played when each rollout had ended
    returns: tuple[float, ...]  #: its mean return, at most `HORIZON`


def learn_to_balance(settings: PPOConfig, num_rollouts: int, seed: int) -> Balance:
    """Learn CartPole by positions alone with the class and the settings that the game is learnt with.

    Args:
        settings: of PPO; the critic observes no more than the policy.
        num_rollouts: each with its update.
        seed: decides all that is random.
    """
    carts = CartPoles(settings.num_worlds, seed)
    parts = {"net_arch": [], "lstm_hidden_size": NUM_CELLS, "share_features_extractor": False}
    ppo = build_ppo(settings, carts, EpisodicPolicy, parts, seed)
    set_random_seed(seed)
    returns = []
    for _ in range(num_rollouts):
        ppo.learn_from_rollout()
        returns.append(float(carts.returns.mean()))
    per_rollout = settings.num_worlds * HORIZON
    return Balance(seed, tuple(per_rollout * (k + 1) for k in range(num_rollouts)), tuple(returns))
