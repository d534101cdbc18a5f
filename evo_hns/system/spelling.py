"""Names that were typed wrongly, and those that were meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)`, or nothing if no name is near; a right name in the wrong table is near."""
    known = list(known)
    same_leaf = [other for other in known if other.rpartition(".")[2] == name.rpartition(".")[2]]
    # of several in other tables, that in the table whose name is nearest
    near = difflib.get_close_matches(name, same_leaf, n=1) or same_leaf or difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
