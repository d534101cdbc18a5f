"""A multilayer perceptron over what it sees: each type of entity is embedded and averaged.

The agent's own embedding and the means are added and squashed; a hidden layer follows, and the head.
"""

from __future__ import annotations

from evo_hns.config import SmallPolicyConfig
from evo_hns.policies.actuators import Actuators
from evo_hns.policies.graph import ComputeGraph, Node, Op, agent_inputs, embeddings, observed, recurrent_head
from evo_hns.policies.network import NetworkPolicy
from evo_hns.policies.senses import Senses, sense_widths
from evo_hns.spec import ObservationSpec


def build_mlp(config: SmallPolicyConfig, spec: ObservationSpec) -> NetworkPolicy:
    """The pooled perceptron of a configuration."""
    size, senses = config.hidden_size, Senses.of(config)
    given = observed(spec, config.num_noise, sense_widths(senses, spec))
    entities = embeddings(spec, size)
    nodes = {
        "self embedding": Node(Op.LINEAR, size, agent_inputs(given)),
        **entities,
        "pooled": Node(Op.MEAN_POOL, size, ("self embedding", *entities)),
        "hidden": Node(Op.SQUASH, size, ("pooled",)),
        **recurrent_head("hidden", config.gru_size, config.leaky_size),
    }
    graph, redraw = ComputeGraph(given | nodes), config.noise == "step"
    return NetworkPolicy(graph, spec, Actuators.of(config), redraw=redraw, senses=senses)
