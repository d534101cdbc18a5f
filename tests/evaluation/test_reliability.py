"""What a fitness is worth: estimates on tables whose sources of variance are known."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.evaluation.reliability import alike_share, matches_needed, reliability, variance_shares

STDS = {"candidate": 2.0, "opponent": 3.0, "world": 4.0, "candidate_opponent": 1.5, "candidate_world": 5.0}


def table(rng, num_candidates=48, num_opponents=6, each=4, **stds):
    """Returns made of independent effects, and who was met."""
    stds = STDS | stds
    opponents = np.repeat(np.arange(num_opponents), each)
    pairs = len(opponents)
    returns = (
        stds["candidate"] * rng.standard_normal((num_candidates, 1))
        + stds["opponent"] * rng.standard_normal(num_opponents)[opponents]
        + stds["world"] * rng.standard_normal(pairs)
        + stds["candidate_opponent"] * rng.standard_normal((num_candidates, num_opponents))[:, opponents]
        + stds["candidate_world"] * rng.standard_normal((num_candidates, pairs))
    )
    return returns, opponents


def mean_shares(**sizes):
    rng = np.random.default_rng(0)
    found = [variance_shares(*table(rng, **sizes)) for _ in range(200)]
    return {name: np.mean([getattr(each, name) for each in found]) for name in STDS}


def test_shares_of_variance_are_found_again() -> None:
    total = sum(value**2 for value in STDS.values())
    found = mean_shares(num_opponents=12)
    for name, value in STDS.items():
        assert found[name] == pytest.approx(value**2 / total, abs=0.03), name


def test_a_source_that_is_not_there_gets_next_to_nothing() -> None:
    for name in STDS:
        assert mean_shares(**{name: 0.0})[name] < 0.03, name


def test_reliability_is_the_correlation_with_other_opponents_and_worlds() -> None:
    rng = np.random.default_rng(1)
    estimates, truths = [], []
    for _ in range(100):
        both, _ = table(rng, num_opponents=16, each=1, candidate_opponent=0.0)
        one, other = both[:, :8], both[:, 8:]
        estimates.append(reliability(one))
        truths.append(np.corrcoef(one.mean(1), other.mean(1))[0, 1])
    assert np.mean(estimates) == pytest.approx(np.mean(truths), abs=0.04)
    expected = STDS["candidate"] ** 2 / (STDS["candidate"] ** 2 + STDS["candidate_world"] ** 2 / 8)
    assert np.mean(truths) == pytest.approx(expected, abs=0.04)


def test_failed_matches_are_left_out() -> None:
    returns, opponents = table(np.random.default_rng(2), num_candidates=200)
    holes = np.where(np.random.default_rng(3).random(returns.shape) < 0.05, np.nan, returns)
    assert reliability(holes) == pytest.approx(reliability(returns), abs=0.05)
    assert variance_shares(holes, opponents).candidate == pytest.approx(
        variance_shares(returns, opponents).candidate, abs=0.03
    )
    holes[:, 0] = np.nan  # a world in which all matches failed
    assert np.isfinite(reliability(holes))
    assert np.isfinite(variance_shares(holes, opponents).world)


def test_where_nothing_varies_nothing_is_said() -> None:
    for returns in (np.ones((6, 4)), np.ones((1, 4)), np.ones((6, 1)), np.full((6, 4), np.nan)):
        assert np.isnan(reliability(returns))
        assert np.isnan(variance_shares(returns, np.zeros(returns.shape[1], dtype=np.int64)).candidate)
    assert np.isnan(alike_share(np.full((6, 4), np.nan)))


def test_pairs_in_which_all_score_alike_are_counted() -> None:
    returns = np.array([[1.0, 2.0, np.nan, np.nan], [1.0, 3.0, 5.0, np.nan], [1.0, 2.0, 5.0, np.nan]])
    assert alike_share(returns) == pytest.approx(2 / 3)


def test_matches_that_a_target_needs_follow_spearman_and_brown() -> None:
    assert matches_needed(0.25, 8, 0.25) == pytest.approx(8)
    needed = matches_needed(0.25, 8, 0.5)
    stepped = needed / 8
    assert stepped * 0.25 / (1 + (stepped - 1) * 0.25) == pytest.approx(0.5)
    assert matches_needed(-0.1, 8, 0.5) == np.inf
    assert matches_needed(np.nan, 8, 0.5) == np.inf
