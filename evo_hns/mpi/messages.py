"""The messages between coordinator and workers, and how a table of matches is cut for the ranks.

A table is cut into slices of nearly equal cost. Each rank begins with the slice of its number and gets another
with each report. Later slices are half as long as earlier ones, so that the others wait less for a slow rank or a
slow slice. A match has the same bits on any rank, so that none of this changes a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes, Keep
from evo_hns.evaluation.session import Physics
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import Observation, Side
from evo_hns.worlds.scene import Scene

GenomeArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

GOLDEN_RATIO = 0.6180339887498949
"""Multiples of it fill the circle evenly, in step with no period that a table may have."""

SMALLEST_SLICE = 64
"""Matches; slices are halved down to this; shorter ones cost more in lost speed than they save in waiting."""


@dataclass(frozen=True)
class Begin:
    """To all workers: build the game of a run."""

    config_json: str  #: its settings
    path: Path  #: its file, for the rank that replaces a coordinator that has died


@dataclass(frozen=True)
class WorkRequest:
    """To all workers: evaluate these matches together."""

    physics: Physics  #: at which timestep
    keep: tuple[Keep, ...]  #: of the episodes, beside their outcome
    table: MatchTable  #: all of them
    specs: Mapping[Side, PlayerSpec]  #: the players of each side
    genomes: Mapping[Side, GenomeArray]  #: `(P, L)` of each side; `(1, 0)` for players without
    ranks: tuple[int, ...]  #: that play; each begins with the slice of its place here
    num_worlds: int  #: most matches in a slice

    @property
    def slices(self) -> list[IntArray]:
        """Rows of the table, cut for the ranks that play."""
        return deal(len(self.table), len(self.ranks), self.num_worlds)

    @property
    def rosters(self) -> dict[Side, Roster]:
        """The players that the table refers to."""
        return {side: Roster(self.specs[side], torch.from_numpy(self.genomes[side])) for side in Side}


@dataclass(frozen=True)
class Echo:
    """To all workers: answer when this has arrived."""

    payload: bytes


@dataclass(frozen=True)
class Ready:
    """To the coordinator: the last message has been followed."""

    num_threads: int  #: of torch


@dataclass(frozen=True)
class Report:
    """To the coordinator: a slice has been played."""

    number: int  #: of the slice
    result: dict[str, Any] | None  #: fields of its episodes, as arrays; None: the slice was dropped
    seconds: float  #: that the slice took
    signum: int  #: a signal that the rank has received, 0 for none

    @classmethod
    def of(cls, number: int, episodes: Episodes, seconds: float, signum: int) -> Report:
        """The report of a slice, without the scene of a trajectory, which the coordinator has."""
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
        """The episodes of the slice; None if it was dropped.

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


def deal(num_matches: int, num_ranks: int, size: int) -> list[IntArray]:
    """Cut a table into slices: a first one for each rank, then those that are dealt on demand.

    Matches of one candidate cost alike, and so do those in one world; every slice takes evenly from all of both.

    Args:
        num_matches: M.
        num_ranks: R.
        size: most matches in a slice.

    Returns:
        Rows of the table; every row is in one slice, and no slice is empty.
    """
    sizes: list[int] = []
    left = -(-num_matches // num_ranks)  # of one rank
    while left > 0:
        half = left if num_ranks == 1 or left < 2 * SMALLEST_SLICE else -(-left // 2)
        sizes.append(min(half, size))
        left -= sizes[-1]
    shares = np.repeat(sizes, num_ranks).astype(np.int64)
    ends = np.cumsum(shares) * num_matches // max(shares.sum(), 1)
    spread = np.argsort(np.arange(num_matches) * GOLDEN_RATIO % 1.0, kind="stable")
    return [rows for rows in np.split(spread, ends[:-1]) if len(rows)]
