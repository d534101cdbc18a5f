"""The arrays of a recording: which there are, of what kind and shape, and how they are read without trust.

Files come from anywhere, so nothing in them is trusted: no pickle is ever opened, every array is
checked for kind, shape and range, and whatever is wrong becomes one `RecordingError`.
"""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evo_hns.diagnostics.parity.recordings import TALLER_THAN_INNER_WALLS
from evo_hns.worlds.sizes import NUM_OUTER_WALLS

Arrays = dict[str, NDArray[Any]]

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
    "construction_site_obs",
    "mask_acs_obs",
    "lidar",
)
MASK_KEYS = tuple(key for key in OBSERVATION_KEYS if key.startswith("mask"))

# Kind and shape of every array that is read. S = T + 1 rows, n agents, B places for boxes and C columns about
# each, b boxes, R ramps, D columns, m = b + R, F food, P sites, L lidar rays, q = 4 (n + m) joints, G geoms, N bodies.
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
    "obs_construction_site_obs": ("f", "S n P 15"),
    "obs_mask_acs_obs_spoof": ("bf", "S n P"),
    "obs_mask_acs_obs": ("bf", "S n P"),
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
    "info_json": ("U", "T"),
    "notes": ("U", "T"),
}
_CASTS = {"f": np.float64, "i": np.int64, "u": np.int64}
_KIND_NAMES = {"f": "floats", "i": "integers", "b": "booleans", "bf": "booleans or floats", "U": "text"}
RAMP_LOCKS = ("st_lock_ramp_obj_locked", "st_lock_ramp_which_locked")
_FOOD = ("obs_food_obs", "obs_mask_af_obs", "obs_mask_af_obs_spoof")
_SITES = ("obs_construction_site_obs", "obs_mask_acs_obs_spoof")
_OPTIONAL = {
    "info_json",
    "notes",
    *RAMP_LOCKS,
    *_FOOD,
    *_SITES,
    "obs_mask_acs_obs",
}  # scripted recordings, and games with such rules, alone have them
GAMES = "only hide-and-seek, box locking, blueprint and shelter construction can be replayed"
BOX_PREFIX, CYLINDER = "moveable_box", "static_cylinder0"
_MAX_INNER_WALLS = {"quadrant": 4, "three-rooms": 4, "randomwalls": 11, "empty": 0}
_MAX_BYTES = 1 << 28
_MAX_VALUE = 1e6  # metres, radians, and per second: nothing in a game comes near


class RecordingError(ValueError):
    """A file is not a recording that can be replayed; the message is one line for the user."""


def read_arrays(path: Path) -> Arrays:
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
    return f"{path}: not a whole recording: {named} missing; {GAMES}"


def check_layout(path: Path, arrays: Arrays) -> None:
    """Hold every array against `_LAYOUT`, with this file's sizes, and bring it to its common precision."""
    sizes = _sizes(path, arrays)
    for key, array in arrays.items():
        kinds, dims = _LAYOUT[key]
        if array.dtype.kind not in kinds + ("u" if kinds == "i" else ""):
            raise RecordingError(f"{path}: {key} holds {array.dtype}, expected {_KIND_NAMES[kinds]}")
        arrays[key] = array.astype(_CASTS.get(array.dtype.kind, array.dtype))
        expected = tuple(sizes[dim] if dim in sizes else int(dim) for dim in dims.split())
        if array.shape != expected:
            raise RecordingError(f"{path}: {key} has shape {array.shape}, expected {expected}; {GAMES}")


def _sizes(path: Path, arrays: Arrays) -> dict[str, int]:
    """What each letter of `_LAYOUT` stands for in this file."""
    heads = {"action_movement": 3, "obs_box_obs": 4, "obs_ramp_obs": 4, "obs_food_obs": 4, "obs_lidar": 4}
    heads |= {"obs_construction_site_obs": 4}
    for key, ndim in {**heads, "st_lock_box_obj_locked": 2, "model_geom_pos": 2, "model_body_pos": 2}.items():
        if arrays[key].ndim != ndim:
            raise RecordingError(f"{path}: {key} has {arrays[key].ndim} axes, expected {ndim}")
    steps, n = arrays["action_movement"].shape[:2]
    if steps < 1 or n < 1:
        raise RecordingError(f"{path}: {steps} steps of {n} agents; expected at least 1 step and 1 agent")
    places, boxes = arrays["obs_box_obs"].shape[2], arrays["st_lock_box_obj_locked"].shape[1]
    if boxes > places:
        raise RecordingError(f"{path}: st_lock_box_obj_locked has {boxes} boxes; expected at most {places}")
    ramps = arrays["obs_ramp_obs"].shape[2]
    sizes = {"T": steps, "S": steps + 1, "n": n, "n-1": n - 1, "B": places, "b": boxes, "R": ramps, "m": boxes + ramps}
    sizes |= {"C": arrays["obs_box_obs"].shape[3], "D": arrays["obs_ramp_obs"].shape[3], "q": 4 * (n + boxes + ramps)}
    sizes |= {"F": arrays["obs_food_obs"].shape[2], "L": arrays["obs_lidar"].shape[2]}
    sizes |= {"P": arrays["obs_construction_site_obs"].shape[2]}
    return sizes | {"G": len(arrays["model_geom_pos"]), "N": len(arrays["model_body_pos"])}


def check_values(path: Path, arrays: Arrays, scenario: str) -> None:
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
    outer, inner = (int((is_wall(arrays) & tall).sum()) for tall in _by_height(arrays))
    if outer > NUM_OUTER_WALLS or inner > _MAX_INNER_WALLS[scenario]:
        raise RecordingError(
            f"{path}: has {outer} outer and {inner} inner walls; "
            f"a world has at most {NUM_OUTER_WALLS} and {_MAX_INNER_WALLS[scenario]}"
        )
    num_boxes = int(np.char.startswith(arrays["model_geom_names"], BOX_PREFIX).sum())
    if num_boxes != arrays["st_lock_box_obj_locked"].shape[1]:
        raise RecordingError(f"{path}: model_geom_names names {num_boxes} boxes; expected as many as have locks")


def _by_height(arrays: Arrays) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Geoms that are as tall as outer walls, and the others."""
    tall = arrays["model_geom_size"][:, 2] > TALLER_THAN_INNER_WALLS
    return tall, ~tall


def is_wall(arrays: Arrays) -> NDArray[np.bool_]:
    """`(G,)` bool, the geom is a wall."""
    return np.char.startswith(arrays["model_geom_names"], "wall")


def fill_in(arrays: Arrays) -> None:
    """Give games without food or sites arrays without items, and ramps without locks arrays in which none is locked."""
    if (known := arrays.pop(_SITES[1], None)) is not None:
        arrays["obs_mask_acs_obs"] = known  # the agent knows what there is
    # Shapes are not checked yet, hence slices of them.
    rows, agents = arrays["st_qpos"].shape[:1], arrays["reward"].shape[-1:]
    ramps = arrays["obs_ramp_obs"].shape[2:3]
    missing = {
        "obs_food_obs": np.zeros((*rows, *agents, 0, 4)),
        "obs_mask_af_obs": np.zeros((*rows, *agents, 0), dtype=bool),
        "obs_mask_af_obs_spoof": np.zeros((*rows, *agents, 0)),
        "obs_construction_site_obs": np.zeros((*rows, *agents, 0, 15)),
        "obs_mask_acs_obs": np.zeros((*rows, *agents, 0)),
        "st_lock_ramp_obj_locked": np.zeros((*rows, *ramps), dtype=bool),
        "st_lock_ramp_which_locked": np.zeros((*rows, *ramps), dtype=np.int64),
    }
    for key, array in missing.items():
        arrays.setdefault(key, array)
