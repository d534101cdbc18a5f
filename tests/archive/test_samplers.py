"""Opponents are drawn as their sampler says, by a generator alone."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.archive.samplers import OPPONENT_SAMPLERS, OpponentHistory
from evo_hns.config import CoevolutionConfig

DEFAULTS = CoevolutionConfig()


def history_of(chances: list[float], beats: list[list[float]] | None = None) -> OpponentHistory:
    table = np.empty((len(chances), 0)) if beats is None else np.array(beats)
    return OpponentHistory(np.array(chances), table)


def unknown(size: int) -> OpponentHistory:
    return history_of([np.nan] * size)


def draw(
    name: str, history: OpponentHistory, n: int, seed: int = 0, settings: CoevolutionConfig = DEFAULTS
) -> np.ndarray:
    return OPPONENT_SAMPLERS[name](history, n, np.random.default_rng(seed), settings)


def shares(name: str, history: OpponentHistory, settings: CoevolutionConfig = DEFAULTS) -> np.ndarray:
    """Mean share of each opponent in 4000 draws of three."""
    rng = np.random.default_rng(0)
    rows = np.concatenate([OPPONENT_SAMPLERS[name](history, 3, rng, settings) for _ in range(4000)])
    return np.bincount(rows, minlength=len(history)) / len(rows)


def test_every_sampler_has_a_setting() -> None:
    names = CoevolutionConfig.model_fields["opponent_sampler"].annotation
    assert set(OPPONENT_SAMPLERS) == set(names.__args__)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", OPPONENT_SAMPLERS)
@pytest.mark.parametrize("n", [0, 1, 4, 13])
def test_every_sampler_answers_with_rows_and_the_generator_alone_decides(name: str, n: int) -> None:
    rng = np.random.default_rng(7)
    chances = np.where(rng.random(30) < 0.3, np.nan, rng.random(30))
    beats = np.where(rng.random((30, 9)) < 0.5, np.nan, rng.integers(0, 3, (30, 9)) / 2)
    history = OpponentHistory(chances, beats)
    rows = draw(name, history, n)
    assert (rows.shape, rows.dtype) == ((n,), np.int64)
    assert ((rows >= 0) & (rows < 30)).all()
    assert rows.tolist() == draw(name, history, n).tolist()
    if name not in ("latest", "diverse") and n == 13:  # for whom only equals fall to chance
        assert rows.tolist() != draw(name, history, n, seed=1).tolist()


@pytest.mark.parametrize("name", OPPONENT_SAMPLERS)
@pytest.mark.parametrize(
    "history", [unknown(1), history_of([1.0] * 3, [[0.0]] * 3), history_of([0.0] * 3, [[1.0]] * 3)]
)
def test_every_sampler_finds_somebody_whatever_is_known(name: str, history: OpponentHistory) -> None:
    assert set(draw(name, history, 4)) <= set(range(len(history)))


@pytest.mark.parametrize("name", ["uniform", "latest", "diverse"])
@pytest.mark.parametrize("n", [0, 1, 4, 5, 13, 15])
def test_everybody_comes_before_somebody_comes_again(name: str, n: int) -> None:
    counts = np.bincount(draw(name, unknown(5), n), minlength=5)
    assert set(counts) <= {n // 5, -(-n // 5)}


def test_latest_takes_the_newest_first() -> None:
    assert draw("latest", unknown(5), 7).tolist() == [4, 3, 2, 1, 0, 4, 3]


def test_uniform_draws_everybody_alike() -> None:
    # 12000 draws; the standard deviation of a share is below sqrt(0.1 * 0.9 / 12000) = 0.0027
    assert np.abs(shares("uniform", unknown(10)) - 0.1).max() < 5 * 0.0027


def test_delta_uniform_draws_the_recent_past_alike() -> None:
    found = shares("delta-uniform", unknown(10), CoevolutionConfig(delta=0.75))
    assert (found[:7] == 0).all()
    np.testing.assert_allclose(found[7:], 1 / 3, atol=0.02)
    assert (shares("delta-uniform", unknown(10), CoevolutionConfig(delta=0.0)) > 0).all()
    assert set(draw("delta-uniform", unknown(1), 3, settings=CoevolutionConfig(delta=0.99))) == {0}


def test_pfsp_hard_prefers_whom_candidates_do_not_beat() -> None:
    found = shares("pfsp-hard", history_of([0.0, 0.5, 1.0, np.nan]))
    np.testing.assert_allclose(found, np.array([1.0, 0.25, 0.0, 0.25]) / 1.5, atol=0.02)
    sharper = shares("pfsp-hard", history_of([0.0, 0.5]), CoevolutionConfig(pfsp_power=1.0))
    np.testing.assert_allclose(sharper, [2 / 3, 1 / 3], atol=0.02)


def test_pfsp_even_prefers_an_open_match() -> None:
    found = shares("pfsp-even", history_of([0.0, 0.5, 1.0, 0.9, np.nan]))
    np.testing.assert_allclose(found, np.array([0, 0.25, 0, 0.09, 0.25]) / 0.59, atol=0.02)


def test_draws_by_weight_give_everybody_a_share_rounded_down_or_up() -> None:
    history = history_of([0.9, 0.2, 0.5, 0.6])
    expected = 11 * (1 - history.chances) ** 2 / ((1 - history.chances) ** 2).sum()
    for seed in range(50):
        counts = np.bincount(draw("pfsp-hard", history, 11, seed), minlength=4)
        assert (np.abs(counts - expected) < 1).all()


def test_diverse_covers_as_many_defeats_as_it_can() -> None:
    beats = [
        [1, 1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],  # nothing that the first does not beat
        [0, 0, 0, 1, 1, 0],
        [0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0],
    ]
    history = history_of([0.5] * 5, beats)
    for seed in range(5):
        assert draw("diverse", history, 5, seed).tolist() in ([0, 2, 1, 3, 4], [0, 2, 3, 1, 4])
    assert {draw("diverse", history, 4, seed)[2] for seed in range(20)} == {1, 3}  # worth 2 x 1/2 and 1: a draw


def test_diverse_supposes_of_strangers_what_their_chances_say() -> None:
    nan = np.nan
    history = history_of([0.1, 0.9], [[nan, nan], [nan, nan]])
    assert draw("diverse", history, 1).tolist() == [0]


def test_nash_draws_the_equilibrium_of_who_beats_whom() -> None:
    # rock, paper and scissors against each other, and two who add nothing
    beats = [[0.5, 0, 1], [0, 0, 0], [1, 0.5, 0], [0, 1, 0.5], [0.25, 0.25, 0.25]]
    drawn = np.bincount(draw("nash", history_of([0.5] * 5, beats), 3000), minlength=5) / 3000
    np.testing.assert_allclose(drawn, [1 / 3, 0, 1 / 3, 1 / 3, 0], atol=0.05)
    nothing_known = history_of([0.5] * 3, [[], [], []])
    assert set(draw("nash", nothing_known, 30).tolist()) == {0, 1, 2}
    assert draw("nash", history_of([0.5] * 3, [[1.0], [1.0], [0.0]]), 5).tolist() == [1] * 5  # of equals the newer one
