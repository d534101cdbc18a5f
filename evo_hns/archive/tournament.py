"""A tournament as immutable data: participants, precision, and every score so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.archive.records import RunMeta
from evo_hns.spec import Side


@dataclass(frozen=True)
class Participant:
    """A player of a tournament, described so that it is found again later."""

    name: str  #: `run.h5:hiders/12`, `scripted:chaser`, `openai:FILE`; files as seen from the tournament's folder
    run: str = ""  #: the run file as seen from the tournament's folder; empty for a player of no run
    run_seed: int = -1  #: of its run; -1 for a player of no run, as in the next two
    generation: int = -1  #: that it was the champion of
    env_steps: int = -1  #: of its run's training, up to and with that generation
    genome_sha256: str = ""  #: of its float32 genome
    network: str = ""  #: the form of its network, JSON


@dataclass(frozen=True)
class Precision:
    """Episodes of a cell: until its mean is precise enough, within bounds."""

    half_width: float  #: of the 95 % interval of a cell's mean return that is enough, in units of the return
    min_episodes: int  #: of every cell
    max_episodes: int  #: of a cell, however uncertain it stays


@dataclass(frozen=True, eq=False)
class Cells:
    """The table of H hiders and S seekers: a cell for each pair, its episodes in the order of the world seeds."""

    wanted: IntArray  #: `(H, S)` episodes of each cell at the end of the round in progress
    count: IntArray  #: `(H, S)` episodes that were played, failed ones included
    scores: Mapping[Side, FloatArray]  #: `(E,)` return of the side's team, cell after cell, row by row; NaN: failed

    @classmethod
    def empty(cls, num_hiders: int, num_seekers: int) -> Cells:
        """A table without episodes, of which none are wanted."""
        zeros = np.zeros((num_hiders, num_seekers), dtype=np.int64)
        return cls(zeros, zeros, {side: np.empty(0) for side in Side})

    @property
    def shape(self) -> tuple[int, int]:
        """H and S."""
        return self.count.shape[0], self.count.shape[1]

    @property
    def is_round_over(self) -> bool:
        """Whether every cell has the episodes that are wanted of it."""
        return bool((self.count >= self.wanted).all())

    @property
    def cell_of(self) -> IntArray:
        """`(E,)` the cell of each score, counted row by row."""
        return np.repeat(np.arange(self.count.size), self.count.ravel())

    def moments(self, side: Side) -> tuple[IntArray, FloatArray, FloatArray]:
        """Of every cell, `(H, S)` each: episodes that did not fail, mean return (NaN without), squared deviations."""
        values, cell_of, size = self.scores[side], self.cell_of, self.count.size
        counted = np.isfinite(values)
        values, cell_of = values[counted], cell_of[counted]
        number = np.bincount(cell_of, minlength=size).astype(np.int64)
        with np.errstate(invalid="ignore"):
            mean = np.bincount(cell_of, values, size) / number
        squares = np.bincount(cell_of, (values - mean[cell_of]) ** 2, size).astype(np.float64)
        return number.reshape(self.shape), mean.reshape(self.shape), squares.reshape(self.shape)

    def with_played(self, cell_of: IntArray, scores: Mapping[Side, FloatArray]) -> Cells:
        """The table with more episodes, each cell's in the order of their worlds.

        Args:
            cell_of: `(M,)` the cell of each, counted row by row.
            scores: `(M,)` by side.
        """
        order = np.argsort(np.concatenate([self.cell_of, cell_of]), kind="stable")
        longer = {side: np.concatenate([self.scores[side], scores[side]])[order] for side in Side}
        added = np.bincount(cell_of, minlength=self.count.size).reshape(self.shape)
        return replace(self, count=self.count + added, scores=longer)

    def part(self, rows: IntArray, columns: IntArray) -> Cells:
        """The table of some hiders and some seekers.

        Args:
            rows: `(h,)` which hiders, in rising order.
            columns: `(s,)` which seekers, in rising order.
        """
        kept = np.zeros(self.shape, dtype=np.bool_)
        kept[np.ix_(rows, columns)] = True
        scores = {side: values[kept.ravel()[self.cell_of]] for side, values in self.scores.items()}
        return Cells(self.wanted[np.ix_(rows, columns)], self.count[np.ix_(rows, columns)], scores)

    def within(self, shape: tuple[int, int], rows: IntArray, columns: IntArray) -> Cells:
        """The same scores in a larger table, whose new cells are empty.

        Args:
            shape: of the larger table.
            rows: `(H,)` where each hider stands in it.
            columns: `(S,)` where each seeker stands in it.
        """
        places = rows[:, None] * shape[1] + columns[None, :]
        larger = Cells.empty(*shape).with_played(places.ravel()[self.cell_of], self.scores)
        wanted = np.zeros(shape, dtype=np.int64)
        wanted[np.ix_(rows, columns)] = self.wanted
        return replace(larger, wanted=wanted)


@dataclass(frozen=True, eq=False)
class Tournament:
    """Everything about a tournament, up to some moment."""

    meta: RunMeta  #: where it comes from; its settings are those of the game, its seed decides the worlds
    selection: str  #: how the participants were asked for
    precision: Precision
    participants: Mapping[Side, tuple[Participant, ...]]  #: H hiders, S seekers, no two of a side the same
    cells: Cells

    @property
    def num_failed(self) -> int:
        """Episodes that were discarded because the physics failed."""
        return int(np.isnan(self.cells.scores[Side.HIDERS]).sum())

    @property
    def env_steps(self) -> int:
        """Env steps that were played."""
        return int(self.cells.count.sum()) * self.meta.config.rules.horizon
