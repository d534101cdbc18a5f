"""Who works on a run: this process, the ranks that a launcher started, or ranks that are started from here."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from evo_hns.cli.console import TYPED, WORDS, command
from evo_hns.cli.errors import exit_code, is_expected
from evo_hns.config import ConfigError
from evo_hns.mpi.launcher import find_launcher, local_environment, why_not
from evo_hns.system import interrupt
from evo_hns.system.machine import LAUNCHED, TERMINAL, cores_to_fill, launched_ranks
from evo_hns.system.shutdown import ShutdownSignal, read_shutdown_timeout

if TYPE_CHECKING:
    from evo_hns.training.context import RunContext

PATIENCE_OF_RANKS = 3.0
"""Seconds within which ranks agree that they end."""

Check = Callable[[], None]
"""Refuses what cannot be done, before anything is started."""

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def no_check() -> None:
    """Nothing is refused."""


@contextmanager
def workers(*, shrink: bool, check: Check = no_check) -> Iterator[RunContext | None]:
    """All processes that a launcher started: one trains, or does whatever else is inside, the others play for it.

    Args:
        shrink: go on without ranks that die.
        check: is done first by the coordinator; `start_ranks` does it where there are none yet.

    Yields:
        What the process has to know that does what is inside; None on all others, when it is done.
    """
    from evo_hns.mpi.communicator import join

    shutdown = ShutdownSignal(read_shutdown_timeout())
    # Before what takes seconds to import: ranks that cannot play together are refused at once.
    ranks = join(shrink=shrink)
    from evo_hns.mpi.worker import run_worker
    from evo_hns.training.context import RunContext

    if ranks is None:
        with shutdown.listening((signal.SIGTERM, signal.SIGUSR1)):
            yield RunContext(shutdown)
        return
    interrupt.take_time(PATIENCE_OF_RANKS)
    code = 0
    with shutdown.listening(FORWARDED):
        try:
            if ranks.is_coordinator:
                check()
                yield RunContext(shutdown, ranks)
            else:
                inherited = run_worker(ranks, shutdown)
                yield None if inherited is None else RunContext(shutdown, ranks, inherited)
        except BaseException as error:
            if not (ranks.is_coordinator and is_expected(error)):
                ranks.abort(error)
            code = exit_code(error)
            raise
        finally:
            is_coordinator = ranks.is_coordinator
            agreed, moment = ranks.leave(code)
            if "SLURM_STEP_ID" in os.environ:
                # `srun --kill-on-bad-exit` kills ranks that are left when the first one leaves with a code, and answers
                # with that of the killed: so the others leave at once, without one, and the coordinator after them.
                if agreed and not is_coordinator:
                    interrupt.end(0)
            elif agreed in interrupt.STOPPED:
                # MPICH's launcher kills ranks that are left soon after the first one left with a code, and answers
                # with what it makes of all codes: so all leave with the same one at the same time.
                interrupt.end_at(moment)
                if not is_coordinator:
                    interrupt.end(agreed)


def start_ranks(asked: str | None, check: Check = no_check) -> None:
    """Start this very command on several ranks, if that is asked for and has not happened yet.

    Args:
        asked: how many; `auto` fills the physical cores if MPI is at hand and takes this process alone if not.
        check: what is refused before ranks are started and libraries loaded. Of ranks that a launcher started one alone
            must not end before all are one world (`workers`).

    Raises:
        ConfigError: it is no such number, or ranks cannot be started here.
        SystemExit: it was done; with the exit code of the coordinator.
    """
    if launched_ranks() == 1:
        check()
    if asked is None:
        return
    if asked != "auto" and not (asked.isdigit() and int(asked) > 0):
        raise ConfigError(f"--ranks: got {asked!r}, expected a number from 1 on, or auto")
    if (there := launched_ranks()) > 1:
        if asked not in ("auto", str(there)):
            raise ConfigError(f"--ranks: got {asked}, but the launcher started {there} processes: leave --ranks out")
        return
    count = cores_to_fill() if asked == "auto" else int(asked)
    if count == 1:
        return
    launcher = find_launcher()
    if complaint := why_not(launcher):
        if asked == "auto":
            return
        raise ConfigError(f"--ranks {asked}: {complaint}")
    words = [launcher, "-n", str(count), sys.executable, "-m", "mpi4py", "-m", "evo_hns", *WORDS.get()]
    columns = str(shutil.get_terminal_size().columns) if sys.stdout.isatty() else ""
    theirs = {LAUNCHED: str(count), TYPED: command(), TERMINAL: columns, "PYTHONUNBUFFERED": "1"}
    raise SystemExit(run_launcher(words, local_environment() | theirs))


def run_launcher(words: list[str], environ: dict[str, str]) -> int:
    """Run a launcher in a session of its own, pass signals on to it, and answer with its exit code."""
    interrupt.take_time(PATIENCE_OF_RANKS + 0.5)
    with (
        subprocess.Popen(words, env=environ, stdin=subprocess.DEVNULL, start_new_session=True) as process,
        interrupt.undoing(lambda: _end_launcher(process)),
    ):

        def forward(signum: int, _: FrameType | None) -> None:
            if signum == signal.SIGINT in told:
                interrupt.end(interrupt.INTERRUPTED)
            told.add(signum)
            process.send_signal(signum)

        told: set[int] = set()
        for signum in FORWARDED:
            signal.signal(signum, forward)
        code = process.wait()
    return code if code >= 0 else 128 - code


def _end_launcher(launcher: subprocess.Popen[bytes], patience: float = 0.3) -> None:
    """End a launcher and its ranks at once and without a word; ranks with a signal before may remove their files."""
    started = descendants(launcher.pid)
    parents = {launcher.pid, *started.values()}
    ranks = started.keys() - parents
    for pid in sorted(parents & {launcher.pid, *started}):
        os.kill(pid, signal.SIGKILL)
    for signum in (signal.SIGINT, signal.SIGKILL):
        for pid in ranks:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)
        time.sleep(patience if ranks and signum == signal.SIGINT else 0.0)


def descendants(pid: int, processes: Path = Path("/proc")) -> dict[int, int]:
    """Children of a process, their children and so on, each with its parent; none where the system does not say."""
    parents: dict[int, int] = {}
    for path in processes.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found: dict[int, int] = {}
    generation = {pid}
    while generation:
        generation = {child for child, parent in parents.items() if parent in generation}
        found |= {child: parents[child] for child in generation}
    return found
