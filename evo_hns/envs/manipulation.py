"""Locking and grabbing: who may, who wants to, and what comes of it.

An agent reaches an object whose surface is within `lock_grab_radius` of the agent's *centre* and
which it saw in its previous observation. Both verbs are decided anew in every step: letting go of the
button, looking away or stepping back ends a grab, and lets a lock be undone by a team mate.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LOW_31_BITS = 2**31 - 1


def distance_to_cuboids(points: Tensor, centres: Tensor, cos: Tensor, sin: Tensor, half_sizes: Tensor) -> Tensor:
    """Distance from each point to the surface of each upright cuboid, 0 inside.

    Args:
        points: `(W, n, 3)` world frame, metres.
        centres: `(W, m, 3)`.
        cos: `(W, m)` cosine of each cuboid's turn about z.
        sin: `(W, m)` its sine.
        half_sizes: `(m, 3)` metres along the cuboid's own axes.

    Returns:
        `(W, n, m)` metres.
    """
    x, y, z = (points.unsqueeze(2) - centres.unsqueeze(1)).unbind(-1)
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    half_x, half_y, half_z = half_sizes.unbind(-1)
    beyond_x = ((cos * x + sin * y).abs() - half_x).clamp(min=0.0)
    beyond_y = ((cos * y - sin * x).abs() - half_y).clamp(min=0.0)
    beyond_z = (z.abs() - half_z).clamp(min=0.0)
    return torch.sqrt(beyond_x * beyond_x + beyond_y * beyond_y + beyond_z * beyond_z)


def decide_locks(
    locked: Tensor, owner: Tensor, glue: Tensor, able: Tensor, num_hiders: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Which objects are locked after this step's wishes (the original's `all_lock_team_specific`).

    Any able agent of the owner's team that does not ask for the lock undoes it, and keeps others
    from locking; otherwise any able agent that asks locks. An object that nobody locked yet belongs to
    agent 0, and an unlocked one to whoever locked it last.

    Args:
        locked: `(W, m)` bool, before.
        owner: `(W, m)` int64, the agent that locked the object last.
        glue: `(W, n)` bool, the agent asks for locks.
        able: `(W, n, m)` bool, the agent reaches and sees the object.
        num_hiders: agents below this index are one team, the others the other.

    Returns:
        `(W, m)` bool locked now; `(W, m)` bool locked by this step; `(W, n, m)` bool, who asks.
    """
    wants = able & glue.unsqueeze(2)
    is_hider = torch.arange(able.shape[1], device=able.device) < num_hiders
    refuses = (able & ~wants) & (is_hider[:, None] == (owner < num_hiders).unsqueeze(1))
    unlock = refuses.any(1)
    lock = wants.any(1) & ~unlock
    return (locked & ~unlock) | lock, lock & ~locked, wants


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
    moments = _scramble(_scramble(seeds) + time).unsqueeze(1)
    draws = _scramble(moments + torch.arange(wants.shape[2], device=wants.device)) & _LOW_31_BITS
    order = wants.cumsum(1)
    rank = draws % order[:, -1].clamp(min=1)
    return (wants & (order == rank.unsqueeze(1) + 1)).to(torch.uint8).argmax(1)


def _scramble(x: Tensor) -> Tensor:
    """The finaliser of SplitMix64 (Steele et al. 2014) on int64, whose products wrap around."""
    x = x + -0x61C8864680B583EB
    x = (x ^ _shift_right(x, 30)) * -0x40A7B892E31B1A47
    x = (x ^ _shift_right(x, 27)) * -0x6B2FB644ECCEEE15
    return x ^ _shift_right(x, 31)


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """A logical shift: torch's own fills with the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def decide_grabs(able: Tensor, distance: Tensor) -> Tensor:
    """What each agent holds: the nearest object it asks for and is able to hold, or nothing.

    Several agents may hold the same object.

    Args:
        able: `(W, n, m)` bool, the agent pulls, reaches and sees the object.
        distance: `(W, n, m)` metres to the object's surface.

    Returns:
        `(W, n, m)` bool, at most one object for each agent.
    """
    if able.shape[2] == 0:
        return able
    nearest = torch.where(able, distance, torch.inf).argmin(2, keepdim=True)
    return able & (torch.arange(able.shape[2], device=able.device) == nearest)


def grip_poses(agent_pos: Tensor, agent_turn: Tensor, object_pos: Tensor, object_turn: Tensor) -> Tensor:
    """Poses of objects in the frames of agents, in the form of a MuJoCo weld.

    The offset is R_a^T (x_o - x_a), so that the object keeps its place in front of the agent.

    Args:
        agent_pos: `(K, 3)` world frame, metres.
        agent_turn: `(K, 2)` cosine and sine of the turn about z.
        object_pos: `(K, 3)`.
        object_turn: `(K, 2)`.

    Returns:
        `(K, 7)` offset x, y, z and unit quaternion w, x, y, z.
    """
    x, y, z = (object_pos - agent_pos).unbind(-1)
    cos_a, sin_a = agent_turn.unbind(-1)
    cos_o, sin_o = object_turn.unbind(-1)
    cos, sin = cos_o * cos_a + sin_o * sin_a, sin_o * cos_a - cos_o * sin_a
    w, spin = _half_turn(cos, sin)
    none = torch.zeros_like(w)
    return torch.stack([cos_a * x + sin_a * y, cos_a * y - sin_a * x, z, w, none, none, spin], -1)


def _half_turn(cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine (not negative) and sine of half an angle, from whichever root is well conditioned."""
    large = torch.sqrt((1.0 + cos.abs()).clamp(max=2.0) / 2.0)
    small = sin.abs() / (2.0 * large)
    w, spin = torch.where(cos >= 0.0, large, small), torch.where(cos >= 0.0, small, large)
    return w, torch.where(sin < 0.0, -spin, spin)
