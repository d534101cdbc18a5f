"""How strongly each input of a network's layers is driven while it plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from torch import Tensor

from evo_hns.policies.base import TeamState
from evo_hns.policies.features import Features
from evo_hns.policies.graph import ComputeGraph, Layer
from evo_hns.policies.network import NetworkTeam
from evo_hns.spec import Action, Observation

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Watcher:
    """Sums up how strongly the inputs of a network are driven while teams of it play: use it in one thread."""

    squares: dict[str, FloatArray] = field(default_factory=dict)  #: layer -> `(M, 1 + inputs)` sums, the bias first
    counts: dict[int, int] = field(default_factory=dict)  #: network -> decisions

    def watching(self, team: NetworkTeam) -> WatchedTeam:
        """A team that plays as it does, and is watched; all of its worlds must be played with the same genome."""
        return WatchedTeam(team, self)

    def tally(self, team: NetworkTeam, features: Features, state: npt.NDArray[np.float32]) -> None:
        """Count one decision of everybody in a team who decides now.

        Args:
            team: which decides.
            features: what it observes.
            state: `(W, A, layout.width)` after looking and before the decision.
        """
        graph, shape = team.policy.graph, features.present.shape
        values = np.empty((features.present.size, graph.num_values), np.float32)
        team.forward(features, state, values)
        values, members = values.reshape(*shape, -1), team.params.shape[1]
        for member in range(members):
            there = team.deciding(features, state).copy()
            if members > 1:
                there &= np.arange(shape[1]) == member
            if there.any():
                seen = (features.entity_features[there], features.entity_types[there])
                for target, layer in graph.layers.items():
                    sums = self.squares.setdefault(target, np.zeros((members, 1 + layer.num_inputs)))
                    sums[member] += _squared_inputs(graph, target, layer, values[there], *seen)
                self.counts[member] = self.counts.get(member, 0) + int(there.sum())

    def strengths(self) -> Mapping[str, FloatArray]:
        """Layer -> `(M, 1 + inputs)` root mean square of each input over all decisions; the bias first.

        Of an input that reads entities it is that of the mean over those in sight, and zero when there are none.
        """
        members = np.array([max(self.counts.get(k, 0), 1) for k in range(max(self.counts) + 1)])
        return {target: np.sqrt(squares / members[:, None]) for target, squares in self.squares.items()}


@dataclass(frozen=True)
class WatchedTeam:
    """A team that plays as it does while its inputs are summed up."""

    team: NetworkTeam
    watcher: Watcher

    def initial_state(self, seeds: Tensor) -> TeamState:
        """Of the team."""
        return self.team.initial_state(seeds)

    def act(self, observation: Observation, state: TeamState) -> tuple[Action, TeamState]:
        """Decide as the team does."""
        self.watcher.tally(self.team, *self.team.look(observation, state))
        return self.team.act(observation, state)


def _squared_inputs(
    graph: ComputeGraph,
    target: str,
    layer: Layer,
    values: npt.NDArray[np.float32],
    entity_features: npt.NDArray[np.float32],
    entity_types: npt.NDArray[np.int8],
) -> FloatArray:
    """`(1 + inputs,)` sums over S decisions; the arguments are `(S, ...)`."""
    entity_type = graph.nodes[target].entity_type
    if entity_type < 0:
        driven = [values[:, :0], *(values[:, graph.places[name]] for name in layer.sources)]
        inputs = np.concatenate(driven, -1).astype(np.float64) ** 2
        return np.concatenate([[len(inputs)], inputs.sum(0)])
    seen = (entity_types == entity_type)[..., None]
    inputs = np.where(seen, entity_features[..., : layer.num_inputs], 0.0).astype(np.float64) ** 2
    count = seen.sum(1)
    return np.concatenate([(count > 0).sum(0), (inputs.sum(1) / np.maximum(count, 1)).sum(0)])
