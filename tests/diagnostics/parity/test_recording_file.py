"""Reading recordings: what they hold, and one clear line for every file that cannot be replayed."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evo_hns.diagnostics.parity.recording_file import RecordingError, read_recording

DATA = Path(__file__).parents[2] / "data"
OUT_OF_AREA = DATA / "recording_out_of_area.npz"

Change = Callable[[np.ndarray], Any]


def rewrite(path: Path, **changes: Any) -> Path:
    """A small good recording with some arrays replaced (None: left out)."""
    with np.load(OUT_OF_AREA) as archive:
        arrays = {**{key: archive[key] for key in archive.files}, **changes}
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def original(key: str) -> np.ndarray:
    with np.load(OUT_OF_AREA) as archive:
        return np.asarray(archive[key])


def test_a_recording_knows_its_world_and_its_rules() -> None:
    recording = read_recording(DATA / "recording_prep.npz")
    world, rules = recording.world(), recording.rules()
    assert (world.num_hiders, world.num_seekers, world.num_boxes, world.num_ramps) == (2, 2, 2, 1)
    assert recording.prep_steps == 32.0
    assert rules.prep_fraction * rules.horizon == 32.0
    assert rules.num_lidar_rays == 30


def test_a_recording_of_the_full_game_knows_what_is_absent() -> None:
    recording = read_recording(DATA / "recording_full.npz")
    world, rules = recording.world(), recording.rules()
    assert (world.scenario, world.num_boxes, world.max_ramps) == ("randomwalls", (4, 9), 2)
    assert recording.present.tolist() == [True] * 4 + [False] * 5 + [True] * 2
    assert (rules.lock_ramp, rules.restrict_rect, rules.horizon) == (True, (-6.0, -6.0, 12.0, 12.0), 240)
    assert recording.box_size[:4].tolist() == [[0.075, 0.825, 0.25]] * 4


def test_a_recording_of_one_agent_is_the_task_without_its_padding() -> None:
    recording = read_recording(DATA / "recording_lock_and_return.npz")
    assert (recording.task, recording.num_agents, recording.num_ramps) == ("box-locking", 1, 0)
    assert recording.observations["agent_qpos_qvel"].shape[2] == recording.observations["mask_aa_obs"].shape[2] == 0
    assert recording.rules().box_locking.goal == "all-return"
    recording = read_recording(DATA / "recording_sequential_lock.npz")
    assert (recording.scenario, recording.num_boxes, recording.num_ramps) == ("three-rooms", 4, 3)
    assert (recording.rules().box_locking.goal, recording.rules().lock_ramp) == ("order", True)


def test_padding_that_tells_something_is_refused(tmp_path: Path) -> None:
    with np.load(DATA / "recording_lock_and_return.npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    arrays["obs_agent_qpos_qvel"] = arrays["obs_agent_qpos_qvel"] + 1.0
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(RecordingError, match="obs_agent_qpos_qvel holds more than padding; only hide-and-seek, box"):
        read_recording(tmp_path / "a.npz")


def test_the_horizon_is_the_end_of_a_finished_episode() -> None:
    assert read_recording(DATA / "recording_episode.npz").rules().horizon == 80


def test_rows_with_objects_placed_by_hand_are_seen_as_they_were_before() -> None:
    recording = read_recording(OUT_OF_AREA)
    assert np.flatnonzero(recording.placed_by_hand).tolist() == [0, 2, 4, 6]
    told = recording.observations["observation_self"][..., :4].reshape(9, 16)
    np.testing.assert_array_equal(recording.seen_qpos[:, :16], told)
    assert np.abs(recording.qpos[4] - recording.seen_qpos[4]).max() > 0.1


def test_only_scripted_recordings_have_objects_placed_by_hand(tmp_path: Path) -> None:
    unscripted = read_recording(rewrite(tmp_path / "a.npz", notes=None))
    assert not unscripted.placed_by_hand.any()


def test_a_small_difference_between_observation_and_state_is_no_hand(tmp_path: Path) -> None:
    told = original("obs_observation_self")
    told[5, 0, 0] += 0.005
    assert not read_recording(rewrite(tmp_path / "a.npz", obs_observation_self=told)).placed_by_hand[5]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nowhere\.npz: no such file or directory"):
        read_recording(tmp_path / "nowhere.npz")


def test_a_directory_is_not_a_recording(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="not a file"):
        read_recording(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(100), OUT_OF_AREA.read_bytes()[:5000]])
def test_what_is_no_archive_or_half_of_one_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"not an \.npz file, or a damaged one"):
        read_recording(path)


def test_a_single_array_is_not_a_recording(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(RecordingError, match=r"not an \.npz file"):
        read_recording(tmp_path / "a.npy")


def test_an_archive_without_any_array_of_a_recording_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", weights=np.zeros(3))
    with pytest.raises(RecordingError, match="it has none of the arrays"):
        read_recording(tmp_path / "a.npz")


def test_missing_arrays_are_named(tmp_path: Path) -> None:
    path = rewrite(tmp_path / "a.npz", reward=None, st_qvel=None)
    with pytest.raises(RecordingError, match="st_qvel, reward missing"):
        read_recording(path)


def test_an_array_of_rubbish_is_refused(tmp_path: Path) -> None:
    path = rewrite(tmp_path / "a.npz", reward=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("reward.npy", b"\x93NUMPY\x01\x00 not a header at all")
    with pytest.raises(RecordingError, match="cannot be read: "):
        read_recording(path)


class _Trap:
    """Pickles into a command that leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.mark),))


def test_a_pickle_is_refused_and_never_opened(tmp_path: Path) -> None:
    mark = tmp_path / "was_here"
    path = rewrite(tmp_path / "a.npz", reward=np.array([_Trap(mark)], dtype=object))
    with pytest.raises(RecordingError, match="Object arrays cannot be loaded"):
        read_recording(path)
    assert not mark.exists()


def test_a_file_that_unpacks_to_something_huge_is_refused(tmp_path: Path) -> None:
    path = rewrite(tmp_path / "a.npz")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.npy", bytes(260 << 20))
    with pytest.raises(RecordingError, match=r"unpacks to 26\d MiB"):
        read_recording(path)


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("reward", lambda a: a[:, :3], r"reward has shape \(8, 3\), expected \(8, 4\)"),
        ("st_qpos", lambda a: a[:-1], r"st_qpos has shape \(8, 28\), expected \(9, 28\)"),
        ("obs_box_obs", lambda a: a.repeat(2, -1), "obs_box_obs has 24 columns, expected 12 or 15"),
        ("obs_lidar", lambda a: a[..., 0], "obs_lidar has 3 axes, expected 4"),
        ("action_pull", lambda a: a.astype(str), "action_pull holds <U21, expected integers"),
        ("obs_mask_aa_obs", lambda a: a.astype(int), "obs_mask_aa_obs holds int64, expected booleans"),
        ("action_movement", lambda a: a + 6, r"action_movement holds values outside 0\.\.10"),
        ("action_movement", lambda a: a[:0], "0 steps of 4 agents; expected at least 1 step"),
        ("st_lock_box_which_locked", lambda a: a - 1, r"holds values outside 0\.\.3"),
        ("st_qvel", lambda a: a * np.nan, "st_qvel holds numbers that are not finite"),
        ("st_qpos", lambda a: a + 1e30, "not finite, or beyond 1e"),
        ("st_grab_obj_grabbed", lambda a: a | True, "holds two objects at once"),
        ("model_geom_names", lambda a: np.full(a.shape, "wall"), "has 4 outer and 19 inner walls; .* at most 4 and 4"),
        ("reward", lambda a: a[0, 0], r"expected 1 to all but one agent"),
        ("st_qpos", lambda a: a[0, 0], "obs_food_obs has 3 axes, expected 4"),
        ("metadata_json", lambda a: np.array("{"), "metadata_json is not a JSON object"),
        ("metadata_json", lambda a: np.array("{}"), "recorded in another game"),
        ("metadata_json", lambda a: edited(a, n_hiders=4), "4 hiders; expected 1 to all but one agent"),
    ],
)
def test_what_does_not_fit_is_named_with_what_was_expected(
    tmp_path: Path, key: str, change: Change, message: str
) -> None:
    path = rewrite(tmp_path / "a.npz", **{key: change(original(key))})
    with pytest.raises(RecordingError, match=message) as caught:
        read_recording(path)
    assert "\n" not in str(caught.value)


def test_a_preparation_that_outlasts_a_finished_episode_is_refused(tmp_path: Path) -> None:
    told = np.where(original("obs_observation_self") == 1.0, 0.001, original("obs_observation_self"))
    path = rewrite(tmp_path / "a.npz", obs_observation_self=told, done=original("done") | True)
    with pytest.raises(RecordingError, match="prep_fraction: Input should be less than 1"):
        read_recording(path)


def edited(metadata: np.ndarray, **entries: Any) -> np.ndarray:
    return np.array(json.dumps({**json.loads(str(metadata)), **entries}))


def test_a_damaged_file_is_refused_in_one_line_wherever_the_damage_is(tmp_path: Path) -> None:
    good, path, rng = OUT_OF_AREA.read_bytes(), tmp_path / "a.npz", np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(good)
        for place in rng.integers(len(good), size=10):
            damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            read_recording(path)
        except RecordingError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 50
