"""A tiny run whose every generation has known content."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from evo_hns.archive import Champion, Generation, HeldOutRow, RunFile
from evo_hns.config import RunConfig
from evo_hns.spec import Side

NUM_PARAMS = {Side.HIDERS: 11, Side.SEEKERS: 17}


def record_of(generation: int) -> Generation:
    """The record that a test run has in this generation; a function of the number alone."""
    rng = np.random.default_rng(generation)
    champions = {
        side: Champion(rng.standard_normal(size).astype(np.float32), float(rng.standard_normal()))
        for side, size in NUM_PARAMS.items()
    }
    rows = tuple(
        HeldOutRow(generation, side, name, float(rng.random()), float(rng.random()), 64, {"seen": float(rng.random())})
        for side in Side
        for name in ("still", "chaser")
    )
    return Generation(
        generation=generation,
        champions=champions,
        metrics={"hiders_best": float(rng.random()), "time_wave": float(rng.random())},
        state={side.label: {"mean": rng.random(4000), "generation": np.array(generation)} for side in Side},
        held_out=rows if generation % 3 == 0 else (),
        discards={"fell_through_floor": generation % 4},
    )


@pytest.fixture
def record() -> Callable[[int], Generation]:
    return record_of


@pytest.fixture
def create(tmp_path) -> Callable[..., RunFile]:
    """Starts a run with some generations in `tmp_path`."""

    def start(generations: int = 0, name: str = "run.h5") -> RunFile:
        run_file = RunFile.create(tmp_path / name, RunConfig(seed=5), NUM_PARAMS)
        for generation in range(generations):
            run_file.commit(record_of(generation))
        return run_file

    return start


@pytest.fixture
def check_whole() -> Callable[..., None]:
    """Fails unless a run holds exactly what its generations must have given."""

    def check(run) -> None:
        records = [record_of(generation) for generation in range(run.num_generations)]
        for side, hall in run.halls.items():
            assert hall.generations.tolist() == list(range(run.num_generations))
            assert hall.scores.tolist() == [each.champions[side].score for each in records]
            assert all(
                (row == each.champions[side].genome).all() for row, each in zip(hall.genomes, records, strict=True)
            )
        assert run.held_out == tuple(row for each in records for row in each.held_out)
        if not records:
            assert (run.state, run.metrics, run.discards) == ({}, {}, {})
            return
        for name, column in run.metrics.items():
            assert column.tolist() == [each.metrics[name] for each in records]
        assert run.discards["fell_through_floor"].tolist() == [each.discards["fell_through_floor"] for each in records]
        for side, state in records[-1].state.items():
            assert run.state[side]["mean"].tobytes() == state["mean"].tobytes()
            assert run.state[side]["generation"] == state["generation"]

    return check
