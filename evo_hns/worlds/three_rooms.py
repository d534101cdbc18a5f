"""The walls of the scenario of three rooms: one across the field, one from it to the border.

Source: Baker et al. 2020 and the authors' published environment (`var_tri`), whose order of draws is kept.
"""

from __future__ import annotations

import numpy as np

from evo_hns.config import WorldConfig
from evo_hns.worlds.sizes import INNER_WALL_HEIGHT
from evo_hns.worlds.walls import Door, Partition, Room, Wall, cut_door, outer_walls


def draw_three_rooms(world: WorldConfig, rng: np.random.RandomState) -> Partition:
    """Draw the two walls and their doors.

    Returns:
        The parts of the wall across the field, then those of the other; the rooms: the undivided half, the part of the
        other half at the lower coordinates, and that at the higher ones.
    """
    last = world.grid_size - 1
    across, along = (int(world.grid_size * rng.uniform(0.4, 0.6)) for _ in range(2))
    is_vertical, divides_the_low_half = rng.uniform() < 0.5, rng.uniform() < 0.5
    ends = (0, across) if divides_the_low_half else (across, last)
    first = Wall(is_vertical, across, 0, last, INNER_WALL_HEIGHT)
    second = Wall(not is_vertical, along, *ends, INNER_WALL_HEIGHT)
    inner: list[Wall] = []
    doors: list[Door | None] = []
    for wall, junctions in ((first, [along]), (second, [])):
        parts, door = cut_door(wall, junctions, world.door_size, rng)
        inner += parts
        doors.append(door)
    # An undivided low half begins at the border itself, where nothing can stand: the original's quirk.
    half = (across + 1, last) if divides_the_low_half else (0, across - 1)
    other = (1, across - 1) if divides_the_low_half else (across + 1, last)
    rooms = (half, (1, last)), (other, (1, along - 1)), (other, (along + 1, last))
    return Partition(outer_walls(world), inner, doors, tuple(Room(*(r if is_vertical else r[::-1])) for r in rooms))
