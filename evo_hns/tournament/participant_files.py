"""The files that a tournament's players come from: run files, of which only those asked for are read, and policies.

All runs are of one game, which is what is played; a policy of OpenAI's has to fit it.
"""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evo_hns.archive.hall_of_fame import GenomeArray, IntArray, evenly_spaced
from evo_hns.archive.records import env_steps_so_far
from evo_hns.archive.run_view import RunView
from evo_hns.archive.storage import RunFileError
from evo_hns.archive.tournament import Participant
from evo_hns.config import ConfigError, RunConfig
from evo_hns.envs.observations import observation_spec
from evo_hns.players.addresses import (
    Address,
    Archived,
    Custom,
    Published,
    Scripted,
    find_row,
    game_differences,
    game_of,
    parse_address,
    why_nobody,
)
from evo_hns.policies.custom import load_factory
from evo_hns.policies.published import PublishedPolicy
from evo_hns.spec import Side


@dataclass(frozen=True)
class Hall:
    """Champions of one side of a run: some, evenly spaced from the first to the last, or all."""

    path: Path
    side: Side
    champions: int | None = None  #: how many; None: all


@dataclass(frozen=True)
class GameSource:
    """A run that defines the game, without participants from it."""

    path: Path


Request = Address | Hall | GameSource


@dataclass(frozen=True, eq=False)
class LoadedParticipant:
    """A participant with its genome."""

    participant: Participant
    genome: GenomeArray  #: `(N,)` float32; empty for a scripted player


class ParticipantFiles:
    """The files of a tournament's players, run files opened once; all of one game.

    Args:
        folder: of the tournament file.
        fallback: the game if no run says which.
    """

    def __init__(self, folder: Path, fallback: RunConfig | None = None) -> None:
        self._folder, self._fallback = folder, fallback
        self._views: dict[str, RunView] = {}
        self._published: list[PublishedPolicy] = []

    @property
    def game(self) -> RunConfig:
        """The settings of the first run, without a coarser search: every match is played by the game's own timestep."""
        config = next((view.config for view in self._views.values()), self._fallback)
        if config is None:
            raise ConfigError("got nobody from a run: give a run file too, whose game is played")
        for policy in self._published:
            policy.check_game(observation_spec(config.world, config.rules))
        return config.model_copy(update={"physics": config.physics.model_copy(update={"search_substeps": None})})

    def find(self, request: Request, side: Side) -> Iterator[LoadedParticipant]:
        """The participants of a request."""
        if isinstance(request, Scripted):
            yield _scripted(request.name)
            return
        if isinstance(request, Custom):
            yield _custom(request.factory)
            return
        if isinstance(request, Published):
            yield self._publication(request)
            return
        run = seen_from(self._folder, request.path)
        view = self._open(run, request.path)
        if isinstance(request, GameSource):
            return
        count = len(view.generations(side))
        if count == 0:
            raise ConfigError(why_nobody(request.path, view.config, side))
        if isinstance(request, Archived):
            rows = np.array([find_row(view, side, request.which)])
        else:
            rows = evenly_spaced(count, request.champions or count)
        yield from self._champions(run, side, rows)

    def find_again(self, participants: Sequence[Participant], side: Side) -> Iterator[LoadedParticipant]:
        """The participants of a tournament file, in their order."""
        rows: dict[str, list[int]] = {}
        for who in participants:
            if who.run:
                view = self._open(who.run, self._folder / who.run)
                rows.setdefault(who.run, []).append(find_row(view, side, str(who.generation)))
        found = {e.participant.name: e for run, there in rows.items() for e in self._champions(run, side, there)}
        for who in participants:
            loaded_participant = found[who.name] if who.run else self._find_outsider(who, side)
            if loaded_participant.participant != who:
                raise RunFileError(
                    f"{who.name} is not the one that the tournament began with: bring its file back, "
                    "or take another --output"
                )
            yield loaded_participant

    def _find_outsider(self, who: Participant, side: Side) -> LoadedParticipant:
        """A participant that is of no run, by name."""
        address = parse_address(who.name, side)
        if isinstance(address, Published):
            return self._publication(replace(address, path=self._folder / address.path))
        if isinstance(address, Custom):
            return _custom(address.factory)
        return _scripted(who.name.removeprefix("scripted:"))

    def _publication(self, address: Published) -> LoadedParticipant:
        self._published.append(address.policy)
        genome = address.policy.genome
        who = Participant(
            name=replace(address, path=Path(seen_from(self._folder, address.path))).name,
            genome_sha256=_digest(genome),
            network=address.network.model_dump_json(),
        )
        return LoadedParticipant(who, genome)

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

    def _champions(self, run: str, side: Side, rows: Sequence[int] | IntArray) -> Iterator[LoadedParticipant]:
        """Champions by their places in a hall; no other genome is read."""
        view = self._views[run]
        network = view.config.side(side).policy.model_dump_json()
        steps = env_steps_so_far(view)
        generations = view.generations(side)
        for row, genome in zip(rows, view.genomes(side, rows), strict=True):
            generation = int(generations[row])
            who = Participant(
                name=f"{run}:{side.label}/{generation}",
                run=run,
                run_seed=view.meta.seed,
                generation=generation,
                env_steps=int(steps[generation]),
                genome_sha256=_digest(genome),
                network=network,
            )
            yield LoadedParticipant(who, genome)

    def __enter__(self) -> ParticipantFiles:
        return self

    def __exit__(self, *_: object) -> None:
        for view in self._views.values():
            view.close()


def _scripted(name: str) -> LoadedParticipant:
    return LoadedParticipant(Participant(f"scripted:{name}"), np.empty(0, dtype=np.float32))


def _custom(factory: str) -> LoadedParticipant:
    """A user's own player, identified by the source of its module."""
    source = inspect.getsourcefile(load_factory(factory))
    digest = hashlib.sha256(Path(source).read_bytes()).hexdigest() if source else ""
    return LoadedParticipant(Participant(factory, genome_sha256=digest), np.empty(0, dtype=np.float32))


def _digest(genome: GenomeArray) -> str:
    return hashlib.sha256(genome.tobytes()).hexdigest()


def seen_from(folder: Path, path: Path) -> str:
    """The path of a file relative to the tournament's folder, so that both can move together."""
    run = os.path.relpath(path.resolve(), folder.resolve())
    if not run.isprintable():
        raise ConfigError(f"got the file {run!r}, expected a name that can be printed: rename it")
    return run
