"""Do champions get better against the past? Mean score against earlier opponents, and who beats all of them.

Against the past only: progress here is Miconi's (2009) *historical* progress, which says nothing of opponents that
neither side has met.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo_hns.evaluation.intervals import half_width
from evo_hns.tournament.measures.certainty import ALPHA, Interval, clear, deviate, share_interval, slope_interval
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError


@dataclass(frozen=True)
class History:
    """A side's champions against opponents of earlier generations."""

    generations: tuple[int, ...]  #: of the champions that met somebody earlier
    mean: tuple[float, ...]  #: mean return of each against all earlier opponents
    half_width: tuple[float, ...]  #: of the 95 % interval of each mean
    slope: Interval  #: change of that mean, per generation


@dataclass(frozen=True)
class Dominance:
    """Champions that beat every earlier opponent (after Stanley and Miikkulainen's dominance tournament, 2002)."""

    share: Interval  #: of the champions that met somebody earlier
    generations: tuple[int, ...]  #: of those that beat each one clearly: each cell at 5 %, as all must be
    by_mean: tuple[int, ...]  #: of those whose mean return exceeds par in each cell, noise or not


def history(table: ScoreTable) -> History:
    """Mean return against earlier opponents, and its trend.

    Raises:
        UnanswerableError: fewer than three champions met an opponent of an earlier generation.
    """
    champions = table.champions()
    earlier = _earlier(champions)
    rows = np.flatnonzero(earlier.any(1))
    if len(np.unique(champions.generations[rows])) < 3:
        raise UnanswerableError("a trend needs three generations of champions that met earlier opponents")
    count = earlier.sum(1)[rows]
    mean = np.where(earlier, champions.scores, 0.0).sum(1)[rows] / count
    noise = np.where(earlier, champions.noise, 0.0)[rows] / np.square(count)[:, None]
    times = champions.generations[rows]
    return History(
        generations=tuple(times.tolist()),
        mean=tuple(mean.tolist()),
        half_width=tuple(half_width(noise.T, champions.dof[rows].T).tolist()),
        slope=slope_interval(times.astype(np.float64), mean),
    )


def dominance(table: ScoreTable, *, par: float = 0.0) -> Dominance:
    """Find champions that beat every opponent of an earlier generation.

    Raises:
        UnanswerableError: no champion met an opponent of an earlier generation.
    """
    champions = table.champions()
    earlier = _earlier(champions)
    asked = earlier.any(1)
    if not asked.any():
        raise UnanswerableError("no champion met an opponent of an earlier generation")
    over = deviate(champions.scores - par, champions.noise, champions.dof)
    beats_all: np.ndarray = np.logical_and(asked, np.where(earlier, over > clear(ALPHA), True).all(1))
    by_mean: np.ndarray = np.logical_and(asked, np.where(earlier, champions.scores > par, True).all(1))
    return Dominance(
        share=share_interval(beats_all[asked]),
        generations=tuple(champions.generations[beats_all].tolist()),
        by_mean=tuple(champions.generations[by_mean].tolist()),
    )


def _earlier(champions: ScoreTable) -> np.ndarray:
    """`(T, J)` bool: the opponent is of an earlier generation, and was met."""
    earlier: np.ndarray = champions.opponent_generations[None, :] < champions.generations[:, None]
    met: np.ndarray = np.logical_and(earlier, champions.played)
    return met
