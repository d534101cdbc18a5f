"""Who learns faster: what it takes to get half-way from untrained to the best that any condition reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray
from evo_hns.comparison.tracks import BUDGETS
from evo_hns.reports.seed_means import Track, condition_curve


@dataclass(frozen=True, eq=False)
class Threshold:
    """A score, and when each seed of each condition reached it."""

    outcome: str
    untrained: float  #: mean over all runs of their first measurement
    best: float  #: highest mean of a condition at any time
    times: Mapping[
        str, Mapping[str, FloatArray]
    ]  #: budget -> condition -> `(n,)`; infinite: not reached; NaN: not recorded

    @property
    def value(self) -> float:
        """Half-way."""
        return (self.untrained + self.best) / 2

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        times = {
            budget: {condition: seeds.tolist() for condition, seeds in conditions.items()}
            for budget, conditions in self.times.items()
        }
        return {
            "outcome": self.outcome,
            "untrained": self.untrained,
            "best": self.best,
            "threshold": self.value,
            "reached": times,
        }


def find_threshold(outcome: str, tracks: Mapping[str, Sequence[Track]]) -> Threshold | None:
    """When each run passed half-way.

    Args:
        outcome: its name.
        tracks: of each condition's runs, by its name.

    Returns:
        None if no condition ever became better than the untrained ones.
    """
    untrained = float(np.mean([each.values[0] for of_condition in tracks.values() for each in of_condition]))
    curves = [condition_curve(of_condition, "env_steps") for of_condition in tracks.values()]
    best = max((float(curve.mean.max()) for curve in curves if curve is not None), default=untrained)
    if best <= untrained:
        return None
    level = (untrained + best) / 2
    times = {
        budget: {
            condition: np.array([first_time(t.budgets[budget], t.values, level) for t in of])
            for condition, of in tracks.items()
        }
        for budget in BUDGETS
    }
    return Threshold(outcome, untrained, best, times)


def first_time(spent: FloatArray, values: FloatArray, level: float) -> float:
    """What was spent when a value first reached a level, linear between measurements.

    Args:
        spent: `(K,)` in rising order.
        values: `(K,)`.
        level: to be reached.

    Returns:
        Infinity if it never did, NaN if what was spent is not recorded.
    """
    if not np.isfinite(spent).all():
        return float("nan")
    above = np.flatnonzero(values >= level)
    if not len(above):
        return float("inf")
    row = int(above[0])
    if row == 0:
        return float(spent[0])
    share = (level - values[row - 1]) / (values[row] - values[row - 1])
    return float(spent[row - 1] + share * (spent[row] - spent[row - 1]))
