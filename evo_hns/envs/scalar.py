"""Transcendental functions, element by element: the same bits for a number in any place of any batch.

Torch and NumPy compute whole vectors with other code than the elements left over at their end, and the two
may round differently.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

FloatArray: TypeAlias = NDArray[np.float64]


def tanh(values: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return _map(_tanh, values)


def cos(angles: Tensor) -> Tensor:
    """Cosine of radians."""
    return _map(_cos, angles)


def sin(angles: Tensor) -> Tensor:
    """Sine of radians."""
    return _map(_sin, angles)


def _map(function: Callable[[FloatArray, FloatArray], None], values: Tensor) -> Tensor:
    result = np.empty(values.numel())
    function(values.contiguous().numpy().reshape(-1), result)
    return torch.from_numpy(result).view(values.shape)


_compiled = njit(cache=True, nogil=True)


@_compiled  # type: ignore[untyped-decorator]
def _tanh(values: FloatArray, result: FloatArray) -> None:
    for i in range(len(values)):
        result[i] = math.tanh(values[i])


@_compiled  # type: ignore[untyped-decorator]
def _cos(values: FloatArray, result: FloatArray) -> None:
    for i in range(len(values)):
        result[i] = math.cos(values[i])


@_compiled  # type: ignore[untyped-decorator]
def _sin(values: FloatArray, result: FloatArray) -> None:
    for i in range(len(values)):
        result[i] = math.sin(values[i])
