"""The contract of a searcher: ask for a population, tell its fitness.

Owns what every family shares: ranking with ties and without NaN. A searcher sees flat vectors
only, keeps a random stream of its own, and its whole state is a dict of arrays.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from torch import Tensor

SearchState = dict[str, np.ndarray]
"""Everything a searcher needs to continue to the same bits; arrays only."""


class Searcher(Protocol):
    """A population that moves towards higher fitness."""

    num_params: int
    popsize: int
    generation: int
    """Number of completed `tell`s."""

    @property
    def center(self) -> Tensor:
        """`(N,)` float64, the genome the search would answer now."""

    def ask(self) -> Tensor:
        """The population to evaluate, `(popsize, N)` float64; the same until `tell`."""

    def tell(self, fitness: Tensor) -> dict[str, float]:
        """Take the fitness of the asked population and move on.

        Args:
            fitness: `(popsize,)` float64, higher is better, finite.

        Returns:
            Metrics of the move (`sigma`, ...).

        Raises:
            ValueError: a wrong shape or a value that is not finite.
            RuntimeError: `tell` before `ask`.
        """

    def state_dict(self) -> SearchState:
        """The whole state, also between `ask` and `tell`."""

    def load_state_dict(self, state: SearchState) -> None:
        """Restore what `state_dict` gave, to the bit."""
