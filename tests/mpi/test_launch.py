"""How ranks come to be: by a launcher, by `--ranks`, or not at all; and what is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evo_hns.archive.run_file import RunFile
from evo_hns.cli import main
from evo_hns.cli import run_context as crew
from evo_hns.config import ConfigError
from evo_hns.mpi.communicator import join
from evo_hns.mpi.launcher import why_not
from evo_hns.system.machine import launched_rank, launched_ranks
from tests.mpi.conftest import PATIENCE, Program, Start, environment, generations_in, ranks_in, until
from tests.runs import assert_same_bits, run_whole, tiny


@pytest.mark.parametrize(
    ("environ", "size", "rank"),
    [
        ({}, 1, 0),
        ({"PMI_SIZE": "3", "PMI_RANK": "2"}, 3, 2),
        ({"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "1", "PMIX_RANK": "1"}, 4, 1),
        ({"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "7"}, 8, 7),
        # mpiexec starts its proxies with srun, one for each node, and the ranks inherit what that sets
        ({"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1", "PMI_SIZE": "16", "PMI_RANK": "9"}, 16, 9),
        ({"SLURM_STEP_NUM_TASKS": "", "PMI_SIZE": "many"}, 1, 0),
    ],
)
def test_a_launcher_says_how_many_it_started(environ: dict[str, str], size: int, rank: int) -> None:
    assert launched_ranks(environ) == size
    assert launched_rank(environ) == rank


def test_alone_there_are_no_ranks() -> None:
    assert join(environ={}) is None
    with pytest.raises(ConfigError, match="--shrink needs ranks: start them with mpiexec --with-ft ulfm"):
        join(shrink=True, environ={})


def test_many_worlds_of_one_are_refused_with_the_remedy(launcher: str, tmp_path: Path) -> None:
    code = "from evo_hns.mpi.communicator import join; join(environ={'SLURM_STEP_NUM_TASKS': '4'})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(tmp_path), check=False
    )
    assert "the launcher started 4 processes, but MPICH" in done.stderr
    assert "sees 1: they do not belong together; take the mpiexec of that library" in done.stderr


def test_without_mpi4py_ranks_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"started as 3 processes without mpi4py: pip install .*'?mpi4py"):
        join(environ={"PMI_SIZE": "3"})


@pytest.mark.parametrize("asked", ["0", "-1", "many", "1.5", ""])
def test_a_number_of_ranks_that_is_none_is_refused(asked: str) -> None:
    with pytest.raises(ConfigError, match=r"--ranks: got .*, expected a number from 1 on, or auto"):
        crew.start_ranks(asked)


def test_another_number_than_the_launchers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_SIZE", "3")
    with pytest.raises(ConfigError, match="--ranks: got 4, but the launcher started 3 processes: leave --ranks out"):
        crew.start_ranks("4")
    crew.start_ranks("3")
    crew.start_ranks("auto")


def test_without_a_launcher_a_number_is_refused_and_auto_takes_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "find_launcher", lambda: "")
    monkeypatch.setattr(crew, "cores_to_fill", lambda: 4)
    crew.start_ranks("auto")
    with pytest.raises(ConfigError, match="--ranks 2: no mpiexec is found: pip install"):
        crew.start_ranks("2")


def test_a_launcher_that_fails_or_belongs_to_another_library_is_found_out(tmp_path: Path) -> None:
    launcher = tmp_path / "mpiexec"
    for script, complaint in (
        ("echo 1; echo 1", "do not belong together"),
        ("echo no slots >&2; exit 3", "does not start two ranks: no slots"),
        ("exit 3", "does not start two ranks: exit code 3"),
    ):
        launcher.write_text(f"#!/bin/sh\n{script}\n")
        launcher.chmod(0o755)
        assert complaint in why_not(str(launcher))
    assert "does not start two ranks" in why_not(str(tmp_path / "absent"))


def test_ranks_start_on_this_machine_inside_an_allocation_whose_slurm_is_out_of_reach(
    launcher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))  # without srun
    for name, value in {"JOB_ID": "7", "NODELIST": "n[1-2]", "NNODES": "2", "TASKS_PER_NODE": "2(x2)"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert why_not(launcher) == ""


@pytest.mark.release
def test_ranks_that_started_themselves_come_to_the_end(
    typed: Callable[..., Program], tmp_path: Path, settings: Callable[..., str]
) -> None:
    process = typed("train", settings(), "--run", "run.h5", "--ranks", "2")
    said, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, complaints
    assert said.startswith("The run goes into run.h5.\nplaying on 2 ranks on 1 host (")
    assert "python -m evo_hns info run.h5" in said
    assert_same_bits(RunFile.read(tmp_path / "run.h5"), run_whole(tmp_path / "alone.h5", tiny()))


def test_a_second_ctrl_c_ends_ranks_at_once(
    typed: Callable[..., Program], tmp_path: Path, settings: Callable[..., str]
) -> None:
    process = typed("train", settings(coevolution={"generations": 4000}), "--run", "run.h5", "--ranks", "2")
    until(lambda: generations_in(tmp_path / "run.h5") >= 2)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert generations_in(tmp_path / "run.h5") >= 2
    until(lambda: ranks_in(tmp_path) == {}, patience=10)
    assert [path.name for path in tmp_path.glob("*.tmp*")] == []


def test_ranks_start_themselves_and_ctrl_c_ends_them_and_says_how_to_go_on(
    typed: Callable[..., Program], tmp_path: Path, settings: Callable[..., str]
) -> None:
    process = typed("train", settings(coevolution={"generations": 400}), "--run", "run.h5", "--ranks", "2")
    until(lambda: generations_in(tmp_path / "run.h5") >= 2)
    process.send_signal(signal.SIGINT)
    told, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert told.startswith("The run goes into run.h5.\nplaying on 2 ranks on 1 host (")
    assert "evo-hns: stopped by SIGINT: to go on: python -m evo_hns resume run.h5" in said
    assert "Traceback" not in said
    until(lambda: ranks_in(tmp_path) == {}, patience=10)


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGUSR1, 75, marks=pytest.mark.release)]
)
def test_one_process_stops_on_a_signal_as_ranks_do(
    signum: signal.Signals, code: int, typed: Callable[..., Program], tmp_path: Path, settings: Callable[..., str]
) -> None:
    process = typed("train", settings(coevolution={"generations": 400}), "--run", "run.h5")
    until(lambda: generations_in(tmp_path / "run.h5") > 0)
    process.send_signal(signum)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert f"stopped by {signum.name}: to go on" in said


def test_resume_as_an_option_starts_goes_on_extends_and_finds_nothing_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["train", settings(), "--run", "run.h5", "--resume"]
    assert main([*words, "--generations", "2"]) == 0
    assert main(words) == 0
    assert RunFile.read(tmp_path / "run.h5").num_generations == 4
    capsys.readouterr()
    assert main(words) == 0
    assert "run.h5 has all its generations already" in capsys.readouterr().err
    assert main([*words, "--physics.num-worlds", "3"]) == 0  # changes no number
    assert main([*words, "--seed", "9"]) == 2
    assert "run.h5 is a run with seed = 3, got 9: take another file for a new run" in capsys.readouterr().err
    assert main(["train", settings(), "--resume"]) == 2
    assert "--resume needs the file to go on with: --run FILE" in capsys.readouterr().err


@pytest.mark.parametrize("most", [2, pytest.param(3, marks=pytest.mark.release)])
def test_bench_compares_numbers_of_ranks(most: int, start: Start, settings: Callable[..., str]) -> None:
    words = ["diagnose", "bench", settings(search={"popsize": 24}), "--ranks", str(most), "--rounds", "2", "--json"]
    said, complaints = start(most, *words).communicate(timeout=PATIENCE)
    answer = json.loads(said)
    measured = answer["measured"]
    assert [row["ranks"] for row in measured] == list(range(1, most + 1)), complaints
    assert [len(row["turns"]) for row in measured] == [2] * most
    one, last = measured[0], measured[-1]
    assert one["broadcast_bytes"] == pytest.approx(last["broadcast_bytes"], rel=0.01)
    received = [row["received_bytes"] for row in measured]
    assert received[0] == 0
    assert received == sorted(set(received))
    assert all(0 <= row["idle_share"] < 1 for row in measured)
    assert answer["model"]["coordinator_seconds"] > 0 < answer["model"]["report_seconds"]
    few = answer["predicted"][0]  # both efficiencies compare with the same generation on one rank
    assert few["num_ranks"] * few["seconds"] * few["efficiency"] == pytest.approx(one["model_seconds"])
    assert few["grown_seconds"] * few["grown_efficiency"] == pytest.approx(one["model_seconds"])
    assert answer["predicted"][-1]["num_ranks"] == 10_000


def test_bench_refuses_what_makes_no_sense(settings: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    experiment = settings()
    for words, complaint in (
        (["--ranks", "1"], "--ranks: there is only one, so that there is nothing to compare"),
        (["--ranks", "2", "--rounds", "0"], "--rounds: got 0, expected 1 or more"),
    ):
        assert main(["diagnose", "bench", experiment, *words]) == 2
        assert complaint in capsys.readouterr().err
