"""A run from its first generation to its last, with any trainer: its file, and what becomes of it when it is stopped.

The run file always holds whole generations. What stops a run (Ctrl-C, a signal, a power cut)
loses the generation in flight and nothing else; `resume` goes on from there to the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from evo_hns.archive.records import Generation, Run
from evo_hns.archive.run_file import RunFile
from evo_hns.archive.run_view import RunView
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.training.base import TRAINERS, Trainer
from evo_hns.training.context import RunContext
from evo_hns.training.costs import MEASURING
from evo_hns.training.estimate import Cost, estimate_cost
from evo_hns.training.external_players import ExternalPlayer, load_held_out, players_of_run, with_players
from evo_hns.training.measurement import measure_generation

MAY_CHANGE = frozenset({"physics.num_worlds", "physics.num_threads", "coevolution.generations"})
"""Settings with which a run may go on that are not its own: they change no number of a generation."""

Observer = Callable[[Generation], None]
"""Is shown each generation after it is safe on disk."""


def train(
    config: RunConfig,
    path: Path,
    *,
    resumes: bool = False,
    context: RunContext | None = None,
    announce: Callable[[Cost], None],
    observers: Sequence[Observer],
) -> None:
    """Train a run up to its last generation.

    Args:
        config: the settings; they are stored in the run file.
        path: the run file to create.
        resumes: the run is there and goes on; see `resume`.
        context: who plays the matches; by default this process.
        announce: is shown the cost before the first generation.
        observers: are shown each generation.

    Raises:
        RunFileError: the file exists, cannot be written, or another run writes it; or one of `held_out_runs` cannot
            be read.
        ConfigError: the settings cannot be played, or nothing is left to do.
        Stopped: a signal said so; the run can be resumed.
    """
    context = context or RunContext()
    with _prepared(config, path, context, resumes=resumes) as (run, cost):
        first, end = run.file.run.num_generations, config.coevolution.generations
        announce(cost)
        run.evaluator.pop_metrics()  # what was measured to estimate the cost belongs to no generation
        run.file.begin(context.begin_session(first))
        context.shutdown.begin_generation()
        for trained in islice(run.trainer.generations(first), end - first):
            generation = run.measured(trained)
            run.file.commit(generation)
            for observe in observers:
                observe(generation)
            if generation.number + 1 < end:
                context.shutdown.end_generation()
                context.shutdown.begin_generation()


def resume(
    path: Path,
    *,
    generations: int | None = None,
    context: RunContext | None = None,
    announce: Callable[[Cost], None],
    observers: Sequence[Observer],
) -> None:
    """Continue a run from its last whole generation, to the bits of an unbroken run.

    Args:
        path: the run file.
        generations: a new total, to extend a run beyond what it was started with.
        context: who plays the matches; by default this process.
        announce: is shown the cost of what is left.
        observers: are shown each new generation.

    Raises:
        RunFileError: the file cannot be read or written, or another run writes it.
        ConfigError: nothing is left to do.
        Stopped: a signal said so; the run can be resumed again.
    """
    with RunView(path) as view:
        config = extended(view.config, generations)
    train(config, path, resumes=True, context=context, announce=announce, observers=observers)


@dataclass(frozen=True)
class _OpenRun:
    """A run that is ready to be trained."""

    config: RunConfig
    file: RunFile
    evaluator: Evaluator
    trainer: Trainer
    opponents: tuple[ExternalPlayer, ...]  #: held out

    def measured(self, trained: Generation) -> Generation:
        """A generation as the run file keeps it: with what its champions are worth."""
        start = time.perf_counter()
        found = measure_generation(
            self.config, self.evaluator, self.file.halls, self.opponents, trained.champions, trained.number
        )
        metrics = {
            **trained.metrics,
            **found.progress,
            "measurement_env_steps": float(self.config.rules.horizon * found.num_matches),
            MEASURING: time.perf_counter() - start,
            **self.evaluator.pop_metrics(),
        }
        state = with_players(trained.state, self.opponents)
        return replace(trained, metrics=metrics, state=state, held_out=found.held_out, matches=found.matches)


@contextmanager
def _prepared(config: RunConfig, path: Path, context: RunContext, *, resumes: bool) -> Iterator[tuple[_OpenRun, Cost]]:
    """Everything that can be wrong is found here; settings that cannot be played leave no file behind."""
    with ExitStack() as stack:
        if resumes:
            file = stack.enter_context(RunFile.open(path))
            check_is_left(file, config)
            file.reconfigure(config)
        else:
            RunFile.check_free(path)  # before anything that takes seconds
        run = file.run if resumes and file.run.num_generations else None
        opponents = load_held_out(config) if run is None else players_of_run(run)
        evaluator = context.build_evaluator(config, path)
        trainer = build_trainer(config, evaluator, context, run)
        cost = estimate_cost(config, trainer, evaluator, context, run.num_generations if run else 0)
        if not resumes:
            file = stack.enter_context(RunFile.create(path, config, evaluator.session.genome_lengths))
        yield _OpenRun(config, file, evaluator, trainer, opponents), cost


def build_trainer(config: RunConfig, evaluator: Evaluator, context: RunContext, run: Run | None) -> Trainer:
    """The trainer of these settings.

    Args:
        config: the run's settings.
        evaluator: where its matches are played.
        context: who plays them.
        run: what there is of it already, at least a generation.

    Raises:
        ConfigError: it is not installed, cannot train on several ranks, or cannot take the settings.
    """
    algorithm = TRAINERS[config.trainer]
    algorithm.check_installed()
    if context.ranks is not None and not algorithm.on_ranks:
        raise ConfigError(f"{algorithm.title} trains in one process, got {context.ranks.size}: run it without ranks")
    return algorithm.build(config, evaluator, context.shutdown, run)


def check_is_left(file: RunFile, config: RunConfig) -> None:
    """See that a run has generations to go.

    Raises:
        ConfigError: it has not.
    """
    done, planned = file.run.num_generations, file.run.config.coevolution.generations
    if config.coevolution.generations <= done < planned:
        raise ConfigError(
            f"{file.path} has {done} of {planned} generations, got {config.coevolution.generations}: leave "
            "--generations out to go on, or ask for more"
        )
    if done >= config.coevolution.generations:
        raise ConfigError(
            f"{file.path} has all its {done} generations; to go on, ask for more with --generations {2 * done} "
            f"(in Python, generations={2 * done})"
        )


def is_finished(path: Path, config: RunConfig) -> bool:
    """Whether a run has all the generations that settings ask for; they may ask for more than it was started with.

    Args:
        path: the run file.
        config: the settings with which it is to go on.

    Raises:
        RunFileError: the file cannot be read.
        ConfigError: it is a run of other settings; the first difference is named.
    """
    with RunView(path) as run:
        for name, (theirs, asked) in run.config.differences(config).items():
            if name not in MAY_CHANGE:
                raise ConfigError(
                    f"{path} is a run with {name} = {theirs}, got {asked}: take another file for a new run, "
                    "or resume it with its own settings"
                )
        return run.num_generations >= config.coevolution.generations


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
