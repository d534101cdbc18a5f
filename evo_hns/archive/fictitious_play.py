"""An equilibrium of a small game by fictitious play (Brown 1951), which rounding does not decide."""

from __future__ import annotations

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray

ROUNDS = 1000
"""Shares of the equilibrium are exact to about 3 %."""


def equilibrium(table: FloatArray) -> FloatArray:
    """`(H,)` shares of the rows in an equilibrium of an `(H, K)` game; rows maximise, columns minimise.

    Of equal rows the last one plays. Without columns nobody does.
    """
    played = np.zeros(len(table))
    if table.shape[1] == 0:
        return played
    rows = table[::-1]  # `argmax` takes the first of equals
    row_totals, column_totals = rows.mean(1), np.zeros(rows.shape[1])
    for _ in range(ROUNDS):
        row = int(row_totals.argmax())
        played[row] += 1.0 / ROUNDS
        column_totals += rows[row]
        row_totals += rows[:, int(column_totals.argmin())]
    return played[::-1]
