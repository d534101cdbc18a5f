"""Real launchers and real processes: what the tests of ranks share."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from evo_hns.archive.records import Run
from evo_hns.archive.run_file import RunFile
from evo_hns.mpi.launcher import find_launcher
from tests.runs import as_toml, tiny

PATIENCE = 300.0  # seconds: for a machine that has much else to do
MARK = "EVO_HNS_TEST_FOLDER"


@pytest.fixture(scope="session")
def launcher() -> str:
    """The `mpiexec` that goes with the MPI library at hand."""
    if importlib.util.find_spec("mpi4py") is None or not find_launcher():
        pytest.skip("needs MPI: the extra mpi")
    return find_launcher()


class Program(subprocess.Popen[str]):
    """A program whose words go into files: a pipe that nobody reads is full some day, and it would wait for ever."""

    def __init__(
        self, command: Sequence[str], folder: Path, theirs: Mapping[str, str], files: tuple[IO[str], IO[str]]
    ) -> None:
        self._files = files
        super().__init__(command, stdout=files[0], stderr=files[1], cwd=folder, start_new_session=True, env=theirs)

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        """What it said, when it has ended."""
        self.wait(timeout)
        for file in self._files:
            file.seek(0)
        return self._files[0].read(), self._files[1].read()


Start = Callable[..., Program]


@pytest.fixture
def start(launcher: str, tmp_path: Path) -> Iterator[Start]:
    """Starts ranks with some words of `evo-hns`."""
    with starter([launcher], environment(tmp_path), tmp_path) as start:
        yield start


@pytest.fixture
def typed(launcher: str, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Types a command of `evo-hns` as a user does, who has no launcher in mind."""
    with runner(environment(tmp_path), tmp_path) as run:
        yield partial(run, sys.executable, "-m", "evo_hns")


@contextlib.contextmanager
def starter(launcher: Sequence[str], theirs: Mapping[str, str], folder: Path) -> Iterator[Start]:
    """Starts ranks with a launcher."""
    with runner(theirs, folder) as run:

        def start(num_ranks: int, *words: str, program: Sequence[str] = ("-m", "evo_hns")) -> Program:
            return run(*launcher, "-n", str(num_ranks), sys.executable, "-m", "mpi4py", *program, *words)

        yield start


@contextlib.contextmanager
def runner(theirs: Mapping[str, str], folder: Path) -> Iterator[Start]:
    """Starts programs in sessions of their own; whatever is left of them, ranks included, ends in the end."""
    started: list[Program] = []
    with contextlib.ExitStack() as stack:

        def run(*command: str) -> Program:
            said, complained = (stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(2))
            started.append(Program(command, folder, theirs, (said, complained)))
            return started[-1]

        yield run
        for process in started:
            process.kill()
            process.wait()
        for pid in ranks_in(folder).values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def environment(folder: Path) -> dict[str, str]:
    """The environment of a user who has this project; its ranks are known by the folder they work for."""
    root = str(Path(__file__).parents[2])
    return os.environ | {"PYTHONPATH": root, "PYTHONUNBUFFERED": "1", MARK: str(folder)}


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., str]:
    """Writes the settings of a run of seconds as an experiment file, and answers with its name."""

    def write(**changes: object) -> str:
        path = tmp_path / "tiny.toml"
        path.write_text(as_toml(tiny(**changes)))
        return str(path)

    return write


def whole(process: Program, path: Path) -> Run:
    """The run of ranks that come to their end."""
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return RunFile.read(path)


def ranks_in(folder: Path) -> dict[int, int]:
    """Process ids by rank, of those that `start` has started for a folder."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        variables = dict(word.split(b"=", 1) for word in words if b"=" in word)
        number = variables.get(b"PMI_RANK", variables.get(b"OMPI_COMM_WORLD_RANK"))
        if number is not None and b"mpi4py" in command and variables.get(MARK.encode()) == os.fsencode(folder):
            found[int(number)] = int(entry.name)
    return found


def until(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait for something.

    Raises:
        TimeoutError: it did not happen.
    """
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.1)  # asking costs what is waited for some processor time


def generations_in(path: Path) -> int:
    """Whole generations in a run file, 0 if it is not there yet."""
    return RunFile.read(path).num_generations if path.exists() else 0
