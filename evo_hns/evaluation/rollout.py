"""What played matches came to, and what was kept of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from evo_hns.envs.entities import take
from evo_hns.evaluation.recording import Actions, join_actions, rows_of
from evo_hns.evaluation.trajectory import Trajectory, join_trajectories
from evo_hns.spec import Observation

Keep = Literal["actions", "trajectory", "final_observation"]
"""What can be kept of episodes beside their outcome."""


@dataclass(frozen=True)
class Episodes:
    """What W played matches came to."""

    returns: Tensor  #: `(W, A)` float64, sum of each agent's rewards
    metrics: dict[str, Tensor]  #: name -> `(W,)` float64, the game's statistics at the end
    failed: Tensor  #: `(W,)` bool, the physics failed: to be counted, never scored
    agent_mask: Tensor  #: `(W, A)` bool, the agent was there; others have a return of 0
    actions: Actions | None = None  #: what everybody did, if it was to be kept
    trajectory: Trajectory | None = None  #: where everything was, if it was to be kept
    final_observation: Observation | None = None  #: `(W, A, ...)` after the last env step, if it was to be kept

    @property
    def kept_trajectory(self) -> Trajectory:
        """Where everything was, for who asked for it.

        Raises:
            RuntimeError: it was not kept.
        """
        if self.trajectory is None:
            raise RuntimeError("matches were played without their trajectories, which were to be kept")
        return self.trajectory

    def take(self, index: np.ndarray) -> Episodes:
        """Some of the matches, in this order."""
        rows, seen = torch.from_numpy(index), self.final_observation
        return Episodes(
            returns=self.returns[rows],
            metrics={name: values[rows] for name, values in self.metrics.items()},
            failed=self.failed[rows],
            agent_mask=self.agent_mask[rows],
            actions=None if self.actions is None else rows_of(self.actions, index),
            trajectory=None if self.trajectory is None else self.trajectory.take(index),
            final_observation=None if seen is None else take(seen, rows),
        )

    @property
    def outcome(self) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Returns, failures and statistics as plain arrays, for an archive."""
        metrics = {name: values.numpy() for name, values in self.metrics.items()}
        return self.returns.numpy(), self.failed.numpy(), metrics


def join(parts: Sequence[Episodes]) -> Episodes:
    """Episodes one after the other, of which the same was kept."""
    actions = [part.actions for part in parts if part.actions is not None]
    trajectories = [part.trajectory for part in parts if part.trajectory is not None]
    seen = [part.final_observation for part in parts if part.final_observation is not None]
    return Episodes(
        returns=torch.cat([p.returns for p in parts]),
        metrics={name: torch.cat([p.metrics[name] for p in parts]) for name in parts[0].metrics},
        failed=torch.cat([p.failed for p in parts]),
        agent_mask=torch.cat([p.agent_mask for p in parts]),
        actions=join_actions(actions) if actions else None,
        trajectory=join_trajectories(trajectories) if trajectories else None,
        final_observation=map_fields(lambda *values: torch.cat(values), *seen) if seen else None,
    )


def map_fields(function: Callable[..., Tensor], *observations: Observation) -> Observation:
    """A function of the same field of several observations, for each field."""
    return Observation(**{f.name: function(*(getattr(o, f.name) for o in observations)) for f in fields(Observation)})
