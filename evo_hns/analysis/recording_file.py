"""Reading recordings of the original game from `.npz` files, as arrays and nothing else.

Files come from anywhere, so nothing in them is trusted: no pickle is ever opened, every array is
checked for kind, shape and range, and whatever is wrong becomes one `RecordingError`.
"""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from evo_hns.analysis.recordings import Recording
from evo_hns.worlds.sizes import NUM_WALLS

OBSERVATION_KEYS = (
    "observation_self",
    "agent_qpos_qvel",
    "mask_aa_obs",
    "box_obs",
    "mask_ab_obs",
    "mask_ab_obs_spoof",
    "ramp_obs",
    "mask_ar_obs",
    "lidar",
)
MASK_KEYS = tuple(key for key in OBSERVATION_KEYS if key.startswith("mask"))

# Kind and shape of every array that is read. S = T + 1 rows, n agents, B boxes, R ramps,
# m = B + R, L lidar rays, q = 4 (n + m) joints; other letters and numbers stand for themselves.
_LAYOUT: dict[str, tuple[str, str]] = {
    "obs_observation_self": ("f", "S n 10"),
    "obs_agent_qpos_qvel": ("f", "S n n-1 10"),
    "obs_mask_aa_obs": ("b", "S n n-1"),
    "obs_box_obs": ("f", "S n B 12"),
    "obs_mask_ab_obs": ("b", "S n B"),
    "obs_mask_ab_obs_spoof": ("bf", "S n B"),
    "obs_ramp_obs": ("f", "S n R 9"),
    "obs_mask_ar_obs": ("b", "S n R"),
    "obs_lidar": ("f", "S n L 1"),
    "st_qpos": ("f", "S q"),
    "st_qvel": ("f", "S q"),
    "st_qacc_warmstart": ("f", "S q"),
    "st_eq_data": ("f", "S n 7"),
    "st_jnt_range": ("f", "S q 2"),
    "st_lock_box_obj_locked": ("b", "S B"),
    "st_lock_box_which_locked": ("i", "S B"),
    "st_grab_obj_grabbed": ("b", "S n m"),
    "action_movement": ("i", "T n 3"),
    "action_pull": ("i", "T n"),
    "action_glueall": ("i", "T n"),
    "reward": ("f", "T n"),
    "done": ("b", "T"),
    "model_geom_pos": ("f", "G 3"),
    "model_geom_size": ("f", "G 3"),
    "model_geom_bodyid": ("i", "G"),
    "model_geom_names": ("U", "G"),
    "model_body_pos": ("f", "N 3"),
    "metadata_json": ("U", ""),
    "notes": ("U", "T"),
}
_CASTS = {"f": np.float64, "i": np.int64, "u": np.int64}
_KIND_NAMES = {"f": "floats", "i": "integers", "b": "booleans", "bf": "booleans or floats", "U": "text"}
_OPTIONAL = {"notes"}  # scripted recordings alone have them
_MAX_BYTES = 1 << 28
_MAX_VALUE = 1e6  # metres, radians, and per second: nothing in a game comes near


class RecordingError(ValueError):
    """A file is not a recording that can be replayed; the message is one line for the user."""


def read_recording(path: Path) -> Recording:
    """Read and check one file.

    Args:
        path: an `.npz` recording of the quadrant game.

    Returns:
        The recording.

    Raises:
        RecordingError: the file is missing, damaged, not a recording, or of another game.
    """
    arrays = _read_arrays(path)
    num_hiders = _num_hiders(path, arrays)
    _check_layout(path, arrays)
    _check_values(path, arrays)
    recording = _assemble(path, arrays, num_hiders)
    try:
        recording.rules(), recording.world()
    except ValidationError as error:
        detail = error.errors()[0]
        raise RecordingError(f"{path}: cannot be replayed: {detail['loc'][0]}: {detail['msg']}") from None
    return recording


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of the layout, read without unpickling."""
    _check_file(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in _LAYOUT if key not in archive.files and key not in _OPTIONAL]
            if not missing:
                _check_size(path, archive.zip)
                return {key: archive[key] for key in _LAYOUT if key in archive.files}
    except RecordingError:
        raise
    except Exception as error:  # a damaged or hostile archive can fail in a dozen ways, all of them "cannot be read"
        reason = str(error).split("\n")[0] or type(error).__name__
        raise RecordingError(f"{path}: cannot be read: {reason}") from None
    raise RecordingError(_explain_missing(path, missing))


def _check_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise RecordingError(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; give recordings (.npz)"
        ) from None
    if not stat.S_ISREG(mode):
        raise RecordingError(f"{path}: not a file; give recordings (.npz), such as those in a directory one by one")
    if not zipfile.is_zipfile(path):
        raise RecordingError(f"{path}: not an .npz file, or a damaged one; give a recording of the original game")


def _check_size(path: Path, archive: zipfile.ZipFile) -> None:
    size = sum(info.file_size for info in archive.infolist())
    if size > _MAX_BYTES:
        raise RecordingError(f"{path}: unpacks to {size >> 20} MiB; a recording has at most {_MAX_BYTES >> 20}")


def _explain_missing(path: Path, missing: list[str]) -> str:
    if len(missing) == len(_LAYOUT) - len(_OPTIONAL):
        return f"{path}: not a recording: it has none of the arrays of one (obs_*, st_*, action_*, ...)"
    named = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    return f"{path}: not a recording of the quadrant game: {named} missing"


def _check_layout(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Hold every array against `_LAYOUT`, with this file's sizes, and bring it to its common precision."""
    sizes = _sizes(path, arrays)
    for key, array in arrays.items():
        kinds, dims = _LAYOUT[key]
        if array.dtype.kind not in kinds + ("u" if kinds == "i" else ""):
            raise RecordingError(f"{path}: {key} holds {array.dtype}, expected {_KIND_NAMES[kinds]}")
        arrays[key] = array.astype(_CASTS.get(array.dtype.kind, array.dtype))
        expected = tuple(sizes[dim] if dim in sizes else int(dim) for dim in dims.split())
        if array.shape != expected:
            raise RecordingError(
                f"{path}: {key} has shape {array.shape}, expected {expected}; only the quadrant game can be replayed"
            )


def _sizes(path: Path, arrays: dict[str, NDArray[Any]]) -> dict[str, int]:
    """What each letter of `_LAYOUT` stands for in this file."""
    heads = {"action_movement": 3, "obs_box_obs": 4, "obs_ramp_obs": 4, "obs_lidar": 4, "model_geom_pos": 2}
    for key, ndim in {**heads, "model_body_pos": 2}.items():
        if arrays[key].ndim != ndim:
            raise RecordingError(f"{path}: {key} has {arrays[key].ndim} axes, expected {ndim}")
    steps, n = arrays["action_movement"].shape[:2]
    if steps < 1 or n < 2:
        raise RecordingError(f"{path}: {steps} steps of {n} agents; expected at least 1 step and 2 agents")
    boxes, ramps = arrays["obs_box_obs"].shape[2], arrays["obs_ramp_obs"].shape[2]
    rays, geoms, bodies = arrays["obs_lidar"].shape[2], len(arrays["model_geom_pos"]), len(arrays["model_body_pos"])
    sizes = {"T": steps, "S": steps + 1, "n": n, "n-1": n - 1, "B": boxes, "R": ramps, "m": boxes + ramps}
    return sizes | {"L": rays, "q": 4 * (n + boxes + ramps), "G": geoms, "N": bodies}


def _check_values(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Refuse numbers no game can have, indices that point nowhere, and more walls than a world holds."""
    for key, array in arrays.items():
        if array.dtype.kind == "f" and not (np.abs(array) <= _MAX_VALUE).all():
            raise RecordingError(f"{path}: {key} holds numbers that are not finite, or beyond {_MAX_VALUE:.0e}")
    num_agents = arrays["reward"].shape[1]
    limits = {
        "action_movement": 11,
        "action_pull": 2,
        "action_glueall": 2,
        "st_lock_box_which_locked": num_agents,
        "model_geom_bodyid": len(arrays["model_body_pos"]),
    }
    for key, limit in limits.items():
        if arrays[key].size and not (arrays[key].min() >= 0 and arrays[key].max() < limit):
            raise RecordingError(f"{path}: {key} holds values outside 0..{limit - 1}")
    if (arrays["st_grab_obj_grabbed"].sum(axis=2) > 1).any():
        raise RecordingError(f"{path}: st_grab_obj_grabbed has an agent that holds two objects at once")
    num_walls = int(_is_wall(arrays).sum())
    if num_walls > NUM_WALLS:
        raise RecordingError(f"{path}: has {num_walls} walls; a world of the quadrant game has at most {NUM_WALLS}")


def _is_wall(arrays: dict[str, NDArray[Any]]) -> NDArray[np.bool_]:
    return np.char.startswith(arrays["model_geom_names"], "wall")


def _num_hiders(path: Path, arrays: dict[str, NDArray[Any]]) -> int:
    """The number of hiders, from the file's description of its game."""
    try:
        metadata = dict(json.loads(str(arrays["metadata_json"])))
    except (ValueError, TypeError):
        raise RecordingError(f"{path}: metadata_json is not a JSON object") from None
    if not {"n_hiders", "quadrant_size"} <= metadata.keys():
        raise RecordingError(f"{path}: recorded in another game; only hide-and-seek in the quadrant can be replayed")
    num_hiders, num_agents = metadata["n_hiders"], arrays["reward"].shape[-1:]
    if not (isinstance(num_hiders, int) and num_agents and 0 < num_hiders < num_agents[0]):
        raise RecordingError(f"{path}: metadata_json tells of {num_hiders!r} hiders; expected 1 to all but one agent")
    return num_hiders


def _assemble(path: Path, arrays: dict[str, NDArray[Any]], num_hiders: int) -> Recording:
    num_ramps = arrays["obs_ramp_obs"].shape[2]
    num_agents = arrays["reward"].shape[1]
    no_ramps = np.zeros((len(arrays["st_qpos"]), num_ramps), dtype=np.int64)  # ramps have no locks in this game
    wall = _is_wall(arrays)
    return Recording(
        path=path,
        num_hiders=num_hiders,
        num_ramps=num_ramps,
        observations={key: arrays[f"obs_{key}"] for key in OBSERVATION_KEYS},
        qpos=arrays["st_qpos"],
        qvel=arrays["st_qvel"],
        qacc_warmstart=arrays["st_qacc_warmstart"],
        locked=np.concatenate([arrays["st_lock_box_obj_locked"], no_ramps.astype(bool)], axis=1),
        lock_owner=np.concatenate([arrays["st_lock_box_which_locked"], no_ramps], axis=1),
        lock_pose=arrays["st_jnt_range"][:, 4 * num_agents :, 0].reshape(len(no_ramps), -1, 4),
        grabbed=arrays["st_grab_obj_grabbed"],
        weld=arrays["st_eq_data"],
        movement=arrays["action_movement"],
        pull=arrays["action_pull"].astype(bool),
        glueall=arrays["action_glueall"].astype(bool),
        reward=arrays["reward"],
        finished=bool(arrays["done"][-1]),
        wall_pos=(arrays["model_geom_pos"] + arrays["model_body_pos"][arrays["model_geom_bodyid"]])[wall],
        wall_size=arrays["model_geom_size"][wall],
        scripted="notes" in arrays,
    )
