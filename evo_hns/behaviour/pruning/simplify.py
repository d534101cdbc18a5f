"""What of a network can act at all: units that are constant or lead nowhere are taken out of it.

Follows from the weights alone, for any input: a unit without incoming weights is constant, and its effect is added to
the biases of those it feeds; a unit without outgoing weights goes; until nothing changes. What is left plays the
same game to rounding. It is an upper bound: what a unit could do is kept even if no world ever makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evo_hns.behaviour.pruning.activity import FloatArray
from evo_hns.policies.graph import ComputeGraph, Layer, Node, Op

BoolArray = npt.NDArray[np.bool_]
GenomeArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Simplified:
    """What is left of one network."""

    genome: GenomeArray  #: `(N,)`, of the same network, with zeros where nothing acts
    num_weights: int  #: that are not zero: the effective parameters
    num_units: int  #: hidden units that act


def simplify(graph: ComputeGraph, genome: GenomeArray) -> Simplified:
    """Take out what cannot act.

    Args:
        graph: of the network.
        genome: `(N,)` of one network.
    """
    known = _constants(graph, genome)
    settled = {name: _settled(graph, name, values) for name, values in known.items()}
    live = _live(graph, genome, known, settled)
    left = np.zeros_like(genome)
    for target, layer in graph.layers.items():
        before, after = layer.weights(genome), layer.weights(left)
        constants = _joined(known, layer)
        varies = np.isnan(constants)
        folded = np.where(varies, 0.0, constants) @ before[1:].astype(np.float64)
        after[0] = np.where(live[target], before[0] + folded, 0.0)
        after[1:] = np.where(varies[:, None] & live[target], before[1:], 0.0)
    units = sum(int(np.any([live[name] for name in group], axis=0).sum()) for group in graph.unit_groups)
    return Simplified(left, int(np.count_nonzero(left)), units)


def _joined(known: Mapping[str, FloatArray], layer: Layer) -> FloatArray:
    """`(inputs,)` what is known of the inputs of a layer."""
    return np.concatenate([np.zeros(0), *(known[source] for source in layer.sources)])


def _constants(graph: ComputeGraph, genome: GenomeArray) -> Mapping[str, FloatArray]:
    """Node -> `(size,)` the value that its units always have, NaN of those that vary.

    Memory starts at zero and stays there while its candidates or its gates are zero, which may depend on other memory:
    what is zero is found by taking it for zero until the contrary follows.
    """
    known = {name: np.zeros(node.size) for name, node in graph.nodes.items() if node.op is Op.INTERPOLATE}
    while True:
        before = dict(known)
        for name, node in graph.nodes.items():
            total = _known_sum(graph.layers[name], genome, known) if name in graph.layers else np.zeros(node.size)
            known[name] = _constant(node, total, [known[part] for part in node.parts])
        if all(np.array_equal(values, known[name], equal_nan=True) for name, values in before.items()):
            return known


def _known_sum(layer: Layer, genome: GenomeArray, known: Mapping[str, FloatArray]) -> FloatArray:
    """`(outputs,)` the weighted sums that are constant, NaN of others."""
    weights = layer.weights(genome).astype(np.float64)
    constants = _joined(known, layer)
    varies = np.isnan(constants)
    total = (weights[0] + np.where(varies, 0.0, constants) @ weights[1:]) * layer.scale
    return np.where((weights[1:][varies] != 0).any(0), np.nan, total)


def _constant(node: Node, total: FloatArray, parts: list[FloatArray]) -> FloatArray:
    """The constant values of a node; of what comes and goes with entities, and of memory, only zero is constant."""
    match node.op:
        case Op.INPUT:
            return np.full(node.size, np.nan)
        case Op.LINEAR:
            return total
        case Op.SQUASH:
            return _squash(total)
        case Op.GATE:
            return 0.5 + 0.5 * _squash(0.5 * total)
        case Op.EMBEDDING:
            return np.where(total == 0, 0.0, np.nan)
        case Op.MEAN_POOL:
            return np.where(np.all([part == 0 for part in parts[1:]], axis=0), _squash(parts[0]), np.nan)
        case Op.ATTENTION_POOL:
            return np.where(parts[1] == 0, 0.0, np.nan)
        case Op.PRODUCT | Op.INTERPOLATE:
            return np.where((parts[0] == 0) | (parts[1] == 0), 0.0, np.nan)


def _squash(x: FloatArray) -> FloatArray:
    """`layers.squash` of arrays, in double precision."""
    x = np.clip(x, -3.0, 3.0)
    squashed: FloatArray = x * (27.0 + x * x) / (27.0 + 9.0 * x * x)
    return squashed


def _settled(graph: ComputeGraph, name: str, known: FloatArray) -> BoolArray:
    """`(size,)` units that need no weights: zero, or constant and read by nothing but layers, which take it over."""
    is_part = any(name in node.parts for node in graph.nodes.values())
    foldable = not is_part and name != graph.output
    settled: BoolArray = ~np.isnan(known) if foldable else known == 0
    return settled


def _live(
    graph: ComputeGraph, genome: GenomeArray, known: Mapping[str, FloatArray], settled: Mapping[str, BoolArray]
) -> Mapping[str, BoolArray]:
    """Node -> `(size,)` units that vary (or gate what varies) and lead to the action outputs."""
    live = {name: np.zeros(node.size, dtype=np.bool_) for name, node in graph.nodes.items()}
    live[graph.output] = ~settled[graph.output]
    while True:
        before = sum(int(units.sum()) for units in live.values())
        for name in reversed(list(graph.nodes)):
            _pass_back(graph, genome, name, known, live)
            for source in live:
                live[source] &= ~settled[source]
        if sum(int(units.sum()) for units in live.values()) == before:
            return live


def _pass_back(
    graph: ComputeGraph, genome: GenomeArray, name: str, known: Mapping[str, FloatArray], live: dict[str, BoolArray]
) -> None:
    """What acts on a live unit of a node is live."""
    node = graph.nodes[name]
    acts = live[name]
    if node.op is Op.ATTENTION_POOL and acts.any():  # the logits, of whichever units, decide on all units of the pool
        query, embedding = node.parts
        logits = (known[query] != 0) & (known[embedding] != 0)
        live[query] = live[query] | logits
        live[embedding] = live[embedding] | logits | acts
    elif node.op is not Op.ATTENTION_POOL:
        for part in node.parts:
            live[part] = live[part] | acts
    if name in graph.layers:
        layer = graph.layers[name]
        acts = (layer.weights(genome)[1:] != 0)[:, live[name]].any(1)
        for source, place in graph.slices(layer):
            live[source] = live[source] | (acts[place] & np.isnan(known[source]))
