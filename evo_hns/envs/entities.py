"""Where things are: agents, boxes and ramps as the physics holds them at one moment.

Owns the order of entities that every rule shares: agents (hiders first), then objects (boxes, then
ramps). E = n agents + m objects; these are places, and a mask says which of them are taken in each world.
Orientations come from the engine's rotation matrices: the rules call no vectorised trigonometry,
which may round a world's numbers differently in another place of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from evo_hns.physics.base import Physics
from evo_hns.worlds.layout import Layout
from evo_hns.worlds.scene import Scene


@dataclass(frozen=True)
class Cast:
    """What exists in W worlds for a whole episode."""

    seeds: Tensor  #: `(W,)` int64, the seeds of the matches
    agent_mask: Tensor  #: `(W, n)` bool, the agent exists
    object_mask: Tensor  #: `(W, m)` bool, the object exists
    half_sizes: Tensor  #: `(W, m, 3)` of objects along their own axes, metres
    food: Tensor  #: `(W, F, 3)` places of food in the world frame, metres
    doors: Tensor  #: `(W, D, 3)` x, y of each door's centre, 1 if it exists
    floor_size: Tensor  #: `(W,)` edge of the field, metres

    @classmethod
    def of(cls, scene: Scene, layout: Layout, seeds: np.ndarray) -> Cast:
        """The cast that a layout tells of."""
        sizes = np.repeat(scene.model.geom_size[scene.object_geom][None], len(layout.boxes), axis=0)
        # A ramp counts as a cuboid of its mesh's stored size, whose axes are not the body's: the original's quirk.
        sizes[:, : scene.num_boxes] = layout.box_size
        return cls(
            seeds=torch.as_tensor(np.asarray(seeds, dtype=np.int64)),
            agent_mask=torch.as_tensor(layout.agent_mask),
            object_mask=torch.as_tensor(np.concatenate([layout.box_mask, layout.ramp_mask], axis=1)),
            half_sizes=torch.as_tensor(sizes),
            food=torch.as_tensor(layout.food),
            doors=torch.as_tensor(layout.doors),
            floor_size=torch.as_tensor(layout.floor_size),
        )

    def __len__(self) -> int:
        return len(self.agent_mask)

    @cached_property
    def mask(self) -> Tensor:
        """`(W, E)` bool, the agent or object exists."""
        return torch.cat([self.agent_mask, self.object_mask], 1)


@dataclass(frozen=True)
class Entities:
    """All entities of W worlds at one moment; copies, not views of the physics. Absent ones lie far out."""

    cast: Cast
    qpos: Tensor  #: `(W, E, 4)` x, y, z, rz as the original observes them: centre minus half extent, raw angle
    qvel: Tensor  #: `(W, E, 4)` their velocities
    pos: Tensor  #: `(W, E, 3)` body frame origins in the world frame, metres
    centre: Tensor  #: `(W, E, 3)` geom centres, between which agents look (a ramp's is its centre of mass)
    rotation: Tensor  #: `(W, E, 9)` body rotations, row by row
    tilt: Tensor  #: `(W, B, 2)` raw angles about x and y of boxes that may tip over, else `(W, 0, 2)`
    tilt_velocity: Tensor  #: the same of their velocities

    @property
    def cos(self) -> Tensor:
        """`(W, E)` cosine of the turn about z of what only turns about z."""
        return self.rotation[..., 0]

    @property
    def sin(self) -> Tensor:
        """`(W, E)` sine of that turn."""
        return self.rotation[..., 3]


class EntityReader:
    """Gathers entities out of the physics' fields.

    Args:
        scene: names the bodies, joints and geoms.
        physics: holds the worlds.
    """

    def __init__(self, scene: Scene, physics: Physics) -> None:
        joints = np.concatenate([scene.agent_qpos, scene.object_qpos[:, [0, 1, 2, -1]]])
        tipping = scene.object_qpos[: scene.num_boxes, 3:5] if scene.object_qpos.shape[1] > 4 else np.empty((0, 2))
        self._bodies = index_tensor(np.concatenate([scene.agent_body, scene.object_body]))
        self._joints, self._tipping = index_tensor(joints).flatten(), index_tensor(tipping)
        self._geoms = index_tensor(np.concatenate([scene.agent_geom, scene.object_geom]))
        self._qpos, self._qvel = physics.field("qpos"), physics.field("qvel")
        self._xpos, self._xmat = physics.field("xpos"), physics.field("xmat")
        self._geom_xpos = physics.field("geom_xpos")

    def read(self, cast: Cast) -> Entities:
        """The entities of the first worlds, as many as the cast has."""
        num = len(cast)
        return Entities(
            cast=cast,
            qpos=self._qpos[:num].index_select(1, self._joints).view(num, -1, 4),
            qvel=self._qvel[:num].index_select(1, self._joints).view(num, -1, 4),
            pos=self.positions(num),
            centre=self._geom_xpos[:num].index_select(1, self._geoms),
            rotation=self._xmat[:num].index_select(1, self._bodies).view(num, -1, 9),
            tilt=self._qpos[:num, self._tipping],
            tilt_velocity=self._qvel[:num, self._tipping],
        )

    def positions(self, num_worlds: int) -> Tensor:
        """`(W, E, 3)` body frame origins alone."""
        return self._xpos[:num_worlds].index_select(1, self._bodies)


def index_tensor(values: np.ndarray) -> Tensor:
    """Indices of the model as torch wants them, int64."""
    return torch.as_tensor(values.astype(np.int64))
