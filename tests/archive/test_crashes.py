"""A kill, a full disk, a second writer or a reader at any moment never costs more than the generation in flight.

The other processes here are real ones, forked so that they start at once.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from evo_hns.archive import RunFile, RunFileError
from evo_hns.archive.storage import check_place
from evo_hns.config import RunConfig
from evo_hns.spec import Side

NUM_PARAMS = {Side.HIDERS: 11, Side.SEEKERS: 17}
PROCESSES = multiprocessing.get_context("fork")


def commit_for_ever(path, record, started):
    with RunFile.open(path) as run_file:
        started.set()
        while True:
            run_file.commit(record(run_file.run.num_generations))


@contextlib.contextmanager
def writer(path, record) -> Iterator[multiprocessing.process.BaseProcess]:
    """A second process that commits as fast as it can, until it is killed."""
    started = PROCESSES.Event()
    process = PROCESSES.Process(target=commit_for_ever, args=(path, record, started), daemon=True)
    process.start()
    try:
        assert started.wait(20)
        yield process
    finally:
        process.kill()
        process.join()


def run_in_child(function: Callable[[], object]) -> object:
    """What the function returns in another process, or the text of its error."""

    def send() -> None:
        try:
            sender.send(function())
        except RunFileError as error:
            sender.send(str(error))

    receiver, sender = PROCESSES.Pipe(duplex=False)
    child = PROCESSES.Process(target=send)
    child.start()
    try:
        return receiver.recv() if receiver.poll(20) else None
    finally:
        child.join()


def names_in(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("seed", "least"), [(0, 15), *(pytest.param(seed, 50, marks=pytest.mark.release) for seed in range(1, 21))]
)
def test_a_writer_killed_at_random_moments_leaves_only_whole_generations(
    create, record, check_whole, tmp_path, monkeypatch, seed, least
):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # a kill, other than a power cut, takes nothing from the kernel
    monkeypatch.setattr("evo_hns.archive.run_file.JOURNAL_BYTES", 200_000)  # so that kills hit every kind of step
    start = time.perf_counter()
    create(2).close()
    duration = time.perf_counter() - start  # of a few commits on this machine, as busy as it is
    path = tmp_path / "run.h5"
    rng = np.random.default_rng(seed)
    kills = done = 0
    while kills < least or done <= least // 5:
        with writer(path, record):
            time.sleep(rng.uniform(0, duration))
        kills += 1
        run = RunFile.read(path)
        check_whole(run)
        assert run.num_generations >= done
        done = run.num_generations
    RunFile.open(path).close()
    assert names_in(tmp_path) == ["run.h5"]


STEPS = [(os, "pwrite"), (os, "fsync"), (Path, "open"), (Path, "replace"), (Path, "unlink")]


def test_a_kill_before_each_step_keeps_the_old_or_the_new(create, record, check_whole, tmp_path, monkeypatch):
    """A first commit begins a journal, and puts it into the file, since it is too long; so does the end."""
    monkeypatch.setattr(os, "fsync", lambda _: None)  # as above
    path = tmp_path / "run.h5"

    def commit_one(dies_at: int) -> None:
        done = 0

        def stepping(original):
            def step(*args, **kwargs):
                nonlocal done
                if done == dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                done += 1
                return original(*args, **kwargs)

            return step

        for owner, name in STEPS:
            monkeypatch.setattr(owner, name, stepping(getattr(owner, name)))
        monkeypatch.setattr("evo_hns.archive.run_file.JOURNAL_BYTES", 50_000)
        monkeypatch.setattr("evo_hns.archive.run_file.JOURNAL_SHARE", 0.5)
        with RunFile.open(path) as run_file:
            run_file.commit(record(2))

    create(2).close()
    content, seen, killed = path.read_bytes(), [2], True
    while killed:
        path.write_bytes(content)
        child = PROCESSES.Process(target=commit_one, args=(len(seen) - 1,))
        child.start()
        child.join()
        killed = child.exitcode == -signal.SIGKILL
        assert killed or child.exitcode == 0
        seen.append(RunFile.read(path).num_generations)
        with RunFile.open(path) as run_file:
            assert set(names_in(tmp_path)) <= {"run.h5", "run.h5.lock", "run.h5.journal"}
            run_file.commit(record(seen[-1]))
            check_whole(run_file.run)
        check_whole(RunFile.read(path))
        assert names_in(tmp_path) == ["run.h5"]
    assert seen == sorted(seen)
    assert (len(seen) > 25, set(seen)) == (True, {2, 3})


def test_a_reader_sees_whole_generations_while_they_are_written(create, record, check_whole, tmp_path):
    create().close()
    path = tmp_path / "run.h5"
    seen = set()
    with writer(path, record) as process:
        start = time.monotonic()
        while (waited := time.monotonic() - start) < 1.0 or (len(seen) <= 3 and waited < 60.0):  # as busy as it is
            run = RunFile.read(path)
            check_whole(run)
            assert not seen or run.num_generations >= max(seen)
            seen.add(run.num_generations)
        assert process.is_alive()
    assert len(seen) > 3


def test_a_file_that_is_open_for_reading_keeps_its_generation(create, record, tmp_path):
    create(1).close()
    with h5py.File(tmp_path / "run.h5", "r", locking=False) as file:
        with RunFile.open(tmp_path / "run.h5") as run_file:
            for generation in range(1, 5):
                run_file.commit(record(generation))
        assert file["metrics/hiders_best"][()].tolist() == [record(0).metrics["hiders_best"]]


def test_a_second_writer_is_told_who_writes(create, record, tmp_path):
    create(1).close()
    path = tmp_path / "run.h5"
    with writer(path, record) as process:
        for start in (lambda: RunFile.open(path), lambda: RunFile.create(path, RunConfig(), NUM_PARAMS)):
            with pytest.raises(RunFileError, match=f"is being written by process {process.pid} on .*: wait for it"):
                start()
        assert RunFile.read(path).num_generations >= 1
    RunFile.open(path).close()


def test_two_writers_in_one_process_are_refused_too(create, tmp_path):
    with create(1) as run_file:
        with pytest.raises(RunFileError, match=f"is being written by process {os.getpid()}"):
            RunFile.open(run_file.path)
        assert (tmp_path / "run.h5.lock").exists()


def test_of_many_that_start_the_same_run_at_once_one_wins(tmp_path):
    path = tmp_path / "run.h5"
    barrier = PROCESSES.Barrier(6)
    results = PROCESSES.Queue()

    def start() -> None:
        barrier.wait()
        try:
            RunFile.create(path, RunConfig(), NUM_PARAMS).close()
            results.put("started")
        except RunFileError as error:
            results.put(str(error))

    children = [PROCESSES.Process(target=start) for _ in range(6)]
    for child in children:
        child.start()
    answers = [results.get(timeout=20) for _ in children]
    for child in children:
        child.join()
    assert answers.count("started") == 1
    assert all("exists: resume it" in a or "is being written by" in a for a in answers if a != "started")
    assert names_in(tmp_path) == ["run.h5"]


def test_a_lock_is_never_held_twice_however_often_it_changes_hands(create, tmp_path):
    """Each process counts up a plain file while it holds the lock: a lost update would show."""
    create().close()
    counter = tmp_path / "counter"
    counter.write_text("0")

    def count_up() -> None:
        done = 0
        while done < 25:
            try:
                with RunFile.open(tmp_path / "run.h5"):
                    counter.write_text(str(int(counter.read_text()) + 1))
                    done += 1
            except RunFileError:
                time.sleep(0.001)

    children = [PROCESSES.Process(target=count_up) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(20)
    assert counter.read_text() == "100"


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: what a full disk is, at a place of our choice."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("first", [True, False])
def test_a_disk_that_fills_up_anywhere_in_a_commit_costs_nothing(create, record, check_whole, tmp_path, first):
    """The first commit of a session replaces the file, further ones append to the journal."""
    with create(2) as writer:
        writer.commit(record(2))
    with RunFile.open(writer.path) as run_file:
        for generation in range(3, 3 if first else 5):
            run_file.commit(record(generation))
        done, names = run_file.run.num_generations, names_in(tmp_path)
        before = [each.read_bytes() for each in sorted(tmp_path.glob("*.h5*"))]
        for size in range(0, run_file.path.stat().st_size if first else len(before[1]) + 60_000, 7777):
            with (
                largest_file(size),
                pytest.raises(RunFileError, match=r"no room to write .*make room; what was committed"),
            ):
                run_file.commit(record(done))
            assert [each.read_bytes() for each in sorted(tmp_path.glob("*.h5*"))] == before
            assert names_in(tmp_path) == names
        run_file.commit(record(done))
        check_whole(run_file.run)
        check_whole(RunFile.read(run_file.path))
    check_whole(RunFile.read(run_file.path))


def test_a_journal_for_whose_file_there_is_no_room_grows_on(create, record, check_whole, tmp_path, monkeypatch):
    monkeypatch.setattr("evo_hns.archive.run_file.JOURNAL_BYTES", 100_000)
    create(1).close()
    with RunFile.open(tmp_path / "run.h5") as run_file:
        run_file.commit(record(1))
        monkeypatch.setattr("evo_hns.archive.run_file.write_whole", full_disk)
        for generation in range(2, 6):
            run_file.commit(record(generation))
        before = run_file.path.read_bytes()
        with pytest.raises(RunFileError, match=r"no room; until then keep run\.h5\.journal beside it, and"):
            run_file.close()
    assert run_file.path.read_bytes() == before
    assert names_in(tmp_path) == ["run.h5", "run.h5.journal"]
    run = RunFile.read(run_file.path)
    check_whole(run)
    assert run.num_generations == 6
    monkeypatch.undo()
    RunFile.open(run_file.path).close()
    check_whole(RunFile.read(run_file.path))
    assert names_in(tmp_path) == ["run.h5"]


def full_disk(path: Path, content: memoryview) -> None:
    raise RunFileError("no room")


def test_what_went_wrong_first_is_said_though_the_end_goes_wrong_too(create, monkeypatch):
    with pytest.raises(KeyboardInterrupt), create(1):
        monkeypatch.setattr("evo_hns.archive.run_file.write_whole", full_disk)
        raise KeyboardInterrupt


def test_a_run_that_finds_no_room_to_start_leaves_nothing(create, tmp_path):
    with largest_file(100), pytest.raises(RunFileError, match="no room to write"):
        create()
    assert names_in(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of its own with 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("a small file system can only be mounted by root with the right to mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_real_full_disk_and_a_real_read_only_one_keep_the_run(small_disk, record, check_whole):
    path = small_disk / "run.h5"
    with RunFile.create(path, RunConfig(), NUM_PARAMS) as run_file:
        run_file.commit(record(0))
        used = sum(each.stat().st_size for each in small_disk.iterdir())
        (small_disk / "ballast").write_bytes(bytes(256 * 1024 - used - 40 * 1024))
        with pytest.raises(RunFileError, match=r"no room to write .*No space left"):
            run_file.commit(record(1))
        assert names_in(small_disk) == ["ballast", "run.h5", "run.h5.journal", "run.h5.lock"]
        (small_disk / "ballast").unlink()
        run_file.commit(record(1))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    check_whole(RunFile.read(path))
    with pytest.raises(RunFileError, match=r"cannot be written .*Read-only"):
        RunFile.open(path)
    with pytest.raises(RunFileError, match=r"cannot be written .*Read-only"):
        RunFile.create(small_disk / "new.h5", RunConfig(), NUM_PARAMS)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_nobody(function: Callable[[], object]) -> object:
    """What the function answers to a user without rights."""

    def become_nobody() -> object:
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        return function()

    return run_in_child(become_nobody)


def test_who_may_not_write_a_folder_can_read_but_not_write_its_runs(open_folder, record, check_whole):
    path = open_folder / "run.h5"
    with RunFile.create(path, RunConfig(), NUM_PARAMS) as run_file:
        run_file.commit(record(0))
    open_folder.chmod(0o555)
    try:
        assert as_nobody(lambda: RunFile.read(path).num_generations) == 1
        denied = f"{path} cannot be written (Permission denied): take a folder and files that you may write"
        assert as_nobody(lambda: RunFile.open(path)) == denied
        new = open_folder / "new.h5"
        assert as_nobody(lambda: RunFile.create(new, RunConfig(), NUM_PARAMS)) == denied.replace("run.h5", "new.h5")
    finally:
        open_folder.chmod(0o755)
    assert names_in(open_folder) == ["run.h5"]


def test_a_run_that_may_not_be_read_says_so(open_folder):
    path = open_folder / "run.h5"
    RunFile.create(path, RunConfig(), NUM_PARAMS).close()
    path.chmod(0)
    assert as_nobody(lambda: RunFile.read(path)) == f"{path} cannot be read: Permission denied"


def test_the_folder_of_a_new_run_is_made(tmp_path):
    path = tmp_path / "absent" / "deeper" / "run.h5"
    RunFile.create(path, RunConfig(), NUM_PARAMS).close()
    assert names_in(path.parent) == ["run.h5"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    for check in (check_place, lambda path: RunFile.create(path, RunConfig(), NUM_PARAMS)):
        with pytest.raises(RunFileError, match=r"the folder .*/file cannot be made; take another one"):
            check(tmp_path / "file" / "run.h5")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_a_run_is_warned_once_and_written(
    create, record, check_whole, tmp_path, monkeypatch, caplog, code
):
    def refuse(file, operation):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", refuse)
    monkeypatch.setattr("evo_hns.archive.storage._UNLOCKED", set())
    check_place(tmp_path / "run.h5")
    check_place(tmp_path / "deep" / "new" / "run.h5")  # another folder of the same file system
    with create(2) as run_file:
        check_place(run_file.path)
        run_file.commit(record(2))
    check_whole(RunFile.read(run_file.path))
    assert names_in(tmp_path) == ["run.h5"]
    assert [each.getMessage() for each in caplog.records] == [
        f"evo-hns: files in {tmp_path} cannot be locked ({os.strerror(code)}) and are written all the same: see to it"
        " that no two processes write the same one"
    ]


@pytest.mark.parametrize("other_ends", [False, True])
@pytest.mark.parametrize("goes_on", [False, True])
def test_of_two_writers_without_locks_the_first_that_notices_stops(
    create, record, check_whole, tmp_path, monkeypatch, other_ends, goes_on
):
    def refuse(file, operation):
        raise OSError(errno.ENOSYS, "no locks")

    monkeypatch.setattr("fcntl.flock", refuse)
    create(2).close()
    one = RunFile.open(tmp_path / "run.h5")
    one.commit(record(2))
    other = RunFile.open(tmp_path / "run.h5")
    for generation in (3, 4):
        other.commit(record(generation))
    if other_ends:
        other.close()
    with pytest.raises(RunFileError, match="is changed by somebody else: let only one process write a run"):
        one.commit(record(3)) if goes_on else one.close()
    one.close()
    other.close()
    check_whole(RunFile.read(tmp_path / "run.h5"))
    assert RunFile.read(tmp_path / "run.h5").num_generations == 5
    assert names_in(tmp_path) == ["run.h5"]


def test_a_place_is_checked_without_a_trace_and_with_the_writers_lock(tmp_path):
    path = tmp_path / "absent" / "run.h5"
    check_place(path)
    assert names_in(tmp_path) == []
    writer = RunFile.create(path, RunConfig(), NUM_PARAMS)
    with pytest.raises(RunFileError, match="is being written by process"):
        check_place(path)
    writer.close()
    check_place(path)
    assert names_in(path.parent) == ["run.h5"]


def test_a_locks_file_is_removed_when_the_run_could_not_be_resumed(tmp_path):
    (tmp_path / "run.h5").write_bytes(b"\x89HDF\r\n\x1a\n and nothing else")
    with pytest.raises(RunFileError, match="is damaged"):
        RunFile.open(tmp_path / "run.h5")
    assert names_in(tmp_path) == ["run.h5"]
