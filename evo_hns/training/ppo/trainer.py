"""PPO as a trainer of runs.

A generation is a fixed number of rollouts with their updates; the champions of both sides are the policy after it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from evo_hns.archive.records import Generation, Run
from evo_hns.config import RunConfig
from evo_hns.spec import Side
from evo_hns.system.shutdown import ShutdownSignal
from evo_hns.training.ppo.learner import Learner, settings_of


class PPO:
    """One policy learns by playing against itself.

    Args:
        config: the run's settings.
        shutdown: is asked before each env step whether to go on.
        run: what there is of the run already; None at its beginning.
    """

    def __init__(self, config: RunConfig, shutdown: ShutdownSignal, run: Run | None = None) -> None:
        self._config, self._settings, self._shutdown = config, settings_of(config), shutdown
        self._learner = Learner(config, shutdown)
        if run is not None:
            self._learner.resume(run.state)

    def generations(self, first: int = 0) -> Iterator[Generation]:
        """Play and learn; see `Trainer.generations`."""
        for generation in itertools.count(first):
            experience = self._learner.learn(generation)
            champions = self._learner.champions(experience)
            yield Generation(
                number=generation,
                champions=champions,
                metrics={
                    **experience.metrics,
                    **{f"{side.label}.champion_score": champions[side].score for side in Side},
                    "env_steps": float(self._config.rules.horizon * experience.num_matches),
                },
                discards={"physics": experience.num_failed},
                state=self._learner.state,
            )

    def env_steps(self, generation: int) -> int:
        """Env steps of a generation's rollouts; the first one has one more, from which nothing is learnt."""
        num_rollouts = self._settings.rollouts_per_generation + (generation == 0)
        return num_rollouts * self._settings.num_worlds * self._config.rules.horizon

    def measure_speed(self) -> float:
        """Env steps per second, measured on a rollout and an update of a learner that is thrown away."""
        seconds = Learner(self._config, self._shutdown).rehearse()
        return self._settings.num_worlds * self._config.rules.horizon / seconds
