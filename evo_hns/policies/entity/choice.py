"""From logits to actions: drawn as likely as the logits say, or the likeliest ones."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from evo_hns.policies.actions import MIDDLE_BIN, draw
from evo_hns.policies.entity.form import HEAD_SIZES
from evo_hns.spec import Action
from evo_hns.system.kernels import kernel

_NUM_AXES = 3
_NUM_BINS = HEAD_SIZES["movement"] // _NUM_AXES
_PULL, _GLUEALL = HEAD_SIZES["movement"], HEAD_SIZES["movement"] + HEAD_SIZES["pull"]


def choose(present: Tensor, logits: Tensor, memory: Tensor, *, greedy: bool) -> Action:
    """Actions of a team; who does not exist does nothing.

    Args:
        present: `(W, A)` bool.
        logits: `(W, A, 37)` float32.
        memory: `(W, A, ...)` float64, whose random streams go on where actions are drawn.
        greedy: take the likeliest ones.
    """
    movement = np.full((*present.shape, _NUM_AXES), MIDDLE_BIN, np.int64)
    pull, glueall = np.zeros(present.shape, np.bool_), np.zeros(present.shape, np.bool_)
    _choose(present.numpy(), logits.numpy(), greedy, memory.numpy(), movement, pull, glueall)
    return Action(torch.from_numpy(movement), torch.from_numpy(pull), torch.from_numpy(glueall))


@kernel
def _choose(
    present: np.ndarray,
    logits: np.ndarray,
    greedy: bool,
    memory: np.ndarray,
    movement: np.ndarray,
    pull: np.ndarray,
    glueall: np.ndarray,
) -> None:
    for w in range(present.shape[0]):
        for a in range(present.shape[1]):
            if present[w, a]:
                row, stream = logits[w, a], memory[w, a]
                for axis in range(_NUM_AXES):
                    movement[w, a, axis] = _pick(row[axis * _NUM_BINS : (axis + 1) * _NUM_BINS], greedy, stream)
                pull[w, a] = _pick(row[_PULL:_GLUEALL], greedy, stream) == 1
                glueall[w, a] = _pick(row[_GLUEALL:], greedy, stream) == 1


@kernel
def _pick(logits: np.ndarray, greedy: bool, stream: np.ndarray) -> int:
    """The place of the largest logit, each with Gumbel noise of its own if one is to be drawn (Gumbel 1954)."""
    best, highest = 0, -np.inf
    for k in range(logits.shape[0]):
        value = np.float64(logits[k])
        if not greedy:
            value -= math.log(-math.log(draw(stream)))
        if value > highest:
            best, highest = k, value
    return best
