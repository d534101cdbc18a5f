"""Who stays when there are more opponents than places."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.archive.capacity_rules import CAPACITY_RULES
from evo_hns.archive.fictitious_play import equilibrium
from evo_hns.archive.samplers import OpponentHistory
from evo_hns.config import CoevolutionConfig


def history_of(beats: list[list[float]]) -> OpponentHistory:
    return OpponentHistory(np.full(len(beats), 0.5), np.array(beats, dtype=np.float64))


def stay(rule: str, beats: list[list[float]], n: int) -> list[int]:
    return CAPACITY_RULES[rule](history_of(beats), n).tolist()


def test_every_rule_has_a_setting() -> None:
    names = CoevolutionConfig.model_fields["hall_rule"].annotation
    assert set(CAPACITY_RULES) == set(names.__args__)  # type: ignore[union-attr]


@pytest.mark.parametrize("rule", CAPACITY_RULES)
@pytest.mark.parametrize("n", [1, 5, 19])
def test_every_rule_keeps_so_many_each_once_and_the_same_ones_again(rule: str, n: int) -> None:
    rng = np.random.default_rng(3)
    beats = np.where(rng.random((20, 7)) < 0.5, np.nan, rng.integers(0, 3, (20, 7)) / 2)
    history = OpponentHistory(np.where(rng.random(20) < 0.3, np.nan, rng.random(20)), beats)
    rows = CAPACITY_RULES[rule](history, n)
    assert rows.dtype == np.int64
    assert rows.tolist() == sorted(set(rows.tolist())) == CAPACITY_RULES[rule](history, n).tolist()
    assert len(rows) == n and rows.min() >= 0 and rows.max() < 20


@pytest.mark.parametrize("rule", CAPACITY_RULES)
def test_of_opponents_who_are_alike_the_newest_stay(rule: str) -> None:
    assert stay(rule, [[1, 0, 1]] * 6, 2) == [4, 5]
    assert CAPACITY_RULES[rule](OpponentHistory(np.full(6, np.nan), np.empty((6, 0))), 2).tolist() == [4, 5]


def test_oldest_lets_the_oldest_go() -> None:
    assert stay("oldest", [[0], [1], [0], [1]], 3) == [1, 2, 3]


def test_informative_keeps_who_tells_players_apart() -> None:
    beats = [[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]]  # 4, 0, 3, 0 pairs told apart
    assert stay("informative", beats, 1) == [0]
    assert stay("informative", beats, 2) == [0, 2]


def test_informative_gives_strangers_the_benefit_of_the_doubt() -> None:
    nan = np.nan
    # two even chances tell 2 x 1/2 x 1/2 = 1/2 of a pair apart, sure ones 1 or 0
    assert stay("informative", [[nan, nan], [1, 1], [1, 0], [0, 0]], 2) == [0, 2]


def test_spread_keeps_who_wins_against_others() -> None:
    beats = [[0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]]
    assert stay("spread", beats, 2) == [0, 3]
    assert stay("spread", beats, 3) == [0, 2, 3]


def test_nash_keeps_the_support_of_the_equilibrium() -> None:
    beats = [[0.5, 0, 1], [0, 0, 0], [1, 0.5, 0], [0, 1, 0.5], [0.25, 0.25, 0.25]]  # rock, paper, scissors, two dull
    shares = equilibrium(np.array(beats))
    np.testing.assert_allclose(shares, [1 / 3, 0, 1 / 3, 1 / 3, 0], atol=0.05)
    assert stay("nash", beats, 3) == [0, 2, 3]
