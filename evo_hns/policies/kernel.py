"""How the policies' loops are compiled.

Without fast-math: LLVM neither reorders sums nor fuses operations, so vector and scalar code give the same
bits. Without the GIL: games in several threads decide at the same time.

Numba's cache on disk is stale only when the file of a function changes, although its callees in other files
are compiled into it. Here it is stale when any file of this package changes.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """Compile a function of scalars and arrays, once per machine and state of this package."""
    compiled: _Function = njit(cache=True, nogil=True, error_model="numpy")(function)
    compiled._cache._cache_file._source_stamp = _package_digest()  # type: ignore[attr-defined]
    return compiled


@functools.cache
def _package_digest() -> str:
    """Hash of all sources beside and below this file."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
