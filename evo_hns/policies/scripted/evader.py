"""The scripted hider for any walls: finds a place that little of the field can see, and flees out of sight.

It fills an occupancy grid from its lidar. While seekers are frozen it looks around for rooms and for them; then it
sits where little can be seen of it, faces where the way in is, and runs when a seeker has it in view. Nothing of it
needs a hider: as a seeker it would keep out of the hiders' sight.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.actions import draw
from evo_hns.policies.scripted.field import distance
from evo_hns.policies.scripted.motion import force_towards, turn_towards
from evo_hns.policies.scripted.occupancy_grid import (
    GRID_SIZE,
    NUM_CELLS,
    OccupancyGrid,
    cell_at,
    centre,
    grid_in,
    is_free,
    reset,
    update,
)
from evo_hns.policies.scripted.path_planning import (
    HOME_RANGE,
    WALK_SIZE,
    heading,
    most_worth,
    shortest_paths,
    step_towards,
)
from evo_hns.policies.scripted.player import ScriptedPolicy, mover, nearest_opponent
from evo_hns.spec import ObservationSpec
from evo_hns.system.kernels import kernel

_HALF_AGENT = 0.15
_MEMORY = 15  # env steps for which a seeker that was seen is still thought to be there
_EXPLORE = 0.5  # share of the preparation in which it gets to know the field
_CALM = 8  # places that are thought of in an env step while nobody is about
_HIDDEN, _STAY = 6.0, 1.0  # worth of being out of sight and of keeping to a plan, in metres of way
_FARTHER = 3.0  # worth of a metre more between a place and the seeker
_CUT_OFF = 6.0  # cost of a place that the seeker reaches first
_EXPOSURE = 1.0  # cost of a metre that can be seen in the mean of all directions
_WAY, _HURRY = 0.2, 1.0  # cost of a metre of way, and while a seeker is about
_RAYS, _SIGHT = 16, 4.0  # directions in which exposure is measured, and how far, metres

# Columns of the memory after the random stream.
_STARTED, _PLACE_X, _PLACE_Y = 1, 2, 3  # where it wants to be
_THREAT, _X, _Y = 4, 5, 6  # env steps left to think of a seeker at (x, y)
_HOME_X, _HOME_Y = 7, 8  # where it began
_WALK = 9
_GRID = _WALK + WALK_SIZE
_MEMORY_SIZE = _GRID + GRID_SIZE


def build_evader(spec: ObservationSpec) -> ScriptedPolicy:
    """Explores, hides, watches, flees; neither grabs nor locks."""
    return ScriptedPolicy(mover(_decide), memory_size=_MEMORY_SIZE)


@kernel
def _decide(
    me: np.ndarray, others: np.ndarray, sees: np.ndarray, lidar: np.ndarray, doors: np.ndarray, row: np.ndarray
) -> tuple[float, float, float]:
    """Force and torque of one agent."""
    mine, theirs = np.empty(NUM_CELLS), np.empty(NUM_CELLS)
    x, y = me[0] + _HALF_AGENT, me[1] + _HALF_AGENT
    grid, walk = grid_in(row[_GRID:]), row[_WALK : _WALK + WALK_SIZE]
    if row[_STARTED] == 0:
        row[_STARTED] = 1
        row[_PLACE_X], row[_PLACE_Y] = row[_HOME_X], row[_HOME_Y] = x, y
        reset(grid, x, y, row)
    update(grid, x, y, me[3], lidar)
    _watch(me, others, sees, row)
    shortest_paths(grid, x, y, mine)
    exploring = me[9] < _EXPLORE
    goal = most_worth(grid, mine, row[_HOME_X], row[_HOME_Y]) if exploring else -1
    if goal >= 0:
        to_x, to_y = centre(grid, goal)
    else:
        _choose(grid, row, me[9] >= 0.999 and row[_THREAT] > 0, mine, theirs)
        to_x, to_y = row[_PLACE_X], row[_PLACE_Y]
    way_x, way_y = heading(grid, mine, x, y, to_x, to_y)
    dx, dy = step_towards(way_x - x, way_y - y, x, y, lidar, walk, row)
    fx, fy = force_towards(dx, dy, me[4], me[5])
    return fx, fy, 1.0 if exploring else _lookout(me[3], x, y, lidar, row)


@kernel
def _watch(me: np.ndarray, others: np.ndarray, sees: np.ndarray, row: np.ndarray) -> None:
    """Remember the nearest visible opponent; as long as it is frozen it does not go away."""
    if me[9] >= 0.999:
        row[_THREAT] = max(row[_THREAT] - 1, 0)
    j = nearest_opponent(me, others, sees)
    if j >= 0:
        row[_THREAT], row[_X], row[_Y] = _MEMORY, others[j, 0] + _HALF_AGENT, others[j, 1] + _HALF_AGENT


@kernel
def _choose(grid: OccupancyGrid, row: np.ndarray, hurry: bool, mine: np.ndarray, theirs: np.ndarray) -> None:
    """Keep to the place where it wants to be, or take a better one: of all if a seeker is about, else of a few."""
    alarmed = row[_THREAT] > 0
    if alarmed:
        shortest_paths(grid, row[_X], row[_Y], theirs)
    here = cell_at(grid, row[_PLACE_X], row[_PLACE_Y])
    least = _place_cost(grid, here, row, hurry, mine, theirs, np.inf) - _STAY
    for i in range(NUM_CELLS if alarmed else _CALM):
        k = i if alarmed else int(draw(row) * NUM_CELLS)
        if grid.walls[k] < 0.0:
            cost = _place_cost(grid, k, row, hurry, mine, theirs, least)
            if cost < least:
                least = cost
                row[_PLACE_X], row[_PLACE_Y] = centre(grid, k)


@kernel
def _place_cost(
    grid: OccupancyGrid, k: int, row: np.ndarray, hurry: bool, mine: np.ndarray, theirs: np.ndarray, limit: float
) -> float:
    """How bad a place is: far, near to a seeker or behind it, in its sight, exposed; infinite if above a limit."""
    x, y = centre(grid, k)
    if distance(x, y, row[_HOME_X], row[_HOME_Y]) > HOME_RANGE:
        return float(np.inf)
    cost = (_HURRY if hurry else _WAY) * mine[k]
    if row[_THREAT] > 0:
        cost -= _FARTHER * min(theirs[k], 20.0) + _HIDDEN
        if theirs[k] < mine[k]:
            cost += _CUT_OFF
    if not cost < limit:
        return float(np.inf)
    if row[_THREAT] > 0 and is_free(grid, row[_X], row[_Y], x, y, 0.0):
        cost += _HIDDEN
    return cost + _EXPOSURE * _exposure(grid, x, y) if cost < limit else float(np.inf)


@kernel
def _exposure(grid: OccupancyGrid, x: float, y: float) -> float:
    """How far a place can be seen, in the root mean square of all directions, metres."""
    total = 0.0
    for i in range(_RAYS):
        ux, uy = math.cos(2.0 * math.pi * i / _RAYS), math.sin(2.0 * math.pi * i / _RAYS)
        reach = 0.3
        while reach < _SIGHT and grid.walls[cell_at(grid, x + ux * reach, y + uy * reach)] <= 0.0:
            reach += 0.3
        total += reach * reach
    return math.sqrt(total / _RAYS)


@kernel
def _lookout(rz: float, x: float, y: float, lidar: np.ndarray, row: np.ndarray) -> float:
    """Face a seeker, or else where the field opens widest."""
    if row[_THREAT] > 0:
        return turn_towards(rz, row[_X] - x, row[_Y] - y)
    dx = dy = 0.0
    for k in range(lidar.shape[0]):
        angle, reach = 2.0 * math.pi * k / lidar.shape[0], min(lidar[k], 6.0)
        dx += math.cos(angle) * reach * reach
        dy += math.sin(angle) * reach * reach
    return turn_towards(rz, dx, dy)
