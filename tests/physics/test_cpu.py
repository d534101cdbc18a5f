"""The batch behind the contract: live fields, clean resets, failures that stay where they are."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np
import pytest
import torch

from evo_hns.physics import BACKENDS, CpuPhysics
from evo_hns.system.machine import usable_cores

SEEDS = [3, 1, 4, 15, 9, 2]


def test_state_fields_are_written_in_place_and_derived_fields_follow(game):
    physics = game.physics(2)
    game.place(physics, SEEDS[:2])
    x = game.scene.agent_qpos[0, 0]
    physics.field("qpos")[1, x] = 2.5
    physics.forward()
    centres = physics.field("xpos")[:, game.scene.agent_body[0], 0]
    assert centres[1] == 2.5 + 0.15
    assert centres[0] != centres[1]


def test_derived_fields_are_current_after_a_step_and_not_one_substep_behind(game):
    physics = game.physics(3)
    stepped = game.play(physics, SEEDS[:3], num_steps=8)[-1]
    data = mujoco.MjData(game.scene.model)
    for w in range(3):
        mujoco.mj_resetData(game.scene.model, data)
        data.qpos[:] = physics.field("qpos")[w].numpy()
        mujoco.mj_forward(game.scene.model, data)
        np.testing.assert_allclose(physics.field("xpos")[w], data.xpos, rtol=0, atol=1e-14)
        np.testing.assert_allclose(physics.field("xmat")[w].reshape(-1, 9), data.xmat, rtol=0, atol=1e-14)
    assert np.isfinite(stepped).all()


def test_fields_are_cached_views_and_make_no_warnings(sleepy_game):
    physics = sleepy_game.physics(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("qpos", "ctrl", "eq_active", "xpos", "geom_xmat"):
            assert physics.field(name) is physics.field(name)
            assert physics.field(name).shape[0] == 2
        for name in ("geom_size", "jnt_range", "eq_data"):
            assert physics.model_field(name) is physics.model_field(name)
            assert physics.model_field(name).shape[1:] == getattr(sleepy_game.scene.model, name).shape


def test_an_unknown_field_is_refused_with_a_hint(sleepy_game):
    physics = sleepy_game.physics(1)
    with pytest.raises(ValueError, match="qpoz"):
        physics.field("qpoz")
    with pytest.raises(ValueError, match="MjData field"):
        physics.model_field("qpos")


@pytest.mark.parametrize(("counts", "message"), [((0, 1), "num_worlds is 0"), ((1, -1), "num_threads is -1")])
def test_counts_out_of_range_are_refused(sleepy_game, counts, message):
    with pytest.raises(ValueError, match=message):
        CpuPhysics(sleepy_game.scene.model, *counts)


def test_zero_threads_are_the_cores_this_process_may_use(sleepy_game):
    assert sleepy_game.physics(64, num_threads=0)._batch.nthread == usable_cores()


def test_the_backend_is_found_by_name():
    assert BACKENDS["cpu"] is CpuPhysics


def test_a_batch_equals_a_loop_of_mujoco_over_each_world(game):
    """The slow oracle: one MjData per world, mj_step."""
    physics = game.physics(2)
    played = game.play(physics, SEEDS[:2], num_steps=10)
    for w in range(2):
        model = physics._batch.get_model(w)
        data = mujoco.MjData(model)
        mujoco.mj_resetData(model, data)
        game.place(other := game.physics(2), SEEDS[:2])
        data.qpos[:] = other.field("qpos")[w].numpy()
        mujoco.mj_forward(model, data)
        for step, control in enumerate(game._controls(SEEDS[w], 10)):
            data.ctrl[:] = control
            mujoco.mj_step(model, data, nstep=15)
            np.testing.assert_array_equal(played[step, w, : model.nq], data.qpos)


def test_a_world_gives_the_same_bits_in_any_slot_and_batch_size(game):
    played = game.play(game.physics(6), SEEDS)
    assert (played[:, ::-1] == game.play(game.physics(6), SEEDS[::-1])).all()
    assert (played[:, 2:5] == game.play(game.physics(3), SEEDS[2:5])).all()
    assert (played[:, 4:5] == game.play(game.physics(9), SEEDS[4:5])).all()


def test_a_world_gives_the_same_bits_at_any_thread_count(game):
    played = game.play(game.physics(6, num_threads=1), SEEDS)
    for num_threads in (2, 3):
        assert (played == game.play(game.physics(6, num_threads), SEEDS)).all()


def _not_a_number(physics: CpuPhysics, world: int) -> None:
    physics.field("qpos")[world, 5] = float("nan")


def _not_a_speed(physics: CpuPhysics, world: int) -> None:
    physics.field("qvel")[world, 2] = float("inf")


def _far_too_fast(physics: CpuPhysics, world: int) -> None:
    physics.field("qvel")[world, 5] = 1e9


def _mad_control(physics: CpuPhysics, world: int) -> None:
    physics.field("ctrl")[world] = float("nan")


BLOW_UPS = [_not_a_number, _not_a_speed, _far_too_fast, _mad_control]


def test_what_a_world_did_before_its_reset_leaves_no_trace(game):
    fresh = game.play(game.physics(6), SEEDS)
    used = game.physics(6)
    game.play(used, [seed + 100 for seed in SEEDS], num_steps=40)
    used.field("eq_active")[:] = 1.0
    used.field("qfrc_applied")[:] = 3.0
    used.step(7)
    assert (fresh == game.play(used, SEEDS)).all()


@pytest.mark.parametrize("blow_up", BLOW_UPS)
def test_a_world_that_blew_up_leaves_no_trace_after_its_reset(game, blow_up: Callable[[CpuPhysics, int], None]):
    fresh = game.play(game.physics(6), SEEDS)
    used = game.physics(6)
    game.play(used, SEEDS, num_steps=4)
    for world in range(6):
        blow_up(used, world)
    assert used.step(15).all()
    assert (fresh == game.play(used, SEEDS)).all()


@pytest.mark.parametrize("blow_up", BLOW_UPS)
def test_a_world_that_blows_up_is_reported_and_disturbs_no_neighbour(game, blow_up):
    undisturbed, disturbed = game.physics(6), game.physics(6)
    for physics in (undisturbed, disturbed):
        game.play(physics, SEEDS, num_steps=4)
    blow_up(disturbed, 2)
    others = [0, 1, 3, 4, 5]
    assert disturbed.step(15).tolist() == [False, False, True, False, False, False]
    assert not undisturbed.step(15).any()
    for _ in range(5):
        assert not disturbed.step(15, torch.tensor(others)).any()
        undisturbed.step(15)
    for name in ("qpos", "qvel", "geom_xpos"):
        assert torch.equal(disturbed.field(name)[others], undisturbed.field(name)[others])


def test_each_call_reports_its_own_failures_only(sleepy_game):
    physics = sleepy_game.physics(3)
    sleepy_game.place(physics, SEEDS[:3])
    _not_a_number(physics, 1)
    assert physics.step(15).tolist() == [False, True, False]
    assert not physics.step(15).any()
    _not_a_number(physics, 1)
    assert physics.step(15).tolist() == [False, True, False]


def test_a_number_that_goes_bad_in_the_last_substep_is_a_failure_of_this_call(sleepy_game):
    """A timestep that is no number spoils the state after the checks with which a substep begins."""
    physics = sleepy_game.physics(3)
    sleepy_game.place(physics, SEEDS[:3])
    physics.model_field("opt.timestep")[1] = float("nan")
    assert physics.step(1).tolist() == [False, True, False]


def test_a_failing_world_writes_neither_console_nor_log_file(sleepy_game, tmp_path: Path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    physics = sleepy_game.physics(2, num_threads=2)
    _not_a_number(physics, 0)
    _mad_control(physics, 1)
    assert physics.step(15).all()
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_worlds_that_are_not_named_are_not_stepped(game):
    physics = game.physics(4)
    game.play(physics, SEEDS[:4], num_steps=3)
    before = {name: physics.field(name).clone() for name in ("time", "qpos", "qvel", "geom_xpos")}
    assert physics.step(15, torch.tensor([1, 3])).shape == (4,)
    for name, values in before.items():
        assert torch.equal(physics.field(name)[[0, 2]], values[[0, 2]])
        assert not torch.equal(physics.field(name)[[1, 3]], values[[1, 3]])


def test_worlds_that_are_not_named_are_not_reset(game):
    played, physics = game.play(game.physics(4), SEEDS[:4]), game.physics(4)
    game.play(physics, SEEDS[:4], num_steps=3)
    before = {name: physics.field(name).clone() for name in ("time", "qpos", "qvel", "xpos")}
    worlds = torch.tensor([1, 3])
    physics.reset(worlds)
    physics.forward(worlds)
    assert (physics.field("qpos")[worlds] == torch.from_numpy(game.scene.model.qpos0)).all()
    for name, values in before.items():
        assert torch.equal(physics.field(name)[[0, 2]], values[[0, 2]])
        assert not torch.equal(physics.field(name)[[1, 3]], values[[1, 3]])
    assert (game.play(physics, SEEDS[:4]) == played).all()


def test_stepping_some_worlds_now_and_others_later_changes_no_bit(game):
    together, apart = game.physics(4), game.physics(4)
    for physics in (together, apart):
        game.play(physics, SEEDS[:4], num_steps=3)
    for _ in range(4):
        together.step(15)
    for worlds in ([0, 2], [1, 3]):
        for _ in range(4):
            apart.step(15, torch.tensor(worlds))
    assert torch.equal(together.field("qpos"), apart.field("qpos"))


def _cramped_model() -> mujoco.MjModel:
    """Memory for six boxes on the floor, not for six in one place."""
    boxes = "".join(f'<body pos="{3 * i} 0 .1"><freejoint/><geom type="box" size=".1 .1 .1"/></body>' for i in range(6))
    return mujoco.MjModel.from_xml_string(
        f"""<mujoco><size memory="200K"/><option><flag sleep="enable"/></option>
        <worldbody><geom type="plane" size="1 1 1"/>{boxes}</worldbody></mujoco>"""
    )


def test_an_error_inside_mujoco_is_a_failure_of_its_world_alone_until_the_reset():
    physics, untroubled = CpuPhysics(_cramped_model(), 3, 1), CpuPhysics(_cramped_model(), 3, 1)
    physics.field("qpos")[1].view(6, 7)[:, :3] = torch.tensor([0.0, 0.0, 0.1], dtype=torch.float64)
    physics.forward()
    assert physics.step(3).tolist() == [False, True, False]
    assert not untroubled.step(3).any()
    assert torch.equal(physics.field("qpos")[[0, 2]], untroubled.field("qpos")[[0, 2]])
    for each in (physics, untroubled):
        each.reset()
        each.field("qvel")[:, 0] = 1.0
        assert not each.step(40).any()
    assert torch.equal(physics.field("qpos"), untroubled.field("qpos"))


def test_a_world_goes_on_as_the_one_it_branches_from(sleepy_game):
    """With what sleeps, what was locked and held, and where static geoms are."""
    physics = sleepy_game.physics(4)
    sleepy_game.play(physics, SEEDS[:4], num_steps=6)
    controls = physics.field("ctrl").clone()
    physics.branch(torch.tensor([0, 1, 0, 1]))
    for step in range(20):
        physics.field("ctrl")[:] = controls[:1] * (-1.0) ** step
        physics.step(15)
        for name in ("qpos", "qvel", "xpos", "geom_xpos"):
            field = physics.field(name)
            assert torch.equal(field[:2], field[2:]), name
    assert not torch.equal(physics.field("qpos")[0], physics.field("qpos")[1])


def test_a_source_of_branches_must_stay_as_it_is(sleepy_game):
    with pytest.raises(ValueError, match="let sources stay"):
        sleepy_game.physics(3).branch(torch.tensor([1, 2, 2]))
