"""How the weights of a genome connect units: a network as a graph, for those who ask what a weight is good for.

Units stand in rows, in the order in which they are computed. A dense layer of the genome feeds a row from others;
what acts without a weight (a mean over entities, a gate, attention) is the rule of a row and its `parts`.
The kernels of the networks know nothing of this; a test holds them to it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from evo_hns.policies.features import NUM_OWN, num_sectors, row_widths
from evo_hns.policies.heads import NUM_INTENTS
from evo_hns.policies.layers import dense_size
from evo_hns.spec import ObservationSpec

Number = TypeVar("Number", bound=np.generic)


class Rule(enum.Enum):
    """What becomes of the weighted sum of a row of units, and of its parts."""

    INPUT = enum.auto()
    """Observed: nothing feeds it."""
    SQUASH = enum.auto()
    """`squash(sum + mean over the visible entities of each part)`."""
    LINEAR = enum.auto()
    """The sum as it is."""
    GATE = enum.auto()
    """`(1 + squash(sum / 2)) / 2`."""
    ENTITY = enum.auto()
    """`squash(sum)` of each visible entity of a kind; where none is seen there is nothing."""
    PRODUCT = enum.auto()
    """Of its parts."""
    ATTENDED = enum.auto()
    """Mean of the first part over its entities, weighted by the softmax of the second part's sum / sqrt(size)."""
    MEMORY = enum.auto()
    """`memory + gate * (candidate - memory)` of its parts (candidate, gate); zero at the start of an episode."""


@dataclass(frozen=True)
class Row:
    """A row of units that are computed alike."""

    size: int
    rule: Rule
    parts: tuple[str, ...] = ()  #: rows whose unit j acts on unit j without a weight
    kind: int = -1  #: of entities, if there is one such row for each entity


@dataclass(frozen=True)
class Layer:
    """A dense layer: `(1 + inputs, outputs)` numbers of the genome, the biases first."""

    start: int  #: of its weights in the genome
    sources: tuple[str, ...]  #: rows that are its inputs, one after the other
    target: str  #: the row it feeds
    num_inputs: int
    num_outputs: int

    @property
    def scale(self) -> float:
        """By which the kernel multiplies the sums."""
        return float(1.0 / np.sqrt(1.0 + self.num_inputs))

    def weights(self, genomes: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """`(..., 1 + inputs, outputs)` view of `(..., N)` numbers, one for each weight."""
        end = self.start + dense_size(self.num_inputs, self.num_outputs)
        return genomes[..., self.start : end].reshape(*genomes.shape[:-1], 1 + self.num_inputs, self.num_outputs)


@dataclass(frozen=True)
class Wiring:
    """All rows and layers of a network."""

    rows: Mapping[str, Row]  #: in the order in which they are computed; the last one is the intents
    layers: Mapping[str, Layer]  #: by target, in the order of the genome
    bundles: tuple[tuple[str, ...], ...]  #: hidden rows whose units j are one unit, which can only be removed whole

    @cached_property
    def num_params(self) -> int:
        """Length N of the genome of one network."""
        return sum(dense_size(layer.num_inputs, layer.num_outputs) for layer in self.layers.values())

    @property
    def num_units(self) -> int:
        """Hidden units that can be removed."""
        return sum(self.rows[bundle[0]].size for bundle in self.bundles)

    @property
    def output(self) -> str:
        """The row of the intents."""
        return list(self.rows)[-1]

    def inputs(self, layer: Layer) -> Iterator[tuple[str, slice]]:
        """The sources of a layer, each with its place among the inputs (the bias not counted)."""
        at = 0
        for name in layer.sources:
            yield name, slice(at, at + self.rows[name].size)
            at += self.rows[name].size


def wire(
    rows: Mapping[str, Row], layers: Sequence[tuple[tuple[str, ...], str]], bundles: tuple[tuple[str, ...], ...]
) -> Wiring:
    """Lay layers, given as (sources, target), one after the other into a genome."""
    placed: dict[str, Layer] = {}
    start = 0
    for sources, target in layers:
        num_inputs, num_outputs = sum(rows[name].size for name in sources), rows[target].size
        placed[target] = Layer(start, sources, target, num_inputs, num_outputs)
        start += dense_size(num_inputs, num_outputs)
    return Wiring(rows, placed, bundles)


def input_rows(spec: ObservationSpec) -> dict[str, Row]:
    """What is observed: the agent itself, and a row for each kind of entity, `seen 0` and so on."""
    own = {"own": Row(NUM_OWN + num_sectors(spec), Rule.INPUT)}
    return own | {f"seen {kind}": Row(width, Rule.INPUT, kind=kind) for kind, width in enumerate(row_widths(spec))}


def entity_rows(spec: ObservationSpec, size: int) -> dict[str, Row]:
    """The embeddings of each kind of entity, `entity 0` and so on."""
    return {f"entity {kind}": Row(size, Rule.ENTITY, kind=kind) for kind in range(len(row_widths(spec)))}


def entity_layers(spec: ObservationSpec) -> list[tuple[tuple[str, ...], str]]:
    """The layers of `entity_rows`."""
    return [((f"seen {kind}",), f"entity {kind}") for kind in range(len(row_widths(spec)))]


def last_rows(size: int, num_cells: int) -> dict[str, Row]:
    """What `network.finish` computes: the last hidden layer, the memory if there is one, and the intents."""
    memory = {
        "reset": Row(num_cells, Rule.GATE),
        "renew": Row(num_cells, Rule.GATE),
        "held": Row(num_cells, Rule.PRODUCT, ("memory", "reset")),
        "candidate": Row(num_cells, Rule.SQUASH),
        "memory": Row(num_cells, Rule.MEMORY, ("candidate", "renew")),
    }
    last, intents = {"last": Row(size, Rule.SQUASH)}, {"intents": Row(NUM_INTENTS, Rule.SQUASH)}
    return last | (memory if num_cells else {}) | intents


def last_layers(num_cells: int) -> list[tuple[tuple[str, ...], str]]:
    """The layers that `network.finish` reads."""
    if not num_cells:
        return [(("last",), "intents")]
    gates: list[tuple[tuple[str, ...], str]] = [(("last", "memory"), "reset"), (("last", "memory"), "renew")]
    return [*gates, (("last", "held"), "candidate"), (("last", "memory"), "intents")]


def last_bundles(num_cells: int) -> tuple[tuple[str, ...], ...]:
    """The units of `last_rows` that can be removed."""
    memory = ("memory", "candidate", "renew", "reset", "held")
    return (("last",), memory) if num_cells else (("last",),)
