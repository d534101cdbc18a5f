"""Sizes and costs of conditions: parameters, time, discards, seeds, versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evo_hns.comparison.conditions import Condition
from evo_hns.reports.costs import core_hours, wall_seconds
from evo_hns.reports.info import env_steps
from evo_hns.reports.subject import Subject
from evo_hns.spec import Side

BYTES = 4  #: of a parameter in a run file


@dataclass(frozen=True)
class Expense:
    """Sizes and costs of a condition; values of runs in the order of its seeds."""

    condition: str
    seeds: tuple[int, ...]
    parameters: Mapping[Side, int]
    env_steps: tuple[int, ...]
    episodes: tuple[float, ...]  #: of training
    core_hours: tuple[float | None, ...]
    counts_threads: bool  #: core-hours of some run are threads times wall time, since no processor time was recorded
    wall_hours: tuple[float, ...]  #: like core-hours without measurements, by which nobody learns
    discards: tuple[int, ...]  #: episodes whose physics failed
    versions: tuple[str, ...]  #: of evo_hns with its commit, each once
    microseconds: Mapping[Side, float] = field(default_factory=dict)  #: of a decision; empty: not measured

    @property
    def genome_bytes(self) -> Mapping[Side, int]:
        """Of a genome."""
        return {side: BYTES * count for side, count in self.parameters.items()}

    @property
    def env_steps_per_core_second(self) -> float | None:
        """Of all its runs together; None if not recorded."""
        if any(hours is None or hours <= 0 for hours in self.core_hours):
            return None
        return sum(self.env_steps) / (3600 * sum(hours or 0.0 for hours in self.core_hours))

    @property
    def discards_per_million(self) -> float:
        """Discarded episodes per million env steps."""
        return 1e6 * sum(self.discards) / max(sum(self.env_steps), 1)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        by_side = {"parameters": self.parameters, "genome_bytes": self.genome_bytes, "microseconds": self.microseconds}
        return {
            "seeds": list(self.seeds),
            **{name: {side.label: value for side, value in values.items()} for name, values in by_side.items()},
            "env_steps": list(self.env_steps),
            "episodes": list(self.episodes),
            "core_hours": list(self.core_hours),
            "core_hours_are_threads_times_wall_time": self.counts_threads,
            "wall_hours": list(self.wall_hours),
            "env_steps_per_core_second": self.env_steps_per_core_second,
            "discards": list(self.discards),
            "discards_per_million_env_steps": self.discards_per_million,
            "versions": list(self.versions),
        }


@dataclass(frozen=True)
class Extra:
    """A player who takes part beside the conditions."""

    name: str
    parameters: Mapping[Side, int]  #: of the sides it plays; a scripted player has none
    microseconds: Mapping[Side, float]  #: of a decision

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "parameters": {side.label: count for side, count in self.parameters.items()},
            "microseconds": {side.label: value for side, value in self.microseconds.items()},
        }


def expense_of(condition: Condition, microseconds: Mapping[Side, float]) -> Expense:
    """Sizes and costs of a condition."""
    runs = [subject.run for subject in condition.runs]
    steps = tuple(env_steps(run) for run in runs)
    return Expense(
        condition=condition.name,
        seeds=condition.seeds,
        parameters={side: condition.num_params(side) for side in Side},
        env_steps=steps,
        episodes=tuple(count / condition.config.rules.horizon for count in steps),
        core_hours=tuple(core_hours(run) for run in runs),
        counts_threads=any("cpu_seconds" not in run.metrics and "ranks" not in run.metrics for run in runs),
        wall_hours=tuple(float(wall_seconds(run).sum()) / 3600 for run in runs),
        discards=tuple(sum(int(counts.sum()) for counts in run.discards.values()) for run in runs),
        versions=tuple(dict.fromkeys(version_of(subject) for subject in condition.runs)),
        microseconds=microseconds,
    )


def version_of(subject: Subject) -> str:
    """`1.2.0 at a1b609af13ba`, as far as it is known."""
    meta = subject.run.meta
    known = meta.project_version if meta.project_version[:1].isdigit() else ""
    commit = f"at {meta.git_commit[:12]}{'-dirty' * meta.git_commit.endswith('-dirty')}" if meta.git_commit else ""
    return " ".join(filter(None, [known, commit])) or "unknown"
