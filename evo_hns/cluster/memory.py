"""How much memory a run needs on a node: a bound that was fitted to measured peaks, see docs/cluster.md."""

from __future__ import annotations

from collections.abc import Mapping

from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import build_player
from evo_hns.spec import Side


def needed_memory(config: RunConfig, ranks_per_node: int) -> int:
    """MB that ranks of a run need on the node of their leader, at most; rounded up to hundreds."""
    return node_memory(config, build_player(config, 1).genome_lengths, ranks_per_node)


def node_memory(config: RunConfig, lengths: Mapping[Side, int], ranks_per_node: int) -> int:
    """TODO."""
    return 0
