"""Blueprint construction against the rules in plain words."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from evo_hns.config import ConfigError
from evo_hns.spec import Action

TASK = {
    "task": "blueprint",
    "scenario": "empty",
    "num_hiders": 1,
    "num_seekers": 0,
    "num_boxes": 4,
    "num_ramps": 0,
    "num_sites": (1, 2),
    "horizon": 20,
}


def corners_of(x: float, y: float, z: float, turn: float) -> list[tuple[float, float, float]]:
    c, s = math.cos(turn), math.sin(turn)
    return [(x + 0.25 * (i * c - j * s), y + 0.25 * (i * s + j * c), z) for i in (-1, 1) for j in (-1, 1)]


def reward_by_hand(game, world: int) -> float:
    """The reward of a world in which nothing is complete."""
    layout = game.layouts(np.arange(game.num_worlds))
    qpos = game.physics.field("qpos")[world, game.scene.object_qpos].numpy()
    boxes = [corner for x, y, z, turn in qpos for corner in corners_of(x + 0.25, y + 0.25, z + 0.25, turn)]
    gaps = []
    for site in np.flatnonzero(layout.site_mask[world]):
        for corner in corners_of(*layout.sites[world, site, 0], 0.0):
            ways = [math.dist(corner, other) for other in boxes]
            weights = [math.exp(-1.5 * way) for way in ways]
            gaps.append(sum(w * d for w, d in zip(weights, ways, strict=True)) / sum(weights))
    return -0.05 * sum(gaps) / len(gaps)


def act(game, pull: bool = False, lock: bool = False, bins: tuple[int, int, int] = (5, 5, 5)) -> Action:
    shape = game.num_worlds, 1
    return Action(torch.tensor(bins).expand(*shape, 3), torch.full(shape, pull), torch.full(shape, lock))


def test_the_distance_of_corners_costs(make_game):
    """Boxes lie about anywhere, turned and some in the air; of the text's six digits, sites are off by 5e-6 m."""
    game, rng = make_game(5, **TASK), np.random.default_rng(0)
    game.reset(np.arange(5))
    seen = []
    for _ in range(6):
        places = rng.uniform((0.3, 0.3, 0.0, -4.0), (5.0, 5.0, 0.3, 4.0), (5, *game.scene.object_qpos.shape[:1], 4))
        game.physics.field("qpos")[:, game.scene.object_qpos] = torch.from_numpy(places)
        game.physics.forward()
        step = game.step(act(game))
        expected = [reward_by_hand(game, world) for world in range(5)]
        np.testing.assert_allclose(step.reward[:, 0], expected, rtol=0, atol=1e-6)
        seen.append(expected)
    assert np.ptp(seen, axis=0).min() > 0.01


def put(game, item: int, place: np.ndarray, turn: float = 0.0) -> None:
    joints = game.scene.object_qpos[item]
    game.physics.field("qpos")[0, joints] = torch.tensor([place[0] - 0.25, place[1] - 0.25, 0.0, turn]).double()


def test_all_sites_built_on_pay_once_and_nothing_after_that(make_game):
    game = make_game(1, **TASK | {"num_sites": 2})
    game.reset(np.arange(1))
    sites = game.layouts(np.arange(1)).sites[0, :, 0]
    assert np.abs(sites[0] - sites[1]).max() > 0.6
    put(game, 0, sites[0])
    game.physics.forward()
    step = game.step(act(game))
    assert step.reward.item() < 0.0 and game.metrics()["sites_built"].item() == 1.0
    put(game, 1, sites[1], turn=math.pi / 2)  # a square is the same after a quarter of a turn
    game.physics.forward()
    step = game.step(act(game))
    assert 5.5 < step.reward.item() < 6.0 and game.metrics()["completed"].item() == 1.0
    assert game.step(act(game)).reward.item() == 0.0
    put(game, 1, sites[1] + 1.0)
    game.physics.forward()
    assert game.step(act(game)).reward.item() == 0.0
    assert game.metrics()["sites_built"].item() == 1.0 and game.metrics()["completed"].item() == 1.0


def test_a_box_that_is_turned_on_its_site_is_not_in_place(make_game):
    game = make_game(1, **TASK | {"num_sites": 1})
    game.reset(np.arange(1))
    put(game, 0, game.layouts(np.arange(1)).sites[0, 0, 0], turn=math.pi / 4)
    game.physics.forward()
    game.step(act(game))
    assert game.metrics()["sites_built"].item() == 0.0


def test_the_agent_knows_of_all_sites_and_of_no_others(make_game):
    game = make_game(6, **TASK)
    observation = game.reset(np.arange(6))
    layout = game.layouts(np.arange(6))
    assert set(layout.site_mask.sum(1)) == {1, 2}
    np.testing.assert_array_equal(observation.mask_acs_obs[:, 0], layout.site_mask)
    np.testing.assert_array_equal(observation.construction_site_obs[:, 0], layout.sites.reshape(6, 2, 15))
    np.testing.assert_allclose(layout.sites[0, 0, 1:], corners_of(*layout.sites[0, 0, 0], 0.0), atol=2e-5)
    assert not observation.construction_site_obs[~observation.mask_acs_obs].any()


@pytest.mark.parametrize("changes", [{"num_seekers": 1}, {"num_sites": 0}, {"num_boxes": 1}])
def test_a_game_that_is_not_for_one_agent_with_a_box_for_each_site_is_refused(make_game, changes):
    with pytest.raises(ConfigError, match="a task of one agent, sites, and a box for each"):
        make_game(1, **TASK | changes)
