"""What the leader and the other ranks say to each other, and how a table of matches is cut for them.

A table is cut into slices of nearly equal cost. Each rank begins with the slice of its number and asks for
another when it is done; later slices are half as long as earlier ones, so that a rank which is slow, or whose
matches are, is waited for less. A match has the same bits on any rank, so none of this changes a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes, Keep
from evo_hns.evaluation.session import Physics
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.mpi.genome_cache import Delivery, IntArray
from evo_hns.mpi.simulated_workload import StandInCost
from evo_hns.policies.roster import PlayerSpec
from evo_hns.spec import Observation, Side
from evo_hns.worlds.scene import Scene

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

    spec: PlayerSpec  #: of all of them
    delivery: Delivery | None  #: of their genomes; None for players without


@dataclass(frozen=True)
class Wave:
    """To all: play these matches together."""

    physics: Physics  #: at which timestep
    keep: tuple[Keep, ...]  #: of the episodes, beside their outcome
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
    result: dict[str, Any] | None  #: fields of its episodes, as arrays; None: dropped
    seconds: float  #: that it took
    signum: int  #: a signal that the rank has heard, 0 for none

    @classmethod
    def of(cls, number: int, episodes: Episodes, seconds: float, signum: int) -> Report:
        """The report of a slice; the leader has the scene of a trajectory itself."""
        returns, failed, metrics = episodes.outcome
        seen, path = episodes.final_observation, episodes.trajectory
        geometry = {} if path is None else {f.name: getattr(path, f.name) for f in fields(path)} | {"scene": None}
        result: dict[str, Any] = {
            "returns": returns,
            "failed": failed,
            "metrics": metrics,
            "agent_mask": episodes.agent_mask.numpy(),
            "actions": episodes.actions,
            "trajectory": geometry,
            "final_observation": {} if seen is None else {name: v.numpy() for name, v in vars(seen).items()},
        }
        return cls(number, result, seconds, signum)

    def episodes(self, scene: Scene) -> Episodes | None:
        """What the matches came to; None if they were dropped.

        Args:
            scene: of the game.
        """
        if self.result is None:
            return None
        values = dict(self.result)
        path, seen = values.pop("trajectory"), values.pop("final_observation")
        metrics, actions = _tensors(values.pop("metrics")), values.pop("actions")
        return Episodes(
            **_tensors(values),
            metrics=metrics,
            actions=actions,
            trajectory=Trajectory(**(path | {"scene": scene})) if path else None,
            final_observation=Observation(**_tensors(seen)) if seen else None,
        )


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


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
