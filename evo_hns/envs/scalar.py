"""Transcendental functions, element by element: the same bits for a number in any place of any batch.

Torch and NumPy compute whole vectors with other code than the elements left over at their end, and the two
may round differently.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numba import njit
from torch import Tensor


def tanh(values: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return _map(_tanh, values)


def cos(angles: Tensor) -> Tensor:
    """Cosine of radians."""
    return _map(_cos, angles)


def sin(angles: Tensor) -> Tensor:
    """Sine of radians."""
    return _map(_sin, angles)


def _map(function, values: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
    result = np.empty(values.numel())
    function(values.contiguous().numpy().reshape(-1), result)
    return torch.from_numpy(result).view(values.shape)


@njit(cache=True, nogil=True)
def _tanh(values: np.ndarray, result: np.ndarray) -> None:
    for i in range(len(values)):
        result[i] = math.tanh(values[i])


@njit(cache=True, nogil=True)
def _cos(values: np.ndarray, result: np.ndarray) -> None:
    for i in range(len(values)):
        result[i] = math.cos(values[i])


@njit(cache=True, nogil=True)
def _sin(values: np.ndarray, result: np.ndarray) -> None:
    for i in range(len(values)):
        result[i] = math.sin(values[i])
