"""The training sessions of a run: the generations and the Slurm job of each, and the state of the last job.

Slurm is asked for a job with `squeue`, where that is at hand. It is this machine's Slurm that answers: told of
a run from another cluster, it knows the job not at all, or another one with the same number.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from itertools import pairwise

from evo_hns.archive.records import RunFacts, TrainingSession

TIME_LIMIT = 5.0
"""Seconds that Slurm is given to answer."""

_STATE = re.compile(r"[A-Z_]+")


@dataclass(frozen=True)
class Job:
    """A job of Slurm that trained a run, in one session or several."""

    name: str  #: Slurm's id of it, `123`, or `123_4` for a task of an array
    restarts: int  #: how often Slurm had restarted it when its last session began
    state: str  #: what Slurm says now if the run's last session was in it: RUNNING, PENDING, ...; else empty


def generations_of_sessions(run: RunFacts) -> list[range]:
    """The generations that each session did, whole ones only."""
    bounds = [*(session.first_generation for session in run.sessions), run.num_generations]
    return [range(first, end) for first, end in pairwise(bounds)]


def jobs(run: RunFacts) -> list[Job]:
    """The jobs of a run in the order in which they first trained it; Slurm is asked for the one of its last session."""
    restarts = {session.job: session.restarts for session in run.sessions if session.job}  # of the last
    last = run.sessions[-1].job if run.sessions else ""
    return [Job(name, count, job_state(name) if name == last else "") for name, count in restarts.items()]


def job_state(name: str) -> str:
    """What Slurm says of a job now: RUNNING, PENDING, ...; empty if it is gone, or Slurm does not answer in time."""
    command = ["squeue", "--noheader", "--jobs", name, "--format", "%T"]
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIME_LIMIT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    state = answer.stdout.strip()
    return state if _STATE.fullmatch(state) else ""


def describe_job(job: Job) -> dict[str, object]:
    """A job, for JSON."""
    return {"job": job.name, "restarts": job.restarts, "state": job.state}


def describe_session(session: TrainingSession, generations: range) -> dict[str, object]:
    """A session and how many generations it did, for JSON."""
    return {**vars(session), "hosts": list(session.hosts), "num_generations": len(generations)}
