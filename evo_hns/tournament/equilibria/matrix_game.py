"""Optimal strategies of a zero-sum matrix game: the simplex method, and the most even of all optimal strategies.

Pure numpy: games of some hundred strategies are small, and no linear programming library is a dependency.
"""

from __future__ import annotations

import numpy as np

_TINY = 1e-10
_DANTZIG = 20  #: pivots per strategy after which the rule that cannot cycle takes over
_MOST = 200  #: pivots per strategy after which rounding is at work; what is then answered tells its exploitability
_BARRIER_STEPS = 400
_SMALLEST = 1e-150  #: probability, whose inverse can still be squared


def solve(payoff: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Optimal mixed strategies, one of possibly many for each player.

    Args:
        payoff: `(P, Q)` finite, what the row player wins of the column player.

    Returns:
        `(P,)` and `(Q,)` probabilities.

    Source: Dantzig 1951; the game as a linear program in the form of Chvatal 1983, chapter 15. Largest coefficient
    first, then Bland's rule (1977).
    """
    num_rows, num_columns = payoff.shape
    span = float(np.ptp(payoff))
    positive = (payoff - payoff.min()) / span + 1.0 if span > 0 else np.ones_like(payoff)
    # Maximise sum(y) subject to positive @ y <= 1 and y >= 0; the slacks are a basis to start from.
    tableau = np.zeros((num_rows + 1, num_columns + num_rows + 1))
    tableau[:-1, :num_columns] = positive
    tableau[:-1, num_columns:-1] = np.eye(num_rows)
    tableau[:-1, -1] = 1.0
    tableau[-1, :num_columns] = -1.0
    basis = np.arange(num_columns, num_columns + num_rows)
    strategies = num_rows + num_columns
    for pivots in range(_MOST * strategies):
        if (tableau[-1, :-1] >= -_TINY).all():
            break
        _pivot(tableau, basis, greedy=pivots < _DANTZIG * strategies)
    columns = np.zeros(num_columns + num_rows)
    columns[basis] = tableau[:-1, -1]
    return _normalised(tableau[-1, num_columns:-1]), _normalised(columns[:num_columns])


def _pivot(tableau: np.ndarray, basis: np.ndarray, *, greedy: bool) -> None:
    gains = tableau[-1, :-1]
    entering = int(np.argmin(gains)) if greedy else int(np.argmax(gains < -_TINY))
    column = tableau[:-1, entering]
    ratios = np.where(column > _TINY, tableau[:-1, -1] / np.where(column > _TINY, column, 1.0), np.inf)
    tied = np.flatnonzero(ratios <= ratios.min() + 1e-14)
    leaving = int(tied[np.argmax(column[tied])] if greedy else tied[np.argmin(basis[tied])])
    tableau[leaving] /= tableau[leaving, entering]
    factors = tableau[:, entering].copy()
    factors[leaving] = 0.0
    tableau -= factors[:, None] * tableau[leaving][None, :]
    basis[leaving] = entering


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
