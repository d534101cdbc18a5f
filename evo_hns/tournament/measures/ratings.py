"""How strong is each player, hiders and seekers on one scale?

Rating of a hider less rating of a seeker = the hiders' expected return against it. Where returns saturate that line
bends; given the least and the most that a match can pay, `logistic_ratings` fits the same difference through a
logistic curve (Bradley and Terry 1952; in Elo's units), for any share of the possible return and not only for wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evo_hns.evaluation.intervals import Z_95
from evo_hns.spec import Side
from evo_hns.tournament.measures.additive import Additive, require_one_group
from evo_hns.tournament.measures.certainty import Interval, largest_first
from evo_hns.tournament.measures.score_table import ScoreTable

ELO = 400.0 / np.log(10.0)
"""Elo points in one unit of log odds."""

_RIDGE = 1e-3  #: of the logistic fit: who always wins gets a large rating, not an infinite one
_STEPS = 60


@dataclass(frozen=True)
class Ratings:
    """A rating of every player who met somebody, by name; the mean of hiders and the mean of seekers add up to zero."""

    of: Mapping[Side, Mapping[str, Interval]]  #: intervals: sampling noise of these matches alone
    unit: str

    def ordered(self, side: Side) -> list[str]:
        """A side's players, the strongest first."""
        return largest_first({name: rating.value for name, rating in self.of[side].items()})


def ratings(table: ScoreTable) -> Ratings:
    """Least-squares ratings from the zero-sum part of the game, in units of return.

    Args:
        table: of the hiders; see `zero_sum_table`.

    Raises:
        UnanswerableError: fewer than two players on a side met, or players fall into groups that never met.
    """
    met = table.met()
    require_one_group(met.played)
    split = Additive(met.played)
    turn = _scale(*met.scores.shape)
    values = turn @ split.effects(met.scores)
    return _named(met, values, turn @ split.covariance(met.noise) @ turn.T, "return")


def logistic_ratings(table: ScoreTable, low: float, high: float) -> Ratings:
    """Elo ratings from the hiders' share of the return that is at stake.

    Args:
        table: of the hiders; see `zero_sum_table`.
        low: the least that a match can pay them.
        high: the most.

    Raises:
        UnanswerableError: fewer than two players on a side met, or players fall into groups that never met.
        ValueError: scores beyond the bounds.
    """
    met = table.met()
    require_one_group(met.played)
    shares = (met.scores - low) / (high - low)
    if low >= high or np.nanmin(shares) < 0 or np.nanmax(shares) > 1:
        found = f"{np.nanmin(met.scores):g} to {np.nanmax(met.scores):g}"
        raise ValueError(f"got scores of {found}, expected them within the bounds {low:g} and {high:g}")
    num_rows = len(met.players)
    played = met.played
    values = np.zeros(sum(met.scores.shape))
    for _ in range(_STEPS):
        won = 1 / (1 + np.exp(-(values[:num_rows, None] - values[None, num_rows:])))
        gap = np.where(played, shares - won, 0.0)
        weight = np.where(played, won * (1 - won), 0.0)
        bend = np.block([[np.diag(weight.sum(1)), -weight], [-weight.T, np.diag(weight.sum(0))]])
        bend += _RIDGE * np.eye(len(values))
        step = np.linalg.solve(bend, np.concatenate([gap.sum(1), -gap.sum(0)]) - _RIDGE * values)
        values += step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    noise = np.where(played, met.noise, 0.0) / (high - low) ** 2
    middle = np.block([[np.diag(noise.sum(1)), -noise], [-noise.T, np.diag(noise.sum(0))]])
    inverse = np.linalg.inv(bend)
    centre = np.eye(len(values)) - _mean_of_means(*met.scores.shape)
    turn = ELO * centre
    return _named(met, turn @ values, turn @ inverse @ middle @ inverse @ turn.T, "Elo")


def _scale(num_rows: int, num_columns: int) -> np.ndarray:
    """What turns effects of rows and columns (which add up) into ratings (which are subtracted)."""
    signs = np.concatenate([np.ones(num_rows), -np.ones(num_columns)])
    centre = np.eye(len(signs)) - _mean_of_means(num_rows, num_columns)
    turn: np.ndarray = centre * signs[None, :]
    return turn


def _mean_of_means(num_rows: int, num_columns: int) -> np.ndarray:
    """Takes from every rating half the sum of both sides' means."""
    weights = np.concatenate([np.full(num_rows, 0.5 / num_rows), np.full(num_columns, 0.5 / num_columns)])
    return np.tile(weights, (len(weights), 1))


def _named(table: ScoreTable, values: np.ndarray, covariance: np.ndarray, unit: str) -> Ratings:
    half = Z_95 * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    all_ratings = [Interval(float(v), float(v - h), float(v + h)) for v, h in zip(values, half, strict=True)]
    num_rows = len(table.players)
    return Ratings(
        of={
            Side.HIDERS: dict(zip(table.players, all_ratings[:num_rows], strict=True)),
            Side.SEEKERS: dict(zip(table.opponents, all_ratings[num_rows:], strict=True)),
        },
        unit=unit,
    )
