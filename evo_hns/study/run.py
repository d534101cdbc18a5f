"""A study is run: a process for each run, as many at a time as there are cores.

Whatever is killed loses a generation or a measurement, and the same call goes on. A process ends with the one that
started it, however that one ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from evo_hns.archive.storage import RunFileError, make_folder
from evo_hns.config import ConfigError
from evo_hns.evaluation.fitness import MatchesFailedError
from evo_hns.study.job import Job, Progress
from evo_hns.study.measurement import Measured
from evo_hns.study.plan import Study

Results = dict[str, dict[int, list[Measured]]]
"""What was measured, by arm and seed."""


def run_study(study: Study, folder: Path, cores: int, observe: Callable[[Progress], None]) -> Results:
    """Train and measure whatever is missing.

    Args:
        study: its plan.
        folder: of the run files and of what was measured; it is made.
        cores: processes at a time.
        observe: is called with how far each run is.

    Raises:
        ConfigError: a run that cannot be trained or measured; others keep what they have.
        RunFileError: a run file cannot be read or written.
    """
    make_folder(folder / "any")
    jobs = jobs_of(study, folder)
    there = {job.name: job.measured() for job in jobs}
    _work([job for job in jobs if there[job.name] is None], cores, observe)
    found: Results = {arm.name: {} for arm in study.arms}
    for job in jobs:
        measured = there[job.name] or job.measured()
        if measured is None:
            raise ConfigError(f"{job.run} or {job.kept} changed while the study was running: run it again")
        found[job.arm.name][job.seed] = measured
    return found


def jobs_of(study: Study, folder: Path) -> list[Job]:
    """Its runs, the first seed of all arms first."""
    return [Job(study, arm, seed, folder) for seed in study.seeds for arm in study.arms]


def _work(jobs: list[Job], cores: int, observe: Callable[[Progress], None]) -> None:
    waiting, running = deque(jobs), list[_Worker]()
    try:
        while waiting or running:
            while waiting and len(running) < cores:
                running.append(_Worker(waiting.popleft()))
            ready = wait([worker.told for worker in running])
            for worker in [worker for worker in running if worker.told in ready]:
                message = worker.receive()
                if message is None:
                    running.remove(worker)
                else:
                    observe(message)
    finally:
        for worker in running:
            worker.process.kill()


class _Worker:
    """A process that does a job."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self._job = job
        self.told, tells = context.Pipe(duplex=False)
        ends, self._alive = context.Pipe(duplex=False)  # is closed with this process, however that ends
        self.process: SpawnProcess = context.Process(target=_do, args=(job, tells, ends), daemon=True)
        self.process.start()
        tells.close()
        ends.close()

    def receive(self) -> Progress | None:
        """What it tells; None when it is done.

        Raises:
            ConfigError: it failed.
        """
        try:
            message = self.told.recv()
        except EOFError:
            self.process.join()
            if self.process.exitcode:
                raise ConfigError(
                    f"{self._job.name}: its process ended with code {self.process.exitcode} (memory?); run it again"
                ) from None
            return None
        if isinstance(message, str):
            raise ConfigError(f"{self._job.name}: {message}")
        progress: Progress = message
        return progress


def _do(job: Job, tells: Connection, ends: Connection) -> None:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started it answers
    threading.Thread(target=_end_with_parent, args=(ends,), daemon=True).start()
    try:
        job.do(tells.send)
    except (ConfigError, RunFileError, MatchesFailedError) as error:
        tells.send(str(error))
    except Exception:
        tells.send(traceback.format_exc())


def _end_with_parent(ends: Connection) -> None:
    try:
        ends.recv()
    except EOFError:
        os._exit(1)
