"""The 11 bins of movement, and the random numbers by which a policy draws.

Random numbers come from nothing but the seed of a match: column 0 of an agent's memory holds its stream.
"""

from __future__ import annotations

import math

import numpy as np

from evo_hns.system.kernels import kernel

NUM_OUTPUTS = 5
"""Forward, left, turn, grab, lock."""

MIDDLE_BIN = 5

_LOW = np.uint64(0xFFFFFFFF)


@kernel
def movement_bin(force: float) -> int:
    """The bin next to a force in units of the largest one; beyond it, and for NaN, an outermost bin."""
    if not force > -1.0:
        return 0
    if force > 1.0:
        return 2 * MIDDLE_BIN
    return math.floor(MIDDLE_BIN + 0.5 + MIDDLE_BIN * force)


@kernel
def draw(memory: np.ndarray) -> float:
    """A uniform number in (0, 1) from the stream in column 0 (xorshift, Marsaglia 2003)."""
    x = np.uint64(memory[0])
    x = (x ^ (x << np.uint64(13))) & _LOW
    x = x ^ (x >> np.uint64(17))
    x = (x ^ (x << np.uint64(5))) & _LOW
    memory[0] = np.float64(x)
    return np.float64(x) / 4294967296.0


@kernel
def start_streams(seeds: np.ndarray, memory: np.ndarray) -> None:
    """Scramble seed and agent into a 32-bit number that is not zero (splitmix64, Steele et al. 2014).

    Args:
        seeds: `(W,)` int64.
        memory: `(W, A, ...)` float64, of which column 0 is filled.
    """
    for w in range(memory.shape[0]):
        for a in range(memory.shape[1]):
            z = np.uint64(seeds[w]) * np.uint64(64) + np.uint64(a + 1)
            z *= np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            memory[w, a, 0] = max(np.float64(z >> np.uint64(32)), 1.0)
