"""What the outputs of a network come to: by a slow oracle, and in the game."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from evo_hns.config import PhysicsConfig, RulesConfig, SmallPolicyConfig, WorldConfig
from evo_hns.envs.game import Game
from evo_hns.evaluation.preparation import join_teams
from evo_hns.physics.cpu import CpuPhysics
from evo_hns.policies.actions import movement_bin
from evo_hns.policies.actuators import PLAIN, Actuators, actuate, outputs_for
from evo_hns.policies.agent_state import lay_out
from evo_hns.policies.features import BOX, FOOD, HIDDEN, MATE, OPPONENT, RAMP, Features
from evo_hns.policies.graph import NOISE, ComputeGraph, action_outputs, observed
from evo_hns.policies.network import NetworkPolicy
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Action, Side
from evo_hns.worlds.scene import build_scene

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


WORLDS = 8


@pytest.fixture(scope="module")
def game():
    world = WorldConfig(num_hiders=1, num_seekers=1)
    scene = build_scene(world, PhysicsConfig())
    return Game(scene, CpuPhysics(scene.model, WORLDS, num_threads=1), world, RulesConfig(), num_substeps=15)


def stand_at_a_box(game):
    """The hider faces a box at reach, in the open."""
    game.reset(np.arange(WORLDS))
    qpos, scene = game.physics.field("qpos"), game.scene
    for joints, x, y in ((scene.agent_qpos[0], 0.85, 1.45), (scene.object_qpos[0], 0.75, 0.9)):
        qpos[:, joints] = torch.tensor([x, y, 0.0, 0.0], dtype=torch.float64)
    game.physics.forward()
    return game.observe()


def handle_a_box(game, genome, **options):
    """`(T, W)` bool: the box is held, and locked, by a hider whose outputs read nothing but random inputs."""
    config, spec = SmallPolicyConfig(noise="step", noise_size=len(genome) - 1, **options), game.observation_spec
    graph = ComputeGraph(observed(spec, config.num_noise) | action_outputs(NOISE))
    policy = NetworkPolicy(graph, spec, Actuators.of(config), redraw=True)
    rows = torch.zeros(WORLDS, dtype=torch.int64)
    team = policy.bind(torch.tensor(genome, dtype=torch.float32).view(1, 1, -1), 1, rows)
    idle = scripted_roster("still").bind(spec, Side.SEEKERS, rows)
    seeds = torch.arange(WORLDS)
    state, nothing = team.initial_state(seeds), idle.initial_state(seeds)
    observation, held, locked = stand_at_a_box(game), [], []
    for _ in range(24):
        action, state = team.act(observation.of(spec.team(Side.HIDERS)), state)
        still, _ = idle.act(observation.of(spec.team(Side.SEEKERS)), nothing)
        observation = game.step(join_teams([action, still])).observation
        held.append(game.state.grabbed[:, 0, 0])
        locked.append(game.state.locked[:, 0])
    return torch.stack(held), torch.stack(locked)


def test_a_latch_keeps_the_lock_that_a_flickering_output_lets_go(game):
    flicker = [[0, 0, 0, 0, 0.3], [0, 0, 0, 0, 0.55]]  # of the lock alone: from about -0.2 to 0.5
    _, loose = handle_a_box(game, flicker)
    _, latched = handle_a_box(game, flicker, lock_latch=0.3)
    assert loose.any(0).all()
    assert latched.any(0).all()
    unlocked = [(lock[:-1] & ~lock[1:]).any(0) for lock in (loose, latched)]
    assert unlocked[0].all()
    assert not unlocked[1].any()


def test_damped_turning_keeps_the_grip_that_abrupt_turns_tear(game):
    jerks = [[0, 0, 0, 6, 0], [20, 0, 0, 0, 0], [0, 20, 0, 0, 0], [0, 0, 20, 0, 0]]  # full force this way and that
    abrupt, _ = handle_a_box(game, jerks, hold=2)
    damped, _ = handle_a_box(game, jerks, hold=2, grabbing_turn=0.5)
    held = [grip.float().mean().item() for grip in (abrupt, damped)]
    assert held[1] > held[0] + 0.3  # 0.96 and 0.30 in 32 worlds
    assert damped.all(0).sum() > abrupt.all(0).sum()


@pytest.mark.parametrize("frame", ["own", "world"])
def test_outputs_for_an_action_do_it_again(frame):
    actuators = Actuators.of(SmallPolicyConfig(frame=frame, grabbing_turn=0.5, lock_latch=0.3))
    features = random_features(3)
    shape, layout = features.present.shape, layout_of(actuators)
    outputs = np.random.default_rng(4).uniform(-0.7, 0.7, (*shape, 5)).astype(np.float32)  # so that none is cut off
    action = actuate(actuators, layout, outputs, features, np.zeros((*shape, layout.width), np.float32))
    found = outputs_for(actuators, features.heading, action)
    assert np.abs(found).max() <= 1.0
    again = actuate(actuators, layout, found, features, np.zeros((*shape, layout.width), np.float32))
    assert torch.equal(action.movement, again.movement)
    assert torch.equal(action.pull, again.pull)
    assert torch.equal(action.glueall, again.glueall)


def test_movement_that_no_output_reaches_keeps_its_direction():
    action = Action(
        torch.tensor([[[10, 10, 5]]]), torch.zeros(1, 1, dtype=torch.bool), torch.ones(1, 1, dtype=torch.bool)
    )
    heading = np.array([[[np.sqrt(0.5), np.sqrt(0.5)]]])  # forward is along (1, -1), left along (1, 1)
    np.testing.assert_allclose(outputs_for(PLAIN, heading, action)[0, 0], [0, 1, 0, -1, 1], atol=1e-6)


def test_movement_towards_a_thing_cannot_be_told_from_an_action():
    action = Action(torch.zeros(1, 1, 3), torch.zeros(1, 1), torch.zeros(1, 1))
    with pytest.raises(ValueError, match="along the way to a thing"):
        outputs_for(Actuators.of(SmallPolicyConfig(frame="box")), np.zeros((1, 1, 2)), action)
