"""Charts show what the lidar met, and ways on them are the shortest ones."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest

from evo_hns.policies.scripted.occupancy_grid import (
    CELL,
    GRID_SIZE,
    NUM_CELLS,
    SIDE,
    cell_at,
    centre,
    grid_in,
    is_free,
    on_grid,
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


def new_grid(x=3.0, y=3.0):
    grid, row = grid_in(np.zeros(GRID_SIZE)), np.array([12345.0])
    reset(grid, x, y, row)
    return grid


def put_wall(grid, x, y_from, y_to):
    """A wall along y through the cells at x."""
    for y in np.arange(y_from, y_to, CELL):
        grid.walls[cell_at(grid, x, y)] = 3.0


def known(grid):
    grid.walls[:] = -1.0
    return grid


def plain_lengths(grid, start):
    """Dijkstra's algorithm over the same steps."""
    solid = (grid.walls > 0).reshape(SIDE, SIDE)
    lengths, heap = np.full((SIDE, SIDE), np.inf), [(0.0, start // SIDE, start % SIDE)]
    lengths[start // SIDE, start % SIDE] = 0.0
    while heap:
        length, j, i = heapq.heappop(heap)
        for dj, di in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b):
            v, u = j + dj, i + di
            if not (0 <= v < SIDE and 0 <= u < SIDE) or solid[v, u]:
                continue
            if dj and di and (solid[j, u] or solid[v, i]):
                continue
            around = [(v, u - 1), (v, u + 1), (v - 1, u), (v + 1, u)]
            beside = any(0 <= a < SIDE and 0 <= b < SIDE and solid[a, b] for a, b in around)
            cost = CELL * math.hypot(dj, di) * (2.0 if beside else 1.0)
            cost *= 1.5 if grid.walls[v * SIDE + u] == 0 else 1.0
            if length + cost < lengths[v, u] - 1e-9:
                lengths[v, u] = length + cost
                heapq.heappush(heap, (length + cost, v, u))
    return lengths.ravel()


def test_a_cell_is_found_at_its_centre():
    grid = new_grid()
    assert [cell_at(grid, *centre(grid, k)) for k in range(NUM_CELLS)] == list(range(NUM_CELLS))
    assert centre(grid, 0) == pytest.approx((-1.35, -1.35))
    assert on_grid(grid, 7.4, 7.4)
    assert not on_grid(grid, 7.6, 3.0)


def test_a_wall_is_drawn_where_rays_end_and_nothing_where_they_pass():
    grid, lidar = new_grid(), np.full(30, 2.02)
    for _ in range(2):
        update(grid, 3.0, 3.0, 0.0, lidar)
    angles = 2 * math.pi * np.arange(30) / 30
    ends = [cell_at(grid, 3 + 2.07 * math.cos(a), 3 + 2.07 * math.sin(a)) for a in angles]
    assert (grid.walls[ends] > 0).all()
    assert (grid.walls[[cell_at(grid, 3 + math.cos(a), 3 + math.sin(a)) for a in angles]] < 0).all()
    assert grid.walls[cell_at(grid, 0.2, 0.2)] == 0


def test_what_has_gone_is_rubbed_out():
    grid = new_grid()
    update(grid, 3.0, 3.0, 0.0, np.full(30, 1.0))
    where = cell_at(grid, 4.05, 3.0)
    assert grid.walls[where] > 0
    for _ in range(8):
        update(grid, 3.0, 3.0, 0.0, np.full(30, 6.0))
    assert grid.walls[where] < 0


def test_only_what_is_in_the_cone_and_before_a_wall_counts_as_seen():
    grid = new_grid()
    update(grid, 3.0, 3.0, 0.0, np.full(30, 1.5))  # looks along -y
    ages = [grid.ages[cell_at(grid, x, y)] for x, y in ((3.0, 2.0), (3.0, 0.9), (3.0, 4.0), (3.0, 3.1))]
    assert [age == 0 for age in ages] == [True, False, False, True]


def test_a_chart_without_a_lidar_shows_no_walls():
    grid = new_grid()
    update(grid, 3.0, 3.0, 0.0, np.empty(0))
    assert (grid.walls == 0).all()
    assert grid.ages[cell_at(grid, 3.0, 0.5)] == 0
    assert grid.ages[cell_at(grid, 3.0, 5.0)] > 0


def test_a_chart_is_taken_along_and_what_stays_on_it_is_kept():
    grid = new_grid()
    grid.walls[cell_at(grid, 6.1, 3.0)] = 3.0
    update(grid, 7.2, 3.0, 0.0, np.full(30, 0.2))
    assert on_grid(grid, 11.0, 3.0)
    assert not on_grid(grid, 1.0, 3.0)
    assert grid.walls[cell_at(grid, 6.1, 3.0)] == 3.0
    assert (grid.walls > 0).sum() > 1


def test_a_chart_begins_around_a_player_outside_of_the_usual_field():
    grid = new_grid(20.0, 12.0)
    assert on_grid(grid, 24.0, 8.0)
    assert (grid.ages == -1).all()


def test_the_way_is_free_where_nothing_is_drawn():
    grid = known(new_grid())
    put_wall(grid, 3.05, 0.0, 2.0)
    assert not is_free(grid, 1.0, 1.0, 5.0, 1.0, 0.0)
    assert is_free(grid, 1.0, 2.4, 5.0, 2.4, 0.0)
    assert not is_free(grid, 1.0, 2.2, 5.0, 2.2, 0.14)


@pytest.mark.parametrize("seed", range(4))
def test_lengths_of_ways_equal_those_of_a_plain_search(seed):
    grid, rng = new_grid(), np.random.default_rng(seed)
    grid.walls[:] = rng.choice([-1.0, 0.0, 2.0], NUM_CELLS, p=[0.5, 0.2, 0.3])
    lengths = np.empty(NUM_CELLS)
    shortest_paths(grid, 3.0, 3.0, lengths)
    np.testing.assert_allclose(lengths, plain_lengths(grid, cell_at(grid, 3.0, 3.0)), atol=1e-6)


def test_one_heads_straight_for_a_goal_in_view_and_else_for_the_gap():
    grid, lengths = known(new_grid()), np.empty(NUM_CELLS)
    put_wall(grid, 3.05, -1.4, 4.0)
    put_wall(grid, 3.05, 4.9, 7.4)
    shortest_paths(grid, 1.0, 1.0, lengths)
    assert heading(grid, lengths, 1.0, 1.0, 2.0, 4.0) == (2.0, 4.0)
    x, y = heading(grid, lengths, 1.0, 1.0, 5.0, 1.0)
    assert is_free(grid, 1.0, 1.0, x, y, 0.1)
    assert y > 3.0
    assert x < 3.5


def test_where_no_way_leads_one_heads_straight():
    grid, lengths = known(new_grid()), np.empty(NUM_CELLS)
    put_wall(grid, 3.05, -1.4, 7.5)
    shortest_paths(grid, 1.0, 1.0, lengths)
    assert heading(grid, lengths, 1.0, 1.0, 5.0, 1.0) == (5.0, 1.0)


def test_the_cell_most_worth_a_visit_was_not_seen_for_long_is_near_and_not_too_far_from_home():
    grid, lengths = known(new_grid()), np.empty(NUM_CELLS)
    shortest_paths(grid, 1.0, 1.0, lengths)
    grid.ages[:] = -1.0
    assert most_worth(grid, lengths, 1.0, 1.0) == -1
    near, far, out = (cell_at(grid, *place) for place in ((2.0, 1.0), (4.0, 1.0), (1.0 + HOME_RANGE + 0.3, 1.0)))
    grid.ages[[near, far, out]] = 10.0, 10.0, 900.0
    assert most_worth(grid, lengths, 1.0, 1.0) == near
    grid.ages[far] = 60.0
    assert most_worth(grid, lengths, 1.0, 1.0) == far


def test_who_is_stuck_pushes_on_and_then_steps_aside():
    walk, row, lidar = np.zeros(WALK_SIZE), np.array([12345.0]), np.full(30, 6.0)
    lidar[[29, 0, 1]] = 0.2
    steps = [step_towards(1.0, 0.0, 3.0, 3.0, lidar, walk, row) for _ in range(16)]
    assert any(step == (1.0, 0.0) for step in steps)  # against what is in the way
    assert len({step for step in steps if step != (1.0, 0.0)}) > 1  # around it, and somewhere else
