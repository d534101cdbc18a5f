"""Where things are: agents, boxes and ramps as the physics holds them at one moment.

Owns the order of entities that every rule shares: agents (hiders first), then objects (boxes, then
ramps). E = n agents + m objects. All of them turn about z only, so an orientation is a cosine
and a sine, and these come from the engine's rotation matrices: the rules call no trigonometry,
whose vectorised forms may round a world's numbers differently in another place of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evo_hns.physics.base import Physics
from evo_hns.worlds.scene import Scene


@dataclass(frozen=True)
class Entities:
    """All entities of W worlds at one moment; copies, not views of the physics."""

    qpos: Tensor  #: `(W, E, 4)` x, y, z, rz as the original observes them: centre minus half extent, raw angle
    qvel: Tensor  #: `(W, E, 4)` their velocities
    pos: Tensor  #: `(W, E, 3)` body frame origins in the world frame, metres
    centre: Tensor  #: `(W, E, 3)` geom centres, between which agents look (a ramp's is its centre of mass)
    cos: Tensor  #: `(W, E)` cosine of the turn about z
    sin: Tensor  #: `(W, E)` sine of the turn about z


class EntityReader:
    """Gathers entities out of the physics' fields.

    Args:
        scene: names the bodies, joints and geoms.
        physics: holds the worlds.
    """

    def __init__(self, scene: Scene, physics: Physics) -> None:
        bodies = np.concatenate([scene.agent_body, scene.object_body])
        joints = np.concatenate([scene.agent_qpos, scene.object_qpos])
        geoms = np.concatenate([scene.agent_geom, scene.object_geom])
        self._num_entities = len(bodies)
        self._bodies = torch.as_tensor(bodies, dtype=torch.int64)
        self._joints = torch.as_tensor(joints, dtype=torch.int64).flatten()
        self._geoms = torch.as_tensor(geoms, dtype=torch.int64)
        self._rotations = torch.cat([self._bodies * 9, self._bodies * 9 + 3])  # cosine and sine in a flat rotation
        self._qpos, self._qvel = physics.field("qpos"), physics.field("qvel")
        self._xpos, self._xmat = physics.field("xpos"), physics.field("xmat").flatten(1)
        self._geom_xpos = physics.field("geom_xpos")

    def read(self, num_worlds: int) -> Entities:
        """The entities of the first `num_worlds` worlds."""
        turns = self._xmat[:num_worlds].index_select(1, self._rotations)
        return Entities(
            qpos=self._qpos[:num_worlds].index_select(1, self._joints).view(num_worlds, -1, 4),
            qvel=self._qvel[:num_worlds].index_select(1, self._joints).view(num_worlds, -1, 4),
            pos=self.positions(num_worlds),
            centre=self._geom_xpos[:num_worlds].index_select(1, self._geoms),
            cos=turns[:, : self._num_entities],
            sin=turns[:, self._num_entities :],
        )

    def positions(self, num_worlds: int) -> Tensor:
        """`(W, E, 3)` body frame origins alone."""
        return self._xpos[:num_worlds].index_select(1, self._bodies)
