"""Single skills as a fitness, for diagnosis: what hinders learning shows sooner where one thing alone is asked for.

A skill is one of the game's statistics, a stage of emergence (1 in episodes that show it, else 0), or what leads to one
(`behaviour.skills`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from evo_hns.behaviour.skills import SKILLS
from evo_hns.behaviour.stages.detectors import DETECTORS
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.evaluation.fitness import Skill, team_return
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.spec import ObservationSpec, Side
from evo_hns.system.spelling import did_you_mean
from evo_hns.training.novelty import BOX_NOVELTY


def build_skills(config: RunConfig, evaluator: Evaluator) -> dict[Side, Skill]:
    """The skills of the sides that are selected for one.

    Args:
        config: the run's settings.
        evaluator: of its game, which decides the statistics that there are.

    Raises:
        ConfigError: no such statistic, stage or skill.
    """
    others = ("return", BOX_NOVELTY)  # which are known elsewhere
    wanted = {side: name for side in config.trained_sides if (name := config.side(side).fitness) not in others}
    return _build(wanted, evaluator, "fitness", f"return, {BOX_NOVELTY} or ")


def build_second_objectives(config: RunConfig, evaluator: Evaluator) -> dict[Side, Skill]:
    """The skills that sides are selected for beside their return, as a second objective.

    Args:
        config: the run's settings.
        evaluator: of its game, which decides the statistics that there are.

    Raises:
        ConfigError: no such statistic, stage or skill.
    """
    wanted = {side: name for side in config.trained_sides if (name := config.side(side).second_objective) is not None}
    return _build(wanted, evaluator, "second_objective")


def _build(wanted: Mapping[Side, str], evaluator: Evaluator, setting: str, instead: str = "") -> dict[Side, Skill]:
    """Skills by what a setting of each side names; see `build_skill`."""
    statistics, spec = statistics_of(evaluator) if wanted else (), evaluator.session.spec
    return {
        side: build_skill(name, spec, statistics, f"{side.label}.{setting}", instead) for side, name in wanted.items()
    }


def also_keeping(second: Skill, scored: Skill | None, spec: ObservationSpec, side: Side) -> Skill:
    """What is scored anyway (None: the return), with what a second objective needs of episodes."""
    measure = (lambda episodes: team_return(episodes, spec, side)) if scored is None else scored.measure
    return Skill(measure, second.keep if scored is None else (*scored.keep, *second.keep))


def build_skill(
    wanted: str, spec: ObservationSpec, statistics: tuple[str, ...], setting: str, instead: str = ""
) -> Skill:
    """A skill by its name, with a minus before it if less is better.

    Args:
        wanted: that.
        spec: sizes of the game.
        statistics: of the game, by name.
        setting: where it was asked for, for the complaint.
        instead: what else could stand there, for the complaint.

    Raises:
        ConfigError: no such statistic, stage or skill, or one of things that the game lacks.
    """
    name, sign = wanted.removeprefix("-"), -1.0 if wanted.startswith("-") else 1.0
    if name in statistics:
        return Skill(lambda episodes: sign * episodes.metrics[name])
    if name in SKILLS:
        counts, needs = {"boxes": spec.num_boxes, "ramps": spec.num_ramps}, SKILLS[name].needs
        if not any(counts[kind] for kind in needs):
            what = " or ".join(needs)
            raise ConfigError(f"{setting}: got {wanted!r}, which needs {what}, and this game has none: leave it out")
        return Skill(lambda episodes: sign * _measured(episodes, SKILLS[name].measure), keep=("trajectory",))
    if name in DETECTORS:
        return Skill(lambda episodes: sign * _measured(episodes, _showing(name)), keep=("trajectory",))
    known = (*statistics, *DETECTORS, *SKILLS)
    raise ConfigError(
        f"{setting}: got {wanted!r}{did_you_mean(name, known)}, expected {instead}one of {', '.join(known)}"
    )


def statistics_of(evaluator: Evaluator) -> tuple[str, ...]:
    """Names of the game's statistics, which it tells of matches only: one is played."""
    session = evaluator.session
    row = torch.zeros(1, dtype=torch.int64).numpy()
    rosters = {side: session.roster(side, torch.zeros(1, session.genome_lengths[side])) for side in Side}
    return tuple(evaluator.evaluate(MatchTable(row, row, row), rosters).metrics)


def _showing(stage: str) -> Callable[[Trajectory], np.ndarray]:
    detector = DETECTORS[stage]
    return lambda trajectory: detector.shows(trajectory) & detector.needs(trajectory)


def _measured(episodes: Episodes, measure: Callable[[Trajectory], np.ndarray]) -> Tensor:
    return torch.from_numpy(measure(episodes.kept_trajectory)).to(torch.float64)
