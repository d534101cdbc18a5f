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

from evo_hns.behaviour.pruning.activity import FloatArray, squash
from evo_hns.policies.wiring import Row, Rule, Wiring

BoolArray = npt.NDArray[np.bool_]
GenomeArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Simplified:
    """What is left of one network."""

    genome: GenomeArray  #: `(N,)`, of the same network, with zeros where nothing acts
    num_weights: int  #: that are not zero: the effective parameters
    num_units: int  #: hidden units that act


def simplify(wiring: Wiring, genome: GenomeArray) -> Simplified:
    """Take out what cannot act.

    Args:
        wiring: of the network.
        genome: `(N,)` of one network.
    """
    known = _constants(wiring, genome)
    settled = {name: _settled(wiring, name, values) for name, values in known.items()}
    live = _live(wiring, genome, known, settled)
    left = np.zeros_like(genome)
    for target, layer in wiring.layers.items():
        before, after = layer.weights(genome), layer.weights(left)
        constants = np.concatenate([known[name] for name in layer.sources])
        varies = np.isnan(constants)
        folded = np.where(varies, 0.0, constants) @ before[1:].astype(np.float64)
        after[0] = np.where(live[target], before[0] + folded, 0.0)
        after[1:] = np.where(varies[:, None] & live[target], before[1:], 0.0)
    units = sum(int(np.any([live[name] for name in bundle], axis=0).sum()) for bundle in wiring.bundles)
    return Simplified(left, int(np.count_nonzero(left)), units)


def _constants(wiring: Wiring, genome: GenomeArray) -> Mapping[str, FloatArray]:
    """Row -> `(size,)` the value that its units always have, NaN of those that vary.

    Memory starts at zero and stays there while its candidates are zero, which may depend on other memory: what is
    zero is found by taking it for zero until the contrary follows.
    """
    known = {name: np.zeros(row.size) for name, row in wiring.rows.items() if row.rule is Rule.MEMORY}
    while True:
        before = dict(known)
        for name, row in wiring.rows.items():
            known[name] = _constant(row, _known_sum(wiring, genome, name, known), [known[part] for part in row.parts])
        if all(np.array_equal(values, known[name], equal_nan=True) for name, values in before.items()):
            return known


def _known_sum(wiring: Wiring, genome: GenomeArray, name: str, known: Mapping[str, FloatArray]) -> FloatArray:
    """`(size,)` the weighted sums that are constant, NaN of others; zeros of a row without a layer."""
    if name not in wiring.layers:
        return np.zeros(wiring.rows[name].size)
    layer = wiring.layers[name]
    weights = layer.weights(genome).astype(np.float64)
    constants = np.concatenate([known[source] for source in layer.sources])
    varies = np.isnan(constants)
    total = (weights[0] + np.where(varies, 0.0, constants) @ weights[1:]) * layer.scale
    return np.where((weights[1:][varies] != 0).any(0), np.nan, total)


def _constant(row: Row, total: FloatArray, parts: list[FloatArray]) -> FloatArray:
    """The constant values of a row; of what comes and goes with entities, and of memory, only zero is constant."""
    nothing = np.full(row.size, np.nan)
    if row.rule is Rule.SQUASH:
        steady = np.all([part == 0 for part in parts], axis=0) if parts else np.True_
        return np.where(steady, squash(total), np.nan)
    if row.rule is Rule.LINEAR:
        return total
    if row.rule is Rule.GATE:
        return 0.5 + 0.5 * squash(0.5 * total)
    if row.rule is Rule.ENTITY:
        return np.where(total == 0, 0.0, np.nan)
    if row.rule is Rule.PRODUCT:
        return np.where(np.any([part == 0 for part in parts], axis=0), 0.0, np.nan)
    if row.rule in (Rule.ATTENDED, Rule.MEMORY):
        return np.where(parts[0] == 0, 0.0, np.nan)
    return nothing


def _settled(wiring: Wiring, name: str, known: FloatArray) -> BoolArray:
    """`(size,)` units that need no weights: zero, or constant and read by nothing but layers, which take it over."""
    is_part = any(name in row.parts for row in wiring.rows.values())
    foldable = not is_part and name != wiring.output
    settled: BoolArray = ~np.isnan(known) if foldable else known == 0
    return settled


def _live(
    wiring: Wiring, genome: GenomeArray, known: Mapping[str, FloatArray], settled: Mapping[str, BoolArray]
) -> Mapping[str, BoolArray]:
    """Row -> `(size,)` units that vary (or gate what varies) and lead to the intents."""
    live = {name: np.zeros(row.size, dtype=np.bool_) for name, row in wiring.rows.items()}
    live[wiring.output] = ~settled[wiring.output]
    while True:
        before = sum(int(units.sum()) for units in live.values())
        for name in reversed(list(wiring.rows)):
            _pass_back(wiring, genome, name, known, live)
            for source in live:
                live[source] &= ~settled[source]
        if sum(int(units.sum()) for units in live.values()) == before:
            return live


def _pass_back(
    wiring: Wiring, genome: GenomeArray, name: str, known: Mapping[str, FloatArray], live: dict[str, BoolArray]
) -> None:
    """What acts on a live unit of a row is live."""
    row = wiring.rows[name]
    for number, part in enumerate(row.parts):
        weighs_all = row.rule is Rule.ATTENDED and number == 1  # a likeness decides on all units of the pool
        live[part] = live[part] | (live[name].any() if weighs_all else live[name])
    if name in wiring.layers:
        layer = wiring.layers[name]
        acts = (layer.weights(genome)[1:] != 0)[:, live[name]].any(1)
        for source, place in wiring.inputs(layer):
            live[source] = live[source] | (acts[place] & np.isnan(known[source]))
