"""A model of the one world of a match, posed as everything was at any moment of it.

It is a copy: walls, sizes and places of the world are written into its fields, which differ from world to world,
and nothing in it sleeps or moves by itself.
"""

from __future__ import annotations

import copy

import mujoco
import numpy as np

from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.worlds.arrays import model_arrays
from evo_hns.worlds.sizes import NUM_OUTER_WALLS


class Replica:
    """One world of a trajectory, to be drawn; `model` and `data` are its own."""

    def __init__(self, trajectory: Trajectory, world: int = 0) -> None:
        """Copy the model and write the world into it.

        Args:
            trajectory: of some matches.
            world: the row of one of them.
        """
        self._qpos = trajectory.qpos[world]
        self.model = copy.copy(trajectory.scene.model)
        for name, values in model_arrays(trajectory.scene, trajectory.layout).items():
            getattr(self.model, name)[:] = values[world]
        self.model.opt.enableflags &= ~int(mujoco.mjtEnableBit.mjENBL_SLEEP)
        self._hide(trajectory, world)
        self.data = mujoco.MjData(self.model)
        self.pose(0.0)

    def pose(self, step: float) -> None:
        """Put everything where it was after so many env steps, on the straight way between two of them."""
        before = min(int(step), len(self._qpos) - 1)
        after, share = min(before + 1, len(self._qpos) - 1), step - before
        self.data.qpos[:] = (1.0 - share) * self._qpos[before] + share * self._qpos[after]
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)

    def _hide(self, trajectory: Trajectory, world: int) -> None:
        """Make what would only be in the way invisible: walls around the field, and whatever is absent."""
        scene, layout = trajectory.scene, trajectory.layout
        bodies = np.concatenate([scene.agent_body, scene.object_body])
        present = np.concatenate([layout.agent_mask[world], trajectory.object_mask[world]])
        absent = np.isin(self.model.geom_bodyid, bodies[~present])
        self.model.geom_rgba[absent, 3] = 0.0
        self.model.geom_rgba[scene.wall_geom[:NUM_OUTER_WALLS], 3] = 0.0
        self.model.geom_rgba[scene.wall_geom[~layout.wall_mask[world]], 3] = 0.0
