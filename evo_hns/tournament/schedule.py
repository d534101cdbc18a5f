"""Sequential sampling of cells: each round doubles the episodes of cells whose mean is not precise enough."""

from __future__ import annotations

import numpy as np

from evo_hns.archive.hall_of_fame import IntArray
from evo_hns.archive.tournament import Cells, Precision
from evo_hns.config import ConfigError, RulesConfig
from evo_hns.spec import Side
from evo_hns.tournament.payoff import cell_half_widths, squared_errors

SHARE = 0.1
"""Default half width, as a share of the range of returns."""


def precision_of(rules: RulesConfig, half_width: float | None, min_episodes: int, max_episodes: int) -> Precision:
    """Checked bounds; without a half width a share of the range of returns.

    Raises:
        ConfigError: a bound that makes no sense.
    """
    wanted = SHARE * rules.return_range if half_width is None else half_width
    if not 0.0 < wanted < float("inf"):
        raise ConfigError(f"--half-width: got {wanted}, expected a positive number, in units of the return")
    if min_episodes < 2:
        raise ConfigError(f"--min-episodes: got {min_episodes}, expected at least 2: one has no variance")
    if max_episodes < min_episodes:
        raise ConfigError(f"--max-episodes: got {max_episodes}, expected at least the {min_episodes} of --min-episodes")
    return Precision(wanted, min_episodes, max_episodes)


def next_round(cells: Cells, precision: Precision, span: float) -> IntArray:
    """Episodes that every cell should have at the end of the next round.

    Args:
        cells: the scores so far, at the end of a round.
        precision: what is asked for.
        span: range of the returns.

    Returns:
        `(H, S)`; where it is no more than there are, the cell is done.
    """
    moments = [cells.moments(side) for side in Side]
    widest = np.maximum(*(cell_half_widths(squared_errors(n, squares, span), n) for n, _, squares in moments))
    doubled = np.clip(2 * cells.count, precision.min_episodes, precision.max_episodes)
    is_open = (cells.count < precision.min_episodes) | (widest > precision.half_width)
    wanted: IntArray = np.where(is_open, np.maximum(doubled, cells.count), cells.count)
    return wanted
