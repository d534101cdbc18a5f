"""Players by address: any champion ever archived, any scripted player, any policy that OpenAI published.

    RUN:hiders/12       the hiders' champion of generation 12 of a run file
    RUN:seekers/last    its latest champion
    RUN:seekers/best    its champion with the highest mean return in the run's held-out measurements
    scripted:chaser     a scripted player; `random` and `still` may go without the prefix
    openai:FILE         a policy of OpenAI's, playing as it was trained: actions are drawn; either side
    openai-greedy:FILE  the same, always taking its likeliest action
    MODULE:FACTORY      a player of your own: `FACTORY(spec, num_agents)` of a Python module gives a `Team`

`best` was chosen with the held-out players: quote `last` where a claim is made against them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from evo_hns.archive.hall_of_fame import GenomeArray
from evo_hns.archive.records import HeldOutRow, held_out_means
from evo_hns.archive.run_view import RunView
from evo_hns.config import ConfigError, PolicyConfig, RunConfig
from evo_hns.policies import SCRIPTED
from evo_hns.policies.custom import load_factory
from evo_hns.policies.published import PublishedPolicy, read_policy
from evo_hns.policies.roster import PlayerSpec, Roster, check_scripted, scripted_roster
from evo_hns.spec import ObservationSpec, Side
from evo_hns.system.spelling import did_you_mean

PLAIN_NAMES = ("random", "still")
"""Scripted players that need no prefix."""

_FORMS = (
    "RUN:hiders/GENERATION, RUN:seekers/last, RUN:seekers/best, scripted:NAME, random, openai:FILE or MODULE:FACTORY"
)

PUBLISHED_PREFIXES = {"openai:": False, "openai-greedy:": True}
"""Prefixes of policy files, and whether the likeliest actions are taken."""


@dataclass(frozen=True)
class Scripted:
    """A scripted player, for either side."""

    name: str


@dataclass(frozen=True, eq=False)
class HallMember:
    """A champion as it stands in a run file."""

    config: RunConfig  #: of its run
    row: int  #: its place in the hall of fame
    generation: int
    score: float  #: with which it entered the hall
    genome: GenomeArray  #: `(N,)` float32


@dataclass(frozen=True)
class Archived:
    """A champion in a run file."""

    path: Path
    side: Side
    which: str  #: a generation, `last` or `best`

    @cached_property
    def member(self) -> HallMember:
        """The champion, read once, and of all champions it alone: `last` stays the same while the run goes on.

        Raises:
            ConfigError: there is no such champion.
            RunFileError: the run file cannot be read.
        """
        with RunView(self.path) as view:
            row = find_row(view, self.side, self.which)
            generation = int(view.generations(self.side)[row])
            score = float(view.scores(self.side)[row])
            return HallMember(view.config, row, generation, score, view.genomes(self.side, [row])[0])


@dataclass(frozen=True)
class Published:
    """A policy that OpenAI published, for either side."""

    path: Path
    greedy: bool  #: it takes its likeliest actions instead of drawing them

    @cached_property
    def policy(self) -> PublishedPolicy:
        """The policy, read once.

        Raises:
            ConfigError: the file cannot be read, or holds no such policy.
        """
        return read_policy(self.path)

    @property
    def network(self) -> PolicyConfig:
        """The form of its network."""
        return self.policy.config(greedy=self.greedy)

    @property
    def name(self) -> str:
        """Its address."""
        return f"{'openai-greedy' if self.greedy else 'openai'}:{printable(self.path)}"


def find_row(view: RunView, side: Side, which: str) -> int:
    """The place of a champion in its hall of fame.

    Args:
        view: its run.
        side: its side.
        which: a generation, `last` or `best`.

    Raises:
        ConfigError: there is no such champion.
    """
    generations = view.generations(side)
    if len(generations) == 0:
        raise ConfigError(why_nobody(view.path, view.config, side))
    if which == "last":
        return len(generations) - 1
    generation = best_generation(view.held_out, side) if which == "best" else int(which)
    found = np.flatnonzero(generations == generation)
    if not len(found):
        raise ConfigError(
            f"{view.path} has no champion of generation {generation} among its {side.label}; "
            f"it has generations {generations[0]} to {generations[-1]}"
        )
    return int(found[-1])


def why_nobody(path: Path, config: RunConfig, side: Side) -> str:
    """Why a run has no champion of a side, and what to do."""
    if side in config.trained_sides:
        return f"{path} has no champions yet; let its first generation finish"
    met = ", ".join(dict.fromkeys(config.side(side.other).opponents))
    return f"{path} did not train its {side.label}, whose champions are asked for; its {side.other.label} met {met}"


@dataclass(frozen=True)
class Custom:
    """A player of a user's own, for either side."""

    factory: str  #: `module:factory`


Address = Scripted | Archived | Published | Custom


def parse_address(text: str, side: Side) -> Address:
    """Read an address of a player of one side.

    Raises:
        ConfigError: it is none, or one of the other side.
    """
    if text in PLAIN_NAMES:
        return Scripted(text)
    for prefix, greedy in PUBLISHED_PREFIXES.items():
        if text.startswith(prefix):
            return Published(Path(text.removeprefix(prefix)), greedy)
    before, colon, after = text.rpartition(":")
    if not colon:
        names = (*PLAIN_NAMES, *(f"scripted:{name}" for name in SCRIPTED))
        raise ConfigError(f"got the player {text!r}{did_you_mean(text, names)}, expected {_FORMS}")
    if before == "scripted":
        check_scripted(after)
        return Scripted(after)
    labels = {s.label: s for s in Side}
    if _is_python_name(before) and after.isidentifier() and after not in labels:
        load_factory(text)
        return Custom(text)
    label, slash, which = after.partition("/")
    if label not in labels or not slash or not (which in ("last", "best") or which.isdecimal()):
        raise ConfigError(f"got the player {text!r}, expected {_FORMS}")
    if labels[label] is not side:
        raise ConfigError(f"{text} is one of the {label}, expected one of the {side.label}; the hider comes first")
    return Archived(Path(before), side, which)


def _is_python_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def best_generation(rows: Iterable[HeldOutRow], side: Side) -> int:
    """The generation whose champion has the highest mean over its held-out opponents.

    Raises:
        ConfigError: nothing was measured yet.
    """
    means = held_out_means(rows, side)
    if not means:
        raise ConfigError("this run has no held-out measurement yet, so nothing is best; ask for `last`")
    return max(means, key=means.__getitem__)


def common_game(addresses: dict[Side, Address], fallback: RunConfig) -> RunConfig:
    """Settings in which these players can meet: the game of their runs, each side with its own networks.

    Args:
        addresses: who plays each side.
        fallback: the game if no run says which.

    Raises:
        ConfigError: they come from different games.
    """
    configs = {side: a.member.config for side, a in addresses.items() if isinstance(a, Archived)}
    if not configs:
        return fallback
    first, *others = configs.values()
    for other in others:
        if game_of(other) != game_of(first):
            raise ConfigError(
                f"the two runs play different games ({game_differences(first, other)}); players can only meet in one "
                "game"
            )
    sides = {side.label: config.side(side) for side, config in configs.items()}
    return first.model_copy(update=sides)


def game_of(config: RunConfig) -> tuple[object, ...]:
    """The settings in which two runs must agree for their players to meet."""
    return config.game


def game_differences(one: RunConfig, other: RunConfig) -> str:
    """In which settings of the game two runs differ, for the user: names, and both values."""
    return ", ".join(f"{name}: {ours} and {theirs}" for name, (ours, theirs) in one.game_differences(other).items())


def find_player(address: Address, side: Side, spec: ObservationSpec) -> Roster:
    """The player behind an address, as a roster of one; a champion has the network of its own run.

    Raises:
        ConfigError: a policy of OpenAI's that cannot be read, or cannot play this game.
    """
    if isinstance(address, Scripted):
        return scripted_roster(address.name)
    if isinstance(address, Custom):
        return Roster(PlayerSpec(factory=address.factory), torch.zeros(1, 0))
    if isinstance(address, Published):
        address.policy.check_game(spec)
        network, genome = address.network, address.policy.genome
    else:
        network, genome = address.member.config.side(side).policy, address.member.genome
    return Roster(PlayerSpec(network=network), torch.from_numpy(genome)[None])


def lasting_name(address: Address, here: Path) -> str:
    """An address that means the same player in years: `hiders/12` for a champion of the run in `here`."""
    if isinstance(address, Scripted):
        return f"scripted:{address.name}"
    if isinstance(address, Custom):
        return address.factory
    if isinstance(address, Published):
        return address.name
    name = f"{address.side.label}/{address.member.generation}"
    if address.path.resolve() == here.resolve():
        return name
    return f"{printable(address.path)}:{name}"


def printable(path: Path) -> str:
    """A path as it can stand in a table."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(path))
