"""A ladder of skills to the return: what candidates are selected for beside it, less and less as it grows.

Return alone may stop at a first optimum that lies beside the way to a better one. Each rung adds its weight times a
skill to the return of a match; the weight falls to nothing as the side's return grows. Only the search sees it:
champions are chosen and measured by return alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from evo_hns.archive.records import State
from evo_hns.config import ConfigError, RunConfig, RungConfig
from evo_hns.evaluation.candidates import EvaluationBatch
from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.evaluation.fitness import Skill, team_return
from evo_hns.evaluation.rollout import Episodes
from evo_hns.spec import ObservationSpec, Side
from evo_hns.training.skills import build_skill, statistics_of

SMOOTHING = 0.1
"""Share of a generation in the running mean of returns: a mean over two dozen matches alone would wear weights off by
luck, since what was reached is never taken back."""


class Ladder:
    """The rungs of a side, and how far its return has grown.

    Args:
        side: whose.
        rungs: its settings.
        skills: of each rung.
        spec: sizes of the game.
    """

    def __init__(self, side: Side, rungs: Sequence[RungConfig], skills: Sequence[Skill], spec: ObservationSpec) -> None:
        self._side, self._rungs, self._skills, self._spec = side, tuple(rungs), tuple(skills), spec
        self._mean = np.array([rung.start for rung in rungs])  # running, of returns; begun where each rung begins
        self._reached = self._mean.copy()  # the highest so far

    @property
    def weights(self) -> np.ndarray:
        """`(R,)` of the rungs, now."""
        full, start, target = np.array([(each.weight, each.start, each.target) for each in self._rungs]).T
        return np.asarray(full * np.clip((target - self._reached) / (target - start), 0.0, 1.0))

    def follow(self, mean_return: float) -> None:
        """Take in what the side's search reached in a generation, by return alone."""
        self._mean = self._mean + SMOOTHING * (mean_return - self._mean)
        self._reached = np.maximum(self._reached, self._mean)

    @property
    def skill(self) -> Skill | None:
        """What is scored in a generation: the return and what rungs add to it; None: nothing is left of them."""
        left = [(weight, skill) for weight, skill in zip(self.weights, self._skills, strict=True) if weight > 0.0]
        if not left:
            return None

        def measure(episodes: Episodes) -> Tensor:
            score = team_return(episodes, self._spec, self._side)
            for weight, skill in left:
                score = score + float(weight) * skill.measure(episodes)
            return score

        return Skill(measure, tuple(dict.fromkeys(keep for _, skill in left for keep in skill.keep)))

    def metrics(self, returns: Tensor, scores: Tensor) -> dict[str, float]:
        """What a generation reports: the weights that counted, and what they were worth to candidates on average.

        Args:
            returns: `(P, E)` of the candidates.
            scores: `(P, E)` what they were selected for.
        """
        weights = {f"rung_weight_{k}": float(weight) for k, weight in enumerate(self.weights)}
        mean, score = (float(torch.nanmean(values)) for values in (returns, scores))
        return {"return_mean": mean, "rung_reward_mean": score - mean, **weights}

    def state_dict(self) -> dict[str, np.ndarray]:
        """All that changes."""
        return {"mean": self._mean.copy(), "reached": self._reached.copy()}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore what `state_dict` gave."""
        self._mean, self._reached = np.array(state["mean"]), np.array(state["reached"])


def build_ladders(config: RunConfig, evaluator: Evaluator) -> dict[Side, Ladder]:
    """The ladders of the sides that have rungs, at their beginning.

    Args:
        config: the run's settings.
        evaluator: of its game, which decides the statistics that there are.

    Raises:
        ConfigError: no such statistic, stage or skill, or a side that has nobody who plays.
    """
    spec = evaluator.session.spec
    sides = [side for side in config.trained_sides if config.side(side).rungs]
    statistics = statistics_of(evaluator) if sides else ()
    ladders = {}
    for side in sides:
        if side not in spec.teams:
            raise ConfigError(f"{side.label}.rungs: this game has no {side.label}: leave them out")
        rungs = config.side(side).rungs
        names = (f"{side.label}.rungs.{k}.skill" for k in range(len(rungs)))
        skills = [build_skill(rung.skill, spec, statistics, name) for rung, name in zip(rungs, names, strict=True)]
        ladders[side] = Ladder(side, rungs, skills, spec)
    return ladders


def climb(ladders: Mapping[Side, Ladder], batch: EvaluationBatch, final: EvaluationBatch) -> dict[str, float]:
    """Let ladders follow the returns of a generation.

    Args:
        ladders: of the sides that have some.
        batch: in which candidates were selected.
        final: in which their champions were chosen, by return alone; its last finalist is the search's own answer,
            whose mean return no choice has flattered.

    Returns:
        Metrics of the generation.
    """
    metrics: dict[str, float] = {}
    for side, ladder in ladders.items():
        found = ladder.metrics(batch.returns[side], batch.scores[side])
        metrics |= {f"{side.label}.{name}": value for name, value in found.items()}
        ladder.follow(float(final.fitness[side][-1]))
    return metrics


def ladders_state(ladders: Mapping[Side, Ladder]) -> State:
    """All that changes of ladders, as nested arrays; nothing where there are none."""
    return {"rungs": {side.label: ladder.state_dict() for side, ladder in ladders.items()}} if ladders else {}


def restore_ladders(ladders: Mapping[Side, Ladder], state: State) -> None:
    """Put ladders where they stood after the last generation of a run."""
    for side, ladder in ladders.items():
        rungs = cast(Mapping[str, State], state["rungs"])
        ladder.load_state_dict(cast(Mapping[str, np.ndarray], rungs[side.label]))
