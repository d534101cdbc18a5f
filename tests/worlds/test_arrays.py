"""Writing a layout into a scene."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from evo_hns.config import PhysicsConfig, WorldConfig
from evo_hns.worlds import Layout, Scene, build_scene, initial_qpos, model_arrays, sample_layouts
from evo_hns.worlds.model_spec import make_spec

RECORDED = np.load(Path(__file__).parents[1] / "data" / "worlds_full.npz")
WORLD = WorldConfig()
SEEDS = np.arange(6)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build_scene(WORLD, PhysicsConfig())


@pytest.fixture(scope="module")
def layout() -> Layout:
    return sample_layouts(WORLD, SEEDS)


@pytest.fixture(params=["quadrant", "elongated", "full", "varied", "tipping"])
def world(request: pytest.FixtureRequest, full: WorldConfig, varied: WorldConfig) -> WorldConfig:
    return {
        "quadrant": WORLD,
        "elongated": WorldConfig(num_elongated_boxes=(0, 2)),
        "full": full,
        "varied": varied,
        "tipping": full.model_copy(update={"free_box_rotation": True}),
    }[request.param]


def written_model(scene: Scene, arrays: dict[str, np.ndarray], row: int) -> mujoco.MjModel:
    """A copy of the model with the numbers of one world."""
    model = scene.model.__copy__()
    for name, values in arrays.items():
        getattr(model, name)[:] = values[row]
    return model


def placed(scene: Scene, layout: Layout, row: int) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """The model of one world, and its state at the start."""
    model = written_model(scene, model_arrays(scene, layout), row)
    data = mujoco.MjData(model)
    data.qpos[:] = initial_qpos(scene, layout)[row]
    mujoco.mj_forward(model, data)
    return model, data


def compiled_model(world: WorldConfig, arrays: dict[str, np.ndarray], layout: Layout, row: int) -> mujoco.MjModel:
    """The model of one world, compiled for it from its own sizes and places."""
    spec = make_spec(world, PhysicsConfig())
    for slot, (pos, size) in enumerate(zip(layout.wall_pos[row], layout.wall_size[row], strict=True)):
        spec.geom(f"wall{slot}").pos, spec.geom(f"wall{slot}").size = pos, size
    half = layout.floor_size[row] / 2
    spec.geom("floor0").pos, spec.geom("floor0").size = (half, half, 0.0), (half, half, 1.0)
    for slot, size in enumerate(layout.box_size[row]):
        spec.geom(f"box{slot}").size, spec.body(f"box{slot}").pos = size, size
    masks = {"agent": layout.agent_mask, "box": layout.box_mask, "ramp": layout.ramp_mask}
    absent = [f"{kind}{slot}" for kind, mask in masks.items() for slot in np.flatnonzero(~mask[row])]
    for name in absent:
        spec.body(name).sleep = mujoco.mjtSleepPolicy.mjSLEEP_INIT
        spec.body(name).pos = arrays["body_pos"][row, build_scene(world, PhysicsConfig()).model.body(name).id]
    return spec.compile()


def test_a_written_model_is_the_one_that_is_compiled_for_the_world(world: WorldConfig) -> None:
    scene, layout = build_scene(world, PhysicsConfig()), sample_layouts(world, SEEDS)
    arrays = model_arrays(scene, layout)
    for row in range(len(SEEDS)):
        written, compiled = written_model(scene, arrays, row), compiled_model(world, arrays, layout, row)
        names = {name for name in dir(compiled) if isinstance(getattr(compiled, name), np.ndarray)}
        assert names > set(arrays)
        for name in names:
            if name == "eq_data" or name.startswith("bvh_"):
                continue  # grips write their own `eq_data`; bounding volumes are the mid-phase's, which is off
            np.testing.assert_allclose(
                getattr(written, name), getattr(compiled, name), rtol=1e-12, atol=1e-14, err_msg=name
            )


def test_elongated_boxes_have_the_recorded_numbers(full: WorldConfig) -> None:
    scene, layout = build_scene(full, PhysicsConfig()), sample_layouts(full, np.array([0]))
    model = written_model(scene, model_arrays(scene, layout), 0)
    exists = np.concatenate([layout.box_mask[0], layout.ramp_mask[0]])
    bodies, geoms = scene.object_body[exists], scene.object_geom[exists]
    dofs = scene.object_qpos[exists].ravel()
    for names, index in (
        (("body_pos", "body_inertia", "body_invweight0"), bodies),
        (("geom_size", "geom_rbound"), geoms),
        (("dof_invweight0", "dof_damping"), dofs),
    ):
        for name in names:
            recorded = RECORDED[f"object_{name}"]  # ramps with the single precision of their mesh
            np.testing.assert_allclose(getattr(model, name)[index], recorded, rtol=1e-6, atol=1e-7, err_msg=name)


def test_worlds_of_equal_counts_and_sizes_pay_for_walls_only(scene: Scene, layout: Layout) -> None:
    arrays = model_arrays(scene, layout)
    assert set(arrays) == {"geom_pos", "geom_size", "geom_rbound", "geom_aabb"}
    others = np.setdiff1d(np.arange(scene.model.ngeom), scene.wall_geom)
    for name, values in arrays.items():
        assert values.shape == (len(SEEDS), *getattr(scene.model, name).shape)
        assert (values[:, others] == getattr(scene.model, name)[others]).all()


def test_bodies_stand_where_the_layout_says(world: WorldConfig) -> None:
    scene, layout = build_scene(world, PhysicsConfig()), sample_layouts(world, SEEDS)
    for row in range(len(SEEDS)):
        _, data = placed(scene, layout, row)
        agents, objects = layout.agent_mask[row], np.concatenate([layout.box_mask[row], layout.ramp_mask[row]])
        np.testing.assert_allclose(data.xpos[scene.agent_body[agents]], layout.agents[row, agents], atol=1e-12)
        centres = np.concatenate([layout.boxes[row], layout.ramps[row]])[objects]
        np.testing.assert_allclose(data.xpos[scene.object_body[objects]], centres, atol=1e-12)
        np.testing.assert_allclose(data.xquat[:, 0], 1.0)


def test_qpos_of_world_0_is_the_originals(scene: Scene, layout: Layout) -> None:
    recorded = [0.88472517, 0.86235637, 0.0, 0.0, 3.82975346, 1.0056713, 0.0, 0.0]  # agents 0 and 1
    np.testing.assert_allclose(initial_qpos(scene, layout)[0, :8], recorded, atol=1e-8)


def test_a_new_world_touches_nothing_but_what_it_stands_on(world: WorldConfig) -> None:
    scene, layout = build_scene(world, PhysicsConfig(sleep=False)), sample_layouts(world, SEEDS)
    for row in range(len(SEEDS)):
        model, data = placed(scene, layout, row)
        below = {model.geom(geom).name for geom in data.contact.geom.min(axis=1)}
        assert below in ({"floor0"}, {"floor0", "parking"})


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


@pytest.mark.parametrize("free", [False, True])
def test_a_lone_agent_is_a_world_too(free: bool) -> None:
    world = WorldConfig(num_hiders=1, num_seekers=0, num_boxes=0, num_ramps=0, free_box_rotation=free)
    scene, layout = build_scene(world, PhysicsConfig()), sample_layouts(world, SEEDS)
    assert scene.object_qpos.shape == (0, 6 if free else 4)
    _, data = placed(scene, layout, row=0)
    np.testing.assert_allclose(data.xpos[scene.agent_body], layout.agents[0])
