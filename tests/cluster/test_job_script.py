"""What happens inside a job, with programs that take Slurm's place: a signal, an exit code, and what follows."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.slurm.lab import wait_until

SHIPPED = Path(__file__).parents[2] / "slurm"

INFO = """read -r done <"$4"; echo '{"generations": {"done": '$done', "planned": 40}, "jobs": []}'"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shipped scripts, and programs that say that they were called."""
    shutil.copytree(SHIPPED, tmp_path / "slurm")
    (tmp_path / "bin").mkdir()
    # Takes the place of `python -m evo_hns info RUN --json`: a run file of these tests holds how far it is.
    write_program(tmp_path / "python", INFO)
    for name in ("scontrol", "sleep"):
        write_program(tmp_path / "bin" / name, f'echo "{name} $*"')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def start(project: Path, ranks: str, script: str = "one-node.sbatch", **environment: str) -> subprocess.Popen[str]:
    """Start a job whose ranks are a bash program."""
    write_program(project / "ranks", ranks)
    with (project / "slurm" / "site.sh").open("a") as site:
        site.write(f"PYTHON={project}/python LAUNCH=({project}/ranks)\n")
    told = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n1", "PATH": f"{project}/bin:/usr/bin:/bin"}
    words = ["bash", f"slurm/{script}", "quadrant"]
    return subprocess.Popen(words, env=told | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("code", [0, 1, 137, 143])
def test_a_job_ends_with_what_its_ranks_end_with(project: Path, code: int) -> None:
    job = start(project, f"touch runs/quadrant-7.h5; exit {code}")
    shown, _ = job.communicate()
    assert job.returncode == code
    assert "scontrol" not in shown


@pytest.mark.parametrize(
    ("script", "name", "environment"),
    [
        ("one-node.sbatch", "7", {}),
        ("array.sbatch", "5_3", {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": "3"}),
    ],
)
def test_a_run_that_stopped_in_time_goes_back_into_the_queue_and_waits_for_slurm_to_end_it(
    project: Path, script: str, name: str, environment: dict[str, str]
) -> None:
    job = start(project, f"echo 1 >runs/quadrant-{name}.h5; exit 75", script, **environment)
    shown, _ = job.communicate()
    assert shown.splitlines()[-2:] == [f"scontrol requeue {name}", "sleep 600"]


@pytest.mark.parametrize("before", [None, "3"])
def test_a_session_without_a_generation_is_the_last_one_though_it_writes_the_file(
    project: Path, before: str | None
) -> None:
    (project / "runs").mkdir()
    if before:
        (project / "runs" / "quadrant-7.h5").write_text(before)
    job = start(project, f"echo {before or 0} >runs/new; mv runs/new runs/quadrant-7.h5; exit 75")
    shown, _ = job.communicate()
    assert job.returncode == 75
    assert "scontrol" not in shown
    assert "Not one generation was finished in this session" in shown


def test_the_warning_reaches_the_ranks_and_their_end_is_waited_for(project: Path) -> None:
    ranks = """
        trap 'echo "warned, $EVO_HNS_SHUTDOWN_TIMEOUT s left"; touch warned' USR1
        touch ready
        for _ in {1..200}; do [ -e warned ] && break; /bin/sleep 0.05; done
        /bin/sleep 0.3
        echo "saved in $OMP_NUM_THREADS thread of ${SRUN_CPUS_PER_TASK-none}"
        exit 3
    """
    job = start(project, ranks, SLURM_CPUS_PER_TASK="4")
    wait_until((project / "ready").exists, "the ranks", seconds=20)
    os.kill(job.pid, signal.SIGUSR1)
    shown, _ = job.communicate(timeout=20)
    assert shown.splitlines()[-2:] == ["warned, 300 s left", "saved in 1 thread of 4"]
    assert job.returncode == 3


@pytest.mark.parametrize(("done", "follows"), [(4, "scontrol requeue 7"), (40, None)])
def test_a_launcher_that_loses_the_exit_code_is_seen_through(project: Path, done: int, follows: str | None) -> None:
    (project / "runs").mkdir()
    (project / "runs" / "quadrant-7.h5").write_text("3")
    ranks = f"trap 'echo {done} >runs/quadrant-7.h5; exit 0' USR1; touch ready"
    ranks += "; for _ in {1..200}; do /bin/sleep 0.05; done"
    job = start(project, ranks)
    wait_until((project / "ready").exists, "the ranks", seconds=20)
    os.kill(job.pid, signal.SIGUSR1)
    shown, _ = job.communicate(timeout=20)
    assert job.returncode == (75 if follows else 0)
    assert ("scontrol" in shown) == bool(follows)
    assert follows is None or follows in shown


def test_a_job_without_an_experiment_says_what_it_expected(project: Path) -> None:
    done = subprocess.run(["bash", "slurm/one-node.sbatch"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected: sbatch SCRIPT EXPERIMENT" in done.stderr
