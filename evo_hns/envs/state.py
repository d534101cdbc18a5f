"""What the game remembers beside the physics: locks, grips, food, and what was seen last."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class GameState:
    """The rules' own state of W worlds; replace fields, never write into them. n agents, m objects, F food items."""

    t: int  #: env steps done in this episode
    locked: Tensor  #: `(W, m)` bool
    lock_owner: Tensor  #: `(W, m)` int64, the agent that locked the object last; 0 at the start
    grabbed: Tensor  #: `(W, n, m)` bool, the agent holds the object
    sees_agents: Tensor  #: `(W, n, n - 1)` bool in the last observation, in its circulant order
    sees_objects: Tensor  #: `(W, n, m)` bool in the last observation
    sees_food: Tensor  #: `(W, n, F)` bool in the last observation
    food_health: Tensor  #: `(W, F)` float64, bites that are left
    food_timer: Tensor  #: `(W, F)` int64, env steps for which the item has been gone
    eaten: Tensor  #: `(W, n)` float64, bites of each agent in the last env step

    @classmethod
    def initial(
        cls, num_worlds: int, num_agents: int, num_objects: int, num_food: int = 0, food_health: float = 0.0
    ) -> GameState:
        """Nothing is locked, held, seen or eaten."""
        w, n, m = num_worlds, num_agents, num_objects
        return cls(
            t=0,
            locked=torch.zeros(w, m, dtype=torch.bool),
            lock_owner=torch.zeros(w, m, dtype=torch.int64),
            grabbed=torch.zeros(w, n, m, dtype=torch.bool),
            sees_agents=torch.zeros(w, n, n - 1, dtype=torch.bool),
            sees_objects=torch.zeros(w, n, m, dtype=torch.bool),
            sees_food=torch.zeros(w, n, num_food, dtype=torch.bool),
            food_health=torch.full((w, num_food), food_health, dtype=torch.float64),
            food_timer=torch.zeros(w, num_food, dtype=torch.int64),
            eaten=torch.zeros(w, n, dtype=torch.float64),
        )
