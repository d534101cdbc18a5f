"""The one world of a match, posed as everything was at any moment of it, env steps and between them."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np

from evo_hns.viewer.films.footage import Footage
from evo_hns.viewer.scenery import shown_model
from evo_hns.viewer.snapshots import Snapshot, snapshot_of


class Replica:
    """A model to be drawn; `model` and `data` are its own, and nothing in it moves by itself.

    `trajectory` may be replaced by another one of the same world.
    """

    def __init__(self, footage: Footage) -> None:
        self.trajectory = footage.trajectory
        self.model = shown_model(footage.config, footage.trajectory.scene, footage.trajectory.layout)
        self.data = mujoco.MjData(self.model)
        self.pose(0.0)

    def pose(self, step: float) -> None:
        """Put everything where it was after so many env steps; between two of them, on the straight way."""
        before, after, share = self._around(step)
        qpos = self.trajectory.qpos[0]
        self.data.qpos[:] = (1.0 - share) * qpos[before] + share * qpos[after]
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)

    def snapshot(self, step: float) -> Snapshot:
        """Who saw, held and had locked what after the last whole env step, where everything is posed at `step`."""
        before, after, share = self._around(step)
        last, following = (snapshot_of(self.trajectory, 0, row) for row in (before, after))
        between = {
            name: (1.0 - share) * getattr(last, name) + share * getattr(following, name)
            for name in ("agents", "turns", "objects")
        }
        near = last if share < 0.5 else following
        return replace(last, rotations=near.rotations, **between)

    def _around(self, step: float) -> tuple[int, int, float]:
        """The env steps before and after, and the share of the way."""
        end = self.trajectory.num_steps
        before = min(int(np.floor(step)), end)
        return before, min(before + 1, end), step - before
