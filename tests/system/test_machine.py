"""What this machine has."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_hns.system import machine
from evo_hns.system.machine import cores_to_fill, cpu_quota, physical_cores, usable_cores


def test_hyperthreads_are_not_counted_as_cores(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    threads = [(0, 0), (0, 1), (1, 0), (0, 0), (0, 1), (1, 0)]
    cpuinfo.write_text("\n\n".join(f"physical id\t: {package}\ncore id\t: {core}" for package, core in threads))
    assert physical_cores(cpuinfo) == 3
    assert physical_cores(tmp_path / "nowhere") is None


def test_no_more_ranks_are_proposed_than_there_are_processors() -> None:
    assert 1 <= cores_to_fill() <= usable_cores()


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),  # version 2 in a container
        ("0::/job/step\n", {"job/step/cpu.max": "max 100000\n", "job/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/job\n", {"job/cpu.max": "max 100000\n"}, None),
        ("0::/../outside\n", {"cpu.max": "300000 100000\n"}, 3.0),
        (
            "5:memory:/job\n4:cpu,cpuacct:/job\n0::/\n",  # version 1
            {"cpu,cpuacct/job/cpu.cfs_quota_us": "50000\n", "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n"},
            0.5,
        ),
        (
            "1:cpu:/docker/outside\n",  # version 1 in a container that is told its path outside
            {"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            4.0,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("1:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("", {}, None),
    ],
)
def test_the_cpu_quota_of_control_groups_is_the_least_on_the_way_up(
    tmp_path: Path, membership: str, files: dict[str, str], quota: float | None
) -> None:
    (tmp_path / "self").write_text(membership)
    for name, text in files.items():
        file = tmp_path / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert cpu_quota(tmp_path / "self", tmp_path / "cgroup") == quota


def test_a_system_without_control_groups_has_no_cpu_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path / "nothing", tmp_path) is None


@pytest.mark.parametrize(("quota", "cores"), [(0.5, 1), (1.5, 2), (2.0, 2), (99.0, 4), (None, 4)])
def test_no_more_processors_are_used_than_the_quota_pays_for(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, cores: int
) -> None:
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    assert usable_cores() == cores
