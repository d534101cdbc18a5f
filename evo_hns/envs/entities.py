"""The state of agents, boxes and ramps, as the physics holds it at one moment.

Owns the order of entities that every rule shares: agents (hiders first), then objects (boxes, then
ramps). E = n agents + m objects; these are places, and a mask says which of them are taken in each world.
Orientations come from the engine's rotation matrices: the rules call no vectorised trigonometry,
which may round a world's numbers differently in another place of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from evo_hns.envs.vision import circulant
from evo_hns.physics.base import Physics
from evo_hns.system.kernels import kernel
from evo_hns.worlds.layout import Layout
from evo_hns.worlds.scene import Scene

Batch = TypeVar("Batch", bound=Any)


@dataclass(frozen=True)
class EpisodeConstants:
    """What exists in W worlds, and does not change in an episode."""

    seeds: Tensor  #: `(W,)` int64, the seeds of the matches
    agent_mask: Tensor  #: `(W, n)` bool, the agent exists
    object_mask: Tensor  #: `(W, m)` bool, the object exists
    half_sizes: Tensor  #: `(W, m, 3)` of objects along their own axes, metres
    food: Tensor  #: `(W, F, 3)` places of food in the world frame, metres
    sites: Tensor  #: `(W, S, 5, 3)` centre and corners of construction sites in the world frame, metres; absent: 0
    site_mask: Tensor  #: `(W, S)` bool, the site exists
    doors: Tensor  #: `(W, D, 3)` x, y of each door's centre, 1 if it exists
    floor_size: Tensor  #: `(W,)` edge of the field, metres

    @classmethod
    def of(cls, scene: Scene, layout: Layout, seeds: np.ndarray) -> EpisodeConstants:
        """The constants of a layout."""
        sizes = np.repeat(scene.model.geom_size[scene.object_geom][None], len(layout.boxes), axis=0)
        # A ramp counts as a cuboid of its mesh's stored size, whose axes are not the body's: the original's quirk.
        sizes[:, : scene.num_boxes] = layout.box_size
        return cls(
            seeds=torch.as_tensor(np.asarray(seeds, dtype=np.int64)),
            agent_mask=torch.as_tensor(layout.agent_mask),
            object_mask=torch.as_tensor(np.concatenate([layout.box_mask, layout.ramp_mask], axis=1)),
            half_sizes=torch.as_tensor(sizes),
            food=torch.as_tensor(layout.food),
            sites=torch.as_tensor(layout.sites),
            site_mask=torch.as_tensor(layout.site_mask),
            doors=torch.as_tensor(layout.doors),
            floor_size=torch.as_tensor(layout.floor_size),
        )

    def __len__(self) -> int:
        return self.agent_mask.shape[0]

    @cached_property
    def mask(self) -> Tensor:
        """`(W, E)` bool, the agent or object exists."""
        return torch.cat([self.agent_mask, self.object_mask], 1)

    @cached_property
    def pairs(self) -> Tensor:
        """`(W, n, n - 1)` bool, the agent and the other (circulant order) exist."""
        others = circulant(self.agent_mask.shape[1])
        return self.agent_mask[:, others] & self.agent_mask.unsqueeze(2)

    @cached_property
    def reachable(self) -> Tensor:
        """`(W, n, m)` bool, the agent and the object exist."""
        return self.agent_mask.unsqueeze(2) & self.object_mask.unsqueeze(1)


@dataclass(frozen=True)
class Entities:
    """All entities of W worlds at one moment; copies, not views of the physics. Absent ones lie far out."""

    constants: EpisodeConstants
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
        self._joints = np.concatenate([scene.agent_qpos, scene.object_qpos[:, [0, 1, 2, -1]]]).astype(np.int64)
        tipping = scene.object_qpos[: scene.num_boxes, 3:5] if scene.object_qpos.shape[1] > 4 else np.empty((0, 2))
        self._tipping = tipping.astype(np.int64)
        self._bodies = np.concatenate([scene.agent_body, scene.object_body]).astype(np.int64)
        self._geoms = np.concatenate([scene.agent_geom, scene.object_geom]).astype(np.int64)
        self._fields = tuple(physics.field(name).numpy() for name in ("qpos", "qvel", "xpos", "geom_xpos", "xmat"))

    def read(self, constants: EpisodeConstants) -> Entities:
        """The entities of the first worlds, one for each of the constants."""
        shape = len(constants), len(self._bodies)
        qpos, qvel = np.empty((2, *shape, 4))
        pos, centre = np.empty((2, *shape, 3))
        rotation = np.empty((*shape, 9))
        tilt, tilt_velocity = np.empty((2, len(constants), *self._tipping.shape))
        index = self._joints, self._tipping, self._bodies, self._geoms
        out = qpos, qvel, pos, centre, rotation, tilt, tilt_velocity
        _gather(self._fields, index, out)
        return Entities(constants, *map(torch.from_numpy, out))


@kernel
def _gather(fields: tuple[np.ndarray, ...], index: tuple[np.ndarray, ...], out: tuple[np.ndarray, ...]) -> None:
    """Copy out of `qpos`, `qvel`, `xpos`, `geom_xpos` and `xmat` what belongs to the entities."""
    all_qpos, all_qvel, xpos, geom_xpos, xmat = fields
    joints, tipping, bodies, geoms = index
    qpos, qvel, pos, centre, rotation, tilt, tilt_velocity = out
    for w in range(qpos.shape[0]):
        for e in range(qpos.shape[1]):
            for k in range(4):
                qpos[w, e, k], qvel[w, e, k] = all_qpos[w, joints[e, k]], all_qvel[w, joints[e, k]]
            for k in range(3):
                pos[w, e, k], centre[w, e, k] = xpos[w, bodies[e], k], geom_xpos[w, geoms[e], k]
            for k in range(9):
                rotation[w, e, k] = xmat[w, bodies[e], k]
        for b in range(tilt.shape[1]):
            for k in range(2):
                tilt[w, b, k], tilt_velocity[w, b, k] = all_qpos[w, tipping[b, k]], all_qvel[w, tipping[b, k]]


def take(batch: Batch, worlds: Tensor) -> Batch:
    """These worlds of a dataclass of tensors that lead with W, and of such dataclasses; what is neither stays."""

    def pick(value: Any) -> Any:
        return value[worlds] if isinstance(value, Tensor) else take(value, worlds) if is_dataclass(value) else value

    return replace(batch, **{field.name: pick(getattr(batch, field.name)) for field in fields(batch)})


def index_tensor(values: np.ndarray) -> Tensor:
    """Indices of the model as a torch tensor, int64."""
    return torch.as_tensor(values.astype(np.int64))


def arrays(*tensors: Tensor) -> list[np.ndarray]:
    """Tensors as C-contiguous arrays for kernels: views where possible, else copies.

    Rules for every agent and entity are one kernel each: an env step of a few worlds is some hundred small operations,
    and calling one costs more than computing it.
    """
    return [np.ascontiguousarray(tensor.numpy()) for tensor in tensors]
