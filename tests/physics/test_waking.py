"""What is held up by a constraint falls when the constraint goes, at whatever stage of falling asleep it is."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from evo_hns.physics import CpuPhysics

STAGES = 16  #: after so many substeps what rests has fallen asleep for sure; MuJoCo waits for 10

MODEL = """<mujoco><option gravity="0 0 -50" timestep="0.005"><flag sleep="{sleep}"/></option><worldbody>
    <geom type="plane" size="9 9 1"/>
    <body name="box" pos="0 0 0.75"><joint type="slide" axis="0 0 1" limited="true" range="-1000 1000"/>
        <geom type="box" size=".25 .25 .25"/></body>
    <body name="other" pos="3 0 0.75"><joint name="slide" type="slide" axis="0 0 1"/>
        <geom type="box" size=".25 .25 .25"/></body>
    <body name="bystander" pos="6 0 0.25"><joint type="slide" axis="0 0 1"/><geom type="box" size=".25 .25 .25"/></body>
    </worldbody><equality>
    <weld body1="other" active="{welded}" solref="0.02 1"/>
    <weld body1="other" body2="box" active="false"/></equality></mujoco>"""


def make(*, locked: bool = False, welded: bool = False, sleep: bool = True) -> CpuPhysics:
    """At rest: the box on its lock and the other on its weld, if they are. World k > 0 woke k substeps ago."""
    text = MODEL.format(welded=str(welded).lower(), sleep="enable" if sleep else "disable")
    physics = CpuPhysics(mujoco.MjModel.from_xml_string(text), STAGES, num_threads=1)
    if locked:
        physics.model_field("jnt_range")[:, 0] = 0.0
    physics.reset()
    physics.forward()
    physics.step(200)
    for k in range(1, STAGES):
        physics.field("qvel")[k][physics.field("qvel")[k] == 0.0] = -0.0
        physics.step(k, torch.tensor([k]))
    return physics


def height(physics: CpuPhysics, name: str) -> np.ndarray:
    return physics.field("xpos")[:, physics.model.body(name).id, 2].numpy().copy()


def unlock(physics: CpuPhysics) -> None:
    physics.model_field("jnt_range")[:, 0] = torch.tensor([-1000.0, 1000.0], dtype=torch.float64)


def asleep(physics: CpuPhysics) -> np.ndarray:
    return physics.field("tree_asleep").numpy() >= 0


def test_a_box_that_is_unlocked_in_the_air_falls_at_every_stage_of_falling_asleep() -> None:
    physics, awake = make(locked=True), make(locked=True, sleep=False)
    stages = physics.field("tree_asleep")[:, 0].tolist()
    assert {-10, -3, -2, 0} <= set(stages), stages  # -1 only while a neighbour is awake
    for game in (physics, awake):
        unlock(game)
        game.step(1)
        assert (height(game, "box") < 0.7499).all()
        game.step(100)
    np.testing.assert_allclose(height(physics, "box"), height(awake, "box"), atol=1e-4)
    assert (height(physics, "box") < 0.2501).all()
    assert asleep(physics).all()  # what was kept awake may sleep again


def test_a_box_that_is_let_go_in_the_air_falls_at_every_stage_of_falling_asleep() -> None:
    physics = make(welded=True)
    assert asleep(physics)[-1, 1]
    physics.field("eq_active")[:, 0] = 0.0
    physics.step(100)
    assert (height(physics, "other") < 0.2501).all()


def test_a_box_follows_a_weld_whose_pose_changes() -> None:
    physics = make(welded=True)
    physics.model_field("eq_data")[:, 0, 5] += 0.1
    before = height(physics, "other")
    physics.step(200)
    assert (np.abs(height(physics, "other") - before) > 0.05).all()


def test_a_box_is_seized_by_a_weld_to_another_that_sleeps() -> None:
    physics = make(locked=True, welded=True)
    physics.field("eq_active")[:, 1] = 1.0  # at the pose of the model
    physics.field("eq_active")[:, 0] = 0.0
    physics.step(200)
    assert (height(physics, "other") > 0.7).all()


def test_a_box_that_was_lifted_falls_at_every_stage_of_falling_asleep() -> None:
    physics = make()
    physics.field("qpos")[:, 0] += 0.3
    physics.forward()
    physics.step(100)
    assert (height(physics, "box") < 0.2501).all()


def test_who_is_bound_by_no_changed_constraint_goes_on_to_the_bit() -> None:
    physics, plain = make(locked=True), make(locked=True)
    physics.model_field("eq_data")[:, 1] += 1.0  # of a weld that is not active
    unlock(physics)
    for _ in range(2):
        for game in (physics, plain):
            game.step(1)
        assert not asleep(physics)[:, 0].any() and asleep(physics)[0, 1:].all()
        for name in ("qpos", "qvel", "tree_asleep"):
            assert torch.equal(physics.field(name)[:, 1:], plain.field(name)[:, 1:])
    assert not torch.signbit(physics.field("qfrc_applied")).any()


def test_a_new_episode_wakes_nothing() -> None:
    physics = make(locked=True)
    unlock(physics)
    physics.reset()
    physics.forward()
    physics.step(1)
    plain = make()
    plain.reset()
    plain.forward()
    plain.step(1)
    assert torch.equal(physics.field("tree_asleep"), plain.field("tree_asleep"))
    assert torch.equal(physics.field("qvel"), plain.field("qvel"))


def test_an_equality_that_binds_no_bodies_is_refused_where_bodies_may_sleep() -> None:
    text = MODEL.format(welded="false", sleep="enable").replace("<equality>", '<equality><joint joint1="slide"/>')
    with pytest.raises(ValueError, match="use welds and connects of bodies"):
        CpuPhysics(mujoco.MjModel.from_xml_string(text), 1)
