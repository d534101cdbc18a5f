"""A table without holes, for questions that need every pairing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evo_hns.tournament.measures.additive import Additive, require_one_group
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError

MOST_FILLED = 0.1
"""Share of the pairings that may be filled in with what ratings expect."""


def completed(table: ScoreTable) -> tuple[ScoreTable, int]:
    """Leave out who did not play, and fill in pairings that are missing with the sum of both strengths.

    Returns:
        The table, and how many cells were filled in; their noise is taken as the largest of all.

    Raises:
        UnanswerableError: fewer than two on a side, too many pairings are missing, or the players fall into groups that
            never met.
    """
    met = table.met()
    holes = ~met.played
    if holes.mean() > MOST_FILLED:
        raise UnanswerableError(f"{holes.mean():.0%} of the pairings were not played, {MOST_FILLED:.0%} may be missing")
    if not holes.any():
        return met, 0
    require_one_group(met.played)
    scores = np.where(holes, Additive(met.played).fitted(met.scores), met.scores)
    noise = np.where(holes, np.nanmax(met.noise), met.noise)
    return replace(met, scores=scores, noise=noise), int(holes.sum())
