"""Scripted players do what they are called after."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from evo_hns.policies import SCRIPTED
from evo_hns.policies.scripted.field import in_room, in_sight, way_length, waypoint
from evo_hns.policies.scripted.motion import around, force_towards, turn_towards
from evo_hns.spec import Side

VERTICAL_DOOR = np.array([[3.1, 1.5, 1.0], [0.0, 0.0, 0.0]])
BOTH_DOORS = np.array([[3.1, 1.5, 1.0], [4.5, 3.1, 1.0]])
NOTHING = torch.zeros(1, 1, 0)


def scene(random_observation, spec, hider, seeker, *, rz=0.0, clock=1.0, sees=True):
    """One hider and one seeker at rest in an open field with one door."""
    view = random_observation(spec, 1)
    me = torch.zeros(1, 2, 10, dtype=torch.float64)
    me[0, :, :2] = torch.tensor([hider, seeker], dtype=torch.float64) - 0.15
    me[..., 3], me[0, 0, 8], me[..., 9] = rz, 1.0, clock
    return replace(
        view,
        observation_self=me,
        agent_qpos_qvel=me.flip(1)[:, :, None],
        mask_aa_obs=torch.full((1, 2, 1), sees),
        lidar=torch.full((1, 2, 30, 1), 6.0, dtype=torch.float64),
        door_obs=torch.from_numpy(VERTICAL_DOOR)[None],
    )


def decide(name, spec, side, *views):
    """The action of the last of some steps."""
    team = SCRIPTED[name](spec).bind(NOTHING, 1)
    state = team.initial_state(torch.zeros(1, dtype=torch.int64))
    for view in views:
        action, state = team.act(view.of(spec.team(side)), state)
    return action


def test_the_chaser_runs_at_whom_it_sees_and_turns_to_face_it(make_spec, random_observation):
    spec = make_spec(1, 1)
    view = scene(random_observation, spec, hider=(2.5, 5.0), seeker=(1.0, 5.0), rz=0.0)
    x, y, turn = decide("chaser", spec, Side.SEEKERS, view).movement[0, 0].tolist()
    assert (x, y, turn) == (10, 5, 10)  # +x, anticlockwise from -y


def test_the_chaser_goes_where_it_last_saw_somebody(make_spec, random_observation):
    spec = make_spec(1, 1)
    seen = scene(random_observation, spec, hider=(1.0, 5.5), seeker=(1.0, 3.0))
    gone = scene(random_observation, spec, hider=(1.0, 5.5), seeker=(1.0, 3.0), sees=False)
    x, y, turn = decide("chaser", spec, Side.SEEKERS, seen, gone).movement[0, 0].tolist()
    assert (x, y) == (5, 10)
    assert turn == 10  # it looks around on the way


def test_the_chaser_makes_no_plans_while_it_is_frozen(make_spec, random_observation):
    spec = make_spec(1, 1)
    view = scene(random_observation, spec, hider=(5.0, 1.0), seeker=(1.0, 3.0), clock=0.5, sees=False)
    assert decide("chaser", spec, Side.SEEKERS, view).movement.unique().tolist() == [5]


def test_the_chaser_heads_for_the_door_when_it_has_seen_all_outside(make_spec, random_observation):
    spec = make_spec(1, 1)
    team = SCRIPTED["chaser"](spec).bind(NOTHING, 1)
    state = team.initial_state(torch.zeros(1, dtype=torch.int64))
    for clock, rz in ((0.0, 0.0), (0.5, 1.6), (0.6, 3.2), (0.7, 4.8), (1.0, 0.0)):
        view = scene(random_observation, spec, (5.0, 1.0), (1.5, 1.5), rz=rz, clock=clock, sees=False)
        view.lidar[:, :, [26, 27, 28, 29, 0, 1, 2, 3, 4]] = 1.0  # the room is behind its wall
        action, state = team.act(view.of(spec.team(Side.SEEKERS)), state)
    assert action.movement[0, 0, 0] == 10


def test_the_fugitive_runs_out_of_sight_of_the_seeker_it_sees(make_spec, random_observation):
    spec = make_spec(1, 1)
    view = scene(random_observation, spec, hider=(3.8, 1.5), seeker=(2.0, 1.5))
    x, _, _ = decide("fugitive", spec, Side.HIDERS, view).movement[0, 0].tolist()
    assert x >= 5  # not towards the seeker in the door
    for corner in ((3.5, 0.5), (3.5, 2.7)):
        assert not in_sight(2.0, 1.5, *corner, VERTICAL_DOOR)


def test_the_fugitive_goes_into_the_room_while_nobody_is_about(make_spec, random_observation):
    spec = make_spec(1, 1)
    view = scene(random_observation, spec, hider=(1.0, 1.5), seeker=(1.0, 5.5), clock=0.1, sees=False)
    assert decide("fugitive", spec, Side.HIDERS, view).movement[0, 0, 0] == 10


def test_the_fugitive_keeps_still_where_the_door_does_not_show_it(make_spec, random_observation):
    spec = make_spec(1, 1)
    corners = [(3.5, 0.5), (3.5, 2.7), (5.5, 0.5), (5.5, 2.7)]
    views = [scene(random_observation, spec, corner, (1.0, 5.5), sees=False) for corner in corners]
    forces = [decide("fugitive", spec, Side.HIDERS, view).movement[0, 0, :2].tolist() for view in views]
    assert [corner for corner, force in zip(corners, forces, strict=True) if force == [5, 5]] in (
        [(3.5, 0.5)],
        [(3.5, 2.7)],
    )


def test_the_random_player_keeps_its_action_as_often_as_it_should(make_spec, random_observation):
    spec = make_spec()
    team, view = SCRIPTED["random"](spec).bind(NOTHING, 4), random_observation(spec, 500)
    state = team.initial_state(torch.arange(500))
    steps = []
    for _ in range(20):
        action, state = team.act(view, state)
        steps.append(torch.cat([action.movement, action.pull[..., None], action.glueall[..., None]], -1))
    drawn = torch.stack(steps).double()
    changed = (drawn[1:] != drawn[:-1]).any(-1).double().mean()
    assert abs(changed - 0.35) < 0.01
    assert abs(drawn[..., 3].mean() - 0.5) < 0.02
    assert abs(drawn[..., 4].mean() - 0.4) < 0.02
    counts = torch.bincount(drawn[..., :3].flatten().long(), minlength=11).double()
    assert (counts / counts.sum() - 1 / 11).abs().max() < 0.01


def test_random_players_differ_by_seed_and_by_agent_and_are_the_same_for_the_same_seed(make_spec, random_observation):
    spec = make_spec()
    team, view = SCRIPTED["random"](spec).bind(NOTHING, 4), random_observation(spec, 50)
    seeds = torch.cat([torch.arange(25), torch.arange(25)])
    movement = team.act(view, team.initial_state(seeds))[0].movement
    assert torch.equal(movement[:25], movement[25:])
    assert len(movement[:25].flatten(1).unique(dim=0)) == 25
    assert (movement[:, 0] != movement[:, 1]).any()


def test_the_way_into_the_room_leads_to_a_point_before_the_door_and_then_through_it():
    before = waypoint(1.0, 4.0, 5.0, 1.0, VERTICAL_DOOR)
    assert before == pytest.approx((2.6, 1.5))
    behind = waypoint(*before, 5.0, 1.0, VERTICAL_DOOR)
    assert in_room(*behind)
    assert behind[1] == 1.5
    assert waypoint(*behind, 5.0, 1.0, VERTICAL_DOOR) == (5.0, 1.0)


def test_of_two_doors_the_nearer_way_is_taken():
    assert waypoint(4.5, 5.0, 4.5, 1.0, BOTH_DOORS) == pytest.approx((4.5, 2.5))
    assert waypoint(1.0, 1.5, 4.5, 1.0, BOTH_DOORS)[1] == 1.5


@pytest.mark.parametrize(
    ("start", "goal", "bends"),
    [
        ((1.0, 1.0), (5.0, 4.0), True),
        ((5.0, 4.0), (1.0, 1.0), True),
        ((1.0, 4.0), (5.0, 5.0), False),
        ((2.0, 1.0), (2.0, 5.0), False),
        ((2.0, 5.0), (2.0, 1.0), False),
        ((1.0, 1.0), (2.0, 2.0), False),
    ],
)
def test_the_way_outside_bends_around_the_corner_of_the_room(start, goal, bends):
    assert (waypoint(*start, *goal, BOTH_DOORS) != goal) == bends
    assert (way_length(*start, *goal, BOTH_DOORS) > math.dist(start, goal) + 1e-9) == bends


@pytest.mark.parametrize(
    ("a", "b", "free"),
    [
        ((1.0, 1.5), (5.0, 1.5), True),
        ((1.0, 0.5), (5.0, 0.5), False),
        ((4.5, 5.0), (4.5, 1.0), False),
        ((1.0, 5.0), (5.0, 5.0), True),
        ((1.0, 1.0), (5.0, 5.0), True),
        ((2.0, 1.0), (5.0, 5.0), False),
    ],
)
def test_walls_hide_and_doors_show(a, b, free):
    assert in_sight(*a, *b, VERTICAL_DOOR) == in_sight(*b, *a, VERTICAL_DOOR) == free


def test_a_force_brings_an_agent_to_rest_at_its_goal():
    x = v = 0.0
    for _ in range(40):
        force, _ = force_towards(2.0 - x, 0.0, v, 0.0)
        for _ in range(15):  # the game's own motion: 90 N, damping 10, friction 10, 1 kg
            v += 0.005 * (90 * force - 10 * v - 10 * math.tanh(20 * v))
            x += 0.005 * v
    assert x == pytest.approx(2.0, abs=0.15)
    assert abs(v) < 0.2


@pytest.mark.parametrize("rz", [-20.0, -1.0, 0.0, 3.0, 50.0])
@pytest.mark.parametrize("angle", [-3.0, -0.5, 0.0, 2.0])
def test_turning_ends_at_the_wanted_direction(rz, angle):
    for _ in range(8):
        rz += 0.675 * max(-1.0, min(1.0, turn_towards(rz, math.cos(angle), math.sin(angle))))
    assert math.sin(rz) == pytest.approx(math.cos(angle), abs=1e-9)
    assert -math.cos(rz) == pytest.approx(math.sin(angle), abs=1e-9)


def test_a_way_that_is_free_is_kept_and_a_blocked_one_turned_to_a_free_ray():
    lidar = np.full(30, 3.0)
    assert around(1.0, 0.1, lidar) == pytest.approx((1.0, 0.1))
    lidar[[29, 0, 1]] = 0.2
    dx, dy = around(1.0, 0.1, lidar)
    assert math.hypot(dx, dy) == pytest.approx(math.hypot(1.0, 0.1))
    assert math.atan2(dy, dx) == pytest.approx(3 * 2 * math.pi / 30)
    assert around(1.0, 0.1, np.full(30, 0.1)) == (1.0, 0.1)
