"""Rejection sampling on the grid of cells."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.config import ConfigError, WorldConfig
from evo_hns.worlds.placement import MAX_TRIES, Region, make_plan, place_groups


def test_things_cover_the_originals_cells() -> None:
    plan = make_plan(WorldConfig(num_food=1), 6.0)
    items = [plan.hider, plan.seeker, *plan.boxes, plan.ramp, plan.food]
    assert [item.cells for item in items] == [(2, 2), (2, 2), (9, 1), (1, 9), (3, 3), (3, 3), (1, 1)]
    assert plan.boxes[0].half == pytest.approx((0.825, 0.075, 0.25))


def test_cells_that_may_be_drawn_are_the_originals() -> None:
    plan = make_plan(WorldConfig(), 6.0)
    assert plan.hider.regions == (Region(1, 27, 1, 27),)
    assert plan.seeker.regions == (Region(1, 12, 1, 12), Region(1, 12, 15, 27), Region(15, 27, 15, 27))
    assert [box.regions for box in plan.boxes] == [
        (Region(15, 20, 1, 13),),
        (Region(15, 28, 1, 5),),
        (Region(15, 26, 1, 11),),
    ]
    assert make_plan(WorldConfig(hider_placement="quadrant"), 6.0).hider.regions == (Region(15, 27, 1, 12),)


def test_food_starts_where_the_settings_say() -> None:
    def regions(**settings: object) -> tuple[Region, ...]:
        return make_plan(WorldConfig.model_validate({"num_food": 1, **settings}), 6.0).food.regions

    assert regions() == (Region(15, 28, 1, 13),)
    assert regions(scenario="randomwalls") == (Region(1, 28, 1, 28),)
    assert regions(scenario="randomwalls", food_in_the_middle=True) == (Region(11, 17, 11, 17),)


def test_an_object_covers_the_cells_it_is_marked_on() -> None:
    plan = make_plan(WorldConfig(), 6.0)
    for seed in range(50):
        for item in (plan.ramp, *plan.boxes):
            grid = np.zeros((30, 30), dtype=bool)
            centres = place_groups([(item, 2)], grid, 0.2, np.random.RandomState(seed))
            if centres is None:
                continue
            assert grid.sum() == 2 * item.cells[0] * item.cells[1]
            for x, y, _ in centres:
                corners = [(x + a * item.half[0], y + b * item.half[1]) for a in (-1, 1) for b in (-1, 1)]
                assert all(grid[int(x / 0.2), int(y / 0.2)] for x, y in corners)


@pytest.mark.parametrize(("floor_size", "cells"), [(6.0, 3), (12.0, 2)])
def test_a_group_starts_around_its_first(floor_size: float, cells: int) -> None:
    world = WorldConfig(scenario="randomwalls", hiders_together_radius=0.5, floor_size=floor_size)
    item = make_plan(world, floor_size).hider
    assert item.together == cells
    size, spread = floor_size / 30, []
    for seed in range(200):
        centres = place_groups([(item, 4)], np.zeros((30, 30), dtype=bool), size, np.random.RandomState(seed))
        if centres is None:
            continue  # ten tries are few for the last of four
        first, *others = (np.array(centre[:2]) - 0.15 for centre in centres)
        spread += [np.floor(other / size + 1e-9) - np.floor(first / size + 1e-9) for other in others]
    away = np.array(spread)
    assert (away.min(), away.max()) == (-cells, cells - 1)


def test_together_settings_mean_nothing_in_the_quadrant() -> None:
    plan = make_plan(WorldConfig(hiders_together_radius=0.5, seekers_together_radius=0.5), 6.0)
    assert plan.hider.together is None
    assert plan.seeker.together is None


def test_a_full_grid_is_given_up_after_ten_tries_for_each_object() -> None:
    grid = np.ones((30, 30), dtype=bool)
    rng, other = np.random.RandomState(1), np.random.RandomState(1)
    assert place_groups([(make_plan(WorldConfig(), 6.0).ramp, 3)], grid, 0.2, rng) is None
    for _ in range(2 * 3 * MAX_TRIES):
        other.randint(1, 26)
    assert rng.random_sample() == other.random_sample()


@pytest.mark.parametrize(("floor_size", "box_size"), [(2.4, 0.9), (3.0, 1.5)])
def test_what_does_not_fit_is_refused(floor_size: float, box_size: float) -> None:
    world = WorldConfig(floor_size=floor_size, grid_size=12, box_size=box_size)
    message = rf"a box of {box_size:g} m does not fit \(room\) on a field of {floor_size:g} m with 12 x 12 cells; use a"
    with pytest.raises(ConfigError, match=message):
        make_plan(world, floor_size)


def test_an_elongated_box_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"an elongated box of 3\.3 m does not fit \(room\) on a field of 6 m"):
        make_plan(WorldConfig(num_elongated_boxes=1, box_size=1.0), 6.0)


def test_what_is_in_no_world_need_not_fit() -> None:
    make_plan(WorldConfig(num_boxes=0, box_size=2.0, floor_size=4.0), 4.0)
