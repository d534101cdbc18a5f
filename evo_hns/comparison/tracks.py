"""How the held-out score of a run went, against what it had cost by then.

Three scores: of the hiders and of the seekers (mean return over the held-out players that every run met, world by
world), and of both (their mean: how well a run plays either side).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray
from evo_hns.config import ConfigError
from evo_hns.evaluation.intervals import estimate
from evo_hns.reports.costs import core_seconds, wall_seconds
from evo_hns.reports.seed_means import Track
from evo_hns.reports.subject import Subject
from evo_hns.spec import Side

Opponents = Mapping[Side, tuple[str, ...]]
"""Held-out players that every run met, by the side that was measured."""

BUDGETS = {"env_steps": "env steps of training", "core_hours": "core-hours", "wall_hours": "wall time"}
"""What learning may cost, and what it is called."""


@dataclass(frozen=True)
class Outcome:
    """What is measured of a run."""

    side: Side | None  #: None: the mean of both sides
    opponent: str | None = None  #: None: the mean over all held-out players

    @property
    def name(self) -> str:
        """`hiders`, `seekers against still`, `both sides`."""
        label = "both sides" if self.side is None else self.side.label
        return label if self.opponent is None else f"{label} against {self.opponent}"


def common_opponents(subjects: Sequence[Subject]) -> Opponents:
    """The held-out players that every run met, in the order of the first run's measurements.

    Raises:
        ConfigError: a run without a measurement, or no player that all met.
    """
    met: list[dict[Side, dict[str, None]]] = []
    for subject in subjects:
        found: dict[Side, dict[str, None]] = {side: {} for side in Side}
        for row in subject.run.held_out:
            found[row.side][row.opponent] = None
        if not any(found.values()):
            raise ConfigError(
                f"{subject.path} has no held-out measurement (coevolution.held_out_episodes = "
                f"{subject.config.coevolution.held_out_episodes}), so that it cannot be compared"
            )
        met.append(found)
    common = {side: tuple(name for name in met[0][side] if all(name in each[side] for each in met)) for side in Side}
    for side in Side:
        if not common[side] and any(each[side] for each in met):
            listed = "; ".join(
                f"{s.path}: {', '.join(each[side]) or 'none'}" for s, each in zip(subjects, met, strict=True)
            )
            raise ConfigError(f"no held-out player was met by the {side.label} of all runs ({listed})")
    return common


def left_out(subjects: Sequence[Subject], common: Opponents) -> list[str]:
    """Held-out players that only some runs met, whom no mean counts: `seekers against run-3`."""
    found = {
        f"{row.side.label} against {row.opponent}": None
        for subject in subjects
        for row in subject.run.held_out
        if row.opponent not in common[row.side]
    }
    return list(found)


def outcomes(common: Opponents) -> list[Outcome]:
    """Outcomes that all runs have: first the means, then each held-out player."""
    sides = [side for side in Side if common[side]]
    means = [Outcome(side) for side in sides] + ([Outcome(None)] if len(sides) > 1 else [])
    return means + [Outcome(side, name) for side in sides for name in common[side]]


def track(subject: Subject, outcome: Outcome, common: Opponents) -> Track:
    """How an outcome went in a run; generations in which something of it was not measured are left out."""
    sides = [side for side in Side if common[side]] if outcome.side is None else [outcome.side]
    wanted = {(side, name) for side in sides for name in ([outcome.opponent] if outcome.opponent else common[side])}
    scores: dict[int, dict[tuple[Side, str], FloatArray]] = {}
    for row in subject.run.held_out:
        if (row.side, row.opponent) in wanted:
            scores.setdefault(row.generation, {})[row.side, row.opponent] = row.scores
    found = []
    for generation, rows in sorted(scores.items()):
        if len(rows) == len(wanted):
            worlds = np.mean(
                [np.mean([v for (s, _), v in rows.items() if s is side], axis=0) for side in sides], axis=0
            )
            if np.isfinite(worlds).any():
                found.append((generation, estimate(worlds)))
    if not found:
        raise ConfigError(f"{subject.path} has no generation in which all of '{outcome.name}' was measured")
    generations = np.array([generation for generation, _ in found], dtype=np.int64)
    return Track(
        generations=generations,
        values=np.array([each.mean for _, each in found]),
        half_widths=np.array([each.half_width for _, each in found]),
        budgets={name: spent[generations] for name, spent in spendings(subject).items()},
    )


def spendings(subject: Subject) -> dict[str, FloatArray]:
    """`(G,)` each: what a run had spent by the end of each generation, by the names of `BUDGETS`."""
    run = subject.run
    return {
        "env_steps": subject.steps(),
        "core_hours": np.cumsum(core_seconds(run)) / 3600,
        "wall_hours": np.cumsum(wall_seconds(run)) / 3600,
    }
