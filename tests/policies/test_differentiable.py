"""Networks in torch: the kernel's values, and gradients by which they can be fitted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.config import SmallPolicyConfig
from evo_hns.policies import build_policy
from evo_hns.policies.differentiable import forward


def inputs_of(team, observation, state):
    features, _ = team.look(observation, state)
    features.entity_features[features.entity_types < 0] = np.inf  # what is hidden is undefined
    flat = (features.self_features, features.entity_features, features.entity_types)
    there = features.present
    return features, there, tuple(torch.from_numpy(part[there]) for part in flat)


@pytest.mark.parametrize("network", ["mlp", "attention"])
@pytest.mark.parametrize("memory", [{}, {"gru_size": 3}, {"leaky_size": 3}])
@pytest.mark.parametrize("senses", [{}, {"doors": 1, "last_seen": 1, "nearest": 2}])
def test_outputs_and_memory_are_those_of_the_kernel(network, memory, senses, make_spec, random_observation):
    spec = make_spec()
    policy = build_policy(SmallPolicyConfig(network=network, hidden_size=8, **memory, **senses), spec)
    genome = torch.randn(policy.num_params, generator=torch.Generator().manual_seed(0))
    team = policy.bind(genome[None, None], spec.num_agents, torch.zeros(12, dtype=torch.int64))
    state = team.initial_state(torch.arange(12))
    cells = policy.graph.num_cells
    state[..., :cells] = torch.rand(*state.shape[:2], cells, generator=torch.Generator().manual_seed(1)) - 0.5
    features, there, inputs = inputs_of(team, random_observation(spec, 12, absent=0.3), state)
    values = np.empty((1, policy.graph.num_values), np.float32)
    expected, after = team.forward(features, state.numpy(), values)
    outputs, remembered = forward(policy.graph, genome, *inputs, state[..., :cells][there])
    np.testing.assert_allclose(outputs.numpy(), expected[there], atol=2e-6)
    np.testing.assert_allclose(remembered.numpy(), after[..., :cells][there], atol=2e-6)


def test_gradients_are_slopes_of_the_outputs(make_spec, random_observation):
    spec = make_spec()
    policy = build_policy(SmallPolicyConfig(hidden_size=4, gru_size=2), spec)
    genome = torch.randn(policy.num_params, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    team = policy.bind(genome[None, None], spec.num_agents, torch.zeros(3, dtype=torch.int64))
    _, there, (me, entities, types) = inputs_of(team, random_observation(spec, 3), team.initial_state(torch.arange(3)))
    memory = torch.full((int(there.sum()), 2), 0.25, dtype=torch.float64)
    rest = me.double(), entities.double(), types, memory
    assert torch.autograd.gradcheck(lambda weights: forward(policy.graph, weights, *rest), genome.requires_grad_())


def test_random_inputs_are_refused(make_spec):
    policy = build_policy(SmallPolicyConfig(hidden_size=4, noise="step"), make_spec())
    nothing = torch.zeros(0)
    with pytest.raises(ValueError, match="random inputs"):
        forward(policy.graph, nothing, nothing, nothing, nothing, nothing)
