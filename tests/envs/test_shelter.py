"""Shelter construction against the rules in plain words."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from evo_hns.config import ConfigError
from evo_hns.envs.shelter import ray_origins
from evo_hns.spec import Action

TASK = {
    "task": "shelter",
    "scenario": "empty",
    "num_hiders": 1,
    "num_seekers": 0,
    "num_boxes": 8,
    "num_elongated_boxes": 3,
    "num_ramps": 0,
    "cylinder_diameter": (1.5, 2.0),
    "horizon": 20,
}


def rays_by_hand(game, world: int) -> int:
    """Rays that reach the cylinder, by `mj_ray` one by one."""
    batch = game.physics._batch
    model, data = batch.get_model(world), batch.get_data(world)
    cylinder, hit, count = model.geom("cylinder0").id, np.zeros(1, np.int32), 0
    low, high = 0.202, 6.0 - 0.202
    for k in range(25):
        near, far = low + k * (high - low) / 25, high - k * (high - low) / 25
        for origin in ((near, low, 0.0), (high, near, 0.0), (far, high, 0.0), (low, far, 0.0)):
            way = data.geom_xpos[cylinder] - origin
            mujoco.mj_ray(model, data, np.array(origin), way, np.array([1, 1, 0, 1, 1, 1], np.uint8), 1, -1, hit)
            count += hit[0] == cylinder
    return count


def drag_about(game, seed: int) -> Action:
    rng = torch.Generator().manual_seed(seed)
    return Action(
        torch.randint(0, 11, (game.num_worlds, 1, 3), generator=rng),
        torch.ones(game.num_worlds, 1, dtype=torch.bool),
        torch.zeros(game.num_worlds, 1, dtype=torch.bool),
    )


def test_each_ray_that_reaches_the_cylinder_costs_a_thousandth(make_game):
    game, seen = make_game(6, **TASK), set()
    game.reset(np.arange(6))
    for t in range(20):
        step = game.step(drag_about(game, t))
        expected = [rays_by_hand(game, world) for world in range(6)]
        np.testing.assert_allclose(step.reward[:, 0], -0.001 * np.array(expected), rtol=1e-12)
        assert game.metrics()["rays_at_cylinder"].tolist() == expected
        seen |= set(expected)
    assert len(seen) > 10 and max(seen) < 100


def test_without_boxes_every_ray_reaches_it_but_those_that_the_agent_stops(make_game):
    game = make_game(4, **TASK | {"num_boxes": 0, "num_elongated_boxes": 0})
    game.reset(np.arange(4))
    step = game.step(drag_about(game, 0))
    assert ((step.reward >= -0.1) & (step.reward < -0.09)).all()


def test_rays_start_once_around_the_field():
    origins = ray_origins(np.array([6.0, 5.0]), 30)
    assert origins.shape == (2, 100, 3) and not origins[..., 2].any()
    assert len(np.unique(origins[0].round(9), axis=0)) == 100
    inset = 1.01 * 5.0 / 30
    assert np.abs(origins[1, :, :2] - 2.5).max(1) == pytest.approx(2.5 - inset)


def test_the_agent_is_told_that_it_is_no_hider_and_cannot_walk_through_the_cylinder(make_game):
    game = make_game(1, **TASK | {"num_boxes": 0, "num_elongated_boxes": 0})
    observation = game.reset(np.zeros(1, dtype=np.int64))
    assert observation.observation_self[0, 0, 8] == 0.0
    (cylinder,) = game.scene.cylinder_geom
    centre, radius = (
        game.physics.field("geom_xpos")[0, cylinder, :2],
        game.physics.model_field("geom_size")[0, cylinder],
    )
    near = np.inf
    for _ in range(20):
        offset = centre - observation.observation_self[0, 0, :2] - 0.15
        bins = (5 + 5 * offset / offset.abs().max()).round().to(torch.int64)
        still = torch.zeros(1, 1, dtype=torch.bool)
        observation = game.step(Action(torch.tensor([[[*bins, 5]]]), still, still)).observation
        near = min(near, float(offset.norm()))
    assert near == pytest.approx(float(radius[0]) + 0.15, abs=0.05)


@pytest.mark.parametrize("changes", [{"num_seekers": 1}, {"cylinder_diameter": 0.0}, {"num_hiders": 2}])
def test_a_game_that_is_not_for_one_agent_and_a_cylinder_is_refused(make_game, changes):
    with pytest.raises(ConfigError, match="a task of one agent and a cylinder"):
        make_game(1, **TASK | changes)
