"""Means with the confidence intervals that every claim needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Z_95 = 1.959964
"""97.5 % quantile of the normal distribution: samples here count in the dozens or hundreds."""


def student_p(statistic: npt.ArrayLike, dof: npt.ArrayLike) -> np.ndarray:
    """How often chance alone makes Student's t as large as this or larger, in either direction.

    Args:
        statistic: t, of any sign and shape.
        dof: degrees of freedom, above 0; need not be whole.
    """
    from scipy.special import stdtr

    return np.asarray(2 * stdtr(dof, -np.abs(statistic)))


def student_quantile(dof: npt.ArrayLike, level: float = 0.05) -> np.ndarray:
    """What chance alone exceeds in size with probability `level`: of 5 % the 97.5 % quantile of Student's t.

    Args:
        dof: degrees of freedom, above 0, of any shape; need not be whole.
        level: between 0 and 1.
    """
    from scipy.special import stdtrit

    return np.asarray(stdtrit(dof, 1 - level / 2))


def satterthwaite(squared_errors: npt.ArrayLike, dofs: npt.ArrayLike) -> np.ndarray:
    """Degrees of freedom of a sum of squared errors; where all of them are zero, those of all parts together.

    Args:
        squared_errors: `(n, ...)` parts of the sum.
        dofs: `(n, ...)` degrees of freedom of each part.

    Returns:
        `(...)`.

    Source: Satterthwaite 1946, Biometrics Bulletin 2; of two means it is Welch's (1947, Biometrika 34).
    """
    parts, free = np.asarray(squared_errors, dtype=np.float64), np.asarray(dofs, dtype=np.float64)
    total = parts.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        dof = np.square(total) / (np.square(parts) / free).sum(0)
    return np.asarray(np.where(total > 0, dof, free.sum(0)))


def half_width(squared_errors: npt.ArrayLike, dofs: npt.ArrayLike) -> np.ndarray:
    """Half the width of the 95 % t-interval of a sum of independent estimates; arguments as `satterthwaite`."""
    return np.asarray(student_quantile(satterthwaite(squared_errors, dofs)) * np.sqrt(np.sum(squared_errors, axis=0)))


def wilson(happened: float, counted: float) -> tuple[float, float]:
    """Ends of the 95 % score interval of a share, which is fit for shares of 0 and 1.

    scipy has it for whole numbers alone; here observations that resemble their neighbours count for less than one.

    Args:
        happened: in so many of the observations.
        counted: observations, above 0.

    Source: Wilson 1927, JASA 22(158).
    """
    centre = (happened + Z_95**2 / 2) / (counted + Z_95**2)
    spread = happened * (counted - happened) / counted + Z_95**2 / 4
    half_width = Z_95 * math.sqrt(spread) / (counted + Z_95**2)
    return max(centre - half_width, 0.0) if happened else 0.0, (
        min(centre + half_width, 1.0) if happened < counted else 1.0
    )


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
    widening = float(student_quantile(normal.num_samples - 1)) / Z_95
    return Estimate(normal.mean, widening * normal.half_width, normal.num_samples)


def estimate_gain(before: np.ndarray, after: np.ndarray) -> Estimate:
    """Mean difference of scores from the same worlds, paired world by world, with its 95 % interval.

    Raises:
        ValueError: the two do not pair, or no pair is finite.
    """
    if np.shape(before) != np.shape(after):
        raise ValueError(f"got {np.shape(before)} and {np.shape(after)} scores, expected those of the same worlds")
    return estimate(np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64))
