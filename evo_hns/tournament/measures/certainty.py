"""Intervals and tests of few episodes, and of generations that resemble their neighbours."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from evo_hns.evaluation.intervals import student_quantile, wilson

ALPHA = 0.05
"""Chance of a false alarm that tests allow."""

K = TypeVar("K", bound=Hashable)

_MOST_SERIAL = 0.9  #: of the autocorrelation of a series, above which too little of it would be left to count


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def around(self, *, lowest: float, highest: float) -> Interval:
        """The same within the bounds that such a figure has."""
        return Interval(*(float(np.clip(number, lowest, highest)) for number in (self.value, self.low, self.high)))

    def told(self, form: str = "+.1f") -> str:
        """`+1.5 [+0.5, +2.5]`: the figure and its interval, on pages and terminals alike."""
        return f"{self.value:{form}} [{self.low:{form}}, {self.high:{form}}]"

    def told_as_share(self) -> str:
        """`40 % [30, 50]`."""
        return f"{100 * self.value:.0f} % [{100 * self.low:.0f}, {100 * self.high:.0f}]"


def largest_first(values: Mapping[K, float]) -> list[K]:
    """Keys in the order of their values; those whose values differ by rounding alone keep the order they come in."""
    names = sorted(values, key=lambda name: -values[name])
    rounding = 1e-9 * max(map(abs, values.values()), default=0.0)
    place = {name: number for number, name in enumerate(values)}
    tier, rank = 0, {}
    for better, name in zip([*names[:1], *names], names, strict=False):
        tier += values[better] - values[name] > rounding
        rank[name] = (tier, place[name])
    return sorted(names, key=rank.__getitem__)


def clear(level: float) -> float:
    """The normal deviate that chance exceeds with a probability of `level`."""
    return -NormalDist().inv_cdf(level)


def deviate(
    difference: np.ndarray, squared_error: np.ndarray, dof: np.ndarray, *, least: npt.ArrayLike = 0.0
) -> np.ndarray:
    """A difference in standard errors, as the normal deviate that is as rare as its t statistic.

    Few episodes make large t statistics common; `clear` knows only the normal distribution.

    Args:
        difference: any shape; NaN where there is none.
        squared_error: the same shape.
        dof: the same shape, degrees of freedom of the squared error.
        least: deviates up to this one prove nothing and are not looked up; of a shape that fits.

    Returns:
        Deviates of the same shape; minus infinity (which proves nothing) up to `least`, and without a difference.
    """
    from scipy.special import ndtri, stdtr

    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = difference / np.sqrt(squared_error)
    far = statistic > least  # t has the longer tails: its deviate is nearer to zero
    found = np.full(statistic.shape, -np.inf)
    found[far] = -ndtri(stdtr(np.broadcast_to(dof, statistic.shape)[far], -statistic[far]))
    return found


def effective_count(series: np.ndarray) -> float:
    """How many independent observations a series of generations is worth, given its lag-one autocorrelation.

    `n (1 - r) / (1 + r)`, for an autoregressive series of order one (Bayley and Hammersley 1946).
    """
    centred = series - series.mean()
    power = float(centred @ centred)
    serial = float(centred[1:] @ centred[:-1]) / power if power > 0 else 0.0
    serial = float(np.clip(serial, 0.0, _MOST_SERIAL))
    return len(series) * (1 - serial) / (1 + serial)


def share_interval(happened: np.ndarray) -> Interval:
    """The share of generations in which something happened, for generations that resemble their neighbours."""
    return share_of(float(happened.mean()), effective_count(happened.astype(np.float64)))


def share_of(share: float, count: float) -> Interval:
    """A share of so many observations, which need not be a whole number, with Wilson's interval."""
    return Interval(share, *wilson(share * count, count))


def slope_interval(times: np.ndarray, values: np.ndarray) -> Interval:
    """Least-squares slope of a series; its interval allows for residuals that resemble their neighbours.

    Args:
        times: `(n,)`, not all equal, n at least 3.
        values: `(n,)`.
    """
    centred = times - times.mean()
    power = float(centred @ centred)
    slope = float(centred @ values) / power
    residuals = values - values.mean() - slope * centred
    count = max(effective_count(residuals), 3.0)
    error = np.sqrt(float(residuals @ residuals) / (len(times) - 2) / power * len(times) / count)
    half = float(student_quantile(count - 2) * error)
    return Interval(slope, slope - half, slope + half)
