"""Rewards: hiders are paid for not being seen, seekers for seeing, and everyone for staying inside.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from evo_hns.envs.entities import arrays
from evo_hns.system.kernels import kernel

OUT_OF_BOUNDS_REWARD = -10.0

RewardType = Literal["selfish", "joint_mean", "joint_zero_sum"]


def hide_and_seek(sees: Tensor, agent_mask: Tensor, num_hiders: int, kind: RewardType) -> Tensor:
    """+1 for a hider that no seeker sees and for a seeker that sees a hider, else -1.

    Args:
        sees: `(W, S, H)` bool, the seeker sees the hider; False for who is absent.
        agent_mask: `(W, A)` bool, the agent exists; absent ones get 0.
        num_hiders: H, places of hiders; they come first.
        kind: `selfish`: each by what it sees or is seen; `joint_mean`: the mean of its team; `joint_zero_sum`: one
            seen hider makes all hiders lose and all seekers win.

    Returns:
        `(W, A)` float64.
    """
    wins = np.empty(agent_mask.shape)
    _win(*arrays(sees, agent_mask), kind == "joint_zero_sum", wins)
    reward = torch.from_numpy(wins)
    return team_means(reward, agent_mask, num_hiders) if kind == "joint_mean" else reward


@kernel
def _win(sees: np.ndarray, agent_mask: np.ndarray, as_teams: bool, reward: np.ndarray) -> None:
    """1 for who wins, alone or as a team, -1 for who loses, 0 for who is absent."""
    num_hiders = sees.shape[2]
    for w in range(reward.shape[0]):
        for i in range(reward.shape[1]):
            if as_teams:
                found = sees[w].any()
            elif i < num_hiders:
                found = sees[w, :, i].any()
            else:
                found = sees[w, i - num_hiders].any()
            wins = not found if i < num_hiders else found
            reward[w, i] = (1.0 if wins else -1.0) if agent_mask[w, i] else 0.0


def team_means(reward: Tensor, agent_mask: Tensor, num_hiders: int) -> Tensor:
    """`(W, A)` the mean over the members of each agent's team that exist; 0 for who is absent."""
    means = torch.empty_like(reward)
    for team in (slice(0, num_hiders), slice(num_hiders, reward.shape[1])):
        members = agent_mask[:, team]
        total = sum_in_order(torch.where(members, reward[:, team], 0.0), 1).unsqueeze(1)
        means[:, team] = total / members.sum(1, keepdim=True).clamp(min=1)
    return torch.where(agent_mask, means, 0.0)


def sum_in_order(values: Tensor, dim: int) -> Tensor:
    """The sum along an axis, one by one: the same bits in any batch, which a vectorised sum does not promise."""
    total = torch.zeros_like(values.select(dim, 0)) if values.shape[dim] else values.sum(dim)
    for part in values.unbind(dim):
        total = total + part
    return total


def penalize_leaving(
    reward: Tensor, pos: Tensor, exists: Tensor, rect: tuple[float, float, float, float], *, by_objects: bool
) -> Tensor:
    """Replace (not lower) the reward by -10 for who is outside a rectangle; its edge is inside.

    Args:
        reward: `(W, A)`.
        pos: `(W, E, >= 2)` x, y, ... of agents, then objects, metres.
        exists: `(W, E)` bool.
        rect: x0, y0, x1, y1, metres.
        by_objects: an object that is outside makes every agent of its world pay.
    """
    paid = reward.numpy().copy()
    _penalize(*arrays(pos, exists), rect, by_objects, paid)
    return torch.from_numpy(paid)


@kernel
def _penalize(
    pos: np.ndarray,
    exists: np.ndarray,
    rect: tuple[float, float, float, float],
    by_objects: bool,
    reward: np.ndarray,
) -> None:
    n = reward.shape[1]
    for w in range(reward.shape[0]):
        all_pay = False
        for e in range(n, pos.shape[1] if by_objects else n):
            all_pay |= exists[w, e] and _is_outside(pos[w, e, 0], pos[w, e, 1], rect)
        for i in range(n):
            if exists[w, i] and (all_pay or _is_outside(pos[w, i, 0], pos[w, i, 1], rect)):
                reward[w, i] = OUT_OF_BOUNDS_REWARD


@kernel
def _is_outside(x: float, y: float, rect: tuple[float, float, float, float]) -> bool:
    return x < rect[0] or y < rect[1] or x > rect[2] or y > rect[3]
