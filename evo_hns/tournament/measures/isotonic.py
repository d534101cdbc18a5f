"""The nearest table in which no row is worse than an earlier one: what forgetting and reversals are compared with."""

from __future__ import annotations

import math

import numpy as np

CLEAR_RISE = 2.0
"""Standard errors."""


def never_worse(scores: np.ndarray, noise: np.ndarray, generations: np.ndarray) -> np.ndarray:
    """Least-squares fit of every column that never falls, and rises only where that is clear.

    A plain monotone fit makes a staircase of noise, in which getting worse by chance is rarer than it is where
    nothing changes; so neighbours are also pooled unless the later is better by `CLEAR_RISE` standard errors.

    Args:
        scores: `(T, J)` a row for each champion, oldest first; NaN: not played.
        noise: `(T, J)` squared standard errors: the less, the more a score weighs.
        generations: `(T,)` of the rows; champions of one generation are fitted alike.

    Returns:
        `(T, J)` the fit, NaN where nothing was played.

    Source: pool adjacent violators, Ayer et al. 1955, Annals of Mathematical Statistics 26(4); pooling what does not
    clearly rise, in the manner of reduced monotonic regression (Schell and Singh 1997, JASA 92(437)).
    """
    fitted = np.full(scores.shape, np.nan)
    for column in range(scores.shape[1]):
        rows = np.flatnonzero(np.isfinite(scores[:, column]) & np.isfinite(noise[:, column]))
        weights = 1.0 / np.maximum(noise[rows, column], 1e-12)
        fitted[rows, column] = _rising(scores[rows, column], weights, generations[rows])
    return fitted


Block = tuple[float, float, int]
"""Mean, weight and number of generations of neighbours that are fitted alike."""


def _rises(early: Block, late: Block) -> bool:
    return late[0] - early[0] > CLEAR_RISE * math.sqrt(1 / early[1] + 1 / late[1])


def _rising(values: np.ndarray, weights: np.ndarray, times: np.ndarray) -> np.ndarray:
    _, groups = np.unique(times, return_inverse=True)
    weight = np.bincount(groups, weights)
    mean = np.bincount(groups, weights * values) / np.maximum(weight, 1e-300)
    blocks: list[Block] = []
    for block in zip(mean.tolist(), weight.tolist(), [1] * len(mean), strict=True):
        blocks.append(block)
        while len(blocks) > 1 and not _rises(blocks[-2], blocks[-1]):
            (late, late_weight, late_size), (early, early_weight, early_size) = blocks.pop(), blocks.pop()
            total = late_weight + early_weight
            blocks.append(((late * late_weight + early * early_weight) / total, total, late_size + early_size))
    levels: np.ndarray = np.repeat([block[0] for block in blocks], [block[2] for block in blocks])
    return levels[groups]
