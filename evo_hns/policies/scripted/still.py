"""The player that does nothing."""

from __future__ import annotations

import numpy as np

from evo_hns.policies.scripted.player import ScriptedPolicy
from evo_hns.spec import ObservationSpec
from evo_hns.system.kernels import kernel


def build_still(spec: ObservationSpec) -> ScriptedPolicy:
    """Neither moves nor grabs nor locks."""
    return ScriptedPolicy(_script, memory_size=1)


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
    """Leave everything as it is: no action."""
