"""A network that asks: what it knows of itself makes one query, by which it weighs the entities of each type.

A hidden layer reads the agent's own embedding and an attention pool for each type; the head follows.
"""

from __future__ import annotations

from evo_hns.config import SmallPolicyConfig
from evo_hns.policies.actuators import Actuators
from evo_hns.policies.graph import ComputeGraph, Node, Op, agent_inputs, embeddings, observed, recurrent_head
from evo_hns.policies.network import NetworkPolicy
from evo_hns.policies.senses import Senses, sense_widths
from evo_hns.spec import ObservationSpec


def build_attention(config: SmallPolicyConfig, spec: ObservationSpec) -> NetworkPolicy:
    """The one-query attention network of a configuration."""
    size, senses = config.hidden_size, Senses.of(config)
    given = observed(spec, config.num_noise, sense_widths(senses, spec))
    entities = embeddings(spec, size)
    pools = {f"{name} pool": Node(Op.ATTENTION_POOL, size, ("query", name)) for name in entities}
    nodes = {
        "self embedding": Node(Op.SQUASH, size, agent_inputs(given)),
        "query": Node(Op.LINEAR, size, ("self embedding",)),
        **entities,
        **pools,
        "hidden": Node(Op.SQUASH, size, ("self embedding", *pools)),
        **recurrent_head("hidden", config.gru_size, config.leaky_size),
    }
    graph, redraw = ComputeGraph(given | nodes), config.noise == "step"
    return NetworkPolicy(graph, spec, Actuators.of(config), redraw=redraw, senses=senses)
