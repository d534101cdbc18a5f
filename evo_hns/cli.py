"""The command `evo-hns`: words in, one library call, words out.

A verb is a dataclass whose fields are its options and whose call does the work. Libraries are
imported inside the calls, so that `--help` is instant. Threads and seeds are set here and nowhere
else. A user's mistake ends in one line on stderr and exit code 2, an interrupt in 130.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Protocol

import tyro
from tyro.conf import FlagConversionOff, FlagCreatePairsOff, Positional, UseAppendAction

from evo_hns import config
from evo_hns.config import ConfigError
from evo_hns.experiment import did_you_mean, load_experiment

SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Libraries under the batches must not start threads of their own: two levels of threads are 2-30 times slower."""

INTERRUPTED = 130
BROKEN_PIPE = 141
USER_ERROR = 2


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
        from evo_hns.progress import display
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
        from evo_hns.progress import display
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


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb.

    Args:
        argv: what was typed after `evo-hns`; by default the process' own arguments.

    Returns:
        The exit code.
    """
    for name in SINGLE_THREADED:
        os.environ.setdefault(name, "1")
    try:
        parse(sys.argv[1:] if argv is None else argv)()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (`| head`) has seen enough; the exit must not flush into it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("evo-hns: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if not is_user_error(error):
            raise
        print(f"evo-hns: {error}", file=sys.stderr)
        return USER_ERROR
    return 0


def is_user_error(error: Exception) -> bool:
    """Whether one line says it all: a wrong setting, a file that is not there or not a run."""
    if isinstance(error, ConfigError | OSError):
        return True
    from evo_hns.archive import RunFileError

    return isinstance(error, RunFileError)


def parse(argv: Sequence[str]) -> Verb:
    """The verb that was typed, with its options.

    Raises:
        ConfigError: the words make no sense; one line.
        SystemExit: help or the version was asked for and printed.
    """
    name, *words = argv or ["--help"]
    if name in ("-h", "--help", "--version"):
        print(f"evo-hns {version('evo_hns')}" if name == "--version" else overview())
        raise SystemExit(0)
    if name not in VERBS:
        raise ConfigError(f"no verb {name!r}{did_you_mean(name, VERBS)}; there are: {', '.join(VERBS)}")
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(VERBS[name], prog=f"evo-hns {name}", args=gather_settings(words))
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ConfigError(f"{one_line(complaint.getvalue())}; see evo-hns {name} --help") from None


def overview() -> str:
    """The verbs, each with its first line."""
    lines = [f"  {name:<10}{(verb.__doc__ or '').splitlines()[0]}" for name, verb in VERBS.items()]
    return "\n".join(["usage: evo-hns VERB ...   (evo-hns VERB --help tells what a verb takes)", "", *lines])


def gather_settings(argv: Sequence[str]) -> list[str]:
    """The same words with every `--table.key VALUE` written as `--set table.key=VALUE`.

    Several numbers after one key are a list: `--rules.restrict-rect 0 0 6 6`.

    Raises:
        ConfigError: a setting without a value.
    """
    words, gathered = deque(argv), []
    while words:
        word = words.popleft()
        key, equals, value = word.partition("=")
        if not key.startswith("--") or "." not in key:
            gathered.append(word)
            continue
        values = [value] if equals else _take_values(words)
        if not values:
            raise ConfigError(f"{key} needs a value, for instance --search.popsize 64")
        text = values[0] if len(values) == 1 else f"[{', '.join(values)}]"
        gathered += ["--set", f"{key.removeprefix('--')}={text}"]
    return gathered


def one_line(complaint: str) -> str:
    """What is wrong and what was perhaps meant, out of the box that the option parser draws."""
    lines = [line.strip(" │╭╮╰╯─") for line in complaint.splitlines()]
    what, _, hint = "\n".join(lines[1:]).partition("\n\n")
    near = [word for word in hint.split() if word.startswith("--")] if hint.startswith("Perhaps") else []
    text = " ".join(what.split())
    return f"{text} (did you mean {near[0]}?)" if near else text


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


def _take_values(words: deque[str]) -> list[str]:
    """The next word, unless it is an option, and the numbers that follow it."""
    values: list[str] = []
    while words and not words[0].startswith("--") and (not values or _is_number(words[0])):
        values.append(words.popleft())
    return values


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
