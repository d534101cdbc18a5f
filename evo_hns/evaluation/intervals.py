"""Means with the confidence intervals that every claim needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Z_95 = 1.959964
"""97.5 % quantile of the normal distribution: samples here count in the dozens or hundreds."""

_STRIPS = 2000


def student_95(dof: np.ndarray | float) -> np.ndarray:
    """97.5 % quantile of Student's t, of many at once: right to 1 % from three degrees of freedom on, 0.1 % from five.

    `student_quantile` is right for any, one at a time.

    Source: Abramowitz and Stegun 1964, eq. 26.7.5.
    """
    nu, z = np.asarray(dof, dtype=np.float64), Z_95
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    quantile: np.ndarray = np.full_like(nu, z)
    for power, term in enumerate(terms, start=1):
        quantile = quantile + term / nu**power
    return quantile


def student_p(statistic: float, dof: float) -> float:
    """How often chance alone makes Student's t as large as this or larger, in either direction.

    With `t = sqrt(dof) tan(angle)` its density is a power of a cosine over angles up to a right one, which is summed
    up by the midpoint rule: right to six digits from one degree of freedom on.

    Args:
        statistic: t, of any sign.
        dof: degrees of freedom, at least 1; need not be whole.
    """
    start = math.atan2(abs(statistic), math.sqrt(dof))
    width = (math.pi / 2 - start) / _STRIPS
    angles = start + width * (np.arange(_STRIPS) + 0.5)
    log_whole = math.lgamma(dof / 2) + math.lgamma(0.5) - math.lgamma((dof + 1) / 2) - math.log(2)
    return float(min(np.sum(np.cos(angles) ** (dof - 1)) * width / math.exp(log_whole), 1.0))


def student_quantile(dof: float, level: float = 0.05) -> float:
    """What chance alone exceeds in size with probability `level`: 97.5 % quantile of Student's t, by bisection.

    Args:
        dof: degrees of freedom, at least 1; need not be whole.
        level: between 0 and 1.
    """
    low, high = 0.0, 1.0
    while student_p(high, dof) > level:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if student_p(middle, dof) > level else (low, middle)
    return high


@dataclass(frozen=True)
class Estimate:
    """A mean over independent worlds with its 95 % confidence interval."""

    mean: float
    half_width: float  #: half the width of the 95 % interval (infinite below two samples)
    num_samples: int

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.mean + self.half_width

    def __str__(self) -> str:
        return f"{self.mean:+.1f} ± {self.half_width:.1f}"


def estimate(samples: np.ndarray) -> Estimate:
    """Mean and 95 % interval of independent samples; those that are not finite are left out.

    Raises:
        ValueError: no finite sample.
    """
    values = np.asarray(samples, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        raise ValueError("got no finite sample to average; expected at least one match that did not fail")
    if len(values) == 1:
        return Estimate(float(values[0]), float("inf"), 1)
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    return Estimate(float(values.mean()), float(Z_95 * error), len(values))


def estimate_few(samples: np.ndarray) -> Estimate:
    """Mean and 95 % t-interval of few independent samples, such as seeds of a run; else as `estimate`."""
    normal = estimate(samples)
    if normal.num_samples == 1:
        return normal
    widening = student_quantile(normal.num_samples - 1) / Z_95
    return Estimate(normal.mean, widening * normal.half_width, normal.num_samples)


def estimate_gain(before: np.ndarray, after: np.ndarray) -> Estimate:
    """Mean difference of scores from the same worlds, paired world by world, with its 95 % interval.

    Raises:
        ValueError: the two do not pair, or no pair is finite.
    """
    if np.shape(before) != np.shape(after):
        raise ValueError(f"got {np.shape(before)} and {np.shape(after)} scores, expected those of the same worlds")
    return estimate(np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64))
