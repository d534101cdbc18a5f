"""Time is seen in tables that have it, and not in tables that have none."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.spec import Side
from evo_hns.tournament.measures.ciao import Ciao, ciao, ciao_grid
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError, side_table
from tests.tournament.measures.made import additive, cycling, payoff


def table_of(truth: np.ndarray, *, sd: float = 1.0, seed: int = 0, stride: int = 1) -> ScoreTable:
    generations = [stride * np.arange(n) for n in truth.shape]
    return side_table(payoff(truth, sd=sd, seed=seed), Side.HIDERS, *generations)


def ask(truth: np.ndarray, *, seed: int = 0, stride: int = 1) -> Ciao:
    return ciao(table_of(truth, seed=seed, stride=stride), np.random.default_rng(seed), shuffles=100)


def test_the_grid_holds_ancestors_only_in_order() -> None:
    truth = additive(4)
    table = side_table(payoff(truth), Side.HIDERS, [3, 2, None, 0], [0, 1, 2, 9])
    grid = ciao_grid(table)
    assert np.array_equal(np.isfinite(grid), [[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0]])
    assert np.allclose(grid[2, :3], truth[0, :3])


def test_progress_is_seen_and_is_no_cycle() -> None:
    found = ask(additive(20))
    assert found.progress.value == pytest.approx(10.0, abs=0.5)
    assert found.progress.p_value < 0.02
    assert found.against_newer.value < found.against_newer.null_low
    assert found.banding.p_value > 0.02
    assert found.mean[-1] > found.null_high[-1]


@pytest.mark.parametrize(("period", "stride"), [(8.0, 1), (5.0, 10)])
def test_a_regular_cycle_is_a_band_of_its_period(period: float, stride: int) -> None:
    found = ask(cycling(32, period, height=3.0), stride=stride)
    assert found.banding.value > 0.8
    assert found.banding.p_value < 0.02
    assert found.period == pytest.approx(period * stride, rel=0.06)
    assert found.continuity.p_value < 0.02
    assert found.progress.p_value > 0.1


def test_where_time_does_nothing_shuffling_does_as_much() -> None:
    truth = 2.0 * np.random.default_rng(8).standard_normal((12, 12))
    found = [ask(truth[np.random.default_rng(seed).permutation(12)], seed=seed) for seed in range(30)]
    for name in ("progress", "against_newer", "banding", "continuity"):
        alarms = sum(getattr(one, name).p_value <= 0.05 for one in found)
        assert alarms <= 5, name


def test_a_few_champions_are_too_few_to_shuffle() -> None:
    with pytest.raises(UnanswerableError, match="needs 6 champions"):
        ask(additive(5))
