"""The Markov chain of two populations, each of one kind at a time, that take turns to be invaded by a mutant.

A state is a joint profile (hider i, seeker j): P Q of them, of which each reaches only the P + Q - 2 that differ in one
player. So the chain is kept as two stacks of small matrices, never as one of (P Q)^2 numbers.
"""

from __future__ import annotations

import numpy as np

_KRYLOV = 20
_RESTARTS = 60
_RESIDUAL = 1e-11


class JointChain:
    """How mutants take over.

    Args:
        hiders: `(P, Q)` returns of the hiders.
        seekers: `(P, Q)` returns of the seekers.
        alpha: strength of selection, per unit of return.
        population: individuals in each population.

    Source: Omidshafiei et al. 2019, Scientific Reports 9:9937.
    """

    def __init__(self, hiders: np.ndarray, seekers: np.ndarray, alpha: float, population: int) -> None:
        self.shape = hiders.shape
        share = 1.0 / (sum(self.shape) - 2)  # eta: one of all single deviations
        by_column = hiders.T  # (Q, P)
        self._hiders = share * fixation(by_column[:, None, :] - by_column[:, :, None], alpha, population)
        self._seekers = share * fixation(seekers[:, None, :] - seekers[:, :, None], alpha, population)
        for moves in (self._hiders, self._seekers):
            places = np.arange(moves.shape[-1])
            moves[:, places, places] = 0.0
        self._stay = 1.0 - self._hiders.sum(2).T - self._seekers.sum(2)

    def step(self, mass: np.ndarray) -> np.ndarray:
        """`(P, Q)` the distribution one step later."""
        by_hiders = np.matmul(mass.T[:, None, :], self._hiders)[:, 0, :].T
        by_seekers = np.matmul(mass[:, None, :], self._seekers)[:, 0, :]
        after: np.ndarray = mass * self._stay + by_hiders + by_seekers
        return after

    def stationary(self, start: np.ndarray) -> tuple[np.ndarray, float]:
        """`(P, Q)` the distribution that a step leaves as it is, and the sum of what a step still changes.

        Restarted Arnoldi iterations (Saad 2011, chapter 6): power iteration alone would take ages where strong
        selection makes the chain leave some states very rarely. Of what cannot be told apart in double precision the
        answer keeps the proportions of the start.

        Args:
            start: `(P, Q)` a distribution.
        """
        mass, change = start, np.inf
        for _ in range(_RESTARTS):
            better = self._project(mass)
            now = float(np.abs(self.step(better) - better).sum())
            if now < change:
                mass, change = better, now
            else:
                mass = self._settle(mass)
                change = float(np.abs(self.step(mass) - mass).sum())
            if change < _RESIDUAL:
                break
        return mass, change

    def _project(self, mass: np.ndarray) -> np.ndarray:
        """The vector of a small Krylov space that a step changes least, as a distribution."""
        basis = [mass.ravel() / np.linalg.norm(mass)]
        images = []
        for size in range(_KRYLOV):
            image = self.step(basis[size].reshape(self.shape)).ravel()
            images.append(image)
            fresh = image.copy()
            for _ in range(2):  # once more against rounding
                known = np.array(basis)
                fresh -= known.T @ (known @ fresh)
            length = float(np.linalg.norm(fresh))
            if length < 1e-14:
                break
            basis.append(fresh / length)
        known = np.array(basis[: len(images)])
        _, _, right = np.linalg.svd((np.array(images) - known).T, full_matrices=False)
        found = right[-1] @ known
        found = np.maximum(found * np.sign(found.sum()), 0.0)
        total = float(found.sum())
        return found.reshape(self.shape) / total if total > 0 else mass

    def _settle(self, mass: np.ndarray) -> np.ndarray:
        for _ in range(_KRYLOV):
            mass = self.step(mass)
        settled: np.ndarray = mass / mass.sum()
        return settled


def fixation(gain: np.ndarray, alpha: float, population: int) -> np.ndarray:
    """Probability that one mutant takes over a population.

    Args:
        gain: what the mutant's return exceeds the others' by, any shape.
        alpha: strength of selection.
        population: individuals.

    Returns:
        `(1 - e^(-x)) / (1 - e^(-m x))` with x = alpha gain, 1 / m where nothing is gained.
    """
    x = alpha * gain
    size = np.abs(x)
    with np.errstate(invalid="ignore"):
        upward = np.where(size > 1e-9, np.expm1(-size) / np.expm1(-population * size), 1.0 / population)
    odds = np.exp(-(population - 1) * size)  # of a loss against the same gain
    found: np.ndarray = np.where(x < 0, odds * upward, upward)
    return found
