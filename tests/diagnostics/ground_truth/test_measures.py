"""Measures of cycling on paths whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.diagnostics.ground_truth.analytic_games import DiscGame, NumberGame
from evo_hns.diagnostics.ground_truth.measures import MEASURES, forgotten_shares, measure, pursuit_turns
from evo_hns.spec import Side


def both(points: np.ndarray) -> dict[Side, np.ndarray]:
    """The same champions on both sides."""
    return dict.fromkeys(Side, points)


def circle(degrees_per_generation: float, num: int, start: float = 0.0) -> np.ndarray:
    angles = np.radians(start + degrees_per_generation * np.arange(num))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def line(num: int) -> np.ndarray:
    """Both numbers grow by one in each generation."""
    return np.repeat(np.arange(float(num))[:, None], 2, axis=1)


def fictitious_play(num: int) -> np.ndarray:
    """Best answers to all champions so far."""
    champions = [np.array([1.0, 0.0])]
    for _ in range(num - 1):
        x, y = np.mean(champions, axis=0)
        champions.append(np.array([-y, x]) / np.hypot(x, y))
    return np.array(champions)


@pytest.mark.parametrize("degrees", [90.0, 10.0, -10.0, 0.0])
@pytest.mark.parametrize("apart", [0.0, 45.0])
def test_a_perfect_circle_turns_as_it_does(degrees: float, apart: float) -> None:
    champions = {Side.HIDERS: circle(degrees, 101), Side.SEEKERS: circle(degrees, 101, start=apart)}
    turns = pursuit_turns(champions)
    assert turns[0] == 0.0
    assert turns[-1] == pytest.approx(100 * degrees / 360)
    assert measure(DiscGame(), champions)["turns"] == pytest.approx(100 * degrees / 360)


def test_champions_that_answer_in_turns_are_seen_to_turn_though_each_only_flips() -> None:
    hiders, seekers = circle(0.0, 41), circle(0.0, 41, start=90.0)
    for t in range(1, 41):  # best answers, a quarter turn ahead of the other side's latest
        hiders[t] = [-seekers[t - 1, 1], seekers[t - 1, 0]]
        seekers[t] = [-hiders[t - 1, 1], hiders[t - 1, 0]]
    assert np.allclose(np.abs((hiders[1:] * hiders[:-1]).sum(1)), 1.0)  # the same place or the opposite one
    assert pursuit_turns({Side.HIDERS: hiders, Side.SEEKERS: seekers})[-1] == pytest.approx(10.0)


def test_best_answers_to_history_turn_with_its_root() -> None:
    turns = pursuit_turns(both(fictitious_play(1601)))
    assert turns[400] == pytest.approx(np.sqrt(400) / np.pi, rel=0.1)
    assert turns[1600] / turns[400] == pytest.approx(2.0, rel=0.1)
    assert DiscGame().exploitability(fictitious_play(1601)) < 0.05


def test_on_a_straight_line_nothing_is_forgotten() -> None:
    measures = measure(NumberGame(), both(line(41)))
    assert (measures["forgotten"], measures["forgetful"]) == (0.0, 0.0)
    assert (measures["sum"], measures["smaller"]) == (2 * 35.5, 35.5)  # of generations 31 to 40


def test_forgetting_by_hand() -> None:
    # Generation 1 beats opponent 0; generation 2 loses to it, and beats opponent 1 (who was not beaten before).
    payoff = np.array([[-1.0, -1.0, -1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0]])
    assert np.isnan(forgotten_shares(payoff)[:2]).all()
    assert forgotten_shares(payoff)[2] == 1.0
    draw = payoff.copy()
    draw[2, 0] = 0.0  # no loss
    assert forgotten_shares(draw)[2] == 0.0


def test_who_goes_up_and_down_forgets_all_it_knew() -> None:
    there = np.concatenate([line(21), line(21)[::-1]])
    payoff = NumberGame().payoff(there[:, None], there[None])
    shares = forgotten_shares(payoff)
    assert not np.nan_to_num(shares[:21]).any()
    assert shares[-2] > 0.9


def test_on_the_disc_half_of_all_are_forgotten_even_without_a_turn_of_the_pursuit() -> None:
    spread = np.random.default_rng(0).permutation(circle(1.0, 360))
    measures = measure(DiscGame(), both(spread))
    assert measures["forgotten"] == pytest.approx(0.5, abs=0.05)
    assert abs(measures["turns"]) < 10.0  # of 25
    assert measures["exploit_all"] == pytest.approx(0.0, abs=1e-12)
    assert measures["exploit_last"] == pytest.approx(1.0)


def test_every_measure_is_explained_and_only_what_says_something_is_told() -> None:
    disc, tilted, numbers = (measure(game, both(circle(9.0, 8))) for game in (DiscGame(), DiscGame(2.0), NumberGame()))
    assert "generality" in tilted and "generality" not in disc
    assert "turns" in disc and "turns" not in numbers
    assert disc.keys() | tilted.keys() | numbers.keys() == MEASURES.keys()
