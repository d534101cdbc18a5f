"""A compute graph once more, in torch: for gradients, which the kernel does not give. Values are the kernel's."""

from __future__ import annotations

import torch
from torch import Tensor

from evo_hns.policies.graph import MEMORY, NOISE, ComputeGraph, Node, Op


def forward(
    graph: ComputeGraph,
    genome: Tensor,
    self_features: Tensor,
    entity_features: Tensor,
    entity_types: Tensor,
    memory: Tensor,
) -> tuple[Tensor, Tensor]:
    """The outputs of one network for B rows, and what it remembers after them.

    Args:
        graph: its form; without random inputs.
        genome: `(N,)` its weights.
        self_features: `(B, S)` as of `Features`.
        entity_features: `(B, E, W)`, undefined where hidden.
        entity_types: `(B, E)`.
        memory: `(B, G)` before the step.

    Raises:
        ValueError: the graph has random inputs.
    """
    if NOISE in graph.nodes:
        raise ValueError("a network with random inputs has no gradient here")
    given = {name for name, node in graph.nodes.items() if node.op is Op.INPUT and node.entity_type < 0}
    values = {name: self_features[:, place] for name, place in graph.places.items() if name in given}
    embeddings: dict[str, Tensor] = {}  # (B, E, size)
    nothing = self_features[:, :0]
    if graph.num_cells:
        values[MEMORY] = memory
    for name, node in graph.nodes.items():
        if node.op is Op.INPUT:
            continue
        if node.op is Op.EMBEDDING:
            columns = graph.layers[name].num_inputs
            there = (entity_types == node.entity_type)[..., None]  # of others anything may stand there, NaN too
            seen = torch.where(there, entity_features[..., :columns], 0.0)
            embeddings[name] = _squash(_dense(graph, name, genome, seen))
        elif node.op in (Op.LINEAR, Op.SQUASH, Op.GATE):
            sums = _dense(graph, name, genome, torch.cat([nothing, *(values[source] for source in node.inputs)], -1))
            values[name] = _ACTIVATIONS[node.op](sums)
        else:
            values[name] = _combine(graph, name, node, values, embeddings, entity_types)
    return values[graph.output], values.get(MEMORY, memory)


def _combine(
    graph: ComputeGraph,
    name: str,
    node: Node,
    values: dict[str, Tensor],
    embeddings: dict[str, Tensor],
    entity_types: Tensor,
) -> Tensor:
    """A node without weights."""
    first, *others = node.inputs
    if node.op is Op.PRODUCT:
        return values[first] * values[others[0]]
    if node.op is Op.INTERPOLATE:
        return values[name] + values[others[0]] * (values[first] - values[name])
    visible = {other: (entity_types == graph.nodes[other].entity_type).to(values[first].dtype) for other in others}
    if node.op is Op.ATTENTION_POOL:
        (other,) = others
        matches = (embeddings[other] * values[first][:, None]).sum(-1) / node.size**0.5
        shares = torch.softmax(matches.masked_fill(visible[other] == 0, -torch.inf), -1).nan_to_num(0.0)
        return (shares[..., None] * embeddings[other]).sum(1)
    means = [
        (embeddings[other] * mask[..., None]).sum(1) / mask.sum(1).clamp(min=1.0)[:, None]
        for other, mask in visible.items()
    ]
    return _squash(values[first] + torch.stack(means).sum(0))


def _dense(graph: ComputeGraph, name: str, genome: Tensor, inputs: Tensor) -> Tensor:
    layer = graph.layers[name]
    weights = layer.weights(genome)
    return (weights[0] + inputs @ weights[1:]) * layer.scale


def _squash(x: Tensor) -> Tensor:
    x = x.clamp(-3.0, 3.0)
    return x * (27.0 + x * x) / (27.0 + 9.0 * x * x)


def _gate(x: Tensor) -> Tensor:
    return 0.5 + 0.5 * _squash(0.5 * x)


_ACTIVATIONS = {Op.LINEAR: torch.positive, Op.SQUASH: _squash, Op.GATE: _gate}
