"""The library's recurrent PPO, with whole episodes as its rollouts. Nothing of the algorithm itself is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from evo_hns.config import PPOConfig
from evo_hns.training.costs import Clock
from evo_hns.training.ppo.buffer import EpisodeBuffer
from evo_hns.training.ppo.policy import EpisodicPolicy
from evo_hns.training.ppo.vec_env import EpisodicEnv

REPORTED = {
    "train/entropy_loss": ("ppo.entropy", -1.0),
    "train/policy_gradient_loss": ("ppo.policy_loss", 1.0),
    "train/value_loss": ("ppo.value_loss", 1.0),
    "train/approx_kl": ("ppo.approx_kl", 1.0),
    "train/clip_fraction": ("ppo.clip_fraction", 1.0),
    "train/explained_variance": ("ppo.explained_variance", 1.0),
}
"""Figures of the library's updates: what they are called here, and the sign that they have."""


class EpisodicPPO(RecurrentPPO):
    """PPO of which a rollout is one episode of every agent of every world."""

    policy: EpisodicPolicy
    rollout_buffer: EpisodeBuffer
    worlds: EpisodicEnv  #: without the normalisation of rewards round it
    update_threads = 1

    def _setup_model(self) -> None:
        """Build the policy, and a buffer that knows of episodes."""
        super()._setup_model()
        self.rollout_buffer = EpisodeBuffer(
            self.n_steps,
            self.observation_space,
            self.action_space,
            (self.n_steps, 1, self.n_envs, self.policy.lstm_actor.hidden_size),
            self.device,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            n_envs=self.n_envs,
        )
        self.clock, self.update_metrics = Clock(), defaultdict[str, list[float]](list)
        self.set_logger(Logger(None, []))

    def begin(self) -> None:
        """Start afresh: the next rollout begins with a reset."""
        self._last_obs = None
        self.clock, self.update_metrics = Clock(), defaultdict(list)
        self.worlds.seconds = 0.0

    def play_rollout(self) -> None:
        """Play a rollout without learning from it, but for what normalises observations and rewards."""
        _, callback = self._setup_learn(1, reset_num_timesteps=False)
        assert self.env is not None  # the library has it as optional
        self.collect_rollouts(self.env, callback, self.rollout_buffer, self.n_steps)
        if self.rollout_buffer.counted.any():
            self.policy.update_statistics(self.rollout_buffer.sights())

    def learn_from_rollout(self) -> None:
        """Play a rollout, and learn from it."""
        num_steps = self.n_steps * self.n_envs
        self.learn(num_steps, log_interval=num_steps, reset_num_timesteps=False)  # so seldom: no log at all

    def collect_rollouts(self, env: VecEnv, callback: Any, rollout_buffer: Any, n_rollout_steps: int) -> bool:
        """See the library; time is stopped."""
        answer = super().collect_rollouts(env, callback, rollout_buffer, n_rollout_steps)
        self.rollout_buffer.counted = self.worlds.counted
        self.clock.lap("time_policy")
        return answer

    def train(self) -> None:
        """See the library. What normalises observations stays as it was in the rollout, and takes it in afterwards."""
        if not self.rollout_buffer.counted.any():
            return  # the physics of every world failed
        with torch_threads(self.update_threads):
            super().train()
        self.policy.update_statistics(self.rollout_buffer.sights())
        for theirs, (name, sign) in REPORTED.items():
            self.update_metrics[name].append(sign * float(self.logger.name_to_value[theirs]))
        self.clock.lap("time_update")

    @property
    def reward_statistics(self) -> RunningMeanStd:
        """Mean, variance and count of the discounted returns by whose deviation rewards are divided."""
        assert isinstance(self.env, VecNormalize)  # as `build_ppo` makes it
        return self.env.ret_rms

    @property
    def metrics(self) -> dict[str, float]:
        """Means over the updates since `begin`, and what they cost."""
        costs = self.clock.metrics
        costs["time_worlds"] = self.worlds.seconds
        costs["time_policy"] = costs.get("time_policy", 0.0) - self.worlds.seconds
        deviation = float(np.sqrt(self.reward_statistics.var))
        means = {name: float(np.mean(values)) for name, values in self.update_metrics.items()}
        return {**means, "ppo.return_deviation": deviation, **costs}


def build_ppo(
    config: PPOConfig,
    worlds: EpisodicEnv,
    policy: type[EpisodicPolicy],
    policy_kwargs: Mapping[str, Any],
    seed: int,
) -> EpisodicPPO:
    """PPO at its beginning.

    Args:
        config: its settings.
        worlds: what is played.
        policy: what plays.
        policy_kwargs: how it is made, besides what the library hands to every policy.
        seed: decides its first parameters.
    """
    worlds_per_minibatch = -(-worlds.num_worlds // config.minibatches)
    env = VecNormalize(worlds, norm_obs=False, norm_reward=config.normalize_rewards, gamma=config.gamma)
    ppo = EpisodicPPO(
        policy,
        env,
        learning_rate=config.learning_rate,
        n_steps=worlds.horizon,
        batch_size=worlds_per_minibatch * worlds.num_agents * worlds.horizon,
        n_epochs=config.epochs,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip_range,
        target_kl=config.target_kl,
        ent_coef=config.entropy_weight,
        vf_coef=config.value_weight,
        max_grad_norm=config.max_grad_norm,
        policy_kwargs=dict(policy_kwargs),
        seed=seed,
        device="cpu",
    )
    ppo.worlds, ppo.update_threads = worlds, config.update_threads
    ppo.rollout_buffer.num_agents = worlds.num_agents
    return ppo


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute on so many threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
