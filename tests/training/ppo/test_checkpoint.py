"""The library's policy and the network that plays are the same player; the critic may see what the player must not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from evo_hns.policies.entity import EntityNetwork, load_genome
from evo_hns.training.ppo.checkpoint import genome_of_policy, network_of
from evo_hns.training.ppo.learner import Learner
from tests.training.ppo.learners import tiny_ppo

HORIZON = 6


@pytest.fixture(scope="module")
def trained() -> Learner:
    """A learner after a generation, so that no parameter is what it was drawn as."""
    learner = Learner(tiny_ppo(ppo={"learning_rate": 0.02}))
    learner.learn(0)
    return learner


@torch.no_grad()
def logits_of(learner: Learner, sights: dict[str, Tensor]) -> Tensor:
    """`(T, N, 37)` of the library's policy over an episode of which `(N * T, ...)` was told, episode by episode."""
    policy, num_rows = learner.ppo.policy, len(sights["lidar"]) // HORIZON
    blank = torch.zeros(1, num_rows, learner.form.num_cells)
    features = policy.pi_features_extractor(sights)
    cells, _ = policy._process_sequence(features, (blank, blank), torch.zeros(len(features)), policy.lstm_actor)
    return policy.action_net(policy.mlp_extractor.forward_actor(cells)).reshape(num_rows, HORIZON, -1).transpose(0, 1)


@pytest.mark.parametrize("form", [{}, {"layer_norm": False}])
def test_both_give_the_same_logits_over_an_episode(form: dict[str, bool]) -> None:
    learner = Learner(tiny_ppo(ppo={"learning_rate": 0.02}, entity=form))
    learner.learn(0)
    network = EntityNetwork(learner.form)
    load_genome(network, genome_of_policy(learner.ppo.policy, learner.form))
    sights = learner.ppo.rollout_buffer.sights()
    expected = logits_of(learner, sights)
    episodes = {name: rows.reshape(-1, HORIZON, *rows.shape[1:]) for name, rows in sights.items()}
    memory = network.blank_memory(expected.shape[1])
    for step in range(HORIZON):
        logits, memory = network({name: rows[:, step] for name, rows in episodes.items()}, memory)
        torch.testing.assert_close(logits, expected[step], atol=1e-5, rtol=1e-5)
    assert expected.std() > 0.02  # the network has something to say


def test_a_network_is_a_copy(trained: Learner) -> None:
    network = network_of(trained.ppo.policy, trained.form)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        for tensor in trained.ppo.policy.parameters():
            tensor.add_(1.0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    with torch.no_grad():
        for tensor in trained.ppo.policy.parameters():
            tensor.sub_(1.0)


@pytest.mark.parametrize("omniscient", [True, False])
def test_only_an_omniscient_critic_knows_of_what_is_hidden(omniscient: bool) -> None:
    learner = Learner(tiny_ppo(ppo={"omniscient_critic": omniscient}))
    learner.learn(0)
    policy, sights = learner.ppo.policy, learner.ppo.rollout_buffer.sights()
    hidden = dict(sights)
    hidden["box_obs"] = torch.where(sights["mask_ab_obs"][..., None] > 0, sights["box_obs"], sights["box_obs"] + 2.0)
    assert (hidden["box_obs"] != sights["box_obs"]).any()
    assert torch.equal(logits_of(learner, hidden), logits_of(learner, sights))
    values, others = (policy.vf_features_extractor(each) for each in (sights, hidden))
    assert torch.equal(values, others) != omniscient


def test_a_genome_is_that_of_the_network(trained: Learner) -> None:
    genome = genome_of_policy(trained.ppo.policy, trained.form)
    network = network_of(trained.ppo.policy, trained.form)
    assert genome.dtype == torch.float32
    assert np.isfinite(genome.numpy()).all()
    assert len(genome) == sum(tensor.numel() for tensor in network.state_dict().values())
