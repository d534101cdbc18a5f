"""The model of a game as it is shown: its bodies, joints and sizes are the real ones, its looks are for the eye.

It is compiled from the game's own specification, so that ids and `qpos` are those of the game's model; then the layout
of one world is written into it. It is never stepped: sleep is off, since what sleeps is not moved by `mj_forward`,
and so is all that costs time but moves nothing.
"""

from __future__ import annotations

import math

import mujoco
import numpy as np

from evo_hns.config import RunConfig
from evo_hns.worlds.arrays import model_arrays
from evo_hns.worlds.layout import Layout
from evo_hns.worlds.model_spec import make_spec
from evo_hns.worlds.scene import Scene
from evo_hns.worlds.sizes import NUM_OUTER_WALLS

SKY_RGB, FLOOR_RGB = (1.0, 1.0, 1.0), (0.82, 0.82, 0.8)

KERB_HEIGHT = 0.06  #: metres, of outer walls
_LOWERED = 0.1  # of the field's edge, by which the camera looks before its middle


def shown_model(config: RunConfig, scene: Scene, layout: Layout, world: int = 0) -> mujoco.MjModel:
    """The model to show one world with.

    Args:
        config: the settings of the game.
        scene: the game's scene.
        layout: of W worlds.
        world: which of them.

    Returns:
        A model with the scene's ids and `qpos`. Outer walls, which are high, are shown as kerbs, what is absent not.
    """
    spec = make_spec(config.world, config.physics)
    _dress(spec)
    model = spec.compile()
    for name, values in model_arrays(scene, layout).items():
        getattr(model, name)[:] = values[world]
    model.geom_rgba[model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE, :3] = FLOOR_RGB
    _lower_outer_walls(model, scene)
    for geom in _invisible_geoms(scene, layout, world):
        model.geom_rgba[geom, 3] = 0.0
    model.opt.enableflags &= ~int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    for idle in (mujoco.mjtDisableBit.mjDSBL_CONSTRAINT, mujoco.mjtDisableBit.mjDSBL_CONTACT):
        model.opt.disableflags |= int(idle)
    return model


def overview(floor_size: float) -> mujoco.MjvCamera:
    """A camera above a corner that has the whole field in view."""
    camera = mujoco.MjvCamera()
    camera.distance, camera.azimuth, camera.elevation = 2.1 * floor_size, 110.0, -52.0
    away = math.radians(camera.azimuth)
    # A little this side of the middle, so that the field lies above the time line.
    nearer = 0.5 * np.ones(2) - _LOWERED * np.array([math.cos(away), math.sin(away)])
    camera.lookat[:] = *(floor_size * nearer), 0.0
    return camera


def _dress(spec: mujoco.MjSpec) -> None:
    """Light, and a bright sky in place of black."""
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        rgb1=SKY_RGB,
        rgb2=SKY_RGB,
        width=16,
        height=16,
    )
    spec.visual.headlight.ambient = (0.6, 0.6, 0.6)
    spec.visual.headlight.diffuse = (0.6, 0.6, 0.6)
    spec.visual.headlight.specular = (0.1, 0.1, 0.1)


def _lower_outer_walls(model: mujoco.MjModel, scene: Scene) -> None:
    """They stand between the camera and the field: enough of them is left to see where they are."""
    outer = scene.wall_geom[:NUM_OUTER_WALLS]
    model.geom_pos[outer, 2] = model.geom_size[outer, 2] = KERB_HEIGHT / 2
    model.geom_rgba[outer] = scene.model.geom_rgba[scene.wall_geom[-1]]


def _invisible_geoms(scene: Scene, layout: Layout, world: int) -> list[int]:
    """Geoms of whatever is absent."""
    walls = layout.wall_mask[world]
    bodies = np.concatenate([scene.agent_body, scene.object_body])
    present = np.concatenate([layout.agent_mask[world], layout.box_mask[world], layout.ramp_mask[world]])
    of_absent = np.flatnonzero(np.isin(scene.model.geom_bodyid, bodies[~present]))
    return [int(geom) for geom in (*scene.wall_geom[~walls], *of_absent)]
