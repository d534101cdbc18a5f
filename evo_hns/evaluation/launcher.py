"""The program that starts MPI ranks on this machine, and whether it goes with the MPI library at hand."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PROBE = "from mpi4py import MPI; print(MPI.COMM_WORLD.size)"
PROBE_SECONDS = 30.0


def find_launcher() -> str:
    """The `mpiexec` beside the interpreter, which came with its MPI library, or else the one that the shell finds."""
    beside = Path(sys.executable).parent / "mpiexec"
    return str(beside) if beside.is_file() else shutil.which("mpiexec") or ""


def why_not(launcher: str) -> str:
    """Why ranks cannot be started with a launcher; empty if they can."""
    if not launcher:
        return "no mpiexec is found: pip install 'evo_hns[mpi]', or load your cluster's MPI module"
    try:
        words = [launcher, "-n", "2", sys.executable, "-c", PROBE]
        answer = subprocess.run(words, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{launcher} does not start two ranks ({error})"
    if answer.returncode:
        said = (answer.stderr.strip() or answer.stdout.strip() or f"exit code {answer.returncode}").splitlines()
        return f"{launcher} does not start two ranks: {said[-1]}"
    if "".join(answer.stdout.split()) != "22":  # whose lines may be mixed
        return f"{launcher} and the MPI library of mpi4py do not belong together: take the mpiexec of that library"
    return ""
