"""The players for any walls find their way, remember and hide: in a small field of walls and discs without physics."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from evo_hns.policies import SCRIPTED
from evo_hns.spec import Observation, Side

NOTHING = torch.zeros(1, 1, 0)

SOUTH, NORTH, WEST, EAST = (0, 0, 6, 0.1), (0, 5.9, 6, 6), (0, 0, 0.1, 6), (5.9, 0, 6, 6)
OUTER = [SOUTH, NORTH, WEST, EAST]
MIDDLE = [(2.95, 0, 3.05, 3.65), (2.95, 4.35, 3.05, 6)]  # a wall across the field, with a door at y = 4
NOOK = [(2.95, 0, 3.05, 2.0), (3.05, 1.95, 5.2, 2.05)]  # a room in a corner, open at its far end
RADIUS = 0.15


class Field:
    """One hider and one seeker among walls: rectangles x0, y0, x1, y1."""

    def __init__(self, view: Observation, walls, hider, seeker):
        self._view, self._walls = view, np.array(walls)
        self.place, self.turn = np.array([hider, seeker], float), np.zeros(2)
        self.velocity = np.zeros((2, 2))

    def look(self, clock: float) -> Observation:
        me = np.zeros((1, 2, 10))
        me[0, :, :2], me[0, :, 3], me[0, :, 4:6] = self.place - RADIUS, self.turn, self.velocity
        me[0, 0, 8], me[..., 9] = 1.0, clock
        angles = 2 * math.pi * np.arange(30) / 30
        rays = np.stack([np.cos(angles), np.sin(angles)], -1)
        lidar = np.stack([self._reach(place, rays) for place in self.place])
        sees = np.array([[self.sees(a, 1 - a)] for a in range(2)])
        return replace(
            self._view,
            observation_self=torch.from_numpy(me),
            agent_qpos_qvel=torch.from_numpy(me[:, ::-1, None].copy()),
            mask_aa_obs=torch.from_numpy(sees[None]),
            lidar=torch.from_numpy(lidar[None, ..., None]),
            door_obs=torch.zeros(1, 0, 3, dtype=torch.float64),
        )

    def in_sight(self) -> bool:
        """Whether no wall is between the two."""
        way = self.place[1] - self.place[0]
        length = np.linalg.norm(way)
        return bool(self._reach(self.place[0], way[None] / length)[0] > length)

    def sees(self, a: int, b: int) -> bool:
        way = self.place[b] - self.place[a]
        front = np.array([math.sin(self.turn[a]), -math.cos(self.turn[a])])
        return self.in_sight() and way @ front >= math.cos(3 * math.pi / 8) * np.linalg.norm(way)

    def step(self, movement) -> None:
        """The game's own motion: 90 N, damping 10, 1 kg, friction 10; walls push back."""
        force = (movement - 5.0) / 5.0
        self.turn += 0.675 * force[:, 2]
        for _ in range(15):
            self.velocity += 0.005 * (90 * force[:, :2] - 10 * self.velocity - 10 * np.tanh(20 * self.velocity))
            self.place += 0.005 * self.velocity
            for a in range(2):
                self._push_back(a)

    def _push_back(self, a: int) -> None:
        for wall in self._walls:
            near = np.clip(self.place[a], wall[:2], wall[2:])
            out = self.place[a] - near
            depth = RADIUS - np.linalg.norm(out)
            if 0 < depth < RADIUS:
                out /= np.linalg.norm(out)
                self.place[a] += depth * out
                self.velocity[a] -= min(0.0, self.velocity[a] @ out) * out

    def _reach(self, place, rays):
        """`(L,)` distance to the nearest wall, 6 where there is none."""
        with np.errstate(divide="ignore"):
            near, far = ((self._walls[:, None, k : k + 2] - place) / rays for k in (0, 2))
        first, last = np.minimum(near, far).max(-1), np.maximum(near, far).min(-1)
        return np.where((first <= last) & (first > 0), first, 6.0).min(0)


@pytest.fixture
def field(make_spec, random_observation):
    view = random_observation(make_spec(1, 1, 0, 0), 1)
    return lambda walls, hider, seeker: Field(view, walls, hider, seeker)


@pytest.fixture
def play(make_spec):
    """Play some steps of a field; gives whether each side saw the other, and where they were."""

    def play(field, hider, seeker, steps, prep=0):
        spec = make_spec(1, 1, 0, 0)
        names = dict(zip(Side, (hider, seeker), strict=True))
        teams = {side: SCRIPTED[name](spec).bind(NOTHING, 1) for side, name in names.items()}
        states = {side: teams[side].initial_state(torch.tensor([int(side)])) for side in Side}
        seen, places = [], []
        for t in range(steps):
            view = field.look(min(1.0, t / (prep + 1e-5)))
            movement = np.empty((2, 3))
            for side in Side:
                action, states[side] = teams[side].act(view.of(spec.team(side)), states[side])
                movement[side] = action.movement[0, 0].numpy()
            if t < prep:
                movement[1] = 5
            field.step(movement)
            seen.append(field.sees(1, 0))
            places.append(field.place.copy())
        return np.array(seen), np.array(places)

    return play


def test_the_tracker_finds_its_way_through_a_door(field, play):
    seen, places = play(field(OUTER + MIDDLE, (5.4, 0.6), (0.6, 0.6)), "still", "tracker", 40)
    assert seen[-10:].all()
    assert places[-1, 1, 0] > 3.2


@pytest.mark.parametrize("hider", [(5.4, 5.4), (0.6, 5.4), (3.6, 0.5)])
def test_the_tracker_searches_the_whole_field(field, play, hider):
    seen, _ = play(field(OUTER + NOOK, hider, (0.6, 0.6)), "still", "tracker", 40)
    assert seen[-10:].all()


def test_the_tracker_keeps_whom_it_chases_in_view(field, play):
    seen, _ = play(field(OUTER, (5.0, 5.0), (1.0, 1.0)), "random", "tracker", 60)
    assert seen[10:].mean() > 0.9


def test_the_tracker_goes_where_somebody_was_lost(field, play):
    lost = field(OUTER + MIDDLE, (4.5, 4.0), (1.5, 4.0))
    lost.turn[1] = math.pi / 2  # looks at the door
    tracker, spec_view = SCRIPTED["tracker"], lost.look(1.0)
    team = tracker(None).bind(NOTHING, 1)
    state = team.initial_state(torch.zeros(1, dtype=torch.int64))
    assert spec_view.mask_aa_obs[0, 1, 0]
    _, state = team.act(spec_view.of(slice(1, 2)), state)
    lost.place[0] = 4.5, 0.5
    action, _ = team.act(lost.look(1.0).of(slice(1, 2)), state)
    assert action.movement[0, 0, 0] >= 8  # on through the door


def test_the_tracker_makes_no_plans_while_it_is_frozen(field, play):
    team = SCRIPTED["tracker"](None).bind(NOTHING, 1)
    state = team.initial_state(torch.zeros(1, dtype=torch.int64))
    view = field(OUTER + MIDDLE, (5.0, 1.0), (1.0, 1.0)).look(0.5)
    action, _ = team.act(view.of(slice(1, 2)), state)
    assert action.movement.unique().tolist() == [5]


def test_who_starts_beyond_the_usual_field_explores_it_too(field, play):
    far = [tuple(np.array(wall) * 3 + 12) for wall in OUTER]
    _, places = play(field(far, (20.0, 25.0), (28.0, 14.0)), "evader", "tracker", 40, prep=20)
    assert np.ptp(places, axis=0).max(1).min() > 1


def test_nobody_runs_out_of_an_open_field(field, play):
    _, places = play(field([(2.8, 2.8, 3.2, 3.2)], (1.0, 3.0), (2.0, 3.0)), "evader", "tracker", 80)
    assert np.linalg.norm(places - places[0], axis=-1).max() < 6.0


@pytest.mark.parametrize("start", [(1.5, 4.0), (2.2, 1.0), (4.0, 5.0)])
def test_the_evader_is_out_of_sight_when_the_preparation_is_over(field, play, start):
    walls = field(OUTER + MIDDLE, start, (0.6, 3.8))
    play(walls, "evader", "still", 40, prep=40)
    assert not walls.in_sight()


def test_the_evader_keeps_still_where_it_hides_while_nobody_comes(field, play):
    walls = field(OUTER + NOOK, (1.0, 4.0), (0.6, 5.4))
    _, places = play(walls, "evader", "still", 90, prep=50)
    assert np.ptp(places[-20:, 0], axis=0).max() < 0.3


def test_the_evader_runs_from_a_seeker_that_it_sees(field, play):
    walls = field(OUTER + MIDDLE, (2.0, 4.0), (0.6, 4.0))
    walls.turn[0] = -math.pi / 2  # looks at the seeker
    _, places = play(walls, "evader", "still", 15)
    assert not walls.in_sight()
    assert places[-1, 0, 0] > 3.0  # through the door and to a side of it


def test_the_evader_faces_the_open_side_of_its_corner(field, play):
    walls = field(OUTER, (5.6, 5.6), (0.6, 0.6))
    team = SCRIPTED["evader"](None).bind(NOTHING, 1)
    state = team.initial_state(torch.zeros(1, dtype=torch.int64))
    for _ in range(6):
        walls.place[0] = 5.6, 5.6
        view = replace(walls.look(1.0), mask_aa_obs=torch.zeros(1, 2, 1, dtype=torch.bool))
        action, state = team.act(view.of(slice(0, 1)), state)
        walls.step(np.array([action.movement[0, 0].numpy(), [5, 5, 5]]))
    front = math.sin(walls.turn[0]), -math.cos(walls.turn[0])
    assert front[0] < -0.4
    assert front[1] < -0.4
