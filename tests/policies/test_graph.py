"""What follows from the description of a network: the layout of its genome, its values and its prunable unit groups."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.config import SmallPolicyConfig
from evo_hns.policies import build_policy
from evo_hns.policies.features import encode
from evo_hns.policies.graph import (
    MEMORY,
    SELF,
    ComputeGraph,
    Node,
    Op,
    action_outputs,
    observed,
)
from evo_hns.policies.network import NetworkPolicy

NETWORKS = [(name, cells) for name in ("mlp", "attention") for cells in (0, 5)]


def graph_of(name, cells, spec) -> ComputeGraph:
    policy = build_policy(SmallPolicyConfig(network=name, hidden_size=6, gru_size=cells), spec)
    assert isinstance(policy, NetworkPolicy)
    return policy.graph


@pytest.mark.parametrize(("name", "cells"), NETWORKS)
def test_the_layers_fill_the_genome_in_order(name, cells, make_spec):
    graph = graph_of(name, cells, make_spec())
    start = 0
    for layer in graph.layers.values():
        assert layer.start == start
        start += (1 + layer.num_inputs) * layer.num_outputs
    assert start == graph.num_params


@pytest.mark.parametrize(("name", "cells"), NETWORKS)
def test_the_values_of_nodes_lie_side_by_side_the_agent_and_its_memory_first(name, cells, make_spec):
    graph = graph_of(name, cells, make_spec(num_food=2))
    taken = sorted((place.start, place.stop) for place in graph.places.values())
    assert [start for start, _ in taken] == [0, *(stop for _, stop in taken[:-1])]
    assert list(graph.places)[: 1 + (cells > 0)] == [SELF, MEMORY][: 1 + (cells > 0)]
    assert graph.places[graph.output].stop == graph.num_values == taken[-1][1]


def test_units_that_act_on_each_other_without_weights_are_one_group(make_spec):
    entities = [f"{name} embedding" for name in ("opponents", "mates", "boxes", "ramps")]
    cell = {"reset gate", "update gate", "reset state", "candidate", MEMORY}
    mlp, attention = (graph_of(name, 5, make_spec()) for name in ("mlp", "attention"))
    assert [set(group) for group in mlp.unit_groups] == [{"self embedding", "pooled", *entities}, {"hidden"}, cell]
    asked = {"query", *entities, *(f"{name} pool" for name in entities)}
    assert [set(group) for group in attention.unit_groups] == [{"self embedding"}, asked, {"hidden"}, cell]
    assert (mlp.num_units, attention.num_units) == (6 + 6 + 5, 6 + 6 + 6 + 5)


def test_a_network_of_other_nodes_runs_as_its_equations_say(make_spec, random_observation):
    spec = make_spec()
    nodes = {  # a leaky integrator whose rates are weights of their own, and read nothing
        "rate": Node(Op.GATE, 4),
        "candidate": Node(Op.LINEAR, 4, (SELF, MEMORY)),
        MEMORY: Node(Op.INTERPOLATE, 4, ("candidate", "rate")),
        **action_outputs(MEMORY),
    }
    policy, observation = NetworkPolicy(ComputeGraph(observed(spec) | nodes), spec), random_observation(spec, 3)
    genome = torch.randn(1, 1, policy.num_params, generator=torch.Generator().manual_seed(0))
    team = policy.bind(genome.expand(3, -1, -1), 4)
    before = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(1))
    _, after = team.act(observation, before)
    features, layers = encode(observation, spec).self_features, policy.graph.layers
    rate, weights = (layers[name].weights(genome[0, 0].double().numpy()) for name in ("rate", "candidate"))
    inputs = np.concatenate([np.ones((3, 4, 1)), features, before], -1)
    candidate = inputs @ weights * layers["candidate"].scale
    squashed = rate / 2 * (27 + (rate / 2) ** 2) / (27 + 9 * (rate / 2) ** 2)
    before = before.numpy()
    np.testing.assert_allclose(after, before + (0.5 + 0.5 * squashed) * (candidate - before), atol=1e-5)
    assert policy.graph.unit_groups == (("rate", "candidate", MEMORY),)


OBSERVED = {SELF: Node(Op.INPUT, 3), "boxes": Node(Op.INPUT, 4, (), 2)}


@pytest.mark.parametrize(
    ("nodes", "complaint"),
    [
        ({"hidden": Node(Op.SQUASH, 4, ("last",))}, "'hidden' reads 'last', expected nodes that stand before it"),
        ({"hidden": Node(Op.SQUASH, 4, ("boxes",))}, r"'hidden' cannot read boxes: see Op\.SQUASH"),
        ({"pool": Node(Op.MEAN_POOL, 4, (SELF, "boxes"))}, r"'pool' cannot read self, boxes: see Op\.MEAN_POOL"),
        (
            {"product": Node(Op.PRODUCT, 4, (SELF, SELF))},
            "'product' has 4 units, expected as many as all",
        ),
        ({MEMORY: Node(Op.SQUASH, 4, (SELF,))}, r"'hidden state' is Op\.SQUASH, expected .* to be INTERPOLATE"),
        ({"embedding": Node(Op.EMBEDDING, 4, ("boxes",), 1)}, "'embedding' is of entity type 1, 'boxes' of another"),
        ({"last": Node(Op.SQUASH, 4, (SELF,))}, "the last node, 'last', has another size than 5 action outputs"),
    ],
)
def test_a_graph_that_cannot_be_computed_is_refused(nodes, complaint):
    with pytest.raises(ValueError, match=complaint):
        ComputeGraph(OBSERVED | nodes)
