"""Running statistics: what a network reads, or shall predict, is brought to mean 0 and variance 1 as seen so far."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BETA = 0.99999
"""Share of the past that is kept at each update."""
LEAST_DEBIASING = 1e-6
LEAST_VARIANCE = 0.01
BOUND = 5.0
"""Normalised numbers are cut off here."""


class RunningStatistics(nn.Module):
    """Exponential moving averages of numbers and of their squares.

    All three start at zero; `debiasing` tells how much has been seen. Before anything was, mean is 0 and deviation 0.1.

    Args:
        shape: of what is averaged: `(width,)`, or `()` for a single number.
    """

    mean: Tensor  #: `shape`, of the numbers, times `debiasing`
    sq: Tensor  #: `shape`, of their squares, times `debiasing`
    debiasing: Tensor  #: `shape`, 1 - `BETA` ** updates

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        for name in ("mean", "sq", "debiasing"):
            self.register_buffer(name, torch.zeros(shape))

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each `shape`."""
        debiasing = self.debiasing.clamp_min(LEAST_DEBIASING)
        mean = self.mean / debiasing
        return mean, (self.sq / debiasing - mean.square()).clamp_min(LEAST_VARIANCE).sqrt()

    def normalise(self, values: Tensor) -> Tensor:
        """`(..., *shape)` numbers, normalised and cut off at `BOUND`."""
        mean, deviation = self.moments()
        return ((values - mean) / deviation).clamp(-BOUND, BOUND)

    def denormalise(self, values: Tensor) -> Tensor:
        """`(..., *shape)` numbers of mean 0 and variance 1 as what they stand for."""
        mean, deviation = self.moments()
        return values * deviation + mean

    @torch.no_grad()
    def update(self, values: Tensor) -> None:
        """Take in a batch of numbers.

        Args:
            values: `(..., *shape)`, of which the mean over all leading axes counts.
        """
        leading = tuple(range(values.dim() - self.mean.dim()))
        values = values.to(self.mean.dtype)
        fresh = {
            "mean": values.mean(leading),
            "sq": values.square().mean(leading),
            "debiasing": torch.ones_like(self.debiasing),
        }
        for name, average in fresh.items():
            getattr(self, name).mul_(BETA).add_(average, alpha=1.0 - BETA)
