"""A run from its first generation to its last: the loop, its file, and what becomes of both when it is stopped.

The run file always holds whole generations. Whoever stops a run (Ctrl-C, a signal, a power cut)
loses the generation in flight and nothing else; `resume` goes on from there to the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch

from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.records import GenerationRecord, Run
from evo_hns.archive.run_file import RunFile
from evo_hns.coevolution import Population, Populations, build_populations, coevolve, held_out_is_due
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import LocalEvaluator, build_search_evaluator
from evo_hns.evaluation.held_out import held_out_opponents
from evo_hns.evaluation.matches import MatchTable
from evo_hns.search.base import SearchState
from evo_hns.spec import Side

Observer = Callable[[GenerationRecord], None]
"""Is shown each generation after it is safe on disk."""


@dataclass(frozen=True)
class Cost:
    """What a run will take on this machine."""

    env_steps_per_generation: int
    held_out_env_steps: int  #: of all held-out measurements and recorded matches together
    generations: int
    env_steps_per_second: float  #: measured just now

    @property
    def env_steps(self) -> int:
        """Of the training alone."""
        return self.generations * self.env_steps_per_generation

    @property
    def seconds(self) -> float:
        """Expected duration, held-out measurements included."""
        return (self.env_steps + self.held_out_env_steps) / self.env_steps_per_second


def train(config: RunConfig, path: Path, *, announce: Callable[[Cost], None], observers: Sequence[Observer]) -> None:
    """Start a run and keep it going to its last generation.

    Args:
        config: the settings; they are stored in the run file.
        path: the run file to create.
        announce: is shown the cost before the first generation.
        observers: are shown each generation.

    Raises:
        RunFileError: the file exists, cannot be written, or another run writes it.
        ConfigError: the settings cannot be played.
    """
    RunFile.check_free(path)  # before anything that takes seconds
    evaluator = build_search_evaluator(config)
    populations = build_populations(config, evaluator)
    cost = estimate_cost(config, evaluator, first_generation=0)
    # Settings that cannot be played have failed by now, and leave no file behind.
    with RunFile.create(path, config, evaluator.player.genome_lengths) as run_file:
        announce(cost)
        _go_on(config, evaluator, populations, run_file, observers)


def resume(
    path: Path,
    *,
    generations: int | None = None,
    announce: Callable[[Cost], None],
    observers: Sequence[Observer],
) -> None:
    """Continue a run from its last whole generation, to the bits of an unbroken run.

    Args:
        path: the run file.
        generations: a new total, to extend a run beyond what it was started with.
        announce: is shown the cost of what is left.
        observers: are shown each new generation.

    Raises:
        RunFileError: the file cannot be read or written, or another run writes it.
        ConfigError: nothing is left to do.
    """
    with RunFile.open(path) as run_file:
        config = extended(run_file.run.config, generations)
        first = run_file.run.num_generations
        if first >= config.coevolution.generations:
            raise ConfigError(
                f"{path} has all its {first} generations; to go on, ask for more with --generations {2 * first}"
            )
        run_file.reconfigure(config)
        evaluator = build_search_evaluator(config)
        populations = restored(build_populations(config, evaluator), run_file.run)
        announce(estimate_cost(config, evaluator, first))
        _go_on(config, evaluator, populations, run_file, observers)


def _go_on(
    config: RunConfig,
    evaluator: LocalEvaluator,
    populations: Populations,
    run_file: RunFile,
    observers: Sequence[Observer],
) -> None:
    for record in coevolve(config, evaluator, populations, run_file.run.num_generations):
        run_file.commit(record)
        for observe in observers:
            observe(record)


def extended(config: RunConfig, generations: int | None) -> RunConfig:
    """The settings with another total of generations, if one is asked for.

    Raises:
        ConfigError: the total is not positive.
    """
    if generations is None:
        return config
    if generations < 1:
        raise ConfigError(f"got {generations} generations, expected at least 1")
    coevolution = config.coevolution.model_copy(update={"generations": generations})
    return config.model_copy(update={"coevolution": coevolution})


def restored(fresh: Populations, run: Run) -> Populations:
    """Fresh populations as they stood after the last generation of a run."""
    if run.num_generations == 0:
        return fresh
    populations = {}
    for side in Side:
        fresh[side].searcher.load_state_dict(cast(SearchState, run.state[side.label]))
        hall = run.halls[side]
        copy = HallOfFame.from_arrays(hall.genomes, hall.generations, hall.scores)
        populations[side] = Population(fresh[side].searcher, copy)
    return populations


def estimate_cost(config: RunConfig, evaluator: LocalEvaluator, first_generation: int) -> Cost:
    """What is left of a run will take, from a short measurement with still networks."""
    settings, horizon, spec = config.coevolution, config.rules.horizon, evaluator.player.spec
    popsizes = sum(config.side(side).search.popsize for side in spec.teams)
    finalists = len(spec.teams) * (settings.num_finalists + 1)
    matches = popsizes * settings.episodes_per_candidate + finalists * settings.finalist_episodes
    measured = [g for g in range(first_generation, settings.generations) if held_out_is_due(settings, g)]
    opponents = [name for side in Side for name in held_out_opponents(spec, side)]
    unscored = len(opponents) * settings.held_out_episodes + settings.recorded_matches
    return Cost(
        env_steps_per_generation=matches * horizon,
        held_out_env_steps=len(measured) * unscored * horizon,
        generations=settings.generations - first_generation,
        env_steps_per_second=measure_speed(config, evaluator),
    )


def measure_speed(config: RunConfig, evaluator: LocalEvaluator) -> float:
    """Env steps per second with random networks, measured on one batch per thread."""
    player = evaluator.player
    generator = torch.Generator().manual_seed(config.seed)
    rosters = {
        side: player.roster(side, torch.randn(8, player.genome_lengths[side], generator=generator)) for side in Side
    }
    rows = np.arange(config.physics.num_worlds) % 8
    table = MatchTable(rows, rows, np.arange(len(rows), dtype=np.int64))
    evaluator.evaluate(next(table.batches(1)), rosters)  # compiles the kernels, which is not what the run will cost
    start = time.perf_counter()
    evaluator.evaluate(table, rosters)
    return len(table) * config.rules.horizon / (time.perf_counter() - start)
