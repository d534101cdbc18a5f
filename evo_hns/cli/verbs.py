"""What the command can do: a verb is a dataclass whose fields are its options and whose call does the work.

Libraries are imported inside the calls, so that `--help` is instant. Each call is one call of the
library and prints what it answers; figures also as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Protocol

import tyro
from tyro.conf import FlagConversionOff, FlagCreatePairsOff, Positional, UseAppendAction

from evo_hns import config
from evo_hns.experiment import load_experiment


class AnySetting(config.Settings):
    """The settings of an experiment. `hiders.` or `seekers.` before `policy` or `search` speaks of one side."""

    world: config.WorldConfig = config.WorldConfig()
    rules: config.RulesConfig = config.RulesConfig()
    physics: config.PhysicsConfig = config.PhysicsConfig()
    policy: config.PolicyConfig = config.PolicyConfig()
    search: config.SearchConfig = config.SearchConfig()
    coevolution: config.CoevolutionConfig = config.CoevolutionConfig()


Experiment = Annotated[Positional[str], tyro.conf.arg(metavar="EXPERIMENT")]
RunPath = Annotated[Positional[Path], tyro.conf.arg(metavar="RUN")]
File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]
Folder = Annotated[Path | None, tyro.conf.arg(metavar="DIR")]
Count = Annotated[int | None, tyro.conf.arg(metavar="INT")]
Text = Annotated[str | None, tyro.conf.arg(metavar="INT")]
"""A setting: checked with all the others, so that the complaint is the same."""
Json = Annotated[FlagCreatePairsOff[bool], tyro.conf.arg(name="json")]
Settings = Annotated[UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="set", metavar="KEY=VALUE")]
Help = Annotated[FlagConversionOff[AnySetting], tyro.conf.arg(name="")]
"""Lists every setting in `--help`. Values travel in `Settings`: only what was typed may win over the file."""


class Verb(Protocol):
    """What the command can do."""

    def __call__(self) -> None:
        """Do it."""


@dataclass(frozen=True)
class Train:
    """Start a run of an experiment."""

    experiment: Experiment
    """A TOML file, or the name of one under experiments/."""
    run: File = None
    """The run file to create; by default runs/EXPERIMENT.h5, numbered if that exists."""
    generations: Text = None
    """Short for --coevolution.generations."""
    seed: Text = None
    """Decides every random number of the run."""
    tensorboard: Folder = None
    """Also write the metrics for TensorBoard into this folder."""
    as_json: Json = False
    """Print each generation as a line of JSON."""
    settings: Settings = ()
    """Any setting; --search.popsize 64 is short for --set search.popsize=64."""
    known: Help = field(default_factory=AnySetting)

    def __call__(self) -> None:
        """Train, and say where the run is."""
        shorthands = {"seed": self.seed, "coevolution.generations": self.generations}
        typed = [f"{key}={value}" for key, value in shorthands.items() if value is not None]
        resolved = load_experiment(self.experiment, [*self.settings, *typed])
        from evo_hns.cli.progress import display
        from evo_hns.training import train

        path = self.run or free_path(Path("runs") / f"{Path(self.experiment).stem}.h5")
        with display(as_json=self.as_json, tensorboard=self.tensorboard) as shown:
            train(resolved, path, announce=shown.announce, observers=[shown.observe])
        print_next(path, as_json=self.as_json)


@dataclass(frozen=True)
class Resume:
    """Continue a run that was stopped, to the same numbers; or extend one that is finished."""

    run: RunPath
    """The run file."""
    generations: Count = None
    """A new total of generations."""
    tensorboard: Folder = None
    """Also write the metrics for TensorBoard into this folder."""
    as_json: Json = False
    """Print each generation as a line of JSON."""

    def __call__(self) -> None:
        """Train on, and say where the run is."""
        from evo_hns.cli.progress import display
        from evo_hns.training import resume

        with display(as_json=self.as_json, tensorboard=self.tensorboard) as shown:
            resume(self.run, generations=self.generations, announce=shown.announce, observers=[shown.observe])
        print_next(self.run, as_json=self.as_json)


@dataclass(frozen=True)
class Bench:
    """Measure where the time goes: bare physics, the rules, the networks, a whole generation."""

    experiment: Experiment = "quadrant"
    """A TOML file, or the name of one under experiments/."""
    as_json: Json = False
    """Print JSON."""
    settings: Settings = ()
    """Any setting; --physics.num-worlds 64 is short for --set physics.num_worlds=64."""

    def __call__(self) -> None:
        """Print the rate of each layer."""
        resolved = load_experiment(self.experiment, self.settings)
        from evo_hns.analysis.bench import bench

        result = bench(resolved)
        if self.as_json:
            print_json(result.as_dict())
            return
        print(f"{result.num_worlds} worlds, one thread, env steps per second and share of the bare physics:")
        for name, rate in result.rates.items():
            print(f"  {name:<18} {rate.env_steps_per_second:>10,.0f}  {result.share(name):6.1%}")


@dataclass(frozen=True)
class Doctor:
    """Say what works on this machine, and what to do about what does not."""

    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Print findings; exit code 1 if something needed is broken."""
        from evo_hns.analysis.doctor import diagnose

        findings = diagnose()
        if self.as_json:
            print_json([vars(finding) for finding in findings])
        else:
            print("\n".join(map(str, findings)))
        if any(finding.needed and not finding.ok for finding in findings):
            raise SystemExit(1)


VERBS: dict[str, type[Verb]] = {
    "train": Train,
    "resume": Resume,
    "bench": Bench,
    "doctor": Doctor,
}


def free_path(path: Path) -> Path:
    """The path itself, or with the first number from 2 on that no file has."""
    candidates = (path, *(path.with_stem(f"{path.stem}-{number}") for number in range(2, 10_000)))
    return next(candidate for candidate in candidates if not candidate.exists())


def print_next(path: Path, *, as_json: bool) -> None:
    """What can be done with a run now."""
    if as_json:
        print_json({"run": path})
    else:
        print(f"the run is in {path}; look at it with: evo-hns info {path}")


def print_json(figures: Any) -> None:
    """One line of JSON; what JSON cannot say (a path, an array) as its text."""
    import json

    print(json.dumps(figures, default=str), flush=True)
