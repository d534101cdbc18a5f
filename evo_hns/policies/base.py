"""The contract of a policy: a stateless function of a flat genome.

One genome per world and team (M = 1), or one per world and team member (M = A). All memory of an
episode lives in the `PolicyState` that is handed in and out. A match must give the same bits in
any row of any batch, so a policy computes each row on its own, in a fixed order: see `layers`.
Agents that do not exist do nothing (middle bins, no pull, no lock), and what is told of them is not read.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from evo_hns.spec import Action, Observation

PolicyState = Tensor
"""`(W, A, ...)` whatever a policy remembers within an episode; zero-size if nothing."""


class Policy(Protocol):
    """What plays one side."""

    @property
    def num_params(self) -> int:
        """Length N of the genome of *one* network (0 for scripted players)."""

    def initial_state(self, seeds: Tensor, num_agents: int) -> PolicyState:
        """Memory at the start of an episode.

        Args:
            seeds: `(W,)` int64, the seeds of the matches: the only source of randomness.
            num_agents: A, members of the team.
        """

    def act(self, params: Tensor, observation: Observation, state: PolicyState) -> tuple[Action, PolicyState]:
        """Decide one env step for a team.

        Args:
            params: `(W, M, N)` float32, M = 1 (shared by the team) or A (one each).
            observation: the team's rows, `(W, A, ...)`.
            state: what `initial_state` or the last `act` returned.
        """
