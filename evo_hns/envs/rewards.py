"""Rewards: hiders are paid for not being seen, seekers for seeing, and everyone for staying inside.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

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
    seen, finds = sees.any(1), sees.any(2)
    if kind == "joint_zero_sum":
        anyone = seen.any(1, keepdim=True)
        seen, finds = anyone.expand_as(seen), anyone.expand_as(finds)
    wins = torch.cat([~seen, finds], 1)
    reward = torch.where(agent_mask, wins.to(torch.float64) * 2.0 - 1.0, 0.0)
    return team_means(reward, agent_mask, num_hiders) if kind == "joint_mean" else reward


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


def outside(pos: Tensor, rect: tuple[float, float, float, float]) -> Tensor:
    """Whether points lie outside a rectangle; its edge is inside.

    Args:
        pos: `(W, K, 2 or 3)` x, y, ... in metres.
        rect: x0, y0, x1, y1.

    Returns:
        `(W, K)` bool.
    """
    x, y = pos[..., 0], pos[..., 1]
    return (x < rect[0]) | (y < rect[1]) | (x > rect[2]) | (y > rect[3])


def penalize_leaving(reward: Tensor, agent_outside: Tensor, object_outside: Tensor | None) -> Tensor:
    """Replace (not lower) the reward by -10 for who is outside.

    Args:
        reward: `(W, A)`.
        agent_outside: `(W, A)` bool, pays alone.
        object_outside: `(W, m)` bool, any of them makes every agent of the world pay; None if that
            is not a rule.
    """
    pays = agent_outside
    if object_outside is not None:
        pays = pays | object_outside.any(1, keepdim=True)
    return torch.where(pays, OUT_OF_BOUNDS_REWARD, reward)
