from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
import torch

from evo_hns.envs.grab_lock import decide_grabs, decide_locks, distance_to_cuboids, draw_owner, grip_poses

NUM_HIDERS = 2


def coins(*shape: int, seed: int, heads: float = 0.5) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < heads


def slow_lock(kind, locked, owner, asks, able) -> tuple[bool, bool]:
    """The rules for one object, agent by agent: locked now, a new owner is drawn."""
    want = refuse = False
    for agent in range(len(asks)):
        counts = {
            "any_lock": True,
            "all_lock": True,
            "any_lock_specific": agent == owner,
            "all_lock_team_specific": (agent < NUM_HIDERS) == (owner < NUM_HIDERS),
        }[kind]
        if able[agent] and asks[agent]:
            want = True
        if able[agent] and not asks[agent] and counts:
            refuse = True
    if kind in ("any_lock", "any_lock_specific"):
        lock, unlock = want, refuse and not want
        passes_on = kind == "any_lock_specific" and want and refuse
    else:
        lock, unlock, passes_on = want and not refuse, refuse, False
    return (locked and not unlock) or lock, (lock and not locked) or passes_on


@pytest.mark.parametrize("kind", ["any_lock", "all_lock", "any_lock_specific", "all_lock_team_specific"])
def test_locks_follow_the_rules_agent_by_agent(kind):
    worlds, n, m = 500, 4, 3
    locked, asks = coins(worlds, m, seed=1), coins(worlds, n, m, seed=2)
    able = coins(worlds, n, m, seed=3, heads=0.4)
    owner = torch.randint(0, n, (worlds, m), generator=torch.Generator().manual_seed(4))
    now, drawn = decide_locks(kind, locked, owner, asks, able, NUM_HIDERS)
    for w in range(worlds):
        for j in range(m):
            slow = slow_lock(kind, locked[w, j], owner[w, j], asks[w, :, j].tolist(), able[w, :, j].tolist())
            assert (bool(now[w, j]), bool(drawn[w, j])) == (bool(slow[0]), bool(slow[1]))


def lock_by(asks: list[bool], able: list[bool], *, locked: bool, owner: int, kind="all_lock_team_specific") -> bool:
    who = [torch.tensor([agents]).unsqueeze(2) for agents in (asks, able)]
    return bool(decide_locks(kind, torch.tensor([[locked]]), torch.tensor([[owner]]), *who, NUM_HIDERS)[0])


def test_opponents_cannot_unlock_but_an_idle_team_mate_does():
    assert lock_by([False] * 4, [False, False, True, True], locked=True, owner=0)
    assert not lock_by([False] * 4, [False, True, False, False], locked=True, owner=0)


def test_an_idle_hider_beside_a_box_that_nobody_locked_keeps_seekers_from_locking_it():
    assert not lock_by([False, False, True, False], [True, False, True, False], locked=False, owner=0)
    assert lock_by([False, False, True, False], [True, False, True, False], locked=False, owner=3)


def test_one_who_asks_outweighs_all_who_refuse_where_any_lock_is_the_rule():
    asks, able = [False, True, False, False], [True] * 4
    assert lock_by(asks, able, locked=False, owner=0, kind="any_lock")
    assert not lock_by(asks, able, locked=True, owner=0, kind="all_lock")
    assert lock_by(asks, able, locked=True, owner=0, kind="any_lock_specific")
    assert not lock_by([False] * 4, able, locked=True, owner=0, kind="any_lock_specific")
    assert lock_by([False] * 4, [False, True, True, True], locked=True, owner=0, kind="any_lock_specific")


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


def slow_exclusive(able: list[list[bool]], distance: list[list[float]]) -> list[list[bool]]:
    pairs = sorted((d, i, j) for i, row in enumerate(distance) for j, d in enumerate(row) if able[i][j])
    held, busy, taken = [[False] * len(row) for row in able], set(), set()
    for _, i, j in pairs:
        if i not in busy and j not in taken:
            held[i][j] = True
            busy.add(i)
            taken.add(j)
    return held


def test_where_grips_are_exclusive_the_nearest_pairs_are_joined_first():
    able = coins(200, 4, 3, seed=8, heads=0.7)
    distance = torch.randint(0, 4, able.shape, generator=torch.Generator().manual_seed(9)).double()  # with ties
    grabbed = decide_grabs(able, distance, exclusive=True)
    for w in range(200):
        assert grabbed[w].tolist() == slow_exclusive(able[w].tolist(), distance[w].tolist())


def test_nothing_is_grabbed_where_there_is_nothing():
    for exclusive in (False, True):
        nothing = torch.zeros(2, 4, 0, dtype=torch.bool)
        assert decide_grabs(nothing, torch.zeros(2, 4, 0), exclusive=exclusive).shape == (2, 4, 0)


def slow_distance(point, centre, rotation, half) -> float:
    """Into the cuboid's frame by a rotation matrix, then to the nearest point of it."""
    local = rotation.T @ (point - centre)
    return float(np.linalg.norm(local - np.clip(local, -half, half)))


def random_rotations(rng, *shape: int) -> np.ndarray:
    rotations = np.zeros((*shape, 9))
    for index in np.ndindex(*shape):
        quaternion = rng.normal(size=4)
        mujoco.mju_quat2Mat(rotations[index], quaternion / np.linalg.norm(quaternion))
    return rotations


def test_distance_is_that_to_the_nearest_point_of_the_turned_cuboid():
    rng = np.random.default_rng(0)
    points, centres = rng.normal(size=(50, 4, 3)), rng.normal(size=(50, 3, 3))
    rotations, half = random_rotations(rng, 50, 3), rng.uniform(0.1, 0.5, (50, 3, 3))
    distance = distance_to_cuboids(*map(torch.as_tensor, (points, centres, rotations, half)))
    for w, i, j in np.ndindex(50, 4, 3):
        expected = slow_distance(points[w, i], centres[w, j], rotations[w, j].reshape(3, 3), half[w, j])
        assert abs(distance[w, i, j].item() - expected) < 1e-12


def test_distance_inside_a_cuboid_is_zero():
    inside = torch.tensor([[[0.1, -0.2, 0.2]]], dtype=torch.float64)
    upright = torch.eye(3, dtype=torch.float64).view(1, 1, 9)
    half = torch.full((1, 1, 3), 0.25, dtype=torch.float64)
    assert distance_to_cuboids(inside, torch.zeros_like(inside), upright, half).item() == 0.0


def yaw(angle: float) -> np.ndarray:
    return np.array([math.cos(angle / 2), 0, 0, math.sin(angle / 2)])


def grips(angles, here, there, quaternions, distance=None) -> np.ndarray:
    turn = np.stack([np.cos(angles), np.sin(angles)], -1)
    agents = np.stack([yaw(angle) for angle in angles])
    tensors = [torch.as_tensor(values) for values in (here, turn, there, agents, quaternions)]
    return grip_poses(*tensors[:3], (tensors[3], tensors[4]), distance).numpy()


def test_a_grip_is_the_object_in_the_agents_frame_by_mujocos_quaternions():
    rng = np.random.default_rng(1)
    angles = np.concatenate([rng.uniform(-9, 9, 200), [0.0, math.pi, -math.pi]])
    here, there = rng.normal(size=(len(angles), 3)), rng.normal(size=(len(angles), 3))
    quaternions = rng.normal(size=(len(angles), 4))
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    poses = grips(angles, here, there, quaternions)
    for pose, angle, held, x_a, x_o in zip(poses, angles, quaternions, here, there, strict=True):
        back, offset, turn = yaw(-angle), np.zeros(3), np.zeros(4)
        mujoco.mju_rotVecQuat(offset, x_o - x_a, back)
        mujoco.mju_mulQuat(turn, back, held)
        np.testing.assert_allclose(pose[:3], offset, atol=1e-12)
        np.testing.assert_allclose(pose[3:], turn * np.sign(turn[0]), atol=1e-12)


def test_a_grip_can_be_brought_to_a_distance():
    pose = grips(np.array([0.3]), np.zeros((1, 3)), np.array([[0.0, -0.5, 0.0]]), yaw(0.3)[None], distance=0.2)
    assert np.linalg.norm(pose[0, :3]) == pytest.approx(0.2)
    np.testing.assert_allclose(pose[0, :3], [-0.2 * math.sin(0.3), -0.2 * math.cos(0.3), 0.0], atol=1e-12)
