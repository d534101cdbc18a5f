"""Runs that were never played: held-out scores, times and settings as a test wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evo_hns.archive import RunFile
from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.records import HeldOutRow
from evo_hns.archive.schema import encode
from evo_hns.archive.storage import write_whole
from evo_hns.config import RunConfig
from evo_hns.reports.seed_means import Track
from evo_hns.spec import Side

GENERATIONS = 5
STEPS = 1000.0  # of a generation

Score = Callable[[Side, int], float]
"""Of a side's champion of a generation -> its mean return against each held-out player."""


def config(seed: int = 0, **tables: Any) -> RunConfig:
    """A quadrant game of one against one whose champions were measured every other generation."""
    settings: dict[str, Any] = {
        "seed": seed,
        "world": {"num_hiders": 1, "num_seekers": 1},
        "rules": {"horizon": 10},
        "coevolution": {"generations": GENERATIONS, "held_out_every": 2, "held_out_episodes": 4},
    }
    for table, values in tables.items():
        settings[table] = {**settings.get(table, {}), **values}
    return RunConfig.model_validate(settings)


def make_run(
    path: Path,
    settings: RunConfig,
    score: Score = lambda side, generation: float(generation),
    *,
    num_params: int = 7,
    opponents: Mapping[Side, Sequence[str]] | None = None,
    metrics: Mapping[str, float] | None = None,
    worlds: int = 4,
) -> Path:
    """Write a run file.

    Args:
        path: where.
        settings: of the run.
        score: what each measured champion got, give or take 1 in half of the worlds each.
        num_params: of a genome, full of zeros.
        opponents: held-out players of each side.
        metrics: of every generation, beside env steps.
        worlds: of a measurement.
    """
    met = opponents or {Side.HIDERS: ("still", "chaser"), Side.SEEKERS: ("still", "fugitive")}
    spread = np.where(np.arange(worlds) % 2, 1.0, -1.0)
    rows = [
        HeldOutRow(
            generation=generation,
            side=side,
            opponent=opponent,
            mean=score(side, generation),
            ci_half_width=1.0,
            episodes=worlds,
            scores=score(side, generation) + spread,
        )
        for generation in range(0, GENERATIONS, 2)
        for side in Side
        for opponent in met[side]
    ]
    genomes = np.zeros((GENERATIONS, num_params), dtype=np.float32)
    hall = HallOfFame.from_arrays(genomes, np.arange(GENERATIONS), np.zeros(GENERATIONS))
    told = {"env_steps": STEPS, "time_evaluation": 36.0, "cpu_seconds": 72.0, **(metrics or {})}
    columns = {name: np.full(GENERATIONS, value) for name, value in told.items()}
    with RunFile.create(path, settings, dict.fromkeys(Side, num_params)) as writer:
        run = replace(
            writer.run,
            num_generations=GENERATIONS,
            halls=dict.fromkeys(Side, hall),
            metrics=columns,
            held_out=tuple(rows),
            discards={"physics": np.array([1, 0, 0, 0, 1])},
        )
        write_whole(path, encode(run))
    return path


def track(values: Sequence[float], steps: Sequence[float], half_width: float = 1.0) -> Track:
    """How something went over env steps; core-hours were not recorded."""
    spent = np.array(steps, dtype=np.float64)
    return Track(
        generations=np.arange(len(values)),
        values=np.array(values, dtype=np.float64),
        half_widths=np.full(len(values), half_width),
        budgets={"env_steps": spent, "core_hours": np.full(len(values), np.nan), "wall_hours": spent / 1e6},
    )
