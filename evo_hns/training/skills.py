"""Single skills as a fitness, for diagnosis: what hinders learning shows sooner where one thing alone is asked for.

A skill is one of the game's statistics, or a stage of emergence: 1 in episodes that show it, else 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from evo_hns.behaviour.stages.detectors import DETECTORS
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.evaluation.fitness import Skill
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes
from evo_hns.spec import Side


def build_skills(config: RunConfig, evaluator: Evaluator) -> dict[Side, Skill]:
    """The skills of the sides that are selected for one.

    Args:
        config: the run's settings.
        evaluator: of its game, which decides the statistics that there are.

    Raises:
        ConfigError: no such statistic or stage.
    """
    wanted = {side: name for side in config.trained_sides if (name := config.side(side).fitness) != "return"}
    statistics = _statistics(evaluator) if wanted else ()
    return {side: _build_skill(side, name, statistics) for side, name in wanted.items()}


def _build_skill(side: Side, wanted: str, statistics: tuple[str, ...]) -> Skill:
    name, sign = wanted.removeprefix("-"), -1.0 if wanted.startswith("-") else 1.0
    if name in statistics:
        return Skill(lambda episodes: sign * episodes.metrics[name])
    if name in DETECTORS:
        return Skill(lambda episodes: sign * _shows(episodes, name), keep=("trajectory",))
    known = (*statistics, *DETECTORS)
    raise ConfigError(f"{side.label}.fitness: got {wanted!r}, expected return or one of {', '.join(known)}")


def _shows(episodes: Episodes, stage: str) -> Tensor:
    trajectory, detector = episodes.trajectory, DETECTORS[stage]
    if trajectory is None:
        raise RuntimeError("matches were played without their trajectories, which were to be kept")
    return torch.from_numpy(detector.shows(trajectory) & detector.needs(trajectory)).to(torch.float64)


def _statistics(evaluator: Evaluator) -> tuple[str, ...]:
    """Names of the game's statistics, which it tells of matches only: one is played."""
    session = evaluator.session
    row = torch.zeros(1, dtype=torch.int64).numpy()
    rosters = {side: session.roster(side, torch.zeros(1, session.genome_lengths[side])) for side in Side}
    return tuple(evaluator.evaluate(MatchTable(row, row, row), rosters).metrics)
