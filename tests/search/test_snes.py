"""SNES against EvoTorch's own class, and against its formulas under ties."""

from __future__ import annotations

import math

import pytest
import torch
from evotorch import Problem, algorithms
from torch import Tensor

from evo_hns.config import SNESSearchConfig
from evo_hns.search.base import Evaluation
from evo_hns.search.snes import SNES


def costs(genomes: Tensor) -> Tensor:
    return (genomes - 0.3).square() @ torch.logspace(0, 3, genomes.shape[1], dtype=torch.float64)


def test_moves_as_evotorch_itself_does_where_nothing_is_tied() -> None:
    search = SNES(SNESSearchConfig(popsize=11), 15, seed=3)
    asked: list[Tensor] = []

    def record(genomes: Tensor) -> Tensor:
        asked.append(genomes)
        return -costs(genomes)

    bounds = (-1, 1)
    problem = Problem(
        "max", record, solution_length=15, initial_bounds=bounds, dtype=torch.float64, vectorized=True, seed=0
    )
    twin = algorithms.SNES(problem, stdev_init=0.5, popsize=11, center_init=search.center)
    problem.generator.set_state(torch.from_numpy(search.state_dict()["stream"]))
    # EvoTorch's class moves before it samples, except the first time.
    for _ in range(40):
        twin.step()
        genomes = search.ask()
        torch.testing.assert_close(asked[-1], genomes)
        search.tell(Evaluation(-costs(genomes)))


def test_tied_candidates_share_their_utility() -> None:
    search = SNES(SNESSearchConfig(popsize=4, init_sigma=0.0), 2, seed=3)
    genomes = search.ask().clone()
    search.tell(Evaluation(torch.tensor([1.0, 2.0, 2.0, 0.0])))
    raw = [max(0.0, math.log(3.0) - math.log(rank)) for rank in range(1, 5)]
    first, second, third, last = (value / sum(raw) - 0.25 for value in raw)
    pull = torch.zeros(2, dtype=torch.float64)
    for utility, genome in zip((third, (first + second) / 2, (first + second) / 2, last), genomes, strict=True):
        pull += utility * genome
    torch.testing.assert_close(search.center, pull)


def test_flat_fitness_moves_nothing() -> None:
    search = SNES(SNESSearchConfig(popsize=6), 5, seed=3)
    before = search.center
    metrics = [search.tell(Evaluation(torch.zeros_like(search.ask()[:, 0]))) for _ in range(5)]
    assert torch.equal(search.center, before)
    assert metrics[-1]["sigma"] == metrics[0]["sigma"] == pytest.approx(0.5, abs=0)
