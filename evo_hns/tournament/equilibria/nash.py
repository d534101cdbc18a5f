"""Nash weights, Nash averaging, and how much they vary by chance.

Of the zero-sum part of the game. Weights are those of the *most even* equilibrium (Balduzzi et al. 2018), which does
not change if a player is entered twice. They jump when episodes are played again: the bootstrap says how much, and
a weight is no measure of strength.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evo_hns.evaluation.intervals import half_width
from evo_hns.spec import Side
from evo_hns.tournament.equilibria.matrix_game import exploitability, most_even, solve
from evo_hns.tournament.measures.additive import completed
from evo_hns.tournament.measures.certainty import Interval
from evo_hns.tournament.measures.score_table import ScoreTable, noisy_copies

TOLERANCE = 1e-4
"""How far from the value of the game the most even strategies may be, as a share of the range of scores."""

SUPPORT = 1e-3
"""Weight above which a player counts as part of the mixture."""


@dataclass(frozen=True)
class Member:
    """A player in the equilibrium."""

    weight: float  #: in the most even equilibrium
    low: float  #: 2.5 % quantile of its weight if the episodes were played again
    high: float  #: 97.5 % quantile
    in_support: float  #: share of those replays in which it has a weight at all
    average: float  #: its expected return against the other side's mixture (Nash averaging)


@dataclass(frozen=True)
class Nash:
    """The most even equilibrium of the zero-sum part."""

    value: Interval  #: the hiders' return in it; the interval is of episodes' noise, at these mixtures
    members: Mapping[Side, Mapping[str, Member]]  #: every player by name
    supports: Mapping[Side, int]  #: players with a weight
    overlap: Mapping[Side, float]  #: mean share of common members (Jaccard) of the support and those of replays
    distinct: int  #: different pairs of supports among the replays
    replicates: int
    exploitability: float  #: what both sides could gain together by answering these mixtures best
    filled: int  #: pairings that were not played and were filled in by ratings


def nash(table: ScoreTable, rng: np.random.Generator, *, replicates: int = 200) -> Nash:
    """Find the mixtures that nobody beats.

    Args:
        table: zero-sum, of the hiders; see `zero_sum_table`.
        rng: draws the replays.
        replicates: tables drawn from the means and the noise of this one.

    Raises:
        UnanswerableError: fewer than two players on a side, or too many pairings missing.
    """
    full, filled = completed(table)
    scores = full.scores
    rows, columns, vertices = equilibrium(scores)
    if np.nan_to_num(full.noise).any():
        again = _replayed(full, rng, replicates)
    else:  # the same table again, of which a vertex would be any of many
        vertices = {Side.HIDERS: rows, Side.SEEKERS: columns}
        again = {side: np.tile(weights, (replicates, 1)) for side, weights in vertices.items()}
    members = {
        Side.HIDERS: _members(full.players, rows, again[Side.HIDERS], scores @ columns),
        Side.SEEKERS: _members(full.opponents, columns, again[Side.SEEKERS], -(rows @ scores)),
    }
    value = float(rows @ scores @ columns)
    half = float(half_width((np.outer(rows, columns) ** 2 * full.noise).ravel(), full.dof.ravel()))
    supports = {side: again[side] > SUPPORT for side in Side}
    return Nash(
        value=Interval(value, value - half, value + half),
        members=members,
        supports={Side.HIDERS: int((rows > SUPPORT).sum()), Side.SEEKERS: int((columns > SUPPORT).sum())},
        overlap={side: _overlap(vertices[side] > SUPPORT, supports[side]) for side in Side},
        distinct=len(np.unique(np.concatenate([supports[side] for side in Side], axis=1), axis=0)),
        replicates=replicates,
        exploitability=exploitability(scores, rows, columns),
        filled=filled,
    )


def equilibrium(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[Side, np.ndarray]]:
    """The most even mixtures of rows and columns, and those of a vertex that the simplex method came to."""
    rows, columns = solve(scores)
    tolerance = TOLERANCE * max(float(np.ptp(scores)), 1e-9)
    value = float(rows @ scores @ columns)
    vertex = {Side.HIDERS: rows, Side.SEEKERS: columns}
    return (
        most_even(scores, rows, value, tolerance),
        most_even(-scores.T, columns, -value, tolerance),
        vertex,
    )


def _replayed(table: ScoreTable, rng: np.random.Generator, replicates: int) -> dict[Side, np.ndarray]:
    """`(replicates, players)` weights for each side; with noise on all cells there is but one equilibrium."""
    copies = noisy_copies(table.noise, table.dof, rng, replicates)
    found = [solve(table.scores + errors) for errors, _ in copies]
    return {
        Side.HIDERS: np.array([rows for rows, _ in found]).reshape(replicates, -1),
        Side.SEEKERS: np.array([columns for _, columns in found]).reshape(replicates, -1),
    }


def _members(names: tuple[str, ...], weights: np.ndarray, again: np.ndarray, averages: np.ndarray) -> dict[str, Member]:
    low, high = np.quantile(again, [0.025, 0.975], axis=0)
    inside = (again > SUPPORT).mean(0)
    estimates = zip(weights.tolist(), low.tolist(), high.tolist(), inside.tolist(), averages.tolist(), strict=True)
    return {name: Member(*each) for name, each in zip(names, estimates, strict=True)}


def _overlap(support: np.ndarray, others: np.ndarray) -> float:
    return float(((support & others).sum(1) / (support | others).sum(1)).mean())
