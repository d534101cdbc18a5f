"""The scripted seeker: chases whom it sees, goes where it last saw somebody, else searches what it has not seen.

It looks around by spinning, since an agent can turn while it walks in any direction. As a hider it would run
after the seekers just the same.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.actions import draw
from evo_hns.policies.scripted.field import distance, waypoint
from evo_hns.policies.scripted.motion import around, force_towards, turn_towards
from evo_hns.policies.scripted.player import ScriptedPolicy, mover, nearest_opponent
from evo_hns.policies.scripted.visit_ages import NUM_CELLS, cell_centre, choose, look, reset
from evo_hns.spec import ObservationSpec
from evo_hns.system.kernels import kernel

_HALF_AGENT = 0.15
_NEAR = 0.5  # keep that far from the hider, metres: pushing it does not pay
_MEMORY = 24  # env steps for which a place is worth a visit
_LOOK = 4  # env steps of looking around at that place
_PATIENCE = 30  # env steps after which a search for one cell is given up
_GIVEN_UP = -80.0  # age of such a cell
_LEAD = 1.0  # env steps that somebody out of sight is thought to run on
_STEP = 0.075  # seconds
_STUCK_LIMIT, _PUSH, _ASIDE = 4, 5, 3  # env steps without progress; of pushing straight on; of stepping aside

# Columns of the memory after the random stream.
_BELIEF, _X, _Y = 1, 2, 3  # env steps left to look for somebody at (x, y)
_GOAL, _TRAVELLED = 4, 5  # 1 + cell to search (0: none), env steps on the way
_OLD_X, _OLD_Y, _STUCK, _SIDESTEP = 6, 7, 8, 9  # where it was, how long without progress, angle to break free
_AGES = 10
CHASER_MEMORY = _AGES + NUM_CELLS


def build_chaser(spec: ObservationSpec) -> ScriptedPolicy:
    """Chases and searches; neither grabs nor locks."""
    return ScriptedPolicy(mover(chase_or_search), memory_size=CHASER_MEMORY)


@kernel
def chase_or_search(
    me: np.ndarray, others: np.ndarray, sees: np.ndarray, lidar: np.ndarray, doors: np.ndarray, row: np.ndarray
) -> tuple[float, float, float]:
    """Force and torque of one agent."""
    x, y = me[0] + _HALF_AGENT, me[1] + _HALF_AGENT
    ages = row[_AGES:]
    if me[9] == 0:
        reset(ages, row)
    look(ages, x, y, me[3], lidar)
    prey = nearest_opponent(me, others, sees)
    if prey >= 0:
        other = others[prey]
        row[_BELIEF], row[_GOAL] = _MEMORY, 0
        row[_X] = min(max(other[0] + _HALF_AGENT + _LEAD * _STEP * other[4], 0.4), 5.6)
        row[_Y] = min(max(other[1] + _HALF_AGENT + _LEAD * _STEP * other[5], 0.4), 5.6)
        return _chase(x, y, me, other, doors)
    if me[9] < 0.999 and me[8] == 0:
        return 0.0, 0.0, 0.0  # frozen until the preparation is over: no plan gets older
    if row[_BELIEF] > 0:
        near = distance(x, y, row[_X], row[_Y]) < 0.5
        row[_BELIEF] = min(row[_BELIEF], _LOOK) - 1 if near else row[_BELIEF] - 1
        to_x, to_y = row[_X], row[_Y]
    else:
        to_x, to_y = _search(x, y, doors, ages, row)
    dx, dy = _walk(x, y, to_x, to_y, lidar, doors, row)
    fx, fy = force_towards(dx, dy, me[4], me[5])
    return fx, fy, 1.0


@kernel
def _chase(x: float, y: float, me: np.ndarray, prey: np.ndarray, doors: np.ndarray) -> tuple[float, float, float]:
    """Run at it and face where both will be a step later."""
    prey_x, prey_y = prey[0] + _HALF_AGENT, prey[1] + _HALF_AGENT
    to_x, to_y = waypoint(x, y, prey_x, prey_y, doors)
    dx, dy = to_x - x, to_y - y
    if to_x == prey_x and to_y == prey_y:
        length = max(distance(x, y, prey_x, prey_y), 1e-6)
        dx, dy = dx * (1.0 - _NEAR / length), dy * (1.0 - _NEAR / length)
    fx, fy = force_towards(dx, dy, me[4] - prey[4], me[5] - prey[5])
    look_x, look_y = prey_x - x + _STEP * (prey[4] - me[4]), prey_y - y + _STEP * (prey[5] - me[5])
    return fx, fy, turn_towards(me[3], look_x, look_y)


@kernel
def _search(x: float, y: float, doors: np.ndarray, ages: np.ndarray, row: np.ndarray) -> tuple[float, float]:
    """The cell to look at next; kept until it was seen or is given up."""
    row[_TRAVELLED] += 1
    if row[_GOAL] > 0 and row[_TRAVELLED] > _PATIENCE:
        ages[int(row[_GOAL]) - 1] = _GIVEN_UP
    if row[_GOAL] == 0 or ages[int(row[_GOAL]) - 1] <= 0:
        row[_GOAL], row[_TRAVELLED] = 1 + choose(ages, x, y, doors), 0
    return cell_centre(int(row[_GOAL]) - 1)


@kernel
def _walk(
    x: float, y: float, to_x: float, to_y: float, lidar: np.ndarray, doors: np.ndarray, row: np.ndarray
) -> tuple[float, float]:
    """Step towards a place around walls and things; where that does not help, push on, then step aside."""
    way_x, way_y = waypoint(x, y, to_x, to_y, doors)
    dx, dy = way_x - x, way_y - y
    if row[_STUCK] < 0:
        row[_STUCK] += 1
        if row[_STUCK] < -_ASIDE:
            return dx, dy
        return math.cos(row[_SIDESTEP]), math.sin(row[_SIDESTEP])
    stands = distance(x, y, row[_OLD_X], row[_OLD_Y]) < 0.05 and dx * dx + dy * dy > 0.09
    row[_OLD_X], row[_OLD_Y] = x, y
    row[_STUCK] = row[_STUCK] + 1 if stands else max(row[_STUCK] - 1, 0)
    if row[_STUCK] >= _STUCK_LIMIT:
        row[_STUCK] = -_PUSH - _ASIDE
        row[_SIDESTEP] = 2.0 * math.pi * draw(row)
    return around(dx, dy, lidar)
