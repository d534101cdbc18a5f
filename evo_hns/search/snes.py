"""Separable natural evolution strategy, on EvoTorch's `ExpSeparableGaussian`.

Wierstra et al. 2014, "Natural Evolution Strategies", JMLR 15.
"""

from __future__ import annotations

import math

import torch
from evotorch.distributions import ExpSeparableGaussian
from torch import Tensor

from evo_hns.config import SNESSearchConfig
from evo_hns.search.base import AskTell, Evaluation, first_center, is_flat, new_stream, share_ranks, spread_metrics


class SNES(AskTell):
    """SNES: one standard deviation per parameter, moved along the natural gradient.

    Args:
        config: settings of the search.
        num_params: length of a genome.
        seed: decides the random stream.
        start: `(N,)` the genome at which it begins; None: one near zero is drawn.
    """

    def __init__(self, config: SNESSearchConfig, num_params: int, seed: int, start: Tensor | None = None) -> None:
        generator = new_stream(seed)
        super().__init__(config, num_params, generator)
        center = first_center(config, num_params, generator, start)
        self._distribution = _gaussian(center, torch.full_like(center, config.sigma))
        self._utilities = _utilities(config.popsize)
        self._stdev_learning_rate = 0.2 * (3.0 + math.log(num_params)) / math.sqrt(num_params)

    @property
    def center(self) -> Tensor:
        """The mean of the distribution; see `Searcher.center`."""
        center: Tensor = self._distribution.mu.clone()
        return center

    def _sample(self) -> Tensor:
        # Asked for a number instead of a buffer, EvoTorch also draws from the global generator.
        buffer = torch.empty((self.popsize, self.num_params), dtype=torch.float64)
        population: Tensor = self._distribution.sample(out=buffer, generator=self._generator)
        return population

    def _move(self, population: Tensor, evaluation: Evaluation) -> None:
        fitness = evaluation.fitness
        if is_flat(fitness):
            return
        utilities = share_ranks(self._utilities, fitness)
        gradients = self._distribution.compute_gradients(
            population, utilities, objective_sense="max", ranking_method="raw"
        )
        # Raw utilities are divided by the sum of their sizes, which SNES does not do: multiplied back here.
        size = float(utilities.abs().sum())
        rates = {"mu": size, "sigma": size * self._stdev_learning_rate}
        self._distribution = self._distribution.update_parameters(gradients, learning_rates=rates)

    def _metrics(self) -> dict[str, float]:
        return spread_metrics(self._distribution.sigma)

    def _tensors(self) -> dict[str, Tensor]:
        return {"mu": self._distribution.mu, "sigma": self._distribution.sigma}

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        self._distribution = _gaussian(tensors["mu"], tensors["sigma"])


def _gaussian(mu: Tensor, sigma: Tensor) -> ExpSeparableGaussian:
    return ExpSeparableGaussian({"mu": mu, "sigma": sigma})


def _utilities(popsize: int) -> Tensor:
    """`(popsize,)` utilities, best rank first, summing to zero (Wierstra et al. 2014, section 3.1)."""
    ranks = torch.arange(1, popsize + 1, dtype=torch.float64)
    raw = (math.log(popsize / 2.0 + 1.0) - ranks.log()).clamp(min=0.0)
    return raw / raw.sum() - 1.0 / popsize
