from __future__ import annotations

import pytest
import torch

from evo_hns.envs.rewards import hide_and_seek, penalize_leaving, sum_in_order

EVERYONE = torch.ones(1, 5, dtype=torch.bool)


def paid(sees: list[list[bool]], kind: str, there: torch.Tensor = EVERYONE) -> list[float]:
    """Rewards of three hiders and two seekers in one world."""
    return hide_and_seek(torch.tensor([sees]), there, 3, kind)[0].tolist()


def slow_rewards(sees: list[list[bool]], kind: str) -> list[float]:
    """Agent by agent, as the original words it."""
    hiders = [-1.0 if any(row[h] for row in sees) else 1.0 for h in range(3)]
    seekers = [1.0 if any(row) else -1.0 for row in sees]
    if kind == "joint_mean":
        hiders, seekers = [sum(hiders) / 3] * 3, [sum(seekers) / 2] * 2
    if kind == "joint_zero_sum":
        hiders, seekers = [min(hiders)] * 3, [max(seekers)] * 2
    return hiders + seekers


@pytest.mark.parametrize("kind", ["selfish", "joint_mean", "joint_zero_sum"])
def test_rewards_equal_the_rule_agent_by_agent(kind):
    for bits in range(64):
        sees = [[bool(bits >> (3 * s + h) & 1) for h in range(3)] for s in range(2)]
        assert paid(sees, kind) == pytest.approx(slow_rewards(sees, kind), abs=1e-15)


def test_one_seen_hider_costs_all_hiders_and_pays_all_seekers():
    assert paid([[True, False, False], [False] * 3], "joint_zero_sum") == [-1, -1, -1, 1, 1]
    assert paid([[False] * 3] * 2, "joint_zero_sum") == [1, 1, 1, -1, -1]


def test_who_is_absent_earns_nothing_and_counts_for_no_mean():
    there = torch.tensor([[True, True, False, True, False]])
    sees = [[True, False, False], [False] * 3]
    assert paid(sees, "selfish", there) == [-1, 1, 0, 1, 0]
    assert paid(sees, "joint_mean", there) == [0, 0, 0, 1, 0]
    assert paid(sees, "joint_zero_sum", there) == [-1, -1, 0, 1, 0]


def test_a_sum_in_order_is_the_sum_also_of_nothing():
    values = torch.arange(12.0, dtype=torch.float64).view(3, 4)
    assert torch.equal(sum_in_order(values, 1), values.sum(1))
    assert sum_in_order(values[:, :0], 1).tolist() == [0.0, 0.0, 0.0]


FIELD, IN, OUT = (0.1, 0.1, 5.9, 5.9), [3.0, 3.0], [6.0, 0.0]


def pay(places: list[list[float]], *, by_objects: bool = True, absent: int | None = None) -> list[float]:
    """What three agents get who earned 1 each; further places are objects'."""
    exists = torch.arange(len(places))[None] != (-1 if absent is None else absent)
    earned = torch.where(exists[:, :3], 1.0, 0.0).double()
    pos = torch.tensor([places], dtype=torch.float64)
    return penalize_leaving(earned, pos, exists, FIELD, by_objects=by_objects)[0].tolist()


def test_the_edge_of_the_field_is_inside():
    assert pay([[0.1, 5.9], [0.09, 3.0], [3.0, 5.91]]) == [1.0, -10.0, -10.0]
    assert pay([[3.0, 0.09], [5.91, 3.0], [5.9, 0.1]]) == [-10.0, -10.0, 1.0]


def test_who_leaves_gets_minus_ten_alone():
    assert pay([IN, OUT, IN, IN]) == [1.0, -10.0, 1.0]


def test_an_object_outside_costs_everyone_in_its_world_if_that_is_a_rule():
    assert pay([IN, IN, OUT, IN, OUT]) == [-10.0] * 3
    assert pay([IN, IN, OUT, IN, OUT], by_objects=False) == [1.0, 1.0, -10.0]
    rewards, two = torch.ones(2, 1).double(), torch.tensor([[IN, IN], [IN, OUT]]).double()
    assert penalize_leaving(rewards, two, two[..., 0] > 0, FIELD, by_objects=True).tolist() == [[1.0], [-10.0]]
    assert rewards.tolist() == [[1.0], [1.0]]


def test_who_is_absent_neither_pays_nor_makes_others_pay():
    assert pay([IN, OUT, IN, IN], absent=1) == [1.0, 0.0, 1.0]
    assert pay([IN, IN, IN, OUT], absent=3) == [1.0] * 3
    assert pay([IN, IN, IN, OUT], absent=0) == [0.0, -10.0, -10.0]
