"""Random numbers of the rules: hashes of a match's seed, so that a match has the same outcome anywhere.

The original draws them from a global generator.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from evo_hns.system.kernels import kernel

_LOW_31_BITS = 2**31 - 1


@kernel
def draw_integer(seed: int, time: int, number: int) -> int:
    """A random whole number below 2**31.

    Args:
        seed: of the match.
        time: env steps done, or any other number that separates draws.
        number: of the draw, among those of one match and time.
    """
    return _scramble(_scramble(_scramble(seed) + time) + number) & _LOW_31_BITS


def draw_uniform(seeds: Tensor, low: float, high: float) -> Tensor:
    """`(W,)` float64 numbers from low to high, one for each match."""
    drawn = np.array([draw_integer(seed, -1, 0) for seed in seeds.numpy()], np.int64)
    share = torch.from_numpy(drawn).to(torch.float64) / 2**31
    return low + (high - low) * share


@kernel
def _scramble(x: int) -> int:
    """The finaliser of SplitMix64 (Steele et al. 2014) on int64, whose products wrap around."""
    x = x + -0x61C8864680B583EB
    x = (x ^ _shift_right(x, 30)) * -0x40A7B892E31B1A47
    x = (x ^ _shift_right(x, 27)) * -0x6B2FB644ECCEEE15
    return x ^ _shift_right(x, 31)


@kernel
def _shift_right(x: int, bits: int) -> int:
    """A logical shift: that of a signed number fills with the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
