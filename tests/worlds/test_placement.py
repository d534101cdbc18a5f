"""Rejection sampling on the grid of cells."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.config import ConfigError, WorldConfig
from evo_hns.worlds.placement import MAX_TRIES, Region, make_plan, place_items


def test_the_plan_lists_everything_in_the_order_of_the_draws() -> None:
    plan = make_plan(WorldConfig(num_hiders=1, num_seekers=2, num_boxes=3, num_ramps=1))
    assert [item.name for item in plan.agents] == ["hider", "seeker", "seeker"]
    assert [item.name for item in plan.boxes + plan.ramps] == ["box", "box", "box", "ramp"]
    assert [item.num_cells for item in plan.agents + plan.boxes + plan.ramps] == [2, 2, 2, 3, 3, 3, 3]


def test_cells_that_may_be_drawn_are_the_originals() -> None:
    plan = make_plan(WorldConfig())
    hider, _, seeker, _ = plan.agents
    assert hider.regions == (Region(1, 27, 1, 27),)
    assert seeker.regions == (Region(1, 12, 1, 12), Region(1, 12, 15, 27), Region(15, 27, 15, 27))
    assert plan.boxes[0].regions == (Region(15, 26, 1, 11),)
    assert make_plan(WorldConfig(hider_placement="quadrant")).agents[0].regions == (Region(15, 27, 1, 12),)


def test_an_object_covers_the_cells_it_is_marked_on() -> None:
    ramps = make_plan(WorldConfig(num_ramps=3)).ramps
    for seed in range(50):
        grid = np.zeros((30, 30), dtype=bool)
        centres = place_items(ramps, grid, 0.2, np.random.RandomState(seed))
        assert centres is not None
        assert grid.sum() == 27
        for x, y, _ in centres:
            corners = [(x + a, y + b) for a in (-0.25, 0.25) for b in (-0.25, 0.25)]
            assert all(grid[int(x / 0.2), int(y / 0.2)] for x, y in corners)


def test_a_full_grid_is_given_up_after_ten_tries() -> None:
    grid = np.ones((30, 30), dtype=bool)
    rng, other = np.random.RandomState(1), np.random.RandomState(1)
    assert place_items(make_plan(WorldConfig()).ramps, grid, 0.2, rng) is None
    for _ in range(2 * MAX_TRIES):
        other.randint(1, 26)
    assert rng.random_sample() == other.random_sample()


@pytest.mark.parametrize(("floor_size", "box_size"), [(2.4, 0.9), (3.0, 1.5)])
def test_what_does_not_fit_is_refused(floor_size: float, box_size: float) -> None:
    world = WorldConfig(floor_size=floor_size, grid_size=12, box_size=box_size)
    message = rf"a box of {box_size:g} m does not fit \(room\) on a field of {floor_size:g} m with 12 x 12 cells; use a"
    with pytest.raises(ConfigError, match=message):
        make_plan(world)
