"""Small games and random play for the tests of the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from evo_hns.config import PhysicsConfig, RulesConfig, WorldConfig
from evo_hns.envs.game import Game
from evo_hns.physics.cpu import CpuPhysics
from evo_hns.spec import Action
from evo_hns.worlds.scene import build_scene

MakeGame = Callable[..., Game]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def make_game() -> MakeGame:
    """A game of some worlds; keyword arguments are settings of the world or of the rules."""

    def make(num_worlds: int = 1, **settings: Any) -> Game:
        world = WorldConfig(**{k: v for k, v in settings.items() if k in WorldConfig.model_fields})
        rules = RulesConfig(**{k: v for k, v in settings.items() if k in RulesConfig.model_fields})
        scene = build_scene(world, PhysicsConfig())
        return Game(scene, CpuPhysics(scene.model, num_worlds, num_threads=1), world, rules, num_substeps=15)

    return make


def random_actions(num_steps: int, num_worlds: int, num_agents: int = 4, seed: int = 0) -> list[Action]:
    """The same actions for the same seed; strong enough that boxes are met, grabbed and locked."""
    rng = torch.Generator().manual_seed(seed)
    movement = torch.randint(0, 11, (num_steps, num_worlds, num_agents, 3), generator=rng)
    movement = movement.repeat_interleave(3, 0)[:num_steps]
    pull = torch.rand(num_steps, num_worlds, num_agents, generator=rng) < 0.5
    glue = torch.rand(num_steps, num_worlds, num_agents, generator=rng) < 0.5
    return [Action(*wish) for wish in zip(movement, pull, glue, strict=True)]


@pytest.fixture(scope="session")
def play_randomly() -> Callable[..., list[Action]]:
    return random_actions


@pytest.fixture(scope="session")
def still() -> Callable[..., Action]:
    """Nobody wants anything."""

    def action(num_worlds: int = 1, num_agents: int = 4, *, pull: bool = False, glueall: bool = False) -> Action:
        shape = (num_worlds, num_agents)
        return Action(torch.full((*shape, 3), 5), torch.full(shape, pull), torch.full(shape, glueall))

    return action
