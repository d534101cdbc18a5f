"""Curves of conditions: means over seeds with intervals over seeds, against env steps, core-hours and wall time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray
from evo_hns.comparison.tracks import Track
from evo_hns.evaluation.intervals import estimate_few

_MOST_POINTS = 120


@dataclass(frozen=True, eq=False)
class Curve:
    """The mean of a condition's runs over a budget, where all of them were."""

    x: FloatArray  #: `(K,)` spent
    mean: FloatArray  #: `(K,)`
    half_widths: FloatArray  #: `(K,)` of 95 % intervals: over seeds, or, of one seed, over worlds
    num_seeds: int

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "spent": self.x.tolist(),
            "mean": self.mean.tolist(),
            "ci95": self.half_widths.tolist(),
            "seeds": self.num_seeds,
            "interval_over": "seeds" if self.num_seeds > 1 else "worlds",
        }


def condition_curve(tracks: Sequence[Track], budget: str) -> Curve | None:
    """The curve of a condition: the mean of its runs, interpolated where their measurements differ.

    Where all runs were measured in the same generations, a point for each of these, at the mean of what they had spent;
    else a point at each measurement of any run.

    Args:
        tracks: of its runs.
        budget: one of `BUDGETS`.

    Returns:
        None if there is no run, one did not record this budget, or they have no common part.
    """
    spent = [each.budgets[budget] for each in tracks]
    if not spent or not all(np.isfinite(each).all() for each in spent):
        return None
    if len(tracks) == 1:
        return Curve(spent[0], tracks[0].values, tracks[0].half_widths, 1)
    start, end = max(each[0] for each in spent), min(each[-1] for each in spent)
    if end < start:
        return None
    fewest = min(map(len, spent))
    if len({tuple(each.generations[:fewest]) for each in tracks}) == 1:
        grid = np.mean([each[:fewest] for each in spent], axis=0)
    else:
        grid = np.concatenate(spent)
    grid = np.unique(np.clip(grid, start, end))
    if len(grid) > _MOST_POINTS:
        grid = np.linspace(start, end, _MOST_POINTS)
    estimates = [estimate_few(column) for column in np.array([each.at(budget, grid) for each in tracks]).T]
    return Curve(
        grid,
        np.array([each.mean for each in estimates]),
        np.array([each.half_width for each in estimates]),
        len(tracks),
    )


def common_budget(tracks: Mapping[str, Sequence[Track]], budget: str) -> float | None:
    """The most of a budget that every run had spent at a measurement; None where some did not record it."""
    ends = [float(each.budgets[budget][-1]) for of_condition in tracks.values() for each in of_condition]
    starts = [float(each.budgets[budget][0]) for of_condition in tracks.values() for each in of_condition]
    if not np.isfinite(ends + starts).all() or min(ends) < max(starts):
        return None
    return min(ends)
