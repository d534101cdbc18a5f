"""What one asks of Slurm for a run, or for the runs of several seeds, and whether the files allow it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evo_hns.cluster.notation import Seeds, format_time
from evo_hns.config import ConfigError, RunConfig

TASK = "%a"
"""Stands for the number of an array task in the names of runs, as it does in Slurm's names of logs."""

SAID_OTHERWISE = {
    **dict.fromkeys(("job-name", "output", "error"), "the name of --run"),
    **dict.fromkeys(("ntasks", "ntasks-per-node"), "--ranks-per-node"),
    **dict.fromkeys(("mem", "mem-per-cpu"), "--memory"),
    **{"time": "--time", "nodes": "--nodes", "array": "--array", "signal": "--grace"},
    **dict.fromkeys(("requeue", "no-requeue", "open-mode"), "the script: a job goes on in its log when it is requeued"),
    "chdir": "the folder in which you submit",
}
"""Options of sbatch that a job sets itself, and what decides them."""


@dataclass(frozen=True)
class Job:
    """What is submitted."""

    experiment: str  #: as `train` takes it
    options: tuple[str, ...]  #: of `train`, without the run and without the seeds of an array
    run: Path  #: with `%a` in its name if there are seeds
    seeds: Seeds | None  #: a job for each
    nodes: int  #: for each
    ranks_per_node: int
    time: int  #: the limit of each session, seconds
    grace: int  #: seconds between the warning and the end
    memory: int | None = None  #: MB on each node; 0: all of it; None: what the run needs
    headers: Mapping[str, str] = field(default_factory=dict)  #: further options of sbatch; empty: one without a value

    @property
    def name(self) -> str:
        """What it is called in the queue."""
        return self.run.stem.replace(TASK, "X")

    @property
    def script(self) -> Path:
        """Where its script is kept: beside the run."""
        return self.run.with_name(f"{self.name}.sbatch")

    @property
    def log(self) -> Path:
        """Slurm's pattern for its log: beside the run."""
        return self.run.with_name("%x-%A_%a.out" if self.seeds else "%x-%j.out")

    def log_of(self, number: str) -> Path:
        """The log of a job that has its number; of an array the first."""
        number = f"{number}_{self.seeds.values[0]}" if self.seeds else number
        return self.run.with_name(f"{self.name}-{number}.out")

    @property
    def runs(self) -> list[Path]:
        """Every run file that it writes."""
        return [run_of(self.run, seed) for seed in self.seeds.values] if self.seeds else [self.run]


def run_of(pattern: Path, seed: int) -> Path:
    """The run file of one seed."""
    return pattern.with_name(pattern.name.replace(TASK, str(seed)))


def free_run(experiment: str, *, has_seeds: bool, folder: Path = Path("runs")) -> Path:
    """`runs/EXPERIMENT.h5` (`...-seed%a.h5`), or numbered from 2 on: the first that no run and no script has."""
    name = Path(experiment).stem
    ending = f"-seed{TASK}" if has_seeds else ""
    names = [name, *(f"{name}-{number}" for number in range(2, 10_000))]
    paths = (folder / f"{candidate}{ending}.h5" for candidate in names)
    return next(path for path in paths if not any(_taken(path)))


def _taken(path: Path) -> Iterator[Path]:
    yield from path.parent.glob(path.name.replace(TASK, "*"))
    yield from path.parent.glob(f"{path.stem.replace(TASK, 'X')}.sbatch")


def check_job(job: Job) -> None:
    """Refuse what cannot work, wherever it is submitted.

    Raises:
        ConfigError: it cannot; the first reason.
    """
    for option, number in {"--nodes": job.nodes, "--ranks-per-node": job.ranks_per_node, "--grace": job.grace}.items():
        if number < 1:
            raise ConfigError(f"{option}: got {number}, expected 1 or more")
    if job.time < 2 * job.grace:
        raise ConfigError(
            f"--time: got {format_time(job.time)}, of which the last {job.grace} s are for coming to an end: "
            f"expected at least {format_time(2 * job.grace)}, or a smaller --grace"
        )
    _check_headers(job)
    _check_name(job)
    _check_folder(job.run.parent)


def _check_headers(job: Job) -> None:
    for name, value in job.headers.items():
        if name in SAID_OTHERWISE:
            raise ConfigError(f"--sbatch: got {name}, which is said by {SAID_OTHERWISE[name]}")
        if "\n" in value:
            raise ConfigError(f"--sbatch: got {name} with a line break, expected one line")


def _check_name(job: Job) -> None:
    has_task = TASK in job.run.name
    if job.run.suffix != ".h5" or "%" in str(job.run).replace(TASK, "") or TASK in str(job.run.parent):
        raise ConfigError(f"--run: got {job.run}, expected a file that ends in .h5, its only % the {TASK} of seeds")
    if job.seeds and not has_task:
        example = job.run.with_stem(f"{job.run.stem}-{TASK}")
        raise ConfigError(
            f"--run: got {job.run} for all seeds of --array, expected {TASK} where the seed belongs: {example}"
        )
    if has_task and not job.seeds:
        raise ConfigError(f"--run: got {job.run}, but {TASK} stands for a seed of --array, and there is none")


def _check_folder(folder: Path) -> None:
    there = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise ConfigError(f"nothing can be written into {folder.resolve()}; choose another place with --run")


def check_runs(job: Job, config: RunConfig) -> str:
    """Refuse runs that `train` could not go on with.

    Returns:
        What will go on, for people; empty if all begins.

    Raises:
        ConfigError: a run has other settings, or none has anything left to do.
        RunFileError: a file is no run.
    """
    seeds = job.seeds.values if job.seeds else [config.seed]
    settings = {path: config.model_copy(update={"seed": seed}) for path, seed in zip(job.runs, seeds, strict=True)}
    there = [path for path in job.runs if path.exists()]
    if not there:
        return ""
    from evo_hns.archive import RunFile
    from evo_hns.training.driver import is_finished

    finished = [path for path in there if is_finished(path, settings[path])]
    if finished == job.runs:
        planned = config.coevolution.generations
        raise ConfigError(f"{job.run} has all its {planned} generations: ask for more, or take another name")
    done = [RunFile.read(path).num_generations for path in there]
    if job.seeds is None:
        return f"{job.run} has {done[0]} of {config.coevolution.generations} generations and goes on from there"
    return f"{len(there)} of {len(job.runs)} runs are there and go on: they have {sum(done)} generations"
