"""One side's half of a tournament, with its noise, in the order of generations.

Owns what every estimator needs and nothing that one alone needs. The noise is that of `Payoff`. A surprise: cells count
as independent of each other, though two cells may have been played in the same worlds (then their differences are
less noisy than assumed here, and tests err on the safe side).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evo_hns.spec import Side
from evo_hns.tournament.payoff import Payoff

Generations = Sequence[int | None] | np.ndarray
"""A generation for each player; None or a negative number for one that has none, such as a scripted player."""


class UnanswerableError(Exception):
    """The table cannot answer the question that was asked of it; the message says what it lacks."""


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """P players of one side against Q opponents; higher is better for the players."""

    players: tuple[str, ...]  #: P names
    opponents: tuple[str, ...]  #: Q names
    generations: np.ndarray  #: `(P,)` int64, of the players; -1: none
    opponent_generations: np.ndarray  #: `(Q,)` int64; -1: none
    scores: np.ndarray  #: `(P, Q)` float64 mean returns; NaN: not played
    noise: np.ndarray  #: `(P, Q)` float64 squared standard errors of the scores; NaN: not played
    dof: np.ndarray  #: `(P, Q)` float64 degrees of freedom of the noise

    @property
    def played(self) -> np.ndarray:
        """`(P, Q)` bool."""
        known: np.ndarray = np.isfinite(self.scores) & np.isfinite(self.noise)
        return known

    @property
    def transposed(self) -> ScoreTable:
        """The same scores from the other side of a zero-sum game."""
        return ScoreTable(
            players=self.opponents,
            opponents=self.players,
            generations=self.opponent_generations,
            opponent_generations=self.generations,
            scores=-self.scores.T,
            noise=self.noise.T,
            dof=self.dof.T,
        )

    def take(self, rows: np.ndarray, columns: np.ndarray) -> ScoreTable:
        """Some players and opponents, in the order asked for."""
        cells = np.ix_(rows, columns)
        return ScoreTable(
            players=tuple(self.players[row] for row in rows),
            opponents=tuple(self.opponents[column] for column in columns),
            generations=self.generations[rows],
            opponent_generations=self.opponent_generations[columns],
            scores=self.scores[cells],
            noise=self.noise[cells],
            dof=self.dof[cells],
        )

    def champions(self) -> ScoreTable:
        """Those that have a generation, oldest first on both sides.

        Raises:
            UnanswerableError: fewer than two on either side.
        """
        rows, columns = _oldest_first(self.generations), _oldest_first(self.opponent_generations)
        if min(len(np.unique(self.generations[rows])), len(np.unique(self.opponent_generations[columns]))) < 2:
            raise UnanswerableError("needs champions of at least two generations on both sides")
        return self.take(rows, columns)

    def met(self) -> ScoreTable:
        """Those who played at all.

        Raises:
            UnanswerableError: fewer than two on either side.
        """
        rows, columns = np.flatnonzero(self.played.any(1)), np.flatnonzero(self.played.any(0))
        if min(len(rows), len(columns)) < 2:
            raise UnanswerableError("needs at least two players on both sides who met")
        return self.take(rows, columns)


def side_table(payoff: Payoff, side: Side, hiders: Generations, seekers: Generations) -> ScoreTable:
    """What one side scored.

    Args:
        payoff: H hiders against S seekers.
        side: whose scores.
        hiders: `(H,)` generations of the hiders.
        seekers: `(S,)` generations of the seekers.

    Raises:
        UnanswerableError: no cell has the two episodes that a variance needs.
        ValueError: the generations do not fit the payoff.
    """
    table = _hiders_view(payoff, hiders, seekers, payoff.mean[side], payoff.noise[side])
    if side is Side.HIDERS:
        return table
    seen = table.transposed
    return ScoreTable(**{**vars(seen), "scores": -seen.scores})


def zero_sum_table(payoff: Payoff, hiders: Generations, seekers: Generations) -> ScoreTable:
    """The zero-sum part of the game, half of (hiders' return - seekers' return), as the hiders' table.

    Its noise is the most that it can be whatever the two returns have to do with each other; it is exact where one
    side loses what the other wins. Errors as `side_table`.
    """
    spread = sum(np.sqrt(payoff.noise[side]) for side in Side) / 2
    scores = (payoff.mean[Side.HIDERS] - payoff.mean[Side.SEEKERS]) / 2
    return _hiders_view(payoff, hiders, seekers, scores, np.square(spread))


def noisy_copies(
    noise: np.ndarray, dof: np.ndarray, rng: np.random.Generator, num: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What sampling might have added to a table, and what noise it would then be said to have, one copy at a time.

    Args:
        noise: `(P, Q)` squared standard errors; NaN counts as none.
        dof: `(P, Q)` their degrees of freedom.
        rng: draws.
        num: copies.

    Yields:
        `(P, Q)` errors and `(P, Q)` squared standard errors.
    """
    variance = np.nan_to_num(noise)
    for _ in range(num):
        errors = rng.standard_normal(variance.shape) * np.sqrt(variance)
        yield errors, variance * rng.chisquare(dof) / dof


def _hiders_view(
    payoff: Payoff, hiders: Generations, seekers: Generations, scores: np.ndarray, noise: np.ndarray
) -> ScoreTable:
    if not (payoff.count > 1).any():
        raise UnanswerableError("no two players met twice, so that noise is unknown: play two or more episodes of each")
    own, other = _generations(hiders), _generations(seekers)
    if (len(own), len(other)) != scores.shape:
        raise ValueError(f"got generations of {len(own)} hiders and {len(other)} seekers, a table of {scores.shape}")
    return ScoreTable(
        players=payoff.hiders,
        opponents=payoff.seekers,
        generations=own,
        opponent_generations=other,
        scores=np.where(payoff.count > 0, _without_rounding(scores), np.nan),
        noise=np.where(payoff.count > 0, noise, np.nan),
        dof=payoff.dof,
    )


def _without_rounding(scores: np.ndarray) -> np.ndarray:
    """Scores to twelve digits of the largest: means of the same returns, added up in another order, become the same."""
    largest = float(np.abs(scores[np.isfinite(scores)]).max(initial=0.0))
    if largest == 0:
        return scores
    step = 2.0 ** (np.floor(np.log2(largest)) - 40)  # a power of two: nothing else is rounded
    rounded: np.ndarray = np.round(scores / step) * step
    return rounded


def _generations(given: Generations) -> np.ndarray:
    return np.array([-1 if g is None or g < 0 else int(g) for g in given], dtype=np.int64)


def _oldest_first(generations: np.ndarray) -> np.ndarray:
    order = np.argsort(generations, kind="stable")
    kept: np.ndarray = order[generations[order] >= 0]
    return kept
