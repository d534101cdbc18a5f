"""Scenarios by name: the walls of a world, and where in it things start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evo_hns.config import WorldConfig
from evo_hns.worlds.quadrant import draw_quadrant
from evo_hns.worlds.random_walls import draw_random_walls
from evo_hns.worlds.sizes import NUM_OUTER_WALLS
from evo_hns.worlds.three_rooms import draw_three_rooms
from evo_hns.worlds.walls import Partition, outer_walls


class Places(NamedTuple):
    """Where things of each kind start: a name of `placement.REGIONS`."""

    hiders: str = "anywhere"
    seekers: str = "anywhere"
    boxes: str = "anywhere"
    ramps: str = "anywhere"
    food: str = "anywhere"


@dataclass(frozen=True)
class Scenario:
    """All that differs between scenarios. A further one is a further entry of `SCENARIOS`."""

    draw: Callable[[WorldConfig, np.random.RandomState], Partition | None]  #: None: the build is rejected
    num_splits: Callable[[WorldConfig], int]  #: most inner walls, each of which may have a door
    places: Callable[[WorldConfig], Places]
    wall_friction: Callable[[WorldConfig], float]  #: sliding
    teams_together: bool  #: the settings `hiders_together_radius` and `seekers_together_radius` hold


def _quadrant_places(world: WorldConfig) -> Places:
    return Places(
        hiders="room" if world.hider_placement == "quadrant" else "anywhere",
        seekers="room" if world.seeker_placement == "quadrant" else "outside the room",
        boxes="room",
        food="room",
    )


def _open_places(world: WorldConfig) -> Places:
    return Places(food="middle" if world.food_in_the_middle else "anywhere")


SCENARIOS: dict[str, Scenario] = {
    "quadrant": Scenario(
        draw=draw_quadrant,
        num_splits=lambda _: 2,
        places=_quadrant_places,
        wall_friction=lambda world: world.other_friction,
        teams_together=False,
    ),
    "empty": Scenario(
        draw=lambda world, _: Partition(outer_walls(world), [], []),
        num_splits=lambda _: 0,
        places=_open_places,
        wall_friction=lambda world: world.other_friction,
        teams_together=True,
    ),
    "three-rooms": Scenario(
        draw=draw_three_rooms,
        num_splits=lambda _: 2,
        places=_open_places,
        wall_friction=lambda _: 1.0,  # as with random walls
        teams_together=True,
    ),
    "randomwalls": Scenario(
        draw=draw_random_walls,
        num_splits=lambda world: world.num_rooms - 1,
        places=_open_places,
        wall_friction=lambda _: 1.0,  # the original passes none here, which is MuJoCo's default
        teams_together=True,
    ),
}


def num_walls(world: WorldConfig) -> int:
    """Wall slots: the outer walls', then two for each inner wall, which a door cuts in two."""
    return NUM_OUTER_WALLS + 2 * num_doors(world)


def num_doors(world: WorldConfig) -> int:
    """Door slots, one for each inner wall."""
    return SCENARIOS[world.scenario].num_splits(world)
