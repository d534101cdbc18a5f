"""Stage two: doors are blocked, and hiders are shut off from seekers.

Both are judged from the end of the preparation on, when only hiders can have done it: who closes a door later cannot be
told. Only what was not so at the start of the episode counts, so that a box that happens to stand in a door is no work.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evo_hns.analysis.stages.geometry import object_rectangles, wall_rectangles
from evo_hns.analysis.stages.ground import CELL, Ground, empty_ground, label
from evo_hns.evaluation.trajectory import Trajectory

HOLD_STEPS = 16
"""Env steps that it must last (1.2 s): a seeker crosses the field in that time and pushes at what only seems closed."""

LOOK_EVERY = 2
"""Env steps from one look to the next: 0.15 s, in which nobody gets through a door and nothing is shut behind him."""

DOORSTEP = 0.35
"""How far beyond a door's ends one looks for a way from one side of its wall to the other, metres: more than the
agent's diameter, so that things that stand before a door and not in it leave a way past them if there is one."""


def shows_door_blocking(trajectory: Trajectory) -> np.ndarray:
    """A door is closed by boxes or ramps when the seekers are let loose, and stays so.

    A door is closed if no way on the floor leads an agent's centre from one side of its wall to the other within a
    square around it, `DOORSTEP` larger than the door on each side. It must be open with the walls alone and at
    the start of the episode, and closed at the end of the preparation and at every look during `HOLD_STEPS`. Locked or
    not does not matter: a box that seekers push away in that time does not close it.

    Returns:
        `(W,)` bool.
    """
    return _for_each_world(trajectory, _blocks_door)


def shows_fort(trajectory: Trajectory) -> np.ndarray:
    """Hiders are enclosed when the seekers are let loose, and stay so.

    Enclosed means that no way on the floor leads from any seeker to any hider (`ground`): walls, boxes and ramps are in
    the way, locked or not, other agents are not. A ramp is in the way as a box is: that one leads *over* a wall does
    not open a fort, since climbing in is the next stage (`ramp_use`) and takes the fort for granted. Whoever is
    not on the floor (a hider on a box) is not enclosed. With the walls alone there must be a way, at the start of the
    episode there must have been one, and none at the end of the preparation and at every look during `HOLD_STEPS`.

    Returns:
        `(W,)` bool.
    """
    return _for_each_world(trajectory, _encloses)


def _for_each_world(trajectory: Trajectory, judge: Callable[[Trajectory, np.ndarray, int, Ground], bool]) -> np.ndarray:
    shown = np.zeros(len(trajectory.seeds), dtype=bool)
    objects = trajectory.objects
    for world in np.flatnonzero(~trajectory.failed):
        walls = empty_ground(float(trajectory.layout.floor_size[world]))
        walls = walls.with_more(wall_rectangles(trajectory.layout, world))
        shown[world] = judge(trajectory, objects[world], world, walls)
    return shown


def _looks(trajectory: Trajectory) -> range:
    """Rows at which it must be so."""
    first = trajectory.num_prep_steps
    return range(first, min(first + HOLD_STEPS, trajectory.num_steps) + 1, LOOK_EVERY)


def _with_objects(trajectory: Trajectory, objects: np.ndarray, world: int, walls: Ground, row: int) -> Ground:
    return walls.with_more(object_rectangles(trajectory, world, objects[row]))


def _encloses(trajectory: Trajectory, objects: np.ndarray, world: int, walls: Ground) -> bool:
    exists = trajectory.layout.agent_mask[world]
    is_hider = np.arange(len(exists)) < trajectory.scene.num_hiders
    agents = trajectory.agents[world]
    hiders, seekers = (agents[:, exists & team, :2] for team in (is_hider, ~is_hider))

    def are_apart(ground: Ground, row: int) -> bool:
        return teams_are_apart(ground, hiders[row], seekers[row])

    if not hiders.size or not seekers.size or are_apart(walls, trajectory.num_prep_steps):
        return False
    if any(not are_apart(_with_objects(trajectory, objects, world, walls, row), row) for row in _looks(trajectory)):
        return False
    return not are_apart(_with_objects(trajectory, objects, world, walls, 0), 0)


def teams_are_apart(ground: Ground, hiders: np.ndarray, seekers: np.ndarray) -> bool:
    """Whether no way leads from any of the `(k, 2)` seekers to any of the `(k, 2)` hiders, all being on the floor."""
    regions = ground.regions()
    here, there = ({ground.region_at(regions, point) for point in team} for team in (hiders, seekers))
    return 0 not in here | there and not here & there


def _blocks_door(trajectory: Trajectory, objects: np.ndarray, world: int, walls: Ground) -> bool:
    rectangles = wall_rectangles(trajectory.layout, world)
    doors = [door[:2] for door in trajectory.layout.doors[world] if door[2]]
    frames = [(door, *door_frame(door, rectangles)) for door in doors]
    left = [frame for frame in frames if is_passable(walls, *frame)]
    for row in _looks(trajectory):
        if not left:
            return False
        ground = _with_objects(trajectory, objects, world, walls, row)
        left = [frame for frame in left if not is_passable(ground, *frame)]
    at_start = _with_objects(trajectory, objects, world, walls, 0)
    return any(is_passable(at_start, *frame) for frame in left)


def door_frame(door: np.ndarray, walls: np.ndarray) -> tuple[bool, float]:
    """In which wall a door is.

    Args:
        door: `(2,)` its centre.
        walls: `(K, 5)` the walls around it, of which one begins or ends at the door and lies in its line.

    Returns:
        Whether the wall runs along y, so that the door is passed along x; half the width of the gap, metres.
    """
    gaps = []
    for along in (1, 0):  # a wall along y, a wall along x
        line = (np.abs(walls[:, 1 - along] - door[1 - along]) < CELL) & (walls[:, 2 + along] >= walls[:, 3 - along])
        gap = np.abs(walls[line, along] - door[along]) - walls[line, 2 + along]
        gaps.append(float(gap[gap > 0].min(initial=np.inf)))
    return gaps[0] < gaps[1], min(gaps)


def is_passable(ground: Ground, door: np.ndarray, along_x: bool, half_gap: float) -> bool:
    """Whether a way leads from one side of a door's wall to the other, near the door.

    Args:
        ground: the floor with all that is in the way.
        door: `(2,)` centre of the door.
        along_x: it is passed along x.
        half_gap: half its width, metres.
    """
    i, j = ground.cell_of(door)
    reach = round((half_gap + DOORSTEP) / CELL)
    window = ground.blocked[i - reach : i + reach + 1, j - reach : j + reach + 1]
    regions = label(window if along_x else window.T)
    regions[1:-1, 1:-1] = 0  # what matters is what reaches the rim, on either side of the wall
    before, behind = regions[:reach], regions[reach + 1 :]
    return bool(np.intersect1d(before[before > 0], behind[behind > 0]).size)
