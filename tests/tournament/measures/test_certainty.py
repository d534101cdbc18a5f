"""Intervals and deviates, against simulation and tables."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.tournament.measures.certainty import (
    clear,
    deviate,
    effective_count,
    largest_first,
    share_interval,
    share_of,
    slope_interval,
)


@pytest.mark.parametrize(("dof", "quantile"), [(3, 3.1824), (8, 2.3060), (30, 2.0423)])
def test_the_quantiles_of_the_tables_are_normal_deviates_of_196(dof: int, quantile: float) -> None:
    there = deviate(np.array([quantile]), np.ones(1), np.array([float(dof)]))
    assert there == pytest.approx(1.96, rel=1e-4)


def test_deviates_that_prove_nothing_are_not_looked_up() -> None:
    difference, dof = np.array([-9.0, 0.0, 1.5, 3.0, 9.0]), np.full(5, 6.0)
    exact = deviate(difference, np.ones(5), dof)
    assert exact[:2].tolist() == [-np.inf, -np.inf]
    assert deviate(difference, np.ones(5), dof, least=2.0).tolist() == [-np.inf] * 3 + exact[3:].tolist()


def test_far_tails_of_few_episodes_are_as_rare_as_they_are_said_to_be() -> None:
    values = np.random.default_rng(0).standard_normal((200_000, 6))
    deviates = deviate(values.mean(1), values.var(1, ddof=1) / 6, np.full(200_000, 5.0))
    assert np.mean(deviates > clear(0.001)) == pytest.approx(0.001, rel=0.35)


def test_without_noise_any_difference_is_certain_and_none_is_not() -> None:
    found = deviate(np.array([1.0, 0.0, -1.0, np.nan]), np.zeros(4), np.ones(4))
    assert found.tolist() == [np.inf, -np.inf, -np.inf, -np.inf]


def test_names_of_values_that_differ_by_rounding_keep_their_order() -> None:
    values = {"a": 0.1 + 0.2, "b": 0.5, "c": 0.3, "d": 0.5 * (1 + 1e-15), "e": -1.0, "f": 0.31}
    assert largest_first(values) == ["b", "d", "f", "a", "c", "e"]
    assert largest_first({}) == []


def test_a_share_of_nothing_has_an_upper_end() -> None:
    found = share_interval(np.zeros(96, dtype=bool))
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.0385, abs=0.001)
    assert share_of(0.5, 100).low == pytest.approx(0.4038, abs=0.001)


def test_a_series_that_resembles_itself_counts_for_less() -> None:
    rng = np.random.default_rng(0)
    steps = rng.standard_normal(4000)
    serial = np.zeros(4000)
    for time in range(1, 4000):
        serial[time] = 0.6 * serial[time - 1] + steps[time]
    assert effective_count(steps) > 3600
    assert effective_count(serial) == pytest.approx(1000, rel=0.15)


@pytest.mark.parametrize("memory", [0.0, 0.5])
def test_intervals_of_a_slope_cover_it_with_and_without_memory(memory: float) -> None:
    rng = np.random.default_rng(1)
    times, hits = np.arange(80.0), 0
    for _ in range(200):
        noise = rng.standard_normal(80)
        for time in range(1, 80):
            noise[time] += memory * noise[time - 1]
        found = slope_interval(times, 0.3 * times + noise)
        hits += found.low <= 0.3 <= found.high
    assert hits >= 178
