"""Optimal strategies of a zero-sum matrix game: those of a vertex, and the most even of all optimal strategies."""

from __future__ import annotations

import numpy as np

_EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
_BARRIER_STEPS = 400
_SMALLEST = 1e-150  #: probability, whose inverse can still be squared


def solve(payoff: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Optimal mixed strategies, one of possibly many for each player.

    Args:
        payoff: `(P, Q)` finite, what the row player wins of the column player.

    Returns:
        `(P,)` and `(Q,)` probabilities.

    Source: the game as a linear program in the form of Chvatal 1983, chapter 15.
    """
    from scipy.optimize import linprog

    span = float(np.ptp(payoff))
    positive = (payoff - payoff.min()) / span + 1.0 if span > 0 else np.ones_like(payoff)
    # Maximise sum(columns) subject to positive @ columns <= 1 and columns >= 0; its shadow prices are the rows.
    found = linprog(-np.ones(payoff.shape[1]), positive, np.ones(payoff.shape[0]), method="highs-ds", options=_EXACT)
    return _normalised(-found.ineqlin.marginals), _normalised(found.x)


def most_even(payoff: np.ndarray, strategy: np.ndarray, value: float, tolerance: float) -> np.ndarray:
    """Of all row strategies that guarantee the value of the game within a tolerance, the one of the largest entropy.

    Unlike an optimal vertex it does not depend on the order of the players, and clones of a player share its weight.

    Args:
        payoff: `(P, Q)` what the row player wins.
        strategy: `(P,)` an optimal one.
        value: of the game.
        tolerance: how much less than the value may be guaranteed, in units of payoff; positive.

    Returns:
        `(P,)` probabilities.

    Source: Balduzzi et al. 2018 (maximum entropy Nash); here by logarithmic barriers for margins and
    probabilities and Newton's method (Boyd and Vandenberghe 2004, chapter 11). Without a barrier for probabilities
    those of bad strategies fall so fast that no step is left for the others, and the answer stays near the given one.
    """
    margins = (payoff - value + tolerance) / tolerance  # margins.T @ x >= 0 is what is asked; 1 at the optimum
    span = max(float(np.abs(margins).max()), 1.0)
    mix = min(0.5, 0.25 / span)
    even = (1 - mix) * strategy + mix / len(strategy)
    weight = 1.0
    for _ in range(_BARRIER_STEPS):
        step, decrement = _newton_step(margins, even, weight)
        if decrement > 1e-9:
            even = even + _step_size(margins, even, weight, step, decrement) * step
        elif weight > 1e-7:
            weight *= 0.2
        else:
            break
    return _normalised(even)


def _newton_step(margins: np.ndarray, even: np.ndarray, weight: float) -> tuple[np.ndarray, float]:
    """Of entropy plus `weight` times the logarithms of probabilities and margins, probabilities adding up to one."""
    left = even @ margins
    gradient = -np.log(even) - 1 + weight * (1 / even + margins @ (1 / left))
    scaled = margins / left
    curvature = np.diag(1 / even + weight / even**2) + weight * (scaled @ scaled.T)
    both = np.linalg.solve(curvature, np.stack([gradient, np.ones_like(even)], axis=1))
    step: np.ndarray = both[:, 0] - both[:, 1] * both[:, 0].sum() / both[:, 1].sum()
    return step, float(step @ gradient)


def _step_size(margins: np.ndarray, even: np.ndarray, weight: float, step: np.ndarray, decrement: float) -> float:
    """Halved until all stays positive and the sum grows."""
    start = _height(margins, even, weight)
    size = 1.0
    for _ in range(60):
        there = even + size * step
        if there.min() > _SMALLEST and (there @ margins).min() > 0:
            gained = _height(margins, there, weight) - start
            if gained >= 0.1 * size * decrement or size * decrement < 1e-12:
                return size
        size /= 2
    return 0.0


def _height(margins: np.ndarray, even: np.ndarray, weight: float) -> float:
    return float(-(even @ np.log(even)) + weight * (np.log(even).sum() + np.log(even @ margins).sum()))


def exploitability(payoff: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> float:
    """What the two players could gain together by answering each other best; zero at an equilibrium."""
    return float((payoff @ columns).max() - (rows @ payoff).min())


def _normalised(weights: np.ndarray) -> np.ndarray:
    positive = np.maximum(weights, 0.0)
    probabilities: np.ndarray = positive / positive.sum()
    return probabilities
