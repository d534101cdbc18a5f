"""What the outputs of a network come to: by a slow oracle, and in the game."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from evo_hns.config import SmallPolicyConfig
from evo_hns.policies.actions import movement_bin
from evo_hns.policies.actuators import PLAIN, Actuators, actuate
from evo_hns.policies.agent_state import lay_out
from evo_hns.policies.features import BOX, FOOD, HIDDEN, MATE, OPPONENT, RAMP, Features

FRAMES = {"opponent": (OPPONENT,), "box": (BOX,), "ramp": (RAMP,), "nearest": (OPPONENT, BOX, RAMP)}


def layout_of(actuators):
    latched = {"grab": actuators.grab_latch > 0, "lock": actuators.lock_latch > 0}
    return lay_out(2, 0, redraw=False, hold=actuators.hold > 1, **latched)


def random_features(seed, num_worlds=12, num_agents=2, num_entities=5):
    rng, shape = np.random.default_rng(seed), (num_worlds, num_agents)
    types = rng.choice([HIDDEN, HIDDEN, OPPONENT, MATE, BOX, RAMP, FOOD], (*shape, num_entities)).astype(np.int8)
    angle, rz = rng.uniform(-4, 4, types.shape), rng.uniform(-4, 4, shape)
    entities = np.stack([np.cos(angle), np.sin(angle), rng.uniform(0.1, 1, types.shape)], -1).astype(np.float32)
    entities[types == HIDDEN] = np.nan
    heading = np.stack([np.sin(rz), np.cos(rz)], -1)
    present = rng.random(shape) < 0.8
    types[~present] = HIDDEN
    return Features(present, np.zeros((*shape, 0), np.float32), entities, types, heading)


class PlainAgent:
    """One agent, step by step in Python."""

    def __init__(self, config):
        self.config, self.step, self.on = config, 0, {"grab": False, "lock": False}

    def switched(self, name, output, margin):
        if output > margin:
            self.on[name] = True
        elif output < -margin or margin == 0:
            self.on[name] = False
        return self.on[name]

    def ahead(self, sin, cos, entities, types):
        """Unit vector to which forward leads."""
        if self.config.frame == "world":
            return 1.0, 0.0
        wanted = FRAMES.get(self.config.frame, ())
        seen = [row for row, kind in zip(entities, types, strict=True) if kind in wanted]
        if not seen:
            return sin, -cos
        forward, left, _ = (float(x) for x in max(seen, key=lambda row: row[2]))
        return forward * sin + left * cos, left * sin - forward * cos

    def act(self, outputs, heading, entities, types):
        if self.step % self.config.hold == 0:
            self.decision = [float(x) for x in outputs]
        self.step += 1
        forward, left, turn, grab, lock = self.decision
        grabs = self.switched("grab", grab, self.config.grab_latch)
        locks = self.switched("lock", lock, self.config.lock_latch)
        x, y = self.ahead(*heading, entities, types)
        force = forward * x - left * y, forward * y + left * x
        turn *= self.config.grabbing_turn if grabs else 1
        return [*(movement_bin(part) for part in (*force, turn)), grabs, locks]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"grab_latch": 0.4},
        {"lock_latch": 0.7},
        {"grab_latch": 0.2, "lock_latch": 0.5, "grabbing_turn": 0.3, "hold": 3},
        {"grabbing_turn": 0.0},
        {"hold": 2, "frame": "box"},
        *({"frame": frame} for frame in ("world", *FRAMES)),
    ],
)
def test_actions_are_those_of_a_slow_oracle(options):
    config = SmallPolicyConfig(**options)
    actuators = Actuators.of(config)
    layout, rng = layout_of(actuators), np.random.default_rng(1)
    state = np.zeros((12, 2, layout.width), np.float32)
    state[..., :2] = 0.5  # memory of the network
    agents = {place: PlainAgent(config) for place in np.ndindex(12, 2)}
    there, near_a_border, counted = random_features(0).present, 0, 0
    for step in range(8):
        features = random_features(step)
        features.present[...], features.entity_types[~there] = there, HIDDEN
        outputs = np.where(there[..., None], rng.uniform(-1, 1, (12, 2, 5)), 0).astype(np.float32)
        action = actuate(actuators, layout, outputs, features, state)
        found = torch.cat([action.movement, action.pull[..., None], action.glueall[..., None]], -1).numpy()
        for place, agent in agents.items():
            if not there[place]:
                assert found[place].tolist() == [5, 5, 5, 0, 0]
                continue
            told = (features.heading[place], features.entity_features[place], features.entity_types[place])
            expected = np.array(agent.act(outputs[place], *told))
            assert np.abs(found[place] - expected)[:3].max() <= 1
            assert found[place][3:].tolist() == expected[3:].tolist()
            near_a_border, counted = near_a_border + (found[place] != expected).any(), counted + 1
    assert near_a_border < 0.02 * counted  # a bin's border may lie between two roundings
    assert (state[..., :2] == 0.5).all()
    assert not state[~there][:, 2:].any()


def plain(outputs, rz):
    features = random_features(0, 1, outputs.shape[1])
    features.heading[...] = math.sin(rz), math.cos(rz)
    return actuate(PLAIN, layout_of(PLAIN), outputs, features, np.zeros((1, outputs.shape[1], 2), np.float32))


@pytest.mark.parametrize(
    ("rz", "forward", "left"),
    [
        (0.0, (5, 0), (10, 5)),
        (math.pi / 2, (10, 5), (5, 10)),
        (math.pi, (5, 10), (0, 5)),
        (-math.pi / 2, (0, 5), (5, 0)),
    ],
)
def test_forward_is_where_the_front_points_and_left_is_left_of_it(rz, forward, left):
    movement = plain(np.array([[[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]]], np.float32), rz).movement[0]
    assert tuple(movement[0, :2].tolist()) == forward
    assert tuple(movement[1, :2].tolist()) == left


def test_turn_grab_and_lock_are_taken_as_they_are():
    action = plain(np.array([[[0, 0, -1, 0.1, -0.1], [0, 0, 0.4, 0, 0]]], np.float32), 0.0)
    assert action.movement[0, :, 2].tolist() == [0, 7]
    assert action.pull.tolist() == [[True, False]]
    assert action.glueall.tolist() == [[False, False]]
