"""Who stays when there are more opponents than are to be drawn from: small functions by name.

Nothing here is random, and equals go by age: the newer one stays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.archive.past import Past

ROUNDS = 1000
"""Of fictitious play: shares of the equilibrium come out to about 3 %."""

PruneRule = Callable[[Past, int], IntArray]
"""From H opponents and a number below H to that many rows of those that stay, rising."""


def oldest(past: Past, n: int) -> IntArray:
    """The newest stay."""
    return np.arange(len(past) - n, len(past), dtype=np.int64)


def informative(past: Past, n: int) -> IntArray:
    """Those stay that tell most pairs of recent champions apart: they beat the one and lose to the other.

    Whoever beats all, or nobody, tells nothing. Source: the idea of de Jong and Pollack 2004, "Ideal evaluation from
    coevolution": what is kept are tests, not players.
    """
    beats = past.supposed_beats
    wins = beats.sum(1)
    # expected number of ordered pairs (i, j), i beaten and j not; i = j is no pair
    pairs = wins * (beats.shape[1] - wins) - (beats * (1.0 - beats)).sum(1)
    return highest(pairs, n)


def spread(past: Past, n: int) -> IntArray:
    """From the newest on, one after the other who is least like those that stay already, by whom it beats."""
    beats = past.supposed_beats
    kept = [len(past) - 1]
    nearest = np.full(len(past), np.inf)
    for _ in range(n - 1):
        nearest = np.minimum(nearest, np.abs(beats - beats[kept[-1]]).sum(1))
        nearest[kept[-1]] = -1.0
        kept.append(int(highest(nearest, 1)[0]))
    return np.sort(np.array(kept[:n], dtype=np.int64))


def nash(past: Past, n: int) -> IntArray:
    """Those stay that have most part in the opponents' equilibrium against the recent champions.

    Source: the idea of Ficici and Pollack 2003, "A game-theoretic memory mechanism for coevolution"; the equilibrium
    by fictitious play (Brown 1951).
    """
    return highest(equilibrium(past.supposed_beats[::-1])[::-1], n)  # of equal rows the first one plays


def equilibrium(table: FloatArray) -> FloatArray:
    """`(H,)` shares of the rows in an equilibrium of an `(H, K)` game; rows want much, columns want little."""
    played = np.zeros(len(table))
    if table.shape[1] == 0:
        return played
    row_totals, column_totals = table.mean(1), np.zeros(table.shape[1])
    for _ in range(ROUNDS):
        row = int(row_totals.argmax())
        played[row] += 1.0 / ROUNDS
        column_totals += table[row]
        row_totals += table[:, int(column_totals.argmin())]
    return played


def highest(values: FloatArray, n: int) -> IntArray:
    """`(n,)` rows of the highest values, rising; of equals the later rows."""
    order = np.argsort(values, kind="stable")
    return np.sort(order[len(values) - n :])


PRUNE_RULES: dict[str, PruneRule] = {
    "oldest": oldest,
    "informative": informative,
    "spread": spread,
    "nash": nash,
}
"""Rules by `CoevolutionConfig.prune`."""
