"""What all networks share: features in, actions out, and between them a kernel that reads a genome per row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evo_hns.policies.base import PolicyState
from evo_hns.policies.features import encode
from evo_hns.policies.heads import NUM_INTENTS, decide
from evo_hns.spec import Action, Observation

Forward = Callable[..., None]
"""`forward(params, own, rows, kinds, widths, sizes, memory, renewed, intents)`: reads `params` `(W, M, N)`, the
features, the columns in use per kind, (hidden size, memory cells) and memory `(W, A, G)`; fills the last two."""


@dataclass(frozen=True)
class NetworkPolicy:
    """A network whose every row has a genome of its own."""

    num_params: int
    hidden_size: int
    num_cells: int
    row_widths: tuple[int, int, int, int]
    forward: Forward

    def initial_state(self, seeds: Tensor, num_agents: int) -> PolicyState:
        """Blank memory, `(W, A, num_cells)` float32."""
        return torch.zeros(len(seeds), num_agents, self.num_cells, dtype=torch.float32)

    def act(self, params: Tensor, observation: Observation, state: PolicyState) -> tuple[Action, PolicyState]:
        """Decide one env step for a team; see `Policy.act`.

        Raises:
            ValueError: genomes of another length or number than this network and team need.
        """
        self._check(params, observation)
        features = encode(observation)
        intents = np.empty((*features.kinds.shape[:2], NUM_INTENTS), np.float32)
        renewed = torch.empty_like(state)
        self.forward(
            np.ascontiguousarray(params.numpy()),
            features.own,
            features.rows,
            features.kinds,
            self.row_widths,
            (self.hidden_size, self.num_cells),
            state.numpy(),
            renewed.numpy(),
            intents,
        )
        return decide(intents, features.heading), renewed

    def _check(self, params: Tensor, observation: Observation) -> None:
        num_worlds, num_agents = observation.observation_self.shape[:2]
        rows, members, length = params.shape
        if length != self.num_params:
            raise ValueError(
                f"got genomes of {length} parameters, expected {self.num_params}; "
                "play them with the network and the game they were made for"
            )
        if rows != num_worlds or members not in (1, num_agents):
            raise ValueError(
                f"got {rows} x {members} genomes, expected {num_worlds} worlds x 1 (shared) or {num_agents} (one each)"
            )
