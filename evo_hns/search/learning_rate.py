"""Learning rates that follow the signal: LRA-CMA-ES for a diagonal covariance.

Nomura, Akimoto and Ono 2023, "CMA-ES with Learning Rate Adaptation: Can CMA-ES with Default Population Size Solve
Multimodal and Noisy Problems?" (GECCO). The moves that CMA-ES proposes are followed by running means of themselves and
of their squares; where the mean is small beside the squares they are noise, and less of each is taken.
"""

from __future__ import annotations

import torch
from torch import Tensor

ALPHA = 1.4
"""Signal-to-noise ratio, as a multiple of the learning rate, at which it stays."""

BETA = torch.tensor([0.1, 0.03], dtype=torch.float64)
"""Share of a generation in the running means, of the mean and of the covariance."""

GAMMA = 0.1
"""Largest relative change of a learning rate in a generation, as a share of it."""


class AdaptedRates:
    """Learning rates of mean and covariance, in this order wherever there are two.

    Args:
        num_params: N.
    """

    def __init__(self, num_params: int) -> None:
        self.rates = torch.ones(2, dtype=torch.float64)
        self._means = torch.zeros(2, num_params, dtype=torch.float64)  # of moves, in local coordinates
        self._squares = torch.zeros(2, dtype=torch.float64)  # of their lengths

    def take(
        self, mean: Tensor, variance: Tensor, new_mean: Tensor, new_variance: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Take as much of a move as is signal.

        Args:
            mean: `(N,)` before the move.
            variance: `(N,)` before, of the distribution that was sampled.
            new_mean: `(N,)` that CMA-ES proposes.
            new_variance: `(N,)` likewise.

        Returns:
            `(N,)` the mean; the step size, its variances' geometric mean with what the change of the rate corrects;
            `(N,)` the covariance's diagonal without it.
        """
        moves = torch.stack([new_mean - mean, new_variance - variance])
        local = torch.stack([moves[0] / variance.sqrt(), moves[1] / variance / 2.0**0.5])
        before, self.rates = self.rates, self._adapted(local)
        taken_mean, taken = mean + self.rates[0] * moves[0], variance + self.rates[1] * moves[1]
        sigma = (taken.log().mean() / 2.0).exp()
        # The best step size is about inversely proportional to the rate of the mean.
        return taken_mean, sigma * before[0] / self.rates[0], taken / sigma.square()

    def _adapted(self, local: Tensor) -> Tensor:
        """`(2,)` the rates after moves of so many standard deviations, `(2, N)`."""
        self._means = self._means + BETA[:, None] * (local - self._means)
        self._squares = self._squares + BETA * (local.square().sum(1) - self._squares)
        signal = self._means.square().sum(1)
        noise = (self._squares - signal).clamp(min=torch.finfo(torch.float64).tiny)
        ratio = (signal - BETA / (2.0 - BETA) * self._squares) / noise
        excess = (ratio / (ALPHA * self.rates) - 1.0).clamp(-1.0, 1.0)
        return (self.rates * (torch.minimum(GAMMA * self.rates, BETA) * excess).exp()).clamp(max=1.0)

    def state(self) -> dict[str, Tensor]:
        """All that changes."""
        return {"rates": self.rates, "move_means": self._means, "move_squares": self._squares}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        self.rates, self._means, self._squares = (tensors[name] for name in ("rates", "move_means", "move_squares"))
