"""Random walls: the field is split again and again by a wall between two parallel ones.

A wall remembers where others join it, apart for its two sides, since a new wall must keep its distance
on its own side only.

Source: Baker et al. 2020 and the authors' published environment, whose order of draws is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from evo_hns.config import WorldConfig
from evo_hns.worlds.sizes import INNER_WALL_HEIGHT
from evo_hns.worlds.walls import Door, Partition, Wall, cut_door, outer_walls

MIN_ROOM_SIZE = 6  #: cells between a new wall and the next junction on its side
MAX_TRIES = 10  #: draws of a wall to start from before the splitting begins anew
MAX_FAILURES = 10  #: beginnings before the world is given up


@dataclass
class _Split:
    """A wall and the places along it where others end, on its lower and on its higher side."""

    wall: Wall
    lower: list[int] = field(default_factory=list)
    higher: list[int] = field(default_factory=list)

    def register(self, other: Wall) -> None:
        """Note where another wall ends on this one."""
        wall = self.wall
        if other.is_vertical == wall.is_vertical or not wall.start <= other.line <= wall.end:
            return
        if other.start == wall.line:
            self.higher.append(other.line)
        elif other.end == wall.line:
            self.lower.append(other.line)


def draw_random_walls(world: WorldConfig, rng: np.random.RandomState) -> Partition | None:
    """Draw rooms and their doors.

    Returns:
        Inner walls in the original's order; door slot i is that of the i-th wall between rooms. None
        if the rooms cannot be made: the build is rejected.
    """
    num_rooms = rng.randint(1, world.num_rooms + 1) if world.random_room_number else world.num_rooms
    splits = _draw_splits(world, num_rooms - 1, rng)
    if splits is None:
        return None
    inner: list[Wall] = []
    doors: list[Door | None] = []
    for split in splits:
        parts, door = cut_door(split.wall, split.lower + split.higher, world.door_size, rng)
        inner += parts
        doors.append(door)
    is_closed = rng.uniform(0, 1) < world.outer_walls_probability
    return Partition(outer_walls(world) if is_closed else [], inner, doors)


def _draw_splits(world: WorldConfig, num_splits: int, rng: np.random.RandomState) -> list[_Split] | None:
    """The walls between rooms, whole; None if they could not be fitted in."""
    outer = outer_walls(world)
    for _ in range(MAX_FAILURES):
        splits = [_Split(wall) for wall in outer]
        while len(splits) < len(outer) + num_splits:
            new = _draw_split(splits, rng)
            if new is None:
                break
            _join(splits, new)
        else:
            return splits[len(outer) :]
    return None


def _join(splits: list[_Split], new: Wall) -> None:
    """Add a wall and note on every wall who ends there."""
    joined = _Split(new)
    for split in splits:
        joined.register(split.wall)
        split.register(new)
    splits.append(joined)


def _draw_split(splits: list[_Split], rng: np.random.RandomState) -> Wall | None:
    """Pick a wall and one of the connections from it to the walls parallel to it."""
    for _ in range(MAX_TRIES):
        first = splits[rng.randint(0, len(splits))]
        parallel = [s for s in splits if s is not first and s.wall.is_vertical == first.wall.is_vertical]
        # Every candidate takes its random number, whether it is of use or not.
        proposed = [_connect(first, second.wall, rng.randint(1, _length(first.wall))) for second in parallel]
        free = [new for new in proposed if new is not None and not any(_crosses(new, s.wall) for s in splits)]
        if free:
            return free[rng.randint(0, len(free))]
    return None


def _length(wall: Wall) -> int:
    return wall.end - wall.start


def _connect(first: _Split, second: Wall, offset: int) -> Wall | None:
    """A wall from a point of the first to the second; None if it misses that, or comes too near to another."""
    wall = first.wall
    place = wall.start + offset
    if not second.start <= place <= second.end:
        return None
    junctions = first.higher if second.line > wall.line else first.lower
    if any(abs(place - other) <= MIN_ROOM_SIZE for other in (wall.start, wall.end, *junctions)):
        return None
    low, high = sorted((wall.line, second.line))
    return Wall(not wall.is_vertical, place, low, high, INNER_WALL_HEIGHT)


def _crosses(one: Wall, other: Wall) -> bool:
    """Whether two walls cross; one that ends on the other does not."""
    return (
        one.is_vertical != other.is_vertical and one.start < other.line < one.end and other.start < one.line < other.end
    )
