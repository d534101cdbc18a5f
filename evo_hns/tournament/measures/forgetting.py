"""Do champions lose what earlier champions of their side could do?

Two questions of every champion, both against opponents of earlier generations:
*lost wins*, does it lose to one that an earlier champion beat, and *regress*, does it score less against one than an
earlier champion did? The first needs to know what return is a draw (`par`), the second does not.

Both are proved or not, generation by generation, at a false-alarm level of 5 % *for the generation*: with J opponents
and K earlier champions the tests are Bonferroni's, over J for losing and J K for what came before. What is not proved
may still be so: the rates are lower bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evo_hns.evaluation.intervals import satterthwaite
from evo_hns.tournament.measures.certainty import ALPHA, Interval, clear, deviate, share_interval
from evo_hns.tournament.measures.isotonic import CLEAR_RISE, never_worse
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError, noisy_copies


@dataclass(frozen=True)
class Example:
    """The clearest case: a champion, the opponent, and the earlier champion who did better."""

    champion: str
    opponent: str
    earlier: str
    score: float  #: mean return of the champion against the opponent
    earlier_score: float


@dataclass(frozen=True)
class Rate:
    """The share of generations in which something is proved to have been forgotten."""

    share: Interval
    chance: float  #: mean share if nothing is ever forgotten: the nearest such table, its noise drawn again and again
    chance_high: float  #: 97.5 % quantile of the same
    p_value: float  #: how often chance alone gives as large a share
    generations: int  #: that could be asked: they have a champion before them, and an opponent
    forgetful: tuple[int, ...]  #: generations in which it is proved
    example: Example | None


@dataclass(frozen=True)
class Forgetting:
    """What a side's champions forgot."""

    lost_wins: Rate
    regress: Rate
    par: float  #: the return that counts as a draw


def forgetting(table: ScoreTable, rng: np.random.Generator, *, par: float = 0.0, replicates: int = 100) -> Forgetting:
    """Find what a side's champions forgot.

    Args:
        table: of the side; players without a generation do not count.
        rng: draws what chance does.
        par: mean return above which an opponent counts as beaten.
        replicates: tables drawn of what chance does.

    Raises:
        UnanswerableError: fewer than two generations, or none with somebody before it.
    """
    champions = table.champions()
    before = Before.of(champions)
    if not before.asked.any():
        raise UnanswerableError("no champion met an opponent of an earlier generation that an earlier champion met")

    def rate(evidence: Evidence, innocent: np.ndarray) -> Rate:
        copies = noisy_copies(champions.noise, champions.dof, rng, replicates)
        by_chance = [
            _proved(evidence(innocent + errors, noise, champions.dof, before), before).mean()
            for errors, noise in copies
        ]
        found = evidence(champions.scores, champions.noise, champions.dof, before)
        return _rate(champions, before, found, np.array(by_chance))

    never_falls = never_worse(champions.scores, champions.noise, champions.generations)
    return Forgetting(
        lost_wins=rate(_lost_wins(par), _wins_kept(champions, before, par)),
        regress=rate(_regress, never_falls),
        par=par,
    )


@dataclass(frozen=True, eq=False)
class Before:
    """Who came before each of T champions."""

    champions: np.ndarray  #: `(T,)` how many rows are of earlier generations
    opponents: np.ndarray  #: `(T, J)` bool, the opponent is of an earlier generation and was met
    met: np.ndarray  #: `(T, J)` how many earlier champions met the opponent

    @classmethod
    def of(cls, table: ScoreTable) -> Before:
        """Of a table of champions, oldest first."""
        champions = np.searchsorted(table.generations, table.generations, side="left")
        earlier = table.opponent_generations[None, :] < table.generations[:, None]
        met = np.concatenate([np.zeros((1, len(table.opponents)), int), np.cumsum(table.played, axis=0)])[champions]
        opponents: np.ndarray = np.logical_and.reduce([earlier, table.played, met > 0])
        return cls(champions, opponents, met)

    @property
    def asked(self) -> np.ndarray:
        """`(T,)` bool, there is somebody to compare with."""
        asked: np.ndarray = np.any(self.opponents, axis=1)
        return asked

    @cached_property
    def needed(self) -> tuple[np.ndarray, np.ndarray]:
        """`(T, 1)` and `(T, J)` normal deviates: over opponents alone, over opponents and earlier champions."""
        tests = np.maximum(self.opponents.sum(1, keepdims=True), 1)
        over_both = tests * np.maximum(self.met, 1)
        levels = {int(count): clear(ALPHA / count) for count in np.union1d(tests, over_both)}
        look_up = np.vectorize(levels.__getitem__, otypes=[float])
        return look_up(tests), look_up(over_both)

    def best(self, values: np.ndarray) -> np.ndarray:
        """`(T, J)` the largest value among earlier rows; minus infinity where there is none."""
        first = np.full((1, values.shape[1]), -np.inf)
        best = np.concatenate([first, np.maximum.accumulate(values, axis=0)], axis=0)
        earlier: np.ndarray = best[self.champions]
        return earlier


Evidence = Callable[[np.ndarray, np.ndarray, np.ndarray, Before], np.ndarray]
"""Of scores, noise `(T, J)`, dof `(T, J)`: how far each cell exceeds what proves forgetting; else negative."""


def _lost_wins(par: float) -> Evidence:
    def evidence(scores: np.ndarray, noise: np.ndarray, dof: np.ndarray, before: Before) -> np.ndarray:
        over_opponents, over_both = before.needed
        over = deviate(scores - par, noise, dof, least=over_both.min())
        under = deviate(par - scores, noise, dof, least=over_opponents)
        # Both must be proved, so that the weaker of the two decides (an intersection-union test).
        excess = np.minimum(under - over_opponents, before.best(over) - over_both)
        found: np.ndarray = np.where(before.opponents, excess, -np.inf)
        return found

    return evidence


def _wins_kept(table: ScoreTable, before: Before, par: float) -> np.ndarray:
    """The nearest table in which no win is lost, at its worst: who does not clearly win draws, once anybody won."""
    won_before = before.best(np.where(table.played, table.scores, -np.inf)) > par
    clearly_wins = table.scores > par + CLEAR_RISE * np.sqrt(table.noise)
    kept: np.ndarray = np.where(won_before & ~clearly_wins & table.played, par, table.scores)
    return kept


def _regress(scores: np.ndarray, noise: np.ndarray, dof: np.ndarray, before: Before) -> np.ndarray:
    rows = _earlier_best(scores, noise, before)
    then, then_noise, then_dof = (np.take_along_axis(values, rows, axis=0) for values in (scores, noise, dof))
    needed, welch = before.needed[1], satterthwaite([then_noise, noise], [then_dof, dof])
    excess = deviate(then - scores, then_noise + noise, welch, least=needed) - needed
    found: np.ndarray = np.where(before.opponents, excess, -np.inf)
    return found


def _earlier_best(scores: np.ndarray, noise: np.ndarray, before: Before) -> np.ndarray:
    """`(T, J)` the earlier row that surely scored most; Bonferroni's level allows for having chosen it."""
    surely = np.where(np.isfinite(scores), scores - 2.0 * np.sqrt(noise), -np.inf)
    best = np.maximum.accumulate(surely, axis=0)
    is_record = np.concatenate([np.ones_like(best[:1], bool), best[1:] > best[:-1]], axis=0)
    records = np.maximum.accumulate(np.where(is_record, np.arange(len(scores))[:, None], 0), axis=0)
    rows: np.ndarray = records[np.maximum(before.champions - 1, 0)]
    return rows


def _rate(table: ScoreTable, before: Before, evidence: np.ndarray, by_chance: np.ndarray) -> Rate:
    proved = _proved(evidence, before)
    share = share_interval(proved)
    return Rate(
        share=share,
        chance=float(by_chance.mean()),
        chance_high=float(np.quantile(by_chance, 0.975)),
        p_value=float((1 + np.sum(by_chance >= share.value)) / (1 + len(by_chance))),
        generations=int(before.asked.sum()),
        forgetful=tuple(sorted({int(g) for g in table.generations[before.asked][proved]})),
        example=_example(table, before, evidence) if proved.any() else None,
    )


def _proved(evidence: np.ndarray, before: Before) -> np.ndarray:
    """Bool, of those that are asked."""
    proved: np.ndarray = np.any(evidence[before.asked] > 0, axis=1)
    return proved


def _example(table: ScoreTable, before: Before, evidence: np.ndarray) -> Example:
    row, column = (int(place) for place in np.unravel_index(np.argmax(evidence), evidence.shape))
    earlier = int(_earlier_best(table.scores, table.noise, before)[row, column])
    return Example(
        champion=table.players[row],
        opponent=table.opponents[column],
        earlier=table.players[earlier],
        score=float(table.scores[row, column]),
        earlier_score=float(table.scores[earlier, column]),
    )
