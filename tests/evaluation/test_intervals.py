"""Confidence intervals: cover the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.evaluation.intervals import difference, estimate


def test_intervals_cover_the_mean_in_95_of_100_samples() -> None:
    rng = np.random.default_rng(0)
    # Returns of matches: most at one of two ends, as in the game.
    covered = 0
    for _ in range(2000):
        result = estimate(rng.choice([-48.0, 48.0], p=[0.3, 0.7], size=256))
        covered += result.low <= 0.4 * 48 <= result.high
    assert 0.935 < covered / 2000 < 0.965


def test_failed_matches_do_not_count() -> None:
    result = estimate(np.array([1.0, np.nan, 3.0]))
    assert (result.mean, result.num_samples) == (2.0, 2)


def test_one_sample_has_no_interval() -> None:
    assert estimate(np.array([4.0])).half_width == float("inf")


def test_no_sample_is_an_error() -> None:
    with pytest.raises(ValueError, match="no finite sample"):
        estimate(np.array([np.nan]))


def test_the_interval_of_a_difference_covers_it_in_95_of_100_samples() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(2000):
        before, after = (estimate(rng.choice([-48.0, 48.0], p=[1 - p, p], size=256)) for p in (0.3, 0.6))
        gain = difference(before, after)
        covered += gain.low <= 0.3 * 96 <= gain.high
    assert 0.935 < covered / 2000 < 0.965
