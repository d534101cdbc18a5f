"""Eating, against plain loops over agents and items."""

from __future__ import annotations

import pytest
import torch

from evo_hns.config import FoodConfig
from evo_hns.envs.food import come_back, share_bites, within_reach


def test_an_item_gives_a_bite_to_each_and_is_shared_when_it_runs_short():
    eats = torch.tensor([[[True], [True], [True]]])
    for health, bite, left in (
        (3.0, 1.0, 0.0),
        (5.0, 1.0, 2.0),
        (2.0, 2 / 3, 0.0),
        (0.5, 0.5 / 3, 0.0),
        (0.0, 0.0, 0.0),
    ):
        bites, after = share_bites(eats, torch.tensor([[health]], dtype=torch.float64))
        assert bites[0, :, 0].tolist() == pytest.approx([bite] * 3)
        assert after.item() == left


def test_bites_equal_a_plain_loop():
    g = torch.Generator().manual_seed(0)
    eats = torch.rand(100, 4, 3, generator=g) < 0.5
    health = torch.randint(0, 4, (100, 3), generator=g).double()
    bites, after = share_bites(eats, health)
    for w in range(100):
        for f in range(3):
            eaters = [i for i in range(4) if eats[w, i, f]]
            left = health[w, f].item()
            share = min(1.0, left / len(eaters)) if eaters else 0.0
            assert bites[w, :, f].tolist() == pytest.approx([share if i in eaters else 0.0 for i in range(4)])
            assert after[w, f].item() == pytest.approx(max(0.0, left - len(eaters)))


def test_reach_is_a_distance_in_three_dimensions_or_endless():
    agents = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 0.3, 0.4]]], dtype=torch.float64)
    food = torch.tensor([[[0.0, 0.0, 0.0]]], dtype=torch.float64)
    assert within_reach(agents, food, 0.5)[0, :, 0].tolist() == [True, False]  # the edge is out of reach
    assert within_reach(agents, food, 0.51).all()
    assert within_reach(agents, food + 100, None).all()


def test_what_is_gone_comes_back_whole_after_its_time_or_never():
    health, timer = torch.zeros(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.int64)
    observed = []
    for _ in range(4):
        health, timer = come_back(health, timer, FoodConfig(max_health=2.0, respawn_time=3))
        observed.append(health.item())
    assert observed == [0.0, 0.0, 2.0, 2.0]
    assert come_back(torch.zeros(1, 1), torch.full((1, 1), 99), FoodConfig())[0].item() == 0.0
