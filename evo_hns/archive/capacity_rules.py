"""Capacity rules of the hall of fame by name: which opponents stay when there are more than may be drawn.

The rules are deterministic; of equals the newer one stays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evo_hns.archive.fictitious_play import equilibrium
from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.archive.samplers import OpponentHistory

CapacityRule = Callable[[OpponentHistory, int], IntArray]
"""From H opponents and a number below H to the rows of that many opponents that stay, rising."""


def oldest(history: OpponentHistory, n: int) -> IntArray:
    """Keep the newest."""
    return np.arange(len(history) - n, len(history), dtype=np.int64)


def informative(history: OpponentHistory, n: int) -> IntArray:
    """Keep the opponents that best discriminate between recent champions: they beat the one and lose to the other.

    An opponent that beats all or none discriminates between no two.

    Source: the idea of de Jong and Pollack 2004, "Ideal evaluation from coevolution": opponents are kept as tests.
    """
    beats = history.assumed_beats
    wins = beats.sum(1)
    # expected number of ordered pairs (i, j), i beaten and j not; i = j is no pair
    pairs = wins * (beats.shape[1] - wins) - (beats * (1.0 - beats)).sum(1)
    return highest(pairs, n)


def spread(history: OpponentHistory, n: int) -> IntArray:
    """Keep the newest, then repeatedly the opponent whose wins differ most from those kept."""
    beats = history.assumed_beats
    kept = [len(history) - 1]
    nearest = np.full(len(history), np.inf)
    for _ in range(n - 1):
        nearest = np.minimum(nearest, np.abs(beats - beats[kept[-1]]).sum(1))
        nearest[kept[-1]] = -1.0
        kept.append(int(highest(nearest, 1)[0]))
    return np.sort(np.array(kept[:n], dtype=np.int64))


def nash(history: OpponentHistory, n: int) -> IntArray:
    """Keep the opponents with the largest shares of the equilibrium against the recent champions.

    Source: the idea of Ficici and Pollack 2003, "A game-theoretic memory mechanism for coevolution".
    """
    return highest(equilibrium(history.assumed_beats), n)


def highest(values: FloatArray, n: int) -> IntArray:
    """`(n,)` rows of the highest values, rising; of equals the later rows."""
    order = np.argsort(values, kind="stable")
    return np.sort(order[len(values) - n :])


CAPACITY_RULES: dict[str, CapacityRule] = {
    "oldest": oldest,
    "informative": informative,
    "spread": spread,
    "nash": nash,
}
"""Rules by `CoevolutionConfig.prune`."""
