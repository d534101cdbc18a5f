"""A multilayer perceptron over what it sees: each kind of entity is embedded and averaged.

hidden = squash(own + sum over kinds of the mean embedding); a second layer; with memory, a gated recurrent unit
beside it; the head reads the second layer and the memory.
"""

from __future__ import annotations

import numpy as np

from evo_hns.config import SmallPolicyConfig
from evo_hns.policies.features import row_widths
from evo_hns.policies.layers import add_mean_pools, dense, squash_all
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


def build_mlp(config: SmallPolicyConfig, spec: ObservationSpec) -> NetworkPolicy:
    """The pooled perceptron of a configuration."""
    hidden, cells = config.hidden_size, config.gru_size
    wiring = _wire(hidden, cells, spec)
    return NetworkPolicy(wiring.num_params, hidden, cells, spec, row_widths(spec), _forward, wiring)


def _wire(hidden: int, cells: int, spec: ObservationSpec) -> Wiring:
    """The layers in the order in which `_forward` reads them."""
    entities = entity_rows(spec, hidden)
    body = {"hidden": Row(hidden, Rule.SQUASH, parts=tuple(entities))}
    return wire(
        rows=input_rows(spec) | entities | body | last_rows(hidden, cells),
        layers=[(("own",), "hidden"), *entity_layers(spec), (("hidden",), "last"), *last_layers(cells)],
        bundles=(("hidden", *entities), *last_bundles(cells)),
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
    hidden, embedded = np.empty((2, hidden_size), np.float32)
    joined, gates = np.empty(hidden_size + num_cells, np.float32), np.empty((2, num_cells), np.float32)
    last = np.empty(hidden_size + num_cells, np.float32)
    for w in range(own.shape[0]):
        for a in range(own.shape[1]):
            if not present[w, a]:
                skip(memory[w, a], renewed[w, a], intents[w, a])
                continue
            genome = params[w, a if params.shape[1] > 1 else 0]
            at = dense(genome, 0, own[w, a], hidden)
            at = add_mean_pools(genome, at, rows[w, a], kinds[w, a], widths, embedded, hidden)
            squash_all(hidden)
            at = dense(genome, at, hidden, last[:hidden_size])
            finish(genome, at, last, memory[w, a], joined, gates, renewed[w, a], intents[w, a])
