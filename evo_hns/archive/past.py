"""What is known of opponents when some of them are to be drawn, or one has to go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray

UNKNOWN = 0.5
"""The chance to beat an opponent of whom nothing is known."""


@dataclass(frozen=True, eq=False)
class Past:
    """H opponents of one side in the order of their arrival, and what came of meeting them."""

    chances: FloatArray  #: `(H,)` estimated chance that today's candidates beat each; NaN: never met
    beats: FloatArray  #: `(H, K)` whether each beat each of K recent champions (1, draw 1/2, 0); NaN: they never met

    def __len__(self) -> int:
        """Number of opponents H."""
        return len(self.chances)

    @property
    def supposed_chances(self) -> FloatArray:
        """`(H,)` chances to beat each opponent, 1/2 where nothing is known."""
        return np.where(np.isnan(self.chances), UNKNOWN, self.chances)

    @property
    def supposed_beats(self) -> FloatArray:
        """`(H, K)` share of matches each opponent wins against each champion; by its chances if they never met."""
        return np.where(np.isnan(self.beats), 1.0 - self.supposed_chances[:, None], self.beats)
