"""Confidence intervals: cover the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_ind

from evo_hns.evaluation.intervals import (
    estimate,
    estimate_few,
    estimate_gain,
    satterthwaite,
    student_p,
    student_quantile,
    wilson,
)


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


def test_intervals_of_few_samples_are_students() -> None:
    few = np.array([1.0, 2.0, 4.0, 5.0, 8.0])
    half_width = 2.776445 * few.std(ddof=1) / np.sqrt(5)  # four degrees of freedom
    assert estimate_few(few).half_width == pytest.approx(half_width, rel=1e-5)
    assert estimate_few(few).mean == 4.0
    assert estimate_few(few[:1]).half_width == float("inf")


def test_quantiles_and_tails_of_student_are_those_of_the_tables() -> None:
    tabled = {1: 12.7062, 2: 4.30265, 3: 3.18245, 4: 2.77645, 10: 2.22814, 120: 1.97993}
    dofs, quantiles = np.array(list(tabled)), np.array(list(tabled.values()))
    np.testing.assert_allclose(student_quantile(dofs), quantiles, rtol=3e-6)
    np.testing.assert_allclose(student_p(-quantiles, dofs), 0.05, rtol=1e-5)
    assert student_quantile(2, 0.01) == pytest.approx(9.92484, rel=1e-6)
    assert student_p(0.0, 1.5) == 1.0
    assert student_quantile(2) > student_quantile(2.5) > student_quantile(3)


def test_a_share_has_the_interval_that_scipy_gives_whole_numbers() -> None:
    for happened, counted in ((0, 9), (1, 9), (5, 9), (9, 9), (300, 1000)):
        told = binomtest(happened, counted).proportion_ci(method="wilson")
        assert wilson(happened, counted) == pytest.approx((told.low, told.high), abs=1e-7)
    assert wilson(0.5, 2.5)[0] < wilson(1.0, 5.0)[0] < 0.2 < wilson(1.0, 5.0)[1] < wilson(0.5, 2.5)[1]


def test_degrees_of_freedom_of_two_means_are_welchs() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 5), rng.normal(0, 3, 9)
    squared = [each.var(ddof=1) / len(each) for each in (first, second)]
    assert satterthwaite(squared, [4, 8]) == pytest.approx(ttest_ind(first, second, equal_var=False).df)
    rows = satterthwaite([np.zeros(2), np.array([0.0, 1.0])], [np.array([3.0, 3.0]), np.array([5.0, 5.0])])
    assert rows.tolist() == [8.0, 5.0]
