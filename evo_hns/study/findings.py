"""What a study came to: curves over env steps, areas under them, ends, and differences of arms over the same seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import combinations
from pathlib import Path

import numpy as np

from evo_hns.behaviour.stages.shares import Share
from evo_hns.comparison.compare import Comparison
from evo_hns.comparison.conditions import Condition
from evo_hns.comparison.expense import expense_of
from evo_hns.comparison.thresholds import find_threshold
from evo_hns.comparison.tracks import Outcome, spendings
from evo_hns.evaluation.intervals import Estimate, estimate, estimate_few
from evo_hns.reports.info import of_diagnosis
from evo_hns.reports.seed_means import Track, area, condition_curve
from evo_hns.reports.subject import Subject, differing_settings, read_subjects
from evo_hns.spec import Side
from evo_hns.study.measurement import Measured
from evo_hns.study.plan import Study, display_name
from evo_hns.study.run import Results, jobs_of

Tracks = Mapping[str, tuple[Track, ...]]
"""Of the seeds of each arm, in their order."""


@dataclass(frozen=True)
class Difference:
    """An arm less another, over the same seeds."""

    arm: str
    other: str
    end: Estimate
    area: Estimate


@dataclass(frozen=True, eq=False)
class Findings:
    """A study that was run."""

    study: Study
    conditions: tuple[Condition, ...]  #: the arms
    panel: Mapping[Side, tuple[str, ...]]  #: held out from all arms that train a side: who counts in its mean
    returns: Mapping[Outcome, Tracks]  #: of each side against the panel, and against every player
    stages: Mapping[tuple[Side, str], Tracks]  #: shares of the episodes against the panel, by side and stage
    measured: Results

    @cached_property
    def comparison(self) -> Comparison:
        """The same for the pages of comparisons."""
        means = {outcome.name: tracks for outcome, tracks in self.returns.items() if outcome.opponent is None}
        return Comparison(
            conditions=self.conditions,
            opponents=self.panel,
            tracks=self.returns,
            thresholds=tuple(found for name, tracks in means.items() if (found := find_threshold(name, tracks))),
            standings=(),
            emergence=None,
            crossplay=None,
            expenses=tuple(expense_of(condition, {}) for condition in self.conditions),
            extras=(),
            settings=differing_settings([condition.config for condition in self.conditions]),
            notes=tuple(self.notes),
        )

    @property
    def notes(self) -> list[str]:
        """Who leaves the panel, and which champions serve diagnosis alone, in sentences."""
        found = []
        for side in Side:
            everybody = [display_name(address, side) for address in self.study.measured_against(side)]
            if left := [name for name in everybody if name not in self.panel[side]]:
                found.append(
                    f"Not in the panel of the {side.label}, since some arm trains against them: {', '.join(left)}."
                )
        apart = {condition.name: " ".join(of_diagnosis(condition.config)) for condition in self.conditions}
        return found + [f"{arm}: {sentences}" for arm, sentences in apart.items() if sentences]

    def trained_against(self, arm: str, outcome: Outcome) -> bool:
        """Whether an arm's champions were trained against the player they meet."""
        return any(
            each.opponent == outcome.opponent and each.side is outcome.side and not each.is_held_out
            for rows in self.measured[arm].values()
            for each in rows
        )

    def starts(self, outcome: Outcome) -> dict[str, Estimate]:
        """The first checkpoint of each arm: mean over seeds."""
        return self._of_arms(outcome, lambda track: float(track.values[0]))

    def ends(self, outcome: Outcome) -> dict[str, Estimate]:
        """The last checkpoint of each arm."""
        return self._of_arms(outcome, lambda track: float(track.values[-1]))

    def areas(self, outcome: Outcome) -> dict[str, Estimate]:
        """The area under the curve of each arm, divided by the env steps: the mean return on the way."""
        return self._of_arms(outcome, area)

    def differences(self, outcome: Outcome) -> list[Difference]:
        """Of all pairs of arms: the later one less the earlier one, seed by seed."""
        return [
            Difference(
                arm,
                other,
                estimate_few(np.array([b.values[-1] - a.values[-1] for a, b in zip(before, after, strict=True)])),
                estimate_few(np.array([area(b) - area(a) for a, b in zip(before, after, strict=True)])),
            )
            for (other, before), (arm, after) in combinations(self.returns[outcome].items(), 2)
        ]

    def wall_seconds(self, condition: Condition) -> dict[str, float]:
        """Where the wall time of a run of an arm went: mean over seeds, by the names of the metrics."""
        runs = [each.run for each in condition.runs]
        names = dict.fromkeys(name for run in runs for name in run.metrics if name.startswith("time_"))
        return {
            name: float(np.mean([np.nansum(run.metrics[name]) if name in run.metrics else 0.0 for run in runs]))
            for name in names
        }

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "study": self.study.name,
            "env_steps": self.study.env_steps,
            "seeds": list(self.study.seeds),
            "panel": self.study.panel.model_dump() | {side.label: list(names) for side, names in self.panel.items()},
            "notes": self.notes,
            "arms": {
                condition.name: {
                    "runs": [run.path for run in condition.runs],
                    "changed_settings": condition.config.changes,
                    "wall_seconds": self.wall_seconds(condition),
                    "cost": self.comparison.expenses[condition.number].as_dict(),
                }
                for condition in self.conditions
            },
            "returns": {outcome.name: self._returns(outcome) for outcome in self.returns},
            "stages": {
                f"{side.label}: {stage}": {arm: _curve(each) for arm, each in tracks.items()}
                for (side, stage), tracks in self.stages.items()
            },
            "measurements": {
                arm: {seed: [_measurement(each) for each in rows] for seed, rows in seeds.items()}
                for arm, seeds in self.measured.items()
            },
        }

    def _of_arms(self, outcome: Outcome, of: Callable[[Track], float]) -> dict[str, Estimate]:
        return {
            arm: estimate_few(np.array([of(track) for track in each])) for arm, each in self.returns[outcome].items()
        }

    def _returns(self, outcome: Outcome) -> dict[str, object]:
        ends, areas = self.ends(outcome), self.areas(outcome)
        return {
            "arms": {
                arm: {"end": _estimate(ends[arm]), "area": _estimate(areas[arm]), "curve": _curve(tracks)}
                for arm, tracks in self.returns[outcome].items()
            },
            "differences": [
                {"arm": each.arm, "less": each.other, "end": _estimate(each.end), "area": _estimate(each.area)}
                for each in self.differences(outcome)
            ],
        }


def find(study: Study, folder: Path, measured: Results) -> Findings:
    """Put together what a study came to.

    Args:
        study: its plan.
        folder: of its run files.
        measured: all that was measured.

    Raises:
        RunFileError: a run file cannot be read.
    """
    jobs = jobs_of(study, folder)
    subjects = dict(zip([(job.arm.name, job.seed) for job in jobs], read_subjects([j.run for j in jobs]), strict=True))
    conditions = tuple(
        Condition(arm.name, arm.number, tuple(subjects[arm.name, seed] for seed in study.seeds)) for arm in study.arms
    )
    panel = {side: _panel(study, side) for side in Side}
    returns: dict[Outcome, Tracks] = {}
    stages: dict[tuple[Side, str], Tracks] = {}
    for side in Side:
        runs = {
            arm.name: [(subjects[arm.name, s], _of(measured[arm.name][s], side)) for s in study.seeds]
            for arm in study.arms
            if side in arm.config.trained_sides
        }
        rows = [each for seeds in runs.values() for _, found in seeds for each in found]
        if rows and panel[side]:
            returns[Outcome(side)] = _tracks(runs, panel[side], _scores)
            for stage in dict.fromkeys(name for each in rows for name in each.stages):
                stages[side, stage] = _tracks(runs, panel[side], partial(_share, stage))
        for name in dict.fromkeys(each.opponent for each in rows if not study.is_solo):
            returns[Outcome(side, name)] = _tracks(runs, (name,), _scores)
    return Findings(study, conditions, panel, returns, stages, measured)


def _panel(study: Study, side: Side) -> tuple[str, ...]:
    arms = [study.met(arm, side) for arm in study.arms if side in arm.config.trained_sides]
    addresses = study.measured_against(side)
    return tuple(display_name(each, side) for each in addresses if all(met[each] for met in arms))


def _of(rows: Sequence[Measured], side: Side) -> list[Measured]:
    return [each for each in rows if each.side is side]


def _scores(found: Sequence[Measured]) -> Estimate:
    """World by world the mean over opponents, who all were met in the same worlds."""
    return estimate(np.mean([each.scores for each in found], axis=0))


def _share(stage: str, found: Sequence[Measured]) -> Estimate:
    share = sum((each.stages.get(stage, Share(0, 0)) for each in found), Share(0, 0))
    return Estimate(share.value, (share.high - share.low) / 2, share.counted)


def _tracks(
    runs: Mapping[str, Sequence[tuple[Subject, Sequence[Measured]]]],
    names: Sequence[str],
    value: Callable[[Sequence[Measured]], Estimate],
) -> Tracks:
    """Of all arms whose champions met these players: what it came to at every checkpoint."""
    found = {}
    for arm, seeds in runs.items():
        if {each.opponent for each in seeds[0][1]} >= set(names):
            found[arm] = tuple(
                _track(subject, [e for e in rows if e.opponent in names], value) for subject, rows in seeds
            )
    return found


def _track(subject: Subject, rows: Sequence[Measured], value: Callable[[Sequence[Measured]], Estimate]) -> Track:
    generations = np.array(sorted({each.generation for each in rows}), dtype=np.int64)
    values = [value([each for each in rows if each.generation == generation]) for generation in generations]
    return Track(
        generations=generations,
        values=np.array([each.mean for each in values]),
        half_widths=np.array([each.half_width for each in values]),
        budgets={name: amounts[generations] for name, amounts in spendings(subject).items()},
    )


def _curve(tracks: Sequence[Track]) -> dict[str, object] | None:
    curve = condition_curve(tracks, "env_steps")
    return None if curve is None else curve.as_dict()


def _estimate(value: Estimate) -> dict[str, float]:
    return {"mean": value.mean, "ci95": value.half_width, "seeds": value.num_samples}


def _measurement(each: Measured) -> dict[str, object]:
    mean = estimate(each.scores)
    return {
        "side": each.side.label,
        "opponent": each.opponent,
        "held_out": each.is_held_out,
        "generation": each.generation,
        "env_steps": each.env_steps,
        "mean": mean.mean,
        "ci95": mean.half_width,
        "worlds": mean.num_samples,
        "stages": {name: share.as_dict() for name, share in each.stages.items()},
        "statistics": dict(each.statistics),
    }
