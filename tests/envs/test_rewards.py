from __future__ import annotations

import torch

from evo_hns.envs.rewards import joint_zero_sum, outside, penalize_leaving


def test_one_seen_hider_costs_all_hiders_and_pays_all_seekers():
    assert joint_zero_sum(torch.tensor([True, False]), 2, 1).tolist() == [[-1, -1, 1], [1, 1, -1]]


def test_the_edge_of_the_field_is_inside():
    points = torch.tensor([[[0.1, 5.9], [0.09, 3.0], [3.0, 5.91], [3.0, 3.0], [6.0, 0.0]]], dtype=torch.float64)
    assert outside(points, (0.1, 0.1, 5.9, 5.9)).tolist() == [[False, True, True, False, True]]


def test_who_leaves_gets_minus_ten_alone():
    reward = torch.tensor([[1.0, 1.0, -1.0, -1.0]])
    left = torch.tensor([[False, True, False, False]])
    assert penalize_leaving(reward, left, None).tolist() == [[1.0, -10.0, -1.0, -1.0]]


def test_an_object_outside_costs_everyone_in_its_world():
    reward, none = torch.ones(2, 3), torch.zeros(2, 3, dtype=torch.bool)
    objects = torch.tensor([[False, False], [False, True]])
    assert penalize_leaving(reward, none, objects).tolist() == [[1.0] * 3, [-10.0] * 3]
