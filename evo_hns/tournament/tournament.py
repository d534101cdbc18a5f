"""A tournament: a table of mean returns, each to a requested precision; it is resumed where it stopped.

All cells play the same worlds in the same order, so that differences between cells are not due to the worlds.
The next matches follow from the scores so far alone: a tournament that was killed ends with the numbers of one that
was not, on any number of threads and ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evo_hns.archive import provenance
from evo_hns.archive.hall_of_fame import IntArray
from evo_hns.archive.tournament import Cells, Precision, Tournament
from evo_hns.archive.tournament_file import TOURNAMENT_SCHEMA, TournamentFile
from evo_hns.config import ConfigError, RunConfig, read_policy
from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.evaluation.fitness import team_return
from evo_hns.evaluation.matches import MatchTable, fresh_seeds
from evo_hns.players.addresses import game_differences, game_of
from evo_hns.policies.roster import Roster
from evo_hns.spec import Side
from evo_hns.system.shutdown import ShutdownSignal
from evo_hns.tournament.participants import (
    Participants,
    PlayerBatch,
    Selection,
    describe,
    load_participants,
    make_batches,
    reload_participants,
)
from evo_hns.tournament.payoff import Payoff
from evo_hns.tournament.schedule import next_round, precision_of

BATCHES = 4
"""Batches of all worlds between two writes of the file, at least: what a kill may cost."""

GROWTH = 16
"""Or one part in so many of what the file holds, so that writing it stays cheap."""


@dataclass(frozen=True)
class TournamentSpec:
    """The specification of a tournament."""

    selection: Selection
    half_width: float | None = None  #: in units of the return; None: a tenth of their range
    min_episodes: int = 8
    max_episodes: int = 128
    seed: int = 0  #: decides the worlds


@dataclass(frozen=True)
class Chunk:
    """A chunk of matches that are evaluated together: hiders of one specification against seekers of one."""

    cell_of: IntArray  #: `(M,)` the cell of each, counted row by row
    table: MatchTable
    rosters: Mapping[Side, Roster]


Observer = Callable[[Tournament], None]
"""Is shown the tournament at the beginning, and whenever more of it is safe on disk."""


def play_tournament(
    path: Path,
    spec: TournamentSpec,
    build: Callable[[RunConfig], Evaluator],
    *,
    shutdown: ShutdownSignal | None = None,
    observers: Sequence[Observer] = (),
) -> Tournament:
    """Play a tournament to its end, from where its file stands.

    Args:
        path: the tournament file; created if it is not there.
        spec: what is asked for. One that differs from the file's may ask for more of the same: further participants,
            a narrower interval, more episodes.
        build: builds the evaluator of a game; is not called if all matches have been played.
        shutdown: signals that the process receives.
        observers: see `Observer`.

    Raises:
        ConfigError: players that do not exist or cannot meet, or the file is of another tournament.
        RunFileError: a file that cannot be read or written, or somebody else is writing it.
        Stopped: a signal ended it; the tournament can be resumed.
    """
    path = Path(path).resolve()
    shutdown = shutdown or ShutdownSignal()
    if path.exists():
        with TournamentFile.open(path) as file:
            entry = _go_on(file, spec)
            _play(file, entry, None, build, shutdown, observers)
            return file.tournament
    entry = load_participants(spec.selection, path.parent)
    _check_teams(entry.game)
    begun = begin(entry, spec, path.parent)
    evaluator = build(entry.game)  # what cannot be played fails here, and leaves no file behind
    with TournamentFile.create(path, begun) as file:
        _play(file, entry, evaluator, build, shutdown, observers)
        return file.tournament


def begin(entry: Participants, spec: TournamentSpec, folder: Path) -> Tournament:
    """A tournament without any episode.

    Raises:
        ConfigError: a specification that makes no sense.
    """
    precision = precision_of(entry.game.rules, spec.half_width, spec.min_episodes, spec.max_episodes)
    fresh_seeds(1, spec.seed)  # refuses a negative one
    meta = provenance.describe(entry.game.model_copy(update={"seed": spec.seed}), TOURNAMENT_SCHEMA)
    participants = entry.participants
    cells = Cells.empty(*(len(participants[side]) for side in Side))
    return Tournament(meta, describe(spec.selection, folder), precision, participants, cells)


def payoff_of(tournament: Tournament) -> Payoff:
    """The table of mean returns; names are short if all champions are of one run."""
    names, moments = short_names(tournament), {side: tournament.cells.moments(side) for side in Side}
    return Payoff.of_moments(
        names[Side.HIDERS], names[Side.SEEKERS], moments, tournament.meta.config.rules.return_range
    )


def short_names(tournament: Tournament) -> Mapping[Side, tuple[str, ...]]:
    """Names of the participants, without the run file if there is only one."""
    runs = runs_of(tournament)
    prefix = f"{runs[0]}:" if len(runs) == 1 else ""
    return {side: tuple(each.name.removeprefix(prefix) for each in tournament.participants[side]) for side in Side}


def runs_of(tournament: Tournament) -> list[str]:
    """The run files that its champions come from, in the order of their first."""
    runs = dict.fromkeys(each.run for side in Side for each in tournament.participants[side])
    return [run for run in runs if run]


def generations_of(tournament: Tournament, side: Side) -> IntArray:
    """`(P,)` the generation that each participant was the champion of, -1 for a scripted player."""
    return np.array([each.generation for each in tournament.participants[side]], dtype=np.int64)


def env_steps_of(tournament: Tournament, side: Side) -> IntArray:
    """`(P,)` env steps of training behind each participant, -1 for a scripted player."""
    return np.array([each.env_steps for each in tournament.participants[side]], dtype=np.int64)


def _go_on(file: TournamentFile, spec: TournamentSpec) -> Participants:
    """Load the participants of a tournament file, which takes over a larger specification."""
    stored, folder = with_forms_of_today(file.tournament), file.path.parent
    if describe(spec.selection, folder) == stored.selection:
        entry = reload_participants(stored.participants, folder, stored.meta.config)
    else:
        entry = load_participants(spec.selection, folder)
    wanted = extended(stored, begin(entry, spec, folder), file.path)
    if (wanted.selection, wanted.precision) != (stored.selection, stored.precision):
        file.write(wanted)
    return entry


def with_forms_of_today(tournament: Tournament) -> Tournament:
    """The same players; older files also kept settings of networks that the form of theirs has not."""
    participants = {
        side: tuple(
            replace(who, network=read_policy(who.network).model_dump_json()) if who.network else who for who in players
        )
        for side, players in tournament.participants.items()
    }
    return replace(tournament, participants=participants)


def extended(stored: Tournament, asked: Tournament, path: Path) -> Tournament:
    """The episodes so far as a part of a larger tournament.

    Raises:
        ConfigError: it is no part of that; the first difference is named.
    """
    theirs, ours = stored.meta.config, asked.meta.config
    remedy = "take another --output"
    if game_of(theirs) != game_of(ours):
        raise ConfigError(f"{path} is a tournament of another game ({game_differences(theirs, ours)}): {remedy}")
    if theirs.seed != ours.seed:
        raise ConfigError(f"{path} is a tournament with --seed {theirs.seed}, got {ours.seed}: {remedy}")
    _check_precision(stored.precision, asked.precision, path)
    places = {}
    for side in Side:
        now = {who: place for place, who in enumerate(asked.participants[side])}
        if lost := [who.name for who in stored.participants[side] if who not in now]:
            raise ConfigError(
                f"{path} has {lost[0]}, who is not among the {len(now)} {side.label} that are asked for: ask for all "
                f"who are in it and more, or {remedy}"
            )
        places[side] = np.array([now[who] for who in stored.participants[side]], dtype=np.int64)
    cells = stored.cells.within(asked.cells.shape, places[Side.HIDERS], places[Side.SEEKERS])
    return replace(asked, meta=stored.meta, cells=cells)


def _check_precision(stored: Precision, asked: Precision, path: Path) -> None:
    for name, theirs, ours, is_more in (
        ("--half-width", stored.half_width, asked.half_width, asked.half_width <= stored.half_width),
        ("--min-episodes", stored.min_episodes, asked.min_episodes, asked.min_episodes >= stored.min_episodes),
        ("--max-episodes", stored.max_episodes, asked.max_episodes, asked.max_episodes >= stored.max_episodes),
    ):
        if not is_more:
            raise ConfigError(
                f"{path} is a tournament with {name} {theirs:g}, got {ours:g}, which asks for less: leave it, or take "
                "another --output"
            )


def _check_teams(game: RunConfig) -> None:
    if game.world.max_seekers == 0:
        raise ConfigError(f"the game of this run ({game.rules.task}) has a single team: nobody to play a tournament")


def _play(
    file: TournamentFile,
    entry: Participants,
    evaluator: Evaluator | None,
    build: Callable[[RunConfig], Evaluator],
    shutdown: ShutdownSignal,
    observers: Sequence[Observer],
) -> None:
    """Play round after round until every cell is precise enough."""
    span = entry.game.rules.return_range
    batches: Mapping[Side, list[PlayerBatch]] | None = None
    shutdown.begin_generation()
    while True:
        tournament = file.tournament
        if tournament.cells.is_round_over:
            wanted = next_round(tournament.cells, tournament.precision, span)
            tournament = replace(tournament, cells=replace(tournament.cells, wanted=wanted))
        for observe in observers:
            observe(tournament)
        if tournament.cells.is_round_over:
            return
        shutdown.end_generation()
        shutdown.begin_generation()
        if evaluator is None:
            evaluator = build(entry.game)
        if batches is None:
            batches = {side: make_batches(entry.loaded[side]) for side in Side}
        size = max(BATCHES * evaluator.num_worlds, int(tournament.cells.count.sum()) // GROWTH)
        chunk = next_chunk(tournament, batches, size)
        scores = play_chunk(chunk, evaluator)
        file.write(replace(tournament, cells=tournament.cells.with_played(chunk.cell_of, scores)))


def next_chunk(tournament: Tournament, batches: Mapping[Side, Sequence[PlayerBatch]], size: int) -> Chunk:
    """The first matches of the round that have not been played.

    Args:
        tournament: in a round that is not over.
        batches: of each side.
        size: most matches.
    """
    cells = tournament.cells
    seeds = fresh_seeds(tournament.precision.max_episodes, tournament.meta.seed)
    missing = np.maximum(cells.wanted - cells.count, 0)
    hiders, seekers = next(
        (hiders, seekers)
        for hiders in batches[Side.HIDERS]
        for seekers in batches[Side.SEEKERS]
        if missing[np.ix_(hiders.places, seekers.places)].any()
    )
    theirs = missing[np.ix_(hiders.places, seekers.places)].ravel()
    ends = np.cumsum(theirs)
    pairs = np.arange(np.searchsorted(ends, size) + 1)[: len(ends)]
    pair = np.repeat(pairs, theirs[pairs])[:size]
    number = np.arange(len(pair)) - (ends - theirs)[pair]  # of a match among the new ones of its cell
    hider, seeker = np.divmod(pair, len(seekers.places))
    rows, columns = hiders.places[hider], seekers.places[seeker]
    return Chunk(
        cell_of=rows * cells.shape[1] + columns,
        table=MatchTable(hider, seeker, seeds[cells.count[rows, columns] + number]),
        rosters={Side.HIDERS: hiders.roster, Side.SEEKERS: seekers.roster},
    )


def play_chunk(chunk: Chunk, evaluator: Evaluator) -> Mapping[Side, np.ndarray]:
    """`(M,)` return of each side's team in every match, NaN where the physics failed."""
    episodes = evaluator.evaluate(chunk.table, chunk.rosters)
    return {side: team_return(episodes, evaluator.session.spec, side).numpy() for side in Side}
