"""Equilibria of games with a known one, the most even where there are many, and how they shake."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.spec import Side
from evo_hns.tournament.equilibria.matrix_game import exploitability, solve
from evo_hns.tournament.equilibria.nash import Nash, equilibrium, nash
from evo_hns.tournament.measures.score_table import UnanswerableError, zero_sum_table
from tests.tournament.measures.made import additive, payoff, rock_paper_scissors


def ask(truth: np.ndarray, *, sd: float = 0.0, seed: int = 0, replicates: int = 40) -> Nash:
    table = zero_sum_table(payoff(truth, sd=sd, seed=seed), [None] * truth.shape[0], [None] * truth.shape[1])
    return nash(table, np.random.default_rng(seed), replicates=replicates)


def weights(found: Nash, side: Side) -> np.ndarray:
    return np.array([member.weight for member in found.members[side].values()])


@pytest.mark.parametrize(
    ("game", "rows", "columns", "value"),
    [
        ([[1.0, -1.0], [-1.0, 1.0]], [0.5, 0.5], [0.5, 0.5], 0.0),  # matching pennies
        ([[3.0, 0.0], [1.0, 2.0]], [0.25, 0.75], [0.5, 0.5], 1.5),
        ([[5.0, 2.0], [4.0, 1.0]], [1.0, 0.0], [0.0, 1.0], 2.0),  # a dominant pair
        ([[0.0, -1.0, 2.0], [1.0, 0.0, -1.0], [-2.0, 1.0, 0.0]], [0.25, 0.5, 0.25], [0.25, 0.5, 0.25], 0.0),
        ([[7.0]], [1.0], [1.0], 7.0),
    ],
)
def test_known_games_are_solved(game: list[list[float]], rows: list[float], columns: list[float], value: float) -> None:
    scores = np.array(game)
    x, y = solve(scores)
    assert np.allclose(x, rows)
    assert np.allclose(y, columns)
    assert x @ scores @ y == pytest.approx(value)
    even_x, even_y, _ = equilibrium(scores)
    assert np.allclose(even_x, rows, atol=2e-3)
    assert np.allclose(even_y, columns, atol=2e-3)


@pytest.mark.parametrize("kind", ["normal", "integers", "wins and losses", "one column"])
def test_whatever_the_game_nobody_can_gain(kind: str) -> None:
    rng = np.random.default_rng(3)
    scores = {
        "normal": rng.standard_normal((30, 20)),
        "integers": rng.integers(-2, 3, (25, 25)).astype(float),
        "wins and losses": 48 * np.sign(rng.standard_normal((40, 40))),
        "one column": rng.standard_normal((9, 1)),
    }[kind]
    x, y = solve(scores)
    assert exploitability(scores, x, y) == pytest.approx(0, abs=1e-8)
    even_x, even_y, _ = equilibrium(scores)
    assert exploitability(scores, even_x, even_y) <= 2.1e-4 * np.ptp(scores)


def test_clones_share_a_weight_and_change_nobody_elses() -> None:
    game = rock_paper_scissors()
    cloned = game[[0, 1, 2, 2]][:, [0, 1, 2, 2]]
    assert np.allclose(weights(ask(cloned), Side.HIDERS), [1 / 3, 1 / 3, 1 / 6, 1 / 6], atol=2e-3)


@pytest.mark.parametrize("seed", [2, 18, 23, 27, 28, 31])
def test_the_most_even_mixture_is_one_whatever_the_order_of_players(seed: int) -> None:
    """Games of many equilibria, on which a search from a vertex stood still."""
    rng = np.random.default_rng(seed)
    half = rng.integers(-1, 2, (20, 20)).astype(float)
    game = half - half.T
    order = rng.permutation(20)
    rows, columns, _ = equilibrium(game)
    again, _, _ = equilibrium(game[order])
    assert again == pytest.approx(rows[order], abs=1e-8)
    assert rows == pytest.approx(columns, abs=1e-8)  # the game looks alike to both


def test_without_noise_replays_are_the_mixture_itself() -> None:
    found = ask(np.zeros((4, 3)))
    for side, share in ((Side.HIDERS, 1 / 4), (Side.SEEKERS, 1 / 3)):
        for member in found.members[side].values():
            assert (member.weight, member.low, member.high) == pytest.approx((share,) * 3, abs=1e-3)
            assert member.in_support == 1.0
    assert (found.distinct, found.overlap[Side.HIDERS]) == (1, 1.0)


def test_where_nothing_matters_all_weigh_the_same() -> None:
    rows, columns, _ = equilibrium(np.zeros((4, 3)))
    assert np.allclose(rows, 0.25, atol=1e-3)
    assert np.allclose(columns, 1 / 3, atol=1e-3)


def test_members_of_the_mixture_score_the_value_and_others_less() -> None:
    game = np.pad(rock_paper_scissors(), 1, constant_values=0.0)[1:, 1:]  # and a player who never wins or loses
    game[3, :3], game[:3, 3] = -1.0, 1.0
    found = ask(game)
    averages = [member.average for member in found.members[Side.HIDERS].values()]
    assert np.allclose(averages[:3], 0.0, atol=1e-3)
    assert averages[3] == pytest.approx(-1.0, abs=2e-3)
    assert found.supports == {Side.HIDERS: 3, Side.SEEKERS: 3}


def test_a_dominant_player_stays_when_episodes_are_played_again() -> None:
    found = ask(additive(6, gain=5.0), sd=1.0)
    assert found.distinct == 1
    assert found.overlap[Side.HIDERS] == 1.0
    assert found.members[Side.HIDERS]["hiders/5"].in_support == 1.0
    assert found.value.low < 0.0 < found.value.high


def test_mixtures_of_players_who_are_alike_owe_much_to_luck() -> None:
    found = ask(np.zeros((12, 12)), sd=1.0)
    assert found.distinct > 30
    assert found.overlap[Side.HIDERS] < 0.8


def test_few_missing_pairings_are_filled_and_many_refused() -> None:
    made = payoff(additive(8, gain=5.0), sd=1.0)
    table = zero_sum_table(made, [None] * 8, [None] * 8)
    table.scores[2, 3] = np.nan
    assert nash(table, np.random.default_rng(0), replicates=5).filled == 1
    table.scores[:4, :4] = np.nan
    with pytest.raises(UnanswerableError, match="25% of the pairings were not played"):
        nash(table, np.random.default_rng(0), replicates=5)
