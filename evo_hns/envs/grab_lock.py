"""The rules of locking and grabbing, as pure functions of tensors.

An agent reaches an object whose surface is within `lock_grab_radius` of the agent's *centre* and (unless the
rules waive it) which it saw in its previous observation. Both verbs are decided anew in every step: letting go
of the button, looking away or stepping back ends a grab, and lets a lock be undone.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import RulesConfig
from evo_hns.envs.draws import draw_integer
from evo_hns.envs.entities import arrays
from evo_hns.system.kernels import kernel

LockType = Literal["any_lock", "all_lock", "any_lock_specific", "all_lock_team_specific"]


class Verbs(NamedTuple):
    """The rules of grabbing and locking, as kernels read them."""

    reach: float  # metres, from an agent's centre to an object's surface
    grab_unseen: bool
    lock_unseen: bool
    exclusive: bool  # an object has one holder
    refusal_wins: bool
    only_owner_refuses: bool
    only_owners_team_refuses: bool
    num_hiders: int

    @classmethod
    def of(cls, rules: RulesConfig, num_hiders: int) -> Verbs:
        """The verbs of a game."""
        unseen = rules.grab_out_of_vision, rules.lock_out_of_vision
        return cls(rules.lock_grab_radius, *unseen, rules.grab_exclusive, *_whose_refusal(rules.lock_type), num_hiders)


def _whose_refusal(kind: LockType) -> tuple[bool, bool, bool]:
    """Whether a refusal outweighs a request, and whether only that of the owner, or of the owner's team, counts."""
    return kind.startswith("all_lock"), kind == "any_lock_specific", kind == "all_lock_team_specific"


@kernel
def decide(
    verbs: Verbs,
    bodies: tuple[np.ndarray, np.ndarray],
    usable: tuple[np.ndarray, np.ndarray],
    poses: tuple[np.ndarray, np.ndarray],
    half_sizes: np.ndarray,
    requests: tuple[np.ndarray, ...],
    draws: tuple[np.ndarray, int],
    before: tuple[np.ndarray, ...],
    after: tuple[np.ndarray, ...],
) -> tuple[bool, bool]:
    """What everybody holds and what is locked after one step's requests.

    Args:
        verbs: the rules.
        bodies: `(n,)` of the agents, `(m,)` of the objects.
        usable: `(m,)` bool, the object can be grabbed, and locked.
        poses: `(W, bodies, 3)` places in the world frame, metres, and `(W, bodies, 9)` rotations, row by row.
        half_sizes: `(W, m, 3)` metres.
        requests: `(W, n, m)` bool: both exist, the agent sees the object, asks to grab it, asks to lock it.
        draws: `(W,)` seeds of the matches, and env steps done.
        before: `(W, n, m)` bool held, `(W, m)` bool locked, `(W, m)` int64 owners.
        after: the same; receive the answer.

    Returns:
        Whether anything is held that was not, and whether anything was locked or unlocked.
    """
    reachable, sees, asks_to_grab, asks = requests
    held_before, locked_before, owner_before = before
    held, locked, owner = after
    distance = np.empty(held.shape)
    able, able_to_grab = np.empty(held.shape, np.bool_), np.empty(held.shape, np.bool_)
    drawn, wants = np.empty(locked.shape, np.bool_), np.empty(held.shape, np.bool_)
    for w in range(held.shape[0]):
        for i in range(held.shape[1]):
            for j in range(held.shape[2]):
                held[w, i, j] = False
                pose = poses[0][w, bodies[1][j]], poses[1][w, bodies[1][j]]
                distance[w, i, j] = _distance_to_cuboid(poses[0][w, bodies[0][i]], *pose, half_sizes[w, j])
                near = reachable[w, i, j] and distance[w, i, j] <= verbs.reach
                may_grab = near and usable[0][j] and (verbs.grab_unseen or sees[w, i, j])
                able_to_grab[w, i, j] = may_grab and asks_to_grab[w, i, j]
                able[w, i, j] = near and usable[1][j] and (verbs.lock_unseen or sees[w, i, j])
                wants[w, i, j] = able[w, i, j] and asks[w, i, j]
    if verbs.exclusive:
        _join_nearest(able_to_grab, distance, held)
    else:
        _take_nearest(able_to_grab, distance, held)
    refusals = verbs.refusal_wins, verbs.only_owner_refuses, verbs.only_owners_team_refuses
    _decide_locks(refusals, locked_before, owner_before, asks, able, verbs.num_hiders, locked, drawn)
    _draw_owners(wants, draws, drawn, owner_before, owner)
    return _exceeds(held, held_before), _differs(locked, locked_before)


@kernel
def _exceeds(held: np.ndarray, before: np.ndarray) -> bool:
    """Whether anything `(W, n, m)` is held that was not; array expressions would take seconds to compile."""
    for w in range(held.shape[0]):
        for i in range(held.shape[1]):
            for j in range(held.shape[2]):
                if held[w, i, j] and not before[w, i, j]:
                    return True
    return False


@kernel
def _differs(locked: np.ndarray, before: np.ndarray) -> bool:
    """Whether anything `(W, m)` is locked that was not, or the other way round."""
    for w in range(locked.shape[0]):
        for j in range(locked.shape[1]):
            if locked[w, j] != before[w, j]:
                return True
    return False


def distance_to_cuboids(points: Tensor, centres: Tensor, rotations: Tensor, half_sizes: Tensor) -> Tensor:
    """Distance from each point to the surface of each cuboid, 0 inside.

    Args:
        points: `(W, n, 3)` world frame, metres.
        centres: `(W, m, 3)`.
        rotations: `(W, m, 9)` of the cuboids, row by row.
        half_sizes: `(W, m, 3)` metres along the cuboids' own axes.

    Returns:
        `(W, n, m)` metres.
    """
    distance = np.empty((*points.shape[:2], centres.shape[1]))
    _fill_distances(*arrays(points, centres, rotations, half_sizes), distance)
    return torch.from_numpy(distance)


@kernel
def _fill_distances(
    points: np.ndarray, centres: np.ndarray, rotations: np.ndarray, half_sizes: np.ndarray, distance: np.ndarray
) -> None:
    for w in range(points.shape[0]):
        for j in range(centres.shape[1]):
            for i in range(points.shape[1]):
                cuboid = centres[w, j], rotations[w, j], half_sizes[w, j]
                distance[w, i, j] = _distance_to_cuboid(points[w, i], *cuboid)


@kernel
def _distance_to_cuboid(point: np.ndarray, centre: np.ndarray, turn: np.ndarray, half: np.ndarray) -> float:
    x, y, z = point[0] - centre[0], point[1] - centre[1], point[2] - centre[2]
    square = 0.0
    for axis in range(3):  # a column of the rotation is an axis of the cuboid
        along = turn[axis] * x + turn[3 + axis] * y + turn[6 + axis] * z
        beyond = abs(along) - half[axis]
        if not beyond <= 0.0:  # what is not a number stays so
            square += beyond * beyond
    return math.sqrt(square)


def decide_locks(
    kind: LockType, locked: Tensor, owner: Tensor, asks: Tensor, able: Tensor, num_hiders: int
) -> tuple[Tensor, Tensor]:
    """Which objects are locked after this step's requests.

    An able agent that asks wants the lock, one that does not ask refuses it. An object that nobody locked
    yet belongs to agent 0, and an unlocked one to the agent that locked it last.

    Args:
        kind: `any_lock`: who wants locks, refusals count where nobody wants. `all_lock`: any refusal unlocks,
            and keeps others from locking. `any_lock_specific`: as the first, but only the owner's refusal counts.
            `all_lock_team_specific`: as the second, but only refusals of the owner's team count.
        locked: `(W, m)` bool, before.
        owner: `(W, m)` int64, the agent that locked the object last.
        asks: `(W, n, m)` bool, the agent asks for the lock.
        able: `(W, n, m)` bool, the agent may lock and unlock the object.
        num_hiders: agents below this index are one team, the others the other.

    Returns:
        `(W, m)` bool locked now; `(W, m)` bool whose owner is to be drawn among those who want it, since
        it was locked by this step or its owner refused it to others.
    """
    now, drawn = np.empty((2, *locked.shape), np.bool_)
    _decide_locks(_whose_refusal(kind), *arrays(locked, owner, asks, able), num_hiders, now, drawn)
    return torch.from_numpy(now), torch.from_numpy(drawn)


@kernel
def _decide_locks(
    refusals: tuple[bool, bool, bool],
    locked: np.ndarray,
    owner: np.ndarray,
    asks: np.ndarray,
    able: np.ndarray,
    num_hiders: int,
    now: np.ndarray,
    drawn: np.ndarray,
) -> None:
    refusal_wins, only_owner_refuses, only_owners_team_refuses = refusals
    for w in range(locked.shape[0]):
        for j in range(locked.shape[1]):
            wanted = refused = False
            for i in range(able.shape[1]):
                may_refuse = (not only_owner_refuses or i == owner[w, j]) and (
                    not only_owners_team_refuses or (i < num_hiders) == (owner[w, j] < num_hiders)
                )
                wanted |= able[w, i, j] and asks[w, i, j]
                refused |= able[w, i, j] and not asks[w, i, j] and may_refuse
            if refusal_wins:
                lock, unlock = wanted and not refused, refused
            else:
                lock, unlock = wanted, refused and not wanted
            now[w, j] = lock or (locked[w, j] and not unlock)
            drawn[w, j] = lock and (not locked[w, j] or (only_owner_refuses and refused))


def draw_owner(wants: Tensor, seeds: Tensor, time: int) -> Tensor:
    """One of the agents that ask for each lock, all with equal chance.

    The original draws from a global generator. Here the draw is a hash of match, time and object, so
    that a match has the same outcome wherever and beside whatever it is played.

    Args:
        wants: `(W, n, m)` bool, who asks; an object nobody asks for gets agent 0.
        seeds: `(W,)` int64, the seeds of the matches.
        time: env steps done.

    Returns:
        `(W, m)` int64 agents.
    """
    before = np.zeros((len(seeds), wants.shape[2]), np.int64)
    owner = np.empty_like(before)
    _draw_owners(*arrays(wants), (seeds.numpy(), time), np.ones(before.shape, np.bool_), before, owner)
    return torch.from_numpy(owner)


@kernel
def _draw_owners(
    wants: np.ndarray, draws: tuple[np.ndarray, int], drawn: np.ndarray, before: np.ndarray, owner: np.ndarray
) -> None:
    """Fill `owner` `(W, m)`: drawn where it is to be drawn, elsewhere the one before."""
    seeds, time = draws
    for w in range(owner.shape[0]):
        for j in range(owner.shape[1]):
            owner[w, j] = before[w, j]
            if drawn[w, j]:
                owner[w, j], left = 0, draw_integer(seeds[w], time, j) % max(wants[w, :, j].sum(), 1)
                for i in range(wants.shape[1]):
                    if wants[w, i, j]:
                        if left == 0:
                            owner[w, j] = i
                        left -= 1


def decide_grabs(able: Tensor, distance: Tensor, *, exclusive: bool = False) -> Tensor:
    """What each agent holds: the nearest object it asks for and is able to hold, or nothing.

    Args:
        able: `(W, n, m)` bool, the agent asks for, reaches and sees the object.
        distance: `(W, n, m)` metres to the object's surface.
        exclusive: an object has one holder: the nearest pairs are joined first. Otherwise several agents may
            hold the same object.

    Returns:
        `(W, n, m)` bool, at most one object for each agent.
    """
    held = np.zeros(able.shape, np.bool_)
    join = _join_nearest if exclusive else _take_nearest
    join(*arrays(able, distance), held)
    return torch.from_numpy(held)


@kernel
def _take_nearest(able: np.ndarray, distance: np.ndarray, held: np.ndarray) -> None:
    for w in range(able.shape[0]):
        for i in range(able.shape[1]):
            nearest = -1  # of two at the same distance the first
            for j in range(able.shape[2]):
                if able[w, i, j] and (nearest < 0 or distance[w, i, j] < distance[w, i, nearest]):
                    nearest = j
            if nearest >= 0:
                held[w, i, nearest] = True


@kernel
def _join_nearest(able: np.ndarray, distance: np.ndarray, held: np.ndarray) -> None:
    """Join the nearest able pair of agent and object, then the nearest of those that are left, and so on."""
    for w in range(able.shape[0]):
        for _ in range(min(able.shape[1], able.shape[2])):
            agent = item = -1
            for i in range(able.shape[1]):
                for j in range(able.shape[2]):
                    free = able[w, i, j] and not held[w, i].any() and not held[w, :, j].any()
                    if free and (agent < 0 or distance[w, i, j] < distance[w, agent, item]):
                        agent, item = i, j
            if agent >= 0:
                held[w, agent, item] = True


def grip_poses(
    agent_pos: Tensor,
    agent_turn: Tensor,
    object_pos: Tensor,
    quaternions: tuple[Tensor, Tensor],
    distance: float | None = None,
) -> Tensor:
    """Poses of objects in the frames of agents, in the form of a MuJoCo weld.

    The offset is R_a^T (x_o - x_a), so that the object keeps its place in front of the agent.

    Args:
        agent_pos: `(K, 3)` world frame, metres.
        agent_turn: `(K, 2)` cosine and sine of the agent's turn about z.
        object_pos: `(K, 3)`.
        quaternions: `(K, 4)` w, x, y, z of the agents, and of the objects.
        distance: length of the offset, metres, if it is not to be kept.

    Returns:
        `(K, 7)` offset x, y, z and unit quaternion w, x, y, z with w not negative.
    """
    scale = torch.ones(len(agent_pos), dtype=torch.float64)
    if distance is not None:
        x, y, z = (object_pos - agent_pos).unbind(-1)
        scale = distance / torch.sqrt(x * x + y * y + z * z).clamp(min=1e-9)
    poses = np.empty((len(agent_pos), 7))
    _fill_poses(*arrays(agent_pos, agent_turn, object_pos, *quaternions, scale), poses)
    return torch.from_numpy(poses)


@kernel
def _fill_poses(
    agent_pos: np.ndarray,
    agent_turn: np.ndarray,
    object_pos: np.ndarray,
    agent: np.ndarray,
    held: np.ndarray,
    scale: np.ndarray,
    poses: np.ndarray,
) -> None:
    """Fill `poses` with offsets and with the quaternions of objects in the agents' frames, conj(q_a) q_o."""
    for k in range(poses.shape[0]):
        cos, sin = agent_turn[k]
        x = object_pos[k, 0] - agent_pos[k, 0]  # as a difference of arrays it would take seconds to compile
        y, z = object_pos[k, 1] - agent_pos[k, 1], object_pos[k, 2] - agent_pos[k, 2]
        poses[k, 0] = (cos * x + sin * y) * scale[k]
        poses[k, 1] = (cos * y - sin * x) * scale[k]
        poses[k, 2] = z * scale[k]
        aw, ax, ay, az = agent[k]
        bw, bx, by, bz = held[k]
        poses[k, 3] = aw * bw + ax * bx + ay * by + az * bz
        poses[k, 4] = aw * bx - ax * bw - ay * bz + az * by
        poses[k, 5] = aw * by + ax * bz - ay * bw - az * bx
        poses[k, 6] = aw * bz - ax * by + ay * bx - az * bw
        if poses[k, 3] < 0.0:
            for part in range(3, 7):
                poses[k, part] = -poses[k, part]
