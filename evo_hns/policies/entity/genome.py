"""A network as one row of numbers, and back: its parameters and the statistics that normalise what it is told."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def genome_of(network: nn.Module) -> Tensor:
    """`(N,)` float32, a copy of all parameters and running statistics in the order in which the network lists them."""
    return torch.cat([tensor.detach().flatten().float().cpu() for tensor in network.state_dict().values()])


@torch.no_grad()
def load_genome(network: nn.Module, genome: Tensor) -> None:
    """Give a network the parameters and statistics of a genome.

    Raises:
        ValueError: the genome is not of this network's form.
    """
    tensors = list(network.state_dict().values())
    sizes = [tensor.numel() for tensor in tensors]
    if genome.shape != (sum(sizes),):
        raise ValueError(f"got a genome of shape {tuple(genome.shape)}, expected ({sum(sizes)},): of another network")
    for tensor, part in zip(tensors, genome.split_with_sizes(sizes), strict=True):
        tensor.copy_(part.reshape(tensor.shape))


def genome_size(network: nn.Module) -> int:
    """N, the length of a network's genome."""
    return sum(tensor.numel() for tensor in network.state_dict().values())
