"""The rays of a batch against `mj_ray`, one by one."""

from __future__ import annotations

import copy
import itertools
import math

import mujoco
import numpy as np
import pytest

from evo_hns.envs.vision import LIDAR_MISS, circulant

LAID_OUT = ("geom_pos", "geom_size", "geom_rbound", "geom_aabb", "body_pos")


def one_world(env, world: int) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """One world of a batch as plain MuJoCo."""
    model = copy.copy(env.scene.model)
    for name in LAID_OUT:
        getattr(model, name)[:] = env.physics.model_field(name)[world].numpy()
    data = mujoco.MjData(model)
    data.qpos[:] = env.physics.field("qpos")[world].numpy()
    mujoco.mj_forward(model, data)
    return model, data


def first_hit(model, data, origin, direction, own_body: int) -> tuple[float, int]:
    """Distance and body, the floor being invisible."""
    geom, groups = np.zeros(1, np.int32), np.array([1, 1, 0, 1, 1, 1], np.uint8)
    distance = mujoco.mj_ray(model, data, origin, direction, groups, 1, own_body, geom, None)
    return distance, -1 if geom[0] < 0 else int(model.geom_bodyid[geom[0]])


def heads_for(angle: float, offset: np.ndarray) -> bool:
    heading = np.array([math.sin(angle), -math.cos(angle)])
    return math.acos(np.clip(heading @ offset / math.hypot(*offset), -1, 1)) <= 3 / 8 * math.pi


@pytest.fixture(scope="module")
def played(make_game, play_randomly):
    env = make_game(6, num_ramps=2)
    env.reset(np.arange(6))
    for action in play_randomly(40, 6):
        step = env.step(action)
    return env, step


def test_masks_equal_a_cone_and_one_ray_between_centres(played):
    env, step = played
    scene, seen = env.scene, []
    bodies, geoms = [*scene.agent_body, *scene.object_body], [*scene.agent_geom, *scene.object_geom]
    qpos_index = np.concatenate([scene.agent_qpos, scene.object_qpos])
    for w in range(6):
        model, data = one_world(env, w)
        for i in range(4):
            targets = [*circulant(4)[i].tolist(), *range(4, 4 + len(scene.object_body))]
            masks = [getattr(step.observation, f"mask_{kind}_obs")[w, i].tolist() for kind in ("aa", "ab", "ar")]
            for k, observed in zip(targets, itertools.chain(*masks), strict=True):
                x, y, _, turn = data.qpos[qpos_index[i]]
                offset = data.qpos[qpos_index[k][:2]] - (x, y)
                origin, target = data.geom_xpos[geoms[i]], data.geom_xpos[geoms[k]]
                _, body = first_hit(model, data, origin, target - origin, bodies[i])
                assert observed == (heads_for(turn, offset) and body == bodies[k])
                seen.append(observed)
    assert 0.1 < np.mean(seen) < 0.9


def test_lidar_equals_one_horizontal_ray_after_another(played):
    env, step = played
    for w in range(6):
        model, data = one_world(env, w)
        for i in range(4):
            for k in range(30):
                angle = 2 * math.pi * k / 30
                direction = np.array([math.cos(angle), math.sin(angle), 0.0])
                distance, _ = first_hit(
                    model, data, data.geom_xpos[env.scene.agent_geom[i]], direction, env.scene.agent_body[i]
                )
                expected = LIDAR_MISS if distance < 0 else distance
                assert step.observation.lidar[w, i, k, 0].item() == pytest.approx(expected, abs=1e-6)
