"""Who plays: the specification of a player, and players of one specification by their genomes.

Both are plain data that can be stored, compared and sent to other processes; `PlayerSpec.build` makes a policy of it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from evo_hns.config import ConfigError, PolicyConfig
from evo_hns.policies import SCRIPTED, build_policy
from evo_hns.policies.base import Policy, Team
from evo_hns.policies.custom import FactoryPolicy, load_factory
from evo_hns.spec import ObservationSpec, Side
from evo_hns.system.spelling import did_you_mean


@dataclass(frozen=True)
class PlayerSpec:
    """What plays, before any weights. Exactly one of these is set."""

    network: PolicyConfig | None = None  #: the form of a network
    scripted: str = ""  #: the name of a scripted player
    factory: str = ""  #: `module:factory`, a user's own `factory(spec: ObservationSpec, num_agents: int) -> Team`

    def build(self, spec: ObservationSpec) -> Policy:
        """The policy for a game.

        Raises:
            ConfigError: there is no such scripted player, network, module or factory.
        """
        return _build(self, spec)

    def genome_length(self, spec: ObservationSpec, side: Side) -> int:
        """L, the parameters of a genome: those of one network, or of one for each member of the team."""
        members = spec.team_size(side) if self.network is not None and self.network.genome_per_member else 1
        return self.build(spec).num_params * members


@dataclass(frozen=True, eq=False)
class Roster:
    """The players of one side that a match table refers to: P genomes of one specification."""

    spec: PlayerSpec
    genomes: Tensor  #: `(P, L)`, L = N or, with a network per member, team size x N; `(1, 0)` where nothing has genomes

    def bind(self, spec: ObservationSpec, side: Side, rows: Tensor) -> Team:
        """Players for W worlds.

        Args:
            spec: sizes of the game.
            side: which they play.
            rows: `(W,)` int64, the player of each world.

        Raises:
            ValueError: the genomes are not of this specification, or not for this game.
        """
        policy, length = self.spec.build(spec), self.spec.genome_length(spec, side)
        check_length(self.genomes, side, length)
        members = length // policy.num_params if policy.num_params else 1
        genomes = self.genomes.to(torch.float32).reshape(len(self.genomes), members, -1)
        return policy.bind(genomes, spec.team_size(side), rows)


def check_length(genomes: Tensor, side: Side, length: int) -> None:
    """Refuse `(P, L)` genomes of another length.

    Raises:
        ValueError: they are.
    """
    if length and genomes.shape[1] != length:
        raise ValueError(
            f"got genomes of {genomes.shape[1]} parameters for the {side.label}, expected {length}; "
            "play them with the configuration they were made with"
        )


def check_scripted(name: str) -> None:
    """Refuse a name that no scripted player has.

    Raises:
        ConfigError: none has it.
    """
    if name not in SCRIPTED:
        raise ConfigError(f"no scripted player {name!r}{did_you_mean(name, SCRIPTED)}; there are {', '.join(SCRIPTED)}")


def scripted_roster(name: str) -> Roster:
    """A scripted player, which has no genome, as a roster of one."""
    return Roster(PlayerSpec(scripted=name), torch.zeros(1, 0))


@functools.lru_cache(maxsize=64)
def _build(player: PlayerSpec, spec: ObservationSpec) -> Policy:
    if player.network is not None:
        return build_policy(player.network, spec)
    if player.factory:
        return FactoryPolicy(player.factory, load_factory(player.factory), spec)
    check_scripted(player.scripted)
    return SCRIPTED[player.scripted](spec)
