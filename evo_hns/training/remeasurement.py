"""Champions of a run that is there are measured against held-out players: all are stored, so it can be done later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evo_hns.archive.records import Champion, HeldOutRow, Run
from evo_hns.archive.run_file import RunFile
from evo_hns.config import ConfigError, RunConfig
from evo_hns.spec import Side
from evo_hns.training.context import RunContext
from evo_hns.training.external_players import players_of_run
from evo_hns.training.measurement import global_progress, held_out_row, meet_held_out


@dataclass(frozen=True)
class Due:
    """Generations whose champions are to be measured."""

    generations: Sequence[int]
    num_measured: int  #: of those that were asked for: measured already


def measure_run(
    path: Path,
    every: int,
    *,
    context: RunContext | None = None,
    announce: Callable[[Due], None] = lambda _: None,
    observe: Callable[[Sequence[HeldOutRow]], None] = lambda _: None,
) -> None:
    """Measure the champions of the first, the last and every so many generations of a run against held-out players.

    The measurements are those that training makes with `coevolution.held_out_every`, in the same worlds. What is
    measured already stays as it is, and each generation is in the file once it is measured: who is stopped can go on.

    Args:
        path: the run file, which nobody may be training.
        every: so many generations.
        context: who plays the matches; by default this process.
        announce: is shown what is to be done.
        observe: is shown what was measured of a generation, once it is in the file.

    Raises:
        ConfigError: `every` is no number of generations, or the run has none yet.
        RunFileError: the file cannot be read or written, or somebody else is writing it.
        Stopped: a signal said so.
    """
    if every < 1:
        raise ConfigError(f"--every: got {every}, expected 1 or more generations")
    context = context or RunContext()
    with RunFile.open(path) as file:
        if file.run.num_generations == 0:
            raise ConfigError(f"{path} has no generation yet; let its first one finish")
        due = find_due(file.run, every)
        announce(due)
        if not due.generations:
            return
        config, opponents = _measuring(file.run.config), players_of_run(file.run)
        evaluator = context.build_evaluator(config, path)
        for generation in due.generations:
            context.shutdown.begin_generation()
            found = meet_held_out(config, evaluator, opponents, champions_of(file.run, generation))
            rows = [held_out_row(generation, each) for each in found]
            file.measure(generation, rows, global_progress(found))
            observe(rows)
            context.shutdown.end_generation()


def find_due(run: Run, every: int) -> Due:
    """The first, the last and every so many generations that have a champion, but for those that are measured."""
    last, measured = run.num_generations - 1, {row.generation for row in run.held_out}
    there = {int(each) for hall in run.halls.values() for each in hall.generations}
    wanted = sorted({*range(0, last, every), last} & there)
    left = [each for each in wanted if each not in measured]
    return Due(left, len(wanted) - len(left))


def champions_of(run: Run, generation: int) -> dict[Side, Champion]:
    """The champions that entered the halls in a generation."""
    found = {}
    for side, hall in run.halls.items():
        for row in np.flatnonzero(hall.generations == generation):
            found[side] = Champion(hall.genomes[row].copy(), float(hall.scores[row]))
    return found


def _measuring(config: RunConfig) -> RunConfig:
    """The settings of a run, with the usual number of held-out worlds if it has none."""
    settings = config.coevolution
    worlds = {"held_out_episodes": settings.held_out_episodes or type(settings)().held_out_episodes}
    return config.model_copy(update={"coevolution": settings.model_copy(update=worlds)})
