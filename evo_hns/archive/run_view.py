"""A run file that is looked into: what is asked for is read when it is asked for, and nothing else.

A run's halls can hold thousands of champions; one that is wanted is read alone. File and journal are never changed,
only replaced and appended to, so that an open view keeps showing the run as it was when it was opened, also while it is
being trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evo_hns.archive.generation_record import read_held_out_rows, read_match, read_numbers
from evo_hns.archive.hall_of_fame import FloatArray, GenomeArray, IntArray
from evo_hns.archive.journal import Record, open_run
from evo_hns.archive.records import HeldOutRow, Match, RunMeta, TrainingSession, with_rows
from evo_hns.archive.run_file import missing
from evo_hns.archive.schema import (
    check_format,
    exploiters_name,
    hall_name,
    read_columns,
    read_held_out,
    read_matches,
    read_meta,
    read_sessions,
)
from evo_hns.archive.storage import Closing, reading
from evo_hns.config import RunConfig
from evo_hns.spec import Side


class RunView(Closing):
    """Reads parts of a run; a context manager.

    Args:
        path: the run file, which may be in training.

    Raises:
        RunFileError: see `RunFile.read`; damage may also show when a part is asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        with ExitStack() as stack:
            self._file, self._journal = stack.enter_context(open_run(self.path))
            with reading(self.path):
                check_format(self._file)
                self._num_in_file = int(self._file.attrs["num_generations"])
                for side in Side:
                    self._check_hall(side)
            self._open = stack.pop_all()

    @property
    def num_generations(self) -> int:
        """G, completed."""
        return self._num_in_file + len(self._later)

    @property
    def remark(self) -> str:
        """What is to be known of its files: empty if the run is in one, as whenever nobody trains it."""
        if self._journal.is_missing:
            return missing(self.path, self._journal)
        if not self._later:
            return ""
        return (
            f"generations from {self._num_in_file} on are in {self._journal.path.name} beside it: to copy the run, copy"
            " this file, then that; the end of the training makes one of them"
        )

    @property
    def _later(self) -> list[Record]:
        return self._journal.records

    @cached_property
    def _champions(self) -> Mapping[Side, list[Record]]:
        """Generations of the journal that have one of a side."""
        with reading(self.path):
            return {side: [each for each in self._later if side.label in each.table["champions"]] for side in Side}

    @cached_property
    def meta(self) -> RunMeta:
        """Where the run comes from."""
        with reading(self.path):
            return read_meta(self._file["meta"])

    @property
    def config(self) -> RunConfig:
        """The settings of the run; see `RunMeta.config`."""
        return self.meta.config

    def num_params(self, side: Side) -> int:
        """N, the length of a side's genomes."""
        return int(self._file[hall_name(side)]["genomes"].shape[1])

    def num_champions(self, side: Side) -> int:
        """H, champions in a side's hall."""
        return len(self._file[hall_name(side)]["generation"]) + len(self._champions[side])

    def num_exploiters(self, side: Side) -> int:
        """Champions of a side's exploiters."""
        name = exploiters_name(side)
        in_file = len(self._file[name]["generation"]) if name in self._file else 0
        return in_file + sum(side.label in each.table["exploiters"] for each in self._later)

    def generations(self, side: Side) -> IntArray:
        """`(H,)` int64, the generation each champion of a side comes from, in order of arrival."""
        with reading(self.path):
            generations: IntArray = self._file[hall_name(side)]["generation"][()]
        return np.append(generations, np.array([each.number for each in self._champions[side]], dtype=np.int64))

    def scores(self, side: Side) -> FloatArray:
        """`(H,)` float64, what each champion of a side scored when it entered its hall."""
        with reading(self.path):
            scores: FloatArray = self._file[hall_name(side)]["score"][()]
            later = [each.read(f"champions/{side.label}/score") for each in self._champions[side]]
        return np.append(scores, np.array(later, dtype=np.float64))

    def genomes(self, side: Side, rows: npt.ArrayLike) -> GenomeArray:
        """Some champions of a side.

        Args:
            side: whose.
            rows: `(k,)` their places in `generations`, in any order.

        Returns:
            `(k, N)` float32; no other genome is read.

        Raises:
            IndexError: there is no such place.
        """
        stored, later = self._file[hall_name(side)]["genomes"], self._champions[side]
        wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < len(stored) + len(later):
            raise IndexError(f"got rows {wanted.min()} to {wanted.max()}, expected 0 to {len(stored) + len(later) - 1}")
        genomes: GenomeArray = np.empty((len(wanted), stored.shape[1]), dtype=np.float32)
        with reading(self.path):
            for place, row in enumerate(wanted):
                if row < len(stored):
                    stored.read_direct(genomes, np.s_[row], np.s_[place])
                else:
                    genomes[place] = later[row - len(stored)].read(f"champions/{side.label}/genome")
            if not np.isfinite(genomes).all():
                raise ValueError("a genome is not finite")
        return genomes

    @cached_property
    def metrics(self) -> Mapping[str, FloatArray]:
        """`(G,)` float64 each, NaN where absent."""
        with reading(self.path):
            return self._columns("metrics", np.float64(np.nan))

    @cached_property
    def discards(self) -> Mapping[str, IntArray]:
        """`(G,)` int64 each, episodes discarded by cause."""
        with reading(self.path):
            return self._columns("discards", np.int64(0))

    def _columns(self, name: str, blank: np.generic) -> dict[str, npt.NDArray[Any]]:
        columns = read_columns(self._file[name], self._num_in_file)
        later = [read_numbers(each, name) for each in self._later]
        return with_rows(columns, self._num_in_file, later, blank) if later else columns

    @cached_property
    def sessions(self) -> tuple[TrainingSession, ...]:
        """That trained the run, oldest first."""
        with reading(self.path):
            return read_sessions(self._file["lives"], self._num_in_file) if "lives" in self._file else ()

    @cached_property
    def held_out(self) -> tuple[HeldOutRow, ...]:
        """All measurements, in their order."""
        with reading(self.path):
            return read_held_out(self._file["held_out"]) + tuple(chain(*map(read_held_out_rows, self._later)))

    @property
    def num_matches(self) -> int:
        """K, the recorded matches."""
        with reading(self.path):
            return self._num_matches_in_file + len(self._later_matches)

    @property
    def _num_matches_in_file(self) -> int:
        return len(self._file["matches/generation"]) if "matches" in self._file else 0

    @cached_property
    def _later_matches(self) -> list[tuple[Record, int]]:
        """Generations of the journal that have some, and which."""
        return [(each, row) for each in self._later for row in range(len(each.table["matches"]))]

    def match(self, number: int) -> Match:
        """One recorded match; no other is read.

        Raises:
            IndexError: there is no such match.
        """
        if not 0 <= number < self.num_matches:
            raise IndexError(f"got match {number}, expected 0 to {self.num_matches - 1}")
        with reading(self.path):
            if number >= self._num_matches_in_file:
                return read_match(*self._later_matches[number - self._num_matches_in_file])
            [match] = read_matches(self._file["matches"], slice(number, number + 1))
        return match

    def close(self) -> None:
        """Read no more; what was asked for stays."""
        self._open.close()

    def _check_hall(self, side: Side) -> None:
        """Refuse a hall whose columns do not fit each other; none of them is read."""
        group = self._file[hall_name(side)]
        genomes, generation, score = (group[name] for name in ("genomes", "generation", "score"))
        if genomes.ndim != 2 or not generation.shape == score.shape == genomes.shape[:1]:
            raise ValueError(f"{group.name} has columns of different lengths")
