"""PPO as one more way to come from a generation to the next: worlds, updates, champions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from stable_baselines3.common.utils import set_random_seed
from torch import Tensor

from evo_hns.archive.records import Champion, State
from evo_hns.config import ConfigError, EntityPolicyConfig, PPOConfig, RunConfig
from evo_hns.evaluation.fitness import MatchesFailedError, team_return, wins
from evo_hns.evaluation.held_out import mean_metrics
from evo_hns.evaluation.matches import draw_training_seeds
from evo_hns.evaluation.rollout import Episodes, join
from evo_hns.evaluation.session import build_game
from evo_hns.policies.entity import EntityForm
from evo_hns.spec import ObservationSpec, Side
from evo_hns.system.machine import usable_cores
from evo_hns.system.shutdown import ShutdownSignal
from evo_hns.training.ppo.algorithm import build_ppo
from evo_hns.training.ppo.checkpoint import genome_of_policy
from evo_hns.training.ppo.policy import EntityActorCritic
from evo_hns.training.ppo.state import load_state, state_of
from evo_hns.training.ppo.vec_env import SelfPlayEnv
from evo_hns.training.random_streams import Stream, seed_of, stream


class Learner:
    """One policy that plays both sides and learns from it.

    Args:
        config: the run's settings.
        shutdown: is asked before each env step whether to go on.
    """

    def __init__(self, config: RunConfig, shutdown: ShutdownSignal | None = None) -> None:
        self.config = config
        self.settings = settings_of(config)
        self.worlds = build_worlds(config, self.settings.num_worlds, shutdown)
        policy = config.hiders.policy
        assert isinstance(policy, EntityPolicyConfig)  # the settings were checked
        self.form = EntityForm.of(policy.entity, self.worlds.spec)
        parts = {"form": self.form, "omniscient_critic": self.settings.omniscient_critic}
        seed = seed_of(config.seed, 0, Stream.PPO_NETWORK)
        self.ppo = build_ppo(self.settings, self.worlds, EntityActorCritic, parts, seed)

    @property
    def state(self) -> State:
        """What it needs to go on to the same bits."""
        return state_of(self.ppo)

    @property
    def genome(self) -> Tensor:
        """`(N,)` float32, of the policy as it is now."""
        assert isinstance(self.ppo.policy, EntityActorCritic)  # as it was built
        return genome_of_policy(self.ppo.policy, self.form)

    def resume(self, state: State) -> None:
        """Go on from the state after a generation."""
        load_state(self.ppo, state)

    def learn(self, generation: int) -> Experience:
        """Play and learn through a generation.

        Every random number in it comes from the run's seed and the generation. Before the first one a rollout is played
        to learn what observations and rewards are like, and nothing else.
        """
        num_rollouts = self.settings.rollouts_per_generation + (generation == 0)
        rng = stream(self.config.seed, generation, Stream.PPO_WORLDS)
        self.worlds.schedule([draw_training_seeds(self.worlds.num_worlds, rng) for _ in range(num_rollouts)])
        set_random_seed(seed_of(self.config.seed, generation, Stream.PPO_ACTIONS))
        self.ppo.begin()
        played = []
        for rollout in range(num_rollouts):
            if generation == 0 and rollout == 0:
                self.ppo.play_rollout()
            else:
                self.ppo.learn_from_rollout()
            played.append(self.worlds.last)
        return Experience(played, self.worlds.spec, self.ppo.metrics)

    def rehearse(self) -> float:
        """Play a rollout and learn from it, to see what that costs; the learner has no other use after it.

        Returns:
            Seconds of both.
        """
        seeds = np.arange(2 * self.worlds.num_worlds, dtype=np.int64).reshape(2, -1)
        self.worlds.schedule(seeds)
        self.worlds.reset()
        self.worlds.step(np.zeros((self.worlds.num_envs, 5), dtype=np.int64))  # compiles the kernels
        start = time.perf_counter()
        self.ppo.begin()
        self.ppo.learn_from_rollout()
        return time.perf_counter() - start

    def champions(self, experience: Experience) -> dict[Side, Champion]:
        """The policy as it is now, for both sides, each with what its team won in the last rollout before."""
        genome = self.genome.numpy()
        return {side: Champion(genome, experience.score(side)) for side in Side}


@dataclass(frozen=True, eq=False)
class Experience:
    """What was played in a generation, and what it cost."""

    rollouts: list[Episodes]
    spec: ObservationSpec
    costs: Mapping[str, float] = field(default_factory=dict)

    @property
    def num_matches(self) -> int:
        """All that were played."""
        return sum(len(episodes.failed) for episodes in self.rollouts)

    @property
    def num_failed(self) -> int:
        """Those that were discarded because the physics failed."""
        return sum(int(episodes.failed.sum()) for episodes in self.rollouts)

    def score(self, side: Side) -> float:
        """Mean return of a team in the last rollout.

        Raises:
            MatchesFailedError: no match of it counts.
        """
        scores = team_return(self.rollouts[-1], self.spec, side)
        counted = scores[~scores.isnan()]
        if not len(counted):
            raise MatchesFailedError(
                "the physics failed in every match of a rollout: a shorter physics.timestep is needed"
            )
        return float(counted.mean())

    @property
    def metrics(self) -> dict[str, float]:
        """Returns and wins of both teams against each other, statistics of the game, figures of the updates."""
        episodes = join(self.rollouts)
        metrics: dict[str, float] = {}
        for side in self.spec.teams:
            scores = team_return(episodes, self.spec, side)
            counted = scores[~scores.isnan()]
            metrics[f"{side.label}.self_play_return"] = float(counted.mean())
            metrics[f"{side.label}.self_play_wins"] = float(wins(counted).mean())
        return metrics | {f"game.{name}": value for name, value in mean_metrics(episodes).items()} | dict(self.costs)


def settings_of(config: RunConfig) -> PPOConfig:
    """The settings of PPO.

    Raises:
        ConfigError: there are none.
    """
    if config.ppo is None:
        raise ConfigError("these settings have no table [ppo]: set trainer to 'ppo'")
    return config.ppo


def build_worlds(config: RunConfig, num_worlds: int, shutdown: ShutdownSignal | None = None) -> SelfPlayEnv:
    """The worlds of a rollout, at the timestep of a search, shared out to as many threads as the settings say."""
    num_threads = min(config.physics.num_threads or usable_cores(), num_worlds)
    searched = config.model_copy(update={"physics": config.physics.of_search})
    sizes = [len(part) for part in np.array_split(np.arange(num_worlds), num_threads)]
    return SelfPlayEnv([build_game(searched, size) for size in sizes], shutdown)
