"""Recorded matches are played again to the bit, here and in another process; what differs is said."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from evo_hns.archive import RunFile, RunFileError
from evo_hns.config import ConfigError, RunConfig
from evo_hns.players.evaluate import evaluate
from evo_hns.players.record import record
from evo_hns.players.replay import explain_difference, replay
from evo_hns.spec import Side


@pytest.fixture
def path(run_path: Path, tmp_path: Path) -> Path:
    """A run of its own for each test."""
    return Path(shutil.copy(run_path, tmp_path / "run.h5"))


def with_settings(path: Path, **tables: dict[str, object]) -> None:
    """Write other settings into a run file."""
    with h5py.File(path, "r+") as file:
        settings = json.loads(file["meta"].attrs["config_json"])
        for table, values in tables.items():
            settings[table] |= values
        file["meta"].attrs["config_json"] = json.dumps(settings)


def test_champions_of_measured_generations_are_recorded_and_replayed(run_path: Path) -> None:
    replays = replay(run_path)
    assert [(r.match.generation, r.match.hider, r.match.seeker) for r in replays] == [
        (k, f"hiders/{k}", f"seekers/{k}") for k in range(3)
    ]
    assert all(r.is_equal for r in replays)
    assert len({r.match.world_seed for r in replays}) == 3


@pytest.mark.parametrize("physics", [{"num_worlds": 1}, {"num_worlds": 64}, {"num_threads": 3}])
def test_threads_and_batch_size_change_no_replay(physics: dict[str, object], path: Path) -> None:
    record(path, "random", f"{path}:seekers/last", episodes=6)
    with_settings(path, physics=physics)
    replays = replay(path)
    assert len(replays) == 9
    assert all(r.is_equal for r in replays)


def test_another_process_replays_the_same_bits(path: Path) -> None:
    record(path, "random", "scripted:chaser", episodes=3, seed=2)
    command = [sys.executable, "-m", "evo_hns", "diagnose", "replay", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert [each["equal"] for each in told] == [True] * 6
    assert told == json.loads(json.dumps([each.as_dict() for each in replay(path)]))


def test_one_match_can_be_chosen(run_path: Path) -> None:
    [chosen] = replay(run_path, 1)
    assert chosen.number == chosen.match.generation == 1
    assert chosen.is_equal


def test_recorded_matches_are_the_first_ones_of_an_evaluation(path: Path) -> None:
    players = "scripted:fugitive", f"{path}:seekers/1"
    assert record(path, *players, episodes=4, seed=9) == range(3, 7)
    matches = RunFile.read(path).matches[3:]
    mean = np.mean([match.returns[0] for match in matches])
    assert evaluate(*players, RunConfig(), episodes=4, seed=9).returns[Side.HIDERS].mean == mean
    assert {(m.generation, m.hider, m.seeker, m.num_steps) for m in matches} == {
        (2, "scripted:fugitive", "seekers/1", 6)
    }


def test_players_of_another_run_are_named_by_what_lasts(path: Path, run_path: Path) -> None:
    record(path, f"{run_path}:hiders/last", f"{path}:seekers/last")
    match = RunFile.read(path).matches[-1]
    assert (match.hider, match.seeker) == (f"{run_path}:hiders/2", "seekers/2")
    assert replay(path, 3)[0].is_equal


def test_a_score_or_action_that_was_changed_is_found(path: Path) -> None:
    record(path, "random", "random", seed=1)
    with h5py.File(path, "r+") as file:
        file["matches/returns"][0] = np.nextafter(file["matches/returns"][0], 99)
        file["matches/metrics/max_agent_travel"][1] += 1
        file["matches/actions/movement"][3] = 10 - file["matches/actions/movement"][3]
    assert [r.is_equal for r in replay(path)] == [False, False, True, False]
    assert "the same versions as here" in explain_difference(path)
    with h5py.File(path, "r+") as file:
        file["meta/versions"].attrs["mujoco"] = "3.9.9"
    assert "with mujoco 3.9.9 (here 4." in explain_difference(path)


def test_nan_in_a_statistic_is_as_if_absent(run_path: Path) -> None:
    [chosen] = replay(run_path, 0)
    shorter = {name: value for name, value in chosen.metrics.items() if name != "max_box_move"}
    assert not replace(chosen, metrics=shorter).is_equal
    assert not replace(chosen, failed=True).is_equal


def test_a_match_that_is_not_there_is_named(run_path: Path) -> None:
    for number in (3, -1):
        with pytest.raises(ConfigError, match=f"no match {number} in .*; it has matches 0 to 2"):
            replay(run_path, number)


def test_a_file_without_matches_says_how_to_record_some(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["matches"]
    with pytest.raises(ConfigError, match=r"holds no recorded matches; to record one: evo-hns record .*hiders/last"):
        replay(path)


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        ({"rules": {"horizon": 7}}, "matches of 6 env steps and 2 agents, its settings say 7 and 2: it is damaged"),
        ({"world": {"num_hiders": 2}}, "its settings say 6 and 3"),
    ],
)
def test_matches_of_other_settings_are_refused(tables: dict[str, object], complaint: str, path: Path) -> None:
    with_settings(path, **tables)
    with pytest.raises(RunFileError, match=complaint):
        replay(path)


def test_actions_that_this_version_does_not_know_are_refused(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["matches/actions"].move("pull", "throw")
    with pytest.raises(RunFileError, match=r"with the actions glueall, movement, throw, which this version does not"):
        replay(path)


def test_a_run_that_is_being_written_is_not_recorded_into(path: Path) -> None:
    with RunFile.open(path), pytest.raises(RunFileError, match="is being written by process"):
        record(path, "random", "random")
    assert len(RunFile.read(path).matches) == 3


def test_players_of_another_game_are_not_recorded(path: Path, other_game_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a run of another game"):
        record(path, f"{other_game_path}:hiders/0", "random")
    with pytest.raises(ConfigError, match="got 0 episodes, expected at least 1"):
        record(path, "random", "random", episodes=0)
    assert [entry.name for entry in path.parent.iterdir()] == ["run.h5"]
