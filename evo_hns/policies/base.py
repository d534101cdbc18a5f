"""The contract of a policy: bound once to genomes, then it acts.

A policy is the form of a player, without weights. `bind` gives it the weights of a batch of matches, and what comes of
it, a `Team`, decides env step by env step. All memory of an episode lives in the `TeamState` that is handed in and out.
A match must give the same bits in any row of any batch, so a team computes each row on its own, in a fixed order: see
`layers`. Agents that do not exist do nothing (middle bins, no pull, no lock), and what is observed of them is not read.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from evo_hns.spec import Action, Observation

TeamState = Tensor
"""`(W, A, ...)` whatever a team remembers within an episode; zero-size if nothing."""


class Team(Protocol):
    """The A agents of one side in W worlds, with their weights in place."""

    def initial_state(self, seeds: Tensor) -> TeamState:
        """Memory at the start of an episode.

        Args:
            seeds: `(W,)` int64, the seeds of the matches: the only source of randomness.
        """

    def act(self, observation: Observation, state: TeamState) -> tuple[Action, TeamState]:
        """Decide one env step.

        Args:
            observation: the team's rows, `(W, A, ...)`.
            state: what `initial_state` or the last `act` returned.
        """


class Policy(Protocol):
    """The form of a player, for either side."""

    @property
    def num_params(self) -> int:
        """Length N of the genome of *one* network (0 for scripted players)."""

    def bind(self, genomes: Tensor, num_agents: int, rows: Tensor | None = None) -> Team:
        """Put weights in place for a batch of matches.

        Args:
            genomes: `(P, M, N)` float32, M = 1 (a network that the team shares) or A (one for each member).
            num_agents: A, members of the team.
            rows: `(W,)` int64, the genome that plays each world; by default W = P, each its own.

        Raises:
            ValueError: genomes of another length or number than this network and team need.
        """
