"""Skills that lead to stages, measured on episodes: for diagnosis, and as rungs of a ladder to the return.

The game's statistics tell of anything at a door, and detectors of whole stages; these say what lies between: how near a
box came to each door, whether all of them are locked, whether they stay shut, where the ramp was brought to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evo_hns.behaviour.stages.geometry import distance_to, wall_rectangles
from evo_hns.behaviour.stages.shelter import shows_all_doors_shut
from evo_hns.evaluation.trajectory import Trajectory

AT_DOOR = 0.5
"""From a door's centre within which a box is at the door, metres, as in the statistic `box_at_door_prep`."""

AT_WALL = 0.5
"""From a low wall within which a ramp's middle is at the wall, metres: a turned ramp that touches it is 0.35 m off."""


@dataclass(frozen=True)
class TrajectorySkill:
    """How far an episode shows a skill."""

    meaning: str  #: in short
    measure: Callable[[Trajectory], np.ndarray]  #: `(W,)` float64; of failed worlds anything
    needs: tuple[Literal["boxes", "ramps"], ...]  #: without all of which nobody can show it


def door_gap(trajectory: Trajectory) -> np.ndarray:
    """`(W,)` metres from a door's centre to the nearest box's at the end of the preparation, mean over doors.

    A world without doors or without boxes has 0: it tells nobody apart.
    """
    gaps, is_door = _door_gaps(trajectory, trajectory.layout.box_mask)
    counts = is_door & np.asarray(trajectory.layout.box_mask.any(1))[:, None]
    nearest = np.where(counts, np.asarray(gaps.min(2, initial=np.inf)), 0.0)
    return np.asarray(nearest.sum(1) / np.maximum(counts.sum(1), 1))


def doors_locked(trajectory: Trajectory) -> np.ndarray:
    """`(W,)` 1.0 where at the end of the preparation each door has a box within `AT_DOOR` that a hider locked."""
    row, boxes = trajectory.num_prep_steps, trajectory.scene.num_boxes
    by_hiders = trajectory.lock_owner[:, row, :boxes] < trajectory.scene.num_hiders
    locked = trajectory.locked[:, row, :boxes] & by_hiders & trajectory.layout.box_mask
    gaps, is_door = _door_gaps(trajectory, locked)
    has_box = np.asarray((gaps <= AT_DOOR).any(2))
    return np.asarray((has_box | ~is_door).all(1) & is_door.any(1), dtype=np.float64)


def doors_shut(trajectory: Trajectory) -> np.ndarray:
    """`(W,)` 1.0 where all doors are closed when the seekers are let loose, and stay so (`shows_all_doors_shut`)."""
    return shows_all_doors_shut(trajectory).astype(np.float64)


def ramp_gap(trajectory: Trajectory) -> np.ndarray:
    """`(W,)` metres from the nearest ramp's middle to the nearest low wall, least over the main phase.

    A world without ramps or without low walls has 0: it tells nobody apart.
    """
    gaps = np.asarray(_ramp_gaps(trajectory).min((1, 2), initial=np.inf))
    return np.where(np.isfinite(gaps), gaps, 0.0)


def ramp_at_wall(trajectory: Trajectory) -> np.ndarray:
    """`(W,)` 1.0 where a ramp, farther off when the seekers were let loose, comes within `AT_WALL` of a low wall."""
    gaps = _ramp_gaps(trajectory)
    brought = (gaps[:, 0] > AT_WALL) & (gaps <= AT_WALL).any(1)
    return np.asarray(brought.any(1), dtype=np.float64)


SKILLS: Mapping[str, TrajectorySkill] = {
    "door_gap_prep": TrajectorySkill(
        "distance between a door and the nearest box at the end of the preparation, metres, mean over doors",
        door_gap,
        needs=("boxes",),
    ),
    "doors_locked_prep": TrajectorySkill(
        "1 if each door has a box within 0.5 m that a hider locked, at the end of the preparation",
        doors_locked,
        needs=("boxes",),
    ),
    "doors_shut": TrajectorySkill(
        "1 if all doors are shut when the seekers are let loose, and for 16 env steps more",
        doors_shut,
        needs=("boxes", "ramps"),
    ),
    "ramp_gap": TrajectorySkill(
        "distance between the nearest ramp and the nearest low wall, metres, the least after the preparation",
        ramp_gap,
        needs=("ramps",),
    ),
    "ramp_at_wall": TrajectorySkill(
        "1 if a ramp that was farther off comes within 0.5 m of a low wall after the preparation",
        ramp_at_wall,
        needs=("ramps",),
    ),
}
"""By name."""


def _door_gaps(trajectory: Trajectory, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From doors to boxes at the end of the preparation.

    Args:
        trajectory: says where they are.
        boxes: `(W, b)` bool, which of them count.

    Returns:
        `(W, D, b)` metres, infinite for boxes that do not count; `(W, D)` bool, the door exists.
    """
    doors = trajectory.layout.doors
    places = trajectory.objects[:, trajectory.num_prep_steps, : boxes.shape[1], :2]
    gaps = np.linalg.norm(doors[:, :, None, :2] - places[:, None], axis=-1)
    return np.where(boxes[:, None], gaps, np.inf), doors[..., 2] > 0.0


def _ramp_gaps(trajectory: Trajectory) -> np.ndarray:
    """`(W, T, r)` metres from ramps to the nearest low wall, from the end of the preparation on; infinite without."""
    ramps = trajectory.objects[:, trajectory.num_prep_steps :, trajectory.scene.num_boxes :, :2]
    gaps = np.full(ramps.shape[:3], np.inf)
    for world in range(len(gaps)):
        walls = wall_rectangles(trajectory.layout, world, low_only=True)
        gaps[world] = distance_to(ramps[world], walls).min(-1, initial=np.inf)
    return np.where(trajectory.layout.ramp_mask[:, None], gaps, np.inf)
