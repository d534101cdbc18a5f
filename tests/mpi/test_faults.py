"""Ranks that raise, die or are told to end: the job ends at once, and the run goes on to the same numbers."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from evo_hns.archive.records import Run
from evo_hns.archive.run_file import RunFile
from evo_hns.cli.errors import USER_ERROR
from evo_hns.system.shutdown import EXIT_CODES
from evo_hns.training.driver import resume
from tests.mpi.conftest import PATIENCE, Program, Start, generations_in, ranks_in, until, whole
from tests.runs import assert_same_bits, ignore, run_whole, tiny

LONG = {"coevolution": {"generations": 40_000}}  # no machine comes to the end while a test runs

FAULTY = """
import sys
from evo_hns.cli import main
from evo_hns.mpi import coordinator, worker
from mpi4py import MPI

def fail(*args, **kwargs):
    raise ZeroDivisionError("a fault put in by hand")

if MPI.COMM_WORLD.rank == {rank}:
    {where} = fail
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("rank", "where"),
    [
        (0, "coordinator.Scheduler._answer"),
        (1, "worker.Worker.play"),
        pytest.param(0, "coordinator.Coordinator.pop_metrics", marks=pytest.mark.release),
        pytest.param(2, "worker.build_rank_sessions", marks=pytest.mark.release),
    ],
)
def test_an_exception_on_any_rank_ends_all_with_its_traceback(
    rank: int, where: str, start: Start, tmp_path: Path, settings: Callable[..., str]
) -> None:
    (tmp_path / "faulty.py").write_text(FAULTY.format(rank=rank, where=where))
    num_ranks = max(2, rank + 1)
    process = start(num_ranks, "train", settings(**LONG), "--run", "run.h5", program=["faulty.py"])
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert f"rank {rank} of {num_ranks} on " in said
    assert "ZeroDivisionError: a fault put in by hand" in said
    assert said.count("Traceback") == 1
    until(lambda: ranks_in(tmp_path) == {}, patience=10)


@pytest.fixture
def live(start: Start, tmp_path: Path, settings: Callable[..., str]) -> Callable[..., Program]:
    """Lets a long run live on, until it has two generations more."""
    path, experiment = tmp_path / "run.h5", settings(**LONG)

    def begin(num_ranks: int) -> Program:
        done = generations_in(path)
        process = start(num_ranks, "train", experiment, "--run", "run.h5", "--resume")
        until(lambda: process.poll() is not None or generations_in(path) >= done + 2)
        return process

    return begin


@pytest.mark.parametrize(
    ("sessions", "another"),
    [(((3, 1),), 1), pytest.param(((2, 0), (2, "launcher")), 3, marks=pytest.mark.release)],
    ids=str,
)
def test_a_killed_rank_ends_all_and_resume_on_another_number_gives_the_same_numbers(
    sessions: tuple[tuple[int, int | str], ...],
    another: int,
    live: Callable[[int], Program],
    start: Start,
    tmp_path: Path,
) -> None:
    for num_ranks, victim in sessions:
        process = live(num_ranks)
        pids = ranks_in(tmp_path)
        assert sorted(pids) == list(range(num_ranks))
        os.kill(process.pid if victim == "launcher" else pids[victim], signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
        assert process.returncode != 0
        until(lambda: ranks_in(tmp_path) == {}, patience=30)
    assert_goes_on_to_the_same_numbers(start, tmp_path / "run.h5", another)
    done = [session.num_ranks for session in RunFile.read(tmp_path / "run.h5").sessions]
    assert done == [*(num_ranks for num_ranks, _ in sessions), another]


def reference(folder: Path, generations: int) -> Run:
    """The unbroken run of one process; held-out measurements of the last generation are in both."""
    return run_whole(folder / "unbroken.h5", tiny(coevolution={"generations": generations}))


def assert_goes_on_to_the_same_numbers(start: Start, path: Path, num_ranks: int) -> None:
    """Resume a run for a generation more; one process does so without MPI."""
    total = generations_in(path) + 1
    if num_ranks == 1:
        resume(path, generations=total, announce=ignore, observers=[])
    else:
        whole(start(num_ranks, "resume", str(path), "--generations", str(total)), path)
    assert_same_bits(RunFile.read(path), reference(path.parent, total))


def has_moved(process: Program, path: Path, done: int) -> bool:
    """Whether a job has ended, or its run has more generations than were done."""
    return process.poll() is not None or generations_in(path) > done


@pytest.mark.release
def test_a_run_killed_at_dozens_of_random_moments_on_changing_ranks_ends_in_the_same_numbers(
    start: Start, tmp_path: Path, settings: Callable[..., str]
) -> None:
    rng = np.random.default_rng(4)
    path, generations, kills = tmp_path / "run.h5", 60, 0
    experiment = settings(coevolution={"generations": generations})
    while (done := generations_in(path)) < generations:
        process = start(int(rng.integers(2, 4)), "train", experiment, "--run", "run.h5", "--resume")
        until(partial(has_moved, process, path, done))
        time.sleep(rng.uniform(0, 0.3))
        pids = ranks_in(tmp_path)
        if kills < 24 and pids:
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(pids[int(rng.choice(sorted(pids)))], signal.SIGKILL)
                kills += 1
        process.communicate(timeout=PATIENCE)
    assert kills >= 12
    assert_same_bits(RunFile.read(path), reference(tmp_path, generations))


@pytest.mark.parametrize(
    "sessions",
    [
        ((2, signal.SIGTERM, 1),),  # to the launcher: see the launch of ranks, which Ctrl-C ends
        pytest.param(((2, signal.SIGUSR1, "launcher"), (2, signal.SIGTERM, 1)), marks=pytest.mark.release),
        pytest.param(((3, signal.SIGUSR1, 2), (2, signal.SIGINT, 0)), marks=pytest.mark.release),
    ],
    ids=["worker", "launcher and worker", "worker and coordinator"],
)
def test_a_signal_to_any_rank_stops_all_in_agreement(
    sessions: tuple[tuple[int, signal.Signals, int | str], ...],
    live: Callable[[int], Program],
    tmp_path: Path,
) -> None:
    for num_ranks, signum, target in sessions:
        process = live(num_ranks)
        os.kill(process.pid if target == "launcher" else ranks_in(tmp_path)[target], signum)
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == EXIT_CODES[signum]
        assert f"evo-hns: stopped by {signum.name}: to go on: " in said
        assert "Traceback" not in said
    path = tmp_path / "run.h5"
    total = generations_in(path) + 1
    resume(path, generations=total, announce=ignore, observers=[])
    assert_same_bits(RunFile.read(path), reference(tmp_path, total))


@pytest.mark.parametrize(
    "words",
    [
        ["train", "EXPERIMENT", "--run", "/proc/run.h5"],
        pytest.param(["train", "nonsense"], marks=pytest.mark.release),
        pytest.param(["resume", "absent.h5"], marks=pytest.mark.release),
    ],
    ids=" ".join,
)
def test_a_users_mistake_is_told_once_and_ends_all_ranks(
    words: list[str], start: Start, settings: Callable[..., str]
) -> None:
    experiment = settings()
    process = start(2, *(word.replace("EXPERIMENT", experiment) for word in words))
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == USER_ERROR
    assert said.count("evo-hns: ") == 1
    assert "Traceback" not in said
