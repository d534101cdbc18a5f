"""Scripted players that handle objects, and what they read of the simulator's state.

Boxes and ramps are rows of `OBJECT_SIZE` numbers: centre x, y, turn, velocity along x, y, half sizes along its own
axes, locked, seen, exists. A script that may read the state looks at all of them, an honest one at those it sees.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from evo_hns.policies.actions import MIDDLE_BIN, movement_bin, start_streams
from evo_hns.policies.base import TeamState
from evo_hns.spec import Action, ObjectColumns, Observation, ObservationSpec
from evo_hns.system.kernels import kernel

X, Y, TURN, VX, VY, HALF_X, HALF_Y, LOCKED, SEEN, EXISTS = range(10)
OBJECT_SIZE = 10

_HALF_SIZE = 0.25  # of cubes and ramps, metres


class View(NamedTuple):
    """What one agent observes."""

    member: int  #: its number in its team
    me: np.ndarray  #: `(10,)` the columns of `Observation.observation_self`
    others: np.ndarray  #: `(n - 1, 10)`
    sees: np.ndarray  #: `(n - 1,)` bool
    lidar: np.ndarray  #: `(L,)` metres
    doors: np.ndarray  #: `(D, 3)` centres and whether they exist
    boxes: np.ndarray  #: `(B, OBJECT_SIZE)`
    ramps: np.ndarray  #: `(R, OBJECT_SIZE)`
    sites: np.ndarray  #: `(S, 3)` centres of construction sites and whether they exist


Handler = Callable[..., tuple[float, float, float, bool, bool]]
"""`decide(view, row)`: force along x and y and torque in [-1, 1], grab, lock; renews its row of the memory."""


@functools.cache
def handler(decide: Handler) -> Callable[..., None]:
    """The script of a player that moves, grabs and locks.

    Args:
        decide: a kernel, `Handler`, of one agent that is there.
    """

    @kernel
    def script(
        present: np.ndarray,
        me: np.ndarray,
        others: np.ndarray,
        sees: np.ndarray,
        lidar: np.ndarray,
        doors: np.ndarray,
        boxes: np.ndarray,
        ramps: np.ndarray,
        sites: np.ndarray,
        memory: np.ndarray,
        movement: np.ndarray,
        pull: np.ndarray,
        glueall: np.ndarray,
    ) -> None:
        for w in range(me.shape[0]):
            for a in range(me.shape[1]):
                if present[w, a]:
                    things = boxes[w, a], ramps[w, a], sites[w, a]
                    view = View(a, me[w, a], others[w, a], sees[w, a], lidar[w, a], doors[w], *things)
                    x, y, torque, pull[w, a], glueall[w, a] = decide(view, memory[w, a])
                    movement[w, a, 0], movement[w, a, 1] = movement_bin(x), movement_bin(y)
                    movement[w, a, 2] = movement_bin(torque)

    return script


@dataclass(frozen=True)
class HandlerPolicy:
    """A player without a genome that handles objects."""

    decide: Handler
    memory_size: int
    spec: ObservationSpec
    num_params: int = 0

    def bind(self, genomes: Tensor, num_agents: int, rows: Tensor | None = None) -> HandlerTeam:
        """A team that follows the script; `genomes` and `rows` are not looked at."""
        return HandlerTeam(self.decide, self.memory_size, self.spec, num_agents)


@dataclass(frozen=True)
class HandlerTeam:
    """Agents that follow a script."""

    decide: Handler
    memory_size: int
    spec: ObservationSpec
    num_agents: int

    def initial_state(self, seeds: Tensor) -> TeamState:
        """Memory with a random stream for each agent, `(W, A, memory_size)` float64."""
        memory = np.zeros((len(seeds), self.num_agents, self.memory_size))
        start_streams(np.ascontiguousarray(seeds.numpy()), memory)
        return torch.from_numpy(memory)

    def act(self, observation: Observation, state: TeamState) -> tuple[Action, TeamState]:
        """Decide one env step; see `Team.act`."""
        renewed = state.clone()
        shape = observation.observation_self.shape[:2]
        movement = np.full((*shape, 3), MIDDLE_BIN, np.int64)
        pull, glueall = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        told = (
            observation.agent_mask,
            observation.observation_self,
            observation.agent_qpos_qvel,
            observation.mask_aa_obs,
            observation.lidar[..., 0],
            observation.door_obs,
            _objects(
                observation.box_obs, observation.mask_ab_obs, observation.mask_ab_obs_spoof, self.spec.box_columns
            ),
            _objects(
                observation.ramp_obs, observation.mask_ar_obs, observation.mask_ar_obs_spoof, self.spec.ramp_columns
            ),
            _sites(observation),
        )
        arrays = [np.ascontiguousarray(array.numpy()) for array in told]
        handler(self.decide)(*arrays, renewed.numpy(), movement, pull, glueall)
        return Action(torch.from_numpy(movement), torch.from_numpy(pull), torch.from_numpy(glueall)), renewed


def _sites(observation: Observation) -> Tensor:
    """`(W, A, S, 3)` centres and whether the sites exist."""
    sites = torch.zeros(*observation.construction_site_obs.shape[:3], 3, dtype=torch.float64)
    sites[..., :2] = observation.construction_site_obs[..., :2]
    sites[..., 2] = observation.mask_acs_obs.double()
    return sites


def _objects(rows: Tensor, sees: Tensor, exists: Tensor, columns: ObjectColumns) -> Tensor:
    """`(W, A, k, OBJECT_SIZE)` of observed rows, whatever columns the game's rules give them."""
    objects = torch.zeros(*rows.shape[:3], OBJECT_SIZE, dtype=torch.float64)
    objects[..., HALF_X : HALF_Y + 1] = _HALF_SIZE
    if columns.has_size:
        sizes = rows[..., columns.size][..., :2] / 2.0
        objects[..., HALF_X : HALF_Y + 1] = torch.where(sizes > 0.0, sizes, _HALF_SIZE)
    objects[..., X : Y + 1] = rows[..., :2] + objects[..., HALF_X : HALF_Y + 1]
    angles = rows[..., columns.angles]
    last = columns.num_angles - 1
    objects[..., TURN] = (
        torch.atan2(angles[..., columns.num_angles + last], angles[..., last]) if columns.polar else angles[..., last]
    )
    objects[..., VX : VY + 1] = rows[..., columns.velocities][..., :2]
    if columns.has_locks:
        objects[..., LOCKED] = rows[..., columns.locks][..., 2]
    objects[..., SEEN], objects[..., EXISTS] = sees.double(), exists.double()
    return objects
