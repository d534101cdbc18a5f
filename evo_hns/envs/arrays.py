"""How kernels reach the numbers of tensors.

An env step of a few worlds is some hundred small operations, and calling one costs more than computing it: so what
is decided for every agent and every thing is one loop.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor


def arrays(*tensors: Tensor) -> list[np.ndarray]:
    """The numbers of tensors as C-contiguous arrays: views if they lie so, else copies."""
    return [np.ascontiguousarray(tensor.numpy()) for tensor in tensors]
