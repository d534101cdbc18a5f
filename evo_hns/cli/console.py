"""What verbs have in common around their call: where a run goes, how it goes on, and how an answer is shown."""

from __future__ import annotations

import itertools
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from evo_hns.cli.text.tables import best_champions, gains_table, json_text
from evo_hns.config import ConfigError
from evo_hns.spec import Side
from evo_hns.system import interrupt
from evo_hns.system.shell import shell_command
from evo_hns.system.shutdown import Stopped
from evo_hns.system.telling import Tell

if TYPE_CHECKING:
    from evo_hns.archive.records import RunFacts
    from evo_hns.config import RunConfig

WORDS: ContextVar[Sequence[str]] = ContextVar("words", default=())
"""What was typed after the command."""

TYPED = "EVO_HNS_COMMAND"
"""Environment variable: how the user types the command, for processes that are started in another way."""


def free_path(experiment: str) -> Path:
    """`runs/EXPERIMENT.h5`, or with the first number from 2 on that no file has."""
    return next(path for path in _default_paths(experiment) if not path.exists())


def tell_of_twin(experiment: str, config: RunConfig) -> None:
    """Say on the standard error if a run of the same settings and seed has one of the default names already."""
    from evo_hns.archive import RunView
    from evo_hns.archive.storage import RunFileError

    for path in itertools.takewhile(Path.exists, _default_paths(experiment)):
        try:
            with RunView(path) as run:
                is_twin = run.config == config
        except RunFileError:  # it is of no concern here
            continue
        if is_twin:
            told = f"note: {path} has the same settings and seed, which give the same numbers; for others: --seed N"
            print(told, file=sys.stderr, flush=True)
            return


def _default_paths(experiment: str) -> Iterator[Path]:
    name = Path(experiment).stem
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return (Path("runs") / f"{each}.h5" for each in names)


def check_place(path: Path, option: str = "", *, is_new: bool = False) -> None:
    """Refuse a run or tournament that could not be kept, before libraries are loaded and ranks are started.

    Args:
        path: its file; its folder is made later on.
        option: with which another file can be chosen.
        is_new: it must not be there.

    Raises:
        ConfigError: it may not be written or locked, somebody else is writing it, or it is there.
    """
    from evo_hns.archive import storage
    from evo_hns.archive.run_file import RunFile

    try:
        if is_new:
            RunFile.check_free(path)
        storage.check_place(path)
    except storage.RunFileError as error:
        raise ConfigError(f"{error}{f' ({option} FILE)' if option else ''}") from None


@contextmanager
def can_go_on(path: Path, *options: object) -> Iterator[None]:
    """Let an interrupt or a signal say how the run continues, with these options."""
    with hinting(f"to go on: {as_typed('resume', path, *options)}"):
        yield


@contextmanager
def hinting(hint: str) -> Iterator[None]:
    """Let an interrupt or a signal say what to do now."""
    try:
        with interrupt.hinting(hint):
            yield
    except Stopped as stopped:
        raise Stopped(stopped.signum, hint) from None


def show_result(path: Path, *, as_json: bool, has_page: bool = False) -> None:
    """What a run has come to, and what can be done with it now.

    Args:
        path: its file.
        as_json: name the file alone.
        has_page: its page is written without being asked for again.
    """
    from evo_hns.archive import RunView
    from evo_hns.reports.info import gains

    if as_json:
        show({"run": path})
        return
    with RunView(path) as run:
        gained, config, best = gains_table(gains(run)), run.config, best_champions(run)
        draw(run)
    told = "\n\n".join(filter(None, ["", gained, best]))
    show(f"{told}\n\nThe run is in {path}.")
    trained = config.trained_sides  # of others, whom their opponents met
    players = [f"{path}:{s.label}/last" if s in trained else config.side(s.other).opponents[0] for s in Side]
    verbs = [("info", path), ("watch", path), ("evaluate", *players), ("tournament", path), ("report", path)]
    verbs = verbs if len(trained) == len(Side) else verbs[::2]
    show(proposed("Look at it, let its champions play, and see who is better:", *(verbs[:-1] if has_page else verbs)))


def draw(run: RunFacts) -> None:
    """Draw measurements of champions, if the output is a terminal and there is a curve to draw."""
    from evo_hns.cli.text.chart import can_draw, learning_chart, output

    console = output()
    if can_draw(console, run.held_out):
        console.print()
        console.print(learning_chart(run.held_out, run.num_generations, run.config.rules.most_return))


def as_typed(*words: object) -> str:
    """A command as the user types it."""
    return shell_command(*words, program=command())


def proposed(why: str, *commands: Sequence[object]) -> str:
    """What can be typed next, and why."""
    return "\n".join([why, *(f"  {as_typed(*words)}" for words in commands)])


def retyped(text: str) -> str:
    """A command of a page, which anybody may read, as this user types it."""
    return text if (words := text.removeprefix("evo-hns ")) == text else f"{command()} {words}"


def as_typed_again() -> str:
    """What was typed, to be typed once more."""
    return as_typed(*WORDS.get())


def command() -> str:
    """How the command can be typed again: as it was, its name if the shell finds it under that, or else its path."""
    if typed := os.environ.get(TYPED):
        return typed
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return "python -m evo_hns"
    found = shutil.which("evo-hns")
    by_path = program.is_file() and (found is None or not program.samefile(found))
    return shlex.quote(os.path.relpath(program)) if by_path else "evo-hns"


def show(answer: object) -> None:
    """Text as it is, anything else as one line of JSON."""
    print(answer if isinstance(answer, str) else json_text(answer), flush=True)


@contextmanager
def working(words: str, *, as_json: bool) -> Iterator[Tell]:
    """Show on a terminal what is done that takes long, and how far it is; elsewhere and beside JSON nothing.

    Args:
        words: what is done.
        as_json: the answer is for programs.

    Yields:
        What tells it how far the work is.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    words_column = TextColumn("{task.description}", markup=False)
    columns = (words_column, BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=as_json or not console.is_terminal) as shown:
        task = shown.add_task(words, total=None)
        yield lambda done, total: shown.update(task, total=total, advance=done)
