from __future__ import annotations

import errno
from pathlib import Path

import pytest

from evo_hns.diagnostics import doctor
from evo_hns.diagnostics.doctor import CHECKS, Finding, diagnose, probe
from evo_hns.system import kernels


def test_this_machine_has_what_a_run_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = (doctor.check_mpi, doctor.check_launcher, doctor.check_rendering)
    monkeypatch.setattr(doctor, "CHECKS", tuple(check for check in CHECKS if check not in slow))
    broken = [str(finding) for finding in diagnose() if finding.needed and not finding.ok]
    assert broken == []


def test_a_check_that_breaks_is_a_finding_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def check_kernels() -> Finding:
        raise RuntimeError("no such\nlibrary")

    monkeypatch.setattr(doctor, "CHECKS", (check_kernels, doctor.check_python))
    broken, python = diagnose()
    assert (broken.name, broken.ok, broken.found) == ("kernels", False, "RuntimeError: no such")
    assert python.ok


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (Finding("disk", True, "9 GB", "make room"), "ok    disk          9 GB"),
        (Finding("disk", False, "0 GB", "make room"), "FAIL  disk          0 GB\n" + 20 * " " + "make room"),
        (Finding("mpi", False, "none", needed=False), "no    mpi           none"),
    ],
)
def test_a_finding_tells_its_remedy_only_if_it_is_needed(finding: Finding, line: str) -> None:
    assert str(finding) == line


def test_a_probe_answers_with_its_last_line() -> None:
    assert probe("print('first'); print('last')") == (True, "last")


def test_a_probe_that_fails_answers_with_the_error() -> None:
    ok, said = probe("raise RuntimeError('no display')")
    assert (ok, said) == (False, "RuntimeError: no display")


def test_a_probe_that_kills_its_process_is_survived() -> None:
    assert probe("import os; os.kill(os.getpid(), 9)") == (False, "ended with code -9")


def test_a_probe_that_hangs_is_ended() -> None:
    assert probe("import time; time.sleep(60)", seconds=0.3) == (False, "no answer within 0.3 s")


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    finding = doctor.check_packages()
    assert not finding.ok
    assert "no-such-package missing" in finding.found
    assert finding.remedy == "pip install no-such-package"


@pytest.mark.parametrize("threads", ["1", "4"])
def test_threads_within_a_match_are_advised_against(monkeypatch: pytest.MonkeyPatch, threads: str) -> None:
    for name in doctor.LIMITS:
        monkeypatch.setenv(name, threads)
    assert doctor.check_threads().ok is (threads == "1")


def test_runs_can_be_locked_and_written_and_the_trial_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    finding = doctor.check_runs()
    assert finding.ok
    assert str(tmp_path / "runs") in finding.found
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "runs").mkdir()
    assert doctor.check_runs().ok
    assert list(tmp_path.rglob("*")) == [tmp_path / "runs"]


def test_runs_that_cannot_be_made_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("a file")
    finding = doctor.check_runs()
    assert (finding.ok, finding.needed, finding.remedy) == (False, True, doctor.ELSEWHERE)
    assert "File exists: 'runs'" in finding.found


def test_a_file_system_without_locks_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fcntl.flock", no_locks)
    finding = doctor.check_runs()
    assert (finding.ok, finding.needed) == (False, False)
    assert finding.found == f"files in {tmp_path / 'runs'} can be written but not locked"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_no_reason_to_reinstall(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(doctor, "CHECKS", (doctor.check_runs, doctor.check_disk))
    runs, disk = diagnose()
    assert (runs.ok, runs.remedy) == (False, doctor.ELSEWHERE)
    assert (disk.ok, disk.remedy) == (False, "")


def test_kernels_that_cannot_be_kept_are_found_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_COMPLAINTS", ["/cache: No space left on device"])
    finding = doctor.check_kernels()
    assert (finding.ok, finding.needed) == (False, False)
    assert finding.found.endswith("; /cache: No space left on device")
    assert "NUMBA_CACHE_DIR" in finding.remedy


def test_a_cpu_quota_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "cpu_quota", lambda: 1.5)
    assert doctor.check_cores().found.endswith(", a CPU quota of 1.5 processors")


def test_a_slurm_that_answers_one_that_does_not_and_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.check_slurm().found == "no sbatch here"
    (tmp_path / "sbatch").touch(0o755)
    sinfo = tmp_path / "sinfo"
    for script, ok, found in (
        ("echo 'main*   2'; echo 'long 40'", True, "main* 2 nodes, long 40 nodes"),
        (
            "echo 'slurm_load_partitions: Unable to contact' >&2; exit 1",
            False,
            "slurm_load_partitions: Unable to contact",
        ),
    ):
        sinfo.write_text(f"#!/bin/sh\n{script}\n")
        sinfo.chmod(0o755)
        finding = doctor.check_slurm()
        assert (finding.ok, finding.found, finding.needed) == (ok, found, False)
