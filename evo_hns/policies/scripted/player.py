"""What all scripted players share: no genome, a row of plain numbers as memory, a stream of random numbers.

A script is a kernel over worlds and agents; it reads what the masks allow, and the doors. Column 0 of the
memory is the stream, all other columns belong to the script and start at zero.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evo_hns.policies.actions import MIDDLE_BIN, movement_bin, start_streams
from evo_hns.policies.base import TeamState
from evo_hns.spec import Action, Observation
from evo_hns.system.kernels import kernel

Script = Callable[..., None]
"""`script(present, me, others, sees, lidar, doors, memory, movement, pull, glueall)`: arrays that lead with
`(W, A)`, but for doors `(W, D, 3)`; renews `memory` `(W, A, S)` in place and fills the last three. For agents that do
not exist it leaves the last four as they are: no action."""


@functools.cache
def mover(decide: Callable[..., tuple[float, float, float]]) -> Script:
    """The script of a player that moves and does nothing else.

    Args:
        decide: a kernel `decide(me, others, sees, lidar, doors, row)` of one agent that is there: what it observes and
            its row of the memory, which it renews; force along world x and y and torque, in [-1, 1].
    """

    @kernel
    def script(
        present: np.ndarray,
        me: np.ndarray,
        others: np.ndarray,
        sees: np.ndarray,
        lidar: np.ndarray,
        doors: np.ndarray,
        memory: np.ndarray,
        movement: np.ndarray,
        pull: np.ndarray,
        glueall: np.ndarray,
    ) -> None:
        for w in range(me.shape[0]):
            for a in range(me.shape[1]):
                if present[w, a]:
                    x, y, torque = decide(me[w, a], others[w, a], sees[w, a], lidar[w, a], doors[w], memory[w, a])
                    movement[w, a, 0], movement[w, a, 1] = movement_bin(x), movement_bin(y)
                    movement[w, a, 2] = movement_bin(torque)

    return script


@dataclass(frozen=True)
class ScriptedPolicy:
    """A player that needs no genome."""

    script: Script
    memory_size: int
    num_params: int = 0

    def bind(self, genomes: Tensor, num_agents: int, rows: Tensor | None = None) -> ScriptedTeam:
        """A team that follows the script; `genomes` and `rows` are not looked at."""
        return ScriptedTeam(self.script, self.memory_size, num_agents)


@dataclass(frozen=True)
class ScriptedTeam:
    """Agents that follow a script."""

    script: Script
    memory_size: int
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
        seen = (
            observation.agent_mask,
            observation.observation_self,
            observation.agent_qpos_qvel,
            observation.mask_aa_obs,
            observation.lidar[..., 0],
            observation.door_obs,
        )
        arrays = [np.ascontiguousarray(array.numpy()) for array in seen]
        self.script(*arrays, renewed.numpy(), movement, pull, glueall)
        return Action(torch.from_numpy(movement), torch.from_numpy(pull), torch.from_numpy(glueall)), renewed


@kernel
def nearest_opponent(me: np.ndarray, others: np.ndarray, sees: np.ndarray) -> int:
    """The nearest visible opponent, or -1."""
    best, shortest = -1, np.inf
    for j in range(others.shape[0]):
        if sees[j] and others[j, 8] != me[8]:
            length = math.sqrt((others[j, 0] - me[0]) ** 2 + (others[j, 1] - me[1]) ** 2)
            if length < shortest:
                best, shortest = j, length
    return best
