"""The conditions of a comparison, each of runs that differ only in their seed.

Runs are grouped by their settings, except those that change no number (threads, worlds side by side) or only the length
of a run. Users may form conditions themselves, `NAME=RUN,RUN`; settings that differ inside one are then reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evo_hns.comparison.naming import name_conditions, trainer
from evo_hns.config import ConfigError, RunConfig
from evo_hns.reports.kit.svg import NUM_COLOURS
from evo_hns.reports.subject import Subject, differing_settings, kind_of, read_subjects
from evo_hns.spec import Side

MAX_RUNS = 256
_MOST_LISTED = 6  #: settings in a complaint


@dataclass(frozen=True, eq=False)
class Condition:
    """Runs with the same settings, except for their seed."""

    name: str
    number: int  #: from 0, in the order in which conditions were named
    runs: tuple[Subject, ...]  #: no two of the same seed

    @property
    def colour(self) -> str:
        """A class of the style sheet."""
        return f"run{self.number % NUM_COLOURS}"

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of its runs."""
        return tuple(run.run.meta.seed for run in self.runs)

    @property
    def config(self) -> RunConfig:
        """The settings of its first run."""
        return self.runs[0].config

    def num_params(self, side: Side) -> int:
        """N of a side's genomes."""
        return self.runs[0].num_params[side]


def read_conditions(texts: Sequence[str], named: Sequence[str] = ()) -> tuple[Condition, ...]:
    """Read runs and group them into conditions.

    Args:
        texts: `RUN`, which is grouped by its settings, or `NAME=RUN,RUN`.
        named: further ones of the latter form.

    Raises:
        ConfigError: nothing to compare, or what cannot be compared.
        RunFileError: a file that is no run, or is damaged.
    """
    wanted = [(name, path) for text in texts for name, path in _parse(text)]
    for text in named:
        if "=" not in text:
            raise ConfigError(f"--condition: got {text!r}, expected NAME=RUN,RUN")
        wanted += _parse(text)
    paths = [path for _, path in wanted]
    _check_files(paths)
    subjects = read_subjects(paths)
    check_games(subjects)
    groups = _group([name for name, _ in wanted], subjects)
    names = name_conditions([(name, runs[0]) for name, runs in groups])
    conditions = tuple(
        Condition(name, number, tuple(runs)) for number, (name, (_, runs)) in enumerate(zip(names, groups, strict=True))
    )
    for condition in conditions:
        _check_seeds(condition)
        _check_sizes(condition)
    return conditions


def check_games(subjects: Sequence[Subject]) -> None:
    """Refuse runs of different games: a return in one is no return in another.

    Raises:
        ConfigError: the settings that differ are named, with both values.
    """
    first = subjects[0]
    for other in subjects[1:]:
        found = first.config.game_differences(other.config)
        if found:
            texts = [f"{name}: {ours} and {theirs}" for name, (ours, theirs) in found.items()]
            more = f", and {len(texts) - _MOST_LISTED} more" if len(texts) > _MOST_LISTED else ""
            raise ConfigError(
                f"{first.path} and {other.path} play different games ({', '.join(texts[:_MOST_LISTED])}{more}), "
                "so that their scores cannot be compared"
            )


def mixed_settings(condition: Condition) -> list[str]:
    """Names of settings, beside seed and length, that differ in a condition: only if a user formed it."""
    return list(differing_settings([run.config for run in condition.runs]))


def _parse(text: str) -> list[tuple[str | None, Path]]:
    """`RUN`, or `NAME=RUN,RUN`; a file that is there is meant, whatever its name."""
    if Path(text).exists():
        return [(None, Path(text))]
    name, equals, rest = text.partition("=")
    if not equals:
        return [(None, Path(text))]
    if not name.strip() or not rest.strip(","):
        raise ConfigError(f"got the condition {text!r}, expected NAME=RUN,RUN")
    paths = [rest] if Path(rest).exists() else [part for part in rest.split(",") if part]
    return [(name.strip(), Path(path)) for path in paths]


def _check_files(paths: Sequence[Path]) -> None:
    if not paths:
        raise ConfigError("compare needs run files: two or more of one game")
    if len(paths) > MAX_RUNS:
        raise ConfigError(f"got {len(paths)} runs, expected at most {MAX_RUNS}")
    [(path, count)] = Counter(path.resolve() for path in paths).most_common(1)
    if count > 1:
        raise ConfigError(f"got {path} {count} times, expected each run once")


def _group(names: Sequence[str | None], subjects: Sequence[Subject]) -> list[tuple[str | None, list[Subject]]]:
    """Runs by the name that was given, or else by their settings.

    In the order of their first; those without a name that were trained in the same way by the size of their networks.
    """
    groups: dict[tuple[str | None, str], list[Subject]] = {}
    for name, subject in zip(names, subjects, strict=True):
        key = (name, "") if name is not None else (None, repr(kind_of(subject.config)))
        groups.setdefault(key, []).append(subject)
    found = [(name, runs) for (name, _), runs in groups.items()]
    trainers = [trainer(runs[0].config) for _, runs in found]

    def place(number: int) -> tuple[int, int]:
        name, runs = found[number]
        size = sum(runs[0].num_params.values())
        return (number, 0) if name is not None else (trainers.index(trainers[number]), size)

    return [found[number] for number in sorted(range(len(found)), key=place)]


def _check_seeds(condition: Condition) -> None:
    """A seed decides every number of a run: a second run with it is no second sample."""
    by_seed: dict[int, Path] = {}
    for run in condition.runs:
        before = by_seed.setdefault(run.run.meta.seed, run.path)
        if before is not run.path:
            raise ConfigError(
                f"{before} and {run.path} of the condition {condition.name!r} have the same seed, {run.run.meta.seed}, "
                "so they are one sample: leave one out, or give it a condition of its own with --condition NAME=RUN"
            )


def _check_sizes(condition: Condition) -> None:
    sizes: Mapping[Path, tuple[int, ...]] = {
        run.path: tuple(run.num_params[side] for side in Side) for run in condition.runs
    }
    first, *others = sizes
    for path in others:
        if sizes[path] != sizes[first]:
            raise ConfigError(
                f"{first} and {path} of the condition {condition.name!r} have networks of {sizes[first]} and "
                f"{sizes[path]} parameters (hiders, seekers), expected one size: make two conditions of them"
            )
