"""Worlds of the real game for the tests of the physics, and what happens in them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
import torch

from evo_hns.config import PhysicsConfig, WorldConfig
from evo_hns.physics import CpuPhysics
from evo_hns.worlds.arrays import initial_qpos, model_arrays
from evo_hns.worlds.layout import sample_layouts
from evo_hns.worlds.scene import Scene, build_scene


class Game:
    """The quadrant game without rules: places worlds and plays them with random sticky controls."""

    world = WorldConfig()

    def __init__(self, *, sleep: bool) -> None:
        self.scene: Scene = build_scene(self.world, PhysicsConfig(sleep=sleep))

    def physics(self, num_worlds: int, num_threads: int = 1) -> CpuPhysics:
        return CpuPhysics(self.scene.model, num_worlds, num_threads)

    def place(self, physics: CpuPhysics, seeds: Sequence[int]) -> None:
        """Start the worlds of the seeds; worlds beyond them keep the model's default state."""
        layout = sample_layouts(self.world, np.array(seeds))
        for name, values in model_arrays(self.scene, layout).items():
            physics.model_field(name)[: len(seeds)] = torch.as_tensor(values)
        for name in ("jnt_range", "eq_data"):
            physics.model_field(name)[:] = torch.as_tensor(getattr(self.scene.model, name))
        physics.reset()
        physics.field("qpos")[: len(seeds)] = torch.as_tensor(initial_qpos(self.scene, layout))
        physics.forward()

    def play(self, physics: CpuPhysics, seeds: Sequence[int], num_steps: int = 25) -> np.ndarray:
        """`(T, W, ...)` state and poses after each env step of one episode."""
        self.place(physics, seeds)
        controls = np.stack([self._controls(seed, num_steps) for seed in seeds], 1)
        states = []
        for control in controls:
            physics.field("ctrl")[: len(seeds)] = torch.as_tensor(control)
            physics.step(15)
            fields = [physics.field(name)[: len(seeds)].flatten(1) for name in ("qpos", "qvel", "geom_xpos", "xmat")]
            states.append(torch.cat(fields, 1).numpy())
        return np.array(states)

    def _controls(self, seed: int, num_steps: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        num_controls = self.scene.model.nu
        control = np.zeros(num_controls)
        controls = []
        for _ in range(num_steps):
            fresh = rng.choice(np.linspace(-0.9, 0.9, 11), num_controls)
            control = np.where(rng.random(num_controls) < 0.2, fresh, control)
            controls.append(control)
        return np.array(controls)


@cache
def _game(sleep: bool) -> Game:
    return Game(sleep=sleep)


@pytest.fixture(params=[True, False], ids=["sleep", "no-sleep"])
def game(request: pytest.FixtureRequest) -> Game:
    """The game with and without sleeping."""
    return _game(request.param)


@pytest.fixture
def sleepy_game() -> Game:
    """The game as it is trained: with sleeping."""
    return _game(True)
