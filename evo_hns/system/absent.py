"""Libraries that another one would import for what nobody here asks of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """To modules that are imported inside, these libraries are not installed; those that are imported already stay.

    For libraries that take others along if they can, which are slow to import and not needed here: a start must not
    wait for them. Modules that import them later get them.
    """
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's word for what cannot be imported
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
