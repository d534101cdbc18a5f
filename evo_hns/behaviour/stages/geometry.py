"""Rectangles, walls and who stands on what: the measures that the detectors of stages share.

A rectangle is five numbers: x, y, half sizes along its own axes, turn about z. All lengths are metres.
"""

from __future__ import annotations

import numpy as np

from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.worlds.layout import Layout
from evo_hns.worlds.sizes import AGENT_RADIUS, INNER_WALL_HEIGHT, RAMP_SIZE

TALL = 2 * INNER_WALL_HEIGHT
"""Walls that end above this cannot be climbed with a ramp; they have 0.5 m or 4 m."""

STANDS_BELOW, STANDS_ABOVE = 0.05, 0.1
"""How far an agent's lowest point may be below (contacts are soft) and above (it bounces) a box's top, or beyond its
edge, to be said to stand on it, metres: less than what gravity takes in an env step (0.14)."""


def wall_rectangles(layout: Layout, world: int, *, low_only: bool = False) -> np.ndarray:
    """`(K, 5)` the walls that exist in a world, or those that a ramp leads over."""
    pos, size = layout.wall_pos[world], layout.wall_size[world]
    chosen = layout.wall_mask[world] & ((wall_tops(layout)[world] < TALL) | (not low_only))
    return np.concatenate([pos[chosen, :2], size[chosen, :2], np.zeros((int(chosen.sum()), 1))], axis=1)


def wall_tops(layout: Layout) -> np.ndarray:
    """`(W, K)` heights at which walls end."""
    tops: np.ndarray = layout.wall_pos[..., 2] + layout.wall_size[..., 2]
    return tops


def object_half_sizes(trajectory: Trajectory) -> np.ndarray:
    """`(W, m, 3)` of boxes and of the cubes that ramps are halves of."""
    ramps = np.full((*trajectory.layout.ramps.shape[:2], 3), RAMP_SIZE / 2)
    return np.concatenate([trajectory.layout.box_size, ramps], axis=1)


def object_rectangles(trajectory: Trajectory, world: int, objects: np.ndarray) -> np.ndarray:
    """The objects that exist in a world and stand in the way of who walks on the floor.

    Args:
        trajectory: says which exist, and how large they are.
        world: its row.
        objects: `(m, 4)` poses at one moment (`Trajectory.objects`).

    Returns:
        `(K, 5)`; not those so high up that an agent passes below.
    """
    half = object_half_sizes(trajectory)[world]
    chosen = trajectory.object_mask[world] & (objects[:, 2] - half[:, 2] < 2 * AGENT_RADIUS)
    return np.concatenate([objects[chosen, :2], half[chosen, :2], objects[chosen, 3:]], axis=1)


def within(points: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Points in the frames of things that are turned about the vertical.

    Args:
        points: `(..., 2 or more)` x, y first.
        poses: `(..., 4)` x, y, z, turn, of a shape that broadcasts.

    Returns:
        `(..., 2)` x, y along the things' own axes, from their centres.
    """
    offset = points[..., :2] - poses[..., :2]
    cos, sin = np.cos(poses[..., 3]), np.sin(poses[..., 3])
    x, y = offset[..., 0], offset[..., 1]
    return np.stack([cos * x + sin * y, cos * y - sin * x], axis=-1)


def distance_to(points: np.ndarray, rectangles: np.ndarray) -> np.ndarray:
    """`(..., K)` distances from `(..., 2)` points to `(K, 5)` rectangles; 0 inside."""
    x, y, half_x, half_y, turn = rectangles.T
    poses = np.stack([x, y, np.zeros_like(x), turn], axis=-1)
    beyond = np.abs(within(points[..., None, :], poses)) - np.stack([half_x, half_y], axis=-1)
    return np.asarray(np.linalg.norm(np.maximum(beyond, 0.0), axis=-1))


def stands_on_box(agents: np.ndarray, boxes: np.ndarray, half_sizes: np.ndarray) -> np.ndarray:
    """Who stands on which box.

    Args:
        agents: `(W, T, n, 4)` poses.
        boxes: `(W, T, b, 4)` poses.
        half_sizes: `(W, b, 3)`.

    Returns:
        `(W, T, n, b)` bool: the agent's centre is above the box, and its lowest point at the height of the box's top.
    """
    beside = np.abs(within(agents[..., None, :], boxes[..., None, :, :])) - half_sizes[:, None, None, :, :2]
    top = boxes[..., 2] + half_sizes[:, None, :, 2]
    gap = agents[..., 2][..., None] - AGENT_RADIUS - top[..., None, :]
    on_top: np.ndarray = (beside < STANDS_BELOW).all(-1) & (gap > -STANDS_BELOW) & (gap < STANDS_ABOVE)
    return on_top


def crossings(agents: np.ndarray, layout: Layout, end_margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Where centres pass from one side of a wall to the other.

    Args:
        agents: `(W, T + 1, n, 4)` poses; between two rows an agent is taken to move straight.
        layout: the walls.
        end_margin: length at both ends of a wall that does not count, since ways around an end are not straight.

    Returns:
        `(W, T, n, K)` bool, in the env step the centre crosses the middle of the wall; the same shape, its height above
        the wall's top then (negative: below), 0 where it does not.
    """
    crosses, height = line_crossings(
        agents, layout.wall_pos[..., :2], layout.wall_size[..., :2], layout.wall_mask, end_margin
    )
    return crosses, np.where(crosses, height - wall_tops(layout)[:, None, None], 0.0)


def line_crossings(
    agents: np.ndarray, pos: np.ndarray, size: np.ndarray, mask: np.ndarray, end_margin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where centres pass from one side of a line to the other.

    Args:
        agents: `(W, T + 1, n, 4)` poses; between two rows an agent is taken to move straight.
        pos: `(W, K, 2)` middles of things that are longer along x or along y: the lines.
        size: `(W, K, 2)` their half sizes.
        mask: `(W, K)` bool, the thing exists.
        end_margin: length at both ends of a line that does not count.

    Returns:
        `(W, T, n, K)` bool, in the env step the centre crosses the line; the same shape, its height above the floor
        then, metres.
    """
    is_vertical = (size[..., 1] >= size[..., 0])[:, None, None]
    across, along = (np.where(is_vertical, agents[..., None, k], agents[..., None, 1 - k]) for k in (0, 1))
    line, middle = (np.where(is_vertical, pos[:, None, None, :, k], pos[:, None, None, :, 1 - k]) for k in (0, 1))
    half = size.max(-1)[:, None, None] - end_margin
    before, after = across[:, :-1] - line, across[:, 1:] - line
    crosses = (before < 0.0) != (after < 0.0)
    share = np.where(crosses, before / np.where(crosses, before - after, 1.0), 0.0)
    place = along[:, :-1] + share * (along[:, 1:] - along[:, :-1])
    crosses = crosses & (np.abs(place - middle) < half) & mask[:, None, None]
    return crosses, agents[:, :-1, :, None, 2] + share * (agents[:, 1:] - agents[:, :-1])[..., None, 2]
