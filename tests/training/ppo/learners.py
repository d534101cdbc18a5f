"""Games of seconds for PPO, and learners that play them."""

from __future__ import annotations

from typing import Any

import numpy as np

from evo_hns.config import RunConfig
from evo_hns.training.ppo.learner import Learner
from tests.runs import tiny

ENTITY = {"embed_size": 8, "num_heads": 2, "dense_size": 12, "num_cells": 10, "num_filters": 2}


def tiny_ppo(*, entity: dict[str, Any] | None = None, ppo: dict[str, Any] | None = None, **changes: Any) -> RunConfig:
    """A run of PPO of seconds, in which every part is there."""
    small = {"num_worlds": 6, "rollouts_per_generation": 2, "epochs": 2, "minibatches": 2}
    policy = {"network": "entity", "entity": ENTITY | (entity or {})}
    return tiny(policy=policy, ppo=small | (ppo or {}), **changes)


CROWDED: dict[str, Any] = {
    "world": {
        "scenario": "randomwalls",
        "num_hiders": [1, 3],
        "num_seekers": [1, 2],
        "num_boxes": [1, 4],
        "num_elongated_boxes": [1, 4],
        "num_ramps": [0, 2],
        "num_food": 2,
    },
    "rules": {"horizon": 5, "lock_ramp": True, "restrict_rect": [-6, -6, 12, 12]},
}
"""A game in which agents, boxes and ramps may be absent."""


def play_rollouts(learner: Learner, count: int) -> None:
    """Let a learner play without learning, but for its statistics."""
    seeds = np.random.default_rng(7).integers(2**31, size=(count, learner.worlds.num_worlds))
    learner.worlds.schedule(seeds)
    learner.ppo.begin()
    for _ in range(count):
        learner.ppo.play_rollout()
