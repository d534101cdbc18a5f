"""A game without worlds, for tests of the loop: what a match comes to is a function of its two genomes and its seed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.envs.statistics import STATISTICS
from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes
from evo_hns.policies.roster import Roster
from evo_hns.spec import ObservationSpec, Side
from evo_hns.training.evolution import Evolution

NUM_PARAMS = 4

Score = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""`(M, N)` genomes of hiders and of seekers, `(M,)` seeds -> `(M,)` returns of the hiders."""


class ToyEvaluator:
    """Plays matches by a formula; seekers get what hiders lose."""

    def __init__(self, score: Score) -> None:
        self._score = score
        self.tables: list[tuple[MatchTable, dict[Side, np.ndarray]]] = []  #: everything that was played, with genomes
        self.num_worlds = 1
        spec = ObservationSpec(num_hiders=1, num_seekers=1, num_boxes=0, num_ramps=0, num_lidar_rays=30)
        self.session = cast(Any, SimpleNamespace(spec=spec, genome_lengths=dict.fromkeys(Side, NUM_PARAMS)))
        self.session.roster = lambda _, genomes: SimpleNamespace(genomes=genomes)

    def evaluate(
        self, table: MatchTable, rosters: Mapping[Side, Roster], *, physics: str = "exact", keep: Collection[str] = ()
    ) -> Episodes:
        genomes = {side: _genomes(rosters[side])[table.rows(side)] for side in Side}
        self.tables.append((table, genomes))
        hiders = torch.from_numpy(self._score(genomes[Side.HIDERS], genomes[Side.SEEKERS], table.seed))
        returns = torch.stack([hiders, -hiders], 1).to(torch.float64)
        failed = torch.isnan(hiders)
        statistics = dict.fromkeys(STATISTICS, torch.zeros(len(table), dtype=torch.float64))
        return Episodes(returns, statistics, failed, torch.ones_like(returns, dtype=torch.bool))

    def pop_metrics(self) -> dict[str, float]:
        return {}


def _genomes(roster: Roster) -> np.ndarray:
    """Scripted players, who have none, are all zeros here."""
    genomes: np.ndarray = roster.genomes.numpy()
    return genomes if genomes.shape[1] else np.zeros((len(genomes), NUM_PARAMS), dtype=np.float32)


def toy(score: Score, **coevolution: Any) -> Evolution:
    """The trainer of a toy game at its beginning; nothing is recorded."""
    search = coevolution.pop("search", {"algorithm": "snes", "popsize": 6})
    settings = {
        "generations": 100,
        "recorded_matches": 0,
        "progress_episodes": 0,
        "held_out_episodes": 2,
        **coevolution,
    }
    config = RunConfig.model_validate({"search": search, "coevolution": settings})
    return Evolution(config, cast(Evaluator, ToyEvaluator(score)))
