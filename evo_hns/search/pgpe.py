"""Policy gradients with parameter-based exploration and ClipUp, on EvoTorch's functional form.

Sehnke et al. 2010, "Parameter-exploring policy gradients"; Toklu et al. 2020, "ClipUp". Candidates come
in mirrored pairs, so that the population size is even.
"""

from __future__ import annotations

import math

import torch
from evotorch.algorithms.functional import pgpe, pgpe_ask, pgpe_tell
from torch import Tensor

from evo_hns.config import PGPESearchConfig
from evo_hns.search.base import (
    AskTell,
    Evaluation,
    first_center,
    global_stream,
    is_flat,
    new_stream,
    share_ranks,
    spread_metrics,
)


class PGPE(AskTell):
    """PGPE with symmetric sampling, centred ranks and ClipUp.

    Args:
        config: settings of the search; `popsize` is even.
        num_params: length of a genome.
        seed: decides the random stream.
        start: `(N,)` the genome at which it begins; None: one near zero is drawn.
    """

    def __init__(self, config: PGPESearchConfig, num_params: int, seed: int, start: Tensor | None = None) -> None:
        generator = new_stream(seed)
        super().__init__(config, num_params, generator)
        # ClipUp's rule: a speed limit in proportion to the radius, a learning rate of half of it.
        max_speed = config.pgpe.max_speed * config.sigma * math.sqrt(num_params)
        self._state = pgpe(
            center_init=first_center(config, num_params, generator, start),
            center_learning_rate=max_speed / 2.0,
            stdev_learning_rate=config.pgpe.stdev_learning_rate,
            stdev_init=config.sigma,
            optimizer="clipup",
            optimizer_config={"max_speed": max_speed},
            objective_sense="max",
            ranking_method="raw",
        )
        self._utilities = torch.linspace(0.5, -0.5, config.popsize, dtype=torch.float64)

    @property
    def center(self) -> Tensor:
        """The mean of the distribution; see `Searcher.center`."""
        center: Tensor = self._state.optimizer_state.center.clone()
        return center

    def _sample(self) -> Tensor:
        with global_stream(self._generator):
            population: Tensor = pgpe_ask(self._state, popsize=self.popsize)
        return population

    def _move(self, population: Tensor, evaluation: Evaluation) -> None:
        fitness = evaluation.fitness
        if is_flat(fitness):
            return
        utilities = share_ranks(self._utilities, fitness)
        moved = pgpe_tell(self._state, population, utilities)
        if torch.equal(utilities[0::2], utilities[1::2]):
            # No pair prefers a side: the gradient of the centre is zero, and ClipUp would divide by its length.
            moved = moved._replace(optimizer_state=self._state.optimizer_state)
        self._state = moved

    def _metrics(self) -> dict[str, float]:
        speed = torch.linalg.vector_norm(self._state.optimizer_state.velocity)
        return spread_metrics(self._state.stdev) | {"speed": float(speed)}

    def _tensors(self) -> dict[str, Tensor]:
        optimizer = self._state.optimizer_state
        return {"center": optimizer.center, "velocity": optimizer.velocity, "stdev": self._state.stdev}

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        optimizer = self._state.optimizer_state._replace(center=tensors["center"], velocity=tensors["velocity"])
        self._state = self._state._replace(optimizer_state=optimizer, stdev=tensors["stdev"])
