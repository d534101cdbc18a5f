"""Games that are a formula: outcomes by hand, and the loop of the real game plays them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.diagnostics.ground_truth.analytic_games import (
    GAMES,
    NUM_PARAMS,
    AnalyticEvaluator,
    AnalyticGame,
    DiscGame,
    NumberGame,
)
from evo_hns.evaluation.fitness import team_fitness, team_return
from evo_hns.evaluation.matches import MatchTable
from evo_hns.spec import Side


def on_rim(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def random_points(game: AnalyticGame, num: int, seed: int = 0) -> np.ndarray:
    return game.points(np.random.default_rng(seed).normal(size=(num, NUM_PARAMS)))


@pytest.mark.parametrize("name", GAMES)
def test_what_one_wins_the_other_loses(name: str) -> None:
    game = GAMES[name]()
    one, other = random_points(game, 50), random_points(game, 50, seed=1)
    table = game.payoff(one[:, None], other[None])
    assert table.shape == (50, 50)
    assert np.array_equal(table, -game.payoff(other[:, None], one[None]).T)
    assert not game.payoff(one, one).any()


def test_on_the_disc_whoever_is_a_quarter_turn_ahead_wins_most() -> None:
    game, start = DiscGame(), on_rim(0)
    assert game.payoff(on_rim(90, 30, 180, 330, 270), start) == pytest.approx([1.0, 0.5, 0.0, -0.5, -1.0])
    assert game.payoff(0.5 * on_rim(90), 0.5 * start) == pytest.approx([0.25])
    assert game.payoff(np.zeros((1, 2)), on_rim(77)) == pytest.approx([0.0])


def test_a_tilt_adds_what_has_no_cycle() -> None:
    game = DiscGame(tilt=2.0)
    assert game.payoff(on_rim(90), on_rim(0)) == pytest.approx([1.0 - 2.0])
    best = on_rim(30)  # its sine is 1 / tilt
    assert game.exploitability(best) == pytest.approx(0.0)
    assert game.payoff(best, random_points(game, 200)).min() >= 0.0


@pytest.mark.parametrize(
    ("own", "other", "won"),
    [
        ((1, 6), (4, 5), 1.0),  # a circle of three
        ((4, 5), (2, 4), 1.0),
        ((2, 4), (1, 6), 1.0),
        ((100, 0), (50, 50), 0.0),  # both differ alike, each wins one
        ((51, 51), (50, 50), 1.0),  # both differ alike, one wins both
        ((100, 0), (100, 70), 0.0),  # the number that decides is equal
        ((0, 51), (100, 50), 1.0),
    ],
)
def test_the_numbers_that_differ_less_decide(own: tuple[int, int], other: tuple[int, int], won: float) -> None:
    assert NumberGame().payoff(np.array(own, float), np.array(other, float)) == won


@pytest.mark.parametrize("name", GAMES)
def test_nobody_wins_more_than_the_exploitability_and_somebody_wins_about_that(name: str) -> None:
    game = GAMES[name]()
    mixture, all_sorts = random_points(game, 7, seed=2), random_points(game, 4000, seed=3)
    if isinstance(game, DiscGame):
        all_sorts = on_rim(*np.linspace(0, 360, 721))
    won = game.payoff(all_sorts[:, None], mixture[None]).mean(1).max()
    assert won <= game.exploitability(mixture) + 1e-12
    assert won > game.exploitability(mixture) - 0.2


def test_exploitability_by_hand() -> None:
    disc, numbers = DiscGame(), NumberGame()
    assert disc.exploitability(on_rim(40)) == pytest.approx(1.0)
    assert disc.exploitability(on_rim(0, 120, 240)) == pytest.approx(0.0)
    assert numbers.exploitability(np.array([[100.0, 100.0]])) == 0.0  # nobody beats it
    # (50, 50) and (100, 0) are beaten at once, by (51, 1) among others.
    assert numbers.exploitability(np.array([[50.0, 50.0], [100.0, 0.0]])) == 1.0


def test_generality_by_hand() -> None:
    assert not DiscGame().generality(on_rim(0, 50)).any()
    assert DiscGame(tilt=2.0).generality(on_rim(60)) == pytest.approx([1.0])
    tiny = NumberGame(top=1)  # (0, 0), (0, 1), (1, 0), (1, 1)
    assert tiny.generality(np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])) == pytest.approx([0.25, 0.0, -0.25])


def test_genomes_become_points_within_the_bounds_however_large_they_grow() -> None:
    genomes = np.random.default_rng(4).normal(size=(100, NUM_PARAMS)) * 10.0 ** np.arange(100)[:, None]
    genomes = np.concatenate([genomes, np.full((1, NUM_PARAMS), 1e99), np.full((1, NUM_PARAMS), -1e99)])
    assert np.linalg.norm(DiscGame().points(genomes), axis=1).max() <= 1.0 + 1e-12
    numbers = NumberGame().points(genomes)
    assert np.array_equal(numbers, np.rint(numbers))
    assert (numbers.min(), numbers.max()) == (0, 100)
    assert np.array_equal(NumberGame().points(np.zeros((1, NUM_PARAMS))), [[50, 50]])


def test_a_table_is_scored_as_matches_of_the_real_game_are() -> None:
    game = DiscGame()
    evaluator = AnalyticEvaluator(game)
    genomes = torch.randn(5, NUM_PARAMS, generator=torch.Generator().manual_seed(5))
    rosters = {side: evaluator.session.roster(side, genomes) for side in Side}
    table = MatchTable(np.array([0, 0, 1, 1]), np.array([2, 3, 2, 3]), np.arange(4))
    episodes = evaluator.evaluate(table, rosters)
    points = game.points(genomes.double().numpy())
    expected = game.payoff(points[:2, None], points[None, 2:4]).mean(1)
    returns = team_return(episodes, evaluator.session.spec, Side.HIDERS)
    fitness = team_fitness(returns, table.hider, Side.HIDERS, 2)
    assert fitness.numpy() == pytest.approx(expected)
