"""What this machine has."""

from __future__ import annotations

from pathlib import Path

from evo_hns.machine import cores_to_fill, physical_cores, usable_cores


def test_hyperthreads_are_not_counted_as_cores(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    threads = [(0, 0), (0, 1), (1, 0), (0, 0), (0, 1), (1, 0)]
    cpuinfo.write_text("\n\n".join(f"physical id\t: {package}\ncore id\t: {core}" for package, core in threads))
    assert physical_cores(cpuinfo) == 3
    assert physical_cores(tmp_path / "nowhere") is None


def test_no_more_ranks_are_proposed_than_there_are_processors() -> None:
    assert 1 <= cores_to_fill() <= usable_cores()
