"""Random numbers of the rules: hashes of a match's seed, so that a match has the same outcome anywhere.

The original draws them from a global generator.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LOW_31_BITS = 2**31 - 1


def draw_integers(seeds: Tensor, time: int, count: int) -> Tensor:
    """Random whole numbers below 2**31.

    Args:
        seeds: `(W,)` int64, the seeds of the matches.
        time: env steps done, or any other number that separates draws.
        count: numbers for each match.

    Returns:
        `(W, count)` int64.
    """
    states = _scramble(_scramble(seeds) + time).unsqueeze(1)
    return _scramble(states + torch.arange(count, device=seeds.device)) & _LOW_31_BITS


def draw_uniform(seeds: Tensor, low: float, high: float) -> Tensor:
    """`(W,)` float64 numbers from low to high, one for each match."""
    share = draw_integers(seeds, -1, 1)[:, 0].to(torch.float64) / 2**31
    return low + (high - low) * share


def _scramble(x: Tensor) -> Tensor:
    """The finaliser of SplitMix64 (Steele et al. 2014) on int64, whose products wrap around."""
    x = x + -0x61C8864680B583EB
    x = (x ^ _shift_right(x, 30)) * -0x40A7B892E31B1A47
    x = (x ^ _shift_right(x, 27)) * -0x6B2FB644ECCEEE15
    return x ^ _shift_right(x, 31)


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """A logical shift: torch's own fills with the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
