"""What a run will take, estimated before it starts."""

from __future__ import annotations

from dataclasses import dataclass

from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.training.base import Trainer
from evo_hns.training.context import RunContext
from evo_hns.training.measurement import measured_matches


@dataclass(frozen=True)
class Cost:
    """What a run will take on this machine, or these."""

    env_steps_per_generation: int
    held_out_env_steps: int  #: of all that only measures: held-out players, progress, recorded matches
    generations: int
    env_steps_per_second: float  #: measured just now
    players: str  #: who plays the matches, and where
    warnings: tuple[str, ...] = ()  #: what makes them slower than they could be

    @property
    def env_steps(self) -> int:
        """Of the training alone."""
        return self.generations * self.env_steps_per_generation

    @property
    def seconds(self) -> float:
        """Expected duration, held-out measurements included."""
        return (self.env_steps + self.held_out_env_steps) / self.env_steps_per_second


def estimate_cost(config: RunConfig, trainer: Trainer, evaluator: Evaluator, context: RunContext, first: int) -> Cost:
    """What is left of a run will take, from a short measurement.

    Args:
        config: the run's settings.
        trainer: at the generation `first`; it stays there.
        evaluator: where champions are measured.
        context: who plays.
        first: the next generation.
    """
    left, spec = range(first, config.coevolution.generations), evaluator.session.spec
    matches = sum(measured_matches(config, spec, generation) for generation in left)
    return Cost(
        env_steps_per_generation=sum(map(trainer.env_steps, left)) // len(left),
        held_out_env_steps=config.rules.horizon * matches,
        generations=len(left),
        env_steps_per_second=trainer.measure_speed(),
        players=context.describe(config),
        warnings=tuple(context.warnings(config, evaluator)),
    )
