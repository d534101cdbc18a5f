"""From a network's last numbers to an action of the game.

Movement is decided in the agent's own frame (forward, left, turn, each squashed to [-1, 1]), turned into
world axes by the heading and rounded to the 11 bins. Zeros stand still and let go.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from evo_hns.spec import Action
from evo_hns.system.kernels import kernel

NUM_INTENTS = 5
"""Forward, left, turn, grab, lock."""

MIDDLE_BIN = 5


def decide(intents: np.ndarray, heading: np.ndarray) -> Action:
    """Actions of a team.

    Args:
        intents: `(W, A, NUM_INTENTS)`; movement in [-1, 1], grab and lock by sign.
        heading: `(W, A, 2)` sin and cos of rz.
    """
    movement = np.empty((*intents.shape[:2], 3), np.int64)
    pull = np.empty(intents.shape[:2], np.bool_)
    glueall = np.empty(intents.shape[:2], np.bool_)
    _decide(intents, heading, movement, pull, glueall)
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
    intents: np.ndarray,
    heading: np.ndarray,
    movement: np.ndarray,
    pull: np.ndarray,
    glueall: np.ndarray,
) -> None:
    for w in range(intents.shape[0]):
        for a in range(intents.shape[1]):
            forward, left, turn, grab, lock = intents[w, a]
            s, c = heading[w, a]
            movement[w, a, 0] = movement_bin(forward * s + left * c)
            movement[w, a, 1] = movement_bin(left * s - forward * c)
            movement[w, a, 2] = movement_bin(turn)
            pull[w, a] = grab > 0
            glueall[w, a] = lock > 0
