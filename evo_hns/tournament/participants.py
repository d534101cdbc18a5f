"""Participants of a tournament: champions of runs by address, evenly spaced over a hall, or all; other players.

    RUN:hiders/12, RUN:hiders/last, RUN:hiders/best, scripted:chaser, random, openai:FILE     as everywhere
    RUN:hiders/all                                                                            every champion of a hall

The tournament file names every participant, so that a tournament is resumed with those it began with.
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
from evo_hns.archive.tournament import Participant
from evo_hns.config import ConfigError, RunConfig, read_policy
from evo_hns.players.addresses import Archived, Custom, Published, Scripted, parse_address
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import Side
from evo_hns.tournament.participant_files import (
    GameSource,
    Hall,
    LoadedParticipant,
    ParticipantFiles,
    Request,
    seen_from,
)

Selection = Mapping[Side, tuple[Request, ...]]


@dataclass(frozen=True, eq=False)
class Participants:
    """The participants of a tournament with their genomes, and their game."""

    game: RunConfig
    loaded: Mapping[Side, tuple[LoadedParticipant, ...]]

    @property
    def participants(self) -> Mapping[Side, tuple[Participant, ...]]:
        """The participants without their genomes."""
        return {side: tuple(each.participant for each in loaded) for side, loaded in self.loaded.items()}


@dataclass(frozen=True, eq=False)
class PlayerBatch:
    """Participants of one side in one roster: networks of one form, or one scripted player."""

    places: IntArray  #: `(P,)` where each stands in the tournament
    roster: Roster


def select(runs: Sequence[Path], champions: int, addresses: Mapping[Side, Sequence[str]]) -> Selection:
    """Parse the selection.

    Args:
        runs: run files; evenly spaced champions of each take part, on each side that has no addresses. If all players
            have addresses and none is of a run, the game of the first is played.
        champions: how many of each run and side.
        addresses: of the players of a side, instead.

    Raises:
        ConfigError: an invalid address, or a side without players.
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
        selection[Side.HIDERS] += (GameSource(runs[0]),)
    return selection


def parse_request(text: str, side: Side) -> Request:
    """Read an address of one player, or `RUN:hiders/all`.

    Raises:
        ConfigError: it is invalid, or of the other side.
    """
    if not text.endswith("/all"):
        return parse_address(text, side)
    address = parse_address(f"{text.removesuffix('all')}last", side)
    return Hall(address.path, side) if isinstance(address, Archived) else address


def describe(selection: Selection, folder: Path) -> str:
    """The selection as a canonical text; paths of run files are relative to a folder."""
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
    if isinstance(request, GameSource):
        return f"the game of {run}"
    if isinstance(request, Archived):
        return f"{run}:{request.side.label}/{request.which}"
    return f"{run}:{request.side.label}/{'all' if request.champions is None else f'spaced {request.champions}'}"


def load_participants(selection: Selection, folder: Path) -> Participants:
    """Load the participants of a selection; a player that was selected twice takes part once.

    Args:
        selection: of players.
        folder: of the tournament file.

    Raises:
        ConfigError: no such player, runs of different games, no run that defines the game, or a player that cannot
            play it.
        RunFileError: a run file that cannot be read.
    """
    with ParticipantFiles(folder) as runs:
        loaded = {
            side: tuple({e.participant.name: e for request in requests for e in runs.find(request, side)}.values())
            for side, requests in selection.items()
        }
        return Participants(runs.game, loaded)


def reload_participants(
    participants: Mapping[Side, Sequence[Participant]], folder: Path, game: RunConfig | None = None
) -> Participants:
    """Load the participants of a tournament file again.

    Args:
        participants: of each side.
        folder: of the tournament file.
        game: that is played if none of them is of a run.

    Raises:
        ConfigError: a policy file that cannot be read.
        RunFileError: a run file that cannot be read, or is not the one that it was.
    """
    with ParticipantFiles(folder, game) as runs:
        loaded = {side: tuple(runs.find_again(participants[side], side)) for side in Side}
        return Participants(runs.game, loaded)


def make_batches(loaded: Sequence[LoadedParticipant]) -> list[PlayerBatch]:
    """The participants of a side in as few rosters as possible."""
    places: dict[PlayerSpec, list[int]] = {}
    for place, each in enumerate(loaded):
        places.setdefault(_spec_of(each.participant), []).append(place)
    return [
        PlayerBatch(np.array(rows, dtype=np.int64), Roster(spec, _genomes([loaded[row] for row in rows])))
        for spec, rows in places.items()
    ]


def _spec_of(who: Participant) -> PlayerSpec:
    """The player specification of a participant."""
    if who.network:
        return PlayerSpec(network=read_policy(who.network))
    prefix, _, name = who.name.partition(":")
    return PlayerSpec(scripted=name) if prefix == "scripted" else PlayerSpec(factory=who.name)


def _genomes(loaded: Sequence[LoadedParticipant]) -> Tensor:
    """`(P, L)`."""
    return torch.from_numpy(np.stack([each.genome for each in loaded]))
