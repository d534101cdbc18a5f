"""A run without its genomes, for pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evo_hns.archive.hall_of_fame import HallOfFame, IntArray, evenly_spaced
from evo_hns.archive.records import Run, env_steps_so_far
from evo_hns.archive.run_view import RunView
from evo_hns.config import ConfigError, RunConfig, is_of_one_kind
from evo_hns.spec import Side
from evo_hns.system.shell import shell_command


@dataclass(frozen=True, eq=False)
class Subject:
    """A run of a page."""

    path: Path
    name: str  #: short, and different for every run of a page
    run: Run  #: its halls are empty, its state and its matches are left out
    config: RunConfig
    num_params: Mapping[Side, int]
    generations: Mapping[Side, IntArray]  #: of the champions in each hall
    num_matches: int  #: recorded

    @property
    def is_finished(self) -> bool:
        """All generations that its settings ask for are done."""
        return self.run.num_generations >= self.config.coevolution.generations

    @property
    def is_solo(self) -> bool:
        """There is one team and nobody to play against."""
        return self.config.world.max_seekers == 0

    @property
    def most(self) -> float:
        """The most that hiding or seeking pays in an episode."""
        return self.config.rules.most_return

    def spread(self, count: int) -> list[int]:
        """Generations with champions of both sides, from the first to the last; of one: the last."""
        both = np.intersect1d(self.generations[Side.HIDERS], self.generations[Side.SEEKERS])
        if not len(both):
            return []
        rows = evenly_spaced(len(both), count) if count > 1 else [len(both) - 1]
        return [int(both[row]) for row in rows]

    def has_metric(self, name: str) -> bool:
        """Whether it was ever measured."""
        return name in self.run.metrics and bool(np.isfinite(self.run.metrics[name]).any())

    def steps(self) -> np.ndarray:
        """`(G,)` env steps of training after each generation."""
        return env_steps_so_far(self.run)


def read_subjects(paths: Sequence[Path]) -> list[Subject]:
    """The runs of a page, in the order in which they were named.

    Raises:
        ConfigError: none, or one that has no generation yet.
        RunFileError: a file that is no run, or is damaged.
    """
    if not paths:
        raise ConfigError("a report needs a run file")
    names = _short_names(paths)
    return [_read(path, name) for path, name in zip(paths, names, strict=True)]


def unit_of_steps(subjects: Sequence[Subject]) -> tuple[float, str]:
    """By what to divide env steps, so that all runs can be drawn over them, and what that is called."""
    most = max(float(subject.steps()[-1]) for subject in subjects)
    return (1e6, "million env steps") if most >= 1e6 else (1e3, "thousand env steps")


def command_for(subjects: Sequence[Subject], *options: object) -> str:
    """What makes the page again with other options."""
    return shell_command("report", *(subject.path for subject in subjects), *options)


def kinds_of(subjects: Sequence[Subject]) -> list[str]:
    """What sets each run apart beside its seed, its length and its machine: equal for runs that only repeat another."""
    differing = list(differing_settings([subject.config for subject in subjects]))
    return [", ".join(described(kind_of(subject.config), differing)) for subject in subjects]


def settings_of(config: RunConfig) -> dict[str, object]:
    """All settings by dotted name."""
    return flatten(config.model_dump(mode="json"))


def kind_of(config: RunConfig) -> dict[str, object]:
    """Settings by dotted name, without those that make no other kind of run: seed, length, machine."""
    beside = ("seed", "coevolution.generations", "physics.num_threads", "physics.num_worlds")
    return {name: value for name, value in settings_of(config).items() if name not in beside}


def differing_settings(
    configs: Sequence[RunConfig], of: Callable[[RunConfig], dict[str, object]] = kind_of
) -> dict[str, tuple[object, ...]]:
    """Settings in which runs differ, by dotted name: the value of each run, None where it has none.

    What only some kinds of networks or searches have is shown where it is not usual for the kind.

    Args:
        configs: settings of the runs.
        of: which of a run's settings count.
    """
    full = [of(config) for config in configs]
    telling = [
        {name: value for name, value in settings.items() if name in changes or not is_of_one_kind(name)}
        for settings, changes in zip(full, [config.changes for config in configs], strict=True)
    ]
    names = dict.fromkeys(name for each in telling for name in each)
    return {
        name: tuple(each.get(name) for each in full)
        for name in names
        if len({repr(each.get(name)) for each in telling}) > 1
    }


def described(settings: Mapping[str, object], names: Sequence[str]) -> list[str]:
    """`search.algorithm=ga`: what both sides share is said once, and what there is not is left out."""
    notes: list[str] = []
    for name in filter(settings.__contains__, names):
        side, _, rest = name.partition(".")
        labels = [each.label for each in Side]
        shared = side in labels and len({repr(settings.get(f"{label}.{rest}")) for label in labels}) == 1
        text = f"{rest if shared else name}={settings.get(name)}"
        if text not in notes:
            notes.append(text)
    return notes


def flatten(settings: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested settings by dotted names."""
    found: dict[str, object] = {}
    for name, value in settings.items():
        found |= flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _read(path: Path, name: str) -> Subject:
    with RunView(path) as view:
        if view.num_generations == 0:
            raise ConfigError(f"{path} has no generation yet; let its first one finish")
        sizes = {side: view.num_params(side) for side in Side}
        run = Run(
            meta=view.meta,
            num_generations=view.num_generations,
            halls={side: HallOfFame(size) for side, size in sizes.items()},
            metrics=view.metrics,
            discards=view.discards,
            held_out=view.held_out,
            state={},
            sessions=view.sessions,
        )
        generations = {side: view.generations(side) for side in Side}
        return Subject(path, name, run, view.config, sizes, generations, view.num_matches)


def _short_names(paths: Sequence[Path]) -> list[str]:
    """File names without their ending; whole paths where two are alike."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
