"""A network as one row of numbers, and back: its parameters and the statistics that normalise its observations."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from evo_hns.policies.entity.form import EntityForm
from evo_hns.policies.entity.network import EntityNetwork


def genome_of(network: nn.Module) -> Tensor:
    """`(N,)` float32, a copy of all parameters and running statistics in the order in which the network lists them."""
    return torch.cat([tensor.detach().flatten().float().cpu() for tensor in network.state_dict().values()])


@torch.no_grad()
def load_genome(network: nn.Module, genome: Tensor) -> None:
    """Give a network the parameters and statistics of a genome.

    Raises:
        ValueError: the genome is not of this network's form.
    """
    for name, part in _parts(network, genome):
        network.state_dict()[name].copy_(part)


def network_of(form: EntityForm, genome: Tensor) -> EntityNetwork:
    """A network to play with, made of a copy of a genome; nothing is drawn, and nothing will be trained.

    Raises:
        ValueError: the genome is not of this form.
    """
    network = blank_network(form)
    network.load_state_dict({name: part.clone() for name, part in _parts(network, genome)}, assign=True)
    return network.requires_grad_(False)


def genome_size(form: EntityForm) -> int:
    """N, the length of the genomes of a form."""
    return sum(tensor.numel() for tensor in blank_network(form).state_dict().values())


def blank_network(form: EntityForm) -> EntityNetwork:
    """The shapes of a network, without any numbers."""
    with torch.device("meta"):
        return EntityNetwork(form)


def _parts(network: nn.Module, genome: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Each tensor of a network by its name, as it stands in a genome."""
    tensors = network.state_dict()
    sizes = [tensor.numel() for tensor in tensors.values()]
    if genome.shape != (sum(sizes),):
        raise ValueError(f"got a genome of shape {tuple(genome.shape)}, expected ({sum(sizes)},): of another network")
    for (name, tensor), part in zip(tensors.items(), genome.split_with_sizes(sizes), strict=True):
        yield name, part.reshape(tensor.shape)
