"""The parts of a run's model, before they are compiled.

All numbers are the original's. What surprises:

- A body frame sits at half its size above the field's corner and the slide joints carry the
  placement, so `qpos` is the world centre minus the half extent (the original's convention).
- Walls are geoms of the world body, and the mid-phase is off: with it on, bodies walk through a
  wall that was moved or resized in one world.
- The joints of boxes and ramps are always limited, with a range nothing reaches; to lock an
  object is to write `jnt_range` = [q, q]. The constraint is the one the original switches on.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from evo_hns.config import PhysicsConfig, WorldConfig
from evo_hns.worlds.scenarios import SCENARIOS, num_walls
from evo_hns.worlds.sizes import (
    AGENT_RADIUS,
    NUM_OUTER_WALLS,
    PARKED_HALF_SIZE,
    PARKED_Z,
    PARKING_DISTANCE,
    PARKING_HEIGHT,
    PARKING_ROW,
    PARKING_START,
    RAMP_SIZE,
    Triple,
    box_half_sizes,
    floor_range,
)

UNLOCKED_RANGE = (-1e6, 1e6)  #: joint range (metres, radians) of an object that is not locked
MOVABLE_GROUP, WALL_GROUP, FLOOR_GROUP = 0, 1, 2  #: geom groups

_HIDER_RGBA = (66 / 255, 235 / 255, 244 / 255, 1.0)
_SEEKER_RGBA = (1.0, 0.0, 0.0, 1.0)
_OUTER_WALL_RGBA = (0.0, 1.0, 0.0, 0.1)
_INNER_WALL_RGBA = (0.0, 1.0, 0.0, 1.0)
_BOX_RGBA = (0.9, 0.7, 0.25, 1.0)
_RAMP_RGBA = (0.55, 0.45, 0.85, 1.0)
_CYLINDER_RGBA = (1.0, 1.0, 1.0, 1.0)
_FLOOR_RGBA = (0.5, 0.5, 0.5, 1.0)

_AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
UPRIGHT_JOINTS, FREE_JOINTS = ("x", "y", "z", "rz"), ("x", "y", "z", "rx", "ry", "rz")  #: joints, in their order


def make_spec(world: WorldConfig, physics: PhysicsConfig) -> mujoco.MjSpec:
    """The model of a run before it is compiled; bodies and their first geoms are named agent0, box0, ramp0, ..."""
    spec = mujoco.MjSpec()
    _set_options(spec, world, physics)
    _add_floor_and_walls(spec, world)
    if world.has_ranges:
        _add_parking_deck(spec)
    cube = box_half_sizes(world)[2]
    agents = [_add_agent(spec, world, index) for index in range(world.max_agents)]
    boxes = [_add_box(spec, world, index, cube) for index in range(world.max_boxes)]
    ramps = [_add_ramp(spec, world, index) for index in range(world.max_ramps)]
    for agent in agents:
        for held in boxes + ramps:
            _add_weld(spec, agent, held)
    return spec


def _set_options(spec: mujoco.MjSpec, world: WorldConfig, physics: PhysicsConfig) -> None:
    spec.compiler.degree = False
    spec.option.timestep = physics.timestep
    spec.option.gravity = (0.0, 0.0, world.gravity)
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_MIDPHASE
    if physics.sleep:
        spec.option.enableflags |= mujoco.mjtEnableBit.mjENBL_SLEEP
    # Parked walls must not decide how far away the default camera stands.
    floor_size = floor_range(world)[1]
    spec.stat.center = (floor_size / 2, floor_size / 2, 0.0)
    spec.stat.extent = floor_size


def _friction(sliding: float) -> list[float]:
    """Geom friction with the given sliding coefficient and MuJoCo's own torsional and rolling ones."""
    return [sliding, 0.005, 0.0001]


def _add_floor_and_walls(spec: mujoco.MjSpec, world: WorldConfig) -> None:
    half = floor_range(world)[1] / 2
    wall_friction = SCENARIOS[world.scenario].wall_friction(world)
    spec.worldbody.add_geom(
        name="floor0",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        pos=[half, half, 0.0],
        size=[half, half, 1.0],
        friction=_friction(world.box_floor_friction),
        rgba=_FLOOR_RGBA,
        group=FLOOR_GROUP,
    )
    for slot in range(num_walls(world)):
        spec.worldbody.add_geom(
            name=f"wall{slot}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=[half, half, PARKED_Z],
            size=[PARKED_HALF_SIZE] * 3,
            friction=_friction(wall_friction),
            rgba=_OUTER_WALL_RGBA if slot < NUM_OUTER_WALLS else _INNER_WALL_RGBA,
            group=WALL_GROUP,
        )
    if world.has_cylinder:
        spec.worldbody.add_geom(
            name="cylinder0",
            type=mujoco.mjtGeom.mjGEOM_CYLINDER,
            pos=[half, half, PARKED_Z],
            size=[PARKED_HALF_SIZE, PARKED_HALF_SIZE, 0.0],
            friction=_friction(1.0),  # the original passes none here, which is MuJoCo's default
            rgba=_CYLINDER_RGBA,
            group=WALL_GROUP,
        )


def _add_parking_deck(spec: mujoco.MjSpec) -> None:
    """What absent bodies stand on (`arrays`); out of sight in every sense."""
    half = PARKING_ROW * PARKING_DISTANCE
    centre = PARKING_START - half / 2
    spec.worldbody.add_geom(
        name="parking",
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=[centre, centre, PARKING_HEIGHT - 0.25],
        size=[half, half, 0.25],
        rgba=(0.0, 0.0, 0.0, 0.0),
        group=WALL_GROUP,
    )


def _add_body(
    spec: mujoco.MjSpec,
    name: str,
    pos: Triple,
    damping: Sequence[float],
    *,
    axes: tuple[str, ...] = UPRIGHT_JOINTS,
    limits: tuple[float, float] | None = UNLOCKED_RANGE,
) -> mujoco.MjsBody:
    """A body that slides along x, y, z and turns about z, or about each axis (joints in the order of `axes`)."""
    body = spec.worldbody.add_body(name=name, pos=pos)
    for axis, joint_damping in zip(axes, damping, strict=True):
        joint = body.add_joint(
            name=f"{name}:{axis}",
            type=mujoco.mjtJoint.mjJNT_HINGE if axis[0] == "r" else mujoco.mjtJoint.mjJNT_SLIDE,
            axis=_AXES[axis[-1]],
            damping=[joint_damping, 0.0, 0.0],
            limited=mujoco.mjtLimited.mjLIMITED_TRUE if limits else mujoco.mjtLimited.mjLIMITED_FALSE,
        )
        if limits:
            joint.range = limits
    return body


def _add_agent(spec: mujoco.MjSpec, world: WorldConfig, index: int) -> str:
    name = f"agent{index}"
    body = _add_body(spec, name, (AGENT_RADIUS,) * 3, damping=(10.0, 10.0, 1.0, 10.0), limits=None)
    parts = {
        "": (AGENT_RADIUS, (0.0, 0.0, 0.0), 1.0),
        ":arm1": (0.05, (-0.13, -0.075, -0.05), 0.0),
        ":arm2": (0.05, (0.13, -0.075, -0.05), 0.0),
    }
    for suffix, (radius, pos, mass) in parts.items():
        body.add_geom(
            name=name + suffix,
            type=mujoco.mjtGeom.mjGEOM_SPHERE,
            size=[radius, 0.0, 0.0],
            pos=pos,
            mass=mass,
            friction=_friction(world.other_friction),
            rgba=_HIDER_RGBA if index < world.max_hiders else _SEEKER_RGBA,
            group=MOVABLE_GROUP,
        )
    for axis in ("x", "y", "rz"):
        _add_motor(spec, f"{name}:{axis}")
    return name


def _add_motor(spec: mujoco.MjSpec, joint: str) -> None:
    motor = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    motor.gear[0] = 100.0


def _add_box(spec: mujoco.MjSpec, world: WorldConfig, index: int, half: Triple) -> str:
    name, axes = f"box{index}", FREE_JOINTS if world.free_box_rotation else UPRIGHT_JOINTS
    body = _add_body(spec, name, half, damping=[0.01] * len(axes), axes=axes)
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=half,
        mass=1.0,
        friction=_friction(world.box_floor_friction),
        rgba=_BOX_RGBA,
        group=MOVABLE_GROUP,
    )
    return name


def _add_ramp(spec: mujoco.MjSpec, world: WorldConfig, index: int) -> str:
    name, half = f"ramp{index}", RAMP_SIZE / 2
    if index == 0:
        # A wedge: vertical face at y = -half, 45 degree slope falling towards +y.
        corners = [(x, y, z) for x in (-half, half) for y, z in ((-half, -half), (-half, half), (half, -half))]
        spec.add_mesh(name="ramp", uservert=np.ravel(corners))
    body = _add_body(spec, name, (half,) * 3, damping=[0.1] * 4)
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_MESH,
        meshname="ramp",
        mass=1.0,
        friction=_friction(world.other_friction),
        rgba=_RAMP_RGBA,
        group=MOVABLE_GROUP,
    )
    return name


def _add_weld(spec: mujoco.MjSpec, agent: str, held: str) -> None:
    """An inactive grip; the relative pose is written when the agent grabs."""
    spec.add_equality(
        name=f"{agent}:{held}",
        type=mujoco.mjtEq.mjEQ_WELD,
        objtype=mujoco.mjtObj.mjOBJ_BODY,
        name1=agent,
        name2=held,
        active=False,
        data=[0.0] * 10 + [1.0, 1.0],  # anchor, relative pose (from the compiler), scales as in a parsed XML
    )


def box_kinds(world: WorldConfig) -> dict[str, np.ndarray]:
    """What the compiler derives from a box's size, for boxes elongated along x, along y, and cubes.

    Returns:
        `body_inertia` `(3, 3)`, `body_invweight0` `(3, 2)`, and `dof_M0`, `dof_invweight0`, `dof_length` `(3, d)`.
    """
    spec = mujoco.MjSpec()
    for index, half in enumerate(box_half_sizes(world)):
        _add_box(spec, world, index, half)
    model = spec.compile()
    kinds = {name: getattr(model, name)[1:] for name in ("body_inertia", "body_invweight0")}
    return kinds | {name: getattr(model, name).reshape(3, -1) for name in ("dof_M0", "dof_invweight0", "dof_length")}
