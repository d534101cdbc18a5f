"""How the rules' loops are compiled, and how they reach the numbers of tensors.

An env step of a few worlds is some hundred small operations, and calling one costs more than computing it: so what
is decided for every agent and every thing is one loop. Without fast-math no sum is reordered and nothing is fused: a
world gives the same bits in any place of any batch. Without the GIL games in several threads run at the same time.

Numba's cache on disk is stale only when the file of a function changes: a kernel calls kernels of its own file alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numba import njit
from torch import Tensor

_Result = TypeVar("_Result")


def kernel(function: Callable[..., _Result]) -> Callable[..., _Result]:
    """Compile a function of scalars and arrays, once per machine and state of its file."""
    compiled: Callable[..., _Result] = njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


def arrays(*tensors: Tensor) -> list[np.ndarray]:
    """The numbers of tensors as C-contiguous arrays: views if they lie so, else copies."""
    return [np.ascontiguousarray(tensor.numpy()) for tensor in tensors]
