"""Cells get episodes until their means are as certain as was promised, whatever their returns are like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from evo_hns.archive.tournament import Cells, Precision
from evo_hns.config import ConfigError, RulesConfig
from evo_hns.spec import Side
from evo_hns.tournament.payoff import Payoff
from evo_hns.tournament.schedule import next_round, precision_of

SPAN = 96.0
Draw = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""From the cell of each episode to its return."""


def play(shape: tuple[int, int], precision: Precision, draw: Draw, seed: int = 0) -> Cells:
    """A tournament whose hiders' returns are drawn, and seekers' the opposite, to its end."""
    cells, rng = Cells.empty(*shape), np.random.default_rng(seed)
    while True:
        cells = replace(cells, wanted=next_round(cells, precision, SPAN))
        if cells.is_round_over:
            return cells
        new = np.repeat(np.arange(cells.count.size), (cells.wanted - cells.count).ravel())
        scores = draw(new, rng)
        cells = cells.with_played(new, {Side.HIDERS: scores, Side.SEEKERS: -scores})


def half_widths(cells: Cells, side: Side) -> np.ndarray:
    """Of all cells, with the range of returns known."""
    return Payoff.of_moments((), (), {each: cells.moments(each) for each in Side}, SPAN).half_widths(side)


def covered(cells: Cells, truth: np.ndarray) -> float:
    """Share of the cells whose interval holds the true mean."""
    _, mean, _ = cells.moments(Side.HIDERS)
    return float((np.abs(mean - truth) <= half_widths(cells, Side.HIDERS)).mean())


SHAPE = (40, 50)
LEVELS = np.random.default_rng(5).uniform(-30, 30, SHAPE)
SPREADS = np.random.default_rng(6).uniform(2, 40, SHAPE)
RARE = np.random.default_rng(7).uniform(0.0, 0.5, SHAPE)  # how often a hider of a cell is found


def normal(cell: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return LEVELS.ravel()[cell] + SPREADS.ravel()[cell] * rng.standard_normal(len(cell))


def found_or_not(cell: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(len(cell)) < RARE.ravel()[cell], -48.0, 48.0)


@pytest.mark.parametrize(
    ("draw", "truth", "least"), [(normal, LEVELS, 0.95), (found_or_not, 48.0 - 96.0 * RARE, 0.935)]
)
def test_intervals_hold_the_true_means_as_often_as_they_promise(draw: Draw, truth: np.ndarray, least: float) -> None:
    cells = play(SHAPE, Precision(9.6, 8, 4096), draw)
    assert (half_widths(cells, Side.HIDERS) <= 9.6).all()
    assert covered(cells, truth) >= least


def test_the_mean_over_all_cells_is_hardly_moved_by_when_they_stopped() -> None:
    # Without the common variance, cells in which nobody was found in the first episodes would stop at +48.
    cells = play(SHAPE, Precision(9.6, 8, 4096), found_or_not)
    error = cells.moments(Side.HIDERS)[1] - (48.0 - 96.0 * RARE)
    assert abs(error.mean()) < 0.1 * 9.6


def test_restless_cells_get_more_episodes_in_doublings() -> None:
    cells = play(SHAPE, Precision(9.6, 8, 64), normal)
    assert set(np.unique(cells.count)) <= {8, 16, 32, 64}
    calm, restless = cells.count[SPREADS < 8], cells.count[SPREADS > 32]
    assert np.median(calm) <= 16
    assert restless.min() >= 32


def test_equal_results_are_no_certainty() -> None:
    cells = Cells.empty(1, 1).with_played(np.zeros(8, dtype=np.int64), dict.fromkeys(Side, np.full(8, 48.0)))
    assert 5.0 < half_widths(cells, Side.HIDERS)[0, 0] < 15.0
    assert next_round(cells, Precision(1.0, 8, 512), SPAN)[0, 0] == 16


def test_a_lucky_cell_is_judged_by_the_others() -> None:
    rng = np.random.default_rng(0)
    scores = np.where(rng.random((10, 8)) < 0.5, -48.0, 48.0)
    scores[3] = 48.0
    cells = Cells.empty(1, 10).with_played(np.repeat(np.arange(10), 8), dict.fromkeys(Side, scores.ravel()))
    assert next_round(cells, Precision(9.6, 8, 512), SPAN)[0, 3] == 16


def test_the_side_that_is_less_certain_decides() -> None:
    rng = np.random.default_rng(0)
    scores = {Side.HIDERS: np.zeros(64), Side.SEEKERS: 48 * rng.standard_normal(64)}
    cells = Cells.empty(1, 1).with_played(np.zeros(64, dtype=np.int64), scores)
    assert half_widths(cells, Side.HIDERS)[0, 0] < 5 < half_widths(cells, Side.SEEKERS)[0, 0]
    assert next_round(cells, Precision(5.0, 8, 100), SPAN)[0, 0] == 100


def test_failed_episodes_count_as_played_and_tell_nothing() -> None:
    scores = dict.fromkeys(Side, np.array([np.nan] * 8 + [1.0, np.nan] * 4))
    cells = Cells.empty(1, 2).with_played(np.repeat([0, 1], 8), scores)
    assert np.isinf(half_widths(cells, Side.HIDERS)[0, 0])
    assert next_round(cells, Precision(50.0, 8, 12), SPAN).tolist() == [[12, 8]]


def test_the_range_is_that_of_hiding_and_seeking() -> None:
    assert RulesConfig().return_range == 96.0
    assert precision_of(RulesConfig(), None, 8, 8).half_width == pytest.approx(9.6)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((0.0, 8, 16), "--half-width: got 0.0, expected a positive number"),
        ((float("nan"), 8, 16), "--half-width: got nan"),
        ((1.0, 1, 16), "--min-episodes: got 1, expected at least 2"),
        ((1.0, 8, 4), "--max-episodes: got 4, expected at least the 8 of --min-episodes"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(arguments: tuple[float, int, int], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        precision_of(RulesConfig(), *arguments)
