"""What all networks share: features in, actions out, and between them a kernel that reads a genome per row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evo_hns.policies.base import TeamState
from evo_hns.policies.features import encode
from evo_hns.policies.heads import NUM_INTENTS, decide
from evo_hns.policies.layers import dense, gru, squash_all
from evo_hns.policies.wiring import Wiring
from evo_hns.spec import Action, Observation, ObservationSpec
from evo_hns.system.kernels import kernel

Forward = Callable[..., None]
"""`forward(present, params, own, rows, kinds, widths, sizes, memory, renewed, intents)`: for
those who exist reads `params` `(W, M, N)`, the features, the columns in use per kind, (hidden size, memory cells)
and memory `(W, A, G)`; fills the last two for everyone."""


@dataclass(frozen=True)
class NetworkPolicy:
    """A network whose every row has a genome of its own."""

    num_params: int
    hidden_size: int
    num_cells: int
    spec: ObservationSpec
    row_widths: tuple[int, ...]
    forward: Forward
    wiring: Wiring  #: of the genome

    def bind(self, genomes: Tensor, num_agents: int, rows: Tensor | None = None) -> NetworkTeam:
        """Put weights in place; see `Policy.bind`."""
        check_genomes(genomes, num_agents, self.num_params)
        chosen = genomes if rows is None else genomes[rows]
        return NetworkTeam(self, np.ascontiguousarray(chosen.to(torch.float32).numpy()), num_agents)


@dataclass(frozen=True, eq=False)
class NetworkTeam:
    """Networks of one form with their weights."""

    policy: NetworkPolicy
    params: np.ndarray  #: `(W, M, N)` float32
    num_agents: int

    def initial_state(self, seeds: Tensor) -> TeamState:
        """Blank memory, `(W, A, num_cells)` float32."""
        return torch.zeros(len(seeds), self.num_agents, self.policy.num_cells, dtype=torch.float32)

    def act(self, observation: Observation, state: TeamState) -> tuple[Action, TeamState]:
        """Decide one env step; see `Team.act`."""
        policy = self.policy
        features = encode(observation, policy.spec)
        intents = np.empty((*features.kinds.shape[:2], NUM_INTENTS), np.float32)
        renewed = torch.empty_like(state)
        policy.forward(
            features.present,
            self.params,
            features.own,
            features.rows,
            features.kinds,
            policy.row_widths,
            (policy.hidden_size, policy.num_cells),
            state.numpy(),
            renewed.numpy(),
            intents,
        )
        return decide(intents, features.heading), renewed


def check_genomes(genomes: Tensor, num_agents: int, num_params: int) -> None:
    """Refuse genomes of another length or number than a network and a team need.

    Args:
        genomes: `(P, M, N)`.
        num_agents: A, members of the team.
        num_params: N that is expected.

    Raises:
        ValueError: they are.
    """
    _, members, length = genomes.shape
    if length != num_params:
        raise ValueError(
            f"got genomes of {length} parameters, expected {num_params}; "
            "play them with the network and the game they were made for"
        )
    if members not in (1, num_agents):
        raise ValueError(f"got {members} genomes a team, expected 1 (shared) or {num_agents} (one each)")


@kernel
def skip(memory: np.ndarray, renewed: np.ndarray, intents: np.ndarray) -> None:
    """Who does not exist intends nothing, and its memory stays as it is."""
    for j in range(memory.shape[0]):
        renewed[j] = memory[j]
    for j in range(intents.shape[0]):
        intents[j] = 0.0


@kernel
def finish(
    genome: np.ndarray,
    at: int,
    last: np.ndarray,
    memory: np.ndarray,
    joined: np.ndarray,
    gates: np.ndarray,
    renewed: np.ndarray,
    intents: np.ndarray,
) -> None:
    """The end of every network: squash its last hidden layer, renew the memory, read intents from both.

    Args:
        genome: `(N,)` of which the layers of `wiring.last_layers` are read from `at` on.
        at: where the weights begin.
        last: `(H + G,)` the last layer before it is squashed, and room for the memory.
        memory: `(G,)` before the step.
        joined: `(H + G,)` scratch.
        gates: `(2, G)` scratch.
        renewed: `(G,)` receives the memory after the step.
        intents: `(NUM_INTENTS,)` receives the intents.
    """
    num_cells = memory.shape[0]
    hidden = last[: last.shape[0] - num_cells]
    squash_all(hidden)
    if num_cells > 0:
        at = gru(genome, at, hidden, memory, joined, gates, renewed)
        for j in range(num_cells):
            last[hidden.shape[0] + j] = renewed[j]
    dense(genome, at, last, intents)
    squash_all(intents)
