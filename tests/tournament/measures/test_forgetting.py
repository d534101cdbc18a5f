"""Forgetting is found where it is, and not more often than its level where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.spec import Side
from evo_hns.tournament.measures.forgetting import Forgetting, forgetting
from evo_hns.tournament.measures.history import dominance, history
from evo_hns.tournament.measures.isotonic import never_worse
from evo_hns.tournament.measures.score_table import UnanswerableError, side_table
from tests.tournament.measures.made import additive, cycling, payoff, won_or_lost


def ask(truth: np.ndarray, side: Side = Side.HIDERS, *, seed: int = 0, sd: float = 4.0, **options: float) -> Forgetting:
    generations = [np.arange(n) for n in truth.shape]
    table = side_table(payoff(truth, sd=sd, seed=seed), side, *generations)
    return forgetting(table, np.random.default_rng(seed), replicates=20, **options)


def test_a_win_that_is_lost_is_found_and_named() -> None:
    truth = np.full((8, 8), 10.0)
    truth[5, 2] = -10.0
    found = ask(truth)
    assert found.lost_wins.forgetful == (5,)
    assert found.regress.forgetful == (5,)
    assert found.lost_wins.share.value == pytest.approx(1 / 7)
    example = found.lost_wins.example
    assert example is not None
    assert (example.champion, example.opponent) == ("hiders/5", "seekers/2")
    assert example.score < 0 < example.earlier_score


def test_a_later_opponent_is_nobody_to_be_forgotten() -> None:
    truth = np.full((8, 8), 10.0)
    truth[5, 6] = truth[5, 5] = -10.0
    assert ask(truth).lost_wins.forgetful == ()


def test_each_side_has_its_own_sight_of_the_table() -> None:
    truth = np.full((8, 8), -10.0)
    truth[2, 5] = 10.0  # the seekers' champion of generation 5 loses to the hiders' of generation 2
    assert ask(truth, Side.SEEKERS).lost_wins.forgetful == (5,)
    assert ask(truth, Side.HIDERS).lost_wins.forgetful == (6, 7)  # who lose to a seeker that hiders once beat


def test_players_who_chase_each_other_in_a_circle_forget_most_of_the_time() -> None:
    found = ask(cycling(40, 10, height=10.0))
    assert found.lost_wins.share.value > 0.8
    assert found.regress.share.value > 0.8
    assert found.lost_wins.p_value < 0.06
    assert found.lost_wins.chance < 0.05


def test_nothing_is_forgotten_where_all_get_better() -> None:
    shares = [ask(additive(30), seed=seed).lost_wins.share.value for seed in range(20)]
    assert np.mean(shares) < 0.01


def test_the_false_alarm_level_holds_where_it_is_reached() -> None:
    """The worst case of lost wins: early champions win clearly, late ones are at par with all."""
    truth = np.zeros((60, 12))
    truth[:12] = 50.0
    generations = (np.arange(60), np.arange(12))
    rates, chances, alarms = [], [], 0
    for seed in range(40):
        table = side_table(payoff(truth, sd=4.0, episodes=8, seed=seed), Side.HIDERS, *generations)
        found = forgetting(table, np.random.default_rng(seed), replicates=40).lost_wins
        rates.append(found.share.value)
        chances.append(found.chance)
        alarms += found.p_value <= 0.05
    assert 0.01 < np.mean(rates) < 0.05  # 48 of 59 generations at 5 % or a little less
    assert np.mean(rates) - 0.01 < np.mean(chances) < 0.05
    assert alarms <= 5


def test_scores_that_never_change_are_rarely_called_worse() -> None:
    truth = np.zeros((40, 40))
    found = [ask(truth, seed=seed).regress for seed in range(20)]
    assert np.mean([rate.share.value for rate in found]) < 0.06
    assert np.mean([rate.chance for rate in found]) < 0.06
    assert np.mean([rate.p_value <= 0.05 for rate in found]) < 0.2


def test_episodes_that_can_only_be_won_or_lost_are_not_called_worse_either() -> None:
    """Four episodes of 48 or -48 each: cells happen to be all alike, and must not pass for certain."""
    shares, alarms = [], 0
    truth = np.clip(additive(30, gain=1.5), -46, 46)
    for seed in range(20):
        table = side_table(won_or_lost(truth, episodes=4, seed=seed), Side.HIDERS, np.arange(30), np.arange(30))
        found = forgetting(table, np.random.default_rng(seed), replicates=40)
        shares.append(found.regress.share.value)
        alarms += found.lost_wins.p_value <= 0.05
    assert np.mean(shares) < 0.06
    assert alarms <= 3


def test_a_draw_is_where_the_user_says() -> None:
    truth = np.full((8, 8), 30.0)
    truth[5, 2] = 10.0
    assert ask(truth).lost_wins.forgetful == ()
    assert ask(truth, par=20.0).lost_wins.forgetful == (5,)


def test_players_without_a_generation_and_cells_not_played_are_left_out() -> None:
    truth = np.full((9, 9), 10.0)
    truth[5, 2] = truth[8] = -10.0
    made = payoff(truth, sd=2.0)
    made.mean[Side.HIDERS][6, :4] = np.nan
    made.count[6, :4] = 0
    generations: list[int | None] = [*range(8), None]
    table = side_table(made, Side.HIDERS, generations, generations)
    assert forgetting(table, np.random.default_rng(0), replicates=5).lost_wins.forgetful == (5,)


def test_one_generation_cannot_have_forgotten() -> None:
    with pytest.raises(UnanswerableError, match="at least two generations"):
        ask(np.zeros((1, 5)))


def test_the_fit_that_never_falls_pools_what_falls() -> None:
    scores = np.array([[1.0, 3.0], [3.0, 2.0], [2.0, np.nan], [4.0, 1.0]])
    fitted = never_worse(scores, np.full((4, 2), 0.01), np.arange(4))
    assert np.allclose(fitted[:, 0], [1.0, 2.5, 2.5, 4.0])
    assert np.allclose(fitted[[0, 1, 3], 1], 2.0)
    assert np.isnan(fitted[2, 1])


def test_the_fit_rises_only_where_that_is_clear() -> None:
    scores = np.array([[0.0], [0.5], [9.0], [9.5]])
    assert np.allclose(never_worse(scores, np.ones((4, 1)), np.arange(4))[:, 0], [0.25, 0.25, 9.25, 9.25])


def test_history_rises_where_hiders_get_better_faster_than_seekers() -> None:
    time = np.arange(20.0)
    truth = 2.0 * time[:, None] - time[None, :]
    table = side_table(payoff(truth, sd=2.0), Side.HIDERS, np.arange(20), np.arange(20))
    found = history(table)
    assert found.generations == tuple(range(1, 20))
    assert found.slope.low < 1.5 < found.slope.high  # 2 t less the mean of 0 .. t - 1
    assert found.slope.high - found.slope.low < 0.3


def test_a_flat_history_has_no_trend() -> None:
    hits = 0
    for seed in range(60):
        table = side_table(payoff(np.zeros((15, 15)), sd=3.0, seed=seed), Side.SEEKERS, np.arange(15), np.arange(15))
        slope = history(table).slope
        hits += slope.low <= 0.0 <= slope.high
    assert hits >= 50


def test_who_beats_all_earlier_opponents_is_counted() -> None:
    truth = np.where(np.arange(6)[:, None] > np.arange(6)[None, :], 10.0, -10.0)
    truth[4, 1] = -10.0
    table = side_table(payoff(truth, sd=2.0), Side.HIDERS, np.arange(6), np.arange(6))
    found = dominance(table)
    assert found.generations == (1, 2, 3, 5)
    assert found.by_mean == (1, 2, 3, 5)
    assert found.share.value == pytest.approx(0.8)
