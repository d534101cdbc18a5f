"""The rules of locking and grabbing, as pure functions of tensors.

An agent reaches an object whose surface is within `lock_grab_radius` of the agent's *centre* and (unless the
rules waive it) which it saw in its previous observation. Both verbs are decided anew in every step: letting go
of the button, looking away or stepping back ends a grab, and lets a lock be undone.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from evo_hns.envs.draws import draw_integers
from evo_hns.envs.entities import arrays
from evo_hns.system.kernels import kernel

LockType = Literal["any_lock", "all_lock", "any_lock_specific", "all_lock_team_specific"]


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
            turn, half = rotations[w, j], half_sizes[w, j]
            for i in range(points.shape[1]):
                x = points[w, i, 0] - centres[w, j, 0]
                y = points[w, i, 1] - centres[w, j, 1]
                z = points[w, i, 2] - centres[w, j, 2]
                square = 0.0
                for axis in range(3):  # a column of the rotation is an axis of the cuboid
                    along = turn[axis] * x + turn[3 + axis] * y + turn[6 + axis] * z
                    beyond = abs(along) - half[axis]
                    if not beyond <= 0.0:  # what is not a number stays so
                        square += beyond * beyond
                distance[w, i, j] = math.sqrt(square)


def decide_locks(
    kind: LockType, locked: Tensor, owner: Tensor, asks: Tensor, able: Tensor, num_hiders: int
) -> tuple[Tensor, Tensor]:
    """Which objects are locked after this step's requests.

    An able agent that asks wants the lock, one that does not ask refuses it. An object that nobody locked
    yet belongs to agent 0, and an unlocked one to whoever locked it last.

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
    rule = kind.startswith("all_lock"), kind == "any_lock_specific", kind == "all_lock_team_specific"
    _decide_locks(*rule, *arrays(locked, owner, asks, able), num_hiders, now, drawn)
    return torch.from_numpy(now), torch.from_numpy(drawn)


@kernel
def _decide_locks(
    refusal_wins: bool,
    only_owner_refuses: bool,
    only_owners_team_refuses: bool,
    locked: np.ndarray,
    owner: np.ndarray,
    asks: np.ndarray,
    able: np.ndarray,
    num_hiders: int,
    now: np.ndarray,
    drawn: np.ndarray,
) -> None:
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
    draws = draw_integers(seeds, time, wants.shape[2])
    order = wants.cumsum(1)
    rank = draws % order[:, -1].clamp(min=1)
    return (wants & (order == rank.unsqueeze(1) + 1)).to(torch.uint8).argmax(1)


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
    if exclusive:
        return _join_nearest(able, distance)
    held = np.zeros(able.shape, np.bool_)
    _take_nearest(*arrays(able, distance), held)
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


def _join_nearest(able: Tensor, distance: Tensor) -> Tensor:
    """Join the nearest able pair of agent and object, then the nearest of those that are left, and so on."""
    held, left = torch.zeros_like(able), able
    for _ in range(min(able.shape[1:])):
        nearest = torch.where(left, distance, torch.inf).flatten(1).argmin(1)
        pair = torch.zeros_like(able.flatten(1)).scatter_(1, nearest[:, None], True).view_as(able) & left
        held = held | pair
        left = left & ~pair.any(2, keepdim=True) & ~pair.any(1, keepdim=True)
    return held


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
    x, y, z = (object_pos - agent_pos).unbind(-1)
    cos, sin = agent_turn.unbind(-1)
    offset = torch.stack([cos * x + sin * y, cos * y - sin * x, z], -1)
    if distance is not None:
        length = torch.sqrt(x * x + y * y + z * z).unsqueeze(-1)
        offset = offset * (distance / length.clamp(min=1e-9))
    return torch.cat([offset, _relative(*quaternions)], -1)


def _relative(agent: Tensor, held: Tensor) -> Tensor:
    """`(K, 4)` quaternion of the object in the agent's frame, conj(q_a) q_o."""
    aw, ax, ay, az = agent.unbind(-1)
    bw, bx, by, bz = held.unbind(-1)
    w = aw * bw + ax * bx + ay * by + az * bz
    x = aw * bx - ax * bw - ay * bz + az * by
    y = aw * by + ax * bz - ay * bw - az * bx
    z = aw * bz - ax * by + ay * bx - az * bw
    product = torch.stack([w, x, y, z], -1)
    return torch.where(w.unsqueeze(-1) < 0.0, -product, product)
