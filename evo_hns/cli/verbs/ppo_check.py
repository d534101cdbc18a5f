"""The verb that lets PPO learn a known task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from evo_hns.cli.console import show
from evo_hns.cli.options import Json
from evo_hns.cli.text.tables import table
from evo_hns.config import ConfigError, PPOConfig
from evo_hns.figure import check_picture

if TYPE_CHECKING:
    from evo_hns.training.ppo.cart_pole import Balance


@dataclass(frozen=True)
class PPOCheck:
    """Let the baseline learn a known task: CartPole, observed without velocities."""

    seeds: int = 3
    """Learners, each with random numbers of its own."""
    rollouts: int = 60
    """Rollouts of each, with their updates."""
    num_worlds: int = 16
    """Carts of a rollout; all other settings are PPO's defaults."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Also draw a picture; its ending decides the format."""
    as_json: Json = False
    """Print JSON, with every rollout."""

    def __call__(self) -> None:
        """Learn, and print how long poles stood at first, in between and at last."""
        if self.seeds < 1 or self.rollouts < 2:
            raise ConfigError(f"got {self.seeds} seeds and {self.rollouts} rollouts, expected at least 1 and 2")
        if self.num_worlds < PPOConfig().minibatches:
            raise ConfigError(f"--num-worlds: got {self.num_worlds}, expected at least {PPOConfig().minibatches}")
        from evo_hns.training.base import TRAINERS

        TRAINERS["ppo"].check_installed()
        if self.output is not None:
            check_picture(self.output)
        settings = PPOConfig(num_worlds=self.num_worlds)
        from evo_hns.training.ppo.cart_pole import HORIZON, learn_to_balance

        learnt = [learn_to_balance(settings, self.rollouts, seed) for seed in range(self.seeds)]
        if self.output is not None:
            from evo_hns.diagnostics.learning_check import plot_check

            curves = {f"seed {each.seed}": each.returns for each in learnt}
            plot_check(learnt[0].steps, curves, {"a pole that never falls": HORIZON}, self.output)
        show([asdict(each) for each in learnt] if self.as_json else balance_table(learnt))


def balance_table(learnt: Sequence[Balance]) -> str:
    """Mean returns of some rollouts, a row for each learner."""
    last = len(learnt[0].steps) - 1
    rows = sorted({0, last // 4, last // 2, 3 * last // 4, last})
    head = ["steps that the pole stood, of 100", *(f"{learnt[0].steps[row]:,} env steps" for row in rows)]
    return table(head, ([f"seed {each.seed}", *(f"{each.returns[row]:.1f}" for row in rows)] for each in learnt))
