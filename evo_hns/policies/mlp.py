"""A multilayer perceptron over what it sees: each type of entity is embedded and averaged.

The agent's own embedding and the means are added and squashed; a hidden layer follows, and the head.
"""

from __future__ import annotations

from evo_hns.config import SmallPolicyConfig
from evo_hns.policies.graph import SELF, ComputeGraph, Node, Op, embeddings, observed, recurrent_head
from evo_hns.policies.network import NetworkPolicy
from evo_hns.spec import ObservationSpec


def build_mlp(config: SmallPolicyConfig, spec: ObservationSpec) -> NetworkPolicy:
    """The pooled perceptron of a configuration."""
    size, entities = config.hidden_size, embeddings(spec, config.hidden_size)
    nodes = {
        "self embedding": Node(Op.LINEAR, size, (SELF,)),
        **entities,
        "pooled": Node(Op.MEAN_POOL, size, ("self embedding", *entities)),
        "hidden": Node(Op.SQUASH, size, ("pooled",)),
        **recurrent_head("hidden", config.gru_size),
    }
    return NetworkPolicy(ComputeGraph(observed(spec) | nodes), spec)
