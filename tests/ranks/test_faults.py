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
from evo_hns.notice import EXIT_CODES
from tests.ranks.conftest import PATIENCE, Program, Start, generations_in, ranks_in, until, whole
from tests.runs import assert_same_bits, run_whole, tiny

LONG = {"coevolution": {"generations": 400}}

FAULTY = """
import sys
from evo_hns.cli.command import main
from evo_hns.evaluation import leading, serving
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
        (0, "leading.Leader.take_figures"),
        (0, "leading.Desk._answer"),
        (1, "serving.Server.play"),
        (2, "serving.build_rank_games"),
    ],
)
def test_an_exception_on_any_rank_ends_all_with_its_traceback(
    rank: int, where: str, start: Start, tmp_path: Path, settings: Callable[..., str]
) -> None:
    (tmp_path / "faulty.py").write_text(FAULTY.format(rank=rank, where=where))
    process = start(3, "train", settings(**LONG), "--run", "run.h5", program=["faulty.py"])
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert f"rank {rank} of 3 on " in said
    assert "ZeroDivisionError: a fault put in by hand" in said
    assert said.count("Traceback") == 1
    until(lambda: ranks_in(tmp_path) == {}, patience=10)


@pytest.mark.parametrize("victim", [0, 1, 2, "launcher"])
def test_a_killed_rank_ends_all_and_resume_on_another_number_gives_the_same_numbers(
    victim: int | str, start: Start, tmp_path: Path, settings: Callable[..., str]
) -> None:
    path = tmp_path / "run.h5"
    process = start(3, "train", settings(**LONG), "--run", "run.h5")
    until(lambda: generations_in(path) >= 3)
    pids = ranks_in(tmp_path)
    assert sorted(pids) == [0, 1, 2]
    os.kill(process.pid if victim == "launcher" else pids[victim], signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    until(lambda: ranks_in(tmp_path) == {}, patience=30)
    total = generations_in(path) + 2
    run = whole(start(2, "resume", str(path), "--generations", str(total)), path)
    assert [life.num_ranks for life in run.lives] == [3, 2]
    assert_same_bits(run, reference(tmp_path, total))


def reference(folder: Path, generations: int) -> Run:
    """The unbroken run of one process; held-out measurements of the last generation are in both."""
    return run_whole(folder / "unbroken.h5", tiny(coevolution={"generations": generations}))


def has_moved(process: Program, path: Path, done: int) -> bool:
    """Whether a job has ended, or its run has more generations than were done."""
    return process.poll() is not None or generations_in(path) > done


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
    ("signum", "target"),
    [(signal.SIGUSR1, "launcher"), (signal.SIGUSR1, 2), (signal.SIGTERM, 1), (signal.SIGTERM, 0), (signal.SIGINT, 0)],
)
def test_a_signal_to_any_rank_stops_all_in_agreement(
    signum: signal.Signals, target: int | str, start: Start, tmp_path: Path, settings: Callable[..., str]
) -> None:
    path = tmp_path / "run.h5"
    process = start(3, "train", settings(**LONG), "--run", "run.h5")
    until(lambda: generations_in(path) >= 2)
    os.kill(process.pid if target == "launcher" else ranks_in(tmp_path)[target], signum)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == EXIT_CODES[signum]
    assert f"evo-hns: stopped by {signum.name}: to go on from the last whole generation: " in said
    assert "Traceback" not in said
    total = generations_in(path) + 1
    run = whole(start(2, "resume", str(path), "--generations", str(total)), path)
    assert_same_bits(run, reference(tmp_path, total))


def test_a_users_mistake_is_told_once_and_ends_all_ranks(
    start: Start, tmp_path: Path, settings: Callable[..., str]
) -> None:
    experiment = settings()
    for words in (["train", "nonsense"], ["train", experiment, "--run", "/proc/run.h5"], ["resume", "absent.h5"]):
        process = start(3, *words)
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == USER_ERROR
        assert said.count("evo-hns: ") == 1
        assert "Traceback" not in said
