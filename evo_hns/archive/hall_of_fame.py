"""The past champions of one side, kept as opponents (Rosin and Belew 1997).

Append-only and in memory; rows are in order of arrival. What is kept is what was played: float32
genomes, finite, of one length. How opponents are drawn from it is a choice by name
(`OPPONENT_SAMPLERS`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

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

    def sample(self, n: int, rng: np.random.Generator, strategy: str) -> IntArray:
        """Rows of opponents.

        Args:
            n: how many; more than H repeats champions, each as evenly as possible.
            rng: the only source of chance.
            strategy: a name in `OPPONENT_SAMPLERS`.

        Returns:
            `(n,)` int64 rows of `genomes`.

        Raises:
            ValueError: an unknown strategy, a negative `n`, or an empty hall.
        """
        if strategy not in OPPONENT_SAMPLERS:
            raise ValueError(f"unknown opponent sampler '{strategy}', expected one of {sorted(OPPONENT_SAMPLERS)}")
        if n < 0:
            raise ValueError(f"n is {n}, expected at least 0")
        if n > 0 and len(self) == 0:
            raise ValueError("the hall of fame is empty: append a champion before drawing opponents")
        return OPPONENT_SAMPLERS[strategy](len(self), n, rng)

    def _grow(self) -> None:
        grown = np.empty((max(_FIRST_CAPACITY, 2 * len(self)), self.num_params), dtype=np.float32)
        grown[: len(self)] = self._genomes
        self._genomes = grown


def uniform(size: int, n: int, rng: np.random.Generator) -> IntArray:
    """`(n,)` rows, all of history alike; nobody comes again before everybody has come.

    Source: Rosin and Belew 1997, "New methods for competitive coevolution".
    """
    rounds = -(-n // max(size, 1))
    decks = np.tile(np.arange(size, dtype=np.int64), (rounds, 1))
    return rng.permuted(decks, axis=1).reshape(-1)[:n]


def latest(size: int, n: int, rng: np.random.Generator) -> IntArray:
    """`(n,)` rows, the newest champion first, then back in time; from the newest again when exhausted."""
    return size - 1 - np.arange(n, dtype=np.int64) % max(size, 1)


OpponentSampler = Callable[[int, int, np.random.Generator], IntArray]
"""From the number of champions, the number wanted and a generator to `(n,)` rows."""

OPPONENT_SAMPLERS: dict[str, OpponentSampler] = {"uniform": uniform, "latest": latest}
