"""Whole networks, and what all that evolve promise."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from evo_hns.config import ConfigError, SmallPolicyConfig
from evo_hns.policies import build_policy
from evo_hns.policies.actuators import PLAIN, actuate
from evo_hns.policies.agent_state import lay_out
from evo_hns.policies.features import encode, entity_widths
from evo_hns.spec import ObjectColumns

SMALL = ("mlp", "attention")  # networks that evolve; the paper's has tests of its own
NETWORKS = [(name, gru) for name in SMALL for gru in (0, 6)]
STATELESS = lay_out(0, 0, redraw=False, hold=False, grab=False, lock=False)
WORLD_COLUMNS = (0, 1, 3, 4)


def build(name, gru, spec, hidden=8, **options):
    return build_policy(SmallPolicyConfig(network=name, hidden_size=hidden, gru_size=gru, **options), spec)


def genomes(policy, *shape, seed=0):
    return torch.randn(*shape, policy.num_params, generator=torch.Generator().manual_seed(seed))


def memory(policy, num_worlds, num_agents, seed=1):
    shape = policy.bind(genomes(policy, num_worlds, 1), num_agents).initial_state(torch.arange(num_worlds)).shape
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 0.5


def same(first, second, rows=slice(None)):
    pairs = zip((*vars(first[0]).values(), first[1]), (*vars(second[0]).values(), second[1]), strict=True)
    return all(torch.equal(a, b[rows]) for a, b in pairs)


class PlainReader:
    """Reads dense layers off a genome, in double precision."""

    def __init__(self, genome):
        self.genome, self.at = genome.numpy().astype(float), 0

    def layer(self, num_inputs, num_outputs):
        size = (1 + num_inputs) * num_outputs
        weights = self.genome[self.at : self.at + size].reshape(1 + num_inputs, num_outputs)
        self.at += size
        return lambda inputs: np.array([1.0, *inputs]) @ weights / math.sqrt(1 + num_inputs)


def squash(x):
    x = np.clip(x, -3, 3)
    return x * (27 + x**2) / (27 + 9 * x**2)


def embeddings(read, rows, types, widths, hidden):
    for entity_type, width in enumerate(widths):
        embed = read.layer(width, hidden)
        yield [squash(embed(row[:width])) for row, k in zip(rows, types, strict=True) if k == entity_type]


def plain_mlp(read, own, rows, types, widths, hidden):
    x = read.layer(len(own), hidden)(own)
    for values in embeddings(read, rows, types, widths, hidden):
        x = x + (np.mean(values, 0) if values else 0)
    return squash(read.layer(hidden, hidden)(squash(x)))


def plain_attention(read, own, rows, types, widths, hidden):
    context = squash(read.layer(len(own), hidden)(own))
    query = read.layer(hidden, hidden)(context)
    parts = [context]
    for values in embeddings(read, rows, types, widths, hidden):
        weights = np.exp([query @ value / math.sqrt(hidden) for value in values])
        parts.append(weights @ values / weights.sum() if values else np.zeros(hidden))
    return squash(read.layer((1 + len(widths)) * hidden, hidden)(np.concatenate(parts)))


def plain_memory(read, x, h):
    reset, update = (squash(read.layer(len(x) + len(h), len(h))([*x, *h]) / 2) / 2 + 0.5 for _ in range(2))
    candidate = squash(read.layer(len(x) + len(h), len(h))([*x, *(reset * h)]))
    return h + update * (candidate - h)


def plain_leaky(read, x, h):
    rate = (squash(read.layer(0, len(h))([]) / 2) / 2 + 0.5) ** 2
    return h + rate * (squash(read.layer(len(x) + len(h), len(h))([*x, *h])) - h)


@pytest.mark.parametrize(("name", "gru"), NETWORKS)
@pytest.mark.parametrize("whole", [False, True])
def test_a_network_equals_a_plain_one_in_double_precision(name, gru, whole, make_spec, random_observation):
    columns = ObjectColumns(has_size=True)
    spec = make_spec(box_columns=columns, ramp_columns=columns, num_food=3) if whole else make_spec()
    hidden = 8
    policy, observation = build(name, gru, spec), random_observation(spec, 5)
    params, state = genomes(policy, 5, 1), memory(policy, 5, 4)
    action, renewed = policy.bind(params, 4).act(observation, state)
    features, outputs = encode(observation, spec), np.empty((5, 4, 5))
    for w, a in np.ndindex(5, 4):
        read = PlainReader(params[w, 0])
        body = {"mlp": plain_mlp, "attention": plain_attention}[name]
        told = (features.self_features[w, a], features.entity_features[w, a], features.entity_types[w, a])
        last = body(read, *told, entity_widths(spec), hidden)
        if gru:
            cells = plain_memory(read, last, state[w, a].numpy())
            np.testing.assert_allclose(renewed[w, a], cells, atol=1e-5)
            last = np.concatenate([last, cells])
        outputs[w, a] = squash(read.layer(len(last), 5)(last))
        assert read.at == policy.num_params
    expected = actuate(PLAIN, STATELESS, outputs.astype(np.float32), features, np.zeros((5, 4, 0), np.float32))
    assert (action.movement - expected.movement).abs().max() <= 1  # a bin's border may lie between two roundings
    assert (action.movement != expected.movement).float().mean() < 0.05
    assert torch.equal(action.pull, expected.pull)
    assert torch.equal(action.glueall, expected.glueall)


@pytest.mark.parametrize("name", SMALL)
def test_leaky_integrators_and_random_inputs_equal_plain_ones_in_double_precision(name, make_spec, random_observation):
    spec = make_spec()
    policy, view = build(name, 0, spec, leaky_size=6, noise="episode", noise_size=2), random_observation(spec, 5)
    params, state = genomes(policy, 5, 1), memory(policy, 5, 4)
    _, renewed = policy.bind(params, 4).act(view, state)
    features, body = encode(view, spec), {"mlp": plain_mlp, "attention": plain_attention}[name]
    for w, a in np.ndindex(5, 4):
        read, row = PlainReader(params[w, 0]), state[w, a].numpy()
        own = np.concatenate([features.self_features[w, a], row[6:]])
        last = body(read, own, features.entity_features[w, a], features.entity_types[w, a], entity_widths(spec), 8)
        np.testing.assert_allclose(renewed[w, a, :6], plain_leaky(read, last, row[:6]), atol=1e-5)
        np.testing.assert_array_equal(renewed[w, a, 6:], row[6:])
        assert read.at + 5 * (1 + 8 + 6) == policy.num_params


@pytest.mark.parametrize(("gate", "steps"), [(2.0, 1.3), (0.0, 4.0), (-1.0, 14.0), (-2.0, 81.0)])
def test_an_evolved_number_stands_for_a_time_constant_from_a_step_to_an_episode(gate, steps, make_spec):
    policy = build("mlp", 0, make_spec(), leaky_size=1)
    share = PlainReader(torch.tensor([gate])).layer(0, 1)([])
    assert 1 / (squash(share / 2) / 2 + 0.5) ** 2 == pytest.approx(steps, rel=0.05)
    assert policy.graph.layers["rate gate"].num_inputs == 0


@pytest.mark.parametrize(
    ("options", "num_params"),
    [
        ({}, 3301),
        ({"gru_size": 8}, 4325),
        ({"leaky_size": 8}, 3677),
        ({"noise": "step", "noise_size": 2}, 3365),
        ({"grab_latch": 0.2, "lock_latch": 0.2, "grabbing_turn": 0.5, "frame": "box", "hold": 2}, 3301),
    ],
)
def test_options_add_the_parameters_of_what_they_add(options, num_params, make_spec):
    assert build_policy(SmallPolicyConfig(**options), make_spec()).num_params == num_params


@pytest.mark.parametrize(("name", "gru"), NETWORKS)
def test_a_match_gets_the_same_bits_in_any_slot_and_any_batch(name, gru, make_spec, random_observation, rows_of):
    spec = make_spec()
    policy, observation = build(name, gru, spec, hidden=13), random_observation(spec, 9)
    params, state = genomes(policy, 9, 1), memory(policy, 9, 4)
    whole = policy.bind(params, 4).act(observation, state)
    for rows in ([4], [8, 0, 3], [2, 2, 2, 2, 2]):
        part = policy.bind(params[rows], 4).act(rows_of(observation, rows), state[rows])
        assert same(part, whole, rows)


@pytest.mark.parametrize(("name", "gru"), NETWORKS)
def test_one_genome_for_all_equals_a_copy_for_each(name, gru, make_spec, random_observation):
    spec = make_spec()
    policy, observation = build(name, gru, spec), random_observation(spec, 6)
    params, state = genomes(policy, 6, 1), memory(policy, 6, 4)
    shared = policy.bind(params, 4).act(observation, state)
    assert same(shared, policy.bind(params.expand(-1, 4, -1), 4).act(observation, state))


@pytest.mark.parametrize(("name", "gru"), NETWORKS)
def test_each_member_plays_its_own_genome(name, gru, make_spec, random_observation):
    spec = make_spec()
    policy, observation = build(name, gru, spec), random_observation(spec, 6)
    params, state = genomes(policy, 6, 4), memory(policy, 6, 4)
    own = policy.bind(params, 4).act(observation, state)
    for a in range(4):
        shared = policy.bind(params[:, a : a + 1], 4).act(observation, state)
        assert not same(shared, own)
        assert torch.equal(shared[0].movement[:, a], own[0].movement[:, a])
        assert torch.equal(shared[1][:, a], own[1][:, a])


@pytest.mark.parametrize(("name", "gru"), NETWORKS)
def test_a_zero_genome_stands_still_and_lets_go(name, gru, make_spec, random_observation):
    spec = make_spec()
    policy = build(name, gru, spec)
    zeros = torch.zeros(4, 1, policy.num_params)
    action, _ = policy.bind(zeros, 4).act(random_observation(spec, 4), memory(policy, 4, 4) * 0)
    assert (action.movement == 5).all()
    assert not action.pull.any()
    assert not action.glueall.any()


@pytest.mark.parametrize(("name", "gru"), NETWORKS)
def test_turning_the_world_turns_the_movement(name, gru, make_spec, random_observation, turned):
    spec = make_spec(num_rays=32)
    policy, observation = build(name, gru, spec), random_observation(spec, 40)
    params, state = 3 * genomes(policy, 40, 1), memory(policy, 40, 4)
    for column in WORLD_COLUMNS:  # a network that does not know where it is
        params[..., 8 * (1 + column) : 8 * (2 + column)] = 0
    before, _ = policy.bind(params, 4).act(observation, state)
    after, _ = policy.bind(params, 4).act(turned(observation, math.pi / 2), state)
    expected = torch.stack([10 - before.movement[..., 1], before.movement[..., 0], before.movement[..., 2]], -1)
    assert (after.movement - expected).abs().max() <= 1  # a bin's border may lie between two roundings
    assert (after.movement != expected).float().mean() < 0.01
    assert torch.equal(after.pull, before.pull)
    assert before.movement.float().std() > 1


OLD_GENOMES = {  # length, digest of what they did on fixed numbers when there was but the quadrant
    ("mlp", 0): (3301, "21497ef7753ebc22"),
    ("mlp", 6): (4033, "3e0cc22156c0130b"),
    ("attention", 0): (8453, "85868d21a9845467"),
    ("attention", 6): (9185, "c9f666bb39177952"),
}


def fixed_observations(make_spec, random_observation):
    """Three observations whose numbers come from a generator that never changes."""
    rng = np.random.RandomState(2019)
    for _ in range(3):
        me = rng.uniform(-1, 1, (6, 4, 10))
        me[..., :2] = rng.uniform(0.2, 5.5, (6, 4, 2))
        me[..., 3:8] *= 6
        me[..., 8], me[..., 9] = np.arange(4) < 2, rng.choice([0.5, 1.0], (6, 1))
        others = np.stack([np.stack([me[:, (i - k) % 4] for k in range(1, 4)], 1) for i in range(4)], 1)
        boxes, ramps = (rng.uniform(-1, 1, (6, 4, count, width)) for count, width in ((2, 12), (1, 9)))
        for rows in (boxes, ramps):
            rows[..., :2] = rng.uniform(0.2, 5.2, (*rows.shape[:3], 2))
            rows[..., 9:] = rows[..., 9:] > 0
        told = {"observation_self": me, "agent_qpos_qvel": others, "box_obs": boxes, "ramp_obs": ramps}
        told |= {f"mask_a{kind}_obs": rng.uniform(size=(6, 4, n)) < 0.6 for kind, n in (("a", 3), ("b", 2), ("r", 1))}
        told["lidar"] = rng.uniform(0.1, 6.0, (6, 4, 30, 1))
        yield replace(random_observation(make_spec(), 6), **{k: torch.from_numpy(v) for k, v in told.items()})


@pytest.mark.parametrize(("name", "gru"), OLD_GENOMES)
def test_a_genome_of_the_first_release_plays_as_it_did(name, gru, make_spec, random_observation):
    policy = build(name, gru, make_spec(), hidden=32)
    numbers = np.random.RandomState(7).standard_normal((6, 1, policy.num_params)).astype(np.float32)
    state, digest = memory(policy, 6, 4) * 0, hashlib.sha256()
    for view in fixed_observations(make_spec, random_observation):
        action, state = policy.bind(torch.from_numpy(numbers), 4).act(view, state)
        for part in (action.movement, action.pull, action.glueall, state):
            digest.update(part.numpy().tobytes())
    assert (policy.num_params, digest.hexdigest()[:16]) == OLD_GENOMES[name, gru]


@pytest.mark.parametrize("name", SMALL)
def test_sizes_locks_of_ramps_and_food_add_the_weights_of_their_columns(name, make_spec):
    sized = ObjectColumns(has_size=True)
    spec = make_spec(box_columns=sized, ramp_columns=sized, num_food=2)
    old, _ = OLD_GENOMES[name, 0]
    part = 32 * 32 if name == "attention" else 0  # of the layer that reads what is seen of food
    assert build(name, 0, spec, hidden=32).num_params == old + (2 + 3 + 6) * 32 + part


@pytest.mark.parametrize("name", SMALL)
def test_the_number_of_parameters_does_not_depend_on_how_many_there_are(name, make_spec):
    sizes = {build(name, 6, make_spec(*n)).num_params for n in ((1, 1, 0, 0), (2, 2, 2, 1), (1, 3, 9, 2))}
    assert len(sizes) == 1


@pytest.mark.parametrize(("hidden_size", "num_params"), [(16, 1397), (32, 3301), (64, 8645)])
def test_a_network_has_a_few_thousand_parameters(hidden_size, num_params, make_spec):
    assert build_policy(SmallPolicyConfig(hidden_size=hidden_size), make_spec()).num_params == num_params


@pytest.mark.parametrize("name", SMALL)
def test_a_genome_of_another_length_is_refused(name, make_spec):
    policy = build(name, 0, make_spec())
    with pytest.raises(ValueError, match=f"got genomes of 7 parameters, expected {policy.num_params}"):
        policy.bind(torch.zeros(2, 1, 7), 4)
    with pytest.raises(ValueError, match=r"got 3 genomes a team, expected 1 \(shared\) or 4 \(one each\)"):
        policy.bind(torch.zeros(2, 3, policy.num_params), 4)


def test_an_unknown_network_is_refused_with_the_known_ones(make_spec):
    config = SmallPolicyConfig.model_construct(network="transformer")
    with pytest.raises(ConfigError, match="got network 'transformer', expected one of mlp, attention"):
        build_policy(config, make_spec())
