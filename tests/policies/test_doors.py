"""Doors that an agent remembers are doors, and each ray that it used agrees with where it puts them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from evo_hns.config import PhysicsConfig, RulesConfig, WorldConfig
from evo_hns.envs.game import Game
from evo_hns.evaluation.session import both_teams
from evo_hns.physics.cpu import CpuPhysics
from evo_hns.policies.doors import (
    NUM_DOOR,
    NUM_PLACE,
    NUM_PLACES,
    NUM_WALL,
    NUM_WALLS,
    describe_doors,
    place_of,
    remember_doors,
)
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Side
from evo_hns.worlds.scene import build_scene

WORLDS, STEPS = 40, 17
EVIDENCE, AXIS, LINE, LOW, HIGH, FROM, TO, OPEN = range(NUM_PLACE)
ANGLES = 2 * math.pi * np.arange(30) / 30
RAYS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)


class Mind:
    """What one agent remembers."""

    def __init__(self):
        self.walls = np.zeros((2, NUM_WALLS, NUM_WALL), np.float32)
        self.places = np.zeros((NUM_PLACES, NUM_PLACE), np.float32)

    def look(self, x, y, lidar, z=0.0):
        remember_doors(x, y, z, lidar, RAYS, np.empty((2, 30)), self.walls, self.places)
        return self

    @property
    def doors(self):
        return [place for place in self.places if place[EVIDENCE] > 0]

    def tell(self, x, y, rz, count=1):
        columns = np.empty(count * NUM_DOOR, np.float32)
        describe_doors(x, y, math.sin(rz), math.cos(rz), self.places, np.empty(NUM_PLACES), columns)
        return columns.reshape(count, NUM_DOOR)


def segments(door, box=None):
    """Faces of the room's walls with a door at (3.1, door), of the field's, and of a box with edges along the axes."""
    lines = [(0, at, 0.0, 6.0) for at in (0.15, 5.85)] + [(1, at, 0.0, 6.0) for at in (0.15, 5.85)]
    for face in (3.05, 3.15):
        lines += [(0, face, 0.15, door - 0.35), (0, face, door + 0.35, 3.05), (1, face, 3.15, 5.85)]
    lines += [(1, edge, 3.05, 3.15) for edge in (door - 0.35, door + 0.35)]
    if box:
        x, y = box
        lines += [(0, x + side, y - 0.25, y + 0.25) for side in (-0.25, 0.25)]
        lines += [(1, y + side, x - 0.25, x + 0.25) for side in (-0.25, 0.25)]
    return lines


def cast(x, y, lines):
    """Lidar among faces across an axis: distances to the first that is met."""
    ranges = np.full(30, 6.0)
    for axis, at, low, high in lines:
        for k, way in enumerate(RAYS):
            if abs(way[axis]) > 1e-9:
                reach = (at - (x, y)[axis]) / way[axis]
                place = (y, x)[axis] + reach * way[1 - axis]
                if reach > 0 and low <= place <= high:
                    ranges[k] = min(ranges[k], reach)
    return ranges


@pytest.fixture(scope="module")
def looks():
    """Of a hider that moves at random in the room: `(T, W, 10)` itself, `(T, W, 30)` lidar; `(W, 2, 3)` doors."""
    world = WorldConfig(num_hiders=1, num_seekers=1, hider_placement="quadrant")
    scene = build_scene(world, PhysicsConfig(timestep=0.015))
    game = Game(scene, CpuPhysics(scene.model, WORLDS, num_threads=1), world, RulesConfig(), num_substeps=5)
    rows, names = torch.zeros(WORLDS, dtype=torch.int64), dict(zip(Side, ("random", "still"), strict=True))
    teams = {side: scripted_roster(name).bind(game.observation_spec, side, rows) for side, name in names.items()}
    seeds = np.arange(WORLDS) + 500
    decide, observation, seen = both_teams(game, teams, seeds), game.reset(seeds), []
    for _ in range(STEPS):
        seen.append((observation.observation_self[:, 0].numpy().copy(), observation.lidar[:, 0, :, 0].numpy().copy()))
        observation = game.step(decide(observation)).observation
    me, lidar = (np.stack(values) for values in zip(*seen, strict=True))
    return me, lidar, observation.door_obs.numpy().copy()


@pytest.fixture(scope="module")
def minds(looks):
    me, lidar, _ = looks
    minds = [Mind() for _ in range(WORLDS)]
    for t, w in np.ndindex(STEPS, WORLDS):
        minds[w].look(me[t, w, 0] + 0.15, me[t, w, 1] + 0.15, lidar[t, w], me[t, w, 2])
    return minds


def gap(place, doors):
    """Metres from a remembered door to the nearest true one."""
    return min(math.dist(place_of(place), door[:2]) for door in doors if door[2] > 0)


def test_doors_of_real_worlds_are_remembered_after_some_steps_in_the_room(looks, minds):
    doors = looks[2]
    gaps = [gap(place, doors[w]) for w, mind in enumerate(minds) for place in mind.doors]
    found = [any(gap(place, doors[w]) < 0.3 for place in mind.doors) for w, mind in enumerate(minds)]
    assert np.mean(found) > 0.9
    assert np.mean(np.array(gaps) < 0.3) > 0.9
    assert np.median(gaps) < 0.05


def where_all_rays_leave_it(axis, line, middle, me, lidar):
    """The interval along a wall in which the middle of its door can be after all looks, and rays that say so."""
    low, high, count = middle - 1, middle + 1, 0
    for own, ranges in zip(me, lidar, strict=True):
        here = own[:2] + 0.15
        away, ends = line - here[axis], here + ranges[:, None] * RAYS
        for end, way in zip(ends, RAYS, strict=True):
            if abs(abs(end[axis] - line) - 0.05) < 1e-5:  # on a face of the wall
                low, high = (max(low, end[1 - axis] + 0.35), high) if end[1 - axis] < middle else (
                    low, min(high, end[1 - axis] - 0.35))  # fmt: skip
                count += 1
            elif way[axis] * away > 0.2 * abs(away) and (end[axis] - line) * away > 0.2 * abs(away):
                for face in (away - 0.05, away + 0.05):
                    crossing = here[1 - axis] + face / way[axis] * way[1 - axis]
                    if abs(crossing - middle) < 0.36:
                        low, high, count = max(low, crossing - 0.35), min(high, crossing + 0.35), count + 1
    return low, high, count


def test_a_door_is_remembered_where_an_oracle_puts_it_from_all_rays_of_a_real_world(looks, minds):
    me, lidar, doors = looks
    checked = narrow = 0
    for w, mind in enumerate(minds):
        for place in (place for place in mind.doors if gap(place, doors[w]) < 0.3):
            axis, line = int(place[AXIS]), float(place[LINE])
            middle = next(door[1 - axis] for door in doors[w] if abs(door[axis] - line) < 0.01 and door[2] > 0)
            low, high, count = where_all_rays_leave_it(axis, line, middle, me[:, w], lidar[:, w])
            assert low - 0.01 < middle < high + 0.01
            assert place[LOW] < low + 0.01
            assert high - 0.01 < place[HIGH]
            checked, narrow = checked + 1, narrow + (place[HIGH] - place[LOW] < 0.3)
            assert count > 5
    assert checked > 30
    assert narrow > 0.5 * checked


@pytest.mark.parametrize(("x", "y"), [(4.4, 1.6), (4.0, 1.0), (2.0, 1.4)])
def test_a_door_is_known_from_one_look_and_better_from_some(x, y):
    mind = Mind().look(x, y, cast(x, y, segments(1.5)))
    (place,) = mind.doors
    assert place_of(place) == pytest.approx((3.1, 1.5), abs=0.3)
    wide = place[HIGH] - place[LOW]
    for step in np.linspace(-0.5, 0.5, 8):
        mind.look(x + 0.3 * step, y + step, cast(x + 0.3 * step, y + step, segments(1.5)))
    (place,) = mind.doors
    assert place_of(place) == pytest.approx((3.1, 1.5), abs=0.06)
    assert place[HIGH] - place[LOW] < max(wide, 0.1)


def test_there_is_no_door_at_the_end_of_a_wall_nor_beside_a_box():
    mind = Mind()
    for x, y in ((1.5, 4.5), (2.5, 5.2), (1.0, 5.0), (2.0, 4.0), (4.5, 4.8), (1.0, 3.6)):
        mind.look(x, y, cast(x, y, segments(-9.0, box=(1.2, 5.5))))
    assert not mind.doors


def test_a_box_in_the_door_shuts_it_and_it_stays_remembered():
    mind = Mind()
    for x, y in ((4.4, 1.6), (4.2, 1.3), (4.0, 1.5)):
        mind.look(x, y, cast(x, y, segments(1.5)))
    assert mind.doors[0][OPEN] == 1
    for x, y in ((4.4, 1.6), (4.2, 1.3), (4.0, 1.5)):
        mind.look(x, y, cast(x, y, segments(1.5, box=(3.1, 1.5))))
    (place,) = mind.doors
    assert place_of(place) == pytest.approx((3.1, 1.5), abs=0.2)
    assert place[OPEN] == 0


def test_a_door_with_wall_inside_is_forgotten():
    mind = Mind().look(4.4, 1.6, cast(4.4, 1.6, segments(1.5)))
    assert mind.doors
    for x, y in ((4.4, 1.6), (4.2, 1.4)):
        mind.look(x, y, cast(x, y, segments(2.4)))
    assert all(place_of(place)[1] > 2.0 for place in mind.doors)


def test_from_above_the_walls_nothing_is_learnt():
    assert not Mind().look(4.4, 1.6, cast(4.4, 1.6, segments(1.5)), z=0.5).walls.any()


def test_who_turns_on_the_spot_knows_the_same_place():
    x, y = 4.4, 1.6
    mind = Mind()
    for rz in np.linspace(0, 2 * math.pi, 12):
        mind.look(x, y, cast(x, y, segments(1.5)))
        forward, left, closeness, _, confidence = mind.tell(x, y, rz)[0]
        distance, s, c = 1 / closeness - 1, math.sin(rz), math.cos(rz)
        told = x + (forward * s + left * c) * distance, y + (left * s - forward * c) * distance
        assert told == pytest.approx(place_of(mind.doors[0]), abs=1e-5)
        assert told == pytest.approx((3.1, 1.5), abs=0.3)
        assert 0 < confidence < 1


def test_the_nearer_of_two_certain_doors_is_told_first_and_none_is_zeros():
    mind = Mind()
    for k, (line, middle, evidence) in enumerate([(3.1, 0.6, 9), (3.1, 2.4, 9), (1.0, 5.0, 9)]):
        mind.places[k, [EVIDENCE, AXIS, LINE, LOW, HIGH, OPEN]] = evidence, 0, line, middle, middle, 1
    told = mind.tell(3.6, 2.0, 0.0, 4)
    distances = [math.dist((3.6, 2.0), place) for place in ((3.1, 2.4), (3.1, 0.6), (1.0, 5.0))]
    assert told[:3, 2] == pytest.approx([1 / (1 + d) for d in distances])
    assert (told[:3, 3] == 1).all()
    assert not told[3].any()
