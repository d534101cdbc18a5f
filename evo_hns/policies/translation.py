"""A network of one game in another: what both games observe keeps its weights, what is new gets zeros.

So the translated network does in the other game what it would have done, blind for what it never knew. A layer divides
its sums by the root of the number of its inputs, which changes with the game; the weights are scaled against that.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from evo_hns.config import ConfigError
from evo_hns.policies.base import Policy
from evo_hns.policies.features import ENTITY_TYPES, NUM_SELF, entity_columns, num_sectors
from evo_hns.policies.graph import SELF
from evo_hns.policies.network import NetworkPolicy
from evo_hns.policies.senses import nearest_kinds


def translated(genomes: np.ndarray, theirs: Policy, ours: Policy) -> np.ndarray:
    """Genomes of a network of another game as genomes of the same network in this one.

    Args:
        genomes: `(..., N)` float32 of their network.
        theirs: it, in the other game.
        ours: it, in this game; of the same settings.

    Returns:
        `(..., M)` float32.

    Raises:
        ConfigError: it is no network that is described as a graph.
    """
    if not isinstance(theirs, NetworkPolicy) or not isinstance(ours, NetworkPolicy):
        raise ConfigError("only the small networks (mlp, attention) go from one game to another")
    found = np.zeros((*genomes.shape[:-1], ours.num_params), dtype=np.float32)
    for name, layer in ours.graph.layers.items():
        if (old := theirs.graph.layers.get(name)) is None:
            continue
        scale = np.float32(old.scale / layer.scale)
        before, after = old.weights(genomes), layer.weights(found)
        after[..., 0, :] = scale * before[..., 0, :]
        places = dict(theirs.graph.slices(old))
        for source, place in ours.graph.slices(layer):
            known = {} if source not in places else {c: k for k, c in enumerate(_columns(theirs, source))}
            for k, column in enumerate(_columns(ours, source)):
                if column in known:
                    row = 1 + places[source].start + known[column]
                    after[..., 1 + place.start + k, :] = scale * before[..., row, :]
    return found


def output_weights(policy: Policy) -> slice:
    """Where the last layer's weights stand in a genome.

    Raises:
        ConfigError: it is no network that is described as a graph.
    """
    if not isinstance(policy, NetworkPolicy):
        raise ConfigError("only the small networks (mlp, attention) have a last layer that can be told apart")
    start = policy.graph.layers[policy.graph.output].start
    return slice(start, policy.num_params)


def _columns(policy: NetworkPolicy, source: str) -> list[Hashable]:
    """What each unit of a source is, so that the same in two games has the same name."""
    spec = policy.spec
    if source in ENTITY_TYPES:
        return list(entity_columns(spec)[ENTITY_TYPES.index(source)])
    if source == "nearest":
        return [
            (kind, number, column)
            for kind in nearest_kinds(spec)
            for number in range(policy.senses.nearest)
            for column in ("there", *entity_columns(spec)[kind])
        ]
    size = policy.graph.nodes[source].size
    if source == SELF:
        sectors = num_sectors(spec)
        return [*range(NUM_SELF), *(("sector", k, sectors) for k in range(sectors))]
    return list(range(size))
