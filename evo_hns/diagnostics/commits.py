"""What a commit costs in run files of different length, beside what it takes to replace the whole file.

The generation that is committed is a real one of the settings (with few matches, which do not weigh); the file is
filled with as many champions and metrics of it as make its length.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from evo_hns.archive.generation_record import as_tree
from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.journal import pack
from evo_hns.archive.provenance import begin_session
from evo_hns.archive.records import Champion, Generation, Run
from evo_hns.archive.run_file import RunFile, journal_limit
from evo_hns.archive.schema import encode
from evo_hns.archive.storage import write_whole
from evo_hns.config import RunConfig
from evo_hns.spec import Side
from evo_hns.training.driver import train

COMMITS = 60
REWRITES = 3


@dataclass(frozen=True)
class CommitCost:
    """Of a run file of one length."""

    file_bytes: int
    num_generations: int  #: in the file
    record_bytes: int  #: of a generation in the journal
    rewrite_seconds: float  #: to replace the file, the median of some turns
    commit_seconds: list[float]  #: one after the other

    @property
    def median_seconds(self) -> float:
        """Of a commit."""
        return float(np.median(self.commit_seconds))

    @property
    def seconds(self) -> float:
        """A generation's commit, and its share of replacing the file when the journal is long enough."""
        generations = journal_limit(self.file_bytes) / self.record_bytes
        return self.median_seconds + self.rewrite_seconds / generations

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return vars(self) | {"seconds": self.seconds}


def measure_commits(config: RunConfig, megabytes: Sequence[int], folder: Path) -> list[CommitCost]:
    """Measure commits into files of so many megabytes, one after the other; they are removed again.

    Args:
        config: the settings of the run.
        megabytes: length of each file.
        folder: where they are written.

    Raises:
        RunFileError: there is no room.
        ConfigError: the settings cannot be played.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".bench-") as inside:
        run = one_generation(config, Path(inside) / "one.h5")
        return [_measure(run, length, Path(inside) / f"{length}.h5") for length in megabytes]


def _measure(run: Run, megabytes: int, path: Path) -> CommitCost:
    generation = generation_of(run)
    write_whole(path, encode(run_of_length(run, 1e6 * megabytes)))
    size = path.stat().st_size
    with RunFile.open(path) as run_file:
        first = run_file.run.num_generations
        session = begin_session(first, 1, ["here"], "")
        rewrites = [seconds_of(lambda: run_file.begin(session)) for _ in range(REWRITES)]
        numbers = range(first, first + COMMITS)
        commits = [seconds_of(partial(run_file.commit, replace(generation, number=number))) for number in numbers]
    path.unlink()
    return CommitCost(size, first, len(pack(first, as_tree(generation))), float(np.median(rewrites)), commits)


def one_generation(config: RunConfig, path: Path) -> Run:
    """A run of a single generation with few and short matches, all else as the settings say."""
    few = {"generations": 1, "episodes_per_candidate": 1, "num_finalists": 1, "finalist_episodes": 1}
    coevolution = config.coevolution.model_copy(update={**few, "held_out_episodes": 0})
    rules = config.rules.model_copy(update={"horizon": 8})
    train(
        config.model_copy(update={"coevolution": coevolution, "rules": rules}),
        path,
        announce=lambda _: None,
        observers=[],
    )
    return RunFile.read(path)


def run_of_length(run: Run, num_bytes: float) -> Run:
    """The run with its one generation as often as makes a file of so many bytes."""
    columns = len(run.metrics) + len(run.discards) + 2 * len(Side)
    count = max(1, int(num_bytes / (8 * columns + sum(4 * run.num_params(side) for side in Side))))
    numbers = np.arange(count)
    halls = {
        side: HallOfFame.from_arrays(
            np.broadcast_to(hall.genomes[-1], (count, hall.num_params)), numbers, np.zeros(count)
        )
        for side, hall in run.halls.items()
    }
    return replace(
        run,
        num_generations=count,
        halls=halls,
        metrics={name: np.repeat(column, count) for name, column in run.metrics.items()},
        discards={name: np.repeat(column, count) for name, column in run.discards.items()},
        sessions=(),
    )


def generation_of(run: Run) -> Generation:
    """The last one."""
    champions = {side: Champion(hall.genomes[-1].copy(), 0.0) for side, hall in run.halls.items()}
    metrics = {name: float(column[-1]) for name, column in run.metrics.items()}
    discards = {name: int(column[-1]) for name, column in run.discards.items()}
    return Generation(run.num_generations - 1, champions, metrics, run.state, discards=discards)


def seconds_of(function: Callable[[], object]) -> float:
    """Wall-clock time that it takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
