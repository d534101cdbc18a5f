"""Three kinds of progress: measured on matches that chose nobody, and never mixed."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.records import Champion
from evo_hns.evaluation.held_out import HeldOut
from evo_hns.evaluation.intervals import estimate
from evo_hns.evaluation.matches import FRESH_SEED, HELD_OUT_SEED
from evo_hns.spec import Side
from evo_hns.training.measurement import (
    global_progress,
    measure_generation,
    measure_progress,
    progress_is_due,
    progress_table,
)
from tests.toy import NUM_PARAMS, ToyEvaluator, toy


def apart(hiders: np.ndarray, seekers: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Tells from a result who played: ten times the hider's number and the seeker's."""
    return (10.0 * hiders[:, 0] + seekers[:, 0]).astype(np.float64)


def champion(value: float) -> Champion:
    return Champion(np.full(NUM_PARAMS, value, dtype=np.float32), 0.0)


def test_local_is_against_the_current_champion_and_historical_against_earlier_ones() -> None:
    trainer = toy(apart, progress_episodes=5, progress_every=4)
    halls = {side: HallOfFame(NUM_PARAMS) for side in Side}
    for side, hall in halls.items():
        for generation in range(4):
            hall.append(champion(generation + 3 * side).genome, generation, 0.0)
    last = {side: champion(3.0 + 3 * side) for side in Side}
    metrics, num = measure_progress(trainer.config, trainer.evaluator, halls, last, 4)
    assert num == 15
    assert (metrics["hiders.local"], metrics["seekers.local"]) == (36.0, -36.0)
    table, genomes = cast(ToyEvaluator, trainer.evaluator).tables[-1]
    assert set(genomes[Side.SEEKERS][5:10, 0]) <= {3.0, 4.0, 5.0, 6.0}
    assert set(genomes[Side.HIDERS][10:, 0]) <= {0.0, 1.0, 2.0, 3.0}
    assert (genomes[Side.HIDERS][5:10] == 3.0).all() and (genomes[Side.SEEKERS][10:] == 6.0).all()
    scores = apart(genomes[Side.HIDERS], genomes[Side.SEEKERS], table.seed)
    for side, rows, sign in ((Side.HIDERS, slice(5, 10), 1), (Side.SEEKERS, slice(10, 15), -1)):
        expected = estimate(sign * scores[rows])
        assert metrics[f"{side.label}.historical"] == expected.mean
        assert metrics[f"{side.label}.historical_ci95"] == expected.half_width


def test_the_first_champions_have_no_history() -> None:
    trainer = toy(apart, progress_episodes=5)
    nobody = {side: HallOfFame(NUM_PARAMS) for side in Side}
    first = {side: champion(1.0) for side in Side}
    measured = measure_generation(trainer.config, trainer.evaluator, nobody, (), first, 0)
    names = {f"{side}.{kind}" for side in ("hiders", "seekers") for kind in ("local", "global")}
    assert measured.progress.keys() == names | {f"{name}_ci95" for name in names}
    assert measured.num_matches == 5 + 3 * 2 * 2  # 5 of progress; 3 held-out players, 2 worlds, 2 sides


def test_worlds_of_measurements_are_none_of_training_or_of_held_out_ones() -> None:
    trainer = toy(apart, progress_episodes=8, progress_every=1)
    toys = cast(ToyEvaluator, trainer.evaluator)
    halls = {side: population.hall for side, population in trainer.populations.items()}
    worlds = []
    for generation, trained in zip(range(2), trainer.generations(), strict=False):
        assert all((table.seed < HELD_OUT_SEED).all() for table, _ in toys.tables)
        toys.tables.clear()
        measure_progress(trainer.config, trainer.evaluator, halls, trained.champions, generation)
        worlds += [table.seed for table, _ in toys.tables]
        toys.tables.clear()
    assert all((seeds >= FRESH_SEED).all() for seeds in worlds)
    assert not np.isin(worlds[1], worlds[0]).any()


def test_progress_is_measured_every_so_often_and_in_the_end() -> None:
    config = toy(apart, progress_episodes=4, progress_every=3, generations=9).config
    due = [generation for generation in range(9) if progress_is_due(config.coevolution, generation)]
    assert due == [0, 3, 6, 8]
    off = toy(apart, progress_episodes=0).config
    assert not progress_is_due(off.coevolution, 0)


def test_global_is_the_mean_over_held_out_opponents_world_by_world() -> None:
    scores = {"still": [1.0, 3.0, np.nan], "random": [3.0, 9.0, 5.0]}
    met = [HeldOut(Side.HIDERS, name, np.array(values), {}) for name, values in scores.items()]
    expected = estimate(np.array([2.0, 6.0]))
    found = global_progress(met)
    assert found == {"hiders.global": expected.mean, "hiders.global_ci95": expected.half_width}


@pytest.mark.parametrize("num_past", [0, 3])
def test_the_table_has_champions_in_row_0_and_their_past_after(num_past: int) -> None:
    table, parts = progress_table(num_past, np.arange(3) + 100)
    assert table.hider[parts["local"]].tolist() == table.seeker[parts["local"]].tolist() == [0, 0, 0]
    past = list(range(1, num_past + 1))
    assert table.seeker[parts["hiders"]].tolist() == table.hider[parts["seekers"]].tolist() == past
    assert not table.hider[parts["hiders"]].any() and not table.seeker[parts["seekers"]].any()
    assert table.seed.tolist() == [100, 101, 102] + 2 * [100 + k for k in range(num_past)]
