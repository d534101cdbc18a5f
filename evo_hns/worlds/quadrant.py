"""The walls of the quadrant scenario: one room in the corner at high x and low y.

A vertical wall on its left and a horizontal one on top, each with at most one door; with the door
drop-out one of the two stays solid.

Source: Baker et al. 2020 and the authors' published environment, whose order of draws is kept.
"""

from __future__ import annotations

import numpy as np

from evo_hns.config import WorldConfig
from evo_hns.worlds.sizes import INNER_WALL_HEIGHT
from evo_hns.worlds.walls import Door, Partition, Wall, cut_door, outer_walls, room_size


def draw_quadrant(world: WorldConfig, rng: np.random.RandomState) -> Partition:
    """Draw the room's walls and doors.

    Returns:
        One to four inner walls in the original's order (a solid wall first); door slot 0 is the
        left wall's, slot 1 the top wall's.
    """
    room, last = room_size(world), world.grid_size - 1
    vertical = Wall(True, last + 1 - room, 0, room, INNER_WALL_HEIGHT)
    horizontal = Wall(False, room, last + 1 - room, last, INNER_WALL_HEIGHT)
    inner: list[Wall] = []
    doors: list[Door | None] = [None, None]
    with_door = [vertical, horizontal]
    if rng.uniform(0, 1) < world.door_dropout:
        kept = with_door.pop(rng.randint(0, 2))
        inner, with_door = with_door, [kept]
    for wall in with_door:
        parts, door = cut_door(wall, [], world.door_size, rng)
        inner += parts
        doors[0 if wall.is_vertical else 1] = door
    return Partition(outer_walls(world), inner, doors)
