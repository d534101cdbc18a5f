"""What a fitness is worth: how far the returns of a batch tell its candidates apart, and what else they vary with.

All candidates of a side meet the same pairs of an opponent and a world, so that a batch is a table of returns. Its
variance has five sources: who plays (the candidate), who is met (the opponent), where (the world), and how far a
candidate's rank depends on either. Only the first is what selection is after.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

NUM_SPLITS = 64
"""Random halves that `reliability` is averaged over."""


@dataclass(frozen=True)
class VarianceShares:
    """Shares of the variance of a single return by source; they sum to 1, or all are NaN where nothing varies."""

    candidate: float  #: what a fitness is to measure
    opponent: float
    world: float
    candidate_opponent: float  #: a candidate does better against some opponents than against others
    candidate_world: float  #: likewise of worlds; chance within a match is in it


def reliability(returns: np.ndarray) -> float:
    """Correlation to be expected of this fitness with that of as many other opponents and worlds.

    Split halves: candidates' means over one half of the pairs beside those over the other, stepped up to all pairs
    by the formula of Spearman and Brown. The correlation is the mean of `NUM_SPLITS` random splits, always the same.

    Args:
        returns: `(P, E)` of P candidates in E pairs of an opponent and a world; NaN: the match failed.

    Returns:
        -1 to 1, below 0 by chance alone (there the formula has a pole, and its mirror image is taken); NaN if there
        are fewer than two candidates or pairs, or nothing varies.

    Source: Spearman 1910, Brown 1910.
    """
    num_pairs = returns.shape[1]
    if num_pairs < 2:
        return np.nan
    present = np.isfinite(returns)
    table = np.ma.masked_invalid(returns)
    centred = (table - table.mean(0)).filled(0.0)  # what all have in common, which may be missing from some, goes
    ranks = np.random.default_rng(num_pairs).random((num_pairs, NUM_SPLITS)).argsort(0)
    first = (ranks < num_pairs // 2).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        halves = np.stack([centred @ half / (present @ half) for half in (first, 1.0 - first)])
        halves = np.where(np.isfinite(halves).all(0), halves, np.nan)  # `(2, P, NUM_SPLITS)`, of who has both
        halves = np.ma.masked_invalid(halves)
        one, other = halves - halves.mean(1, keepdims=True)
        correlations = ((one * other).mean(0) / (one.std(0) * other.std(0))).compressed()
    if not len(correlations):
        return np.nan
    half = float(correlations.mean())
    return 2.0 * half / (1.0 + abs(half))


def variance_shares(returns: np.ndarray, opponents: np.ndarray) -> VarianceShares:
    """Where the variance of returns comes from.

    A model of random effects by the method of moments: candidates cross pairs, and worlds are nested in opponents, as
    each world has one opponent. Sources whose estimate is below 0 count as 0.

    Args:
        returns: `(P, E)` as in `reliability`.
        opponents: `(E,)` who was met in each pair, by any numbers. If nobody was met twice, what comes of opponents and
            of worlds cannot be told apart, and stands under the worlds.

    Source: Searle, Casella and McCulloch 1992, "Variance Components", chapter 5.
    """
    counted = np.isfinite(returns).sum(0) > 1
    table, opponents = np.ma.masked_invalid(returns[:, counted]), opponents[counted]
    nothing = VarianceShares(*[np.nan] * len(fields(VarianceShares)))
    if min(table.shape) < 2:
        return nothing
    centred = (table - table.mean(0)).filled(0.0)
    present = (~np.ma.getmaskarray(table)).astype(np.float64)
    both = present.T @ present
    covariances = centred.T @ centred / np.maximum(both - 1.0, 1.0)
    means = table.mean(0).filled(0.0)
    apart = (means[:, None] - means[None, :]) ** 2 / 2.0
    same = (opponents[:, None] == opponents[None, :]) & ~np.eye(len(opponents), dtype=bool)
    other = opponents[:, None] != opponents[None, :]
    cell = float(np.diag(covariances).mean())  # candidate, both interactions
    if not same.any():
        same = other
    if not other.any():
        other = same
    within, across = float(covariances[same].mean()), float(covariances[other].mean())
    candidate = max(across, 0.0)
    candidate_opponent = max(within - candidate, 0.0)
    candidate_world = max(cell - candidate - candidate_opponent, 0.0)
    num_candidates = len(table)  # of whom each mean is made
    world = max(float(apart[same].mean()) - candidate_world / num_candidates, 0.0)
    beside = world + (candidate_world + candidate_opponent) / num_candidates
    opponent = max(float(apart[other].mean()) - beside, 0.0)
    parts = np.array([candidate, opponent, world, candidate_opponent, candidate_world])
    return VarianceShares(*(parts / parts.sum()).tolist()) if parts.sum() > 0 else nothing


def alike_share(returns: np.ndarray) -> float:
    """Share of the pairs in which all candidates have the same return, so that the pair tells nobody apart.

    Args:
        returns: `(P, E)` as in `reliability`; a pair without a match that counts is left out.
    """
    table = np.ma.masked_invalid(returns)
    spread = np.ma.compressed(np.ma.ptp(table, axis=0))
    return float((spread == 0.0).mean()) if len(spread) else np.nan


def matches_needed(reached: float, num_matches: float, target: float) -> float:
    """Matches of each candidate by which a fitness would have the reliability that is aimed at.

    Args:
        reached: its reliability now, NaN or anything below 1.
        num_matches: by so many matches.
        target: between 0 and 1.

    Returns:
        Spearman and Brown's formula solved for the length; infinite where candidates cannot be told apart at all.
    """
    if not reached > 0.0:
        return np.inf
    return num_matches * target * (1.0 - reached) / (reached * (1.0 - target))
