"""A network that asks: what it knows of itself makes one query, by which it weighs the entities of each kind.

context = squash(own); query = dense(context); per kind an attention pool; a layer over all of them; with memory,
a gated recurrent unit beside it; the head reads that layer and the memory.
"""

from __future__ import annotations

import numpy as np

from evo_hns.config import SmallPolicyConfig
from evo_hns.policies.features import row_widths
from evo_hns.policies.layers import attention_pools, dense, squash_all
from evo_hns.policies.network import NetworkPolicy, finish, skip
from evo_hns.policies.wiring import (
    Row,
    Rule,
    Wiring,
    entity_layers,
    entity_rows,
    input_rows,
    last_bundles,
    last_layers,
    last_rows,
    wire,
)
from evo_hns.spec import ObservationSpec
from evo_hns.system.kernels import kernel


def build_attention(config: SmallPolicyConfig, spec: ObservationSpec) -> NetworkPolicy:
    """The one-query attention network of a configuration."""
    hidden, cells = config.hidden_size, config.gru_size
    wiring = _wire(hidden, cells, spec)
    return NetworkPolicy(wiring.num_params, hidden, cells, spec, row_widths(spec), _forward, wiring)


def _wire(hidden: int, cells: int, spec: ObservationSpec) -> Wiring:
    """The layers in the order in which `_forward` reads them; a likeness is a sum of products with the query."""
    context, query = {"context": Row(hidden, Rule.SQUASH)}, {"query": Row(hidden, Rule.LINEAR)}
    entities, likeness, pools = entity_rows(spec, hidden), {}, {}
    for kind, entity in enumerate(entities):
        likeness[f"likeness {kind}"] = Row(hidden, Rule.PRODUCT, parts=("query", entity), kind=kind)
        pools[f"pool {kind}"] = Row(hidden, Rule.ATTENDED, parts=(entity, f"likeness {kind}"))
    first, last = [(("own",), "context"), (("context",), "query")], [(("context", *pools), "last")]
    return wire(
        rows=input_rows(spec) | context | query | entities | likeness | pools | last_rows(hidden, cells),
        layers=[*first, *entity_layers(spec), *last, *last_layers(cells)],
        bundles=(("context",), ("query", *entities, *likeness, *pools), *last_bundles(cells)),
    )


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
