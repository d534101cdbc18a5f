"""PGPE: mirrored pairs, the speed limit, and generations that would divide by zero."""

from __future__ import annotations

import math

import pytest
import torch
from evotorch.algorithms.functional import pgpe, pgpe_tell
from torch import Tensor

from evo_hns.config import PGPEConfig, PGPESearchConfig
from evo_hns.search.base import Evaluation
from evo_hns.search.pgpe import PGPE

POPSIZE = 12


def build(num_params: int = 10, **settings: float) -> PGPE:
    config = PGPESearchConfig(popsize=POPSIZE, pgpe=PGPEConfig(**settings))
    return PGPE(config, num_params, seed=3)


def sphere(genomes: Tensor) -> Tensor:
    return -genomes.square().sum(dim=1)


def test_candidates_come_in_mirrored_pairs() -> None:
    search = build()
    genomes = search.ask()
    torch.testing.assert_close((genomes[0::2] + genomes[1::2]) / 2, search.center.expand(POPSIZE // 2, -1))


def test_moves_as_evotorch_with_its_centred_ranks_where_nothing_is_tied() -> None:
    search = build(max_speed=0.1)
    limit = 0.1 * 0.5 * math.sqrt(10)
    twin = pgpe(
        center_init=search.center,
        center_learning_rate=limit / 2,
        stdev_learning_rate=0.1,
        stdev_init=0.5,
        optimizer="clipup",
        optimizer_config={"max_speed": limit},
        objective_sense="max",
        ranking_method="centered",
    )
    for _ in range(30):
        genomes = search.ask()
        search.tell(Evaluation(sphere(genomes)))
        twin = pgpe_tell(twin, genomes, sphere(genomes))
        torch.testing.assert_close(search.center, twin.optimizer_state.center)


def test_the_centre_never_moves_faster_than_the_limit() -> None:
    search = build(num_params=400, max_speed=0.03)
    limit = 0.03 * 0.5 * math.sqrt(400)
    speeds = []
    for _ in range(20):
        before = search.center
        metrics = search.tell(Evaluation(search.ask()[:, 0]))
        speeds.append(float(torch.linalg.vector_norm(search.center - before)))
        assert metrics["speed"] == pytest.approx(speeds[-1])
    assert max(speeds) == pytest.approx(limit)


def test_pairs_that_prefer_no_side_leave_the_centre_and_still_tell_of_the_spread() -> None:
    search = build()
    search.tell(Evaluation(sphere(search.ask())))
    before = search.center
    genomes = search.ask()
    metrics = search.tell(Evaluation(-(genomes - before).square().sum(dim=1).round(decimals=6)))
    assert torch.equal(search.center, before)
    assert 0 < metrics["sigma"] < 0.5
    search.tell(Evaluation(sphere(search.ask())))
    assert search.center.isfinite().all()
    assert not torch.equal(search.center, before)


def test_flat_fitness_moves_nothing() -> None:
    search = build()
    search.tell(Evaluation(sphere(search.ask())))
    before = search.state_dict()
    search.ask()
    search.tell(Evaluation(torch.ones(POPSIZE)))
    after = search.state_dict()
    for name in ("center", "velocity", "stdev"):
        assert (after[name] == before[name]).all()


def test_without_a_learning_rate_the_spread_stays() -> None:
    search = build(stdev_learning_rate=0.0)
    for _ in range(5):
        metrics = search.tell(Evaluation(sphere(search.ask())))
    assert metrics["min_stdev"] == metrics["max_stdev"] == 0.5
