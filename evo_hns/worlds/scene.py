"""The compiled topology of a run: one model with every object it may ever need.

Compiled once; an episode only writes arrays (`layout.py`). Bodies, joints and actuators come in
the original's order (agents, boxes, ramps). Walls are geoms of the world body.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

IntArray = np.ndarray


@dataclass(frozen=True)
class Scene:
    """A model and the indices by which the rules find things in it. n agents, m objects = boxes then ramps."""

    model: mujoco.MjModel
    num_hiders: int
    num_seekers: int
    num_boxes: int
    num_ramps: int
    agent_body: IntArray  #: `(n,)` body ids
    agent_geom: IntArray  #: `(n,)` geom id of each agent's central sphere
    agent_qpos: IntArray  #: `(n, 4)` qpos (= dof = joint) indices of x, y, z, rz
    object_body: IntArray  #: `(m,)` body ids, boxes first
    object_geom: IntArray  #: `(m,)` geom ids
    object_qpos: IntArray  #: `(m, 4)` qpos (= dof = joint) indices of x, y, z, rz
    wall_geom: IntArray  #: `(num_walls,)` geom ids of the wall slots
    weld: IntArray  #: `(n, m)` equality ids: agent i holds object j
