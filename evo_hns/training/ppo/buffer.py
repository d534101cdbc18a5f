"""The steps of a rollout, handed out as whole episodes of whole worlds.

All episodes begin and end together, so that sequences need no padding, the memory is blank at the start of each, and
nothing of it has to be kept.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sb3_contrib.common.recurrent.buffers import RecurrentDictRolloutBuffer
from sb3_contrib.common.recurrent.type_aliases import RecurrentDictRolloutBufferSamples, RNNStates
from stable_baselines3.common.buffers import DictRolloutBuffer
from torch import Tensor


class EpisodeBuffer(RecurrentDictRolloutBuffer):
    """A rollout of which every environment played one whole episode."""

    num_agents = 1  #: environments of a world, which follow each other
    counted: npt.NDArray[np.bool_]  #: `(N,)` whose episode counts; the others teach nothing

    def reset(self) -> None:
        """Forget the rollout."""
        DictRolloutBuffer.reset(self)  # without room for memories

    def add(self, *args: Any, lstm_states: RNNStates, **kwargs: Any) -> None:  # type: ignore[override]  # as theirs
        """Take in a step of all environments; see `DictRolloutBuffer.add`."""
        self._memory_shape = lstm_states.pi[0].shape
        DictRolloutBuffer.add(self, *args, **kwargs)

    def get(  # type: ignore[override]  # as theirs
        self, batch_size: int | None = None
    ) -> Generator[RecurrentDictRolloutBufferSamples, None, None]:
        """Minibatches in a new random order.

        Args:
            batch_size: steps in each, which is rounded to whole worlds; None: all.
        """
        num_worlds = self.n_envs // self.num_agents
        steps_per_world = self.buffer_size * self.num_agents
        size = num_worlds if batch_size is None else max(1, batch_size // steps_per_world)
        for worlds in np.array_split(np.random.permutation(num_worlds), -(-num_worlds // size)):
            rows = (worlds[:, None] * self.num_agents + np.arange(self.num_agents)).flatten()
            counted = rows[self.counted[rows]]
            if len(counted):
                yield self._samples(counted)

    def sights(self) -> dict[str, Tensor]:
        """Observations of all steps that count, by field, each `(B, ...)`."""
        rows = np.flatnonzero(self.counted)
        return {name: self._take(values, rows) for name, values in self.observations.items()}

    def _samples(self, rows: npt.NDArray[np.int64]) -> RecurrentDictRolloutBufferSamples:
        layers, _, cells = self._memory_shape
        blank = torch.zeros(layers, len(rows), cells, device=self.device)
        num_steps = self.buffer_size * len(rows)
        return RecurrentDictRolloutBufferSamples(
            observations={name: self._take(values, rows) for name, values in self.observations.items()},
            actions=self._take(self.actions, rows),
            old_values=self._take(self.values, rows),
            old_log_prob=self._take(self.log_probs, rows),
            advantages=self._take(self.advantages, rows),
            returns=self._take(self.returns, rows),
            lstm_states=RNNStates((blank, blank), (blank, blank)),
            episode_starts=torch.zeros(num_steps, device=self.device),  # the memory is blank there already
            mask=torch.ones(num_steps, device=self.device),
        )

    def _take(self, values: npt.NDArray[Any], rows: npt.NDArray[np.int64]) -> Tensor:
        """`(T, N, ...)` of some environments as `(len(rows) * T, ...)`, episode by episode."""
        episodes = torch.from_numpy(values).transpose(0, 1)[torch.from_numpy(rows)]
        return episodes.flatten(0, 1).to(self.device)
