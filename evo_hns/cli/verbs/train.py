"""Verbs that train."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from evo_hns.cli.console import (
    as_typed_again,
    can_go_on,
    check_place,
    free_path,
    hinting,
    show,
    show_result,
    tell_of_twin,
)
from evo_hns.cli.options import (
    AnySetting,
    Count,
    Experiment,
    File,
    Flag,
    Folder,
    Help,
    Json,
    Origin,
    Project,
    Ranks,
    RunPath,
    SeedList,
    Settings,
    Text,
    TrainerName,
)
from evo_hns.cli.run_context import no_check, start_ranks, workers
from evo_hns.cli.seeds import SEED, SeedRuns
from evo_hns.config import ConfigError, RunConfig
from evo_hns.experiment import load_experiment, refuse_unused
from evo_hns.system.machine import launched_ranks

if TYPE_CHECKING:
    from evo_hns.archive.records import HeldOutRow
    from evo_hns.cli.progress import Display
    from evo_hns.cli.trackers import Tracker, TrackerOptions
    from evo_hns.training.context import RunContext


@dataclass(frozen=True)
class Train:
    """Start a run of an experiment: evolution, or whatever trainer it names."""

    experiment: Experiment
    """A TOML file, or the name of one that is shipped or in a folder experiments/ here."""
    run: File = None
    """The run file to create; by default runs/EXPERIMENT.h5, numbered if that exists."""
    trainer: TrainerName = None
    """Who trains: evolution, or ppo, the baseline; by default what the experiment says."""
    generations: Text = None
    """Short for --coevolution.generations."""
    seed: Text = None
    """Decides every random number of the run."""
    seeds: SeedList = None
    """A run for each of these seeds, one after the other: 0-9 or 1,3,5. --run then has {seed} in its name; by default
    it is runs/EXPERIMENT-seed{seed}.h5. Runs that are there go on: typed again, the command does what is left."""
    init_from: Origin = None
    """Begin at champions of another run, with the sigma that its searches had: RUN (the last of both sides), or
    RUN:side/k."""
    resume: Flag = False
    """Go on if the run file is there already, with the same settings."""
    ranks: Ranks = None
    """Play on so many MPI ranks of this machine; `auto` takes its physical cores, or this process without MPI."""
    shrink: Flag = False
    """Go on with the ranks that are left when one dies (Open MPI with ULFM only)."""
    tensorboard: Folder = None
    """Also write the metrics for TensorBoard into this folder."""
    wandb: Project = None
    """Also send the metrics to this project of Weights & Biases; with WANDB_MODE=offline into ./wandb."""
    report: Flag = False
    """Write the page of `report` when the run is finished."""
    as_json: Json = False
    """Print each generation as a line of JSON."""
    settings: Settings = ()
    """Any setting; --search.popsize 64 is short for --set search.popsize=64."""
    known: Help = field(default_factory=AnySetting)

    def __call__(self) -> None:
        """Train, and say where the run is."""
        config = self._config()
        if self.seeds is not None:
            self._train_seeds(self.seeds, config)
            return
        if self.resume and self.run is None:
            raise ConfigError("--resume needs the file to go on with: --run FILE")
        if self.run is not None and SEED in self.run.name:
            raise ConfigError(f"--run: got {self.run}, but {SEED} stands for a seed of --seeds, and there is none")
        path = self.run or free_path(self.experiment)
        check = partial(check_place, path, "--run", is_new=not self.resume)
        start_ranks(ranks_of_trainer(config, self.ranks), check)
        with workers(shrink=self.shrink, check=check) as context:
            if context is None:
                return
            from evo_hns.cli.trackers import TrackerOptions
            from evo_hns.training.driver import is_finished

            path = context.inherited or path
            if self.run is None and context.inherited is None:
                tell_of_twin(self.experiment, config)
            goes_on = path.exists() and (self.resume or context.inherited is not None)
            if goes_on and is_finished(path, config):
                print(f"{path} has all its generations already", file=sys.stderr)
                return
            told = TrackerOptions(self.tensorboard, self.wandb)
            with shown(self, path, config, told) as seen:
                _train(config, path, context, *seen, goes_on=goes_on)
        write_page(self, path)

    def _train_seeds(self, seeds: str, config: RunConfig) -> None:
        """Train whatever is missing of several runs, and say what they came to."""
        if self.seed is not None or any(each.partition("=")[0] == "seed" for each in self.settings):
            raise ConfigError("--seed: got one beside --seeds, which gives each run its own; leave one of them out")
        runs = SeedRuns.parse(seeds, self.run, self.experiment, config)
        start_ranks(ranks_of_trainer(config, self.ranks), runs.check_places)
        with workers(shrink=self.shrink, check=runs.check_places) as context:
            if context is None:
                return
            from evo_hns.cli.progress import display
            from evo_hns.cli.trackers import TrackerOptions, trackers

            say, told = (lambda _: None) if self.as_json else show, TrackerOptions(self.tensorboard, self.wandb)
            show(runs.as_dict() if self.as_json else runs.plan())
            with hinting(f"to go on, type the same again: {as_typed_again()}"):
                for number, each in enumerate(runs.runs):
                    if each.is_finished:
                        continue
                    say(f"\nseed {each.seed}, run {number + 1} of {len(runs.runs)}: {each.path}")
                    shows = display(each.config, measured(each.path), as_json=self.as_json)
                    with trackers(told.of_run(each.path), each.path, each.config) as others, shows as seen:
                        _train(each.config, each.path, context, seen, others, goes_on=each.path.exists())
                    if self.as_json:
                        show({"run": each.path, "seed": each.seed})
            say(f"\nAll runs are done. Look at what they learnt:\n{runs.what_now()}")
        write_page(self, *(each.path for each in runs.runs))

    def _config(self) -> RunConfig:
        """The settings that the user asks for."""
        shorthands = {"trainer": self.trainer, "seed": self.seed, "coevolution.generations": self.generations}
        typed = [f"{key}={value}" for key, value in shorthands.items() if value is not None]
        config, origins = load_experiment(self.experiment, [*self.settings, *typed]), list[str]()
        if self.init_from is not None:
            origins = self._origins(self.init_from, config)
            config = load_experiment(self.experiment, [*origins, *self.settings, *typed])
        from evo_hns.training.base import TRAINERS

        trainer = TRAINERS[config.trainer]
        refuse_unused([*self.settings, *origins], trainer.takes, f"{trainer.title} does not take this setting")
        return config

    def _origins(self, text: str, config: RunConfig) -> list[str]:
        """Where the searches begin, as settings; what the user says of their spread stands."""
        from evo_hns.training.external_players import begin_at

        told = {each.partition("=")[0].replace("-", "_") for each in self.settings}
        found = begin_at(text, config)
        return [f"{name}={value}" for name, value in found.items() if not {name, name.partition(".")[2]} & told]


@dataclass(frozen=True)
class Resume:
    """Continue a run that was stopped, to the same numbers; or extend one that is finished."""

    run: RunPath
    """The run file."""
    generations: Count = None
    """A new total of generations."""
    ranks: Ranks = None
    """Play on so many MPI ranks of this machine; `auto` takes its physical cores, or this process without MPI."""
    shrink: Flag = False
    """Go on with the ranks that are left when one dies (Open MPI with ULFM only)."""
    tensorboard: Folder = None
    """Also write the metrics for TensorBoard into this folder."""
    wandb: Project = None
    """Also send the metrics to this project of Weights & Biases; with WANDB_MODE=offline into ./wandb."""
    report: Flag = False
    """Write the page of `report` when the run is finished."""
    as_json: Json = False
    """Print each generation as a line of JSON."""

    def __call__(self) -> None:
        """Train on, and say where the run is."""
        from evo_hns.archive import RunView

        with RunView(self.run) as view:
            config = view.config
        check = partial(check_place, self.run)
        start_ranks(ranks_of_trainer(config, self.ranks), check)
        with workers(shrink=self.shrink, check=check) as context:
            if context is None:
                return
            from evo_hns.cli.trackers import TrackerOptions
            from evo_hns.training.driver import extended

            config, told = extended(config, self.generations), TrackerOptions(self.tensorboard, self.wandb)
            with shown(self, self.run, config, told) as seen:
                _train(config, self.run, context, *seen, goes_on=True)
        write_page(self, self.run)


@dataclass(frozen=True)
class Measure:
    """Measure the champions of several generations of a run against held-out players, into its file."""

    run: RunPath
    """The run file; it must not be training."""
    every: int = 10
    """Generations from one measurement to the next; the first and the last are measured, too. What is measured already
    stays: typed again, it goes on."""
    ranks: Ranks = None
    """Play on so many MPI ranks of this machine; `auto` takes its physical cores, or this process without MPI."""
    shrink: Flag = False
    """Go on with the ranks that are left when one dies (Open MPI with ULFM only)."""
    as_json: Json = False
    """Print each measurement as a line of JSON."""

    def __call__(self) -> None:
        """Measure, and show what was learnt."""
        check = partial(check_place, self.run) if self.run.exists() else no_check
        start_ranks(self.ranks, check)
        with workers(shrink=self.shrink, check=check) as context:
            if context is None:
                return
            from evo_hns.cli.progress import measuring
            from evo_hns.training.remeasurement import measure_run

            hint = f"to go on, type the same again: {as_typed_again()}"
            with hinting(hint), measuring(as_json=self.as_json) as display:
                measure_run(self.run, self.every, context=context, announce=display.announce, observe=display.observe)
        show_result(self.run, as_json=self.as_json)


def _train(
    config: RunConfig, path: Path, context: RunContext, display: Display, others: Sequence[Tracker], *, goes_on: bool
) -> None:
    """Begin a run, or go on with it."""
    from evo_hns.training.driver import resume, train

    announce, observers = display.announce, [each.observe for each in (display, *others)]
    if goes_on:
        total = config.coevolution.generations
        resume(path, generations=total, context=context, announce=announce, observers=observers)
    else:
        train(config, path, context=context, announce=announce, observers=observers)


@contextmanager
def shown(
    verb: Train | Resume, path: Path, config: RunConfig, told: TrackerOptions
) -> Iterator[tuple[Display, Sequence[Tracker]]]:
    """Show a run while it is trained, what it has come to at its end, and how it goes on if it is stopped.

    Args:
        verb: how it was asked for.
        path: the run file.
        config: its settings, up to its last generation.
        told: other programs that are told of it.
    """
    from evo_hns.cli.progress import display
    from evo_hns.cli.trackers import trackers

    shows = display(config, measured(path), path=path, as_json=verb.as_json)
    with can_go_on(path, *_goes_on_with(verb)), trackers(told, path, config) as others, shows as seen:
        yield seen, others
    show_result(path, as_json=verb.as_json, has_page=verb.report)


def _goes_on_with(verb: Train | Resume) -> list[object]:
    """The options with which a run was trained, and goes on."""
    valued = {"--ranks": verb.ranks, "--tensorboard": verb.tensorboard, "--wandb": verb.wandb}
    flags = {"--shrink": verb.shrink, "--report": verb.report, "--json": verb.as_json}
    typed = [word for name, value in valued.items() if value is not None for word in (name, value)]
    return [*typed, *(name for name, given in flags.items() if given)]


def write_page(verb: Train | Resume, *paths: Path) -> None:
    """Write a page of runs, if that is asked for; when no rank waits any more."""
    if verb.report:
        from evo_hns.cli.verbs.viewing import Report

        Report(paths, as_json=verb.as_json)()


def measured(path: Path) -> tuple[HeldOutRow, ...]:
    """What was measured of a run, if it is there."""
    from evo_hns.archive import RunView

    if not path.exists():
        return ()
    with RunView(path) as view:
        return view.held_out


def ranks_of_trainer(config: RunConfig, asked: str | None) -> str | None:
    """The ranks to start for the trainer of a run, before any library is loaded.

    Raises:
        ConfigError: the trainer is not installed, or trains in one process and several are asked for or there.
    """
    from evo_hns.training.base import TRAINERS

    trainer = TRAINERS[config.trainer]
    trainer.check_installed()
    if trainer.on_ranks:
        return asked
    if (there := launched_ranks()) > 1:
        raise ConfigError(f"{trainer.title} trains in one process, but a launcher started {there}: run it without one")
    if asked not in (None, "auto", "1"):
        raise ConfigError(f"--ranks {asked}: {trainer.title} trains in one process: leave --ranks out")
    return None
