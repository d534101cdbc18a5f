"""Reading recordings of the original game from `.npz` files: the game of a file, and its episode."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from evo_hns.config import WorldConfig
from evo_hns.diagnostics.parity.recording_arrays import (
    BOX_PREFIX,
    CYLINDER,
    GAMES,
    OBSERVATION_KEYS,
    RAMP_LOCKS,
    Arrays,
    RecordingError,
    check_layout,
    check_values,
    fill_in,
    is_wall,
    read_arrays,
)
from evo_hns.diagnostics.parity.recordings import Recording
from evo_hns.envs.statistics import STATISTICS
from evo_hns.spec import ObjectColumns

__all__ = ["RecordingError", "read_recording"]


def read_recording(path: Path) -> Recording:
    """Read and check one file.

    Args:
        path: an `.npz` recording of hide-and-seek, or of another task.

    Returns:
        The recording.

    Raises:
        RecordingError: the file is missing, damaged, not a recording, or of another game.
    """
    arrays = read_arrays(path)
    game = _read_game(path, arrays)
    if game.task != "hide-and-seek":
        _drop_padding(path, arrays, game)
    locks_ramps = RAMP_LOCKS[0] in arrays
    fill_in(arrays)
    check_layout(path, arrays)
    check_values(path, arrays, game.scenario)
    recording = _assemble(path, arrays, game, locks_ramps)
    try:
        recording.rules(), recording.world()
    except ValidationError as error:
        detail = error.errors()[0]
        raise RecordingError(f"{path}: cannot be replayed: {detail['loc'][0]}: {detail['msg']}") from None
    return recording


@dataclass(frozen=True)
class _Game:
    """The game of a recording."""

    task: Literal["hide-and-seek", "box-locking", "blueprint", "shelter"]
    scenario: Literal["quadrant", "randomwalls", "three-rooms", "empty"]
    num_hiders: int

    @property
    def absent_ramps(self) -> ObjectColumns:
        """What would be observed of ramps in a task without: their size, too, where boxes are of several."""
        return ObjectColumns(has_size=self.task == "shelter", has_locks=False)


def _read_game(path: Path, arrays: Arrays) -> _Game:
    """The game, from the file's description of it."""
    try:
        metadata = dict(json.loads(str(arrays["metadata_json"])))
    except (ValueError, TypeError):
        raise RecordingError(f"{path}: metadata_json is not a JSON object") from None
    num_agents = arrays["reward"].shape[-1:]
    if "n_hiders" not in metadata and "obs_construction_site_obs" in arrays and num_agents == (1,):
        return _Game("blueprint", "empty", 1)
    if "n_hiders" not in metadata and CYLINDER in arrays["model_geom_names"] and num_agents == (1,):
        arrays["reward"] = arrays["reward"].reshape(-1, 1)  # the original's has an axis too many
        return _Game("shelter", "empty", 1)
    if "n_hiders" not in metadata:
        three_rooms = "tri_room_grid_cell_range" in metadata
        if num_agents != (1,) or arrays["obs_box_obs"].shape[2:3] != (4 if three_rooms else 1,):
            raise RecordingError(f"{path}: recorded in another game; {GAMES}")
        return _Game("box-locking", "three-rooms" if three_rooms else "randomwalls", 1)
    num_hiders = metadata["n_hiders"]
    if not (isinstance(num_hiders, int) and num_agents and 0 < num_hiders < num_agents[0]):
        raise RecordingError(f"{path}: metadata_json has {num_hiders!r} hiders; expected 1 to all but one agent")
    return _Game("hide-and-seek", "quadrant" if "quadrant_size" in metadata else "randomwalls", num_hiders)


def _drop_padding(path: Path, arrays: Arrays, game: _Game) -> None:
    """Remove what the original adds to a single-agent task so that its observations fit hide-and-seek.

    Rows of another agent that are constant zeros, and of a ramp where there is none; the agent itself as somebody it
    sees.
    """
    if game.scenario == "empty" and arrays["obs_mask_aa_obs"].ndim == 3:
        arrays["obs_mask_aa_obs"] = arrays["obs_mask_aa_obs"][:, :, :1]  # itself, and a second that is not there
    padding = {"obs_agent_qpos_qvel": (0, np.float64), "obs_mask_aa_obs": (1, np.bool_)}
    if game.scenario != "three-rooms":
        padding |= {"obs_ramp_obs": (0, np.float64), "obs_mask_ar_obs": (0, np.bool_)}
    for key, (value, dtype) in padding.items():
        if arrays[key].ndim < 3 or (arrays[key] != value).any():
            raise RecordingError(f"{path}: {key} holds more than padding; {GAMES}")
        arrays[key] = arrays[key][:, :, :0].astype(dtype)
    if game.scenario != "three-rooms":
        arrays["obs_ramp_obs"] = arrays["obs_ramp_obs"][..., : game.absent_ramps.width]


def _columns(path: Path, key: str, width: int, has_locks: bool) -> ObjectColumns:
    """What the columns of boxes or ramps mean, by how many there are."""
    for has_size in (False, True):
        columns = ObjectColumns(has_size=has_size, has_locks=has_locks)
        if columns.width == width:
            return columns
    raise RecordingError(f"{path}: {key} has {width} columns, expected {9 + 3 * has_locks} or {12 + 3 * has_locks}")


def _assemble(path: Path, arrays: Arrays, game: _Game, locks_ramps: bool) -> Recording:
    num_agents, num_ramps = arrays["reward"].shape[1], arrays["obs_ramp_obs"].shape[2]
    num_boxes, num_places = arrays["st_lock_box_obj_locked"].shape[1], arrays["obs_box_obs"].shape[2]
    wall = is_wall(arrays)

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
        else game.absent_ramps,
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
        statistics=_read_statistics(path, arrays),
        finished=bool(arrays["done"][-1]),
        wall_pos=(arrays["model_geom_pos"] + arrays["model_body_pos"][arrays["model_geom_bodyid"]])[wall],
        wall_size=arrays["model_geom_size"][wall],
        box_size=_box_sizes(arrays, num_places),
        cylinder=_cylinder(arrays),
        scripted="notes" in arrays,
    )


def _read_statistics(path: Path, arrays: Arrays) -> dict[str, float]:
    """OpenAI's statistics at the end of an episode."""
    if "info_json" not in arrays:
        return {}
    try:
        last = dict(json.loads(str(arrays["info_json"][-1])))
        return {name: float(last[name]) for name in STATISTICS if name in last}
    except (ValueError, TypeError):
        raise RecordingError(f"{path}: info_json does not end with a JSON object of numbers") from None


def _cylinder(arrays: Arrays) -> NDArray[np.float64]:
    """`(C, 5)` centre, radius and half height of the cylinder, if there is one."""
    geoms = np.flatnonzero(arrays["model_geom_names"] == CYLINDER)
    pos = (arrays["model_geom_pos"] + arrays["model_body_pos"][arrays["model_geom_bodyid"]])[geoms]
    return np.concatenate([pos, arrays["model_geom_size"][geoms, :2]], axis=1)


def _box_sizes(arrays: Arrays, num_places: int) -> NDArray[np.float64]:
    """`(B, 3)` half sizes of boxes; an absent one counts as a cube of the standard size."""
    sizes = np.full((num_places, 3), WorldConfig().box_size / 2)
    boxes = arrays["model_geom_size"][np.char.startswith(arrays["model_geom_names"], BOX_PREFIX)]
    sizes[: len(boxes)] = boxes
    return sizes
