"""Reading recordings of the original game from `.npz` files, as arrays and nothing else.

Files come from anywhere, so nothing in them is trusted: no pickle is ever opened, every array is
checked for kind, shape and range, and whatever is wrong becomes one `RecordingError`.
"""

from __future__ import annotations

import json
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from evo_hns.analysis.recordings import TALLER_THAN_INNER_WALLS, Recording
from evo_hns.config import WorldConfig
from evo_hns.spec import ObjectColumns
from evo_hns.worlds.sizes import NUM_OUTER_WALLS

OBSERVATION_KEYS = (
    "observation_self",
    "agent_qpos_qvel",
    "mask_aa_obs",
    "box_obs",
    "mask_ab_obs",
    "mask_ab_obs_spoof",
    "ramp_obs",
    "mask_ar_obs",
    "food_obs",
    "mask_af_obs",
    "mask_af_obs_spoof",
    "lidar",
)
MASK_KEYS = tuple(key for key in OBSERVATION_KEYS if key.startswith("mask"))

# Kind and shape of every array that is read. S = T + 1 rows, n agents, B places for boxes and C columns about
# each, b boxes, R ramps, D columns, m = b + R, F food, L lidar rays, q = 4 (n + m) joints, G geoms, N bodies.
_LAYOUT: dict[str, tuple[str, str]] = {
    "obs_observation_self": ("f", "S n 10"),
    "obs_agent_qpos_qvel": ("f", "S n n-1 10"),
    "obs_mask_aa_obs": ("b", "S n n-1"),
    "obs_box_obs": ("f", "S n B C"),
    "obs_mask_ab_obs": ("bf", "S n B"),
    "obs_mask_ab_obs_spoof": ("bf", "S n B"),
    "obs_ramp_obs": ("f", "S n R D"),
    "obs_mask_ar_obs": ("b", "S n R"),
    "obs_food_obs": ("f", "S n F 4"),
    "obs_mask_af_obs": ("b", "S n F"),
    "obs_mask_af_obs_spoof": ("bf", "S n F"),
    "obs_lidar": ("f", "S n L 1"),
    "st_qpos": ("f", "S q"),
    "st_qvel": ("f", "S q"),
    "st_qacc_warmstart": ("f", "S q"),
    "st_eq_data": ("f", "S n 7"),
    "st_jnt_range": ("f", "S q 2"),
    "st_lock_box_obj_locked": ("b", "S b"),
    "st_lock_box_which_locked": ("i", "S b"),
    "st_lock_ramp_obj_locked": ("b", "S R"),
    "st_lock_ramp_which_locked": ("i", "S R"),
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
_RAMP_LOCKS = ("st_lock_ramp_obj_locked", "st_lock_ramp_which_locked")
_FOOD = ("obs_food_obs", "obs_mask_af_obs", "obs_mask_af_obs_spoof")
_OPTIONAL = {"notes", *_RAMP_LOCKS, *_FOOD}  # scripted recordings, and games with such rules, alone have them
_GAMES = "only hide-and-seek and lock-and-return can be replayed"
_BOX_PREFIX = "moveable_box"
_MAX_INNER_WALLS = {"quadrant": 4, "randomwalls": 11}
_MAX_BYTES = 1 << 28
_MAX_VALUE = 1e6  # metres, radians, and per second: nothing in a game comes near


class RecordingError(ValueError):
    """A file is not a recording that can be replayed; the message is one line for the user."""


def read_recording(path: Path) -> Recording:
    """Read and check one file.

    Args:
        path: an `.npz` recording of hide-and-seek or of lock-and-return.

    Returns:
        The recording.

    Raises:
        RecordingError: the file is missing, damaged, not a recording, or of another game.
    """
    arrays = _read_arrays(path)
    game = _read_game(path, arrays)
    if game.task == "box-locking":
        _drop_padding(path, arrays)
    locks_ramps = _RAMP_LOCKS[0] in arrays
    _fill_in(arrays)
    _check_layout(path, arrays)
    _check_values(path, arrays, game.scenario)
    recording = _assemble(path, arrays, game, locks_ramps)
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
    return f"{path}: not a whole recording: {named} missing; {_GAMES}"


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
            raise RecordingError(f"{path}: {key} has shape {array.shape}, expected {expected}; {_GAMES}")


def _sizes(path: Path, arrays: dict[str, NDArray[Any]]) -> dict[str, int]:
    """What each letter of `_LAYOUT` stands for in this file."""
    heads = {"action_movement": 3, "obs_box_obs": 4, "obs_ramp_obs": 4, "obs_food_obs": 4, "obs_lidar": 4}
    for key, ndim in {**heads, "st_lock_box_obj_locked": 2, "model_geom_pos": 2, "model_body_pos": 2}.items():
        if arrays[key].ndim != ndim:
            raise RecordingError(f"{path}: {key} has {arrays[key].ndim} axes, expected {ndim}")
    steps, n = arrays["action_movement"].shape[:2]
    if steps < 1 or n < 1:
        raise RecordingError(f"{path}: {steps} steps of {n} agents; expected at least 1 step and 1 agent")
    places, boxes = arrays["obs_box_obs"].shape[2], arrays["st_lock_box_obj_locked"].shape[1]
    if boxes > places:
        raise RecordingError(f"{path}: st_lock_box_obj_locked tells of {boxes} boxes; expected at most {places}")
    ramps = arrays["obs_ramp_obs"].shape[2]
    sizes = {"T": steps, "S": steps + 1, "n": n, "n-1": n - 1, "B": places, "b": boxes, "R": ramps, "m": boxes + ramps}
    sizes |= {"C": arrays["obs_box_obs"].shape[3], "D": arrays["obs_ramp_obs"].shape[3], "q": 4 * (n + boxes + ramps)}
    sizes |= {"F": arrays["obs_food_obs"].shape[2], "L": arrays["obs_lidar"].shape[2]}
    return sizes | {"G": len(arrays["model_geom_pos"]), "N": len(arrays["model_body_pos"])}


def _check_values(path: Path, arrays: dict[str, NDArray[Any]], scenario: str) -> None:
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
        "st_lock_ramp_which_locked": num_agents,
        "model_geom_bodyid": len(arrays["model_body_pos"]),
    }
    for key, limit in limits.items():
        if arrays[key].size and not (arrays[key].min() >= 0 and arrays[key].max() < limit):
            raise RecordingError(f"{path}: {key} holds values outside 0..{limit - 1}")
    if (arrays["st_grab_obj_grabbed"].sum(axis=2) > 1).any():
        raise RecordingError(f"{path}: st_grab_obj_grabbed has an agent that holds two objects at once")
    outer, inner = (int((_is_wall(arrays) & tall).sum()) for tall in _by_height(arrays))
    if outer > NUM_OUTER_WALLS or inner > _MAX_INNER_WALLS[scenario]:
        raise RecordingError(
            f"{path}: has {outer} outer and {inner} inner walls; "
            f"a world has at most {NUM_OUTER_WALLS} and {_MAX_INNER_WALLS[scenario]}"
        )
    num_boxes = int(np.char.startswith(arrays["model_geom_names"], _BOX_PREFIX).sum())
    if num_boxes != arrays["st_lock_box_obj_locked"].shape[1]:
        raise RecordingError(f"{path}: model_geom_names names {num_boxes} boxes; expected as many as have locks")


def _by_height(arrays: dict[str, NDArray[Any]]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Geoms that are as tall as outer walls, and the others."""
    tall = arrays["model_geom_size"][:, 2] > TALLER_THAN_INNER_WALLS
    return tall, ~tall


def _is_wall(arrays: dict[str, NDArray[Any]]) -> NDArray[np.bool_]:
    return np.char.startswith(arrays["model_geom_names"], "wall")


@dataclass(frozen=True)
class _Game:
    """Which game a file tells of."""

    task: Literal["hide-and-seek", "box-locking"]
    scenario: Literal["quadrant", "randomwalls"]
    num_hiders: int


def _read_game(path: Path, arrays: dict[str, NDArray[Any]]) -> _Game:
    """The game, from the file's description of it."""
    try:
        metadata = dict(json.loads(str(arrays["metadata_json"])))
    except (ValueError, TypeError):
        raise RecordingError(f"{path}: metadata_json is not a JSON object") from None
    num_agents = arrays["reward"].shape[-1:]
    if "n_hiders" not in metadata:
        if num_agents != (1,) or "tri_room_grid_cell_range" in metadata or arrays["obs_box_obs"].shape[2:3] != (1,):
            raise RecordingError(f"{path}: recorded in another game; {_GAMES}")
        return _Game("box-locking", "randomwalls", 1)
    num_hiders = metadata["n_hiders"]
    if not (isinstance(num_hiders, int) and num_agents and 0 < num_hiders < num_agents[0]):
        raise RecordingError(f"{path}: metadata_json tells of {num_hiders!r} hiders; expected 1 to all but one agent")
    return _Game("hide-and-seek", "quadrant" if "quadrant_size" in metadata else "randomwalls", num_hiders)


def _drop_padding(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Remove what the original adds to a single-agent task so that its observations fit hide-and-seek.

    Rows of another agent and of a ramp that are constant zeros, the agent itself as somebody it sees.
    """
    padding = {
        "obs_agent_qpos_qvel": (0, np.float64),
        "obs_mask_aa_obs": (1, np.bool_),
        "obs_ramp_obs": (0, np.float64),
        "obs_mask_ar_obs": (0, np.bool_),
    }
    for key, (value, dtype) in padding.items():
        if arrays[key].ndim < 3 or (arrays[key] != value).any():
            raise RecordingError(f"{path}: {key} holds more than padding; {_GAMES}")
        arrays[key] = arrays[key][:, :, :0].astype(dtype)
    arrays["obs_ramp_obs"] = arrays["obs_ramp_obs"][..., : ObjectColumns(has_locks=False).width]


def _fill_in(arrays: dict[str, NDArray[Any]]) -> None:
    """Give games without food arrays without items, and ramps without locks arrays in which none is locked."""
    rows, agents, ramps = len(arrays["st_qpos"]), arrays["reward"].shape[-1], arrays["obs_ramp_obs"].shape[2:3]
    missing = {
        "obs_food_obs": np.zeros((rows, agents, 0, 4)),
        "obs_mask_af_obs": np.zeros((rows, agents, 0), dtype=bool),
        "obs_mask_af_obs_spoof": np.zeros((rows, agents, 0)),
        "st_lock_ramp_obj_locked": np.zeros((rows, *ramps), dtype=bool),
        "st_lock_ramp_which_locked": np.zeros((rows, *ramps), dtype=np.int64),
    }
    for key, array in missing.items():
        arrays.setdefault(key, array)


def _columns(path: Path, key: str, width: int, has_locks: bool) -> ObjectColumns:
    """What the columns of boxes or ramps mean, by how many there are."""
    for has_size in (False, True):
        columns = ObjectColumns(has_size=has_size, has_locks=has_locks)
        if columns.width == width:
            return columns
    raise RecordingError(f"{path}: {key} has {width} columns, expected {9 + 3 * has_locks} or {12 + 3 * has_locks}")


def _assemble(path: Path, arrays: dict[str, NDArray[Any]], game: _Game, locks_ramps: bool) -> Recording:
    num_agents, num_ramps = arrays["reward"].shape[1], arrays["obs_ramp_obs"].shape[2]
    num_boxes, num_places = arrays["st_lock_box_obj_locked"].shape[1], arrays["obs_box_obs"].shape[2]
    wall = _is_wall(arrays)

    def in_places(values: NDArray[Any], axis: int) -> NDArray[Any]:
        """Room for absent boxes between those that exist and the ramps."""
        shape = [*values.shape[:axis], num_places - num_boxes, *values.shape[axis + 1 :]]
        boxes, ramps = np.split(values, [num_boxes], axis=axis)
        return np.concatenate([boxes, np.zeros(shape, dtype=values.dtype), ramps], axis=axis)

    locked, owner = (
        np.concatenate([arrays[f"st_lock_{kind}_{what}"] for kind in ("box", "ramp")], axis=1)
        for what in ("obj_locked", "which_locked")
    )
    return Recording(
        path=path,
        task=game.task,
        scenario=game.scenario,
        num_hiders=game.num_hiders,
        present=in_places(np.ones(num_boxes + num_ramps, dtype=bool), 0),
        num_ramps=num_ramps,
        box_columns=_columns(path, "obs_box_obs", arrays["obs_box_obs"].shape[3], has_locks=True),
        ramp_columns=_columns(path, "obs_ramp_obs", arrays["obs_ramp_obs"].shape[3], locks_ramps and num_ramps > 0)
        if num_ramps
        else ObjectColumns(has_locks=False),
        observations={key: arrays[f"obs_{key}"] for key in OBSERVATION_KEYS},
        qpos=arrays["st_qpos"],
        qvel=arrays["st_qvel"],
        qacc_warmstart=arrays["st_qacc_warmstart"],
        locked=in_places(locked, 1),
        lock_owner=in_places(owner, 1),
        lock_pose=in_places(arrays["st_jnt_range"][:, 4 * num_agents :, 0].reshape(len(locked), -1, 4), 1),
        grabbed=in_places(arrays["st_grab_obj_grabbed"], 2),
        weld=arrays["st_eq_data"],
        movement=arrays["action_movement"],
        pull=arrays["action_pull"].astype(bool),
        glueall=arrays["action_glueall"].astype(bool),
        reward=arrays["reward"],
        finished=bool(arrays["done"][-1]),
        wall_pos=(arrays["model_geom_pos"] + arrays["model_body_pos"][arrays["model_geom_bodyid"]])[wall],
        wall_size=arrays["model_geom_size"][wall],
        box_size=_box_sizes(arrays, num_places),
        scripted="notes" in arrays,
    )


def _box_sizes(arrays: dict[str, NDArray[Any]], num_places: int) -> NDArray[np.float64]:
    """`(B, 3)` half sizes of boxes; an absent one counts as a cube of the standard size."""
    sizes = np.full((num_places, 3), WorldConfig().box_size / 2)
    boxes = arrays["model_geom_size"][np.char.startswith(arrays["model_geom_names"], _BOX_PREFIX)]
    sizes[: len(boxes)] = boxes
    return sizes
