"""The yardsticks of the quadrant game find their ways, handle objects as they should, and show their stages."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from evo_hns.config import PhysicsConfig, RulesConfig, WorldConfig
from evo_hns.envs.game import Game
from evo_hns.evaluation.session import build_session, play
from evo_hns.experiment import load_experiment
from evo_hns.physics.cpu import CpuPhysics
from evo_hns.policies.roster import scripted_roster
from evo_hns.policies.scripted.field import in_room
from evo_hns.policies.scripted.yardsticks.builder import door_state, shuts
from evo_hns.policies.scripted.yardsticks.carrying import carry, gap_to, grip_point
from evo_hns.policies.scripted.yardsticks.floor_plan import (
    NUM_CELLS,
    block,
    block_walls,
    cell_at,
    next_point,
    shortest_paths,
)
from evo_hns.policies.scripted.yardsticks.reactive_builder import _find_door, _look_for_gaps
from evo_hns.policies.scripted.yardsticks.state_reader import HALF_X, HALF_Y, LOCKED, OBJECT_SIZE, TURN, X, Y
from evo_hns.spec import Side
from evo_hns.worlds.scene import build_scene

WORLDS = 24
SEEDS = np.arange(WORLDS) + 1000
ONE_DOOR = np.array([[3.1, 1.5, 1.0], [0.0, 0.0, 0.0]])


@pytest.fixture(scope="module")
def game():
    world = WorldConfig(num_hiders=1, num_seekers=1)
    scene = build_scene(world, PhysicsConfig(timestep=0.01))
    return Game(scene, CpuPhysics(scene.model, WORLDS, num_threads=1), world, RulesConfig(), num_substeps=8)


def meet(game, hider, seeker, seeds=SEEDS):
    rows = torch.zeros(len(seeds), dtype=torch.int64)
    names = dict(zip(Side, (hider, seeker), strict=True))
    teams = {side: scripted_roster(name).bind(game.observation_spec, side, rows) for side, name in names.items()}
    return play(game, teams, seeds, keep=("trajectory",))


def thing(x, y, turn=0.0, *, locked=False):
    row = np.zeros(OBJECT_SIZE)
    row[X], row[Y], row[TURN], row[HALF_X], row[HALF_Y], row[LOCKED], row[-1] = x, y, turn, 0.25, 0.25, locked, 1
    return row


def floor(*things):
    blocked = np.empty(NUM_CELLS, np.bool_)
    block_walls(blocked, ONE_DOOR)
    for each in things:
        block(blocked, each[X], each[Y], each[HALF_X], each[HALF_Y], each[TURN])
    return blocked


def test_the_way_into_the_room_leads_through_its_door_and_is_as_long_as_that():
    blocked, lengths = floor(), np.empty(NUM_CELLS)
    shortest_paths(blocked, 4.5, 5.0, lengths)
    around_the_corner = math.dist((4.5, 5.0), (2.9, 3.3)) + math.dist((2.9, 3.3), (3.1, 1.65))
    assert lengths[cell_at(3.1, 1.65)] == pytest.approx(around_the_corner, rel=0.12)
    assert np.isfinite(lengths[cell_at(4.5, 1.5)])
    x, y = next_point(blocked, lengths, 4.5, 5.0, 4.5, 1.5)
    assert not in_room(x, y)
    assert math.dist((x, y), (3.0, 3.2)) < 0.6  # the corner of the room


def test_no_way_leads_past_a_box_in_the_only_door():
    lengths = np.empty(NUM_CELLS)
    shortest_paths(floor(thing(3.15, 1.45)), 4.5, 5.0, lengths)
    assert lengths[cell_at(4.5, 1.5)] == np.inf


@pytest.mark.parametrize(
    ("x", "y", "turn", "shut"),
    [
        (3.1, 1.5, 0.0, True),
        (3.3, 1.6, 0.0, True),
        (3.1, 1.72, 0.0, False),
        (3.1, 1.72, 0.785, True),
        (3.6, 1.5, 0.0, False),
    ],
)
def test_a_box_shuts_a_door_where_nobody_gets_past_it(x, y, turn, shut):
    box = thing(x, y, turn)
    assert shuts(box, ONE_DOOR[0]) == shut
    assert door_state(ONE_DOOR[0], box[None]) == int(shut)
    assert door_state(ONE_DOOR[0], thing(x, y, turn, locked=True)[None]) == 2 * shut


def test_a_grip_point_is_an_agents_radius_off_the_face_and_a_held_box_is_moved_by_moving_the_agent():
    box = thing(4.0, 2.0, 0.5)
    assert gap_to(box, *grip_point(box, 2)) == pytest.approx(0.17)
    me = np.zeros(10)
    me[:2] = 4.42 - 0.15, 2.0 - 0.15
    fx, fy, torque = carry(me, box, 3.5, 2.0, 1.0, 0.0)
    assert (fx, abs(fy) < 1e-9, abs(torque) < 1e-9) == (-1.0, True, True)
    fx, fy, torque = carry(me, box, 4.0, 2.0, 0.0, 1.0)  # to swing around the box to its upper side
    assert fx < 0 < fy
    assert torque > 0


def test_a_door_is_found_from_rays_that_go_on_behind_the_wall():
    x, y = 1.8, 1.6
    lidar = np.full(30, 6.0)
    for k in range(30):
        ux, uy = math.cos(2 * math.pi * k / 30), math.sin(2 * math.pi * k / 30)
        reach = (3.05 - x) / ux if ux > 0.2 else 6.0
        if abs(y + reach * uy - 1.5) > 0.35:
            lidar[k] = min(reach, 6.0)
    evidence, doors = np.zeros((2, 30)), np.zeros((2, 3))
    _look_for_gaps(x, y, lidar, evidence)
    _find_door(evidence[0], 0, doors[0])
    _find_door(evidence[1], 1, doors[1])
    assert doors[0] == pytest.approx([3.1, 1.5, 1.0], abs=0.15)
    assert doors[1, 2] == 0


def test_yardsticks_decide_every_match_by_itself(game):
    both = meet(game, "builder", "climber", np.array([1000, 1001, 1002]))
    alone = meet(game, "builder", "climber", np.array([1002]))
    assert torch.equal(both.returns[2:], alone.returns)
    assert np.array_equal(both.trajectory.qpos[2:], alone.trajectory.qpos)


def test_the_placer_builds_on_the_sites_of_a_blueprint() -> None:
    config = load_experiment("blueprint", [])
    game = build_session(config, 12).game
    rows = torch.zeros(12, dtype=torch.int64)
    outcomes = {}
    for name in ("still", "placer"):
        teams = {
            Side.HIDERS: scripted_roster(name).bind(game.observation_spec, Side.HIDERS, rows),
            Side.SEEKERS: scripted_roster("still").bind(game.observation_spec, Side.SEEKERS, rows),
        }
        outcomes[name] = play(game, teams, np.arange(12) + 1000)
    placed, still = outcomes["placer"], outcomes["still"]
    assert placed.metrics["completed"].mean() > 0.25  # 53 ± 6 % of 256 worlds
    assert still.metrics["sites_built"].sum() == 0
    assert ((placed.returns - still.returns)[:, 0] > 0).all()
