"""Rewards: hiders are paid for not being seen, seekers for seeing, and everyone for staying inside.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

import torch
from torch import Tensor

OUT_OF_BOUNDS_REWARD = -10.0


def joint_zero_sum(any_hider_seen: Tensor, num_hiders: int, num_seekers: int) -> Tensor:
    """-1 for every hider and +1 for every seeker if any seeker sees any hider, else the opposite.

    Args:
        any_hider_seen: `(W,)` bool.
        num_hiders: rewards of hiders come first.
        num_seekers: and those of seekers follow.

    Returns:
        `(W, A)` float64.
    """
    side = torch.tensor([1.0] * num_hiders + [-1.0] * num_seekers, dtype=torch.float64, device=any_hider_seen.device)
    return torch.where(any_hider_seen.unsqueeze(1), -side, side)


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
