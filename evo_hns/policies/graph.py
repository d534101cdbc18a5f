"""A network as a compute graph: its one description, from which genome, kernel and pruning follow.

Nodes are rows of units, in the order in which they are computed; nodes with weights stand in the order of the genome,
too. A memory is a node that its own inputs may read: before it is computed, it holds what it was a step ago.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from evo_hns.policies.actions import NUM_OUTPUTS
from evo_hns.policies.features import ENTITY_TYPES, NUM_SELF, entity_widths, num_sectors
from evo_hns.policies.layers import dense_size
from evo_hns.spec import ObservationSpec

Genomes = TypeVar("Genomes", npt.NDArray[np.float32], npt.NDArray[np.float64], npt.NDArray[np.bool_], Tensor)

SELF = "self"
"""The node of the agent itself; the first one."""
MEMORY = "hidden state"
"""The node of what a network remembers, if it remembers anything."""
SENSES = ("openings", "doors", "last seen", "nearest")
"""The nodes of its senses (see `senses`), those that it has."""
NOISE = "random input"
"""The node of random numbers that it is given beside what the agent observes of itself, if there are any."""


class Op(enum.IntEnum):
    """What a node makes of its inputs; the first four have a dense layer, which reads all inputs in a row."""

    LINEAR = 0
    """The layer's sums as they are."""
    SQUASH = 1
    """`squash(sum)`, which stands for tanh."""
    GATE = 2
    """`(1 + squash(sum / 2)) / 2`, which stands for the logistic function."""
    EMBEDDING = 3
    """`squash(sum)` of each visible entity of a type; only pools read it."""
    MEAN_POOL = 4
    """`squash(first input + mean over the visible entities of each other input)`."""
    ATTENTION_POOL = 5
    """Inputs query, embedding: mean over its entities, weighted by the softmax of query . embedding / sqrt(size)."""
    PRODUCT = 6
    """Of two inputs."""
    INTERPOLATE = 7
    """Inputs candidate, gate: `memory + gate * (candidate - memory)`; the memory of an episode, zero at its start."""
    INPUT = 8
    """Observed: of the agent itself, or of each visible entity of a type."""


_WEIGHTED = (Op.LINEAR, Op.SQUASH, Op.GATE, Op.EMBEDDING)
_INPUTS = {  # u: units of the agent, o: what is observed of entities, e: embeddings
    **{Op.INPUT: "", Op.LINEAR: "u*", Op.SQUASH: "u*", Op.GATE: "u*", Op.EMBEDDING: "o"},
    **{Op.MEAN_POOL: "ue*", Op.ATTENTION_POOL: "ue", Op.PRODUCT: "uu", Op.INTERPOLATE: "uu"},
}


@dataclass(frozen=True)
class Node:
    """A row of units that are computed alike."""

    op: Op
    size: int
    inputs: tuple[str, ...] = ()  #: names of nodes; where there is no dense layer, unit j reads their units j
    entity_type: int = -1  #: of inputs and embeddings that there are for each entity

    @property
    def parts(self) -> tuple[str, ...]:
        """Inputs that act without weights, unit by unit."""
        return () if self.op in _WEIGHTED else self.inputs


def _letter(node: Node) -> str:
    if node.entity_type < 0:
        return "u"
    return "o" if node.op is Op.INPUT else "e"


@dataclass(frozen=True)
class Layer:
    """A dense layer: `(1 + inputs, outputs)` numbers of the genome, the biases first."""

    start: int  #: of its weights in the genome
    sources: tuple[str, ...]  #: nodes that are its inputs, one after the other
    num_inputs: int
    num_outputs: int

    @property
    def scale(self) -> float:
        """By which the kernel multiplies the sums."""
        return float(1.0 / np.sqrt(1.0 + self.num_inputs))

    def weights(self, genomes: Genomes) -> Genomes:
        """`(..., 1 + inputs, outputs)` view of `(..., N)` numbers, one for each weight."""
        end = self.start + dense_size(self.num_inputs, self.num_outputs)
        return genomes[..., self.start : end].reshape(*genomes.shape[:-1], 1 + self.num_inputs, self.num_outputs)


class Program(NamedTuple):
    """A graph as the kernel reads it, without looking twice: `ComputeGraph` has checked it."""

    instructions: np.ndarray
    """`(K, 6)` int64: operation, place and size of the values, start of the weights, first and end of the operands."""
    operands: np.ndarray
    """`(L, 5)` int64: place of the values and size; of embeddings also entity type, columns, start of the weights."""


@dataclass(frozen=True)
class ComputeGraph:
    """All nodes of a network; the last one is the action outputs.

    Raises:
        ValueError: it cannot be computed.
    """

    nodes: Mapping[str, Node]

    def __post_init__(self) -> None:
        """Refuse what the kernel, which checks no bounds, would read wrongly."""
        known = {MEMORY} & set(self.nodes)
        for name, node in self.nodes.items():
            if missing := [source for source in node.inputs if source not in known]:
                raise ValueError(f"{name!r} reads {missing[0]!r}, expected nodes that stand before it")
            sources = [self.nodes[source] for source in node.inputs]
            if not re.fullmatch(_INPUTS[node.op], "".join(map(_letter, sources))):
                raise ValueError(f"{name!r} cannot read {', '.join(node.inputs) or 'nothing'}: see Op.{node.op.name}")
            if any(self.nodes[part].size != node.size for part in node.parts):
                raise ValueError(f"{name!r} has {node.size} units, expected as many as all that it reads")
            if (node.op is Op.INTERPOLATE) != (name == MEMORY):
                raise ValueError(f"{name!r} is Op.{node.op.name}, expected that of {MEMORY!r} alone to be INTERPOLATE")
            if node.op is Op.EMBEDDING and node.entity_type != sources[0].entity_type:
                raise ValueError(f"{name!r} is of entity type {node.entity_type}, {node.inputs[0]!r} of another one")
            known.add(name)
        if self.nodes[self.output].size != NUM_OUTPUTS:
            raise ValueError(f"the last node, {self.output!r}, has another size than {NUM_OUTPUTS} action outputs")

    @cached_property
    def layers(self) -> Mapping[str, Layer]:
        """Dense layers by the node that they feed, in the order of the genome."""
        placed: dict[str, Layer] = {}
        start = 0
        for name, node in self.nodes.items():
            if node.op in _WEIGHTED:
                num_inputs = sum(self.nodes[source].size for source in node.inputs)
                placed[name] = Layer(start, node.inputs, num_inputs, node.size)
                start += dense_size(num_inputs, node.size)
        return placed

    @property
    def num_params(self) -> int:
        """Length N of the genome of one network."""
        return sum(dense_size(layer.num_inputs, layer.num_outputs) for layer in self.layers.values())

    @property
    def num_cells(self) -> int:
        """G, numbers that the network remembers."""
        return self.nodes[MEMORY].size if MEMORY in self.nodes else 0

    @property
    def output(self) -> str:
        """The node of the action outputs."""
        return list(self.nodes)[-1]

    @cached_property
    def unit_groups(self) -> tuple[tuple[str, ...], ...]:
        """Prunable unit groups: hidden nodes whose units j act on each other without weights, and only go together."""
        group = {name: {name} for name, node in self.nodes.items() if node.op is not Op.INPUT and name != self.output}
        for name in group:
            for part in set(self.nodes[name].parts) & set(group):
                joined = group[name] | group[part]
                group |= dict.fromkeys(joined, joined)
        return tuple(dict.fromkeys(tuple(n for n in group if n in group[name]) for name in group))

    @property
    def num_units(self) -> int:
        """Hidden units that can be removed."""
        return sum(self.nodes[group[0]].size for group in self.unit_groups)

    def slices(self, layer: Layer) -> Iterator[tuple[str, slice]]:
        """The sources of a layer, each with its place among the inputs (the bias not counted)."""
        at = 0
        for name in layer.sources:
            yield name, slice(at, at + self.nodes[name].size)
            at += self.nodes[name].size

    @cached_property
    def places(self) -> Mapping[str, slice]:
        """Where the values of a node stand; entities have none. First what the kernel is given of the agent."""
        first = [name for name in (SELF, *SENSES, MEMORY, NOISE) if name in self.nodes]
        places, at = {}, 0
        for name in dict.fromkeys([*first, *self.nodes]):
            if self.nodes[name].entity_type < 0:
                places[name] = slice(at, at := at + self.nodes[name].size)
        return places

    @cached_property
    def num_values(self) -> int:
        """Of all nodes but those of entities."""
        return sum(self.nodes[name].size for name in self.places)

    @cached_property
    def largest(self) -> int:
        """Units of the largest node."""
        return max(node.size for node in self.nodes.values())

    @cached_property
    def program(self) -> Program:
        """What the kernel reads."""
        instructions: list[tuple[int, ...]] = []
        operands: list[tuple[int, ...]] = []
        for name, node in self.nodes.items():
            if name in self.places and node.op is not Op.INPUT:
                first = len(operands)
                operands += [self._operand(source) for source in node.inputs]
                start = self.layers[name].start if name in self.layers else 0
                instructions.append((node.op, self.places[name].start, node.size, start, first, len(operands)))
        return Program(np.array(instructions, np.int64).reshape(-1, 6), np.array(operands, np.int64).reshape(-1, 5))

    def _operand(self, name: str) -> tuple[int, ...]:
        node = self.nodes[name]
        if node.entity_type < 0:
            return self.places[name].start, node.size, -1, 0, 0
        layer = self.layers[name]
        return 0, node.size, node.entity_type, layer.num_inputs, layer.start


def observed(spec: ObservationSpec, num_noise: int = 0, senses: Mapping[str, int] | None = None) -> dict[str, Node]:
    """The nodes of what a network is given: the agent itself, its senses, random numbers, the entities of each type.

    Args:
        spec: of the game.
        num_noise: random numbers.
        senses: columns of each of its senses.
    """
    entities = {name: Node(Op.INPUT, width, (), k) for k, name, width in _entities(spec)}
    sensed = {name: Node(Op.INPUT, width) for name, width in (senses or {}).items()}
    noise = {NOISE: Node(Op.INPUT, num_noise)} if num_noise else {}
    return {SELF: Node(Op.INPUT, NUM_SELF + num_sectors(spec))} | sensed | noise | entities


def agent_inputs(nodes: Mapping[str, Node]) -> tuple[str, ...]:
    """Those of `observed` that there are once, to be read by one layer."""
    return tuple(name for name in (SELF, *SENSES, NOISE) if name in nodes)


def embeddings(spec: ObservationSpec, size: int) -> dict[str, Node]:
    """An embedding of each type of entities."""
    return {f"{name} embedding": Node(Op.EMBEDDING, size, (name,), k) for k, name, _ in _entities(spec)}


def _entities(spec: ObservationSpec) -> Iterator[tuple[int, str, int]]:
    """Number, name and columns of the types of entities that a game has."""
    for kind, width in enumerate(entity_widths(spec)):
        if width:
            yield kind, ENTITY_TYPES[kind], width


def recurrent_head(source: str, gru_size: int, leaky_size: int = 0) -> dict[str, Node]:
    """The end of a network: its memory, if it has cells, and the action outputs, which read both.

    Args:
        source: the last hidden layer.
        gru_size: cells of a gated recurrent unit.
        leaky_size: cells that are leaky integrators; there is one kind of cells.
    """
    unit = _gated_unit(source, gru_size) if gru_size else _leaky_integrators(source, leaky_size)
    return unit | action_outputs(source, MEMORY) if gru_size + leaky_size else action_outputs(source)


def _gated_unit(source: str, num_cells: int) -> dict[str, Node]:
    """The unit of Cho et al. 2014, eqs. 5-8, with `squash` for tanh."""
    return {
        "reset gate": Node(Op.GATE, num_cells, (source, MEMORY)),
        "update gate": Node(Op.GATE, num_cells, (source, MEMORY)),
        "reset state": Node(Op.PRODUCT, num_cells, (MEMORY, "reset gate")),
        "candidate": Node(Op.SQUASH, num_cells, (source, "reset state")),
        MEMORY: Node(Op.INTERPOLATE, num_cells, ("candidate", "update gate")),
    }


def _leaky_integrators(source: str, num_cells: int) -> dict[str, Node]:
    """Euler steps of a continuous-time recurrent network (Beer 1995): `h + rate * (squash(inputs, h) - h)`.

    A cell's rate is an evolved number, whatever is observed. It is the square of a gate: then numbers from 2 to -2
    stand for time constants from 1.3 to 81 env steps, an episode of the quadrant, and 0 for 4.
    """
    return {
        "rate gate": Node(Op.GATE, num_cells),
        "rate": Node(Op.PRODUCT, num_cells, ("rate gate", "rate gate")),
        "candidate": Node(Op.SQUASH, num_cells, (source, MEMORY)),
        MEMORY: Node(Op.INTERPOLATE, num_cells, ("candidate", "rate")),
    }


def action_outputs(*sources: str) -> dict[str, Node]:
    """The last node."""
    return {"action outputs": Node(Op.SQUASH, NUM_OUTPUTS, sources)}
