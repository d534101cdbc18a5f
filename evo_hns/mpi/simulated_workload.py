"""Games that nobody plays: each match takes the time that it would, asleep, so that many ranks fit on few cores.

For measuring what dealing out costs; the returns mean nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes, Keep
from evo_hns.evaluation.session import Physics, Sessions
from evo_hns.policies.roster import Roster
from evo_hns.spec import Side

SPREAD = 0.3
"""Costs of matches lie evenly between 1 - SPREAD and 1 + SPREAD times their mean."""

SLEEP = 0.02
"""Seconds between two looks at what the others want: about an env step of a batch."""


@dataclass(frozen=True)
class StandInCost:
    """What matches cost that nobody plays."""

    world_seconds: float  #: per env step of a world
    batch_seconds: float  #: per env step of a batch, whatever its size


class StandInSessions:
    """Takes the place of a rank's games.

    Args:
        sessions: the games, of which only the sizes are used.
        config: the run's settings.
        num_worlds: most matches in a slice.
        cost: of the matches.
    """

    def __init__(self, sessions: Sessions, config: RunConfig, num_worlds: int, cost: StandInCost) -> None:
        self.exact, self.num_worlds = sessions.exact, num_worlds
        self._horizon, self._cost = config.rules.horizon, cost

    def __getitem__(self, physics: Physics) -> StandInSessions:
        return self

    def play(
        self,
        table: MatchTable,
        rosters: Mapping[Side, Roster],
        *,
        keep: Collection[Keep] = (),
        on_step: Callable[[], None] | None = None,
    ) -> Episodes:
        """Sleep as long as the matches would take; see `GameSession.play`. Nobody does anything to be kept."""
        lots = np.modf(table.seed * 0.6180339887498949)[0]  # in [0, 1), each match its own
        factors = 1.0 + SPREAD * (2.0 * lots - 1.0)
        seconds = self._cost.batch_seconds + self._cost.world_seconds * float(factors.sum())
        end = time.perf_counter() + self._horizon * seconds
        while (left := end - time.perf_counter()) > 0:
            time.sleep(min(left, SLEEP))
            if on_step is not None:
                on_step()
        num_agents = self.exact.spec.num_agents
        return Episodes(
            returns=torch.from_numpy(lots)[:, None].repeat(1, num_agents),
            metrics={"cost": torch.from_numpy(factors)},
            failed=torch.zeros(len(table), dtype=torch.bool),
            agent_mask=torch.ones(len(table), num_agents, dtype=torch.bool),
        )
