"""What a world does not have is far away, at rest and as good as free, in a batch of worlds that differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.config import PhysicsConfig, WorldConfig
from evo_hns.physics import CpuPhysics
from evo_hns.worlds import Layout, Scene, build_scene, initial_qpos, model_arrays, sample_layouts

NUM_WORLDS = 6


def place(physics: CpuPhysics, scene: Scene, layout: Layout) -> None:
    """Start an episode."""
    for name, values in model_arrays(scene, layout).items():
        physics.model_field(name)[:] = torch.as_tensor(values)
    physics.reset()
    physics.field("qpos")[:] = torch.as_tensor(initial_qpos(scene, layout))
    physics.forward()


def absent_bodies(scene: Scene, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Worlds and body ids of all that is absent."""
    absent = ~np.concatenate([layout.agent_mask, layout.box_mask, layout.ramp_mask], axis=1)
    world, place = np.nonzero(absent)
    return world, np.concatenate([scene.agent_body, scene.object_body])[place]


def random_controls(scene: Scene, layout: Layout, rng: np.random.Generator) -> torch.Tensor:
    """Controls of the agents that are there; 0 for the others."""
    controls = rng.uniform(-0.9, 0.9, (NUM_WORLDS, scene.model.nu))
    return torch.as_tensor(np.where(np.repeat(layout.agent_mask, 3, axis=1), controls, 0.0))


@pytest.mark.parametrize("sleep", [True, False])
def test_what_is_absent_rests_far_away_while_the_others_play(varied: WorldConfig, sleep: bool) -> None:
    scene = build_scene(varied, PhysicsConfig(sleep=sleep))
    physics = CpuPhysics(scene.model, NUM_WORLDS, 1)
    rng = np.random.default_rng(0)
    for episode in range(2):  # the second has its absent ones elsewhere
        layout = sample_layouts(varied, NUM_WORLDS * episode + np.arange(NUM_WORLDS))
        place(physics, scene, layout)
        worlds, bodies = absent_bodies(scene, layout)
        assert len(worlds) > NUM_WORLDS
        start = physics.field("xpos").numpy()[worlds, bodies].copy()
        assert (start[:, :2] <= -50.0).all()
        assert (start > -90.0).all()
        for _ in range(100 if episode == 0 else 20):
            physics.field("ctrl")[:] = random_controls(scene, layout, rng)
            assert not physics.step(15).any()
        now = physics.field("xpos").numpy()[worlds, bodies]
        np.testing.assert_allclose(now, start, rtol=0, atol=0 if sleep else 1e-3)
        asleep = physics.field("tree_asleep").numpy()[worlds, scene.model.body_treeid[bodies]] >= 0
        assert asleep.all() == sleep


def test_an_agent_that_is_there_again_can_move(varied: WorldConfig) -> None:
    scene = build_scene(varied, PhysicsConfig())
    physics = CpuPhysics(scene.model, NUM_WORLDS, 1)
    layouts = [sample_layouts(varied, np.arange(start, start + NUM_WORLDS)) for start in range(0, 60, NUM_WORLDS)]
    for layout in layouts:
        place(physics, scene, layout)
    start = physics.field("xpos").numpy()[:, scene.agent_body].copy()
    physics.field("ctrl")[:] = random_controls(scene, layouts[-1], np.random.default_rng(0))
    physics.step(15)
    moved = np.abs(physics.field("xpos").numpy()[:, scene.agent_body] - start).max(axis=-1) > 1e-6
    np.testing.assert_array_equal(moved, layouts[-1].agent_mask)


def test_absent_places_are_apart_from_each_other() -> None:
    world = WorldConfig(num_hiders=(1, 8), num_seekers=(0, 8), num_boxes=(0, 20), num_ramps=(0, 8), box_size=0.6)
    scene = build_scene(world, PhysicsConfig())
    layout = sample_layouts(world.model_copy(update={"num_boxes": 0, "num_ramps": 0}), np.array([0]))
    nothing = {"agent_mask": np.zeros((1, 16), bool), "box_mask": np.zeros((1, 20), bool)}
    nothing |= {"ramp_mask": np.zeros((1, 8), bool), "box_size": np.full((1, 20, 3), 0.3)}
    pos = model_arrays(scene, Layout(**(vars(layout) | nothing)))["body_pos"][0, 1:, :2]
    distance = np.abs(pos[:, None] - pos).max(axis=-1) + 9.0 * np.eye(len(pos))
    assert len(pos) == 44
    assert distance.min() >= 3.0  # the diagonal of the largest box is shorter
    assert pos.max() <= -50.0
    assert pos.min() > -90.0
