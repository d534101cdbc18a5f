"""What a commit costs is measured in files of the length that was asked for, and nothing is left of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_hns.cli.text.tables import commits_text
from evo_hns.diagnostics import commits
from evo_hns.diagnostics.commits import CommitCost, measure_commits
from tests.conftest import tiny


def test_files_of_every_length_take_the_same_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "COMMITS", 3)
    monkeypatch.setattr(commits, "REWRITES", 1)
    short, long = measure_commits(tiny(), [1, 3], tmp_path)
    assert short.file_bytes == pytest.approx(1e6, rel=0.2)
    assert long.file_bytes == pytest.approx(3e6, rel=0.2)
    assert long.num_generations == pytest.approx(3 * short.num_generations, rel=0.01)
    assert 0 < short.record_bytes == long.record_bytes
    assert [len(cost.commit_seconds) for cost in (short, long)] == [3, 3]
    assert list(tmp_path.iterdir()) == []


def test_a_commit_bears_its_share_of_replacing_the_file() -> None:
    cost = CommitCost(10**9, 1000, 10**6, 20.0, [0.001, 0.004, 0.009])
    assert cost.seconds == pytest.approx(0.004 + 20.0 / 1000)  # a journal of the file's length has 1,000 records
    assert commits_text([cost]).splitlines()[1].split() == (
        ["1,000", "MB", "1,000", "1,000", "kB", "20,000", "ms", "4.0", "ms", "9.0", "ms", "24.0", "ms", "4.8%"]
    )
