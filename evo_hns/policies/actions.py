"""From the numbers of a policy to actions of the game, and the random numbers by which a policy draws them.

Movement is decided in the agent's own frame (forward, left, turn, each squashed to [-1, 1]), turned into
world axes by the heading and rounded to the 11 bins. Zeros stand still and let go.

Random numbers come from nothing but the seed of a match: column 0 of an agent's memory holds its stream.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from evo_hns.spec import Action
from evo_hns.system.kernels import kernel

NUM_OUTPUTS = 5
"""Forward, left, turn, grab, lock."""

MIDDLE_BIN = 5

_LOW = np.uint64(0xFFFFFFFF)


def decide(outputs: np.ndarray, heading: np.ndarray) -> Action:
    """Actions of a team.

    Args:
        outputs: `(W, A, NUM_OUTPUTS)`; movement in [-1, 1], grab and lock by sign.
        heading: `(W, A, 2)` sin and cos of rz.
    """
    movement = np.empty((*outputs.shape[:2], 3), np.int64)
    pull = np.empty(outputs.shape[:2], np.bool_)
    glueall = np.empty(outputs.shape[:2], np.bool_)
    _decide(outputs, heading, movement, pull, glueall)
    return Action(torch.from_numpy(movement), torch.from_numpy(pull), torch.from_numpy(glueall))


@kernel
def movement_bin(force: float) -> int:
    """The bin next to a force in units of the largest one; beyond it, and for NaN, an outermost bin."""
    if not force > -1.0:
        return 0
    if force > 1.0:
        return 2 * MIDDLE_BIN
    return math.floor(MIDDLE_BIN + 0.5 + MIDDLE_BIN * force)


@kernel
def _decide(
    outputs: np.ndarray,
    heading: np.ndarray,
    movement: np.ndarray,
    pull: np.ndarray,
    glueall: np.ndarray,
) -> None:
    for w in range(outputs.shape[0]):
        for a in range(outputs.shape[1]):
            forward, left, turn, grab, lock = outputs[w, a]
            s, c = heading[w, a]
            movement[w, a, 0] = movement_bin(forward * s + left * c)
            movement[w, a, 1] = movement_bin(left * s - forward * c)
            movement[w, a, 2] = movement_bin(turn)
            pull[w, a] = grab > 0
            glueall[w, a] = lock > 0


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
