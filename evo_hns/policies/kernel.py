"""How the policies' loops are compiled.

Without fast-math: LLVM neither reorders sums nor fuses operations, so vector and scalar code give the same
bits. Without the GIL: games in several threads decide at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """Compile a function of scalars and arrays, once per machine."""
    compiled: _Function = njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled
