"""A word of warning when one side has left the other nothing to learn from."""

from __future__ import annotations

from evo_hns.archive.records import Generation
from evo_hns.spec import Side

PATIENCE = 5
"""Generations in a row in which one side wins every match before it is reported."""


class DisengagementAlarm:
    """Watches who wins the matches of candidates; speaks once in its life."""

    def __init__(self) -> None:
        self._winner: Side | None = None
        self._generations = 0
        self._has_spoken = False

    def observe(self, record: Generation) -> str:
        """Look at a generation.

        Returns:
            The warning, when it is due; else nothing.
        """
        winner = sole_winner(record)
        self._generations = self._generations + 1 if winner is self._winner else 1
        self._winner = winner
        if winner is None or self._generations < PATIENCE or self._has_spoken:
            return ""
        self._has_spoken = True
        return (
            f"warning: the {winner.label} have won every match of {PATIENCE} generations, so that wins tell nobody from"
            ' another (disengagement): coevolution.fitness = "wins" with coevolution.virulence = "auto", or other'
            " opponents, may help"
        )


def sole_winner(record: Generation) -> Side | None:
    """The side that won every match of both sides' candidates; None if there is none."""
    for side in Side:
        shares = [record.metrics.get(f"{each.label}.win_share") for each in (side, side.other)]
        if shares == [1.0, 0.0]:
            return side
    return None
