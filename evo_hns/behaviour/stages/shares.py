"""In how many episodes something was shown, with the interval that a small number of them calls for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evo_hns.evaluation.intervals import wilson


@dataclass(frozen=True)
class Share:
    """`shown` of `counted` independent episodes, with Wilson's 95 % interval, which holds at 0 and at all of them."""

    shown: int
    counted: int

    @property
    def value(self) -> float:
        """The share; NaN of no episodes."""
        return self.shown / self.counted if self.counted else math.nan

    @property
    def low(self) -> float:
        """Lower end of the interval; 0 of no episodes."""
        return wilson(self.shown, self.counted)[0] if self.counted else 0.0

    @property
    def high(self) -> float:
        """Upper end of the interval; 1 of no episodes."""
        return wilson(self.shown, self.counted)[1] if self.counted else 1.0

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {
            "share": self.value,
            "ci95_low": self.low,
            "ci95_high": self.high,
            "shown": self.shown,
            "episodes": self.counted,
        }

    def __add__(self, other: Share) -> Share:
        return Share(self.shown + other.shown, self.counted + other.counted)

    def __str__(self) -> str:
        if not self.counted:
            return "-"
        return f"{self.value:.0%} ({self.low:.0%}-{self.high:.0%})"
