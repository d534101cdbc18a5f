"""Games that nobody plays: each match takes the time that it would, asleep, so that many ranks fit on few cores.

For measuring what dealing out costs; the returns mean nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import Player, Roster, build_player
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.recording import Actions
from evo_hns.rollout import Episodes
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


class StandInGames:
    """Takes the place of a rank's games.

    Args:
        config: the run's settings.
        num_worlds: most matches in a slice.
        cost: of the matches.
    """

    def __init__(self, config: RunConfig, num_worlds: int, cost: StandInCost) -> None:
        self.player: Player = build_player(config, 1)
        self.num_worlds = num_worlds
        self._horizon, self._cost = config.rules.horizon, cost

    @property
    def exact(self) -> StandInGames:
        """Where matches run at the game's own timestep: here."""
        return self

    def play_here(
        self, table: MatchTable, rosters: Mapping[Side, Roster], between: Callable[[], None] | None = None
    ) -> Episodes:
        """Sleep as long as the matches would take; see `LocalEvaluator.play_here`."""
        lots = np.modf(table.seed * 0.6180339887498949)[0]  # in [0, 1), each match its own
        factors = 1.0 + SPREAD * (2.0 * lots - 1.0)
        seconds = self._cost.batch_seconds + self._cost.world_seconds * float(factors.sum())
        end = time.perf_counter() + self._horizon * seconds
        while (left := end - time.perf_counter()) > 0:
            time.sleep(min(left, SLEEP))
            if between is not None:
                between()
        num_agents = self.player.spec.num_agents
        return Episodes(
            returns=torch.from_numpy(lots)[:, None].repeat(1, num_agents),
            metrics={"cost": torch.from_numpy(factors)},
            failed=torch.zeros(len(table), dtype=torch.bool),
            agent_mask=torch.ones(len(table), num_agents, dtype=torch.bool),
        )

    def record(self, table: MatchTable, rosters: Mapping[Side, Roster]) -> tuple[Episodes, Actions]:
        """Nobody does anything."""
        return self.play_here(table, rosters), {}
