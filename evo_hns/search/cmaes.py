"""CMA-ES with a full or a diagonal (separable) covariance, on EvoTorch's `CMAES`.

EvoTorch gives the constants, the sampling and the evolution paths; its `step` pulls fitness, breaks ties
by index and builds a (popsize, N, N) temporary, so recombination and the covariance update are done here.
Notation follows Hansen 2016, "The CMA Evolution Strategy: A Tutorial"; separable: Ros and Hansen 2008.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from evotorch import Problem, algorithms
from torch import Tensor

from evo_hns.config import CMAESSearchConfig, ConfigError
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
from evo_hns.search.learning_rate import AdaptedRates

MAX_FULL_PARAMS = 5_000
"""Largest genome with a full covariance: 400 MB, and hundreds of thousands of generations to learn it."""

MIN_EIGENVALUE = 1e-13
"""What a full covariance is lifted by when it has lost its smallest eigenvalues, as a share of the sum of all."""


class CMAES(AskTell):
    """CMA-ES; `config.algorithm` decides between the full and the separable form.

    Args:
        config: `algorithm` is `cmaes` or `sep-cmaes`.
        num_params: length of a genome.
        seed: decides the random stream.
        start: `(N,)` the genome at which it begins; None: one near zero is drawn.

    Raises:
        ValueError: a full covariance over too many parameters, or a population that is too
            large for a separable search of so few parameters.
    """

    def __init__(self, config: CMAESSearchConfig, num_params: int, seed: int, start: Tensor | None = None) -> None:
        generator = new_stream(seed)
        super().__init__(config, num_params, generator)
        if config.algorithm == "cmaes" and num_params > MAX_FULL_PARAMS:
            raise ConfigError(
                f"got {num_params} parameters, cmaes takes at most {MAX_FULL_PARAMS} (its covariance is N x N): "
                "set search.algorithm to 'sep-cmaes'"
            )
        self._engine = _build_engine(config, first_center(config, num_params, generator, start))
        self._rates = AdaptedRates(num_params) if config.cmaes.learning_rate_adaptation else None
        self._center_rate = config.cmaes.center_learning_rate
        self._z = self._y = torch.empty(0)

    @property
    def center(self) -> Tensor:
        """The mean of the distribution; see `Searcher.center`."""
        center: Tensor = self._engine.m.clone()
        return center

    def _sample(self) -> Tensor:
        engine = self._engine
        shape = (self.popsize, self.num_params)
        self._z = torch.randn(shape, generator=self._generator, dtype=torch.float64)
        self._y = engine.A * self._z if engine.separable else self._z @ engine.A.T
        population: Tensor = engine.m + engine.sigma * self._y
        return population

    def _move(self, population: Tensor, evaluation: Evaluation) -> None:
        fitness = evaluation.fitness
        if is_flat(fitness):
            return
        engine = self._engine
        mean, sigma, covariance = engine.m, engine.sigma, engine.C
        weights = share_ranks(engine.weights, fitness)
        parents = share_ranks(engine.weights.clamp(min=0.0), fitness)
        local_step, step = parents @ self._z, parents @ self._y
        engine.m = engine.m + self._center_rate * engine.sigma * step
        # Shared ranks flatten the weights: with their own mu_eff, random selection still leaves sigma in place.
        scale = 1.0 / (torch.linalg.vector_norm(parents) * engine.mu_eff.sqrt())
        engine.update_p_sigma(scale * local_step)
        engine.update_sigma()
        h_sigma = self._h_sigma()
        engine.update_p_c(scale * step, h_sigma)
        self._update_covariance(weights, h_sigma)
        if self._rates is not None:
            variance, proposed = sigma.square() * covariance, engine.sigma.square() * engine.C
            engine.m, engine.sigma, engine.C = self._rates.take(mean, variance, engine.m, proposed)
        if self._rates is not None or (self.generation + 1) % engine.decompose_C_freq == 0:
            self._decompose()

    def _decompose(self) -> None:
        """Take the square root of the covariance.

        Where nothing selects along some directions the covariance can grow so unequal that rounding takes its
        smallest eigenvalues below zero; they are lifted then.
        """
        engine = self._engine
        try:
            engine.decompose_C()
        except RuntimeError:  # of torch.linalg: not positive definite
            engine.C = engine.C + MIN_EIGENVALUE * engine.C.trace() * torch.eye(self.num_params, dtype=engine.C.dtype)
            engine.decompose_C()
        # Cholesky answers column by column; a reloaded A would be laid out by rows.
        engine.A = engine.A.contiguous()

    def _h_sigma(self) -> float:
        """1, or 0 while the path of sigma is long and the rank-one update has to wait (Hansen 2016, p. 28)."""
        engine = self._engine
        expected = 1.0 - (1.0 - engine.c_sigma) ** (2 * (self.generation + 1))
        excess = engine.p_sigma.square().sum() / expected / self.num_params - 1.0
        return float(excess < 1.0 + 4.0 / (self.num_params + 1))

    def _update_covariance(self, weights: Tensor, h_sigma: float) -> None:
        """Rank-one and rank-mu update with active weights (Hansen 2016, eq. 46 and 47)."""
        engine, path = self._engine, self._engine.p_c
        lengths = self._z.square().sum(dim=1)
        active = torch.where(weights > 0, weights, self.num_params * weights / lengths)
        lost = (1.0 - h_sigma) * engine.c_c * (2.0 - engine.c_c)
        keep = 1.0 - engine.c_1 * (1.0 - lost) - engine.c_mu * weights.sum()
        if engine.separable:
            rank_one, rank_mu = path.square(), active @ self._y.square()
        else:
            rank_one, rank_mu = torch.outer(path, path), (self._y.T * active) @ self._y
        engine.C = keep * engine.C + engine.c_1 * rank_one + engine.c_mu * rank_mu

    def _metrics(self) -> dict[str, float]:
        engine = self._engine
        variance = engine.C if engine.separable else engine.C.diagonal()
        rates = self._rates
        adapted = {} if rates is None else dict(zip(_RATES, rates.rates.tolist(), strict=True))
        return spread_metrics(engine.sigma * variance.sqrt()) | adapted

    def _tensors(self) -> dict[str, Tensor]:
        own = {name: getattr(self._engine, name) for name in _VARIABLES}
        return own if self._rates is None else own | self._rates.state()

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        for name in _VARIABLES:
            setattr(self._engine, name, tensors[name])
        if self._rates is not None:
            self._rates.restore(tensors)


_VARIABLES = ("m", "sigma", "C", "A", "p_sigma", "p_c")
_RATES = ("learning_rate_mean", "learning_rate_covariance")


def _build_engine(config: CMAESSearchConfig, center: Tensor) -> algorithms.CMAES:
    """EvoTorch's CMA-ES at its start, in float64 (float32 fails in Cholesky)."""
    num_params = len(center)
    with _quiet(), global_stream(new_stream(0)):
        problem = Problem("max", solution_length=num_params, initial_bounds=(-1.0, 1.0), dtype=torch.float64)
        engine = algorithms.CMAES(
            problem,
            stdev_init=config.sigma,
            popsize=config.popsize,
            center_init=center,
            damp_sigma_ratio=config.cmaes.damp_sigma_ratio,
            separable=config.algorithm == "sep-cmaes",
        )
    if engine.c_1 + engine.c_mu >= 1.0 and engine.separable:
        raise ConfigError(
            f"got popsize {config.popsize} for {num_params} parameters, too many for sep-cmaes to keep its covariance "
            "positive: lower search.popsize or set search.algorithm to 'cmaes'"
        )
    engine.p_sigma = torch.zeros_like(engine.m)
    engine.p_c = torch.zeros_like(engine.m)
    return engine


@contextmanager
def _quiet() -> Iterator[None]:
    """EvoTorch announces every problem it builds, and copies tensors in ways that torch and NumPy warn of."""
    logging.getLogger("evotorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
