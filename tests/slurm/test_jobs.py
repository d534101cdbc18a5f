"""Shipped scripts and `evo-hns submit` on a real Slurm.

The clock of Slurm is coarse and machines are of all speeds, so nothing here depends on when something happens, only on
what is there afterwards. All jobs are in the queue together; those that are ended by hand come first.
"""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from evo_hns.archive import RunFile
from evo_hns.archive.records import Run
from evo_hns.cli import main
from tests.runs import assert_same_bits
from tests.slurm.conftest import GENERATIONS, Site, with_slow_disk
from tests.slurm.lab import processes, wait_until

pytestmark = pytest.mark.slow

CANCELLED, KILLED = "runs/cancelled.h5", "runs/killed.h5"
TWO_NODES = ("--nodes=2", "slurm/many-nodes.sbatch", "tiny")


@dataclass(frozen=True)
class Queue:
    """Jobs that are in the queue together, by their numbers."""

    requeued: str
    cancelled: str
    killed: str
    two_nodes: str
    array: str
    dead: str


@pytest.fixture(scope="module")
def queue(site: Site, unbroken: dict[int, Run]) -> Queue:
    """All of them, the slowest first: they wait for a slow disk, beside each other. What they must equal is there."""
    del unbroken
    with pytest.MonkeyPatch.context() as patch:
        enter(site, patch, PYTHONPATH=with_slow_disk())
        words = "tiny --array 3 --nodes 2 --ranks-per-node 1 --time 2 --grace 60"
        requeued = submit(*words.split())["job"]
    site.wait_for_generations("runs/tiny-seed3.h5", 1)  # its first session is short
    return Queue(
        requeued,
        cancelled=site.sbatch("slurm/one-node.sbatch", "tiny", "--run", CANCELLED, PYTHONPATH=with_slow_disk()),
        killed=site.sbatch(*TWO_NODES, "--run", KILLED, PYTHONPATH=with_slow_disk()),
        two_nodes=site.sbatch(*TWO_NODES),
        array=site.sbatch("--array=3,4", "slurm/array.sbatch", "tiny"),
        dead=site.sbatch("slurm/one-node.sbatch", "tiny", "--search.popsize", "0"),
    )


def enter(site: Site, patch: pytest.MonkeyPatch, **environment: str) -> None:
    """Be a user of the cluster, in the project's folder."""
    patch.chdir(site.folder)
    for name, value in {**site.lab.environment, **environment}.items():
        patch.setenv(name, value)


def submit(*words: str) -> dict[str, str]:
    """What `evo-hns submit --json` answers."""
    import contextlib
    import io

    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        assert main(["submit", *words, "--json"]) == 0
    answer: dict[str, str] = json.loads(shown.getvalue())
    return answer


def assert_completed(site: Site, job: str) -> dict[str, str]:
    told = site.lab.wait(job)
    assert (told["JobState"], told["ExitCode"]) == ("COMPLETED", "0:0"), site.logs()
    return told


def test_a_cancelled_run_is_whole_and_stays_out_of_the_queue(site: Site, queue: Queue) -> None:
    job = queue.cancelled
    site.wait_for_generations(CANCELLED, 2)
    site.lab.ask("scancel", job)
    told = site.lab.wait(job)
    assert (told["JobState"], told["Restarts"]) == ("CANCELLED", "0")
    wait_until(lambda: not list(processes(site.lab.folder, SLURM_JOB_ID=job)), "the ranks to end", seconds=30)
    assert 2 <= site.generations(CANCELLED) < GENERATIONS
    assert "back into the queue" not in (site.folder / f"evo-hns-{job}.out").read_text()


def test_a_killed_rank_ends_the_job_and_the_run_goes_on_when_submitted_again(
    site: Site, queue: Queue, unbroken: dict[int, Run]
) -> None:
    job = queue.killed
    site.wait_for_generations(KILLED, 2)
    [rank] = [pid for pid in processes(site.lab.folder, SLURM_JOB_ID=job, SLURM_PROCID="1") if is_python(pid)]
    os.kill(rank, signal.SIGKILL)
    told = site.lab.wait(job, seconds=30)  # the limit of the job is hours away
    assert (told["JobState"], told["Restarts"]) == ("FAILED", "0")
    done = site.generations(KILLED)
    assert 2 <= done < GENERATIONS

    again = site.sbatch(*TWO_NODES, "--run", KILLED)
    assert_completed(site, again)
    run = RunFile.read(site.folder / KILLED)
    assert f"generation {done:4}" in (site.folder / f"evo-hns-{again}.out").read_text()
    assert_same_bits(run, unbroken[3])


def is_python(pid: int) -> bool:
    """Whether it is a rank, and not what Slurm has around it."""
    return b"mpi4py" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_run_on_two_nodes_has_the_numbers_of_one_process(site: Site, queue: Queue, unbroken: dict[int, Run]) -> None:
    told = assert_completed(site, queue.two_nodes)
    assert told["NodeList"] == "n[1-2]"
    log = (site.folder / f"evo-hns-{queue.two_nodes}.out").read_text()
    assert "playing on 2 ranks" in log
    assert_same_bits(RunFile.read(site.folder / f"runs/tiny-{queue.two_nodes}.h5"), unbroken[3])


def test_an_array_is_a_run_for_each_seed(site: Site, queue: Queue, unbroken: dict[int, Run]) -> None:
    for seed in (3, 4):
        assert_completed(site, f"{queue.array}_{seed}")
        assert (site.folder / f"evo-hns-{queue.array}_{seed}.out").exists()
        assert_same_bits(RunFile.read(site.folder / f"runs/tiny-{queue.array}_{seed}.h5"), unbroken[seed])


def test_a_job_that_dies_at_once_is_not_put_into_the_queue_again(site: Site, queue: Queue) -> None:
    told = site.lab.wait(queue.dead)
    assert (told["JobState"], told["ExitCode"], told["Restarts"]) == ("FAILED", "2:0", "0"), site.logs()


def test_a_run_that_needs_more_than_its_time_goes_on_in_the_next_session_to_the_same_numbers(
    site: Site, queue: Queue, unbroken: dict[int, Run]
) -> None:
    told = assert_completed(site, f"{queue.requeued}_3")
    restarts = int(told["Restarts"])  # one where the machine is quick enough
    assert 1 <= restarts < 5
    assert_same_bits(RunFile.read(site.folder / "runs/tiny-seed3.h5"), unbroken[3])
    log = (site.folder / f"runs/tiny-seedX-{queue.requeued}_3.out").read_text()
    for session in range(1, restarts + 2):
        assert log.count(f", session {session}, on n[1-2]:") == 1
