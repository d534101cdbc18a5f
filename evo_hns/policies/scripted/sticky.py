"""The random player: it keeps an action for a few steps, as a player without a plan would."""

from __future__ import annotations

import math

import numpy as np

from evo_hns.policies.actions import MIDDLE_BIN, draw
from evo_hns.policies.scripted.player import ScriptedPolicy
from evo_hns.spec import ObservationSpec
from evo_hns.system.kernels import kernel

_REDRAW, _PULL, _LOCK = 0.35, 0.5, 0.4
_STARTED, _MOVEMENT, _PULLS, _LOCKS = 1, 2, 5, 6  # columns of the memory


def build_sticky(spec: ObservationSpec) -> ScriptedPolicy:
    """Draws a whole new action with probability 0.35 per step: bins uniform, grabs 0.5, locks 0.4."""
    return ScriptedPolicy(_script, memory_size=7)


@kernel
def _script(
    present: np.ndarray,
    me: np.ndarray,
    others: np.ndarray,
    sees: np.ndarray,
    lidar: np.ndarray,
    doors: np.ndarray,
    memory: np.ndarray,
    movement: np.ndarray,
    pull: np.ndarray,
    glueall: np.ndarray,
) -> None:
    for w in range(memory.shape[0]):
        for a in range(memory.shape[1]):
            if not present[w, a]:
                continue
            row = memory[w, a]
            if draw(row) < _REDRAW or row[_STARTED] == 0:
                _redraw(row)
            for k in range(3):
                movement[w, a, k] = int(row[_MOVEMENT + k])
            pull[w, a] = row[_PULLS] > 0
            glueall[w, a] = row[_LOCKS] > 0


@kernel
def _redraw(row: np.ndarray) -> None:
    row[_STARTED] = 1.0
    for k in range(3):
        row[_MOVEMENT + k] = math.floor(draw(row) * (2 * MIDDLE_BIN + 1))
    row[_PULLS] = 1.0 if draw(row) < _PULL else 0.0
    row[_LOCKS] = 1.0 if draw(row) < _LOCK else 0.0
