"""The ray caster against `mj_ray`, ray by ray."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from evo_hns.physics.rays import RayCaster

NUM_LIDAR_RAYS = 30


def _sights(physics, scene) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """From every agent: a horizontal ring, the lines to all other geoms, and some rays in any direction."""
    rng = np.random.default_rng(0)
    xpos = physics.field("geom_xpos").numpy()
    angles = 2 * np.pi * np.arange(NUM_LIDAR_RAYS) / NUM_LIDAR_RAYS
    ring = np.stack([np.cos(angles), np.sin(angles), 0 * angles], 1)
    origins, directions, bodies = [], [], []
    for geom, body in zip(scene.agent_geom, scene.agent_body, strict=True):
        others = [g for g in range(scene.model.ngeom) if scene.model.geom_bodyid[g] != body]
        eye = xpos[:, geom, None]
        rays = [
            np.broadcast_to(ring, (len(xpos), *ring.shape)),
            xpos[:, others] - eye,
            rng.normal(size=(len(xpos), 20, 3)),
        ]
        directions.append(np.concatenate(rays, 1))
        origins.append(np.broadcast_to(eye, directions[-1].shape))
        bodies += [int(body)] * directions[-1].shape[1]
    return torch.tensor(np.concatenate(origins, 1)), torch.tensor(np.concatenate(directions, 1)), torch.tensor(bodies)


def _one_by_one(physics, origins, directions, bodies) -> tuple[np.ndarray, np.ndarray]:
    """The slow oracle: `mj_ray` for each ray, the floor left out by its geom group."""
    distance, geom = np.empty(origins.shape[:2]), np.empty(origins.shape[:2], np.int64)
    groups, hit = np.array([1, 1, 0, 1, 1, 1], np.uint8), np.zeros(1, np.int32)
    for w in range(len(origins)):
        model = physics._batch.get_model(w)
        data = physics._batch.get_data(w)
        for r, (origin, direction) in enumerate(zip(origins[w].numpy(), directions[w].numpy(), strict=True)):
            distance[w, r] = mujoco.mj_ray(model, data, origin, direction, groups, 1, int(bodies[r]), hit)
            geom[w, r] = hit[0]
    return distance, geom


def _compare(physics, scene) -> None:
    origins, directions, bodies = _sights(physics, scene)
    distance, geom = physics.cast_rays(origins, directions, exclude_body=bodies)
    expected_distance, expected_geom = _one_by_one(physics, origins, directions, bodies)
    np.testing.assert_array_equal(geom, expected_geom)
    np.testing.assert_allclose(distance, expected_distance, rtol=0, atol=1e-9)
    assert 0.5 < (geom >= 0).double().mean() < 1.0


def test_rays_at_the_start_of_worlds_hit_what_mj_ray_hits(sleepy_game):
    physics = sleepy_game.physics(60)
    sleepy_game.place(physics, range(60))
    _compare(physics, sleepy_game.scene)


def test_rays_of_agents_that_touch_boxes_and_ramps_hit_what_mj_ray_hits(sleepy_game):
    """Agent k presses against a side of object k, which is turned; the last agent is left where play brought it."""
    physics, scene = sleepy_game.physics(60), sleepy_game.scene
    sleepy_game.play(physics, range(100, 160), num_steps=15)
    qpos, rng = physics.field("qpos").numpy(), np.random.default_rng(2)
    for agent, held in zip(scene.agent_qpos, scene.object_qpos, strict=False):
        turn, side = rng.uniform(-4, 4, 60), rng.integers(4, size=60) * np.pi / 2
        qpos[:, held[3]] = turn
        qpos[:, agent[0]] = qpos[:, held[0]] + 0.25 - 0.15 + 0.4 * np.cos(turn + side)
        qpos[:, agent[1]] = qpos[:, held[1]] + 0.25 - 0.15 + 0.4 * np.sin(turn + side)
    physics.forward()
    _compare(physics, scene)


def test_rays_among_turned_and_overlapping_bodies_hit_what_mj_ray_hits(sleepy_game):
    """Everything thrown into a small heap, so that many origins lie inside other geoms."""
    physics, scene = sleepy_game.physics(60), sleepy_game.scene
    sleepy_game.place(physics, range(60))
    rng = np.random.default_rng(1)
    joints = np.concatenate([scene.agent_qpos, scene.object_qpos])
    heap = np.empty((60, len(joints), 4))
    heap[..., :2], heap[..., 2] = rng.uniform(2.2, 3.4, heap[..., :2].shape), rng.uniform(0, 0.3, heap.shape[:2])
    heap[..., 3] = rng.uniform(-4, 4, heap.shape[:2])
    physics.field("qpos")[:, joints.ravel()] = torch.tensor(heap.reshape(60, -1))
    physics.forward()
    _compare(physics, scene)


def test_an_agent_behind_a_wall_that_was_moved_is_hidden(sleepy_game):
    """Two agents on a line: the first thing between them is the wall, in the world that has one there."""
    physics, scene = sleepy_game.physics(2), sleepy_game.scene
    sleepy_game.place(physics, [0, 0])
    for k, joints in enumerate(np.concatenate([scene.agent_qpos, scene.object_qpos])):
        physics.field("qpos")[:, joints[0]] = 1.0 + 2.0 * k
        physics.field("qpos")[:, joints[1]] = 40.0
    wall = scene.wall_geom[4]
    for name, row in (("geom_pos", [2.0, 40.0, 0.25]), ("geom_size", [0.05, 0.5, 0.25])):
        physics.model_field(name)[1, wall] = torch.tensor(row, dtype=torch.float64)
    state = physics.field("qpos").clone()
    physics.reset()
    physics.field("qpos")[:] = state
    physics.forward()
    eyes = physics.field("geom_xpos")[:, scene.agent_geom]
    distance, geom = physics.cast_rays(
        eyes[:, :1].clone(), eyes[:, 1:2] - eyes[:, :1], exclude_body=torch.as_tensor(scene.agent_body[:1])
    )
    assert geom[:, 0].tolist() == [scene.agent_geom[1], wall]
    assert distance[:, 0].tolist() == pytest.approx([(2.0 - 0.15) / 2.0, (0.95 - 0.15 - 0.0) / 2.0], abs=1e-12)


def test_a_ray_gives_the_same_bits_in_any_batch_and_order(sleepy_game):
    physics = sleepy_game.physics(5)
    sleepy_game.play(physics, range(5), num_steps=10)
    origins, directions, bodies = _sights(physics, sleepy_game.scene)
    distance, geom = physics.cast_rays(origins, directions, exclude_body=bodies)
    order = torch.randperm(len(bodies), generator=torch.Generator().manual_seed(0))
    shuffled = physics.cast_rays(origins[:, order], directions[:, order], exclude_body=bodies[order])
    assert torch.equal(shuffled[0], distance[:, order]) and torch.equal(shuffled[1], geom[:, order])
    first = physics.cast_rays(origins[:2], directions[:2], exclude_body=bodies)
    assert torch.equal(first[0], distance[:2]) and torch.equal(first[1], geom[:2])


def test_distances_are_in_multiples_of_the_direction(sleepy_game):
    physics = sleepy_game.physics(2)
    sleepy_game.place(physics, range(2))
    origins, directions, bodies = _sights(physics, sleepy_game.scene)
    distance, geom = physics.cast_rays(origins, directions, exclude_body=bodies)
    halved, same_geom = physics.cast_rays(origins, 2.0 * directions, exclude_body=bodies)
    assert torch.equal(geom, same_geom)
    torch.testing.assert_close(halved[geom >= 0] * 2.0, distance[geom >= 0], rtol=1e-12, atol=0)


def test_rays_without_length_hit_nothing_and_leave_the_others_as_they_are(sleepy_game):
    physics = sleepy_game.physics(3)
    sleepy_game.place(physics, range(3))
    origins, directions, bodies = _sights(physics, sleepy_game.scene)
    distance, geom = physics.cast_rays(origins, directions, exclude_body=bodies)
    blank = torch.rand(directions.shape[:2], generator=torch.Generator().manual_seed(1)) < 0.5
    some = torch.where(blank[..., None], torch.zeros_like(directions), directions)
    got_distance, got_geom = physics.cast_rays(origins, some, exclude_body=bodies)
    assert (got_distance[blank] == -1).all() and (got_geom[blank] == -1).all()
    assert torch.equal(got_distance[~blank], distance[~blank]) and torch.equal(got_geom[~blank], geom[~blank])


def test_a_ray_that_hits_nothing_or_only_the_floor_misses(sleepy_game):
    physics = sleepy_game.physics(1)
    sleepy_game.place(physics, [0])
    origins = torch.tensor([[[50.0, 50.0, 1.0]] * 2], dtype=torch.float64)
    directions = torch.tensor([[[0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]], dtype=torch.float64)
    distance, geom = physics.cast_rays(origins, directions, exclude_body=torch.tensor([-1, -1]))
    assert distance.tolist() == [[-1.0, -1.0]]
    assert geom.tolist() == [[-1, -1]]


def test_rays_for_more_worlds_than_there_are_are_refused(sleepy_game):
    rays = torch.ones(3, 1, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match="rays for 3 worlds; expected at most 2"):
        sleepy_game.physics(2).cast_rays(rays, rays, exclude_body=torch.tensor([0]))


def _model_with(geom: str, asset: str = "") -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(
        f"<mujoco><asset>{asset}</asset><worldbody><body>{geom}</body></worldbody></mujoco>"
    )


def test_a_shape_that_rays_do_not_know_is_refused_by_name():
    with pytest.raises(ValueError, match="geom pill is a mjGEOM_CAPSULE; rays know"):
        RayCaster(_model_with('<geom name="pill" type="capsule" size="1 1"/>'))


@pytest.mark.parametrize("turn", ["0 0 0", "90 0 0", "20 -50 130"])
def test_rays_hit_a_cylinder_as_mj_ray_does(turn):
    """From outside, from inside, along its axis and past it."""
    model = _model_with(f'<geom type="cylinder" size=".8 .3" pos=".1 -.2 .3" euler="{turn}"/>')
    data, rng = mujoco.MjData(model), np.random.default_rng(0)
    mujoco.mj_forward(model, data)
    axis = data.geom_xmat[0].reshape(3, 3)[:, 2]
    origins = rng.normal(size=(600, 3)) * np.repeat([[0.3], [1.0], [2.0]], 200, 0)
    ways = np.where(rng.random((600, 1)) < 0.2, axis * rng.choice([-1.0, 1.0], (600, 1)), rng.normal(size=(600, 3)))
    found = [
        RayCaster(model)
        .cast(
            data.geom_xpos[None],
            data.geom_xmat[None],
            model.geom_size[None],
            o[None, None],
            d[None, None],
            np.array([-1]),
        )[0]
        .item()
        for o, d in zip(origins, ways, strict=True)
    ]
    hit = np.zeros(1, np.int32)
    expected = [mujoco.mj_ray(model, data, o, d, None, 1, -1, hit) for o, d in zip(origins, ways, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    assert 0.2 < np.mean(np.array(expected) >= 0.0) < 0.9


def test_a_mesh_that_is_not_convex_is_refused_by_name():
    dented = (
        '<mesh name="dented" vertex="0 0 0 2 0 0 0 2 0 .4 .4 .4 0 0 2" face="0 2 1 0 1 4 0 4 2 1 2 3 2 4 3 4 1 3"/>'
    )
    with pytest.raises(ValueError, match="mesh dented is not convex"):
        RayCaster(_model_with('<geom type="mesh" mesh="dented"/>', dented))


def test_faces_of_a_wedge_are_its_five_planes(sleepy_game):
    assert len(RayCaster(sleepy_game.scene.model)._faces) == 5


def test_a_model_without_solid_geoms_has_nothing_to_hit():
    model = _model_with('<geom type="plane" size="1 1 1"/>')
    caster = RayCaster(model)
    ray = np.ones((1, 1, 3))
    distance, geom = caster.cast(
        np.zeros((1, 1, 3)), np.zeros((1, 1, 9)), model.geom_size[None], ray, ray, np.zeros(1, np.int64)
    )
    assert distance.tolist() == [[-1.0]] and geom.tolist() == [[-1]]
