"""The past champions of one side, kept as opponents (Rosin and Belew 1997).

Append-only and in memory; rows are in order of arrival. What is kept is what was played: float32
genomes, finite, of one length. What is known of them as opponents is kept beside it (`opponent_stats`), and how they
are drawn is a choice by name (`samplers`).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
GenomeArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

_FIRST_CAPACITY = 16


class HallOfFame:
    """Champions of one side, oldest first.

    Args:
        num_params: N, the length of every genome.

    Raises:
        ValueError: `num_params` is not positive.
    """

    def __init__(self, num_params: int) -> None:
        if num_params < 1:
            raise ValueError(f"num_params is {num_params}, expected at least 1")
        self.num_params = num_params
        self._genomes: GenomeArray = np.empty((0, num_params), dtype=np.float32)
        self._generations: list[int] = []
        self._scores: list[float] = []

    @classmethod
    def from_arrays(cls, genomes: GenomeArray, generations: IntArray, scores: FloatArray) -> HallOfFame:
        """A hall with the rows of `(H, N)` genomes, `(H,)` generations and `(H,)` scores; copied.

        Raises:
            ValueError: rows that do not fit together, or a number that is not finite.
        """
        if genomes.ndim != 2 or not len(genomes) == len(generations) == len(scores):
            raise ValueError(f"genomes {genomes.shape}, {len(generations)} generations, {len(scores)} scores: no fit")
        if not (np.isfinite(genomes).all() and np.isfinite(scores).all()):
            raise ValueError("a genome or score is not finite")
        hall = cls(genomes.shape[1])
        hall._genomes = np.array(genomes, dtype=np.float32)
        hall._generations = [int(generation) for generation in generations]
        hall._scores = [float(score) for score in scores]
        return hall

    def __len__(self) -> int:
        """Number of champions H."""
        return len(self._scores)

    @property
    def genomes(self) -> GenomeArray:
        """`(H, N)` float32, a read-only view; later champions do not appear in it."""
        view = self._genomes[: len(self)]
        view.flags.writeable = False
        return view

    @property
    def generations(self) -> IntArray:
        """`(H,)` int64, the generation each champion comes from."""
        return np.array(self._generations, dtype=np.int64)

    @property
    def scores(self) -> FloatArray:
        """`(H,)` float64, what each champion scored when it entered."""
        return np.array(self._scores, dtype=np.float64)

    def append(self, genome: npt.ArrayLike, generation: int, score: float) -> None:
        """Keep a champion.

        Args:
            genome: `(N,)` float32 array or CPU tensor; copied.
            generation: the generation it comes from.
            score: what it scored, higher is better.

        Raises:
            ValueError: see `check`; the hall is then unchanged.
        """
        row = self.check(genome, score)
        if len(self) == len(self._genomes):
            self._grow()
        self._genomes[len(self)] = row
        self._generations.append(int(generation))
        self._scores.append(float(score))

    def check(self, genome: npt.ArrayLike, score: float) -> GenomeArray:
        """The genome as an array, if it may enter.

        Raises:
            ValueError: a wrong length or dtype, or a genome or score that is not finite.
        """
        row = np.asarray(genome)
        if row.shape != (self.num_params,):
            raise ValueError(f"the genome has shape {row.shape}, expected ({self.num_params},)")
        if row.dtype != np.float32:
            raise ValueError(f"the genome is {row.dtype}, expected float32: keep exactly what was played")
        if not np.isfinite(row).all():
            raise ValueError("the genome has a value that is not finite: it may not enter the hall of fame")
        if not math.isfinite(score):
            raise ValueError(f"the score is {score}, expected a finite number")
        return row

    def _grow(self) -> None:
        grown = np.empty((max(_FIRST_CAPACITY, 2 * len(self)), self.num_params), dtype=np.float32)
        grown[: len(self)] = self._genomes
        self._genomes = grown


def evenly_spaced(total: int, count: int) -> IntArray:
    """Up to `count` of `total` rows in order, the first and the last among them (of one: the first)."""
    rows: IntArray = np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(np.int64))
    return rows
