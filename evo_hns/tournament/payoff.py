"""What players of both sides scored against each other: the table that every question of a tournament is asked of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evo_hns.spec import Side


@dataclass(frozen=True, eq=False)
class Payoff:
    """H hiders against S seekers, several episodes each; higher is better for the side whose table it is.

    The game need not be zero-sum: each side has a table of its own, both with a row per hider.
    """

    hiders: tuple[str, ...]  #: H names
    seekers: tuple[str, ...]  #: S names
    mean: Mapping[Side, np.ndarray]  #: `(H, S)` float64 each, mean return of the side's team; NaN: not played
    variance: Mapping[Side, np.ndarray]  #: `(H, S)` float64 each, of one episode's return; NaN below two episodes
    count: np.ndarray  #: `(H, S)` int64, episodes that were counted

    def of(self, side: Side) -> np.ndarray:
        """`(P, Q)` mean returns of one side, a row for each of its own players."""
        return self.mean[side] if side is Side.HIDERS else self.mean[side].T

    def noise(self, side: Side) -> np.ndarray:
        """`(P, Q)` squared standard errors of `of`."""
        squared: np.ndarray = self.variance[side] / np.maximum(self.count, 1)
        return squared if side is Side.HIDERS else squared.T
