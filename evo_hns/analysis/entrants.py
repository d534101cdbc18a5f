"""Who takes part in a tournament: champions of runs by address, evenly spaced over a hall, or all; scripted players.

    RUN:hiders/12, RUN:hiders/last, RUN:hiders/best, scripted:chaser, random     as everywhere
    RUN:hiders/all                                                               every champion of a hall

Whoever is chosen is written down with the name that lasts, so that a tournament goes on with those it began with.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from evo_hns.analysis.players import Address, Archived, Scripted, find_row, game_differences, game_of, parse_address
from evo_hns.analysis.spacing import evenly_spaced
from evo_hns.archive.hall_of_fame import GenomeArray, IntArray
from evo_hns.archive.run_view import RunView
from evo_hns.archive.storage import RunFileError
from evo_hns.archive.tournament import Contestant
from evo_hns.config import ConfigError, PolicyConfig, RunConfig
from evo_hns.evaluation.evaluators import Roster, network_roster
from evo_hns.evaluation.held_out import scripted_roster
from evo_hns.spec import ObservationSpec, Side


@dataclass(frozen=True)
class Hall:
    """Champions of one side of a run: some, evenly spaced from the first to the last, or all."""

    path: Path
    side: Side
    champions: int | None = None  #: how many; None: all


Request = Address | Hall
Selection = Mapping[Side, tuple[Request, ...]]


@dataclass(frozen=True, eq=False)
class Entrant:
    """A contestant, and what it plays with."""

    contestant: Contestant
    genome: GenomeArray  #: `(N,)` float32; empty for a scripted player


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
        runs: run files; evenly spaced champions of each take part, on each side that has no addresses.
        champions: how many of each run and side.
        addresses: of the players of a side, instead.

    Raises:
        ConfigError: an address that is none, or nobody on a side.
    """
    if champions < 1:
        raise ConfigError(f"--champions: got {champions}, expected at least 1")
    selection = {
        side: tuple(parse_request(text, side) for text in addresses.get(side, ()))
        or tuple(Hall(path, side, champions) for path in runs)
        for side in Side
    }
    for side, requests in selection.items():
        if not requests:
            raise ConfigError(f"a tournament needs {side.label}: give a run file, or addresses with --{side.label}")
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
    run = _seen_from(folder, request.path)
    if isinstance(request, Archived):
        return f"{run}:{request.side.label}/{request.which}"
    return f"{run}:{request.side.label}/{'all' if request.champions is None else f'spaced {request.champions}'}"


def enter(selection: Selection, folder: Path) -> Entry:
    """Find everybody who was asked for; who was asked for twice takes part once.

    Args:
        selection: who.
        folder: of the tournament file.

    Raises:
        ConfigError: nobody there, runs of different games, or no run that says which game is played.
        RunFileError: a run file that cannot be read.
    """
    with _Runs(folder) as runs:
        entrants = {
            side: tuple({e.contestant.name: e for request in requests for e in runs.find(request, side)}.values())
            for side, requests in selection.items()
        }
        return Entry(runs.game, entrants)


def enter_again(contestants: Mapping[Side, Sequence[Contestant]], folder: Path) -> Entry:
    """Find the contestants of a tournament that was begun.

    Raises:
        RunFileError: a run file that cannot be read, or is not the one that it was.
    """
    with _Runs(folder) as runs:
        entrants = {side: tuple(runs.find_again(contestants[side], side)) for side in Side}
        return Entry(runs.game, entrants)


def make_squads(entrants: Sequence[Entrant], side: Side, spec: ObservationSpec) -> list[Squad]:
    """The entrants of a side in as few rosters as can hold them."""
    places: dict[tuple[str, str], list[int]] = {}
    for place, entrant in enumerate(entrants):
        who = entrant.contestant
        places.setdefault((who.network, "" if who.network else who.name.removeprefix("scripted:")), []).append(place)
    squads = []
    for (network, name), rows in places.items():
        if network:
            genomes = torch.from_numpy(np.stack([entrants[row].genome for row in rows]))
            roster = network_roster(PolicyConfig.model_validate_json(network), side, genomes, spec)
        else:
            roster = scripted_roster(name, spec)
        squads.append(Squad(np.array(rows, dtype=np.int64), roster))
    return squads


class _Runs:
    """The run files of a tournament, each opened once; all of one game."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._views: dict[str, RunView] = {}

    @property
    def game(self) -> RunConfig:
        """The settings of the first run, without a coarser search: every match is played by the game's own timestep."""
        if not self._views:
            raise ConfigError("got only scripted players: give a run file too, whose game is played")
        config = next(iter(self._views.values())).config
        return config.model_copy(update={"physics": config.physics.model_copy(update={"search_substeps": None})})

    def find(self, request: Request, side: Side) -> Iterator[Entrant]:
        """Those who are asked for."""
        if isinstance(request, Scripted):
            yield _scripted(request.name)
            return
        run = _seen_from(self._folder, request.path)
        view = self._open(run, request.path)
        count = len(view.generations(side))
        if count == 0:
            raise ConfigError(f"{request.path} has no champions yet; let its first generation finish")
        if isinstance(request, Archived):
            rows = np.array([find_row(view, side, request.which)])
        else:
            rows = evenly_spaced(count, request.champions or count)
        yield from self._champions(run, side, rows)

    def find_again(self, contestants: Sequence[Contestant], side: Side) -> Iterator[Entrant]:
        """Those who took part before, in their order."""
        rows: dict[str, list[int]] = {}
        for who in contestants:
            if who.run:
                view = self._open(who.run, self._folder / who.run)
                rows.setdefault(who.run, []).append(find_row(view, side, str(who.generation)))
        found = {e.contestant.name: e for run, there in rows.items() for e in self._champions(run, side, there)}
        for who in contestants:
            entrant = found[who.name] if who.run else _scripted(who.name.removeprefix("scripted:"))
            if entrant.contestant != who:
                raise RunFileError(
                    f"{who.name} is not the champion that the tournament began with: bring its run file back, "
                    "or take another --output"
                )
            yield entrant

    def _open(self, run: str, path: Path) -> RunView:
        if run in self._views:
            return self._views[run]
        view = RunView(path)
        if self._views:
            first, config = next(iter(self._views.values())), view.config
            if game_of(config) != game_of(first.config):
                view.close()
                raise ConfigError(
                    f"{path} has another game than {first.path} ({game_differences(config, first.config)}); players "
                    "can only meet in one game"
                )
        self._views[run] = view
        return view

    def _champions(self, run: str, side: Side, rows: Sequence[int] | IntArray) -> Iterator[Entrant]:
        """Champions by their places in a hall; no other genome is read."""
        view = self._views[run]
        network = view.config.side(side).policy.model_dump_json()
        steps = np.cumsum(np.nan_to_num(view.metrics.get("env_steps", np.zeros(view.num_generations))))
        generations = view.generations(side)
        for row, genome in zip(rows, view.genomes(side, rows), strict=True):
            generation = int(generations[row])
            who = Contestant(
                name=f"{run}:{side.label}/{generation}",
                run=run,
                run_seed=view.meta.seed,
                generation=generation,
                env_steps=int(steps[generation]),
                genome_sha256=hashlib.sha256(genome.tobytes()).hexdigest(),
                network=network,
            )
            yield Entrant(who, genome)

    def __enter__(self) -> _Runs:
        return self

    def __exit__(self, *_: object) -> None:
        for view in self._views.values():
            view.close()


def _scripted(name: str) -> Entrant:
    return Entrant(Contestant(f"scripted:{name}"), np.empty(0, dtype=np.float32))


def _seen_from(folder: Path, path: Path) -> str:
    """A run file as it is found from the tournament's folder, so that both can move together."""
    run = os.path.relpath(path.resolve(), folder.resolve())
    if not run.isprintable():
        raise ConfigError(f"got the run file {run!r}, expected a name that can be printed: rename it")
    return run
