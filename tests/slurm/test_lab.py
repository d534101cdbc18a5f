"""The cluster of the tests leaves nothing behind, whatever happens to them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.slurm import lab
from tests.slurm.lab import missing_programs, processes, wait_until

DIES = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from lab import lab
with lab() as cluster:
    cluster.ask("sbatch", "--wrap", "sleep 600", cwd=cluster.folder)
    print(cluster.folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(bool(missing_programs()), reason="Slurm is not installed")
def test_nothing_is_left_of_a_cluster_whose_tests_were_killed() -> None:
    command = [sys.executable, "-c", DIES, str(Path(lab.__file__).parent)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    folder = Path(done.stdout.strip())
    wait_until(lambda: not folder.exists() and not list(processes(folder)), "the guard", seconds=30)
