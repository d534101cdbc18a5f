"""Stage two: doors are blocked, and hiders are shut off from seekers.

Both are judged from the end of the preparation on, when only hiders can have done it: who closes a door later is
unknown. Only what was not so at the start of the episode counts: a box that happens to stand in a door is no work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from evo_hns.behaviour.stages.geometry import object_rectangles, wall_rectangles
from evo_hns.behaviour.stages.ground import CELL, Ground, empty_ground, label
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.worlds.layout import Layout

HOLD_STEPS = 16
"""Env steps that it must last (1.2 s): a seeker crosses the field in that time and pushes at what only seems closed."""

LOOK_EVERY = 2
"""Env steps from one look to the next: 0.15 s, in which nobody gets through a door and nothing is shut behind him."""

DOORSTEP = 0.35
"""How far beyond a door's ends one looks for a way from one side of its wall to the other, metres: more than the
agent's diameter, so that things that stand before a door and not in it leave a way past them if there is one."""


def shows_door_blocking(trajectory: Trajectory) -> np.ndarray:
    """A door is closed by boxes or ramps when the seekers are let loose, and stays so.

    A door is closed if no way on the floor leads an agent's centre through it within a square around it, `DOORSTEP`
    larger than the door on each side: none that joins parts of the square which only this door joins. (A door in an
    open field whose wall ends within the square can be walked around, and is never closed.) It must be open with the
    walls alone and at the start of the episode, and closed at the end of the preparation and at every look during
    `HOLD_STEPS`. Locked or not does not matter: a box that seekers push away in that time does not close it.

    Returns:
        `(W,)` bool.
    """
    return _for_each_world(trajectory, _blocks_door)


def shows_all_doors_shut(trajectory: Trajectory) -> np.ndarray:
    """As `shows_door_blocking`, but of all doors: each that leads through its wall is closed, and stays so.

    One of them at least must have been open at the start of the episode.

    Returns:
        `(W,)` bool.
    """
    return _for_each_world(trajectory, _shuts_all_doors)


def shows_fort(trajectory: Trajectory) -> np.ndarray:
    """Hiders are enclosed when the seekers are let loose, and stay so.

    Enclosed means that no way on the floor leads from any seeker to any hider (`ground`): walls, boxes and ramps are in
    the way, locked or not, other agents are not. A ramp is in the way as a box is: that one leads *over* a wall does
    not open a fort, and neither does a seeker that climbs in during `HOLD_STEPS`, since that is the next stage
    (`ramp_use`) and takes the fort for granted: after the preparation it is asked what can be walked to from where
    seekers stood at its end. A hider that is not on the floor (but on a box) is not enclosed. With the walls alone
    there must be a way, at the start of the episode there must have been one, and none at the end of the preparation
    and at every look during `HOLD_STEPS`.

    Returns:
        `(W,)` bool.
    """
    return _for_each_world(trajectory, _encloses)


def _for_each_world(trajectory: Trajectory, judge: Callable[[Trajectory, np.ndarray, int, Ground], bool]) -> np.ndarray:
    shown = np.zeros(len(trajectory.seeds), dtype=bool)
    objects = trajectory.objects
    for world in np.flatnonzero(~trajectory.failed).tolist():
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
    first = trajectory.num_prep_steps
    if not hiders.size or not seekers.size or teams_are_apart(walls, hiders[first], seekers[first]):
        return False
    beside = None  # the cells that seekers could walk to at the last look
    for row in _looks(trajectory):
        ground = _with_objects(trajectory, objects, world, walls, row)
        regions = ground.regions()
        here = {ground.region_at(regions, point) for point in hiders[row]}
        # Who climbs in later opens nothing: it is asked what can be walked to from where they could walk before.
        there = (
            {ground.region_at(regions, point) for point in seekers[row]}
            if beside is None
            else set(np.unique(regions[beside]).tolist()) - {0}
        )
        if 0 in here or here & there or (beside is None and 0 in there):
            return False
        beside = np.isin(regions, sorted(there))
    return not teams_are_apart(_with_objects(trajectory, objects, world, walls, 0), hiders[0], seekers[0])


def teams_are_apart(ground: Ground, hiders: np.ndarray, seekers: np.ndarray) -> bool:
    """Whether no way leads from any of the `(k, 2)` seekers to any of the `(k, 2)` hiders, all being on the floor."""
    regions = ground.regions()
    here, there = ({ground.region_at(regions, point) for point in team} for team in (hiders, seekers))
    return 0 not in here | there and not here & there


def _blocks_door(trajectory: Trajectory, objects: np.ndarray, world: int, walls: Ground) -> bool:
    doors = _passable_doors(trajectory, world, walls)
    return _are_shut(trajectory, objects, world, walls, doors, any)


def _shuts_all_doors(trajectory: Trajectory, objects: np.ndarray, world: int, walls: Ground) -> bool:
    doors = _passable_doors(trajectory, world, walls)
    return _are_shut(trajectory, objects, world, walls, doors, all)


def _passable_doors(trajectory: Trajectory, world: int, walls: Ground) -> list[Door]:
    """The doors that the walls alone leave open."""
    return [door for door in find_doors(trajectory.layout, world, walls) if door.is_passable(walls)]


def _are_shut(
    trajectory: Trajectory,
    objects: np.ndarray,
    world: int,
    walls: Ground,
    doors: list[Door],
    which: Callable[[Iterable[bool]], bool],
) -> bool:
    """Whether all or any of the doors are shut at every look, one of these having been open at the start."""
    left = doors
    for row in _looks(trajectory):
        ground = _with_objects(trajectory, objects, world, walls, row)
        shut = [not door.is_passable(ground) for door in left]
        if not left or not which(shut):
            return False
        left = [door for door, is_shut in zip(left, shut, strict=True) if is_shut]
    at_start = _with_objects(trajectory, objects, world, walls, 0)
    return any(door.is_passable(at_start) for door in left)


@dataclass(frozen=True)
class Door:
    """A gap in a wall, and what lies around it."""

    window: tuple[slice, slice]  #: the cells of a square around it
    others: np.ndarray  #: bool, what the other doors take of the square when they are shut
    sides: np.ndarray  #: the square's parts when all doors are shut and nothing else is in the way (`Ground.regions`)

    def is_passable(self, ground: Ground) -> bool:
        """Whether a way within the square joins two parts that only the door joins, from rim to rim."""
        regions = label(ground.blocked[self.window] | self.others)
        rim = np.ones(regions.shape, dtype=bool)
        rim[1:-1, 1:-1] = False
        rim &= (regions > 0) & (self.sides > 0)
        joined = np.unique(np.stack([regions[rim], self.sides[rim]], axis=1), axis=0)
        return len(np.unique(joined[:, 0])) < len(joined)


def find_doors(layout: Layout, world: int, walls: Ground) -> list[Door]:
    """The doors of a world.

    Args:
        layout: where they are.
        world: its row.
        walls: the floor with the walls alone.
    """
    doors = layout.doors[world][layout.doors[world, :, 2] > 0.0, :2]
    shutters = shut_doors(doors, wall_rectangles(layout, world))
    found = []
    for number, door in enumerate(doors):
        i, j = walls.cell_of(door)
        reach = round((shutters[number, 2:4].max() + DOORSTEP) / CELL)
        window = (slice(i - reach, i + reach + 1), slice(j - reach, j + reach + 1))
        others = Ground(walls.low, np.zeros_like(walls.blocked)).with_more(np.delete(shutters, number, axis=0))
        found.append(Door(window, others.blocked[window], label(walls.with_more(shutters).blocked[window])))
    return found


def shut_doors(doors: np.ndarray, walls: np.ndarray) -> np.ndarray:
    """What fills the gaps of doors.

    Args:
        doors: `(D, 2)` their centres.
        walls: `(K, 5)` the walls that they are in.

    Returns:
        `(D, 5)` rectangles without thickness.
    """
    shut = np.zeros((len(doors), 5))
    for rectangle, door in zip(shut, doors, strict=True):
        is_vertical, half_gap = door_frame(door, walls)
        rectangle[:2], rectangle[3 if is_vertical else 2] = door, half_gap
    return shut


def door_frame(door: np.ndarray, walls: np.ndarray) -> tuple[bool, float]:
    """In which wall a door is.

    Args:
        door: `(2,)` its centre.
        walls: `(K, 5)` the walls around it, of which one begins or ends at the door and lies in its line.

    Returns:
        Whether the wall runs along y; half the width of the gap, metres (`DOORSTEP`, that of usual doors, if nothing is
        left of its wall).
    """
    gaps = []
    for along in (1, 0):  # a wall along y, a wall along x
        line = (np.abs(walls[:, 1 - along] - door[1 - along]) < CELL) & (walls[:, 2 + along] >= walls[:, 3 - along])
        gap = np.abs(walls[line, along] - door[along]) - walls[line, 2 + along]
        gaps.append(float(gap[gap > 0].min(initial=np.inf)))
    return gaps[0] < gaps[1], min(gaps) if np.isfinite(min(gaps)) else DOORSTEP
