"""The contract between the game and the players: sides, observations, actions.

Owns the words that `envs` and `policies` share, so that neither needs to know the other.
Dimensions everywhere: W worlds, A agents (hiders first), B boxes, R ramps, F food items, S construction sites, L
lidar rays.
These are places: where counts differ between worlds, absent agents and objects tell zeros and are seen
by no one, and the masks that end in `_spoof` and `agent_mask` say which are there.
Observation fields carry OpenAI's names and numbers (positions in metres in the corner-like
`qpos` convention, not normalised, not masked): what an agent may *not* know is switched off by
the masks, and it is the policy that must apply them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
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

    agent_mask: Tensor  #: `(W, A)` bool, the agent exists
    observation_self: Tensor  #: `(W, A, 10)` qpos x, y, z, rz (raw), qvel x, y, z, rz, is hider, prep clock
    agent_qpos_qvel: Tensor  #: `(W, A, n - 1, 10)` the same numbers of the other agents
    mask_aa_obs: Tensor  #: `(W, A, n - 1)` bool, sees the other agent
    mask_aa_obs_spoof: Tensor  #: `(W, A, n - 1)` bool, the other agent exists (for an omniscient critic only)
    box_obs: Tensor  #: `(W, A, B, box_columns.width)`, see `ObjectColumns`
    mask_ab_obs: Tensor  #: `(W, A, B)` bool, sees the box
    mask_ab_obs_spoof: Tensor  #: `(W, A, B)` bool, the box exists (for an omniscient critic only)
    ramp_obs: Tensor  #: `(W, A, R, ramp_columns.width)`, see `ObjectColumns`
    mask_ar_obs: Tensor  #: `(W, A, R)` bool, sees the ramp
    mask_ar_obs_spoof: Tensor  #: `(W, A, R)` bool, the ramp exists (for an omniscient critic only)
    food_obs: Tensor  #: `(W, A, F, 4)` x, y, z (true position, metres) and health
    mask_af_obs: Tensor  #: `(W, A, F)` bool, sees the food
    mask_af_obs_spoof: Tensor  #: `(W, A, F)` bool, the food exists (for an omniscient critic only)
    construction_site_obs: Tensor  #: `(W, A, S, 15)` x, y, z of each site's centre and of its four corners, metres
    mask_acs_obs: Tensor  #: `(W, A, S)` bool, the site exists; every agent knows of it
    lidar: Tensor  #: `(W, A, L, 1)` metres, ray k at angle 2 pi k / L in the *world* frame from +x
    door_obs: Tensor  #: `(W, D, 3)` x, y of each door's centre, 1 if it exists; for scripted players only

    def of(self, agents: slice) -> Observation:
        """The same observation for some of the agents (rows of axis 1)."""
        span = agents.start, agents.stop - agents.start
        return Observation(**{k: v if k == "door_obs" else v.narrow(1, *span) for k, v in vars(self).items()})


@dataclass(frozen=True)
class Action:
    """What `A` agents do in one env step."""

    movement: Tensor  #: `(W, A, 3)` int64 bins 0..10 for force along world x, world y, and torque; 5 is none
    pull: Tensor  #: `(W, A)` bool, grab the nearest object in reach and sight; or `(W, A, B + R)`, one of these
    glueall: Tensor  #: `(W, A)` bool, (keep) lock what is in reach and sight; False unlocks


@dataclass(frozen=True)
class ObjectColumns:
    """What the columns of an object's row mean, in their order.

    x, y, z; its angles; velocities along x, y, z and about each angle's axis; its index; its full size x, y, z;
    locked by me, by my team, by anyone. An angle is about z, or there are three, about x, y, z. Polar angles
    are given as all cosines, then all sines, others in radians.
    """

    num_angles: int = 1  #: 1 or 3
    polar: bool = True
    has_index: bool = False
    has_size: bool = False  #: ramps that have the columns have zeros there
    has_locks: bool = True

    @property
    def angles(self) -> slice:
        """Cosines and sines, or radians."""
        return slice(3, 3 + self.num_angles * (2 if self.polar else 1))

    @property
    def velocities(self) -> slice:
        """Along x, y, z, then about each axis."""
        return slice(self.angles.stop, self.angles.stop + 3 + self.num_angles)

    @property
    def size(self) -> slice:
        """Full sizes; empty if they are not observed."""
        start = self.velocities.stop + self.has_index
        return slice(start, start + 3 * self.has_size)

    @property
    def locks(self) -> slice:
        """Lock flags; empty if the object cannot be locked."""
        return slice(self.size.stop, self.size.stop + 3 * self.has_locks)

    @property
    def width(self) -> int:
        """All columns."""
        return int(self.locks.stop)


@dataclass(frozen=True)
class ObservationSpec:
    """Sizes of an `Observation` of one game: its places for agents and objects."""

    num_hiders: int
    num_seekers: int
    num_boxes: int
    num_ramps: int
    num_lidar_rays: int
    box_columns: ObjectColumns = ObjectColumns()
    ramp_columns: ObjectColumns = ObjectColumns(has_locks=False)
    num_food: int = 0
    num_sites: int = 0
    has_room: bool = True  #: the field is the quadrant's, with its one room in a corner

    @property
    def num_agents(self) -> int:
        """Hiders and seekers together."""
        return self.num_hiders + self.num_seekers

    def team_size(self, side: Side) -> int:
        """Number of agents of one side."""
        return self.num_hiders if side is Side.HIDERS else self.num_seekers

    @property
    def teams(self) -> tuple[Side, ...]:
        """The sides that have agents: one in the tasks of a single team."""
        return tuple(side for side in Side if self.team_size(side))

    def team(self, side: Side) -> slice:
        """The rows of one side among all agents."""
        return slice(0, self.num_hiders) if side is Side.HIDERS else slice(self.num_hiders, self.num_agents)


@dataclass(frozen=True)
class ActionSpec:
    """Sizes of an `Action`."""

    num_movement_axes: int = 3
    num_movement_bins: int = 11
    selective_grab: bool = False  #: `pull` may name objects
