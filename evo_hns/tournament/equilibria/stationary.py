"""Stationary distributions of Markov chains whose rates differ by any order of magnitude, entry by entry accurate.

Nothing is ever subtracted: sums of positive numbers cannot cancel, so rounding changes every mass by a few parts in
1e16 for each operation and never decides which of two nearly closed classes a chain stays in. Numbers are kept as
logarithms: a rate of e^(-400000) is small but no zero, and a class that is left as rarely is no closed one.

Elimination (Grassmann, Taksar and Heyman 1985, Operations Research 33(5); its accuracy: O'Cinneide 1993, Numerische
Mathematik 65) costs the cube of the number of states. So a large chain is first *censored*, watched only when it is in
one of a few states (Meyer 1989, SIAM Review 31(2)); what happens between is a sum of positive terms too.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.system.kernels import kernel

LOST = -45.0
"""Logarithm of a share of a sum that rounding loses anyway."""


def eliminate(rates: np.ndarray) -> np.ndarray:
    """Stationary distribution of a chain of n states.

    Args:
        rates: `(n, n)` logarithms of the rates from row to column, -inf where there is no way; the diagonal does not
            count. Every state must reach every other.

    Returns:
        `(n,)` logarithms of probabilities.
    """
    mass = _eliminate(rates.copy())
    shares: np.ndarray = mass - log_sum(mass, 0)
    return shares


def log_sum(logs: np.ndarray, axis: int) -> np.ndarray:
    """Logarithm of the sum of what has these logarithms; -inf is nothing."""
    largest = logs.max(axis=axis, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore"):
        total: np.ndarray = np.log(np.exp(logs - largest).sum(axis=axis)) + largest.squeeze(axis)
    return total


@kernel
def _eliminate(rates):  # type: ignore[no-untyped-def]
    """Take out one state after the other, then put them back; `rates` is overwritten."""
    num = len(rates)
    leaving = np.zeros(num)
    for last in range(num - 1, 0, -1):
        top = rates[last, :last].max()
        total = 0.0
        for column in range(last):
            total += math.exp(rates[last, column] - top)
        leaving[last] = top + math.log(total)
        for row in range(last):
            if rates[row, last] == -np.inf:
                continue
            share = rates[row, last] - leaving[last]
            for column in range(last):
                large, small = rates[row, column], share + rates[last, column]
                if small > large:
                    large, small = small, large
                if small - large > LOST:
                    large += math.log1p(math.exp(small - large))
                rates[row, column] = large
    mass = np.zeros(num)
    for state in range(1, num):
        top = -np.inf
        for other in range(state):
            top = max(top, mass[other] + rates[other, state])
        total = 0.0
        for other in range(state):
            total += math.exp(mass[other] + rates[other, state] - top)
        mass[state] = top + math.log(total) - leaving[state]
    return mass
