"""Entity networks as players.

A match must give the same bits in any row of any batch, but a product of matrices gives other bits for another number
of rows. So rows are computed in blocks of one fixed number, the last one filled up: then a row's bits depend neither on
how many there are, nor on its neighbours, nor on its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import EntityPolicyConfig
from evo_hns.policies.actions import start_streams
from evo_hns.policies.base import TeamState
from evo_hns.policies.entity.choice import choose
from evo_hns.policies.entity.encoder import Sight
from evo_hns.policies.entity.form import ENTITY_TYPES, NUM_LOGITS, EntityForm
from evo_hns.policies.entity.genome import genome_size, network_of
from evo_hns.policies.entity.network import EntityNetwork
from evo_hns.policies.network import check_genomes
from evo_hns.spec import Action, Observation, ObservationSpec

BLOCK = 32
"""Rows that are computed at once."""


def build_entity(config: EntityPolicyConfig, spec: ObservationSpec) -> EntityPolicy:
    """The entity network of a configuration."""
    return EntityPolicy(EntityForm.of(config.entity, spec), config.entity.greedy)


@dataclass(frozen=True, eq=False)
class EntityPolicy:
    """Entity networks of one form."""

    form: EntityForm
    greedy: bool  #: take the likeliest actions instead of drawing them

    @cached_property
    def num_params(self) -> int:
        """Length N of the genome of one network: parameters and running statistics."""
        return genome_size(self.form)

    def bind(self, genomes: Tensor, num_agents: int, rows: Tensor | None = None) -> EntityTeam:
        """Build a network for each different genome that plays; see `Policy.bind`."""
        check_genomes(genomes, num_agents, self.num_params)
        return EntityTeam(self, num_agents, tuple(_group(self.form, genomes, num_agents, rows)))


@dataclass(frozen=True, eq=False)
class GenomeGroup:
    """The agents that play with one genome: they are computed together."""

    network: EntityNetwork
    rows: Tensor  #: int64, their places among the `W * A` agents


def _group(form: EntityForm, genomes: Tensor, num_agents: int, rows: Tensor | None) -> Iterator[GenomeGroup]:
    """A group for each different genome among those that play `(W,)` worlds."""
    chosen = np.arange(len(genomes)) if rows is None else rows.numpy()
    members = np.arange(num_agents) if genomes.shape[1] > 1 else np.zeros(num_agents, dtype=np.int64)
    places: dict[bytes, list[np.ndarray]] = {}
    first: dict[bytes, Tensor] = {}
    for row in np.unique(chosen):
        worlds = np.flatnonzero(chosen == row)
        for member in np.unique(members):
            genome = genomes[row, member]
            digest = hashlib.blake2b(genome.numpy().tobytes()).digest()
            agents = np.flatnonzero(members == member)
            places.setdefault(digest, []).append((worlds[:, None] * num_agents + agents).ravel())
            first.setdefault(digest, genome)
    for digest, found in places.items():
        yield GenomeGroup(network_of(form, first[digest]), torch.from_numpy(np.sort(np.concatenate(found))))


@dataclass(frozen=True, eq=False)
class EntityTeam:
    """Agents that play with entity networks.

    The memory of an agent is float64: a random stream, then the LSTM's c and h.
    """

    policy: EntityPolicy
    num_agents: int
    groups: tuple[GenomeGroup, ...]

    def initial_state(self, seeds: Tensor) -> TeamState:
        """Memory with a random stream for each agent, `(W, A, 1 + 2 num_cells)` float64."""
        memory = np.zeros((len(seeds), self.num_agents, 1 + 2 * self.policy.form.num_cells))
        start_streams(np.ascontiguousarray(seeds.numpy()), memory)
        return torch.from_numpy(memory)

    @torch.no_grad()
    def act(self, observation: Observation, state: TeamState) -> tuple[Action, TeamState]:
        """Decide one env step; see `Team.act`."""
        torch.get_num_threads()  # makes PyTorch's setting hold in this thread, for the matrix products too
        present, renewed = observation.agent_mask, state.clone(memory_format=torch.contiguous_format)
        shape = present.shape
        logits, memory = torch.zeros(shape.numel(), NUM_LOGITS), renewed[..., 1:].flatten(0, 1).float()
        sight = sight_of(observation, self.policy.form)
        for group in self.groups:
            for rows, padded in blocks(group.rows[present.flatten()[group.rows]]):
                told, cells = _think(group.network, _rows_of(sight, padded), memory[padded])
                logits[rows], renewed.flatten(0, 1)[rows, 1:] = told[: len(rows)], cells[: len(rows)]
        return choose(present, logits.view(*shape, NUM_LOGITS), renewed, greedy=self.policy.greedy), renewed


def sight_of(observation: Observation, form: EntityForm) -> Sight:
    """Observations of all agents of all worlds, one after the other: `(W * A, ...)` fields."""
    masks = (ENTITY_TYPES[entity_type].mask for entity_type in form.entity_types)
    return {name: getattr(observation, name).flatten(0, 1) for name in (*form.input_widths, *masks)}


def blocks(rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows in portions of at most `BLOCK`; and each portion filled up to `BLOCK` with its first row."""
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        yield part, torch.cat([part, part[:1].expand(BLOCK - len(part))])


def _rows_of(sight: Sight, rows: Tensor) -> Sight:
    return {name: values[rows] for name, values in sight.items()}


def _think(network: EntityNetwork, sight: Sight, memory: Tensor) -> tuple[Tensor, Tensor]:
    """Logits, and the memory `(B, 2 num_cells)` after the step."""
    c, h = memory.chunk(2, 1)
    logits, cells = network(sight, (c, h))
    return logits, torch.cat(cells, 1).double()
