"""From the policy of the library to the network that plays, and so to a genome.

torch's LSTM orders its gates input, forget, candidate, output, keeps a matrix for inputs and one for its output of
before, and has two biases; the cell of `EntityNetwork` orders them input, candidate, forget, output in one kernel with
one bias, to which it adds `FORGET_BIAS`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evo_hns.policies.entity import EntityForm, EntityNetwork, genome_of
from evo_hns.policies.entity.form import HEAD_SIZES
from evo_hns.policies.entity.network import FORGET_BIAS, LSTMCell
from evo_hns.training.ppo.policy import EntityActorCritic


def network_of(policy: EntityActorCritic, form: EntityForm) -> EntityNetwork:
    """The actor as a network of its own: a copy."""
    network = EntityNetwork(form)
    network.encoder.load_state_dict(policy.pi_features_extractor.encoder.state_dict())
    network.last_norm.load_state_dict(policy.mlp_extractor.actor.state_dict())
    _load_cell(network.cell, policy.lstm_actor)
    _load_heads(network.heads, policy.action_net)
    return network


def genome_of_policy(policy: EntityActorCritic, form: EntityForm) -> Tensor:
    """`(N,)` float32, the genome of the actor."""
    return genome_of(network_of(policy, form))


@torch.no_grad()
def _load_cell(cell: LSTMCell, lstm: nn.LSTM) -> None:
    weights: list[Tensor] = [lstm.get_parameter(name) for name in ("weight_ih_l0", "weight_hh_l0")]
    biases: list[Tensor] = [lstm.get_parameter(name) for name in ("bias_ih_l0", "bias_hh_l0")]
    cell.kernel.copy_(torch.cat(_reordered(torch.cat(weights, 1))).T)  # from (4 C, D + C)
    i, j, f, o = _reordered(biases[0] + biases[1])
    cell.bias.copy_(torch.cat([i, j, f - FORGET_BIAS, o]))


def _reordered(gates: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows of the gates of torch's LSTM in the order of the cell."""
    i, f, j, o = gates.chunk(4)
    return i, j, f, o


@torch.no_grad()
def _load_heads(heads: nn.ModuleDict, layer: nn.Linear) -> None:
    sizes = list(HEAD_SIZES.values())
    parts = zip(layer.weight.split_with_sizes(sizes), layer.bias.split_with_sizes(sizes), strict=True)
    for name, (weight, bias) in zip(HEAD_SIZES, parts, strict=True):
        head = heads[name]
        assert isinstance(head, nn.Linear)  # what `ModuleDict` does not tell
        head.weight.copy_(weight)
        head.bias.copy_(bias)
