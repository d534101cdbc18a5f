"""How strongly each input of a network's layers is driven while it plays.

A layer's inputs are computed beside the kernel, from the wiring, in plain arrays: slower, but everything in
between can be looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from torch import Tensor

from evo_hns.policies.base import TeamState
from evo_hns.policies.features import encode
from evo_hns.policies.network import NetworkTeam
from evo_hns.policies.wiring import Layer, Row, Rule, Wiring
from evo_hns.spec import Action, Observation

FloatArray = npt.NDArray[np.float64]
Values = dict[str, FloatArray]
"""Row -> `(S, size)`, or `(S, E, size)` of entities, zero where hidden: S decisions."""


@dataclass(frozen=True)
class Sight:
    """What one network was told in S decisions."""

    own: npt.NDArray[np.float32]  #: `(S, I)`
    rows: npt.NDArray[np.float32]  #: `(S, E, widest kind)`, undefined where hidden
    kinds: npt.NDArray[np.int8]  #: `(S, E)`
    memory: npt.NDArray[np.float32]  #: `(S, G)` before the decision

    def sees(self, kind: int) -> FloatArray:
        """`(S, E, 1)` 1 where an entity is visible and of this kind, 0 elsewhere."""
        return np.where((self.kinds == kind)[..., None], 1.0, 0.0)


@dataclass(frozen=True)
class Watcher:
    """Sums up how strongly the inputs of a network are driven while teams of it play: use it in one thread."""

    squares: dict[str, FloatArray] = field(default_factory=dict)  #: layer -> `(M, 1 + inputs)` sums, the bias first
    counts: dict[int, int] = field(default_factory=dict)  #: network -> decisions

    def watching(self, team: NetworkTeam) -> WatchedTeam:
        """A team that plays as it does, and is watched; all of its worlds must be played with the same genome."""
        return WatchedTeam(team, self)

    def tally(self, team: NetworkTeam, observation: Observation, state: TeamState) -> None:
        """Count one decision of everybody in a team."""
        features = encode(observation, team.policy.spec)
        members = team.params.shape[1]
        for member in range(members):
            there = features.present.copy()
            if members > 1:
                there &= np.arange(there.shape[1]) == member
            if there.any():
                arrays = (features.own, features.rows, features.kinds, state.numpy())
                sight = Sight(*(array[there] for array in arrays))
                self._add(team.policy.wiring, member, members, team.params[0, member], sight)

    def _add(self, wiring: Wiring, member: int, members: int, genome: npt.NDArray[np.float32], sight: Sight) -> None:
        values = compute(wiring, genome, sight)
        for target, layer in wiring.layers.items():
            squares = self.squares.setdefault(target, np.zeros((members, 1 + layer.num_inputs)))
            squares[member] += _squared_inputs(values, layer, wiring.rows[target], sight)
        self.counts[member] = self.counts.get(member, 0) + len(sight.own)

    def strengths(self) -> Mapping[str, FloatArray]:
        """Layer -> `(M, 1 + inputs)` root mean square of each input over all decisions; the bias first.

        Of an input that is told of entities it is that of the mean over those in sight, and zero when there are none.
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
        self.watcher.tally(self.team, observation, state)
        return self.team.act(observation, state)


def _squared_inputs(values: Values, layer: Layer, row: Row, sight: Sight) -> FloatArray:
    """`(1 + inputs,)` sums over decisions."""
    inputs = np.concatenate([values[name] for name in layer.sources], -1) ** 2
    if row.kind < 0:
        return np.concatenate([[len(inputs)], inputs.sum(0)])
    seen = sight.sees(row.kind).sum(1)
    per_decision = inputs.sum(1) / np.maximum(seen, 1)
    return np.concatenate([(seen > 0).sum(0), per_decision.sum(0)])


def compute(wiring: Wiring, genome: npt.NDArray[np.float32], sight: Sight) -> Values:
    """The values of all rows of a network, by its wiring.

    Args:
        wiring: of the network.
        genome: `(N,)`.
        sight: what it is told.
    """
    values: Values = {"own": sight.own.astype(np.float64), "memory": sight.memory.astype(np.float64)}
    for name, row in wiring.rows.items():
        if row.rule is Rule.INPUT:
            if row.kind >= 0:
                seen = sight.sees(row.kind) > 0
                values[name] = np.where(seen, sight.rows[..., : row.size], 0.0)
            continue
        total = _weighted_sum(wiring, genome, name, values)
        values[name] = _apply(row, total, [values[part] for part in row.parts], wiring, sight)
    return values


def _weighted_sum(wiring: Wiring, genome: npt.NDArray[np.float32], name: str, values: Values) -> FloatArray:
    if name not in wiring.layers:
        return np.zeros(1)
    layer = wiring.layers[name]
    weights = layer.weights(genome).astype(np.float64)
    inputs = np.concatenate([values[source] for source in layer.sources], -1)
    total: FloatArray = (weights[0] + inputs @ weights[1:]) * layer.scale
    return total


def _apply(row: Row, total: FloatArray, parts: list[FloatArray], wiring: Wiring, sight: Sight) -> FloatArray:
    """The rule of a row; entities that are hidden stay zero."""
    if row.rule is Rule.SQUASH:
        kinds = [wiring.rows[part].kind for part in row.parts]
        return squash(total + sum(_mean(part, sight.sees(kind)) for part, kind in zip(parts, kinds, strict=True)))
    if row.rule is Rule.GATE:
        return 0.5 + 0.5 * squash(0.5 * total)
    if row.rule is Rule.ENTITY:
        return squash(total) * sight.sees(row.kind)
    if row.rule is Rule.PRODUCT:
        whole, by_entity = parts
        return (whole[:, None] if by_entity.ndim > whole.ndim else whole) * by_entity
    if row.rule is Rule.ATTENDED:
        entities, likeness = parts
        return _attended(entities, likeness, sight.sees(wiring.rows[row.parts[0]].kind))
    if row.rule is Rule.MEMORY:
        candidate, renew = parts
        memory = sight.memory.astype(np.float64)
        return memory + renew * (candidate - memory)
    return total


def _mean(entities: FloatArray, seen: FloatArray) -> FloatArray:
    mean: FloatArray = entities.sum(1) / np.maximum(seen.sum(1), 1)
    return mean


def _attended(entities: FloatArray, likeness: FloatArray, seen: FloatArray) -> FloatArray:
    scores = np.where(seen > 0, likeness.sum(-1, keepdims=True) / np.sqrt(entities.shape[-1]), -np.inf)
    best = np.max(scores, 1, keepdims=True, initial=-1e30)
    weights = np.exp(scores - best)
    attended: FloatArray = (weights * entities).sum(1) / np.maximum(weights.sum(1), 1e-30)
    return attended


def squash(x: FloatArray) -> FloatArray:
    """`layers.squash` of arrays, in double precision."""
    x = np.clip(x, -3.0, 3.0)
    squashed: FloatArray = x * (27.0 + x * x) / (27.0 + 9.0 * x * x)
    return squashed
