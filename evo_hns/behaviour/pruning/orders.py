"""In which order weights are removed: a number for each weight, smallest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from evo_hns.behaviour.pruning.activity import FloatArray
from evo_hns.behaviour.pruning.simplify import GenomeArray
from evo_hns.policies.graph import ComputeGraph


@dataclass(frozen=True)
class Subject:
    """Whose weights are to be removed."""

    graph: ComputeGraph
    genome: GenomeArray  #: `(M, N)`, M networks: one for the team or one for each member
    strengths: Mapping[str, FloatArray]  #: layer -> `(M, 1 + inputs)` root mean square of its inputs, bias first
    seed: int  #: of whatever is random


Order = Callable[[Subject], FloatArray]
"""`(M, N)` importance of each weight: what is least goes first, and what is equal goes together."""


def magnitude(subject: Subject) -> FloatArray:
    """The weight's size."""
    return np.abs(subject.genome).astype(np.float64)


def importance(subject: Subject) -> FloatArray:
    """How strongly a weight moves the unit it feeds: |weight| x the root mean square of its input (Sun et al. 2024).

    The layers' own scale is included, for weights of all layers are compared with each other.
    """
    result = np.zeros(subject.genome.shape)
    for target, layer in subject.graph.layers.items():
        size = np.abs(layer.weights(subject.genome)) * layer.scale
        layer.weights(result)[...] = size * subject.strengths[target][..., None]
    return result


def units(subject: Subject) -> FloatArray:
    """Whole hidden units: a weight goes with the first of its two units, a unit by all that it passes on.

    A unit's share is the root of the summed squares of its outgoing weights' `importance`. Biases of the action outputs
    belong to no unit and stay to the end.
    """
    passed = importance(subject)
    shares = [_shares(subject.graph, own) for own in passed]
    result = np.full(subject.genome.shape, np.inf)
    for target, layer in subject.graph.layers.items():
        for member, share in enumerate(shares):
            inputs = np.concatenate([np.zeros(0), *(share[name] for name in layer.sources)])
            view = layer.weights(result[member])
            view[0] = share[target]
            view[1:] = np.minimum(inputs[:, None], share[target])
    return result


def _shares(graph: ComputeGraph, passed: FloatArray) -> dict[str, FloatArray]:
    """Node -> `(size,)` what the units of its group pass on; infinite of nodes that cannot be removed."""
    shares = {name: np.full(node.size, np.inf) for name, node in graph.nodes.items()}
    for group in graph.unit_groups:
        total = np.zeros(graph.nodes[group[0]].size)
        for target, layer in graph.layers.items():
            if target in group:
                continue  # what a unit does to its own kind (memory) is not passed on
            squares = (layer.weights(passed)[1:] ** 2).sum(1)
            for name, place in graph.slices(layer):
                total += squares[place] if name in group else 0.0
        shares |= dict.fromkeys(group, np.sqrt(total))
    return shares


def random(subject: Subject) -> FloatArray:
    """Any order: the control, without which a curve says nothing."""
    places = np.random.default_rng(subject.seed).permutation(subject.genome.size)
    return places.reshape(subject.genome.shape).astype(np.float64)


ORDERS: dict[str, Order] = {"magnitude": magnitude, "importance": importance, "units": units, "random": random}
"""By the name that `--order` gives them."""

CONTROL = "random"


def remove(genome: GenomeArray, order: FloatArray, keep: int) -> GenomeArray:
    """Set the least important weights to zero until no more than so many are left.

    Args:
        genome: weights; zeros are not counted.
        order: of the same shape, the importance of each.
        keep: how many may stay; of those equal in importance all stay or none.
    """
    counted = genome != 0
    ranked = np.sort(order[counted])[::-1]
    if keep >= len(ranked):
        return genome.copy()
    return np.where(counted & (order > ranked[keep]), genome, np.float32(0.0))


def schedule(num_weights: int, factor: float, fewest: int = 4) -> list[int]:
    """Numbers of weights to keep: all, then each time the same share of them, down to a handful; at last none."""
    counts = [num_weights]
    while (count := min(round(counts[-1] * factor), counts[-1] - 1)) >= fewest:
        counts.append(count)
    return [*counts, 0]
