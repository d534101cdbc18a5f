"""Scripted players are worth measuring with: what they reach against each other on worlds of the game."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.config import PhysicsConfig, RulesConfig, WorldConfig
from evo_hns.envs.game import Game
from evo_hns.evaluation.session import play
from evo_hns.physics.cpu import CpuPhysics
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Side
from evo_hns.worlds.scene import build_scene

WORLDS = 48


def build_game(rules, **settings):
    world = WorldConfig(num_hiders=1, num_seekers=1, **settings)
    scene = build_scene(world, PhysicsConfig(timestep=0.01))
    return Game(scene, CpuPhysics(scene.model, WORLDS, num_threads=1), world, rules, num_substeps=8)


@pytest.fixture(scope="module")
def quadrant():
    return build_game(RulesConfig())


@pytest.fixture(scope="module")
def random_walls():
    rules = RulesConfig(horizon=120, restrict_rect=(-6, -6, 12, 12), penalize_objects_out=False, lock_ramp=True)
    return build_game(rules, scenario="randomwalls", num_elongated_boxes=1)


def mean_return(game, hider, seeker):
    """Of the hider, over the first worlds from seed 1000 on."""
    rows, names = torch.zeros(WORLDS, dtype=torch.int64), dict(zip(Side, (hider, seeker), strict=True))
    teams = {side: scripted_roster(name).bind(game.observation_spec, side, rows) for side, name in names.items()}
    episodes = play(game, teams, np.arange(WORLDS) + 1000)
    return episodes.returns[~episodes.failed, 0].mean().item()


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
def test_mean_return_of_the_hider_is_as_calibrated(quadrant, hider, seeker, low, high):
    assert low < mean_return(quadrant, hider, seeker) < high


@pytest.mark.parametrize(
    ("hider", "seeker", "low", "high"),
    [
        ("still", "tracker", -60, -16),  # -36
        ("random", "tracker", -60, -16),  # -36
        ("evader", "tracker", -14, 34),  # 5
        ("evader", "random", 50, 72),  # 65
        ("random", "random", 30, 60),  # 46
    ],
)
def test_mean_return_among_random_walls_is_as_calibrated(random_walls, hider, seeker, low, high):
    assert low < mean_return(random_walls, hider, seeker) < high
