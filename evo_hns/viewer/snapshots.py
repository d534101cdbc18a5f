"""One moment of one match, taken out of a trajectory: all that drawing it needs, and nothing else.

A moment is a number of env steps done. Between two of them everything is drawn on its way from one to the other, for
the eye; what is seen, held and locked is that of the step before.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.worlds.scene import Scene
from evo_hns.worlds.sizes import RAMP_SIZE

_HINGES = {4: (2,), 6: (0, 1, 2)}  # number of an object's joints -> the axes about which it turns, in their order


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Where everything is in one world, and who sees, holds and has locked what. n agents, m objects, L rays."""

    num_hiders: int  #: they come first among the agents
    agents: np.ndarray  #: `(n, 3)` centres, metres
    turns: np.ndarray  #: `(n,)` of the agents about z, rad; they look along their local -y
    agent_mask: np.ndarray  #: `(n,)` bool, the agent exists
    objects: np.ndarray  #: `(m, 3)` body frames: centres of boxes, and of the cubes that ramps are halves of
    rotations: np.ndarray  #: `(m, 3, 3)` of the objects
    half_sizes: np.ndarray  #: `(m, 3)` along their own axes, metres
    locked: np.ndarray  #: `(m,)` bool
    lock_owner: np.ndarray  #: `(m,)` int64, the agent that locked the object last
    grabbed: np.ndarray  #: `(n, m)` bool
    sees_agents: np.ndarray  #: `(n, n)` bool, the first sees the second
    sees_objects: np.ndarray  #: `(n, m)` bool
    lidar: np.ndarray  #: `(n, L)` metres, ray k at angle 2 pi k / L from +x of the world
    sites: np.ndarray  #: `(k, 3)` centres of the construction sites that exist, metres

    def is_hider(self, agent: int) -> bool:
        """Which team it is in."""
        return agent < self.num_hiders

    @property
    def headings(self) -> np.ndarray:
        """`(n,)` directions in which the agents look, rad from +x."""
        return self.turns - np.pi / 2


def snapshot_of(trajectory: Trajectory, world: int, row: float) -> Snapshot:
    """A moment of a match.

    Args:
        trajectory: of W matches of T env steps.
        world: 0 to W - 1.
        row: env steps done, 0 to T.
    """
    scene, layout, done = trajectory.scene, trajectory.layout, int(row)
    qpos, start = qpos_at(trajectory, world, row), trajectory.qpos[world, 0]
    # Joints measure from places that differ from world to world; the layout says where they started.
    begun = np.concatenate([layout.boxes[world], layout.ramps[world]])
    ramps = np.full((scene.num_ramps, 3), RAMP_SIZE / 2)
    return Snapshot(
        num_hiders=scene.num_hiders,
        agents=layout.agents[world] + (qpos - start)[scene.agent_qpos[:, :3]],
        turns=qpos[scene.agent_qpos[:, 3]],
        agent_mask=layout.agent_mask[world],
        objects=begun + (qpos - start)[scene.object_qpos[:, :3]],
        rotations=_rotations(scene, qpos),
        half_sizes=np.concatenate([layout.box_size[world], ramps]),
        locked=trajectory.locked[world, done],
        lock_owner=trajectory.lock_owner[world, done],
        grabbed=trajectory.grabbed[world, done],
        sees_agents=trajectory.sees_agents[world, done],
        sees_objects=trajectory.sees_objects[world, done],
        lidar=trajectory.lidar[world, done],
        sites=layout.sites[world, layout.site_mask[world], 0],
    )


def qpos_at(trajectory: Trajectory, world: int, row: float) -> np.ndarray:
    """`(q,)` all joints at a moment of a match; between two env steps on a straight line, as joints slide and turn."""
    done = int(row)
    qpos: np.ndarray = trajectory.qpos[world, done]
    share = row - done
    return qpos if share == 0 else qpos + share * (trajectory.qpos[world, done + 1] - qpos)


def _rotations(scene: Scene, qpos: np.ndarray) -> np.ndarray:
    """`(m, 3, 3)` of the objects: their hinges turn them one after the other, each about an axis of its own frame."""
    rotations = np.repeat(np.eye(3)[None], len(scene.object_body), axis=0)
    for item, joints in enumerate(scene.object_qpos):
        is_box = item < scene.num_boxes
        hinges, axes = (joints[3:], _HINGES[len(joints)]) if is_box else (joints[-1:], _HINGES[4])
        for joint, axis in zip(hinges, axes, strict=True):
            rotations[item] = rotations[item] @ _about(axis, qpos[joint])
    return rotations


def _about(axis: int, angle: float) -> np.ndarray:
    quaternion, matrix = np.empty(4), np.empty(9)
    mujoco.mju_axisAngle2Quat(quaternion, np.eye(3)[axis], angle)
    mujoco.mju_quat2Mat(matrix, quaternion)
    return matrix.reshape(3, 3)
