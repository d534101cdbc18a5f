"""Networks that are compute graphs: features in, actions out, and between them one kernel that runs any graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from evo_hns.policies.actions import NUM_OUTPUTS
from evo_hns.policies.actuators import PLAIN, Actuators, actuate
from evo_hns.policies.agent_state import StateLayout, lay_out, redraw_noise, start_noise
from evo_hns.policies.base import TeamState
from evo_hns.policies.features import Features, encode
from evo_hns.policies.graph import NOISE, ComputeGraph, Op, Program
from evo_hns.policies.layers import (
    accumulate,
    add_mean_pool,
    attention_pool,
    gate_all,
    rescale,
    squash_all,
    start,
)
from evo_hns.policies.senses import NO_SENSES, Senses, num_sense_cells, perceive, sense_widths
from evo_hns.spec import Action, Observation, ObservationSpec
from evo_hns.system.kernels import kernel


@dataclass(frozen=True)
class NetworkPolicy:
    """A network whose every row has a genome of its own."""

    graph: ComputeGraph
    spec: ObservationSpec
    actuators: Actuators = PLAIN
    redraw: bool = False  #: random inputs are drawn anew at every decision, not once an episode
    senses: Senses = NO_SENSES

    @cached_property
    def layout(self) -> StateLayout:
        """Of what an agent remembers."""
        num_noise = self.graph.nodes[NOISE].size if NOISE in self.graph.nodes else 0
        return lay_out(
            self.graph.num_cells,
            num_noise,
            num_sense_cells(self.senses, self.spec),
            redraw=self.redraw and num_noise > 0,
            hold=self.actuators.hold > 1,
            grab=self.actuators.grab_latch > 0,
            lock=self.actuators.lock_latch > 0,
        )

    @cached_property
    def num_sense_columns(self) -> int:
        """Columns that the senses add to what an agent observes of itself."""
        return sum(sense_widths(self.senses, self.spec).values())

    @property
    def num_params(self) -> int:
        """Length N of the genome of one network."""
        return self.graph.num_params

    def bind(self, genomes: Tensor, num_agents: int, rows: Tensor | None = None) -> NetworkTeam:
        """Put weights in place; see `Policy.bind`."""
        check_genomes(genomes, num_agents, self.num_params)
        chosen = np.arange(len(genomes)) if rows is None else rows.numpy()
        return NetworkTeam(self, np.ascontiguousarray(genomes.to(torch.float32).numpy()), chosen, num_agents)


@dataclass(frozen=True, eq=False)
class NetworkTeam:
    """Networks of one form with their weights."""

    policy: NetworkPolicy
    params: np.ndarray  #: `(P, M, N)` float32
    rows: np.ndarray  #: `(W,)` int64, which of them plays each world: what many worlds share stays in the cache
    num_agents: int

    def initial_state(self, seeds: Tensor) -> TeamState:
        """Blank memory, `(W, A, layout.width)` float32; of random inputs their streams, or what they are."""
        state = np.zeros((len(seeds), self.num_agents, self.policy.layout.width), np.float32)
        start_noise(self.policy.layout, np.ascontiguousarray(seeds.numpy()), state)
        return torch.from_numpy(state)

    def act(self, observation: Observation, state: TeamState) -> tuple[Action, TeamState]:
        """Decide one env step; see `Team.act`."""
        features, known = self.look(observation, state)
        values = np.empty((1, self.policy.graph.num_values), np.float32)
        outputs, after = self.forward(features, known, values)
        return actuate(self.policy.actuators, self.policy.layout, outputs, features, after), torch.from_numpy(after)

    def look(self, observation: Observation, state: TeamState) -> tuple[Features, np.ndarray]:
        """What the team observes, and `(W, A, layout.width)` its state with what its senses remember of it.

        Args:
            observation: the team's rows, `(W, A, ...)`.
            state: before the step.
        """
        policy = self.policy
        features = encode(observation, policy.spec, policy.num_sense_columns)
        if not policy.num_sense_columns:
            return features, state.numpy()
        known = state.numpy().copy()
        perceive(policy.senses, policy.spec, observation, features, policy.layout.senses, known)
        return features, known

    def deciding(self, features: Features, state: np.ndarray) -> np.ndarray:
        """`(W, A)` bool, who exists and is not held to an earlier decision.

        Args:
            features: of the team.
            state: `(W, A, layout.width)` before the step.
        """
        if self.policy.actuators.hold == 1:
            return features.present
        deciding: np.ndarray = np.logical_and(features.present, state[..., self.policy.layout.wait] == 0)
        return deciding

    def forward(self, features: Features, state: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Action outputs `(W, A, NUM_OUTPUTS)`, and the state with memory and random inputs of after the step.

        Args:
            features: of the team.
            state: `(W, A, layout.width)` before the step.
            values: `(W * A, num_values)` float32, receives the values of all nodes by `ComputeGraph.places`, undefined
                of those who do not decide; or scratch of one row.
        """
        graph, after = self.policy.graph, state.copy()
        outputs = np.empty((*features.present.shape, NUM_OUTPUTS), np.float32)
        embedded = np.empty(graph.largest, np.float32)
        inputs = (features.self_features, features.entity_features, features.entity_types)
        rows = (self.params, self.rows, self.deciding(features, state))
        _forward(graph.program, self.policy.layout, *rows, *inputs, values, embedded, after, outputs)
        return outputs, after


def check_genomes(genomes: Tensor, num_agents: int, num_params: int) -> None:
    """Refuse genomes of another length or number than a network and a team need.

    Args:
        genomes: `(P, M, N)`.
        num_agents: A, members of the team.
        num_params: N that is expected.

    Raises:
        ValueError: they are.
    """
    _, members, length = genomes.shape
    if length != num_params:
        raise ValueError(
            f"got genomes of {length} parameters, expected {num_params}; "
            "play them with the network and the game they were made for"
        )
    if members not in (1, num_agents):
        raise ValueError(f"got {members} genomes a team, expected 1 (shared) or {num_agents} (one each)")


@kernel
def _forward(
    program: Program,
    layout: StateLayout,
    params: np.ndarray,
    rows: np.ndarray,
    deciding: np.ndarray,
    self_features: np.ndarray,
    entity_features: np.ndarray,
    entity_types: np.ndarray,
    values: np.ndarray,
    embedded: np.ndarray,
    state: np.ndarray,
    outputs: np.ndarray,
) -> None:
    """Run a program for all who decide; the others do nothing, and their state stays as it is."""
    num_agents, first_cell = deciding.shape[1], self_features.shape[2]
    first_noise = first_cell + layout.num_cells
    for w in range(deciding.shape[0]):
        for a in range(num_agents):
            if not deciding[w, a]:
                for j in range(NUM_OUTPUTS):
                    outputs[w, a, j] = 0.0
                continue
            row = values[w * num_agents + a if values.shape[0] > 1 else 0]
            for j in range(first_cell):
                row[j] = self_features[w, a, j]
            for j in range(layout.num_cells):
                row[first_cell + j] = state[w, a, j]
            redraw_noise(layout, state[w, a])
            for j in range(layout.num_noise):
                row[first_noise + j] = state[w, a, layout.noise + j]
            genome = params[rows[w], a if params.shape[1] > 1 else 0]
            _run(program, genome, entity_features[w, a], entity_types[w, a], embedded, row)
            for j in range(layout.num_cells):
                state[w, a, j] = row[first_cell + j]
            for j in range(NUM_OUTPUTS):
                outputs[w, a, j] = row[row.shape[0] - NUM_OUTPUTS + j]


@kernel
def _run(
    program: Program,
    genome: np.ndarray,
    features: np.ndarray,
    types: np.ndarray,
    embedded: np.ndarray,
    values: np.ndarray,
) -> None:
    """Compute the values of all nodes, those of the agent itself and of the memory given."""
    operands = program.operands
    for k in range(program.instructions.shape[0]):
        op, place, size, at, first, end = program.instructions[k]
        result = values[place : place + size]
        if op == Op.MEAN_POOL:
            _copy(values, operands[first, 0], result)
            for i in range(first + 1, end):
                _, _, entity_type, width, start_of_layer = operands[i]
                add_mean_pool(genome, start_of_layer, features, types, entity_type, width, embedded[:size], result)
            squash_all(result)
        elif op == Op.ATTENTION_POOL:
            query = values[operands[first, 0] : operands[first, 0] + size]
            _, _, entity_type, width, start_of_layer = operands[first + 1]
            attention_pool(genome, start_of_layer, features, types, entity_type, width, query, embedded[:size], result)
        elif op == Op.PRODUCT:
            one, other = operands[first, 0], operands[first + 1, 0]
            for j in range(size):
                result[j] = values[one + j] * values[other + j]
        elif op == Op.INTERPOLATE:
            candidate, gate = operands[first, 0], operands[first + 1, 0]
            for j in range(size):
                result[j] = result[j] + values[gate + j] * (values[candidate + j] - result[j])
        else:
            start(genome, at, result)
            at, num_inputs = at + size, 0
            for i in range(first, end):
                source, width = operands[i, 0], operands[i, 1]
                at = accumulate(genome, at, values[source : source + width], result)
                num_inputs += width
            rescale(result, num_inputs)
            if op == Op.SQUASH:
                squash_all(result)
            elif op == Op.GATE:
                gate_all(result)


@kernel
def _copy(values: np.ndarray, at: int, result: np.ndarray) -> None:
    for j in range(result.shape[0]):
        result[j] = values[at + j]
