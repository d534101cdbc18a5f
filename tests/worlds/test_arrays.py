"""Writing a layout into a scene."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from evo_hns.config import PhysicsConfig, WorldConfig
from evo_hns.worlds import Layout, Scene, build_scene, geom_arrays, initial_qpos, sample_layouts

WORLD = WorldConfig()
SEEDS = np.arange(6)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build_scene(WORLD, PhysicsConfig())


@pytest.fixture(scope="module")
def layout() -> Layout:
    return sample_layouts(WORLD, SEEDS)


def placed(scene: Scene, layout: Layout, row: int) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """A copy of the model with the walls of one world, and its state at the start."""
    model = scene.model.__copy__()
    for name, values in geom_arrays(scene, layout).items():
        getattr(model, name)[:] = values[row]
    data = mujoco.MjData(model)
    data.qpos[:] = initial_qpos(scene, layout)[row]
    mujoco.mj_forward(model, data)
    return model, data


def test_written_walls_equal_compiled_walls(scene: Scene, layout: Layout) -> None:
    arrays = geom_arrays(scene, layout)
    for row in range(len(SEEDS)):
        spec = mujoco.MjSpec()
        for pos, size in zip(layout.wall_pos[row], layout.wall_size[row], strict=True):
            spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=pos, size=size)
        compiled = spec.compile()
        for name, values in arrays.items():
            np.testing.assert_allclose(values[row, scene.wall_geom], getattr(compiled, name), atol=1e-12, err_msg=name)


def test_geoms_that_are_not_walls_keep_their_numbers(scene: Scene, layout: Layout) -> None:
    others = np.setdiff1d(np.arange(scene.model.ngeom), scene.wall_geom)
    for name, values in geom_arrays(scene, layout).items():
        assert values.shape == (len(SEEDS), *getattr(scene.model, name).shape)
        assert (values[:, others] == getattr(scene.model, name)[others]).all()


def test_bodies_stand_where_the_layout_says(scene: Scene, layout: Layout) -> None:
    for row in range(len(SEEDS)):
        _, data = placed(scene, layout, row)
        np.testing.assert_allclose(data.xpos[scene.agent_body], layout.agents[row], atol=1e-12)
        objects = np.concatenate([layout.boxes[row], layout.ramps[row]])
        np.testing.assert_allclose(data.xpos[scene.object_body], objects, atol=1e-12)
        np.testing.assert_allclose(data.xquat[1:], np.tile([1.0, 0.0, 0.0, 0.0], (7, 1)))


def test_qpos_of_world_0_is_the_originals(scene: Scene, layout: Layout) -> None:
    recorded = [0.88472517, 0.86235637, 0.0, 0.0, 3.82975346, 1.0056713, 0.0, 0.0]  # agents 0 and 1
    np.testing.assert_allclose(initial_qpos(scene, layout)[0, :8], recorded, atol=1e-8)


def test_a_new_world_touches_nothing_but_the_floor(scene: Scene, layout: Layout) -> None:
    for row in range(len(SEEDS)):
        _, data = placed(scene, layout, row)
        assert set(data.contact.geom.min(axis=1)) == {0}


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_an_agent_cannot_walk_through_a_written_wall(scene: Scene, layout: Layout, direction: float) -> None:
    model, data = placed(scene, layout, row=0)
    data.ctrl[0] = 0.9 * direction
    for _ in range(1000):
        mujoco.mj_step(model, data)
    # World 0: agent 0 has free way to the outer wall on its left, and to the room's wall on its right.
    wall = 5 if direction > 0 else 0
    x, half = layout.wall_pos[0, wall, 0], layout.wall_size[0, wall, 0]
    assert data.xpos[scene.agent_body[0], 0] == pytest.approx(x - direction * (half + 0.15), abs=0.02)
