"""Sequential sampling of cells: each round doubles the episodes of cells whose mean is not precise enough.

Stopping on a small-sample variance is biased: episodes that are equal by chance look certain. So a cell's variance is
shrunk towards the pooled variance of all cells with `PRIOR` degrees of freedom, and its interval is Student's with as
many degrees more. The pooled variance counts one further deviation, of half the range of returns, and so is never
zero. In simulated tables where hiders are found or not, 76 of 100 intervals hold the true mean without this, and 94
with it.

Source: Smyth 2004, "Linear models and empirical Bayes methods", for the shrinking.
"""

from __future__ import annotations

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.archive.tournament import Cells, Precision
from evo_hns.config import ConfigError, RulesConfig
from evo_hns.evaluation.intervals import student_95
from evo_hns.spec import Side

PRIOR = 8.0
"""Degrees of freedom of the pooled variance in that of a cell."""

SHARE = 0.1
"""Default half width, as a share of the range of returns."""


def return_range(rules: RulesConfig) -> float:
    """From the least to the most that hiding and seeking pay in an episode; food and penalties come on top."""
    return 2.0 * (rules.horizon - rules.num_prep_steps) * abs(rules.reward_scale)


def precision_of(rules: RulesConfig, half_width: float | None, min_episodes: int, max_episodes: int) -> Precision:
    """Checked bounds; without a half width a share of the range of returns.

    Raises:
        ConfigError: a bound that makes no sense.
    """
    wanted = SHARE * return_range(rules) if half_width is None else half_width
    if not 0.0 < wanted < float("inf"):
        raise ConfigError(f"--half-width: got {wanted}, expected a positive number, in units of the return")
    if min_episodes < 2:
        raise ConfigError(f"--min-episodes: got {min_episodes}, expected at least 2: one has no variance")
    if max_episodes < min_episodes:
        raise ConfigError(f"--max-episodes: got {max_episodes}, expected at least the {min_episodes} of --min-episodes")
    return Precision(wanted, min_episodes, max_episodes)


def half_widths(cells: Cells, side: Side, span: float) -> FloatArray:
    """Half widths of the 95 % intervals of all cells' means.

    Args:
        cells: the scores so far.
        side: whose returns.
        span: range of the returns.

    Returns:
        `(H, S)`; infinite for a cell without an episode that counts.
    """
    number, _, squares = cells.moments(side)
    dof = np.maximum(number - 1, 0)
    common = (squares.sum() + (span / 2) ** 2) / (dof.sum() + 1)
    variance = (PRIOR * common + squares) / (PRIOR + dof)
    with np.errstate(divide="ignore"):
        widths: FloatArray = student_95(PRIOR + dof) * np.sqrt(variance / number)
    return widths


def next_round(cells: Cells, precision: Precision, span: float) -> IntArray:
    """Episodes that every cell should have at the end of the next round.

    Args:
        cells: the scores so far, at the end of a round.
        precision: what is asked for.
        span: range of the returns.

    Returns:
        `(H, S)`; where it is no more than there are, the cell is done.
    """
    widest = np.maximum(*(half_widths(cells, side, span) for side in Side))
    doubled = np.clip(2 * cells.count, precision.min_episodes, precision.max_episodes)
    is_open = (cells.count < precision.min_episodes) | (widest > precision.half_width)
    wanted: IntArray = np.where(is_open, np.maximum(doubled, cells.count), cells.count)
    return wanted
