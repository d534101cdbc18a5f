"""The verb that lets PPO learn a known task."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evo_hns.cli import main


def test_a_check_prints_how_long_poles_stood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "check.png"
    words = ["diagnose", "ppo-check", "--seeds", "2", "--rollouts", "2", "--num-worlds", "4"]
    assert main([*words, "--output", str(picture)]) == 0
    assert "seed 1" in capsys.readouterr().out
    assert picture.stat().st_size > 1000
    assert main([*words, "--json"]) == 0
    assert [len(each["returns"]) for each in json.loads(capsys.readouterr().out)] == [2, 2]
