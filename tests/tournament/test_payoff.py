"""How certain a cell is: one answer, whoever asks."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.spec import Side
from evo_hns.tournament.equilibria.nash import nash
from evo_hns.tournament.measures.history import history
from evo_hns.tournament.measures.score_table import side_table, zero_sum_table
from evo_hns.tournament.payoff import squared_errors
from tests.tournament.measures.made import additive, payoff


def test_measures_take_the_interval_of_a_cell_from_its_table() -> None:
    made, generations = payoff(additive(4, gain=50.0), sd=4.0), np.arange(4)
    half = made.half_widths(Side.HIDERS)
    table = side_table(made, Side.HIDERS, generations, generations)
    assert np.array_equal(table.noise, made.noise[Side.HIDERS])
    assert history(table).half_width[0] == pytest.approx(half[1, 0])  # who has one earlier opponent
    value = nash(zero_sum_table(made, generations, generations), np.random.default_rng(0), replicates=2).value
    assert value.high - value.value == pytest.approx(half[3, 3], rel=2e-3)  # the best two alone are in the mixture


def test_a_cell_leans_on_all_cells_and_is_never_certain_where_the_range_is_known() -> None:
    number, squares = np.full((1, 2), 9), np.array([[0.0, 72.0]])
    free = squared_errors(number, squares, 0.0)
    assert free[0, 0] == pytest.approx(8 * (72 / 16) / 16 / 9)  # eight of sixteen degrees of freedom
    assert free[0, 1] == pytest.approx((8 * (72 / 16) + 72) / 16 / 9)
    assert squared_errors(number, np.zeros((1, 2)), 96.0).min() > 0
    assert np.isnan(squared_errors(np.zeros((1, 2)), np.zeros((1, 2)), 96.0)).all()
