"""Some of many, so that all of their span is shown."""

from __future__ import annotations

import numpy as np

from evo_hns.archive.hall_of_fame import IntArray


def evenly_spaced(total: int, count: int) -> IntArray:
    """Up to `count` of `total` rows in order, the first and the last among them (of one: the first)."""
    rows: IntArray = np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(np.int64))
    return rows
