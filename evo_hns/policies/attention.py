"""A network that asks: what it knows of itself makes one query, by which it weighs the entities of each kind.

context = squash(own); query = dense(context); per kind an attention pool; a layer over all of them; with memory,
a gated recurrent unit beside it; the head reads that layer and the memory.
"""

from __future__ import annotations

import numpy as np

from evo_hns.config import PolicyConfig
from evo_hns.policies.features import NUM_OWN, num_sectors, row_widths
from evo_hns.policies.kernel import kernel
from evo_hns.policies.layers import attention_pools, dense, dense_size, squash_all
from evo_hns.policies.network import NetworkPolicy, finish, finish_size, skip
from evo_hns.spec import ObservationSpec


def build_attention(config: PolicyConfig, spec: ObservationSpec) -> NetworkPolicy:
    """The one-query attention network of a configuration."""
    hidden, cells, widths = config.hidden_size, config.gru_size, row_widths(spec)
    num_params = (
        dense_size(NUM_OWN + num_sectors(spec), hidden)
        + dense_size(hidden, hidden)
        + sum(dense_size(width, hidden) for width in widths)
        + dense_size((1 + len(widths)) * hidden, hidden)
        + finish_size(hidden, cells)
    )
    return NetworkPolicy(num_params, hidden, cells, spec, widths, _forward)


@kernel
def _forward(
    present: np.ndarray,
    params: np.ndarray,
    own: np.ndarray,
    rows: np.ndarray,
    kinds: np.ndarray,
    widths: tuple[int, ...],
    sizes: tuple[int, int],
    memory: np.ndarray,
    renewed: np.ndarray,
    intents: np.ndarray,
) -> None:
    hidden_size, num_cells = sizes
    query, embedded = np.empty((2, hidden_size), np.float32)
    context = np.empty((1 + len(widths)) * hidden_size, np.float32)  # own part, then one part per kind
    joined, gates = np.empty(hidden_size + num_cells, np.float32), np.empty((2, num_cells), np.float32)
    last = np.empty(hidden_size + num_cells, np.float32)
    for w in range(own.shape[0]):
        for a in range(own.shape[1]):
            if not present[w, a]:
                skip(memory[w, a], renewed[w, a], intents[w, a])
                continue
            genome = params[w, a if params.shape[1] > 1 else 0]
            at = dense(genome, 0, own[w, a], context[:hidden_size])
            squash_all(context[:hidden_size])
            at = dense(genome, at, context[:hidden_size], query)
            seen = context[hidden_size:]
            at = attention_pools(genome, at, rows[w, a], kinds[w, a], widths, query, embedded, seen)
            at = dense(genome, at, context, last[:hidden_size])
            finish(genome, at, last, memory[w, a], joined, gates, renewed[w, a], intents[w, a])
