"""Means over seeds: how a measurement went in each run, against what it had cost by then, and in all of them together.

The one place where runs that differ only in their seed become a curve, an end or an area with its interval over seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.evaluation.intervals import Estimate, estimate_few

_MOST_POINTS = 120


@dataclass(frozen=True, eq=False)
class Track:
    """An outcome of one run at its K measurements."""

    generations: IntArray  #: `(K,)`
    values: FloatArray  #: `(K,)` mean return
    half_widths: FloatArray  #: `(K,)` of 95 % intervals over worlds
    budgets: Mapping[str, FloatArray]  #: `(K,)` each, what was spent by the end of that generation; NaN: not recorded

    def at(self, budget: str, spent: float | FloatArray) -> FloatArray:
        """The value when so much was spent, linear between measurements; NaN before the first and after the last."""
        x = self.budgets[budget]
        wanted = np.asarray(spent, dtype=np.float64)
        if not np.isfinite(x).all():
            return np.full(wanted.shape, np.nan)
        found = np.interp(wanted, x, self.values)
        slack = 1e-9 * max(float(x[-1]), 1.0)
        inside = (wanted >= x[0] - slack) & (wanted <= x[-1] + slack)
        values: FloatArray = np.where(inside, found, np.nan)
        return values

    def half_width_at(self, budget: str, spent: float) -> float:
        """That of the last measurement by then: half of the interval over worlds."""
        x = self.budgets[budget]
        row = int(np.searchsorted(x, spent * (1 + 1e-9), side="right")) - 1
        return float(self.half_widths[max(row, 0)])


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
        budget: what was spent, one that tracks have.

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


def score_at(tracks: Sequence[Track], budget: str, spent: float) -> tuple[FloatArray, Estimate]:
    """What runs had come to when so much was spent.

    Args:
        tracks: of runs that differ only in their seed.
        budget: what was spent, one that tracks have.
        spent: so much of it.

    Returns:
        `(n,)` values of the runs, and their mean with its interval over seeds; of one seed over worlds.
    """
    values = np.array([float(each.at(budget, spent)) for each in tracks])
    if len(values) == 1:
        return values, Estimate(float(values[0]), tracks[0].half_width_at(budget, spent), 1)
    return values, estimate_few(values)


def area(track: Track, until: float | None = None) -> float:
    """Under a curve over env steps, divided by these: the mean on the way; of a single point its value.

    Args:
        track: of one run.
        until: so many env steps; by default all.
    """
    x, y = track.budgets["env_steps"], track.values
    if until is not None and until < x[-1]:
        inside = x < until
        x, y = np.append(x[inside], until), np.append(y[inside], track.at("env_steps", until))
    if len(x) < 2:
        return float(y[0])
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))
