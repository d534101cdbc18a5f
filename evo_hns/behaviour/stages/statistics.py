"""OpenAI's statistics of episodes, by their names, from geometry; and what happened to things in the main phase.

The original's `_prep` figures are taken one env step into the main phase (`envs.statistics`), and so are those here.
Its final ones mix both phases; those that end in `_main` tell of the time in between alone: how far the thing that was
moved most since then lies from where it was then, and how many more things are locked than then (may be negative).
"""

from __future__ import annotations

import numpy as np

from evo_hns.evaluation.trajectory import Trajectory


def statistics_of(trajectory: Trajectory) -> dict[str, np.ndarray]:
    """Name -> `(W,)` float64; nothing of kinds that a game does not have, zeros of locks that it does not know."""
    boxes = trajectory.scene.num_boxes
    kinds = {"box": slice(boxes), "ramp": slice(boxes, boxes + trajectory.scene.num_ramps)}
    found: dict[str, np.ndarray] = {}
    for kind, columns in kinds.items():
        if columns.stop != columns.start:
            mask = trajectory.object_mask[:, columns]
            moves = _moves(trajectory.objects[:, :, columns, :3], mask, _prep_row(trajectory))
            locks = _locks(trajectory.locked[:, :, columns], _prep_row(trajectory))
            found |= {f"max_{kind}_move{when}": values for when, values in moves.items()}
            found |= {f"num_{kind}_lock{when}": values for when, values in locks.items()}
    return found


def _prep_row(trajectory: Trajectory) -> int:
    return min(trajectory.num_prep_steps + 1, trajectory.num_steps)


def _moves(places: np.ndarray, mask: np.ndarray, prep: int) -> dict[str, np.ndarray]:
    """Of `(W, T + 1, k, 3)` places of things."""

    def farthest(start: int, end: int) -> np.ndarray:
        moved = np.linalg.norm(places[:, end] - places[:, start], axis=-1)
        return np.asarray(np.where(mask, moved, 0.0).max(1))

    return {"": farthest(0, -1), "_prep": farthest(0, prep), "_main": farthest(prep, -1)}


def _locks(locked: np.ndarray, prep: int) -> dict[str, np.ndarray]:
    """Of `(W, T + 1, k)` bool."""
    count = locked.sum(2).astype(np.float64)
    return {"": count[:, -1], "_prep": count[:, prep], "_main": count[:, -1] - count[:, prep]}
