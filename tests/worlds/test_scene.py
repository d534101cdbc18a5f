"""The compiled model against the numbers recorded from the original's."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from evo_hns.config import PhysicsConfig, WorldConfig
from evo_hns.worlds import Scene, build_scene

DATA = Path(__file__).parents[1] / "data"
RECORDED, FULL = np.load(DATA / "worlds_quadrant.npz"), np.load(DATA / "worlds_full.npz")
FIRST_BODY = 1  # of the movable ones: the recording holds no others
FIRST_GEOM = 9  # after the floor and eight walls

BODY_FIELDS = ("body_mass", "body_inertia", "body_ipos", "body_pos")
GEOM_FIELDS = (
    "geom_type",
    "geom_size",
    "geom_pos",
    "geom_friction",
    "geom_condim",
    "geom_solref",
    "geom_solimp",
    "geom_margin",
    "geom_rbound",
)
JOINT_FIELDS = (
    "jnt_type",
    "jnt_axis",
    "jnt_qposadr",
    "jnt_solref",
    "jnt_solimp",
    "dof_damping",
    "dof_armature",
    "dof_invweight0",
    "actuator_gear",
    "actuator_trnid",
    "qpos0",
)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build_scene(WorldConfig(), PhysicsConfig())


@pytest.mark.parametrize("name", BODY_FIELDS + GEOM_FIELDS + JOINT_FIELDS)
def test_the_model_has_the_recorded_numbers(scene: Scene, name: str) -> None:
    first = FIRST_BODY if name in BODY_FIELDS else FIRST_GEOM if name in GEOM_FIELDS else 0
    # Meshes are kept in single precision by the version that was recorded, hence the tolerance.
    np.testing.assert_allclose(getattr(scene.model, name)[first:], RECORDED[f"model_{name}"], rtol=1e-6, atol=1e-7)


def test_floor_and_walls_have_the_recorded_friction(scene: Scene) -> None:
    np.testing.assert_allclose(scene.model.geom_friction[0], RECORDED["model_floor_friction"])
    for wall in scene.wall_geom:
        np.testing.assert_allclose(scene.model.geom_friction[wall], RECORDED["model_wall_friction"])


def test_random_walls_have_the_recorded_friction_and_their_slots(full: WorldConfig) -> None:
    scene = build_scene(full, PhysicsConfig())
    assert len(scene.wall_geom) == 10
    for wall in scene.wall_geom:
        np.testing.assert_allclose(scene.model.geom_friction[wall], FULL["lock_wall_friction"])


def test_the_solver_is_the_originals() -> None:
    opt = build_scene(WorldConfig(), PhysicsConfig(timestep=0.01)).model.opt
    assert opt.timestep == 0.01
    assert list(opt.gravity) == [0.0, 0.0, -50.0]
    assert opt.solver == mujoco.mjtSolver.mjSOL_NEWTON
    assert opt.integrator == mujoco.mjtIntegrator.mjINT_EULER
    assert opt.cone == mujoco.mjtCone.mjCONE_PYRAMIDAL
    assert (opt.iterations, opt.tolerance, opt.impratio) == (100, 1e-8, 1.0)


@pytest.mark.parametrize("sleep", [True, False])
def test_sleep_follows_the_settings_and_the_mid_phase_is_always_off(sleep: bool) -> None:
    opt = build_scene(WorldConfig(), PhysicsConfig(sleep=sleep)).model.opt
    assert bool(opt.enableflags & mujoco.mjtEnableBit.mjENBL_SLEEP) is sleep
    assert opt.disableflags & mujoco.mjtDisableBit.mjDSBL_MIDPHASE


@pytest.mark.parametrize(
    ("hiders", "seekers", "boxes", "ramps"), [(2, 2, 2, 1), (1, 1, 0, 0), (3, 1, 9, 3), (1, 0, 1, 0)]
)
def test_indices_name_what_they_say(hiders: int, seekers: int, boxes: int, ramps: int) -> None:
    world = WorldConfig(num_hiders=hiders, num_seekers=seekers, num_boxes=boxes, num_ramps=ramps)
    scene = build_scene(world, PhysicsConfig())
    model, agents, objects = scene.model, hiders + seekers, boxes + ramps

    assert [model.body(i).name for i in scene.agent_body] == [f"agent{i}" for i in range(agents)]
    expected = [f"box{i}" for i in range(boxes)] + [f"ramp{i}" for i in range(ramps)]
    assert [model.body(i).name for i in scene.object_body] == expected
    np.testing.assert_array_equal(model.geom_bodyid[scene.agent_geom], scene.agent_body)
    np.testing.assert_array_equal(model.geom_bodyid[scene.object_geom], scene.object_body)
    np.testing.assert_array_equal(model.geom_size[scene.agent_geom][:, 0], 0.15)
    np.testing.assert_array_equal(model.geom_bodyid[scene.wall_geom], 0)
    assert scene.agent_qpos.shape == (agents, 4)
    assert scene.object_qpos.shape == (objects, 4)
    assert model.nq == 4 * (agents + objects)
    for index, columns in zip(scene.object_body, scene.object_qpos, strict=True):
        np.testing.assert_array_equal(model.jnt_bodyid[columns], index)
    assert model.nu == 3 * agents


def test_a_scene_has_places_for_the_largest_counts(varied: WorldConfig) -> None:
    scene = build_scene(varied, PhysicsConfig())
    assert (scene.num_hiders, scene.num_seekers, scene.num_boxes, scene.num_ramps) == (3, 3, 9, 2)
    assert scene.weld.shape == (6, 11)
    colours = scene.model.geom_rgba[scene.agent_geom]
    assert (colours == colours[[0, 0, 0, 3, 3, 3]]).all()
    assert (colours[0] != colours[3]).any()


def test_boxes_that_may_tip_over_turn_about_every_axis_and_ramps_do_not() -> None:
    model = (scene := build_scene(WorldConfig(free_box_rotation=True), PhysicsConfig())).model
    assert scene.object_qpos.shape == (3, 6)
    for index, columns in zip(scene.object_body[:2], scene.object_qpos[:2], strict=True):
        np.testing.assert_array_equal(model.jnt_bodyid[columns], index)
        np.testing.assert_array_equal(model.jnt_axis[columns], np.tile(np.eye(3), (2, 1)))
        np.testing.assert_array_equal(model.jnt_type[columns], [2, 2, 2, 3, 3, 3])
        np.testing.assert_array_equal(model.dof_damping[columns], 0.01)
    assert list(scene.object_qpos[2, 3:]) == [model.joint("ramp0:rz").id] * 3
    np.testing.assert_array_equal(model.jnt_qposadr, np.arange(model.njnt))


def test_every_agent_has_an_inactive_weld_for_every_object(scene: Scene) -> None:
    model = scene.model
    assert scene.weld.shape == (4, 3)
    assert model.neq == scene.weld.size
    assert not model.eq_active0.any()
    for (agent, held), weld in np.ndenumerate(scene.weld):
        assert model.eq_obj1id[weld] == scene.agent_body[agent]
        assert model.eq_obj2id[weld] == scene.object_body[held]
    np.testing.assert_array_equal(model.eq_data[:, :3], 0.0)  # anchor
    np.testing.assert_array_equal(model.eq_data[:, 10], 1.0)  # torque scale


def test_only_objects_are_limited_and_the_limit_is_out_of_reach(scene: Scene) -> None:
    limited = np.flatnonzero(scene.model.jnt_limited)
    np.testing.assert_array_equal(limited, scene.object_qpos.ravel())
    assert (scene.model.jnt_range[limited] == (-1e6, 1e6)).all()


def test_a_point_range_locks_a_box_as_the_original_does(scene: Scene) -> None:
    model, data = scene.model.__copy__(), mujoco.MjData(scene.model)
    columns = scene.object_qpos[0]
    data.qpos[:] = np.arange(model.nq)  # far apart
    data.qpos[scene.object_qpos[:, 2]] = data.qpos[scene.agent_qpos[:, 2]] = 0.0
    locked_at = data.qpos[columns].copy()
    model.jnt_range[columns] = locked_at[:, None]
    data.qfrc_applied[columns[0]] = 90.0
    for _ in range(200):
        mujoco.mj_step(model, data)
    moved = data.qpos[columns[0]] - locked_at[0]
    assert 0.001 < moved < 0.007  # a soft limit: a hard push moves it by some millimetres


def test_resting_objects_fall_asleep_and_agents_do_not(scene: Scene) -> None:
    data = mujoco.MjData(scene.model)
    data.qpos[scene.agent_qpos[:, 0]] = data.qpos[scene.agent_qpos[:, 1]] = np.arange(4.0)
    data.qpos[scene.object_qpos[:, 0]] = np.arange(3.0) + 1.0
    for _ in range(300):
        mujoco.mj_step(scene.model, data)
    np.testing.assert_array_equal(data.tree_asleep >= 0, [False] * 4 + [True] * 3)
