"""Runs of the analytic games through the loop that the real game goes through, with and without halls of fame.

All settings are those that any run has by default, except who is met: only the other side's latest champion; a share
of it, as by default, and the rest from the hall; or only the hall.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import get_args

import numpy as np

from evo_hns.config import CoevolutionConfig, ConfigError, RunConfig
from evo_hns.diagnostics.ground_truth.analytic_games import GAMES, AnalyticEvaluator
from evo_hns.diagnostics.ground_truth.measures import MEASURES, Champions, measure
from evo_hns.evaluation.intervals import Estimate, estimate_few
from evo_hns.spec import Side
from evo_hns.system.spelling import did_you_mean
from evo_hns.training.evolution import Evolution

LATEST = "latest only"
"""The condition without memory, which the others are compared with."""

MIXED = "default mix"
"""The condition of the default settings."""


@dataclass(frozen=True)
class Trial:
    """One run to be made."""

    game: str  #: an entry of `GAMES`
    algorithm: str  #: of both sides' searches
    condition: str  #: `LATEST`, `MIXED`, or `hall: ` and the name of an opponent sampler
    seed: int
    generations: int  #: T

    @property
    def config(self) -> RunConfig:
        """Settings of the run; there is nothing to be measured or recorded elsewhere."""
        meets = {
            LATEST: {"champion_share": 1.0},
            MIXED: {"champion_share": CoevolutionConfig().champion_share},
        }.get(self.condition, {"champion_share": 0.0, "opponent_sampler": self.condition.removeprefix(_HALL)})
        nothing = {"held_out_episodes": 0, "progress_episodes": 0, "recorded_matches": 0}
        tables = {
            "seed": self.seed,
            "search": {"algorithm": self.algorithm},
            "coevolution": {"generations": self.generations, **nothing, **meets},
        }
        return RunConfig.model_validate(tables)


_HALL = "hall: "

SAMPLERS: tuple[str, ...] = get_args(CoevolutionConfig.model_fields["opponent_sampler"].annotation)
"""Names of the ways to draw opponents from a hall."""


@dataclass(frozen=True)
class Course:
    """What came of a trial."""

    trial: Trial
    champions: Champions
    measures: dict[str, float]  #: see `MEASURES`


@dataclass(frozen=True)
class Comparison:
    """A measure over seeds: each condition, and how far it is from the one without memory, seed by seed."""

    game: str
    algorithm: str
    measure: str
    conditions: dict[str, Estimate]
    differences: dict[str, Estimate]  #: of all conditions but `LATEST`


def list_trials(
    games: Sequence[str], algorithms: Sequence[str], samplers: Sequence[str], seeds: Sequence[int], generations: int
) -> list[Trial]:
    """All trials, the seeds of a condition one after the other.

    Args:
        games: entries of `GAMES`.
        algorithms: of both sides' searches.
        samplers: how opponents are drawn from the hall, a condition each.
        seeds: of the runs; each condition has the same.
        generations: of a run.

    Raises:
        ConfigError: a name that there is not, fewer than two seeds or generations.
    """
    for kind, names, known in (("game", games, GAMES), ("opponent sampler", samplers, SAMPLERS)):
        for name in names:
            if name not in known:
                raise ConfigError(
                    f"got the {kind} {name!r}{did_you_mean(name, known)}, expected one of {', '.join(known)}"
                )
    if len(seeds) < 2 or generations < 2:
        raise ConfigError(f"got {len(seeds)} seeds and {generations} generations, expected at least 2 of each")
    conditions = [LATEST, MIXED, *(f"{_HALL}{sampler}" for sampler in samplers)]
    return [
        Trial(game, algorithm, condition, seed, generations)
        for game in games
        for algorithm in algorithms
        for condition in conditions
        for seed in seeds
    ]


def play(trials: Sequence[Trial]) -> Iterator[Course]:
    """Make the runs, one by one."""
    for trial in trials:
        game = GAMES[trial.game]()
        evaluator = AnalyticEvaluator(game)
        generations = list(islice(Evolution(trial.config, evaluator).generations(), trial.generations))
        genomes = {
            side: np.array([generation.champions[side].genome for generation in generations], dtype=np.float64)
            for side in Side
        }
        champions = {side: game.points(genomes[side]) for side in Side}
        yield Course(trial, champions, measure(game, champions))


def compare(courses: Sequence[Course]) -> list[Comparison]:
    """Every measure of every game and search over seeds, with t-intervals."""
    groups: dict[tuple[str, str], list[Course]] = {}
    for course in courses:
        groups.setdefault((course.trial.game, course.trial.algorithm), []).append(course)
    return [
        _compare(game, algorithm, name, members)
        for (game, algorithm), members in groups.items()
        for name in MEASURES
        if name in members[0].measures
    ]


def _compare(game: str, algorithm: str, name: str, courses: Sequence[Course]) -> Comparison:
    values: dict[str, list[float]] = {}
    for course in courses:  # the seeds come in the same order in every condition
        values.setdefault(course.trial.condition, []).append(course.measures[name])
    arrays = {condition: np.array(of_seeds) for condition, of_seeds in values.items()}
    return Comparison(
        game,
        algorithm,
        name,
        conditions={condition: estimate_few(array) for condition, array in arrays.items()},
        differences={
            condition: estimate_few(array - arrays[LATEST])
            for condition, array in arrays.items()
            if condition != LATEST
        },
    )
