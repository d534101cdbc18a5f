"""The sessions of a run: the generations and jobs of each, and whether the last job is still there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evo_hns.archive import Generation, Run, RunFile, TrainingSession
from evo_hns.cli import main
from evo_hns.cli.text.tables import info_text, sessions_table
from evo_hns.config import RunConfig
from evo_hns.reports import sessions as module
from evo_hns.reports.info import describe_run
from evo_hns.reports.sessions import Job, generations_of_sessions, job_state, jobs
from evo_hns.spec import Side

SESSION = TrainingSession("2026-01-31T12:00:00+00:00", 0, 64, ("n1", "n2", "n3", "n4"), "MPICH", "1234", 0)
HOME = TrainingSession("2026-01-31T12:00:00+00:00", 0, 1, ("laptop",), "", "", 0)


@pytest.fixture(autouse=True)
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Slurm of this machine is asked."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@pytest.fixture
def squeue(tmp_path: Path) -> Callable[[str], Path]:
    """Puts a squeue on the PATH: a shell script; returned is the file in which it notes its words."""

    def install(script: str) -> Path:
        asked = tmp_path / "asked"
        program = tmp_path / "bin" / "squeue"
        program.write_text(f'#!/bin/sh\nPATH={os.defpath}\necho "$@" >> "{asked}"\n{script}\n')
        program.chmod(0o755)
        return asked

    return install


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[..., Run]:
    """A run of so many generations with these sessions, as it comes from its file."""

    def make(generations: int, *told: TrainingSession) -> Run:
        path = tmp_path / "run.h5"
        with RunFile.create(path, RunConfig(), dict.fromkeys(Side, 3)) as run_file:
            for generation in range(generations + 1):
                for session in told:
                    if session.first_generation == generation:
                        run_file.begin(session)
                if generation < generations:
                    run_file.commit(Generation(generation, {}, {}, {}))
        return RunFile.read(path)

    return make


FOUR = (
    SESSION,
    replace(SESSION, first_generation=3, restarts=1, started="2026-01-31T13:00:00+00:00"),
    replace(SESSION, first_generation=3, restarts=3, started="2026-01-31T14:00:00+00:00"),
    replace(SESSION, first_generation=4, job="1240_2", num_ranks=2, hosts=("n1",), started="2026-02-01T00:00:00+00:00"),
)


def test_a_life_did_the_generations_until_the_next_one(run_of: Callable[..., Run]) -> None:
    assert generations_of_sessions(run_of(6, *FOUR)) == [range(0, 3), range(3, 3), range(3, 4), range(4, 6)]


def test_generations_before_the_first_known_life_are_nobodys(run_of: Callable[..., Run]) -> None:
    assert generations_of_sessions(run_of(5, replace(HOME, first_generation=2))) == [range(2, 5)]


def test_a_run_without_sessions_tells_of_none(run_of: Callable[..., Run], squeue: Callable[[str], Path]) -> None:
    asked = squeue("echo RUNNING")
    run = run_of(2)
    assert (generations_of_sessions(run), jobs(run)) == ([], [])
    told = describe_run(run)
    assert (told["sessions"], told["jobs"]) == ([], [])
    assert "jobs" not in info_text(run) and "started" not in info_text(run)
    assert not asked.exists()


def test_only_the_job_of_the_last_life_is_asked_for(run_of: Callable[..., Run], squeue: Callable[[str], Path]) -> None:
    asked = squeue("echo PENDING")
    assert jobs(run_of(6, *FOUR)) == [Job("1234", 3, ""), Job("1240_2", 0, "PENDING")]
    assert asked.read_text().split() == ["--noheader", "--jobs", "1240_2", "--format", "%T"]


def test_a_last_life_outside_slurm_asks_for_nothing(run_of: Callable[..., Run], squeue: Callable[[str], Path]) -> None:
    asked = squeue("echo RUNNING")
    assert jobs(run_of(6, *FOUR, replace(HOME, first_generation=5))) == [Job("1234", 3, ""), Job("1240_2", 0, "")]
    assert not asked.exists()


def test_a_job_that_is_gone_on_to_again_is_one_job(run_of: Callable[..., Run]) -> None:
    again = replace(SESSION, first_generation=5, restarts=4)
    assert jobs(run_of(6, *FOUR, again)) == [Job("1234", 4, ""), Job("1240_2", 0, "")]


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("echo RUNNING", "RUNNING"),
        ("echo NODE_FAIL", "NODE_FAIL"),
        ("exit 0", ""),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", ""),
        ("echo RUNNING; exit 1", ""),
        ("echo Slurm sleeps on Sundays", ""),
        (r"printf '\377\n'", ""),
        ("kill -9 $$", ""),
    ],
)
def test_slurm_is_believed_when_it_answers(squeue: Callable[[str], Path], script: str, state: str) -> None:
    squeue(script)
    assert job_state("1234") == state


def test_without_squeue_nothing_is_known(tmp_path: Path) -> None:
    assert job_state("1234") == ""
    (tmp_path / "bin" / "squeue").write_text("not a program")
    assert job_state("1234") == ""


@pytest.mark.parametrize("script", ["exec sleep 10", "sleep 10", "echo RUNNING; trap '' TERM; exec sleep 10"])
def test_a_slurm_that_hangs_is_waited_for_no_longer_than_the_limit(
    squeue: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    squeue(script)
    monkeypatch.setattr(module, "TIME_LIMIT", 0.5)
    start = time.monotonic()
    assert job_state("1234") == ""
    assert 0.4 < time.monotonic() - start < 5


def test_info_tells_of_jobs_and_sessions_in_columns(run_of: Callable[..., Run], squeue: Callable[[str], Path]) -> None:
    squeue("echo RUNNING")
    run = run_of(6, *FOUR)
    told = info_text(run)
    assert "\njobs         1234 (3 restarts), 1240_2 (RUNNING)\n" in told
    table = """
started (UTC)        generations  ranks       hosts     job  restarts
2026-01-31 12:00:00          0-2     64  n1, n2 + 2    1234
2026-01-31 13:00:00         none     64  n1, n2 + 2    1234         1
2026-01-31 14:00:00            3     64  n1, n2 + 2    1234         3
2026-02-01 00:00:00          4-5      2          n1  1240_2

"""
    assert table in told


def test_one_restart_is_told_beside_the_state(run_of: Callable[..., Run], squeue: Callable[[str], Path]) -> None:
    squeue("echo RUNNING")
    assert "1234 (1 restart, RUNNING)" in info_text(run_of(1, replace(SESSION, restarts=1)))


def test_a_run_at_home_is_told_without_jobs(run_of: Callable[..., Run]) -> None:
    told = info_text(run_of(2, HOME, replace(HOME, first_generation=1)))
    assert "jobs" not in told
    assert "started (UTC)        generations  ranks   hosts\n2026-01-31 12:00:00            0      1  laptop\n" in told


def test_of_many_sessions_the_last_are_shown(run_of: Callable[..., Run]) -> None:
    many = [replace(SESSION, first_generation=k, job=str(1000 + k)) for k in range(40)]
    run = run_of(40, *many)
    table = sessions_table(run.sessions, generations_of_sessions(run)).splitlines()
    assert len(table) == 1 + 12 + 1
    assert table[-1] == "before: 28 more, generations 0-27; --json lists all"
    assert "\njobs         28 more, 1028, 1029, " in info_text(run)
    assert len(describe_run(run)["sessions"]) == 40  # type: ignore[arg-type]


def test_json_tells_of_all_sessions(
    run_of: Callable[..., Run],
    squeue: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    squeue("echo RUNNING")
    run_of(6, *FOUR)
    assert main(["info", str(tmp_path / "run.h5"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["jobs"] == [
        {"job": "1234", "restarts": 3, "state": ""},
        {"job": "1240_2", "restarts": 0, "state": "RUNNING"},
    ]
    assert [session["num_generations"] for session in told["sessions"]] == [3, 0, 1, 2]
    assert told["sessions"][0] == {
        "started": "2026-01-31T12:00:00+00:00",
        "first_generation": 0,
        "num_generations": 3,
        "num_ranks": 64,
        "hosts": ["n1", "n2", "n3", "n4"],
        "mpi": "MPICH",
        "job": "1234",
        "restarts": 0,
    }
    assert main(["info", str(tmp_path / "run.h5")]) == 0
    assert "1240_2 (RUNNING)" in capsys.readouterr().out
