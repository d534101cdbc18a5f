"""Confidence intervals: cover the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.evaluation.intervals import estimate, estimate_gain, student_95


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


def test_a_gain_is_paired_world_by_world() -> None:
    before = np.array([-40.0, 0.0, 40.0])
    result = estimate_gain(before, before + np.array([9.0, 10.0, 11.0]))
    assert result.mean == pytest.approx(10.0)
    assert result.half_width < 2.0  # not the spread of the worlds
    assert estimate_gain(np.array([1.0, np.nan]), np.array([3.0, 5.0])).num_samples == 1


def test_scores_of_other_worlds_do_not_pair() -> None:
    with pytest.raises(ValueError, match="expected those of the same worlds"):
        estimate_gain(np.zeros(3), np.zeros(4))


def test_quantiles_of_student_are_those_of_the_tables() -> None:
    tabled = {3: 3.182, 4: 2.776, 5: 2.571, 8: 2.306, 11: 2.201, 30: 2.042, 120: 1.980}
    np.testing.assert_allclose(student_95(np.array(list(tabled))), list(tabled.values()), rtol=2e-3)
