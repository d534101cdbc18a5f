"""A search of some numbers of a genome, the others staying as they are."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from evo_hns.search.base import Evaluation, Searcher, SearchState, Want

_WHOLE = "whole"
"""In the state: the genome that the search began with."""


class Subspace:
    """A searcher of part of a genome.

    Args:
        searcher: of as many numbers as there are places.
        whole: `(N,)` the genome at which it begins.
        places: of the numbers that are searched.
    """

    def __init__(self, searcher: Searcher, whole: Tensor, places: slice) -> None:
        self._searcher, self._whole, self._places = searcher, whole.to(torch.float64), places
        self.num_params, self.popsize, self.generation = len(whole), searcher.popsize, searcher.generation
        self.wants: Collection[Want] = searcher.wants

    @property
    def center(self) -> Tensor:
        """`(N,)` float64; see `Searcher.center`."""
        return self._completed(self._searcher.center[None])[0]

    def ask(self) -> Tensor:
        """`(popsize, N)` float64; see `Searcher.ask`."""
        return self._completed(self._searcher.ask())

    def tell(self, evaluation: Evaluation) -> dict[str, float]:
        """Take what came of the asked population; see `Searcher.tell`."""
        metrics = self._searcher.tell(evaluation)
        self.generation = self._searcher.generation
        return metrics

    def state_dict(self) -> SearchState:
        """The whole state; see `Searcher.state_dict`."""
        return self._searcher.state_dict() | {_WHOLE: self._whole.numpy().copy()}

    def load_state_dict(self, state: SearchState) -> None:
        """Restore a state; see `Searcher.load_state_dict`."""
        if _WHOLE not in state or len(state[_WHOLE]) != self.num_params:
            raise ValueError("got a search state of all layers, expected one of the last: use the run's own settings")
        self._searcher.load_state_dict({name: array for name, array in state.items() if name != _WHOLE})
        self._whole, self.generation = torch.tensor(state[_WHOLE], dtype=torch.float64), self._searcher.generation

    def _completed(self, parts: Tensor) -> Tensor:
        whole = self._whole.repeat(len(parts), 1)
        whole[:, self._places] = parts
        return whole
