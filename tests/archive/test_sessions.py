"""The sessions of a run are in its file from their first moment; a file without any is as it always was."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest

from evo_hns.archive import Match, RunFile, RunFileError, TrainingSession
from evo_hns.archive.provenance import begin_session, slurm_job

SESSION = TrainingSession(
    started="2026-01-31T23:59:59+00:00",
    first_generation=0,
    num_ranks=4,
    hosts=("node7", "node10.rack-ü"),
    mpi="MPICH Version: 5.0.2",
    job="1234_5",
    restarts=3,
)
ALONE = TrainingSession("2026-02-01T00:00:00+00:00", 0, 1, ("laptop",), "", "", 0)


@pytest.fixture
def two_sessions(create, record) -> RunFile:
    """A closed run of 3 generations, 2 of them of its first session."""
    with create() as run_file:
        run_file.begin(SESSION)
        for generation in range(2):
            run_file.commit(record(generation))
        run_file.begin(replace(ALONE, first_generation=2))
        run_file.commit(record(2))
    return run_file


def test_sessions_come_back_as_they_were_and_in_order(two_sessions, check_whole):
    with RunFile.open(two_sessions.path) as resumed:
        resumed.begin(replace(SESSION, first_generation=3))
        resumed.begin(replace(ALONE, first_generation=3))
        run = RunFile.read(resumed.path)
    expected = [SESSION, replace(ALONE, first_generation=2), replace(SESSION, first_generation=3)]
    assert run.sessions == resumed.run.sessions == (*expected, replace(ALONE, first_generation=3))
    for session in run.sessions:
        assert [type(value) for value in vars(session).values()] == [type(value) for value in vars(SESSION).values()]
    check_whole(run)


def test_a_life_that_dies_before_its_first_generation_is_in_the_file(create, tmp_path):
    create(1).close()

    def begin_and_die() -> None:
        run_file = RunFile.open(tmp_path / "run.h5")
        run_file.begin(replace(ALONE, first_generation=1))
        os.kill(os.getpid(), signal.SIGKILL)

    child = multiprocessing.get_context("fork").Process(target=begin_and_die)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    run = RunFile.read(tmp_path / "run.h5")
    assert (run.num_generations, run.sessions) == (1, (replace(ALONE, first_generation=1),))


def test_generations_and_matches_keep_the_sessions(two_sessions, record):
    match = Match(2, "still", "random", 0, False, np.zeros(2), {}, {"movement": np.zeros((4, 2, 3), np.uint8)})
    sessions = two_sessions.run.sessions
    with RunFile.open(two_sessions.path) as run_file:
        run_file.record([match])
        assert RunFile.read(run_file.path).sessions == sessions
        run_file.commit(record(3))
        assert RunFile.read(run_file.path).sessions == sessions
        run_file.begin(replace(SESSION, first_generation=4))
        assert len(RunFile.read(run_file.path).matches) == 1


def test_a_file_of_an_older_version_has_no_sessions_and_takes_some(create, check_whole):
    with create(2) as run_file:
        path = run_file.path
    with h5py.File(path) as file:
        assert "lives" not in file
    assert RunFile.read(path).sessions == ()
    with RunFile.open(path) as run_file:
        run_file.begin(replace(SESSION, first_generation=2))
    check_whole(RunFile.read(path))
    with h5py.File(path) as file:
        assert file["meta"].attrs["schema_version"] == 1
        assert file["lives/first_generation"][()].tolist() == [2]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"first_generation": 1}, "starts with generation 1, expected 2"),
        ({"first_generation": 3}, "starts with generation 3, expected 2"),
        ({"started": "yesterday"}, "yesterday"),
        ({"started": "2026-01-31T23:59:59"}, r"expected UTC with its offset \+00:00"),
        ({"started": "2026-01-31T23:59:59+01:00"}, r"expected UTC with its offset \+00:00"),
        ({"num_ranks": 0}, "num_ranks 0"),
        ({"restarts": -1}, "restarts -1"),
        ({"hosts": ()}, "expected from one host up to one a rank"),
        ({"hosts": ("a", "b", "a")}, "each once"),
        ({"num_ranks": 1}, "1 ranks on .*expected from one host up to one a rank"),
        ({"hosts": ("a b",)}, "'a b' cannot be the name of a host"),
        ({"hosts": ("",)}, "'' cannot be the name of a host"),
        ({"hosts": ("a\0",)}, "cannot be the name of a host"),
        ({"mpi": "two\nlines"}, "cannot be the name of an MPI library"),
        ({"job": "1234_"}, "'1234_' cannot be a job of Slurm: expected 123, 123_4 or nothing"),
        ({"job": "--me"}, "'--me' cannot be a job of Slurm"),
    ],
)
def test_a_life_that_does_not_fit_changes_nothing(create, changes, complaint):
    with create(2) as run_file:
        run_file.begin(replace(ALONE, first_generation=2))
        before = run_file.path.read_bytes()
        with pytest.raises(ValueError, match=complaint):
            run_file.begin(replace(SESSION, **{"first_generation": 2, **changes}))
        assert run_file.path.read_bytes() == before
        assert len(run_file.run.sessions) == 1


def test_a_closed_run_begins_no_life(create):
    run_file = create()
    run_file.close()
    with pytest.raises(RunFileError, match="is closed for writing"):
        run_file.begin(SESSION)


@pytest.mark.parametrize("column", [name for name in vars(SESSION) if name != "first_generation"])
@pytest.mark.parametrize("rows", [1, 2])
def test_damaged_columns_are_refused(two_sessions, column, rows):
    with h5py.File(two_sessions.path, "r+") as file:
        del file["lives"][column]
        file["lives"][column] = np.full(rows, -1)
    with pytest.raises(RunFileError, match="is damaged or cut short"):
        RunFile.read(two_sessions.path)


@pytest.mark.parametrize("starts", [[0], [-1, 0], [2, 1], [0, 4], [0, 1, 2], [[0, 1]]])
def test_sessions_whose_generations_do_not_fit_are_refused(two_sessions, starts):
    with h5py.File(two_sessions.path, "r+") as file:
        del file["lives/first_generation"]
        file["lives/first_generation"] = np.array(starts)
    with pytest.raises(RunFileError, match="is damaged or cut short"):
        RunFile.read(two_sessions.path)


@pytest.mark.parametrize("column", vars(SESSION))
def test_a_missing_column_is_refused(two_sessions, column):
    with h5py.File(two_sessions.path, "r+") as file:
        del file["lives"][column]
    with pytest.raises(RunFileError, match="is damaged or cut short"):
        RunFile.read(two_sessions.path)


@pytest.mark.parametrize(
    ("environ", "job", "restarts"),
    [
        ({}, "", 0),
        ({"SLURM_JOB_ID": "123"}, "123", 0),
        ({"SLURM_JOB_ID": "123", "SLURM_RESTART_COUNT": "2"}, "123", 2),
        ({"SLURM_JOB_ID": "125", "SLURM_ARRAY_JOB_ID": "123", "SLURM_ARRAY_TASK_ID": "0"}, "123_0", 0),
        ({"SLURM_JOB_ID": "125", "SLURM_ARRAY_JOB_ID": "123"}, "125", 0),
        ({"SLURM_RESTART_COUNT": "2"}, "", 0),
        ({"SLURM_JOB_ID": "", "SLURM_RESTART_COUNT": ""}, "", 0),
        ({"SLURM_JOB_ID": "a job", "SLURM_RESTART_COUNT": "2"}, "", 0),
        ({"SLURM_JOB_ID": "123", "SLURM_RESTART_COUNT": "often"}, "123", 0),
    ],
)
def test_a_life_knows_its_job(environ, job, restarts):
    session = begin_session(0, 1, ["laptop"], "", environ)
    assert (session.job, session.restarts) == (job, restarts)
    assert slurm_job(environ) == job


def test_a_life_that_begins_here_fits_a_run(create, monkeypatch):
    monkeypatch.delenv("SLURM_ARRAY_JOB_ID", raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    told = "MPICH Version:      5.0.2\nMPICH Release date: Fri\tSep 25\0"
    session = begin_session(1, 4, ["b", "b", "a", "b"], told)
    assert (session.first_generation, session.num_ranks, session.hosts) == (1, 4, ("b", "a"))
    assert session.mpi == "MPICH Version: 5.0.2"
    assert session.job == "77"
    assert abs((datetime.now(UTC) - datetime.fromisoformat(session.started)).total_seconds()) < 60
    with create(1) as run_file:
        run_file.begin(session)
        assert RunFile.read(run_file.path).sessions == (session,)
