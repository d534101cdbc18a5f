"""Made tournaments whose answers are known."""

from __future__ import annotations

import numpy as np

from evo_hns.spec import Side
from evo_hns.tournament.payoff import Payoff


def payoff(truth: np.ndarray, *, sd: float = 0.0, episodes: int = 16, seed: int = 0) -> Payoff:
    """A zero-sum tournament of normal returns with these `(H, S)` true means of the hiders."""
    return of_returns(truth + sd * np.random.default_rng(seed).standard_normal((episodes, *truth.shape)))


def won_or_lost(truth: np.ndarray, *, stake: float = 48.0, episodes: int = 16, seed: int = 0) -> Payoff:
    """A zero-sum tournament of episodes that pay the hiders all or cost them all, with these true means."""
    draws = np.random.default_rng(seed).random((episodes, *truth.shape))
    return of_returns(np.where(draws < (truth / stake + 1) / 2, stake, -stake))


def of_returns(returns: np.ndarray) -> Payoff:
    """A zero-sum tournament, from `(episodes, H, S)` returns of the hiders."""
    episodes, num_hiders, num_seekers = returns.shape
    number, mean, squares = np.full((num_hiders, num_seekers), episodes), returns.mean(0), episodes * returns.var(0)
    return Payoff.of_moments(
        hiders=tuple(f"hiders/{row}" for row in range(num_hiders)),
        seekers=tuple(f"seekers/{column}" for column in range(num_seekers)),
        moments={Side.HIDERS: (number, mean, squares), Side.SEEKERS: (number, -mean, squares)},
    )


def additive(num: int, *, gain: float = 1.0) -> np.ndarray:
    """`(num, num)` hiders and seekers that both get better by `gain` a generation, and nothing else."""
    time = gain * np.arange(num, dtype=np.float64)
    return time[:, None] - time[None, :]


def cycling(num: int, period: float, *, height: float = 1.0) -> np.ndarray:
    """`(num, num)` hiders and seekers that chase each other round a circle."""
    angle = 2 * np.pi * np.arange(num) / period
    return height * np.sin(angle[:, None] - angle[None, :])


def rock_paper_scissors() -> np.ndarray:
    """`(3, 3)` what the rows win."""
    return np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
