"""Stages five and six: seekers ride on boxes, hiders lock all of them first."""

from __future__ import annotations

import numpy as np

from evo_hns.behaviour.stages.geometry import object_half_sizes, stands_on_box
from evo_hns.evaluation.trajectory import Trajectory

RIDE = 0.5
"""How far a box carries its rider without a break, metres: a cube's edge, more than a push or a hop moves it."""


def shows_box_surfing(trajectory: Trajectory) -> np.ndarray:
    """A seeker rides on a box that moves because it, or another seeker, holds it.

    In the main phase the same seeker stands on the same box in consecutive rows (`geometry.stands_on_box`), some
    seeker holds that box in each of them, and in the meantime the box gets `RIDE` or more away from where it was at the
    first. What hiders push about under a seeker's feet is none.

    Returns:
        `(W,)` bool.
    """
    hiders, boxes = trajectory.scene.num_hiders, trajectory.scene.num_boxes
    rows = slice(trajectory.num_prep_steps, None)
    seekers, places = trajectory.agents[:, rows, hiders:], trajectory.objects[:, rows, :boxes]
    stands = stands_on_box(seekers, places, object_half_sizes(trajectory)[:, :boxes])
    held = np.asarray(trajectory.grabbed[:, rows, hiders:, :boxes].any(2))
    exists = trajectory.layout.agent_mask[:, None, hiders:, None] & trajectory.layout.box_mask[:, None, None]
    longest = longest_ride(stands & held[:, :, None] & exists, places[..., :2])
    return np.asarray((longest >= RIDE).any((1, 2)))


def longest_ride(riding: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """How far each box carries each rider at most.

    Args:
        riding: `(W, T, n, b)` bool, the agent rides on the box.
        boxes: `(W, T, b, 2)` where the boxes are, metres.

    Returns:
        `(W, n, b)` metres between where an unbroken ride began and where it was at its farthest.
    """
    origin = np.broadcast_to(boxes[:, 0, None], (*riding[:, 0].shape, 2))
    longest = np.zeros(riding[:, 0].shape)
    for row in range(1, riding.shape[1]):
        origin = np.where((riding[:, row - 1] & riding[:, row])[..., None], origin, boxes[:, row, None])
        longest = np.maximum(longest, np.linalg.norm(boxes[:, row, None] - origin, axis=-1))
    return longest


def shows_surf_defence(trajectory: Trajectory) -> np.ndarray:
    """Every box that exists is locked at the end of the preparation, and a hider locked it.

    Returns:
        `(W,)` bool; False where there is no box.
    """
    row, boxes = trajectory.num_prep_steps, trajectory.scene.num_boxes
    by_hiders = trajectory.lock_owner[:, row, :boxes] < trajectory.scene.num_hiders
    locked, exists = trajectory.locked[:, row, :boxes] & by_hiders, trajectory.layout.box_mask
    return np.asarray((locked | ~exists).all(1) & exists.any(1))
