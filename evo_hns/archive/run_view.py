"""A run file that is looked into: what is asked for is read when it is asked for, and nothing else.

A run's halls can hold thousands of champions; whoever wants one of them reads one. The file is never changed, only
replaced, so that an open view keeps showing the run as it was when it was opened, also while it is being trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from evo_hns.archive.hall_of_fame import FloatArray, GenomeArray, IntArray
from evo_hns.archive.records import HeldOutRow, Match, RunMeta, TrainingSession
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
from evo_hns.archive.storage import Closing, check_hdf5, reading
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
        check_hdf5(self.path)
        with reading(self.path):
            self._file = h5py.File(self.path, "r", locking=False)  # see `RunFile.read`
            try:
                check_format(self._file)
                self.num_generations = int(self._file.attrs["num_generations"])
                for side in Side:
                    self._check_hall(side)
            except BaseException:
                self._file.close()
                raise

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
        return len(self._file[hall_name(side)]["generation"])

    def num_exploiters(self, side: Side) -> int:
        """Champions of a side's exploiters."""
        name = exploiters_name(side)
        return len(self._file[name]["generation"]) if name in self._file else 0

    def generations(self, side: Side) -> IntArray:
        """`(H,)` int64, the generation each champion of a side comes from, in order of arrival."""
        with reading(self.path):
            generations: IntArray = self._file[hall_name(side)]["generation"][()]
        return generations

    def scores(self, side: Side) -> FloatArray:
        """`(H,)` float64, what each champion of a side scored when it entered its hall."""
        with reading(self.path):
            scores: FloatArray = self._file[hall_name(side)]["score"][()]
        return scores

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
        stored = self._file[hall_name(side)]["genomes"]
        wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < len(stored):
            raise IndexError(f"got rows {wanted.min()} to {wanted.max()}, expected 0 to {len(stored) - 1}")
        genomes: GenomeArray = np.empty((len(wanted), stored.shape[1]), dtype=np.float32)
        with reading(self.path):
            for place, row in enumerate(wanted):
                stored.read_direct(genomes, np.s_[row], np.s_[place])
            if not np.isfinite(genomes).all():
                raise ValueError("a genome is not finite")
        return genomes

    @cached_property
    def metrics(self) -> Mapping[str, FloatArray]:
        """`(G,)` float64 each, NaN where absent."""
        with reading(self.path):
            return read_columns(self._file["metrics"], self.num_generations)

    @cached_property
    def discards(self) -> Mapping[str, IntArray]:
        """`(G,)` int64 each, episodes discarded by cause."""
        with reading(self.path):
            return read_columns(self._file["discards"], self.num_generations)

    @cached_property
    def sessions(self) -> tuple[TrainingSession, ...]:
        """That trained the run, oldest first."""
        with reading(self.path):
            return read_sessions(self._file["lives"], self.num_generations) if "lives" in self._file else ()

    @cached_property
    def held_out(self) -> tuple[HeldOutRow, ...]:
        """All measurements, in their order."""
        with reading(self.path):
            return read_held_out(self._file["held_out"])

    @property
    def num_matches(self) -> int:
        """K, the recorded matches."""
        return len(self._file["matches/generation"]) if "matches" in self._file else 0

    def match(self, number: int) -> Match:
        """One recorded match; no other is read.

        Raises:
            IndexError: there is no such match.
        """
        if not 0 <= number < self.num_matches:
            raise IndexError(f"got match {number}, expected 0 to {self.num_matches - 1}")
        with reading(self.path):
            [match] = read_matches(self._file["matches"], slice(number, number + 1))
        return match

    def close(self) -> None:
        """Read no more; what was asked for stays."""
        self._file.close()

    def _check_hall(self, side: Side) -> None:
        """Refuse a hall whose columns do not fit each other; none of them is read."""
        group = self._file[hall_name(side)]
        genomes, generation, score = (group[name] for name in ("genomes", "generation", "score"))
        if genomes.ndim != 2 or not generation.shape == score.shape == genomes.shape[:1]:
            raise ValueError(f"{group.name} has columns of different lengths")
