"""The compiled topology of a run: one model with every object it may ever need.

Compiled once, from what `model_spec` says; an episode only writes arrays (`arrays.py`). Bodies, joints and
actuators come in the original's order: agents, boxes, ramps, in places for the largest counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from evo_hns.config import PhysicsConfig, WorldConfig
from evo_hns.worlds.model_spec import FREE_JOINTS, UPRIGHT_JOINTS, box_kinds, make_spec
from evo_hns.worlds.model_spec import UNLOCKED_RANGE as UNLOCKED_RANGE
from evo_hns.worlds.scenarios import num_walls

IntArray = np.ndarray


@dataclass(frozen=True)
class Scene:
    """A model and the indices by which the rules find things in it. n agents, m objects = boxes then ramps.

    All counts are places; which of them a world fills is up to its layout. Boxes that may tip over (`d` = 6) have
    three hinges, all others (`d` = 4) one; where boxes have three, the ramps' entries for rx and ry repeat their rz.
    """

    model: mujoco.MjModel  #: every box is a cube, every wall parked
    num_hiders: int
    num_seekers: int
    num_boxes: int
    num_ramps: int
    agent_body: IntArray  #: `(n,)` body ids
    agent_geom: IntArray  #: `(n,)` geom id of each agent's central sphere
    agent_qpos: IntArray  #: `(n, 4)` qpos (= dof = joint) indices of x, y, z, rz
    object_body: IntArray  #: `(m,)` body ids, boxes first
    object_geom: IntArray  #: `(m,)` geom ids
    object_qpos: IntArray  #: `(m, d)` qpos (= dof = joint) indices of x, y, z, rz, or of x, y, z, rx, ry, rz
    wall_geom: IntArray  #: `(num_walls,)` geom ids of the wall slots
    cylinder_geom: IntArray  #: `(C,)` geom id of the cylinder; C is 1 where there is one, else 0
    weld: IntArray  #: `(n, m)` equality ids: agent i holds object j
    has_ranges: bool  #: worlds differ in how many agents, boxes or ramps they have
    has_varying_floor: bool  #: worlds differ in the size of the field
    box_kinds: dict[str, np.ndarray]  #: see `model_spec.box_kinds`; empty if all boxes are cubes


def build_scene(world: WorldConfig, physics: PhysicsConfig) -> Scene:
    """Compile the model of a run and name what is in it.

    Args:
        world: what exists.
        physics: timestep and sleep.

    Returns:
        The scene; all its walls are parked until a layout is written (`model_arrays`).
    """
    return _name_indices(make_spec(world, physics).compile(), world)


def _name_indices(model: mujoco.MjModel, world: WorldConfig) -> Scene:
    def ids(kind: mujoco.mjtObj, names: list[str]) -> IntArray:
        return np.array([mujoco.mj_name2id(model, kind, name) for name in names], dtype=np.int64)

    def joints(names: list[str], axes: tuple[str, ...]) -> IntArray:
        every = [f"{name}:{axis}" for name in names for axis in axes]
        return ids(mujoco.mjtObj.mjOBJ_JOINT, every).reshape(len(names), len(axes))

    agents = [f"agent{index}" for index in range(world.max_agents)]
    boxes = [f"box{index}" for index in range(world.max_boxes)]
    ramps = [f"ramp{index}" for index in range(world.max_ramps)]
    free = world.free_box_rotation
    box_joints = joints(boxes, FREE_JOINTS if free else UPRIGHT_JOINTS)
    ramp_joints = joints(ramps, ("x", "y", "z", "rz", "rz", "rz") if free else UPRIGHT_JOINTS)
    body, geom = mujoco.mjtObj.mjOBJ_BODY, mujoco.mjtObj.mjOBJ_GEOM
    welds = ids(mujoco.mjtObj.mjOBJ_EQUALITY, [f"{agent}:{held}" for agent in agents for held in boxes + ramps])
    return Scene(
        model=model,
        num_hiders=world.max_hiders,
        num_seekers=world.max_seekers,
        num_boxes=world.max_boxes,
        num_ramps=world.max_ramps,
        agent_body=ids(body, agents),
        agent_geom=ids(geom, agents),
        agent_qpos=joints(agents, UPRIGHT_JOINTS),
        object_body=ids(body, boxes + ramps),
        object_geom=ids(geom, boxes + ramps),
        object_qpos=np.concatenate([box_joints, ramp_joints]),
        wall_geom=ids(geom, [f"wall{slot}" for slot in range(num_walls(world))]),
        cylinder_geom=ids(geom, ["cylinder0"] if world.has_cylinder else []),
        weld=welds.reshape(len(agents), len(boxes + ramps)),
        has_ranges=world.has_ranges,
        has_varying_floor=isinstance(world.floor_size, tuple),
        box_kinds=box_kinds(world) if world.has_elongated_boxes else {},
    )
