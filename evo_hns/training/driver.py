"""A run from its first generation to its last: the loop, its file, and what becomes of both when it is stopped.

The run file always holds whole generations. Whoever stops a run (Ctrl-C, a signal, a power cut)
loses the generation in flight and nothing else; `resume` goes on from there to the same bits.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from evo_hns.archive.provenance import begin_session
from evo_hns.archive.records import Generation, TrainingSession
from evo_hns.archive.run_file import RunFile
from evo_hns.config import CoevolutionConfig, ConfigError, RunConfig
from evo_hns.evaluation.evaluators import Evaluator, build_evaluator
from evo_hns.evaluation.held_out import held_out_opponents
from evo_hns.evaluation.matches import MatchTable
from evo_hns.mpi.communicator import Ranks
from evo_hns.mpi.coordinator import Coordinator, RankEvaluator
from evo_hns.spec import ObservationSpec, Side
from evo_hns.system.machine import usable_cores
from evo_hns.system.shell import shell_command
from evo_hns.system.shutdown import Notice
from evo_hns.training.evolution import Populations, build_populations, coevolve, waves_of_generation
from evo_hns.training.external_opponents import invite
from evo_hns.training.measurement import held_out_is_due, progress_is_due
from evo_hns.training.population import restore_populations

MAY_CHANGE = frozenset({"physics.num_worlds", "physics.num_threads", "coevolution.generations"})
"""Settings with which a run may go on that are not its own: they change no number of a generation."""

Observer = Callable[[Generation], None]
"""Is shown each generation after it is safe on disk."""


@dataclass(frozen=True)
class Crew:
    """Who plays the matches of a run, and what it was told by signals."""

    notice: Notice = field(default_factory=Notice)
    ranks: Ranks | None = None  #: all of them, this one being the coordinator; None: a process alone

    def begin_session(self, first_generation: int) -> TrainingSession:
        """What the run file remembers of who trained from a generation on."""
        if self.ranks is None:
            return begin_session(first_generation, 1, [socket.gethostname()], "")
        return begin_session(first_generation, self.ranks.size, self.ranks.hosts, self.ranks.library)


@dataclass(frozen=True)
class Cost:
    """What a run will take on this machine, or these."""

    env_steps_per_generation: int
    held_out_env_steps: int  #: of all that only measures: held-out players, progress, recorded matches
    generations: int
    env_steps_per_second: float  #: measured just now
    players: str  #: who plays the matches, and where
    warnings: tuple[str, ...] = ()  #: what makes them slower than they could be

    @property
    def env_steps(self) -> int:
        """Of the training alone."""
        return self.generations * self.env_steps_per_generation

    @property
    def seconds(self) -> float:
        """Expected duration, held-out measurements included."""
        return (self.env_steps + self.held_out_env_steps) / self.env_steps_per_second


def train(
    config: RunConfig,
    path: Path,
    *,
    crew: Crew | None = None,
    announce: Callable[[Cost], None],
    observers: Sequence[Observer],
) -> None:
    """Start a run and keep it going to its last generation.

    Args:
        config: the settings; they are stored in the run file.
        path: the run file to create.
        crew: who plays the matches; by default this process.
        announce: is shown the cost before the first generation.
        observers: are shown each generation.

    Raises:
        RunFileError: the file exists, cannot be written, or another run writes it; or one of `held_out_runs` cannot
            be read.
        ConfigError: the settings cannot be played.
        Stopped: a signal said so; the run can be resumed.
    """
    RunFile.check_free(path)  # before anything that takes seconds
    refuse_ppo(config, shell_command("ppo", "EXPERIMENT", "--run", path))
    guests = invite(config)
    crew = crew or Crew()
    evaluator = build_run_evaluator(config, path, crew)
    populations = build_populations(config, evaluator, guests)
    cost = estimate_cost(config, evaluator, crew, first_generation=0)
    # Settings that cannot be played have failed by now, and leave no file behind.
    with RunFile.create(path, config, evaluator.session.genome_lengths) as run_file:
        announce(cost)
        _go_on(config, evaluator, populations, run_file, crew, observers)


def resume(
    path: Path,
    *,
    generations: int | None = None,
    crew: Crew | None = None,
    announce: Callable[[Cost], None],
    observers: Sequence[Observer],
) -> None:
    """Continue a run from its last whole generation, to the bits of an unbroken run.

    Args:
        path: the run file.
        generations: a new total, to extend a run beyond what it was started with.
        crew: who plays the matches; by default this process.
        announce: is shown the cost of what is left.
        observers: are shown each new generation.

    Raises:
        RunFileError: the file cannot be read or written, or another run writes it.
        ConfigError: nothing is left to do.
        Stopped: a signal said so; the run can be resumed again.
    """
    crew = crew or Crew()
    with RunFile.open(path) as run_file:
        config = what_is_left(run_file, generations)
        refuse_ppo(config, shell_command("resume", path))
        first = run_file.run.num_generations
        run_file.reconfigure(config)
        evaluator = build_run_evaluator(config, path, crew)
        populations = restore_populations(config, evaluator, run_file.run)
        announce(estimate_cost(config, evaluator, crew, first))
        _go_on(config, evaluator, populations, run_file, crew, observers)


def what_is_left(run_file: RunFile, generations: int | None) -> RunConfig:
    """The settings with which a run goes on.

    Args:
        run_file: the run.
        generations: a new total, if it is to be extended.

    Raises:
        ConfigError: nothing is left to do.
    """
    config = extended(run_file.run.config, generations)
    first = run_file.run.num_generations
    if first >= config.coevolution.generations:
        raise ConfigError(
            f"{run_file.path} has all its {first} generations; to go on, ask for more with --generations {2 * first}"
        )
    return config


def refuse_ppo(config: RunConfig, remedy: str) -> None:
    """Refuse to evolve what PPO is to train.

    Raises:
        ConfigError: the settings are of PPO.
    """
    if config.ppo is not None:
        raise ConfigError(f"these are settings of PPO ([ppo]), which are not evolved: {remedy}")


def is_finished(path: Path, config: RunConfig) -> bool:
    """Whether a run has all the generations that settings ask for; they may ask for more than it was started with.

    Args:
        path: the run file.
        config: the settings with which it is to go on.

    Raises:
        RunFileError: the file cannot be read.
        ConfigError: it is a run of other settings; the first difference is named.
    """
    run = RunFile.read(path)
    for name, (theirs, asked) in run.config.differences(config).items():
        if name not in MAY_CHANGE:
            raise ConfigError(
                f"{path} is a run with {name} = {theirs}, got {asked}: take another file for a new run, "
                "or resume it with its own settings"
            )
    return run.num_generations >= config.coevolution.generations


def build_run_evaluator(config: RunConfig, path: Path, crew: Crew) -> Evaluator:
    """Where the matches of a run are played: here, or on all ranks.

    Args:
        config: the run's settings.
        path: the run file.
        crew: who plays.
    """
    if crew.ranks is None:
        return build_evaluator(config, crew.notice)
    return RankEvaluator(Coordinator(crew.ranks, config, path.resolve(), crew.notice))


def _go_on(
    config: RunConfig,
    evaluator: Evaluator,
    populations: Populations,
    run_file: RunFile,
    crew: Crew,
    observers: Sequence[Observer],
) -> None:
    evaluator.pop_metrics()  # what was measured to estimate the cost belongs to no generation
    commit_all(
        coevolve(config, evaluator, populations, run_file.run.num_generations), config, run_file, crew, observers
    )


def commit_all(
    records: Iterable[Generation],
    config: RunConfig,
    run_file: RunFile,
    crew: Crew,
    observers: Sequence[Observer],
) -> None:
    """Bring generations to the disk as they come, and end between two of them when a signal says so.

    Args:
        records: the generations that are left, each made when it is asked for.
        config: the run's settings.
        run_file: the run.
        crew: who makes them.
        observers: are shown each generation.

    Raises:
        RunFileError: a generation cannot be written.
        Stopped: a signal said so; the run can be resumed.
    """
    run_file.begin(crew.begin_session(run_file.run.num_generations))
    crew.notice.begin_generation()
    for record in records:
        run_file.commit(record)
        for observe in observers:
            observe(record)
        if record.generation + 1 < config.coevolution.generations:
            crew.notice.end_generation()
            crew.notice.begin_generation()


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


def estimate_cost(config: RunConfig, evaluator: Evaluator, crew: Crew, first_generation: int) -> Cost:
    """What is left of a run will take, from a short measurement with random networks."""
    settings, horizon, spec = config.coevolution, config.rules.horizon, evaluator.session.spec
    left = range(first_generation, settings.generations)
    trained = sum(sum(waves_of_generation(config, spec, generation)) for generation in left)
    return Cost(
        env_steps_per_generation=trained * horizon // len(left),
        held_out_env_steps=sum(measured_matches(settings, spec, generation) for generation in left) * horizon,
        generations=len(left),
        env_steps_per_second=measure_speed(config, evaluator),
        players=describe_players(config, crew),
        warnings=tuple(list_warnings(config, evaluator, crew)),
    )


def measured_matches(settings: CoevolutionConfig, spec: ObservationSpec, generation: int) -> int:
    """Matches of a generation that nothing is selected by."""
    matches = 0
    if held_out_is_due(settings, generation):
        scripted = sum(len(held_out_opponents(spec, side)) for side in Side)
        guests = 2 * len(settings.held_out_runs) if len(spec.teams) > 1 else 0
        matches += (scripted + guests) * settings.held_out_episodes + settings.recorded_matches
    if progress_is_due(settings, generation) and len(spec.teams) > 1:
        matches += (3 if generation else 1) * settings.progress_episodes
    return matches


def describe_players(config: RunConfig, crew: Crew) -> str:
    """Who plays the matches, and where, in a line."""
    if crew.ranks is not None:
        return crew.ranks.describe()
    count = config.physics.num_threads or usable_cores()
    return f"{count} thread{'s' * (count != 1)} of one process on {socket.gethostname()}"


def list_warnings(config: RunConfig, evaluator: Evaluator, crew: Crew) -> list[str]:
    """What makes ranks slower than they could be, a line each."""
    if crew.ranks is None or not isinstance(evaluator, RankEvaluator):
        return []
    found = crew.ranks.warnings()
    if config.physics.num_threads > 1:
        found.append(f"physics.num_threads is {config.physics.num_threads}, but each rank plays on one thread")
    if evaluator.coordinator.num_threads > 1:
        found.append(f"torch computes on {evaluator.coordinator.num_threads} threads in a rank, one is quicker")
    return found


def measure_speed(config: RunConfig, evaluator: Evaluator) -> float:
    """Env steps per second with random networks, measured on one batch per thread or rank."""
    session = evaluator.session
    generator = torch.Generator().manual_seed(config.seed)
    rosters = {
        side: session.roster(side, torch.randn(8, session.genome_lengths[side], generator=generator)) for side in Side
    }
    rows = np.arange(evaluator.num_worlds) % 8
    table = MatchTable(rows, rows, np.arange(len(rows), dtype=np.int64))
    # The first match compiles the kernels, which is not what the run will cost.
    evaluator.evaluate(next(table.batches(1)), rosters, physics="search")
    start = time.perf_counter()
    evaluator.evaluate(table, rosters, physics="search")
    return len(table) * config.rules.horizon / (time.perf_counter() - start)
