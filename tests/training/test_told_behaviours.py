"""Searches that are told more than fitness, and whose state grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from evo_hns.archive.records import Generation, State
from evo_hns.archive.run_file import RunFile
from evo_hns.config import SearchConfig
from evo_hns.evaluation.candidates import Opponents, evaluate_candidates
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes
from evo_hns.policies.roster import Roster
from evo_hns.search import SEARCHERS, Evaluation
from evo_hns.search.base import AskTell, new_stream
from evo_hns.spec import Side
from evo_hns.training.driver import resume, train
from evo_hns.training.evolution import evaluation_of
from evo_hns.training.random_streams import Stream, stream, streams
from tests.runs import StopAfter, assert_same_bits, ignore, tiny
from tests.toy import NUM_PARAMS, toy


class MapElites(AskTell):
    """The fittest genome of each cell of a grid over two behaviours (Mouret and Clune 2015)."""

    wants = ("behaviour", "statistics")
    growing = ("cells", "genomes", "fitness")

    def __init__(self, config: SearchConfig, num_params: int, seed: int, start: Tensor | None = None) -> None:
        assert start is None
        super().__init__(config, num_params, new_stream(seed))
        self._cells = torch.zeros(0, 2, dtype=torch.int64)
        self._genomes = torch.zeros(0, num_params, dtype=torch.float64)
        self._fitness = torch.zeros(0, dtype=torch.float64)

    @property
    def center(self) -> Tensor:
        found = len(self._fitness) > 0
        return self._genomes[self._fitness.argmax()] if found else torch.zeros(self.num_params, dtype=torch.float64)

    def _sample(self) -> Tensor:
        noise = torch.randn(self.popsize, self.num_params, generator=self._generator, dtype=torch.float64)
        if not len(self._genomes):
            return noise
        return self._genomes[torch.randint(len(self._genomes), (self.popsize,), generator=self._generator)] + noise / 4

    def _move(self, population: Tensor, evaluation: Evaluation) -> None:
        assert evaluation.behaviour is not None
        columns = [evaluation.behaviour_names.index(name) for name in ("max_agent_travel", "hider_seen_share")]
        cells = (20 * evaluation.behaviour[:, columns]).round().long()
        for cell, genome, fitness in zip(cells, population, evaluation.fitness, strict=True):
            same = (self._cells == cell).all(1)
            if not bool((self._fitness[same] >= fitness).any()):
                self._cells = torch.cat([self._cells[~same], cell[None]])
                self._genomes = torch.cat([self._genomes[~same], genome[None]])
                self._fitness = torch.cat([self._fitness[~same], fitness[None]])

    def _metrics(self) -> dict[str, float]:
        return {"cells": float(len(self._cells))}

    def _tensors(self) -> dict[str, Tensor]:
        return {"cells": self._cells, "genomes": self._genomes, "fitness": self._fitness}

    def _restore(self, tensors: dict[str, Tensor]) -> None:
        self._cells, self._genomes, self._fitness = tensors["cells"], tensors["genomes"], tensors["fitness"]


@pytest.fixture
def illuminating(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of SNES are searched by MAP-Elites instead."""
    monkeypatch.setitem(SEARCHERS, "snes", MapElites)


def cells(state: State) -> int:
    return len(cast(np.ndarray, cast(State, state["hiders"])["cells"]))


@pytest.mark.usefixtures("illuminating")
def test_an_archive_that_grows_is_stopped_and_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    config = tiny(search={"algorithm": "snes"}, coevolution={**tiny().coevolution.model_dump(), "generalist": True})
    sizes: list[int] = []

    def watch(generation: Generation) -> None:
        sizes.append(cells(generation.state))

    train(config, tmp_path / "unbroken.h5", announce=ignore, observers=[watch])
    unbroken, broken = RunFile.read(tmp_path / "unbroken.h5"), tmp_path / "broken.h5"
    assert 0 < sizes[0] < sizes[-1] == cells(unbroken.state)
    with pytest.raises(KeyboardInterrupt):
        train(config, broken, announce=ignore, observers=[StopAfter(2)])
    assert cells(RunFile.read(broken).state) == sizes[1]
    resume(broken, announce=ignore, observers=[])
    assert_same_bits(RunFile.read(broken), unbroken)


def test_a_behaviour_is_the_mean_of_the_games_statistics_over_matches_that_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluator = toy(lambda h, s, _: np.where(h[:, 0] == 2.0, np.nan, h[:, 0] - s[:, 0])).evaluator
    play = evaluator.evaluate

    def play_with_statistics(table: MatchTable, rosters: Mapping[Side, Roster], **options: Any) -> Episodes:
        episodes = play(table, rosters, **options)
        return replace(episodes, metrics={"sum": torch.from_numpy(table.seed + 0.0), "one": torch.ones(len(table))})

    monkeypatch.setattr(evaluator, "evaluate", play_with_statistics)
    genomes = torch.tensor([[0.0], [1.0], [2.0]]).expand(3, NUM_PARAMS)
    nobody = {side: Opponents.untracked(torch.full((2, NUM_PARAMS), 5.0)) for side in Side}
    batch = evaluate_candidates(evaluator, dict.fromkeys(Side, genomes), nobody, streams(0, 0, Stream.WORLDS))
    told = evaluation_of(batch, Side.HIDERS, ("behaviour", "statistics"))
    seeds = stream(0, 0, Stream.WORLDS, Side.HIDERS).integers(0, 2**31, 2)
    expected = np.array([seeds, seeds, [np.nan, np.nan]])
    np.testing.assert_array_equal(told.statistics["sum"], expected)
    np.testing.assert_array_equal(told.statistics["return"], [[-5.0, -5.0], [-4.0, -4.0], [np.nan, np.nan]])
    assert told.behaviour is not None
    assert told.behaviour_names == ("sum", "one")
    np.testing.assert_array_equal(told.behaviour, np.stack([expected.mean(1), [1.0, 1.0, np.nan]], 1))
    alone = evaluation_of(batch, Side.HIDERS, ())
    assert (alone.behaviour, alone.statistics, alone.cases) == (None, {}, None)
    by_cases = evaluation_of(batch, Side.HIDERS, ("cases",))
    assert by_cases.cases is not None
    assert by_cases.statistics == {}
    np.testing.assert_array_equal(by_cases.cases, told.statistics["return"])
    assert alone.fitness.tolist() == [-5.0, -4.0, -5.0]  # who never finished is worth no more than the worst


def test_a_search_that_wants_behaviours_refuses_fitness_alone() -> None:
    search = MapElites(tiny(search={"algorithm": "snes"}).hiders.search, 3, seed=0)
    search.ask()
    with pytest.raises(ValueError, match="snes wants behaviour and statistics beside fitness"):
        search.tell(Evaluation(torch.zeros(4)))
    with pytest.raises(ValueError, match=r"shape \(3, 1\), expected \(4, \.\.\.\)"):
        search.tell(Evaluation(torch.zeros(4), {"return": torch.zeros(3, 1)}, torch.zeros(4, 2), ("a", "b")))


def test_a_state_of_other_widths_is_damaged_however_many_rows_it_has() -> None:
    config = tiny(search={"algorithm": "snes"}).hiders.search
    state = MapElites(config, 3, seed=0).state_dict() | {"genomes": np.zeros((7, 2))}
    with pytest.raises(ValueError, match="genomes has a wrong shape"):
        MapElites(config, 3, seed=0).load_state_dict(state)
