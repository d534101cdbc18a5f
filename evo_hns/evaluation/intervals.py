"""Means with the confidence intervals that every claim needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Z_95 = 1.959964
"""97.5 % quantile of the normal distribution: samples here count in the dozens or hundreds."""


def student_95(dof: np.ndarray | float) -> np.ndarray:
    """97.5 % quantile of Student's t: right to 1 % from three degrees of freedom on, to 0.1 % from five.

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


def estimate_gain(before: np.ndarray, after: np.ndarray) -> Estimate:
    """Mean difference of scores from the same worlds, paired world by world, with its 95 % interval.

    Raises:
        ValueError: the two do not pair, or no pair is finite.
    """
    if np.shape(before) != np.shape(after):
        raise ValueError(f"got {np.shape(before)} and {np.shape(after)} scores, expected those of the same worlds")
    return estimate(np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64))
