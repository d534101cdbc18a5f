"""What is taken out of a network did not act, and orders remove whole units or the least weights first."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from evo_hns.behaviour.pruning.activity import Watcher
from evo_hns.behaviour.pruning.orders import ORDERS, Subject, remove, schedule
from evo_hns.behaviour.pruning.simplify import simplify
from evo_hns.policies.features import BOX, entity_widths
from evo_hns.policies.graph import ComputeGraph


def full_strengths(graph: ComputeGraph) -> dict[str, np.ndarray]:
    """As if every input were always one."""
    return {target: np.ones((1, 1 + layer.num_inputs)) for target, layer in graph.layers.items()}


def mute(graph: ComputeGraph, genome: np.ndarray, node: str, units: list[int]) -> np.ndarray:
    """The genome with the outgoing weights of some units set to zero."""
    muted = genome.copy()
    for layer in graph.layers.values():
        for name, place in graph.slices(layer):
            if name == node:
                layer.weights(muted)[1:][place][units] = 0
    return muted


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_a_simplified_network_intends_the_same(subjects, share):
    for seed in range(6):
        genome = subjects.genome(seed, share)
        left = simplify(subjects.policy.graph, genome)
        np.testing.assert_allclose(subjects.episode(left.genome), subjects.episode(genome), atol=2e-5)
        assert left.num_weights == np.count_nonzero(left.genome) <= np.count_nonzero(genome) + 5
        assert simplify(subjects.policy.graph, left.genome).num_weights == left.num_weights
        if share < 0.1:
            assert left.num_weights < np.count_nonzero(genome)


def test_a_network_whose_every_weight_acts_stays_as_it_is(subjects):
    genome = subjects.genome(0)
    left = simplify(subjects.policy.graph, genome)
    np.testing.assert_array_equal(left.genome, genome)
    assert left.num_units == subjects.policy.graph.num_units


def test_units_that_lead_nowhere_go_with_all_that_only_they_need(build_subjects):
    subjects = build_subjects("mlp", 0)
    graph, hidden, widths = subjects.policy.graph, 6, entity_widths(subjects.policy.spec)
    genome = mute(graph, mute(graph, subjects.genome(0), "pooled", [4, 5]), "hidden", [0])
    left = simplify(graph, genome)
    per_hidden = (1 + graph.nodes["self"].size) + sum(1 + width for width in widths)
    assert left.num_weights == 4 * per_hidden + 5 * (1 + 4) + 5 * (1 + 5)
    assert left.num_units == 2 * hidden - 3
    np.testing.assert_array_equal(subjects.episode(left.genome), subjects.episode(genome))  # to the bit


def test_a_constant_unit_becomes_part_of_the_biases_it_feeds(build_subjects):
    subjects = build_subjects("mlp", 0)
    graph, genome = subjects.policy.graph, subjects.genome(0)
    graph.layers["hidden"].weights(genome)[1:] = 0  # only biases: the whole network is
    left = simplify(graph, genome)
    assert (left.num_weights, left.num_units) == (5, 0)
    np.testing.assert_allclose(subjects.episode(left.genome), subjects.episode(genome), atol=1e-6)


def test_memory_that_is_never_filled_is_taken_out(build_subjects):
    subjects = build_subjects("mlp", 5)
    graph, genome = subjects.policy.graph, subjects.genome(0)
    graph.layers["candidate"].weights(genome)[:, :2] = 0
    left = simplify(graph, genome)
    assert left.num_units == graph.num_units - 2
    assert not graph.layers["update gate"].weights(left.genome)[:, :2].any()
    np.testing.assert_allclose(subjects.episode(left.genome), subjects.episode(genome), atol=1e-6)


def test_memory_whose_rate_is_nothing_is_taken_out(build_subjects):
    subjects = build_subjects("mlp", 0, leaky_size=5)
    graph, genome = subjects.policy.graph, subjects.genome(0)
    graph.layers["rate gate"].weights(genome)[0, :2] = -7
    left = simplify(graph, genome)
    assert left.num_units == graph.num_units - 2
    assert not graph.layers["candidate"].weights(left.genome)[:, :2].any()
    np.testing.assert_array_equal(subjects.episode(left.genome), subjects.episode(genome))


def test_strengths_count_decisions_alone_and_know_random_inputs(build_subjects):
    subjects = build_subjects("mlp", 0, hold=2, noise="step")
    watcher, team = Watcher(), subjects.team(subjects.genome(0))
    state = team.initial_state(torch.arange(40)).numpy()
    held = state.copy()
    held[:10, :, team.policy.layout.wait] = 1
    watcher.tally(team, subjects.features(0), held)
    assert watcher.counts == {0: 30}
    _, after = team.forward(subjects.features(0), held, np.empty((1, team.policy.graph.num_values), np.float32))
    assert not after[:10, 0, 0].any()
    noise = np.sqrt((after[10:, 0, 0].astype(float) ** 2).mean())
    assert watcher.strengths()["self embedding"][0, -1] == pytest.approx(noise)


@pytest.mark.parametrize(("network", "cells"), [("mlp", 0), ("mlp", 5), ("attention", 0), ("attention", 5)])
def test_a_network_without_some_units_is_the_smaller_network(network, cells, build_subjects):
    large, small = build_subjects(network, cells), build_subjects(network, max(cells - 2, 0), hidden=4)
    graph, genome = large.policy.graph, large.genome(0)
    gone = {node: {b, 3 + b % 2} for b, group in enumerate(graph.unit_groups) for node in group}
    order = np.ones(genome.shape)
    stay = {name: [j for j in range(node.size) if j not in gone.get(name, ())] for name, node in graph.nodes.items()}
    expected = np.zeros(small.policy.num_params, np.float32)
    for target, layer in graph.layers.items():
        inputs = [0, *(1 + place.start + j for name, place in graph.slices(layer) for j in stay[name])]
        other = small.policy.graph.layers[target]
        scale = layer.scale / other.scale
        if target == "query":
            scale *= math.sqrt(4 / 6)  # attention logits are divided by the root of the size
        other.weights(expected)[...] = layer.weights(genome)[np.ix_(inputs, stay[target])] * scale
        removed = np.ones((1 + layer.num_inputs, layer.num_outputs), np.bool_)
        removed[np.ix_(inputs, stay[target])] = False
        layer.weights(order)[removed] = 0
    pruned = remove(genome, order, int(order.sum()))
    left = simplify(graph, pruned)
    assert left.num_units == graph.num_units - 2 * len(graph.unit_groups)
    assert left.num_weights == small.policy.num_params
    np.testing.assert_allclose(small.episode(expected), large.episode(left.genome), atol=2e-5)


def test_the_order_by_units_removes_whole_units(subjects):
    graph, genome = subjects.policy.graph, subjects.genome(0)
    order = ORDERS["units"](Subject(graph, genome[None], full_strengths(graph), 0))[0]
    sizes = {np.count_nonzero(remove(genome, order, keep)) for keep in range(0, len(genome), 7)}
    assert len(sizes) <= graph.num_units + 2
    for keep in (len(genome) // 3, len(genome) // 2):
        cut = remove(genome, order, keep)
        assert simplify(graph, cut).num_weights == np.count_nonzero(cut)  # no half units are left behind
        assert 0 < simplify(graph, cut).num_units < graph.num_units


@pytest.mark.parametrize("name", ["magnitude", "importance"])
def test_planted_weights_outlive_the_noise_and_a_random_order_does_more_harm(name, build_subjects):
    subjects = build_subjects("mlp", 0)
    graph, rng = subjects.policy.graph, np.random.default_rng(3)
    used = rng.random(graph.num_params) < 0.3
    genome = np.where(used, subjects.genome(0) + 3 * np.sign(subjects.genome(0)), 0.001 * subjects.genome(1))
    genome = genome.astype(np.float32)
    subject = Subject(graph, genome[None], full_strengths(graph), 0)

    def harm(order: str) -> float:
        cut = remove(genome, ORDERS[order](subject)[0], int(used.sum()))
        return float(np.abs(subjects.episode(cut) - subjects.episode(genome)).mean())

    np.testing.assert_array_equal(remove(genome, ORDERS[name](subject)[0], int(used.sum())) != 0, used)
    assert harm(name) < 0.01 < 0.1 < harm("random")


def test_removal_takes_the_least_first_and_equals_together():
    genome, order = np.array([5, 0, 3, 4, 2, 1], np.float32), np.array([5, 9, 3, 3, 2, 1.0])
    assert remove(genome, order, 5).tolist() == genome.tolist()
    assert remove(genome, order, 4).tolist() == [5, 0, 3, 4, 2, 0]
    assert remove(genome, order, 2).tolist() == [5, 0, 0, 0, 0, 0]  # the two of importance 3 go together
    assert not remove(genome, order, 0).any()


def test_a_schedule_goes_from_all_by_equal_shares_to_a_handful_and_none():
    assert schedule(100, 0.5) == [100, 50, 25, 12, 6, 0]
    assert schedule(6, 0.99) == [6, 5, 4, 0]


def test_strengths_are_root_mean_squares_of_what_the_layers_were_told(build_subjects):
    subjects = build_subjects("mlp", 0)
    watcher, features = Watcher(), subjects.features(0)
    watcher.tally(subjects.team(subjects.genome(0)), features, np.zeros((40, 1, 0), np.float32))
    strengths = watcher.strengths()
    squares = features.self_features[:, 0].astype(float) ** 2
    np.testing.assert_allclose(strengths["self embedding"][0, 1:], np.sqrt(squares.mean(0)))
    assert strengths["self embedding"][0, 0] == 1
    told = zip(features.entity_features[:, 0], features.entity_types[:, 0], strict=True)
    means, width = (
        [rows[types == BOX].astype(float) ** 2 for rows, types in told],
        entity_widths(subjects.policy.spec)[BOX],
    )
    per_decision = [seen.mean(0)[:width] if len(seen) else np.zeros(width) for seen in means]
    np.testing.assert_allclose(strengths["boxes embedding"][0, 1:], np.sqrt(np.mean(per_decision, 0)))
    assert strengths["boxes embedding"][0, 0] == pytest.approx(math.sqrt(np.mean([len(seen) > 0 for seen in means])))


def test_strengths_of_hidden_layers_are_those_of_the_values_that_the_kernel_computes(build_subjects):
    subjects = build_subjects("mlp", 5)
    graph, features, watcher = subjects.policy.graph, subjects.features(0), Watcher()
    genome = subjects.genome(0)
    genome[graph.layers["update gate"].start :] = 0  # half of every cell is forgotten
    team, memory = subjects.team(genome), np.full((40, 1, 5), 0.5, np.float32)
    watcher.tally(team, features, memory)
    values = np.empty((40, graph.num_values), np.float32)
    team.forward(features, memory, values)
    hidden = np.sqrt((values[:, graph.places["hidden"]].astype(float) ** 2).mean(0))
    np.testing.assert_allclose(watcher.strengths()["action outputs"][0], [1, *hidden, *[0.25] * 5])
