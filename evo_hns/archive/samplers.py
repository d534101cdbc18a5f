"""How opponents are drawn from the past of the other side: small functions by name.

All draw from what `Past` knows, and a generator is their only source of chance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.archive.past import Past
from evo_hns.config import CoevolutionConfig

OpponentSampler = Callable[[Past, int, np.random.Generator, CoevolutionConfig], IntArray]
"""From at least one opponent, the number wanted, a generator and the settings to `(n,)` rows of the past."""


def uniform(past: Past, n: int, rng: np.random.Generator, _: CoevolutionConfig) -> IntArray:
    """All of history alike; nobody comes again before everybody has come.

    Source: Rosin and Belew 1997, "New methods for competitive coevolution".
    """
    return deal(len(past), n, rng)


def latest(past: Past, n: int, rng: np.random.Generator, _: CoevolutionConfig) -> IntArray:
    """The newest first, then back in time; from the newest again when exhausted."""
    return len(past) - 1 - np.arange(n, dtype=np.int64) % len(past)


def delta_uniform(past: Past, n: int, rng: np.random.Generator, settings: CoevolutionConfig) -> IntArray:
    """All of recent history alike: of v opponents, those from delta * v on.

    Source: Bansal et al. 2018, "Emergent complexity via multi-agent competition".
    """
    first = int(settings.delta * len(past))
    return first + deal(len(past) - first, n, rng)


def pfsp_hard(past: Past, n: int, rng: np.random.Generator, settings: CoevolutionConfig) -> IntArray:
    """The less today's candidates beat an opponent, the more often it comes: weight (1 - x)^p.

    Source: Vinyals et al. 2019, "Grandmaster level in StarCraft II" (prioritised fictitious self-play).
    """
    return draw((1.0 - past.supposed_chances) ** settings.pfsp_power, n, rng)


def pfsp_even(past: Past, n: int, rng: np.random.Generator, _: CoevolutionConfig) -> IntArray:
    """The more open a match with an opponent is, the more often it comes: weight x (1 - x); source as `pfsp_hard`."""
    return draw(past.supposed_chances * (1.0 - past.supposed_chances), n, rng)


def diverse(past: Past, n: int, rng: np.random.Generator, _: CoevolutionConfig) -> IntArray:
    """One after the other whoever adds most defeats: of a champion that k of those before beat, 1 / (1 + k).

    Equals fall to chance; nobody comes again before everybody has come.
    Source: shared sampling, Rosin and Belew 1997.
    """
    order = rng.permutation(len(past))
    beats = past.supposed_beats[order]
    beaten_by = np.zeros(beats.shape[1])
    left = np.zeros(len(past), dtype=bool)
    rows = np.empty(n, dtype=np.int64)
    for place in range(n):
        if not left.any():
            left[:] = True
        gains = np.where(left, (beats / (1.0 + beaten_by)).sum(1), -1.0)
        best = int(gains.argmax())
        beaten_by += beats[best]
        left[best] = False
        rows[place] = order[best]
    return rows


def deal(size: int, n: int, rng: np.random.Generator) -> IntArray:
    """`(n,)` of so many rows, all alike; none comes again before all have come."""
    rounds = -(-n // max(size, 1))
    decks = np.tile(np.arange(size, dtype=np.int64), (rounds, 1))
    rows: IntArray = rng.permuted(decks, axis=1).reshape(-1)[:n]
    return rows


def draw(weights: FloatArray, n: int, rng: np.random.Generator) -> IntArray:
    """`(n,)` rows by weight, each its share of n rounded down or up (systematic sampling); all alike if none weighs."""
    total = weights.sum()
    shares = weights / total if total > 0 else np.full(len(weights), 1.0 / len(weights))
    ends = np.cumsum(shares)
    places = (rng.random() + np.arange(n)) / max(n, 1)
    rows = np.searchsorted(ends, places * ends[-1], side="right")
    last = int(np.flatnonzero(shares)[-1])  # rounding must not reach beyond it
    drawn: IntArray = np.minimum(rows, last).astype(np.int64)
    return drawn


OPPONENT_SAMPLERS: dict[str, OpponentSampler] = {
    "uniform": uniform,
    "latest": latest,
    "delta-uniform": delta_uniform,
    "pfsp-hard": pfsp_hard,
    "pfsp-even": pfsp_even,
    "diverse": diverse,
}
"""Samplers by `CoevolutionConfig.opponent_sampler`."""
