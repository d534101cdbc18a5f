"""Layers of a ladder, of a circle, and of circles above each other."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.tournament.equilibria.layers import Layers, layers
from evo_hns.tournament.measures.score_table import UnanswerableError, zero_sum_table
from tests.tournament.measures.made import additive, payoff, rock_paper_scissors


def ask(truth: np.ndarray, *, sd: float = 0.2) -> Layers:
    table = zero_sum_table(payoff(truth, sd=sd), np.arange(len(truth)), np.arange(len(truth)))
    return layers(table, np.random.default_rng(0), replicates=10)


def test_a_ladder_has_a_layer_for_each_team() -> None:
    found = ask(additive(5))
    assert found.generations == ((4,), (3,), (2,), (1,), (0,))
    assert (found.count.low, found.count.high) == (5.0, 5.0)


def test_a_circle_is_one_layer() -> None:
    found = ask(rock_paper_scissors())
    assert found.generations == ((0, 1, 2),)
    assert found.widest.value == 3.0


def test_circles_above_each_other_are_told_apart() -> None:
    truth = np.kron(np.eye(3), rock_paper_scissors()) + 5.0 * np.kron(additive(3), np.ones((3, 3)))
    assert ask(truth).generations == ((6, 7, 8), (3, 4, 5), (0, 1, 2))


def test_teams_alike_share_a_layer_whatever_their_order() -> None:
    """Without noise there are many equilibria; a vertex of the simplex method would leave some teams out."""
    assert ask(np.zeros((5, 5)), sd=0.0).generations == ((0, 1, 2, 3, 4),)
    circle = rock_paper_scissors()
    for order in ([0, 1, 2, 2], [2, 2, 1, 0], [1, 1, 1, 0, 2]):
        found = ask(circle[np.ix_(order, order)], sd=0.0)
        assert found.generations == (tuple(range(len(order))),)
        assert (found.count.low, found.count.high) == (1.0, 1.0)


def test_teams_that_did_not_meet_cannot_be_layered() -> None:
    made = payoff(additive(4), sd=0.2)
    made.count[0, 3] = 0
    with pytest.raises(UnanswerableError, match="all teams to have met"):
        layers(zero_sum_table(made, np.arange(4), np.arange(4)), np.random.default_rng(0))
