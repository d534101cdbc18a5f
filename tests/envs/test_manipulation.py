from __future__ import annotations

import math

import mujoco
import numpy as np
import torch

from evo_hns.envs.manipulation import decide_grabs, decide_locks, distance_to_cuboids, draw_owner, grip_poses

NUM_HIDERS = 2


def coins(*shape: int, seed: int, heads: float = 0.5) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < heads


def slow_lock(locked, owner, glue, able) -> tuple[bool, bool]:
    """The rule for one object, agent by agent: locked now, locked by this step."""
    unlock = lock = False
    for agent in range(len(glue)):
        same_team = (agent < NUM_HIDERS) == (owner < NUM_HIDERS)
        if able[agent] and not glue[agent] and same_team:
            unlock = True
        if able[agent] and glue[agent]:
            lock = True
    lock = lock and not unlock
    return (locked and not unlock) or lock, lock and not locked


def test_locks_follow_the_rule_agent_by_agent():
    worlds, n, m = 500, 4, 3
    locked, glue = coins(worlds, m, seed=1), coins(worlds, n, seed=2)
    able = coins(worlds, n, m, seed=3, heads=0.4)
    owner = torch.randint(0, n, (worlds, m), generator=torch.Generator().manual_seed(4))
    now, newly, wants = decide_locks(locked, owner, glue, able, NUM_HIDERS)
    for w in range(worlds):
        for j in range(m):
            slow = slow_lock(locked[w, j], owner[w, j], glue[w].tolist(), able[w, :, j].tolist())
            assert (bool(now[w, j]), bool(newly[w, j])) == (bool(slow[0]), bool(slow[1]))
    assert torch.equal(wants, able & glue.unsqueeze(2))


def lock_by(glue: list[bool], able: list[bool], *, locked: bool, owner: int) -> bool:
    args = torch.tensor([[locked]]), torch.tensor([[owner]]), torch.tensor([glue]), torch.tensor([able]).unsqueeze(2)
    return bool(decide_locks(*args, NUM_HIDERS)[0])


def test_opponents_cannot_unlock_but_an_idle_team_mate_does():
    assert lock_by([False] * 4, [False, False, True, True], locked=True, owner=0)
    assert not lock_by([False] * 4, [False, True, False, False], locked=True, owner=0)


def test_an_idle_hider_beside_a_box_that_nobody_locked_keeps_seekers_from_locking_it():
    assert not lock_by([False, False, True, False], [True, False, True, False], locked=False, owner=0)
    assert lock_by([False, False, True, False], [True, False, True, False], locked=False, owner=3)


def test_an_owner_is_one_of_those_who_ask_and_all_of_them_have_the_same_chance():
    worlds = 6000
    wants = torch.tensor([True, False, True, True])[None, :, None].expand(worlds, 4, 2)
    owner = draw_owner(wants, torch.arange(worlds), time=7)
    shares = torch.bincount(owner.flatten(), minlength=4) / owner.numel()
    assert torch.allclose(shares, torch.tensor([1 / 3, 0.0, 1 / 3, 1 / 3]), atol=0.02)
    assert 0.25 < (owner[:, 0] == owner[:, 1]).double().mean() < 0.42  # objects draw on their own


def test_an_owner_depends_on_match_time_and_object_alone():
    wants = coins(200, 4, 3, seed=5, heads=0.7)
    seeds = torch.arange(200) * 7919
    whole = draw_owner(wants, seeds, time=3)
    assert torch.equal(whole[50:51], draw_owner(wants[50:51], seeds[50:51], time=3))
    assert torch.equal(whole[:, :2], draw_owner(wants[:, :, :2], seeds, time=3))
    assert not torch.equal(whole, draw_owner(wants, seeds, time=4))


def slow_grab(able: list[bool], distance: list[float]) -> list[bool]:
    best = None
    for j, (can, d) in enumerate(zip(able, distance, strict=True)):
        if can and (best is None or d < distance[best]):
            best = j
    return [j == best for j in range(len(able))]


def test_each_agent_grabs_the_nearest_object_it_is_able_to_hold():
    able = coins(200, 4, 3, seed=6)
    distance = torch.randint(0, 4, able.shape, generator=torch.Generator().manual_seed(7)).double()  # with ties
    grabbed = decide_grabs(able, distance)
    for w in range(200):
        for i in range(4):
            assert grabbed[w, i].tolist() == slow_grab(able[w, i].tolist(), distance[w, i].tolist())


def test_nothing_is_grabbed_where_there_is_nothing():
    assert decide_grabs(torch.zeros(2, 4, 0, dtype=torch.bool), torch.zeros(2, 4, 0)).shape == (2, 4, 0)


def slow_distance(point, centre, turn: float, half) -> float:
    """Into the cuboid's frame by a rotation matrix, then to the nearest point of it."""
    rotation = np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]])
    local = rotation.T @ (point - centre)
    return float(np.linalg.norm(local - np.clip(local, -half, half)))


def test_distance_is_that_to_the_nearest_point_of_the_turned_cuboid():
    rng = np.random.default_rng(0)
    points, centres, turns = rng.normal(size=(50, 4, 3)), rng.normal(size=(50, 3, 3)), rng.uniform(-9, 9, (50, 3))
    half = rng.uniform(0.1, 0.5, (3, 3))
    tensors = [torch.as_tensor(a) for a in (points, centres, np.cos(turns), np.sin(turns), half)]
    distance = distance_to_cuboids(*tensors)
    for w, i, j in np.ndindex(50, 4, 3):
        expected = slow_distance(points[w, i], centres[w, j], turns[w, j], half[j])
        assert abs(distance[w, i, j].item() - expected) < 1e-12


def test_distance_inside_a_cuboid_is_zero():
    zero, one = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    inside = torch.tensor([[[0.1, -0.2, 0.2]]], dtype=torch.float64)
    half = torch.full((1, 3), 0.25, dtype=torch.float64)
    assert distance_to_cuboids(inside, torch.zeros_like(inside), one, zero, half).item() == 0.0


def yaw(angle: float) -> np.ndarray:
    return np.array([math.cos(angle / 2), 0, 0, math.sin(angle / 2)])


def test_a_grip_is_the_object_in_the_agents_frame_by_mujocos_quaternions():
    rng = np.random.default_rng(1)
    angles = np.concatenate([rng.uniform(-9, 9, (200, 2)), [[0, math.pi], [0, -math.pi], [1, 1], [0, math.pi - 1e-9]]])
    here, there = rng.normal(size=(len(angles), 3)), rng.normal(size=(len(angles), 3))
    turns = [torch.as_tensor(np.stack([np.cos(a), np.sin(a)], -1)) for a in angles.T]
    poses = grip_poses(torch.as_tensor(here), turns[0], torch.as_tensor(there), turns[1]).numpy()
    for pose, (agent, held), x_a, x_o in zip(poses, angles, here, there, strict=True):
        back, offset, turn = yaw(-agent), np.zeros(3), np.zeros(4)
        mujoco.mju_rotVecQuat(offset, x_o - x_a, back)
        mujoco.mju_mulQuat(turn, back, yaw(held))
        np.testing.assert_allclose(pose[:3], offset, atol=1e-12)
        np.testing.assert_allclose(pose[3:], turn * np.sign(turn @ pose[3:]), atol=1e-12)
