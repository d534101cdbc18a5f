"""Intervals and tests of few episodes, and of generations that resemble their neighbours."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

import numpy as np

ALPHA = 0.05
"""Chance of a false alarm that tests allow."""

K = TypeVar("K", bound=Hashable)

_Z_95 = NormalDist().inv_cdf(0.975)
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


def deviate(difference: np.ndarray, squared_error: np.ndarray, dof: np.ndarray) -> np.ndarray:
    """A difference in standard errors, as the normal deviate that is as rare as its t statistic.

    Few episodes make large t statistics common; `clear` knows only the normal distribution.

    Args:
        difference: any shape; NaN where there is none.
        squared_error: the same shape.
        dof: the same shape, degrees of freedom of the squared error.

    Returns:
        Deviates of the same shape; minus infinity (which proves nothing) where there is no difference.

    Source: Wallace 1959, Annals of Mathematical Statistics 30(4).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = np.where(difference == 0, 0.0, np.square(difference) / squared_error)
        normal = (8 * dof + 1) / (8 * dof + 3) * np.sqrt(dof * np.log1p(squared / dof))
    signed: np.ndarray = np.where(np.isnan(normal), -np.inf, np.copysign(normal, difference))
    return signed


def welch_dof(first: np.ndarray, first_dof: np.ndarray, second: np.ndarray, second_dof: np.ndarray) -> np.ndarray:
    """Degrees of freedom of a difference of two means with these squared errors (Welch 1947)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        both = np.square(first + second) / (np.square(first) / first_dof + np.square(second) / second_dof)
    dof: np.ndarray = np.where(np.isfinite(both), both, np.minimum(first_dof, second_dof))
    return dof


def t_quantile(dof: float) -> float:
    """97.5 % quantile of Student's t: `deviate` turned round."""
    stretched = _Z_95 * (8 * dof + 3) / (8 * dof + 1)
    return float(np.sqrt(dof * np.expm1(stretched**2 / dof)))


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
    return wilson(float(happened.mean()), effective_count(happened.astype(np.float64)))


def wilson(share: float, count: float) -> Interval:
    """A share of so many observations with Wilson's score interval (1927), which is fit for shares of 0 and 1."""
    weight = _Z_95**2 / count
    centre = (share + weight / 2) / (1 + weight)
    half = np.sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    return Interval(share, min(share, float(centre - half)), max(share, float(centre + half)))


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
    half = t_quantile(count - 2) * float(error)
    return Interval(slope, slope - half, slope + half)
