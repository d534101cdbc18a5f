"""What the leader and the other ranks say to each other, and how a table of matches is cut for them.

A table is cut into slices of nearly equal cost. Each rank begins with the slice of its number and asks for
another when it is done; later slices are half as long as earlier ones, so that a rank which is slow, or whose
matches are, is waited for less. A match has the same bits on any rank, so none of this changes a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from evo_hns.config import PolicyConfig
from evo_hns.evaluation.genome_ledger import Delivery, IntArray
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.stand_in import StandInCost
from evo_hns.rollout import Episodes
from evo_hns.spec import Side

GOLDEN_RATIO = 0.6180339887498949
"""Multiples of it fill the circle evenly, in step with no period that a table may have."""

SMALLEST_SLICE = 64
"""Matches; slices are halved down to this; shorter ones cost more in lost speed than they save in waiting."""


@dataclass(frozen=True)
class Begin:
    """To all: be ready for the matches of a run."""

    config_json: str  #: its settings
    path: Path  #: its file, for who must lead when the leader has died
    stand_in: StandInCost | None = None  #: what matches cost if nobody is to play them


@dataclass(frozen=True)
class Cast:
    """The players of one side in a wave."""

    scripted: str  #: name of a scripted player; empty: the run's networks
    delivery: Delivery | None  #: of their genomes; None for a scripted player
    network: PolicyConfig | None = None  #: the form of networks that are not the run's


@dataclass(frozen=True)
class Wave:
    """To all: play these matches together."""

    exact: bool  #: at the game's own timestep
    table: MatchTable  #: all of them
    casts: Mapping[Side, Cast]  #: who plays
    players: tuple[int, ...]  #: ranks that begin with the slice of their place here
    num_worlds: int  #: most matches in a slice

    @property
    def slices(self) -> list[IntArray]:
        """Rows of the table, cut for the players."""
        return deal(len(self.table), len(self.players), self.num_worlds)


@dataclass(frozen=True)
class Echo:
    """To all: say that this has come."""

    payload: bytes


@dataclass(frozen=True)
class Ready:
    """To the leader: what was said last is done."""

    num_threads: int  #: of torch


@dataclass(frozen=True)
class Report:
    """To the leader: a slice has been played."""

    number: int  #: of the slice
    result: tuple[np.ndarray, dict[str, np.ndarray], np.ndarray, np.ndarray] | None  #: None: dropped
    seconds: float  #: that it took
    signum: int  #: a signal that the rank has heard, 0 for none

    @classmethod
    def of(cls, number: int, episodes: Episodes, seconds: float, signum: int) -> Report:
        """The report of a slice."""
        metrics = {name: values.numpy() for name, values in episodes.metrics.items()}
        result = (episodes.returns.numpy(), metrics, episodes.failed.numpy(), episodes.agent_mask.numpy())
        return cls(number, result, seconds, signum)

    @property
    def episodes(self) -> Episodes | None:
        """What the matches came to; None if they were dropped."""
        if self.result is None:
            return None
        returns, metrics, failed, agent_mask = self.result
        return Episodes(
            returns=torch.from_numpy(returns),
            metrics={name: torch.from_numpy(values) for name, values in metrics.items()},
            failed=torch.from_numpy(failed),
            agent_mask=torch.from_numpy(agent_mask),
        )


def deal(num_matches: int, num_players: int, size: int) -> list[IntArray]:
    """Cut a table into slices: one to begin with for each player, then those that are dealt on demand.

    Matches of one candidate cost alike, and so do those in one world; every slice takes evenly from all of both.

    Args:
        num_matches: M.
        num_players: R.
        size: most matches in a slice.

    Returns:
        Rows of the table; every row is in one slice, and no slice is empty.
    """
    sizes: list[int] = []
    left = -(-num_matches // num_players)  # of a player
    while left > 0:
        half = left if num_players == 1 or left < 2 * SMALLEST_SLICE else -(-left // 2)
        sizes.append(min(half, size))
        left -= sizes[-1]
    shares = np.repeat(sizes, num_players).astype(np.int64)
    ends = np.cumsum(shares) * num_matches // max(shares.sum(), 1)
    spread = np.argsort(np.arange(num_matches) * GOLDEN_RATIO % 1.0, kind="stable")
    return [rows for rows in np.split(spread, ends[:-1]) if len(rows)]
