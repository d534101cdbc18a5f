"""What is drawn is where the physics has it, and tells who sees, holds and has locked what."""

from __future__ import annotations

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from evo_hns.config import RunConfig
from evo_hns.evaluation.trajectory import Trajectory
from evo_hns.viewer.overlays import (
    HIDER_RGB,
    SEEKER_RGB,
    Block,
    Cone,
    Line,
    Show,
    add_shapes,
    geoms,
    overlay_shapes,
    snapshot_shapes,
)
from evo_hns.viewer.scenery import shown_model
from evo_hns.viewer.snapshots import Snapshot, snapshot_of

NOTHING = Show(cones=False, sight=False, grips=False, locks=False)
ROWS = (0, 17, 40)


@pytest.mark.parametrize("world", range(3))
def test_a_moment_is_where_the_shown_model_has_everything(
    busy_game: RunConfig, trajectory: Trajectory, world: int
) -> None:
    scene = trajectory.scene
    model = shown_model(busy_game, scene, trajectory.layout, world)
    data = mujoco.MjData(model)
    for row in ROWS:
        data.qpos[:] = trajectory.qpos[world, row]
        mujoco.mj_forward(model, data)
        snapshot = snapshot_of(trajectory, world, row)
        agents, objects = trajectory.layout.agent_mask[world], trajectory.object_mask[world]
        assert np.allclose(snapshot.agents[agents], data.xpos[scene.agent_body][agents], atol=1e-9)
        assert np.allclose(snapshot.objects[objects], data.xpos[scene.object_body][objects], atol=1e-9)
        turned = data.xmat[scene.object_body].reshape(-1, 3, 3)
        assert np.allclose(snapshot.rotations[objects], turned[objects], atol=1e-9)
        boxes = objects[: scene.num_boxes]
        sizes = model.geom_size[scene.object_geom[: scene.num_boxes]]
        assert np.allclose(snapshot.half_sizes[: scene.num_boxes][boxes], sizes[boxes])
    assert np.ptp(trajectory.qpos[world], axis=0).max() > 0.5  # metres: somebody went somewhere


def test_what_is_absent_is_invisible_and_what_is_there_is_not(busy_game: RunConfig, trajectory: Trajectory) -> None:
    layout, scene = trajectory.layout, trajectory.scene
    assert not layout.box_mask.all()
    for world in range(3):
        model = shown_model(busy_game, scene, layout, world)
        present = np.concatenate([layout.box_mask[world], layout.ramp_mask[world]])
        assert np.array_equal(model.geom_rgba[scene.object_geom, 3] > 0, present)
        assert np.array_equal(model.geom_rgba[scene.agent_geom, 3] > 0, layout.agent_mask[world])
        assert np.array_equal(model.geom_rgba[scene.wall_geom, 3] > 0, layout.wall_mask[world])
        assert np.array_equal(model.geom_pos[scene.wall_geom[4:]], layout.wall_pos[world, 4:])
        assert np.array_equal(model.geom_pos[scene.wall_geom[:4], :2], layout.wall_pos[world, :4, :2])
        assert (model.geom_size[scene.wall_geom[:4], 2] < 0.1).all()


def test_everyone_present_has_a_cone_of_135_degrees_where_it_looks(trajectory: Trajectory) -> None:
    for world in range(3):
        snapshot = snapshot_of(trajectory, world, 40)
        cones = snapshot_shapes(snapshot, replace(NOTHING, cones=True))
        assert len(cones) == snapshot.agent_mask.sum()
        for cone, agent in zip(cones, np.flatnonzero(snapshot.agent_mask), strict=True):
            assert isinstance(cone, Cone)
            assert 2 * np.degrees(cone.half_angle) == pytest.approx(135)
            turn = snapshot.turns[agent]  # agents look along their local -y
            assert np.allclose([np.cos(cone.heading), np.sin(cone.heading)], [np.sin(turn), -np.cos(turn)])
            ways = cone.triangles[:, 1:] - cone.apex
            assert np.allclose(np.linalg.norm(ways, axis=-1), cone.radius)


def test_an_arrow_for_each_opponent_that_is_seen_and_none_for_team_mates(trajectory: Trajectory) -> None:
    drawn = 0
    for row in range(41):
        snapshot = snapshot_of(trajectory, 0, row)
        arrows = snapshot_shapes(snapshot, replace(NOTHING, sight=True))
        opponents = np.arange(len(snapshot.agents)) < snapshot.num_hiders
        assert len(arrows) == (snapshot.sees_agents & (opponents[:, None] != opponents)).sum()
        for arrow in arrows:
            assert isinstance(arrow, Line)
            assert arrow.is_arrow
            assert arrow.rgba[:3] in (HIDER_RGB, SEEKER_RGB)
        drawn += len(arrows)
    assert drawn > 0


def test_held_and_locked_objects_are_marked_in_the_colour_of_whose_they_are(trajectory: Trajectory) -> None:
    snapshot = held_and_locked(snapshot_of(trajectory, 0, 0))
    (grip,) = snapshot_shapes(snapshot, replace(NOTHING, grips=True))
    (lock,) = snapshot_shapes(snapshot, replace(NOTHING, locks=True))
    assert isinstance(grip, Line)
    assert np.allclose([grip.start, grip.end], [snapshot.agents[0], snapshot.objects[1]])
    assert grip.rgba[:3] == HIDER_RGB
    assert isinstance(lock, Block)
    assert np.allclose(lock.centre, snapshot.objects[0])
    assert (lock.half_size > snapshot.half_sizes[0]).all()
    assert lock.rgba[:3] == SEEKER_RGB


def held_and_locked(snapshot: Snapshot) -> Snapshot:
    """The first hider holds object 1, and the last seeker has locked object 0."""
    locked, grabbed = np.zeros_like(snapshot.locked), np.zeros_like(snapshot.grabbed)
    locked[0] = grabbed[0, 1] = True
    owner = np.full_like(snapshot.lock_owner, len(snapshot.agents) - 1)
    return replace(snapshot, locked=locked, lock_owner=owner, grabbed=grabbed)


def test_lidar_rays_end_where_the_lidar_says(trajectory: Trajectory) -> None:
    rays = overlay_shapes(trajectory, 1, 12, replace(NOTHING, lidar=True))
    agents = np.flatnonzero(trajectory.layout.agent_mask[1])
    assert len(rays) == 30 * len(agents)
    snapshot = snapshot_of(trajectory, 1, 12)
    readings = trajectory.lidar[1, 12, agents].flatten()
    for ray, agent, reading in zip(rays, np.repeat(agents, 30), readings, strict=True):
        assert isinstance(ray, Line)
        assert np.linalg.norm(ray.end - snapshot.agents[agent]) == pytest.approx(reading)


def test_an_arrow_ends_where_it_points_and_its_head_looks_outwards() -> None:
    for end in ((2.0, 1.0, 0.3), (0.0, 0.0, -1.0)):
        arrow = Line(np.zeros(3), np.array(end), 0.02, (1.0, 0.0, 0.0, 1.0), is_arrow=True)
        assert np.linalg.norm(arrow.neck) + 0.16 == pytest.approx(np.linalg.norm(end))
        assert np.allclose(arrow.head[:, 0], end)
        middle = (arrow.neck + arrow.end) / 2
        for tip, left, right in arrow.head:
            normal = np.cross(left - tip, right - tip)
            assert normal @ ((tip + left + right) / 3 - middle) > 0
    assert len(Line(np.zeros(3), np.ones(3), 0.02, (1.0, 0.0, 0.0, 1.0)).head) == 0


def test_shapes_become_geoms_of_a_scene_up_to_what_fits_in(trajectory: Trajectory) -> None:
    shapes = overlay_shapes(trajectory, 0, 20, Show(objects=True, lidar=True))
    wanted = len(list(geoms(shapes)))
    for room in (wanted + 5, 10):
        scene = mujoco.MjvScene(trajectory.scene.model, maxgeom=room)
        add_shapes(scene, shapes)
        assert scene.ngeom == min(wanted, room)
    cone = next(shape for shape in shapes if isinstance(shape, Cone))
    first = scene.geoms[0]
    assert first.type == mujoco.mjtGeom.mjGEOM_TRIANGLE
    corners = [first.pos, first.pos + first.mat[:, 0], first.pos + first.mat[:, 1]]
    assert np.allclose(corners, cone.triangles[0], atol=1e-6)


def test_bars_reach_from_end_to_end_in_a_scene(trajectory: Trajectory) -> None:
    snapshot = held_and_locked(snapshot_of(trajectory, 0, 20))
    bars = snapshot_shapes(snapshot, replace(NOTHING, sight=True, objects=True, lidar=True, grips=True))
    scene = mujoco.MjvScene(trajectory.scene.model, maxgeom=2000)
    add_shapes(scene, bars)
    capsules = [g for g in scene.geoms[: scene.ngeom] if g.type == mujoco.mjtGeom.mjGEOM_CAPSULE]
    assert len(capsules) == len(bars) > 30
    for bar, capsule in zip(bars, capsules, strict=True):
        assert isinstance(bar, Line)
        reach = capsule.size[2] * capsule.mat[:, 2]  # a capsule: radius, radius, half its length
        assert np.allclose([capsule.pos - reach, capsule.pos + reach], [bar.start, bar.neck], atol=1e-5)
        assert np.allclose(capsule.size[:2], bar.radius)
