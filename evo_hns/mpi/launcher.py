"""The program that starts MPI ranks on this machine, and whether it goes with the MPI library at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from evo_hns.system.installation import how_to_install

PROBE = "from mpi4py import MPI; print(MPI.COMM_WORLD.size)"
PROBE_SECONDS = 30.0


def find_launcher() -> str:
    """The `mpiexec` beside the interpreter, which came with its MPI library, or else the one that the shell finds."""
    beside = Path(sys.executable).parent / "mpiexec"
    return str(beside) if beside.is_file() else shutil.which("mpiexec") or ""


def local_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment in which a launcher starts ranks on this machine, also inside an allocation of a cluster.

    There MPICH's launcher would ask the queueing system, which may not be reachable (a container has no `srun`) and
    may choose other machines. What the user says of the launcher wins.
    """
    return {"HYDRA_LAUNCHER": "fork", "HYDRA_RMK": "user", **environ}


def why_not(launcher: str) -> str:
    """Why ranks cannot be started with a launcher; empty if they can."""
    if not launcher:
        return f"no mpiexec is found: {how_to_install('mpi')}, or load your cluster's MPI module"
    try:
        words = [launcher, "-n", "2", sys.executable, "-c", PROBE]
        answer = subprocess.run(
            words, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False, env=local_environment()
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{launcher} does not start two ranks ({error})"
    if answer.returncode:
        said = (answer.stderr.strip() or answer.stdout.strip() or f"exit code {answer.returncode}").splitlines()
        return f"{launcher} does not start two ranks: {said[-1]}"
    if "".join(answer.stdout.split()) != "22":  # whose lines may be mixed
        return f"{launcher} and the MPI library of mpi4py do not belong together: take the mpiexec of that library"
    return ""
