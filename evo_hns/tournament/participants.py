"""Who takes part in a tournament: champions of runs by address, evenly spaced over a hall, or all; other players.

    RUN:hiders/12, RUN:hiders/last, RUN:hiders/best, scripted:chaser, random, openai:FILE     as everywhere
    RUN:hiders/all                                                                            every champion of a hall

Whoever is chosen is written down with the name that lasts, so that a tournament goes on with those it began with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evo_hns.archive.hall_of_fame import IntArray
from evo_hns.archive.tournament import Contestant
from evo_hns.config import ConfigError, RunConfig, read_policy
from evo_hns.players.addresses import Archived, Custom, Published, Scripted, parse_address
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import Side
from evo_hns.tournament.participant_files import Entrant, EntrantFiles, Hall, Request, Venue, seen_from

Selection = Mapping[Side, tuple[Request, ...]]


@dataclass(frozen=True, eq=False)
class Entry:
    """All who take part, and their game."""

    game: RunConfig
    entrants: Mapping[Side, tuple[Entrant, ...]]

    @property
    def contestants(self) -> Mapping[Side, tuple[Contestant, ...]]:
        """Who they are."""
        return {side: tuple(each.contestant for each in entrants) for side, entrants in self.entrants.items()}


@dataclass(frozen=True, eq=False)
class Squad:
    """Entrants of one side that one roster can hold: networks of one form, or one scripted player."""

    places: IntArray  #: `(P,)` where each stands in the tournament
    roster: Roster


def select(runs: Sequence[Path], champions: int, addresses: Mapping[Side, Sequence[str]]) -> Selection:
    """Read what was asked for.

    Args:
        runs: run files; evenly spaced champions of each take part, on each side that has no addresses. If all players
            have addresses and none is of a run, the game of the first is played.
        champions: how many of each run and side.
        addresses: of the players of a side, instead.

    Raises:
        ConfigError: an address that is none, or nobody on a side.
    """
    if champions < 1:
        raise ConfigError(f"--champions: got {champions}, expected at least 1")
    selection: dict[Side, tuple[Request, ...]] = {
        side: tuple(parse_request(text, side) for text in addresses.get(side, ()))
        or tuple(Hall(path, side, champions) for path in runs)
        for side in Side
    }
    for side, requests in selection.items():
        if not requests:
            raise ConfigError(f"a tournament needs {side.label}: give a run file, or addresses with --{side.label}")
    if runs and not any(isinstance(each, Archived | Hall) for requests in selection.values() for each in requests):
        selection[Side.HIDERS] += (Venue(runs[0]),)
    return selection


def parse_request(text: str, side: Side) -> Request:
    """Read an address of one player, or `RUN:hiders/all`.

    Raises:
        ConfigError: it is none, or of the other side.
    """
    if not text.endswith("/all"):
        return parse_address(text, side)
    address = parse_address(f"{text.removesuffix('all')}last", side)
    return Hall(address.path, side) if isinstance(address, Archived) else address


def describe(selection: Selection, folder: Path) -> str:
    """The selection as a text that is the same whenever the same is asked for; run files as seen from a folder."""
    return json.dumps(
        {side.label: [_describe(request, folder) for request in requests] for side, requests in selection.items()}
    )


def _describe(request: Request, folder: Path) -> str:
    if isinstance(request, Scripted):
        return f"scripted:{request.name}"
    if isinstance(request, Custom):
        return request.factory
    run = seen_from(folder, request.path)
    if isinstance(request, Published):
        return replace(request, path=Path(run)).name
    if isinstance(request, Venue):
        return f"the game of {run}"
    if isinstance(request, Archived):
        return f"{run}:{request.side.label}/{request.which}"
    return f"{run}:{request.side.label}/{'all' if request.champions is None else f'spaced {request.champions}'}"


def enter(selection: Selection, folder: Path) -> Entry:
    """Find everybody who was asked for; who was asked for twice takes part once.

    Args:
        selection: who.
        folder: of the tournament file.

    Raises:
        ConfigError: nobody there, runs of different games, no run that says which game is played, or a player who
            cannot play it.
        RunFileError: a run file that cannot be read.
    """
    with EntrantFiles(folder) as runs:
        entrants = {
            side: tuple({e.contestant.name: e for request in requests for e in runs.find(request, side)}.values())
            for side, requests in selection.items()
        }
        return Entry(runs.game, entrants)


def enter_again(contestants: Mapping[Side, Sequence[Contestant]], folder: Path, game: RunConfig | None = None) -> Entry:
    """Find the contestants of a tournament that was begun.

    Args:
        contestants: who they are.
        folder: of the tournament file.
        game: that is played if none of them is of a run.

    Raises:
        ConfigError: a policy file that cannot be read.
        RunFileError: a run file that cannot be read, or is not the one that it was.
    """
    with EntrantFiles(folder, game) as runs:
        entrants = {side: tuple(runs.find_again(contestants[side], side)) for side in Side}
        return Entry(runs.game, entrants)


def make_squads(entrants: Sequence[Entrant]) -> list[Squad]:
    """The entrants of a side in as few rosters as can hold them."""
    places: dict[PlayerSpec, list[int]] = {}
    for place, entrant in enumerate(entrants):
        places.setdefault(_spec_of(entrant.contestant), []).append(place)
    return [
        Squad(np.array(rows, dtype=np.int64), Roster(spec, _genomes([entrants[row] for row in rows])))
        for spec, rows in places.items()
    ]


def _spec_of(who: Contestant) -> PlayerSpec:
    """What a contestant plays with."""
    if who.network:
        return PlayerSpec(network=read_policy(who.network))
    prefix, _, name = who.name.partition(":")
    return PlayerSpec(scripted=name) if prefix == "scripted" else PlayerSpec(factory=who.name)


def _genomes(entrants: Sequence[Entrant]) -> Tensor:
    """`(P, L)`."""
    return torch.from_numpy(np.stack([each.genome for each in entrants]))
