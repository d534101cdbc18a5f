"""The scripted seeker for any walls: chases whom it sees, looks where they may have gone, else searches the field.

It knows no walls: it fills an occupancy grid from its lidar, finds its ways on it and searches what it has not seen
for longest. It looks around by spinning, since an agent can turn while it walks in any direction. As a hider it would
run after the seekers just the same.
"""

from __future__ import annotations

import numpy as np

from evo_hns.policies.scripted.field import distance
from evo_hns.policies.scripted.motion import force_towards, turn_towards
from evo_hns.policies.scripted.occupancy_grid import (
    GRID_SIZE,
    NUM_CELLS,
    OccupancyGrid,
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
_NEAR = 0.4  # keep that far from the hider, metres: pushing it does not pay
_MEMORY = 10  # env steps for which the place where somebody was lost is worth a visit
_LOOK = 2  # env steps of looking around at that place
_PATIENCE = 25  # env steps after which a search for one cell is given up
_GIVEN_UP = -60.0  # what is taken from the age of such a cell
_SUSPICION = 80.0  # env steps that cells seem older where a lost hider may be
_LEAD = 2.0  # env steps that somebody out of sight is thought to run on
_STEP = 0.075  # seconds

# Columns of the memory after the random stream.
_STARTED, _BELIEF, _X, _Y = 1, 2, 3, 4  # env steps left to look for somebody at (x, y)
_GOAL, _TRAVELLED = 5, 6  # 1 + cell to search (0: none), env steps on the way
_HOME_X, _HOME_Y = 7, 8  # where it began
_WALK = 9
_GRID = _WALK + WALK_SIZE
_MEMORY_SIZE = _GRID + GRID_SIZE


def build_tracker(spec: ObservationSpec) -> ScriptedPolicy:
    """Chases, remembers and searches; neither grabs nor locks."""
    return ScriptedPolicy(mover(_decide), memory_size=_MEMORY_SIZE)


@kernel
def _decide(
    me: np.ndarray, others: np.ndarray, sees: np.ndarray, lidar: np.ndarray, doors: np.ndarray, row: np.ndarray
) -> tuple[float, float, float]:
    """Force and torque of one agent."""
    lengths = np.empty(NUM_CELLS)
    x, y = me[0] + _HALF_AGENT, me[1] + _HALF_AGENT
    grid, walk = grid_in(row[_GRID:]), row[_WALK : _WALK + WALK_SIZE]
    if row[_STARTED] == 0:
        row[_STARTED] = 1
        row[_HOME_X], row[_HOME_Y] = x, y
        reset(grid, x, y, row)
    update(grid, x, y, me[3], lidar)
    prey = nearest_opponent(me, others, sees)
    if prey >= 0:
        other = others[prey]
        row[_BELIEF], row[_GOAL] = _MEMORY, 0
        return _chase(grid, x, y, me, other, lidar, walk, row, lengths)
    if me[9] < 0.999 and me[8] == 0:
        return 0.0, 0.0, 0.0  # frozen until the preparation is over: no plan gets older
    if row[_BELIEF] == _MEMORY:
        _suspect(grid, row, lengths)
    shortest_paths(grid, x, y, lengths)
    if row[_BELIEF] > 0:
        near = distance(x, y, row[_X], row[_Y]) < 0.5
        row[_BELIEF] = min(row[_BELIEF], _LOOK) - 1 if near else row[_BELIEF] - 1
        to_x, to_y = row[_X], row[_Y]
    else:
        to_x, to_y = _search(grid, x, y, lengths, row)
    way_x, way_y = heading(grid, lengths, x, y, to_x, to_y)
    dx, dy = step_towards(way_x - x, way_y - y, x, y, lidar, walk, row)
    fx, fy = force_towards(dx, dy, me[4], me[5])
    return fx, fy, 1.0


@kernel
def _chase(
    grid: OccupancyGrid,
    x: float,
    y: float,
    me: np.ndarray,
    prey: np.ndarray,
    lidar: np.ndarray,
    walk: np.ndarray,
    row: np.ndarray,
    lengths: np.ndarray,
) -> tuple[float, float, float]:
    """Run at it and face where both will be a step later."""
    prey_x, prey_y = prey[0] + _HALF_AGENT, prey[1] + _HALF_AGENT
    row[_X], row[_Y] = _near_home(prey_x + _LEAD * _STEP * prey[4], prey_y + _LEAD * _STEP * prey[5], row)
    look_x, look_y = prey_x - x + _STEP * (prey[4] - me[4]), prey_y - y + _STEP * (prey[5] - me[5])
    torque = turn_towards(me[3], look_x, look_y)
    prey_x, prey_y = _near_home(prey_x, prey_y, row)
    if is_free(grid, x, y, prey_x, prey_y, 0.0):
        length = max(distance(x, y, prey_x, prey_y), 1e-6)
        dx, dy = (prey_x - x) * (1.0 - _NEAR / length), (prey_y - y) * (1.0 - _NEAR / length)
        fx, fy = force_towards(dx, dy, me[4] - prey[4], me[5] - prey[5])
        return fx, fy, torque
    shortest_paths(grid, x, y, lengths)
    way_x, way_y = heading(grid, lengths, x, y, prey_x, prey_y)
    dx, dy = step_towards(way_x - x, way_y - y, x, y, lidar, walk, row)
    fx, fy = force_towards(dx, dy, me[4], me[5])
    return fx, fy, torque


@kernel
def _near_home(x: float, y: float, row: np.ndarray) -> tuple[float, float]:
    """The point itself, or the last one on the way from home to it that is near enough."""
    share = min(1.0, HOME_RANGE / max(distance(x, y, row[_HOME_X], row[_HOME_Y]), 1e-6))
    return row[_HOME_X] + share * (x - row[_HOME_X]), row[_HOME_Y] + share * (y - row[_HOME_Y])


@kernel
def _suspect(grid: OccupancyGrid, row: np.ndarray, lengths: np.ndarray) -> None:
    """Whom it has just lost is out of view, but not far from where it was."""
    shortest_paths(grid, row[_X], row[_Y], lengths)
    for k in range(NUM_CELLS):
        if grid.ages[k] > 0.0 and lengths[k] < np.inf:
            grid.ages[k] += _SUSPICION / (1.0 + lengths[k] * lengths[k])


@kernel
def _search(grid: OccupancyGrid, x: float, y: float, lengths: np.ndarray, row: np.ndarray) -> tuple[float, float]:
    """The cell to look at next; kept until it was seen, cannot be reached or is given up."""
    row[_TRAVELLED] += 1
    goal = int(row[_GOAL]) - 1
    if goal >= 0 and row[_TRAVELLED] > _PATIENCE:
        grid.ages[goal] = max(grid.ages[goal] + _GIVEN_UP, 0.0)
    if goal < 0 or row[_TRAVELLED] > _PATIENCE or grid.ages[goal] <= 0.0 or lengths[goal] == np.inf:
        goal = most_worth(grid, lengths, row[_HOME_X], row[_HOME_Y])
        row[_GOAL], row[_TRAVELLED] = 1 + goal, 0
    if goal < 0:
        return x, y
    return centre(grid, goal)
