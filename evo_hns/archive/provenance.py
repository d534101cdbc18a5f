"""Where a run comes from: versions, machine, source and settings, noted when it starts.

And what trains it: each of its sessions, noted when that one starts.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from evo_hns.archive.records import RunMeta, TrainingSession
from evo_hns.config import RunConfig

LIBRARIES = ("numpy", "torch", "mujoco", "evotorch", "h5py", "stable_baselines3", "sb3_contrib")
"""Libraries whose version can change the numbers of a run."""


def describe(config: RunConfig, schema_version: int) -> RunMeta:
    """The origin of a run that starts now, here, with these settings."""
    return RunMeta(
        schema_version=schema_version,
        project_version=_version("evo_hns"),
        created=_now(),
        seed=config.seed,
        platform=platform.platform(),
        git_commit=git_commit(Path(__file__).resolve().parents[2]),
        versions=versions(),
        config_json=config.model_dump_json(),
    )


def begin_session(
    first_generation: int, num_ranks: int, hosts: Sequence[str], mpi: str, environ: Mapping[str, str] = os.environ
) -> TrainingSession:
    """The session of a run that starts now, in the Slurm job that the environment names, if any.

    Args:
        first_generation: the run's next one.
        num_ranks: MPI ranks; 1 without MPI.
        hosts: the machine of each rank; names may repeat.
        mpi: what the MPI library says of itself, of which the first line is kept; empty without.
        environ: environment variables.
    """
    job = slurm_job(environ)
    restarts = environ.get("SLURM_RESTART_COUNT", "")  # unset before the first restart
    return TrainingSession(
        started=_now(),
        first_generation=first_generation,
        num_ranks=num_ranks,
        hosts=tuple(dict.fromkeys(hosts)),
        mpi=" ".join(mpi.replace("\0", "").strip().partition("\n")[0].split()),
        job=job,
        restarts=int(restarts) if job and _is_number(restarts) else 0,
    )


def slurm_job(environ: Mapping[str, str]) -> str:
    """Slurm's id of the job, `123`, or `123_4` for a task of an array; empty outside Slurm."""
    array = [environ.get(name, "") for name in ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID")]
    if all(map(_is_number, array)):
        return "_".join(array)
    job = environ.get("SLURM_JOB_ID", "")
    return job if _is_number(job) else ""


def versions() -> dict[str, str]:
    """Versions of Python and the libraries, as they are here."""
    return {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES}


def git_commit(folder: Path) -> str:
    """The commit a folder is at, with `-dirty` if it was edited; empty if it is no repository's top."""
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
