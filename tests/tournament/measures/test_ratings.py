"""Ratings recover the strengths that made a table, and their intervals cover them."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.spec import Side
from evo_hns.tournament.measures.ratings import ELO, Ratings, logistic_ratings, ratings
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError, zero_sum_table
from tests.tournament.measures.made import payoff

HIDERS, SEEKERS = np.array([5.0, 1.0, 3.0]), np.array([-4.0, -1.0, -2.0, -5.0])  # means 3 and -3


Cells = tuple[tuple[int, int], ...]


def table_of(truth: np.ndarray, *, sd: float = 0.0, seed: int = 0, holes: Cells = ()) -> ScoreTable:
    made = payoff(truth, sd=sd, seed=seed)
    for cell in holes:
        made.count[cell] = 0
        made.mean[Side.HIDERS][cell] = made.mean[Side.SEEKERS][cell] = np.nan
    return zero_sum_table(made, [None] * truth.shape[0], [None] * truth.shape[1])


def values(found: Ratings, side: Side) -> np.ndarray:
    return np.array([rating.value for rating in found.of[side].values()])


@pytest.mark.parametrize("holes", [(), ((0, 0), (2, 1))])
def test_a_difference_of_ratings_is_the_expected_return(holes: Cells) -> None:
    found = ratings(table_of(HIDERS[:, None] - SEEKERS[None, :], holes=holes))
    assert np.allclose(values(found, Side.HIDERS), HIDERS)
    assert np.allclose(values(found, Side.SEEKERS), SEEKERS)
    assert found.ordered(Side.HIDERS) == ["hiders/0", "hiders/2", "hiders/1"]


def test_players_who_never_met_even_through_others_are_not_rated() -> None:
    cells = tuple((row, column) for row in range(4) for column in range(4) if (row < 2) != (column < 2))
    table = table_of(np.arange(16.0).reshape(4, 4), holes=cells)
    with pytest.raises(UnanswerableError, match="into 2 groups that never met"):
        ratings(table)
    with pytest.raises(UnanswerableError, match="into 2 groups that never met"):
        logistic_ratings(table, 0.0, 16.0)
    joined = tuple(cell for cell in cells if cell != (0, 3))
    assert len(ratings(table_of(np.arange(16.0).reshape(4, 4), holes=joined)).of[Side.HIDERS]) == 4


def test_intervals_of_a_large_table_are_no_wider_than_those_of_its_rows() -> None:
    """Of 150 players a side: 16 episodes of spread 1 in each of 150 cells."""
    found = ratings(table_of(np.zeros((150, 150)), sd=1.0))
    widths = [rating.high - rating.low for side in Side for rating in found.of[side].values()]
    assert np.mean(widths) == pytest.approx(2 * 1.96 / np.sqrt(16 * 150), rel=0.02)
    assert max(widths) < 1.2 * np.mean(widths)


def test_intervals_cover_the_true_ratings() -> None:
    hits = []
    for seed in range(100):
        found = ratings(table_of(HIDERS[:, None] - SEEKERS[None, :], sd=6.0, seed=seed))
        pairs = zip(HIDERS, found.of[Side.HIDERS].values(), strict=True)
        hits += [rating.low <= truth <= rating.high for truth, rating in pairs]
    assert 0.90 < np.mean(hits) < 0.99


def test_elo_sees_through_a_table_that_saturates() -> None:
    truth = 10.0 * np.tanh((HIDERS[:, None] - SEEKERS[None, :] - 6.0) / 2)  # logistic in the difference
    found = logistic_ratings(table_of(truth, sd=0.01), -10.0, 10.0)
    assert np.allclose(np.diff(values(found, Side.HIDERS)) / ELO, np.diff(HIDERS), atol=0.1)
    assert np.allclose(np.diff(values(found, Side.SEEKERS)) / ELO, np.diff(SEEKERS), atol=0.1)


def test_who_always_wins_gets_a_finite_elo() -> None:
    found = logistic_ratings(table_of(np.array([[1.0, 1.0], [0.0, 0.5]]), sd=0.0), -1.0, 1.0)
    assert np.isfinite(values(found, Side.HIDERS)).all()
    assert values(found, Side.HIDERS)[0] > values(found, Side.HIDERS)[1] + 400


def test_scores_beyond_the_bounds_are_refused() -> None:
    with pytest.raises(ValueError, match="within the bounds"):
        logistic_ratings(table_of(HIDERS[:, None] - SEEKERS[None, :]), -1.0, 1.0)
