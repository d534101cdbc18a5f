"""Stages three and four: seekers use ramps, hiders take them away."""

from __future__ import annotations

import numpy as np

from evo_hns.behaviour.stages.geometry import (
    TALL,
    crossings,
    distance_to,
    line_crossings,
    object_half_sizes,
    stands_on_box,
    wall_rectangles,
    wall_tops,
    within,
)
from evo_hns.behaviour.stages.ground import empty_ground
from evo_hns.behaviour.stages.shelter import shut_doors
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.worlds.sizes import AGENT_RADIUS, INNER_WALL_HEIGHT, RAMP_SIZE

ON_RAMP = AGENT_RADIUS + 0.1
"""Height of a centre above the floor at which an agent above a ramp is on its slope and not in front of it, metres."""

WITHIN_STEPS = 13
"""Env steps from a ramp to the top of a wall or box (1 s): one jump, or some steps along a box's top."""

PARTS = 6
"""Points from one row to the next at which one looks for a ramp below: an env step is up to 0.68 m, a ramp 0.5 m."""

MOVED = RAMP_SIZE
"""A ramp that lies farther from its start than its own length was taken along, not bumped into, metres."""

OUT_OF_REACH = 1.15
"""A ramp whose middle is farther than this from every low wall leads over none, metres: at full speed a seeker jumps
off the high edge of a fixed ramp across 0.8 m and over the wall behind it, but not across 1.0 m."""


def shows_ramp_use(trajectory: Trajectory) -> np.ndarray:
    """A seeker comes over a ramp onto or over something that it cannot climb without one.

    In the main phase a seeker was on a ramp (its centre above the ramp's square and `ON_RAMP` high, looked at `PARTS`
    times an env step), and within `WITHIN_STEPS` its centre crosses a wall above the wall's top, or it stands on a
    box in two consecutive rows, or it passes a door above what stands in it (`climbs_past_door`). Ramps that stood
    there from the start count as those that seekers brought; up and down again on the same side does not, and neither
    does who gets up without a ramp.

    Returns:
        `(W,)` bool.
    """
    seekers = trajectory.agents[:, trajectory.num_prep_steps :, trajectory.scene.num_hiders :]
    objects = trajectory.objects[:, trajectory.num_prep_steps :]
    boxes, half = trajectory.scene.num_boxes, object_half_sizes(trajectory)
    layout = trajectory.layout
    on_ramp = was_on_ramp(seekers, objects[:, :, boxes:], layout.ramp_mask)
    crosses, height = crossings(seekers, layout, end_margin=0.0)
    over = (crosses & (height >= 0.0)).any(-1)
    on_box = stands_on_box(seekers[:, 1:], objects[:, 1:, :boxes], half[:, :boxes])
    on_box[:, 1:] &= on_box[:, :-1]  # who flies over a box is no longer there in the next row
    on_box[:, 0] = False
    over |= climbs_past_door(seekers, objects, trajectory)
    up = over | (on_box & layout.box_mask[:, None, None]).any(-1)
    there = layout.agent_mask[:, None, trajectory.scene.num_hiders :]
    return np.asarray((up & recently(on_ramp, WITHIN_STEPS) & there).any((1, 2)))


def climbs_past_door(seekers: np.ndarray, objects: np.ndarray, trajectory: Trajectory) -> np.ndarray:
    """Who passes a door above something that stands in it.

    Args:
        seekers: `(W, T + 1, n, 4)` poses.
        objects: `(W, T + 1, m, 4)` poses.
        trajectory: says where doors are, and how large objects.

    Returns:
        `(W, T, n)` bool: in the env step the centre crosses the door's line higher than the walls beside it, and an
        object reaches into the door.
    """
    layout, half = trajectory.layout, object_half_sizes(trajectory)
    exists = layout.doors[..., 2] > 0.0
    frames = np.zeros((*exists.shape, 5))
    for world in np.flatnonzero(exists.any(1)).tolist():
        frames[world, exists[world]] = shut_doors(
            layout.doors[world, exists[world], :2], wall_rectangles(layout, world)
        )
    crosses, height = line_crossings(seekers, frames[..., :2], frames[..., 2:4], exists, end_margin=0.0)
    crosses &= height >= INNER_WALL_HEIGHT
    passed = np.zeros(crosses.shape[:3], dtype=bool)
    for world, row, seeker, door in np.argwhere(crosses).tolist():
        boxes = np.flatnonzero(trajectory.object_mask[world])
        poses = objects[world, row, boxes]
        rectangles = np.concatenate([poses[:, :2], half[world, boxes, :2], poses[:, 3:]], axis=1)
        near = distance_to(frames[world, door, :2], rectangles) < frames[world, door, 2:4].max()
        passed[world, row, seeker] |= bool(near.any())
    return passed


def was_on_ramp(agents: np.ndarray, ramps: np.ndarray, ramp_mask: np.ndarray) -> np.ndarray:
    """Who was on the slope of a ramp in which env step.

    Args:
        agents: `(W, T + 1, n, 4)` poses; in between they are taken to move straight.
        ramps: `(W, T + 1, r, 4)` poses.
        ramp_mask: `(W, r)` bool, the ramp exists.

    Returns:
        `(W, T, n)` bool.
    """
    found = np.zeros((*agents[:, 1:].shape[:3], ramps.shape[2]), dtype=bool)
    for part in np.linspace(0.0, 1.0, PARTS):
        here = agents[:, :-1] + part * (agents[:, 1:] - agents[:, :-1])
        below = ramps[:, :-1] + part * (ramps[:, 1:] - ramps[:, :-1])
        local = within(here[..., None, :], below[:, :, None])
        lift = here[..., 2][..., None] - (below[:, :, None, :, 2] - RAMP_SIZE / 2)
        found |= (np.abs(local) <= RAMP_SIZE / 2).all(-1) & (lift >= ON_RAMP)
    return np.asarray((found & ramp_mask[:, None, None]).any(-1))


def recently(happened: np.ndarray, num_steps: int) -> np.ndarray:
    """`(W, T, n)` bool, it happened in this env step or one of the `num_steps` before."""
    count = np.cumsum(happened, axis=1)
    before = np.zeros_like(count)
    before[:, num_steps + 1 :] = count[:, : -num_steps - 1]
    return np.asarray(count > before)


def shows_ramp_defence(trajectory: Trajectory) -> np.ndarray:
    """All ramps are taken from the seekers by the end of the preparation.

    A ramp is taken if, at that moment,

    - it is locked, and a hider locked it; or
    - it lies `MOVED` or more from its start, and was *brought in*: with all doors shut it is in a part of the field
      with at least one hider and no seeker, and was in another part at the start (in the quadrant game, where ramps
      cannot be locked: in the room); or
    - it lies `MOVED` or more from its start, and was *carried off*: its middle is `OUT_OF_REACH` or more from every
      low wall, and was nearer to one at the start.

    Only hiders move in the preparation. Whether the ramp is out of use for good is not asked: seekers may fetch it.

    Returns:
        `(W,)` bool.
    """
    first, last = trajectory.scene.num_boxes, trajectory.num_prep_steps
    locked = trajectory.locked[:, last, first:]
    by_hiders = trajectory.lock_owner[:, last, first:] < trajectory.scene.num_hiders
    start, end = trajectory.objects[:, 0, first:], trajectory.objects[:, last, first:]
    moved = np.linalg.norm(end[..., :2] - start[..., :2], axis=-1) >= MOVED
    taken = locked & by_hiders
    undecided = (moved & ~taken & trajectory.layout.ramp_mask).any(1) & ~trajectory.failed
    for world in np.flatnonzero(undecided).tolist():
        away = brought_in(trajectory, world) | carried_off(
            start[world], end[world], wall_rectangles(trajectory.layout, world, low_only=True)
        )
        taken[world] |= moved[world] & away
    exists = trajectory.layout.ramp_mask
    return np.asarray((taken | ~exists).all(1) & exists.any(1))


def carried_off(start: np.ndarray, end: np.ndarray, walls: np.ndarray) -> np.ndarray:
    """`(r,)` bool, which ramps start where they lead over one of the `(K, 5)` low walls, and end where they do not."""
    before, after = (distance_to(ramps[:, :2], walls).min(1, initial=np.inf) for ramps in (start, end))
    return np.asarray((before < OUT_OF_REACH) & (after >= OUT_OF_REACH))


def brought_in(trajectory: Trajectory, world: int) -> np.ndarray:
    """`(r,)` bool, which ramps hiders have with them, behind doors, at the end of the preparation."""
    layout, row = trajectory.layout, trajectory.num_prep_steps
    walls = wall_rectangles(layout, world)
    shut = shut_doors(layout.doors[world][layout.doors[world, :, 2] > 0.0, :2], walls)
    ground = empty_ground(float(layout.floor_size[world])).with_more(np.concatenate([walls, shut]))
    regions = ground.regions()
    exists, num_hiders = layout.agent_mask[world], trajectory.scene.num_hiders
    agents = zip(trajectory.agents[world, row], exists, strict=True)
    where = [ground.region_at(regions, agent) if there else 0 for agent, there in agents]
    safe = set(where[:num_hiders]) - set(where[num_hiders:]) - {0}
    ramps = trajectory.objects[world, :, trajectory.scene.num_boxes :]
    start, end = ([ground.region_at(regions, ramp) for ramp in ramps[k]] for k in (0, row))
    return np.array([b in safe and a != b for a, b in zip(start, end, strict=True)], dtype=bool)


def has_low_wall(trajectory: Trajectory) -> np.ndarray:
    """`(W,)` bool, there is a wall that a ramp leads over."""
    layout = trajectory.layout
    return np.asarray((layout.wall_mask & (wall_tops(layout) < TALL)).any(1))
