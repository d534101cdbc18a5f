"""How far long work is, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[int, int], None]
"""So much more is done, of so much in all; it may be called from any thread."""


def silent(done: int, total: int) -> None:
    """Nobody waits."""
