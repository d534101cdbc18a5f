"""The Markov chain of two populations, each of one kind at a time, that take turns to be invaded by a mutant.

A state is a joint profile (hider i, seeker j): P Q of them, of which each reaches only the P + Q - 2 that differ in one
player. So the chain is kept as two stacks of small matrices, never as one of (P Q)^2 numbers. Rates are kept as
logarithms: however strong selection is, who loses by it takes over rarely, not never, and no class is closed.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.system.kernels import kernel
from evo_hns.tournament.equilibria.stationary import LOST, eliminate, log_sum
from evo_hns.tournament.measures.score_table import UnanswerableError

_DIRECT = 100  #: profiles up to which all are eliminated
_MOST_WATCHED = 1000  #: profiles that are eliminated at most
_PATIENCE = 50  #: sweeps in which changes must shrink tenfold, or more profiles are watched
_TOLERANCE = 1e-11  #: relative change of a mass in the last sweep, beside the rounding of its logarithm
_EPSILON = float(np.finfo(np.float64).eps)


class JointChain:
    """How mutants take over.

    Args:
        hiders: `(P, Q)` returns of the hiders.
        seekers: `(P, Q)` returns of the seekers.
        alpha: strength of selection, per unit of return; finite. At infinity who loses would never take over, and a
            chain of several closed classes has no single answer; its limit is what a large alpha comes to.
        population: individuals in each population.

    Raises:
        ValueError: alpha is not finite.

    Source: Omidshafiei et al. 2019, Scientific Reports 9:9937.
    """

    def __init__(self, hiders: np.ndarray, seekers: np.ndarray, alpha: float, population: int) -> None:
        if not math.isfinite(alpha):
            raise ValueError(f"got alpha {alpha}, expected a finite one: its limit is what a large alpha comes to")
        self.shape = hiders.shape
        share = -math.log(sum(self.shape) - 2)  # eta: one of all single deviations
        self._neutral = share - math.log(population)
        by_column = hiders.T  # (Q, P)
        # [where, to, from]: what flows into a profile lies side by side.
        self._hiders = share + log_fixation(by_column[:, :, None] - by_column[:, None, :], alpha, population)
        self._seekers = share + log_fixation(seekers[:, :, None] - seekers[:, None, :], alpha, population)
        for moves in (self._hiders, self._seekers):
            places = np.arange(moves.shape[-1])
            moves[:, places, places] = -np.inf
        self._leaving: np.ndarray = np.logaddexp(log_sum(self._hiders, 1).T, log_sum(self._seekers, 1))

    def stationary(self) -> np.ndarray:
        """`(P, Q)` the distribution that a step leaves as it is.

        The chain is watched in a few profiles: all strict equilibria, where a population stays for ages. How much
        time it spends elsewhere for each stay in one of them is found by sweeps that begin with nothing elsewhere: a
        class that is hard to leave and to find then still grows from sweep to sweep, and its heaviest profiles are
        watched as well.

        Raises:
            UnanswerableError: more than a thousand profiles would have to be watched.
        """
        watched = self._strict_equilibria()
        more = 1
        while len(watched) <= _MOST_WATCHED:
            visits = np.full((len(watched), *self.shape), -np.inf)
            between = np.full((len(watched), len(watched)), -np.inf)
            for row, state in enumerate(watched):
                between[row], unsettled = self._excursions(visits[row], watched, state)
                if unsettled.any():
                    break
            else:
                mass = log_sum(visits + eliminate(between)[:, None, None], 0)
                found: np.ndarray = np.exp(mass - log_sum(mass.ravel(), 0))
                return found
            heavy = np.argsort(np.where(unsettled, -visits[row], np.inf), axis=None, kind="stable")
            watched = np.concatenate([watched, heavy[: min(more, int(unsettled.sum()))]])
            more *= 2
        raise UnanswerableError(f"populations would be caught in more than {_MOST_WATCHED} pairs: take fewer players")

    def _strict_equilibria(self) -> np.ndarray:
        """Places of the profiles that no population leaves alone without a loss; of all profiles where they are few."""
        if self._leaving.size <= _DIRECT:
            return np.arange(self._leaving.size)
        quickest = np.maximum(self._hiders.max(1).T, self._seekers.max(1))
        strict = np.flatnonzero(quickest < self._neutral - 1e-9)
        return strict if strict.size else np.array([self._leaving.argmin()])

    def _excursions(self, visits: np.ndarray, watched: np.ndarray, home: int) -> tuple[np.ndarray, np.ndarray]:
        """What happens from a stay in one watched profile until the chain is seen in another.

        Args:
            visits: `(P, Q)` all -inf; receives logarithms of the time spent in the profile and in those that are not
                watched, in units of the time spent in it.
            watched: `(k,)` places of the watched profiles.
            home: the place of the one from which it starts.

        Returns:
            `(k,)` logarithms of the rates at which it then is in each watched profile, and `(P, Q)` bool, whether
            `visits` still changed.
        """
        visits.flat[home] = 0.0
        hidden = np.ones(self.shape, dtype=bool)
        hidden.flat[watched] = False
        change = np.zeros(self.shape)
        row, column = divmod(home, self.shape[1])
        setting_out = np.concatenate(
            [self._hiders[column, :, row][hidden[:, column]], self._seekers[row, :, column][hidden[row]]]
        )
        reached, sweeps = np.inf, 0
        while setting_out.size:
            before = visits.copy()
            order = np.argsort(-visits, axis=None, kind="stable")  # what is heavy flows into what is not
            _sweep(visits, self._hiders, self._seekers, self._leaving, order[hidden.flat[order]])
            visits.flat[home] = -np.inf
            visits[hidden] += log_sum(setting_out, 0) - log_sum(self._arrivals(visits, watched), 0)  # all come back
            visits.flat[home] = 0.0
            with np.errstate(invalid="ignore"):
                change = np.where(hidden, np.abs(visits - before), 0.0)
            largest, sweeps = change.max(), sweeps + 1
            if np.isfinite(largest) and largest <= _TOLERANCE + 16 * _EPSILON * np.abs(visits[hidden]).max():
                return self._arrivals(visits, watched), np.zeros_like(hidden)
            if sweeps % _PATIENCE == 0:
                if largest > reached / 10:
                    break
                reached = largest
        return self._arrivals(visits, watched), change > _TOLERANCE

    def _arrivals(self, visits: np.ndarray, places: np.ndarray) -> np.ndarray:
        found: np.ndarray = _arrivals(visits, self._hiders, self._seekers, places)
        return found


def log_fixation(gain: np.ndarray, alpha: float, population: int) -> np.ndarray:
    """Logarithm of the probability that one mutant takes over a population.

    Args:
        gain: what the mutant's return exceeds the others' by, any shape.
        alpha: strength of selection.
        population: individuals.

    Returns:
        Of `(1 - e^(-x)) / (1 - e^(-m x))` with x = alpha gain, of 1 / m where nothing is gained.
    """
    x = alpha * gain
    size = np.maximum(np.abs(x), 1e-290)
    upward = np.log(-np.expm1(-size)) - np.log(-np.expm1(-population * size))
    found: np.ndarray = np.where(x < 0, upward - (population - 1) * size, upward)
    return found


@kernel
def _inflow(visits, hiders, seekers, row, column):  # type: ignore[no-untyped-def]
    """Logarithm of the flow into a profile."""
    top = -np.inf
    for other in range(visits.shape[0]):
        top = max(top, visits[other, column] + hiders[column, row, other])
    for other in range(visits.shape[1]):
        top = max(top, visits[row, other] + seekers[row, column, other])
    if top == -np.inf:
        return top
    total = 0.0
    for other in range(visits.shape[0]):
        share = visits[other, column] + hiders[column, row, other] - top
        if share > LOST:
            total += math.exp(share)
    for other in range(visits.shape[1]):
        share = visits[row, other] + seekers[row, column, other] - top
        if share > LOST:
            total += math.exp(share)
    return top + math.log(total)


@kernel
def _sweep(visits, hiders, seekers, leaving, order):  # type: ignore[no-untyped-def]
    """Balance one profile after the other (Gauss-Seidel)."""
    for place in order:
        row, column = place // visits.shape[1], place % visits.shape[1]
        visits[row, column] = _inflow(visits, hiders, seekers, row, column) - leaving[row, column]


@kernel
def _arrivals(visits, hiders, seekers, places):  # type: ignore[no-untyped-def]
    found = np.empty(len(places))
    for number, place in enumerate(places):
        row, column = place // visits.shape[1], place % visits.shape[1]
        found[number] = _inflow(visits, hiders, seekers, row, column)
    return found
