"""Hiders and seekers of one generation as a team against the team of another: how much of that is a circle?

Team i against team j, both roles played: `A[i, j] = (h_i against s_j) - (h_j against s_i)`, which is antisymmetric, so
that it splits into differences of ratings and a rest in which every team is as strong as every other (Balduzzi et al.
2019; the split is HodgeRank's, Jiang et al. 2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo_hns.tournament.measures.additive import (
    groups,
    noise_free_share,
    or_nothing,
    pseudo_inverse,
)
from evo_hns.tournament.measures.certainty import Interval
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError


@dataclass(frozen=True)
class Paired:
    """Teams of one generation each."""

    generations: tuple[int, ...]  #: of the teams
    ratings: tuple[float, ...]  #: mean of A over a team's opponents: the transitive part
    cyclic: Interval  #: share of the rest in the sum of squares of A, both less their sampling noise
    dominant: tuple[int, ...]  #: generations whose team beats every earlier dominant one (A > 0); the first counts


def paired(table: ScoreTable, rng: np.random.Generator, *, replicates: int = 200) -> Paired:
    """Split the contest of teams.

    Args:
        table: the zero-sum part of the game; see `zero_sum_table`.
        rng: draws copies for the interval.
        replicates: copies.

    Raises:
        UnanswerableError: fewer than three generations have one champion on each side, teams are alike, or they fall
            into groups that never met.
    """
    teams = teams_of(table)
    scores = teams.scores
    split = Contest(teams.played)
    count, _ = groups(split.pairs > 0)
    if count > 1:
        raise UnanswerableError(
            f"teams fall into {count} groups that never met each other, so that nothing compares them: "
            "play pairings between the groups"
        )
    contest = split.whole(scores)
    share = noise_free_share(split, scores, teams.noise, teams.dof, rng, replicates)
    return Paired(
        generations=tuple(teams.generations.tolist()),
        ratings=tuple(split.ratings(contest).tolist()),
        cyclic=share,
        dominant=_dominant(contest, teams.generations),
    )


class Contest:
    """Splits the antisymmetric contest of n teams; pairs that did not play both ways are left out.

    Args:
        played: `(n, n)` bool, hiders of the row met seekers of the column.
    """

    def __init__(self, played: np.ndarray) -> None:
        self.pairs = (played & played.T & ~np.eye(len(played), dtype=bool)).astype(np.float64)
        laplacian = np.diag(self.pairs.sum(1)) - self.pairs
        self._inverse = pseudo_inverse(laplacian, np.ones(len(laplacian)))
        own = np.diag(self._inverse)
        self._leverage = own[:, None] + own[None, :] - 2 * self._inverse

    def ratings(self, whole: np.ndarray) -> np.ndarray:
        """`(n,)` least squares; they sum to zero."""
        found: np.ndarray = whole.sum(1) @ self._inverse
        return found

    def whole(self, tables: np.ndarray) -> np.ndarray:
        """`(n, n)` A."""
        there = np.nan_to_num(tables)
        return or_nothing((there - there.T) * self.pairs, there)

    def rest(self, whole: np.ndarray) -> np.ndarray:
        """What differences of ratings leave."""
        ratings = self.ratings(whole)
        return or_nothing(whole - (ratings[:, None] - ratings[None, :]) * self.pairs, whole)

    def whole_noise(self, noise: np.ndarray) -> float:
        """Expected sum of squares of noise alone."""
        return float(self._noise(noise).sum())

    def rest_noise(self, noise: np.ndarray) -> float:
        """The same of the rest."""
        return float((self._noise(noise) * (1 - self._leverage)).sum())

    def _noise(self, noise: np.ndarray) -> np.ndarray:
        there = np.nan_to_num(noise)
        both: np.ndarray = (there + there.T) * self.pairs
        return both


def teams_of(table: ScoreTable) -> ScoreTable:
    """Generations with exactly one champion on each side who met others both ways, oldest first.

    Raises:
        UnanswerableError: fewer than three.
    """
    single = [
        values[counts == 1]
        for values, counts in (
            np.unique(generations, return_counts=True)
            for generations in (table.generations, table.opponent_generations)
        )
    ]
    shared = np.intersect1d(*single)
    shared = shared[shared >= 0]
    rows = np.array([np.flatnonzero(table.generations == g)[0] for g in shared], dtype=np.int64)
    columns = np.array([np.flatnonzero(table.opponent_generations == g)[0] for g in shared], dtype=np.int64)
    teams = table.take(rows, columns)
    met = np.flatnonzero((teams.played & teams.played.T).sum(1) - np.diag(teams.played) > 0)
    if len(met) < 3:
        raise UnanswerableError("needs three generations with one champion on each side who met each other's")
    return teams.take(met, met)


def _dominant(contest: np.ndarray, generations: np.ndarray) -> tuple[int, ...]:
    dominant, rounding = [0], 1e-9 * float(np.abs(contest).max())
    for team in range(1, len(contest)):
        if (contest[team, dominant] > rounding).all():
            dominant.append(team)
    return tuple(generations[dominant].tolist())
