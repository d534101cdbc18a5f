"""Scripted players are worth measuring with: what they reach against each other on worlds of the game."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.config import PhysicsConfig, RulesConfig, WorldConfig
from evo_hns.envs.game import Game
from evo_hns.physics.cpu import CpuPhysics
from evo_hns.policies import SCRIPTED
from evo_hns.rollout import play
from evo_hns.spec import Side
from evo_hns.worlds.scene import build_scene

WORLDS = 48


@pytest.fixture(scope="module")
def game():
    world = WorldConfig(num_hiders=1, num_seekers=1)
    scene = build_scene(world, PhysicsConfig(timestep=0.01))
    return Game(scene, CpuPhysics(scene.model, WORLDS, num_threads=1), world, RulesConfig(), num_substeps=8)


# Means over 200 worlds at the game's own time step, 0.005 s x 15: see the bounds' neighbours in the comments.
@pytest.mark.parametrize(
    ("hider", "seeker", "low", "high"),
    [
        ("still", "chaser", -48, -26),  # -36
        ("random", "chaser", -48, -22),  # -32
        ("fugitive", "chaser", -32, -6),  # -19
        ("fugitive", "random", 36, 48),  # 43
        ("random", "random", 10, 36),  # 24
    ],
)
def test_mean_return_of_the_hider_is_as_calibrated(game, hider, seeker, low, high):
    policies = {side: SCRIPTED[name](game.observation_spec) for side, name in zip(Side, (hider, seeker), strict=True)}
    nothing = {side: torch.zeros(WORLDS, 1, 0) for side in Side}
    episodes = play(game, policies, nothing, np.arange(WORLDS) + 1000)
    assert low < episodes.returns[~episodes.failed, 0].mean().item() < high
