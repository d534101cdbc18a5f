"""Recorded episodes of the original game against our rules and physics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evo_hns.config import PhysicsConfig, RulesConfig
from evo_hns.diagnostics.parity.check import ParityReport, Spread, format_reports, replay
from evo_hns.diagnostics.parity.recording_file import RecordingError
from evo_hns.diagnostics.parity.recordings import Recording

DATA = Path(__file__).parents[2] / "data"
QUADRANT = ("episode", "grab", "grab_mirrored", "lock", "out_of_area", "prep", "visibility")
NAMES = (*QUADRANT, "full", "full_open", "food", "lock_and_return", "sequential_lock", "blueprint", "shelter")


def recorded(name: str) -> dict[str, np.ndarray]:
    with np.load(DATA / f"recording_{name}.npz") as archive:
        return {key: archive[key] for key in archive.files}


def replay_changed(tmp_path: Path, arrays: dict[str, np.ndarray]) -> ParityReport:
    np.savez(tmp_path / "changed.npz", **arrays)
    return replay(tmp_path / "changed.npz")


@pytest.mark.parametrize("name", NAMES)
def test_the_original_is_reproduced(name: str) -> None:
    report = replay(DATA / f"recording_{name}.npz")
    assert report.violations == []
    assert report.within_tolerance
    assert report.num_steps == len(recorded(name)["reward"])
    assert max(report.observation_errors.values()) < 1e-6


def test_the_recordings_show_every_rule() -> None:
    locked = recorded("lock")["st_lock_box_obj_locked"][:, 0].astype(int)
    assert set(np.diff(locked)) == {-1, 0, 1}
    assert recorded("grab")["st_grab_obj_grabbed"].any()
    assert np.ptp(recorded("visibility")["obs_mask_aa_obs"].astype(int), axis=0).any()
    assert {-10.0, -1.0, 0.0, 1.0} == set(np.unique(recorded("out_of_area")["reward"]))
    prep = recorded("prep")
    assert (prep["action_movement"][:32, 2:] != 5).any()
    assert not prep["reward"][:32].any()
    assert prep["reward"][32:].all()


def test_the_recordings_of_the_full_game_show_its_rules() -> None:
    full, food = recorded("full"), recorded("food")
    assert full["st_lock_ramp_obj_locked"].any()
    assert full["st_grab_obj_grabbed"].any()
    assert {-1.0, 0.0, 1.0} == set(np.unique(full["reward"]))
    assert full["obs_box_obs"].shape[2] > full["st_lock_box_obj_locked"].shape[1]  # some boxes are absent
    assert food["obs_mask_af_obs"].any()
    assert not food["obs_mask_af_obs"].all()
    near = np.linalg.norm(food["obs_observation_self"][1:, 1, None, :3] - food["obs_food_obs"][1:, 1, :, :3], axis=-1)
    assert near.min() < 0.1  # in the preparation, which keeps hiders from eating
    for task in ("lock_and_return", "sequential_lock", "blueprint", "shelter"):
        assert np.abs(recorded(task)["reward"]).min() > 0.0
    assert recorded("sequential_lock")["st_grab_obj_grabbed"].any()


def test_the_statistics_that_the_original_tells_at_the_end_are_compared(tmp_path: Path) -> None:
    arrays, length = recorded("episode"), len(recorded("episode")["reward"])
    told = {"max_box_move": 0.5242463542647187, "num_box_lock_prep": 1, "diverged": 0.0}
    arrays["info_json"] = np.array([json.dumps(told)] * length)
    report = replay_changed(tmp_path, arrays)
    assert set(report.statistic_errors) == {"max_box_move", "num_box_lock_prep"}
    assert report.within_tolerance
    arrays["info_json"] = np.array([json.dumps({**told, "num_box_lock_prep": 2})] * length)
    assert replay_changed(tmp_path, arrays).violations == ["num_box_lock_prep"]
    arrays["info_json"] = np.array(["[1]"] * length)
    with pytest.raises(RecordingError, match="info_json does not end with a JSON object"):
        replay_changed(tmp_path, arrays)


def test_a_reward_of_the_task_that_is_off_by_little_is_found(tmp_path: Path) -> None:
    arrays = recorded("lock_and_return")
    arrays["reward"][7] += 1e-9
    assert replay_changed(tmp_path, arrays).violations == ["rewards"]


def test_steps_are_counted_with_and_without_a_grip() -> None:
    report = replay(DATA / "recording_grab.npz")
    holds = recorded("grab")["st_grab_obj_grabbed"][1:].any(axis=(1, 2)).sum()
    assert report.weld_steps.num_steps == holds > 0
    assert report.free_steps.num_steps == report.num_steps - holds > 0


def test_an_offset_of_the_opposite_sign_is_told() -> None:
    assert replay(DATA / "recording_grab.npz").mirrored_grips == 0
    assert replay(DATA / "recording_grab_mirrored.npz").mirrored_grips == 1


@pytest.mark.parametrize(
    ("name", "key", "where", "value", "found"),
    [
        ("lock", "obs_mask_aa_obs", (9, 0, 0), None, "mask_mismatches"),
        ("lock", "obs_mask_ab_obs", (9, 3, 1), None, "mask_mismatches"),
        ("lock", "obs_mask_ar_obs", (9, 3, 0), None, "mask_mismatches"),
        ("prep", "reward", (31, 2), 1.0, "reward_mismatches"),
        ("out_of_area", "reward", (1, 0), -1.0, "reward_mismatches"),
        ("lock", "st_jnt_range", (37, 17, 0), 1.2501, "lock_mismatches"),
        ("grab", "st_eq_data", (3, 0, 1), -0.4501, "grab_mismatches"),
    ],
)
def test_a_single_wrong_entry_is_found(
    tmp_path: Path, name: str, key: str, where: tuple[int, ...], value: float | None, found: str
) -> None:
    arrays = recorded(name)
    arrays[key][where] = ~arrays[key][where] if value is None else value
    report = replay_changed(tmp_path, arrays)
    assert getattr(report, found) == 1
    assert not report.within_tolerance


def test_a_lock_or_grip_that_the_rules_do_not_give_is_found(tmp_path: Path) -> None:
    lock, grab = recorded("lock"), recorded("grab")
    lock["st_lock_box_obj_locked"][6:, 1] = True
    grab["st_grab_obj_grabbed"][1, 1, 2] = True
    assert "locks" in replay_changed(tmp_path, lock).violations
    assert "grabs" in replay_changed(tmp_path, grab).violations


@pytest.mark.parametrize(("key", "offset"), [("box_obs", 1e-8), ("observation_self", 1e-8), ("lidar", 1e-5)])
def test_a_wrong_number_in_an_observation_is_found(tmp_path: Path, key: str, offset: float) -> None:
    arrays = recorded("grab")
    arrays[f"obs_{key}"][4, 1, ..., 0] += offset
    report = replay_changed(tmp_path, arrays)
    assert report.violations == [key]
    assert report.observation_errors[key] == pytest.approx(offset, rel=0.01)


def two_lockers() -> dict[str, np.ndarray]:
    """The first lock again, with the other hider asking for it too from the far side of the box."""
    arrays = recorded("lock")
    step = 2
    centre = arrays["st_qpos"][step, 16:18] + 0.25
    arrays["st_qpos"][step, 4:6] = 2 * centre - (arrays["st_qpos"][step, 0:2] + 0.15) - 0.15
    arrays["obs_mask_ab_obs"][step, 1, 0] = True
    arrays["action_glueall"][step, 1] = 1
    return arrays


@pytest.mark.parametrize(("owner", "mismatches"), [(0, 0), (1, 0), (3, 1)])
def test_any_agent_that_asked_may_have_been_drawn_as_owner(tmp_path: Path, owner: int, mismatches: int) -> None:
    arrays = two_lockers()
    arrays["st_lock_box_which_locked"][3:, 0] = owner
    report = replay_changed(tmp_path, {key: _first(value, key, 3) for key, value in arrays.items()})
    assert report.lock_mismatches == mismatches


def _first(array: np.ndarray, key: str, steps: int) -> np.ndarray:
    if key.startswith("model_") or key == "metadata_json":
        return array
    return array[: steps + 1 if key.startswith(("obs_", "st_")) else steps]


def test_a_reach_other_than_the_original_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    true_rules = Recording.rules

    def long_arms(recording: Recording) -> RulesConfig:
        return true_rules(recording).model_copy(update={"lock_grab_radius": 2.5})

    monkeypatch.setattr(Recording, "rules", long_arms)
    report = replay(DATA / "recording_episode.npz")
    assert {"locks", "grabs"} <= set(report.violations)
    assert report.mask_mismatches == 0


def test_physics_that_runs_short_is_found() -> None:
    report = replay(DATA / "recording_episode.npz", PhysicsConfig(num_substeps=14))
    assert report.violations == ["positions"]


def test_sleeping_bodies_change_no_rule() -> None:
    reports = [replay(DATA / "recording_prep.npz", PhysicsConfig(sleep=sleep)) for sleep in (False, True)]
    assert all(report.within_tolerance for report in reports)


def test_a_report_is_plain_json() -> None:
    report = replay(DATA / "recording_out_of_area.npz")
    told: dict[str, Any] = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["within_tolerance"] is True
    assert told["num_placed_by_hand"] == 4
    assert told["weld_steps"]["num_steps"] == 0


def test_reports_fit_a_narrow_terminal_and_name_what_is_wrong(tmp_path: Path) -> None:
    arrays = recorded("grab_mirrored")
    arrays["reward"][4] *= -1
    text = format_reports([replay(DATA / "recording_grab_mirrored.npz"), replay_changed(tmp_path, arrays)])
    assert "NOT reproduced: rewards\n" in text
    assert "masks 0, rewards 4, locks 0, grabs 0" in text
    assert "grabs 0 (1 at the mirrored offset)\n" in text
    assert text.endswith("1 of 2 recordings are reproduced within tolerance.")
    assert all(len(line) < 80 for line in text.splitlines() if line.startswith(" "))


def test_a_spread_is_over_all_bodies_of_all_steps() -> None:
    spread = Spread.of(np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 10.0]]))
    assert (spread.num_steps, spread.median, spread.p90, spread.max) == (3, 2.5, 7.0, 10.0)
    assert spread.worst_body_median == 3.0
    assert Spread.of(np.zeros((0, 7))) == Spread(0, 0.0, 0.0, 0.0, 0.0)
