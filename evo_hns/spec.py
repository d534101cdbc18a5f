"""The contract between the game and the players: sides, observations, actions.

Owns the words that `envs` and `policies` share, so that neither needs to know the other.
Dimensions everywhere: W worlds, A agents (hiders first), B boxes, R ramps, L lidar rays.
Observation fields carry OpenAI's names and numbers (positions in metres in the corner-like
`qpos` convention, not normalised, not masked): what an agent may *not* know is switched off by
the masks, and it is the policy that must apply them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # settings and `--help` need the sides, not torch
    from torch import Tensor


class Side(enum.IntEnum):
    """One of the two populations."""

    HIDERS = 0
    SEEKERS = 1

    @property
    def other(self) -> Side:
        """The opposing side."""
        return Side(1 - self)

    @property
    def label(self) -> str:
        """`"hiders"` or `"seekers"`: the name in files, tables and options."""
        return self.name.lower()


@dataclass(frozen=True)
class Observation:
    """What the agents of `A` rows see, float64 unless noted.

    The rows are all agents of the world, or those of one team (`of`). Rows of other agents come
    in OpenAI's circulant order: for agent i of n, (i-1) % n, (i-2) % n, ...
    """

    observation_self: Tensor  #: `(W, A, 10)` qpos x, y, z, rz (raw), qvel x, y, z, rz, is hider, prep clock
    agent_qpos_qvel: Tensor  #: `(W, A, n - 1, 10)` the same numbers of the other agents
    mask_aa_obs: Tensor  #: `(W, A, n - 1)` bool, sees the other agent
    box_obs: Tensor  #: `(W, A, B, 12)` qpos xyz, cos rz, sin rz, qvel x, y, z, rz, you lock, team lock, locked
    mask_ab_obs: Tensor  #: `(W, A, B)` bool, sees the box
    mask_ab_obs_spoof: Tensor  #: `(W, A, B)` bool, the box exists (for an omniscient critic only)
    ramp_obs: Tensor  #: `(W, A, R, 9)` qpos xyz, cos rz, sin rz, qvel x, y, z, rz (+ 3 lock columns if lockable)
    mask_ar_obs: Tensor  #: `(W, A, R)` bool, sees the ramp
    lidar: Tensor  #: `(W, A, L, 1)` metres, ray k at angle 2 pi k / L in the *world* frame from +x
    door_obs: Tensor  #: `(W, D, 3)` x, y of each door's centre, 1 if it exists; for scripted players only

    def of(self, agents: slice) -> Observation:
        """The same observation for some of the agents (rows of axis 1)."""
        rows = {f.name: getattr(self, f.name) for f in fields(self)}
        return Observation(**{k: v if k == "door_obs" else v[:, agents] for k, v in rows.items()})


@dataclass(frozen=True)
class Action:
    """What `A` agents do in one env step."""

    movement: Tensor  #: `(W, A, 3)` int64 bins 0..10 for force along world x, world y, and torque; 5 is none
    pull: Tensor  #: `(W, A)` bool, grab the nearest object in reach and sight
    glueall: Tensor  #: `(W, A)` bool, (keep) lock what is in reach and sight; False unlocks


@dataclass(frozen=True)
class ObservationSpec:
    """Sizes of an `Observation` of one game."""

    num_hiders: int
    num_seekers: int
    num_boxes: int
    num_ramps: int
    num_lidar_rays: int
    box_features: int
    ramp_features: int

    @property
    def num_agents(self) -> int:
        """Hiders and seekers together."""
        return self.num_hiders + self.num_seekers

    def team_size(self, side: Side) -> int:
        """Number of agents of one side."""
        return self.num_hiders if side is Side.HIDERS else self.num_seekers

    def team(self, side: Side) -> slice:
        """The rows of one side among all agents."""
        return slice(0, self.num_hiders) if side is Side.HIDERS else slice(self.num_hiders, self.num_agents)


@dataclass(frozen=True)
class ActionSpec:
    """Sizes of an `Action`."""

    num_movement_axes: int = 3
    num_movement_bins: int = 11
