"""The vector env is measured on the play of the rollout beside it."""

from __future__ import annotations

import json

import pytest

from evo_hns.cli import main

pytest.importorskip("gymnasium")

from evo_hns.cli.text.tables import vector_env_text
from evo_hns.diagnostics.vector_env_speed import VectorEnvSpeed


def test_both_ways_come_to_the_same_returns(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--rules.horizon", "6", "--physics.num-worlds", "4", "--rounds", "2", "--json"]
    assert main(["diagnose", "bench", "quadrant", "--vector-env", "scripted:chaser", *small]) == 0
    speeds = json.loads(capsys.readouterr().out)
    assert speeds[0]["num_threads"] == 1
    for speed in speeds:
        assert (speed["env_steps"], speed["is_same_play"], len(speed["vector_seconds"])) == (24, True, 2)
    assert main(["diagnose", "bench", "quadrant", "--vector-env", "scripted:chasr", *small]) == 2
    assert "no scripted player 'chasr'" in capsys.readouterr().err


def test_ratios_are_medians_over_turns_of_vector_env_by_rollout() -> None:
    speed = VectorEnvSpeed(1, 100, (2.0, 2.0, 3.0), (1.0, 4.0, 3.0), (1.0, 1.0, 1.0), (2.0, 2.0, 2.0), True)
    assert (speed.ratio, speed.cpu_ratio) == (1.0, 0.5)
    header, row = vector_env_text([speed]).splitlines()
    assert " ".join(header.split()) == "threads rollout, env steps/s vector env ratio by CPU time same returns"
    assert row.split() == ["1", "50", "33", "1.00", "0.50", "yes"]
