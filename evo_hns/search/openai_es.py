"""OpenAI's evolution strategy: mirrored pairs of fixed spread, centred ranks, Adam, weight decay.

Salimans et al. 2017, "Evolution Strategies as a Scalable Alternative to Reinforcement Learning"; Pagliuca, Milano and
Nolfi 2020, "Efficacy of Modern Neuro-Evolutionary Strategies for Continuous Control Optimization".
Adam is EvoTorch's. Observations are not normalised here: the networks squash what they see.
"""

from __future__ import annotations

import torch
from evotorch.algorithms.functional import adam, adam_tell
from torch import Tensor

from evo_hns.config import OpenAIESSearchConfig
from evo_hns.search.base import (
    AskTell,
    Evaluation,
    first_center,
    is_flat,
    new_stream,
    share_ranks,
)


class OpenAIES(AskTell):
    """The centre follows its estimated gradient; the spread around it stays.

    Candidates come in pairs, row 2k and 2k + 1 on opposite sides of the centre.

    Args:
        config: settings of the search; `popsize` is even.
        num_params: length of a genome.
        seed: decides the random stream.
        start: `(N,)` the genome at which it begins; None: one near zero is drawn.
    """

    def __init__(self, config: OpenAIESSearchConfig, num_params: int, seed: int, start: Tensor | None = None) -> None:
        generator = new_stream(seed)
        super().__init__(config, num_params, generator)
        self._sigma, self._weight_decay = config.sigma, config.openai_es.weight_decay
        center = first_center(config, num_params, generator, start)
        self._adam = adam(center_init=center, center_learning_rate=config.openai_es.learning_rate)
        self._ranks = torch.linspace(0.5, -0.5, config.popsize, dtype=torch.float64)
        self._speed = 0.0

    @property
    def center(self) -> Tensor:
        """Where the gradient is followed from; see `Searcher.center`."""
        center: Tensor = self._adam.center.clone()
        return center

    def _sample(self) -> Tensor:
        shape = (self.popsize // 2, self.num_params)
        offset = self._sigma * torch.randn(shape, generator=self._generator, dtype=torch.float64)
        population: Tensor = self._adam.center + torch.stack([offset, -offset], dim=1).flatten(0, 1)
        return population

    def _move(self, population: Tensor, evaluation: Evaluation) -> None:
        before = self._adam.center
        if not is_flat(evaluation.fitness):
            # Of all that were asked, not of pairs, and not divided by sigma: weight decay is measured by it.
            noise = (population - before) / self._sigma
            gradient = share_ranks(self._ranks, evaluation.fitness) @ noise / self.popsize
            self._adam = adam_tell(self._adam, follow_grad=gradient - self._weight_decay * before)
        self._speed = float(torch.linalg.vector_norm(self._adam.center - before))

    def _metrics(self) -> dict[str, float]:
        return {"sigma": self._sigma, "speed": self._speed}

    def _tensors(self) -> dict[str, Tensor]:
        return {name: getattr(self._adam, name) for name in _VARIABLES}

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        self._adam = self._adam._replace(**tensors)


_VARIABLES = ("center", "m", "v", "t")
