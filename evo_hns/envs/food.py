"""Food: hiders that come near and saw it in their previous observation take bites until it is gone.

An item gives a bite to each eater in each env step; if more eat than it has bites left, they share. What is
gone comes back whole after a while, if the rules say so.

Source: Baker et al. 2020 and the authors' published environment. No recording shows anybody eat, so the order of
bites and of coming back within a step is a reading of the rules.
"""

from __future__ import annotations

import torch
from torch import Tensor

from evo_hns.config import FoodConfig


def within_reach(agent_qpos: Tensor, food: Tensor, radius: float | None) -> Tensor:
    """Whether agents are near enough to eat.

    Args:
        agent_qpos: `(W, n, 3)` observed positions, corner-like as the original's, metres.
        food: `(W, F, 3)` places, metres.
        radius: metres; None for any distance.

    Returns:
        `(W, n, F)` bool.
    """
    offset = agent_qpos.unsqueeze(2) - food.unsqueeze(1)
    if radius is None:
        return torch.ones(offset.shape[:3], dtype=torch.bool)
    x, y, z = offset.unbind(-1)
    return torch.sqrt(x * x + y * y + z * z) < radius


def share_bites(eats: Tensor, health: Tensor) -> tuple[Tensor, Tensor]:
    """Bites of every agent, and what is left.

    Args:
        eats: `(W, n, F)` bool, the agent eats of the item.
        health: `(W, F)` bites that are left.

    Returns:
        `(W, n, F)` float64 bites, `(W, F)` health after them.
    """
    mouths = (eats & (health > 0.0).unsqueeze(1)).to(torch.float64)
    eaters = mouths.sum(1)
    bite = torch.where(eaters > health, health / eaters.clamp(min=1.0), 1.0)
    return mouths * bite.unsqueeze(1), torch.where(eaters > health, 0.0, health - eaters)


def come_back(health: Tensor, timer: Tensor, food: FoodConfig) -> tuple[Tensor, Tensor]:
    """Let items that have been gone for `respawn_time` env steps come back.

    Args:
        health: `(W, F)` after this step's bites.
        timer: `(W, F)` int64, env steps for which each has been gone before this one.
        food: its rules.

    Returns:
        Health and timers after this step.
    """
    timer = torch.where(health > 0.0, 0, timer + 1)
    if food.respawn_time is None:
        return health, timer
    back = timer == food.respawn_time
    return torch.where(back, food.max_health, health), torch.where(back, 0, timer)
