"""What the game does to the physics between steps: walls of a new episode, locks, and grips.

Each of these can fail silently: rays may see a wall that bodies walk through, a lock may not hold,
and a sleeping box may not notice that it was locked, released or grabbed.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.physics import CpuPhysics

AGENT, BOX = 0, 0
RADIUS = 0.15
GIVE = 0.02  # metres that a hard push may press into a wall, or a locked box away


class Field:
    """World 1 of 3: an agent at (2, 3), whatever the test adds, and everything else far away."""

    def __init__(self, game) -> None:
        self.scene = game.scene
        self.physics: CpuPhysics = game.physics(3)

    def start(self, *, wall=None, box=None) -> None:
        """A new episode; `wall` is (x, half thickness), `box` an x; both at y = 3."""
        scene, physics = self.scene, self.physics
        geom = scene.wall_geom[5]
        size = np.array([0.1, 0.1, 0.1]) if wall is None else np.array([wall[1], 1.0, 0.25])
        centre = [3.0, 3.0, -100.0] if wall is None else [wall[0], 3.0, 0.25]
        physics.model_field("geom_pos")[1, geom] = torch.tensor(centre, dtype=torch.float64)
        physics.model_field("geom_size")[1, geom] = torch.as_tensor(size)
        physics.model_field("geom_rbound")[1, geom] = float(np.sqrt((size**2).sum()))
        physics.model_field("geom_aabb")[1, geom].view(-1)[3:] = torch.as_tensor(size)
        for name in ("jnt_range", "eq_data"):
            physics.model_field(name)[:] = torch.as_tensor(getattr(scene.model, name))
        physics.reset()
        qpos = physics.field("qpos")
        for k, joints in enumerate([*scene.agent_qpos, *scene.object_qpos]):
            qpos[:, joints[1]] = 20.0 + 3.0 * k
        self._put(scene.agent_qpos[AGENT], 2.0 - RADIUS, 3.0 - RADIUS)
        if box is not None:
            self._put(scene.object_qpos[BOX], box - 0.25, 3.0 - 0.25)
        physics.forward()

    def _put(self, joints: np.ndarray, x: float, y: float) -> None:
        self.physics.field("qpos")[1, joints[0]] = x
        self.physics.field("qpos")[1, joints[1]] = y

    def push(self, control: float, num_steps: int = 25) -> None:
        """Let the agent push along x; nothing may fail."""
        self.physics.field("ctrl")[1, 3 * AGENT] = control
        for _ in range(num_steps):
            assert not self.physics.step(15).any()
        self.physics.field("ctrl")[1] = 0.0

    def agent_x(self) -> float:
        return float(self.physics.field("xpos")[1, self.scene.agent_body[AGENT], 0])

    def box_x(self) -> float:
        return float(self.physics.field("xpos")[1, self.scene.object_body[BOX], 0])

    def box_sleeps(self) -> bool:
        return bool(self.physics.field("body_awake")[1, self.scene.object_body[BOX]] == 0)

    def lock(self) -> None:
        joints = self.scene.object_qpos[BOX]
        here = self.physics.field("qpos")[1, joints]
        self.physics.model_field("jnt_range")[1, joints] = torch.stack([here, here], 1)

    def unlock(self) -> None:
        joints = self.scene.object_qpos[BOX]
        self.physics.model_field("jnt_range")[1, joints] = torch.as_tensor(self.scene.model.jnt_range[joints])

    def grab(self) -> None:
        scene, physics = self.scene, self.physics
        agent, box = (physics.field("xpos")[1, body[0]] for body in (scene.agent_body, scene.object_body))
        weld = int(scene.weld[AGENT, BOX])
        pose = torch.cat([box - agent, torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)])
        physics.model_field("eq_data")[1, weld, 3:10] = pose  # neither has turned
        physics.field("eq_active")[1, weld] = 1.0


@pytest.fixture
def field(game) -> Field:
    return Field(game)


def test_an_agent_is_stopped_where_rays_see_the_wall_of_each_new_episode(field: Field):
    body = torch.tensor([field.scene.agent_body[AGENT]], dtype=torch.int64)
    for x, half in [(3.0, 0.05), (4.5, 0.05), (4.5, 1.0), (3.2, 0.1)]:
        field.start(wall=(x, half))
        face = x - half
        eye = field.physics.field("geom_xpos")[:, field.scene.agent_geom[AGENT]][:, None]
        ahead = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64).expand(3, 1, 3)
        distance, geom = field.physics.cast_rays(eye, ahead, exclude_body=body)
        assert float(distance[1, 0]) == pytest.approx(face - 2.0, abs=1e-12)
        assert int(geom[1, 0]) == field.scene.wall_geom[5]
        field.push(0.9)
        assert field.agent_x() == pytest.approx(face - RADIUS, abs=GIVE)


def test_an_agent_walks_where_the_wall_of_the_last_episode_was(field: Field):
    field.start(wall=(3.0, 0.05))
    field.push(0.9)
    field.start()
    field.push(0.9)
    assert field.agent_x() > 6.0


def test_a_box_is_stopped_by_the_wall_of_a_later_episode(field: Field):
    field.start(wall=(5.0, 0.05), box=2.5)
    field.push(0.9)
    field.start(wall=(3.6, 0.05), box=2.5)
    field.push(0.9)
    assert field.box_x() == pytest.approx(3.55 - 0.25, abs=GIVE)


@pytest.mark.parametrize("num_steps_before", [0, 20], ids=["moving", "at-rest"])
def test_a_locked_box_stays_when_pushed_and_a_released_one_moves(field: Field, num_steps_before: int):
    field.start(box=2.45)
    field.push(0.0, num_steps_before)
    before = field.box_x()
    field.lock()
    field.push(0.9)
    assert field.box_x() == pytest.approx(before, abs=GIVE)
    field.unlock()
    field.push(0.9)
    assert field.box_x() > before + 1.0


def test_a_box_at_rest_sleeps_and_is_still_held_by_a_lock_or_freed_from_it(sleepy_game):
    field = Field(sleepy_game)
    field.start(box=2.8)
    field.push(0.0, 20)
    assert field.box_sleeps()
    field.lock()
    field.push(0.9)
    assert field.box_x() == pytest.approx(2.8, abs=GIVE)
    field.push(-0.9, 3)
    field.push(0.0, 40)
    assert field.box_sleeps()
    field.unlock()
    field.push(0.9)
    assert field.box_x() > 3.8


def test_a_grabbed_box_follows_even_if_it_slept(field: Field):
    field.start(box=2.45)
    field.push(0.0, 20)
    gap = field.box_x() - field.agent_x()
    field.grab()
    field.push(-0.9, 10)
    assert field.agent_x() < 1.0
    assert field.box_x() - field.agent_x() == pytest.approx(gap, abs=0.05)
    field.physics.field("eq_active")[:] = 0.0
    field.push(-0.9, 10)
    assert field.box_x() - field.agent_x() > gap + 0.5


def test_a_grip_and_a_lock_end_with_the_episode(field: Field):
    field.start(box=2.45)
    field.grab()
    field.lock()
    field.push(-0.9, 5)
    field.start(box=2.45)
    field.push(-0.9, 10)
    assert field.box_x() == pytest.approx(2.45, abs=1e-3)
    field.start(box=2.45)
    field.push(0.9, 10)
    assert field.box_x() > 3.0
