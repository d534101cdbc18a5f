"""A run as immutable data, and how one more generation extends it.

Row g of every per-generation array belongs to generation g, from 0. Metrics of the machine have names that start
with `time_` (seconds that passed), `cpu_`, `memory_` or `ranks` (`MACHINE`); all others are the same numbers whenever
the run is repeated.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from evo_hns.archive.hall_of_fame import FloatArray, GenomeArray, HallOfFame, IntArray
from evo_hns.archive.storage import RunFileError
from evo_hns.config import RunConfig
from evo_hns.spec import Side

State = Mapping[str, "npt.NDArray[Any] | State"]
"""Nested arrays of numbers or booleans by name; what a run needs to continue to the same bits."""

ByteArray = npt.NDArray[np.uint8]

MACHINE = ("time_", "cpu_", "memory_", "ranks")
"""How the names of metrics begin that depend on the machine."""

_NAME = re.compile(r"\w[\w.-]*")
_JOB = re.compile(r"([0-9]+(_[0-9]+)?)?")


@dataclass(frozen=True, eq=False)
class Champion:
    """The best genome of one side in one generation."""

    genome: GenomeArray  #: `(N,)` float32
    score: float  #: what it scored on fresh worlds, higher is better


def _no_scores() -> FloatArray:
    return np.empty(0)


@dataclass(frozen=True)
class HeldOutRow:
    """One measurement of a champion against a player that never takes part in the search."""

    generation: int  #: the champion's
    side: Side  #: the champion's
    opponent: str  #: name of the held-out player
    mean: float  #: mean return of the champion's team
    ci_half_width: float  #: of the mean's confidence interval
    episodes: int  #: that were counted
    statistics: Mapping[str, float] = field(default_factory=dict)  #: further means by name; NaN is as if absent
    scores: FloatArray = field(default_factory=_no_scores, compare=False)  #: `(E,)` per world, NaN if discarded


@dataclass(frozen=True, eq=False)
class Match:
    """A match as it was played: with the settings of its run, enough to play it again to the same bits."""

    generation: int  #: the run's last one at that time; -1 before the first
    hider: str  #: who played the hiders: `hiders/12` of the same run, or an address
    seeker: str  #: who played the seekers
    world_seed: int  #: of its world
    failed: bool  #: the physics failed
    returns: FloatArray  #: `(A,)` of each agent
    metrics: Mapping[str, float]  #: the game's statistics at the end; NaN is as if absent
    actions: Mapping[str, ByteArray]  #: name of a field of `Action` -> `(T, A, ...)` what was done in T env steps

    @property
    def num_steps(self) -> int:
        """T, its length in env steps."""
        return len(next(iter(self.actions.values())))

    @property
    def form(self) -> Mapping[str, tuple[int, ...]]:
        """Shapes of its arrays: the same for all matches of a run."""
        return {"returns": self.returns.shape} | {name: array.shape for name, array in self.actions.items()}


def recorded_matches(
    generation: int,
    players: Mapping[Side, str],
    seeds: IntArray,
    outcome: tuple[FloatArray, npt.NDArray[np.bool_], Mapping[str, FloatArray]],
    actions: Mapping[str, ByteArray],
) -> tuple[Match, ...]:
    """M matches of the same two players.

    Args:
        generation: the run's last one.
        players: who played each side.
        seeds: `(M,)` world seeds.
        outcome: `(M, A)` returns, `(M,)` whether the physics failed, and `(M,)` statistics by name.
        actions: `(M, T, A, ...)` by field of `Action`.
    """
    returns, failed, metrics = outcome
    return tuple(
        Match(
            generation=generation,
            hider=players[Side.HIDERS],
            seeker=players[Side.SEEKERS],
            world_seed=int(seeds[row]),
            failed=bool(failed[row]),
            returns=returns[row],
            metrics={name: float(values[row]) for name, values in metrics.items() if not np.isnan(values[row])},
            actions={name: array[row] for name, array in actions.items()},
        )
        for row in range(len(seeds))
    )


@dataclass(frozen=True, eq=False)
class Generation:
    """The results of one generation, which it adds to a run."""

    number: int  #: from 0, consecutive
    champions: Mapping[Side, Champion]  #: a side that is absent adds nobody to its hall of fame
    metrics: Mapping[str, float]  #: one number each; a name that is absent counts as NaN
    state: State  #: to continue after this generation; replaces the previous one
    held_out: tuple[HeldOutRow, ...] = ()  #: measured in this generation
    discards: Mapping[str, int] = field(default_factory=dict)  #: discarded episodes by cause
    matches: tuple[Match, ...] = ()  #: recorded in this generation
    exploiters: Mapping[Side, Champion] = field(default_factory=dict)  #: whose searches ended in this generation


@dataclass(frozen=True)
class TrainingSession:
    """A training session of a run: one process, or one MPI job, from its start to its end or restart."""

    started: str  #: UTC, ISO 8601
    first_generation: int  #: the run's next one when it started
    num_ranks: int  #: MPI ranks; 1 without MPI
    hosts: tuple[str, ...]  #: names of its machines, each once, in the order of the ranks
    mpi: str  #: the MPI library; empty without
    job: str  #: Slurm's id of it, `123`, or `123_4` for a task of an array; empty outside Slurm
    restarts: int  #: how often Slurm had restarted the job by then


@dataclass(frozen=True)
class RunMeta:
    """Where a run comes from."""

    schema_version: int  #: of the file
    project_version: str  #: of evo_hns
    created: str  #: UTC, ISO 8601
    seed: int  #: decides every random number
    platform: str  #: operating system and processor
    git_commit: str  #: of the source, `-dirty` if edited; empty if not from a repository
    versions: Mapping[str, str]  #: of Python and the libraries that were there at the start
    config_json: str  #: the resolved settings

    @property
    def config(self) -> RunConfig:
        """The settings of the run.

        Raises:
            RunFileError: they are of a version of evo_hns whose settings were others.
        """
        try:
            return RunConfig.of_stored(self.config_json)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise RunFileError(
                f"the settings of this run are of evo_hns {self.project_version} and '{where}' is not understood"
                " here: use that version"
            ) from error


class RunFacts(Protocol):
    """A run without its genomes: what a `Run` has, and a `RunView` reads."""

    @property
    def meta(self) -> RunMeta:
        """Where it comes from."""

    @property
    def config(self) -> RunConfig:
        """Its settings."""

    @property
    def num_generations(self) -> int:
        """G, completed."""

    @property
    def metrics(self) -> Mapping[str, FloatArray]:
        """`(G,)` each, NaN where absent."""

    @property
    def discards(self) -> Mapping[str, IntArray]:
        """`(G,)` each, episodes discarded by cause."""

    @property
    def held_out(self) -> tuple[HeldOutRow, ...]:
        """In order of measurement."""

    @property
    def sessions(self) -> tuple[TrainingSession, ...]:
        """That trained it, oldest first."""

    @property
    def num_matches(self) -> int:
        """Recorded matches."""

    def num_champions(self, side: Side) -> int:
        """Champions in a side's hall."""

    def num_params(self, side: Side) -> int:
        """N, the length of a side's genomes."""

    def num_exploiters(self, side: Side) -> int:
        """Champions of a side's exploiters."""


def held_out_means(rows: Iterable[HeldOutRow], side: Side) -> dict[int, float]:
    """Mean returns of a side's measured champions over their held-out opponents, by generation."""
    means: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        if row.side is side:
            means[row.generation].append(row.mean)
    return {generation: float(np.mean(values)) for generation, values in means.items()}


def env_steps_so_far(run: RunFacts) -> FloatArray:
    """`(G,)` env steps of training by the end of each generation."""
    total: FloatArray = np.cumsum(np.nan_to_num(run.metrics.get("env_steps", np.zeros(run.num_generations))))
    return total


@dataclass(frozen=True, eq=False)
class Run:
    """A run up to a whole generation."""

    meta: RunMeta  #: where it comes from
    num_generations: int  #: G, completed
    halls: Mapping[Side, HallOfFame]  #: champions of each side
    metrics: Mapping[str, FloatArray]  #: `(G,)` each, NaN where absent
    discards: Mapping[str, IntArray]  #: `(G,)` each, episodes discarded by cause
    held_out: tuple[HeldOutRow, ...]  #: in order of measurement
    state: State  #: after the last generation; empty before the first
    matches: tuple[Match, ...] = ()  #: in the order in which they were recorded
    sessions: tuple[TrainingSession, ...] = ()  #: that trained it, oldest first; none in files of older versions
    exploiters: Mapping[Side, HallOfFame] = field(default_factory=dict)  #: of each side that had some: no champions

    @property
    def config(self) -> RunConfig:
        """The settings of the run; see `RunMeta.config`."""
        return self.meta.config

    @property
    def num_matches(self) -> int:
        """Recorded matches."""
        return len(self.matches)

    def num_champions(self, side: Side) -> int:
        """Champions in a side's hall."""
        return len(self.halls[side])

    def num_params(self, side: Side) -> int:
        """N, the length of a side's genomes."""
        return self.halls[side].num_params

    def num_exploiters(self, side: Side) -> int:
        """Champions of a side's exploiters."""
        return len(self.exploiters.get(side, ()))

    def followed_by(self, records: Sequence[Generation]) -> Run:
        """The run with more generations, which fit (`check`); the halls of fame are shared and not touched."""
        if not records:
            return self
        num = self.num_generations
        return replace(
            self,
            num_generations=num + len(records),
            metrics=with_rows(self.metrics, num, [record.metrics for record in records], np.float64(np.nan)),
            discards=with_rows(self.discards, num, [record.discards for record in records], np.int64(0)),
            held_out=self.held_out + tuple(row for record in records for row in record.held_out),
            state=records[-1].state,
            matches=self.matches + tuple(match for record in records for match in record.matches),
        )

    def enlist(self, record: Generation) -> Run:
        """Let the champions and exploiters of a generation enter the halls, which the answer shares with this run."""
        for side, champion in record.champions.items():
            self.halls[side].append(champion.genome, record.number, champion.score)
        if not record.exploiters:
            return self
        halls = dict(self.exploiters)
        for side, exploiter in record.exploiters.items():
            hall = halls.setdefault(side, HallOfFame(self.num_params(side)))
            hall.append(exploiter.genome, record.number, exploiter.score)
        return replace(self, exploiters=halls)

    def with_matches(self, matches: Sequence[Match]) -> Run:
        """The run with more recorded matches.

        Raises:
            ValueError: they do not fit this run.
        """
        self._check_matches(matches)
        return replace(self, matches=self.matches + tuple(matches))

    def with_held_out(self, generation: int, rows: Sequence[HeldOutRow], metrics: Mapping[str, float]) -> Run:
        """The run with more measurements of a generation that it has, in the order of generations.

        Args:
            generation: which.
            rows: the measurements.
            metrics: what comes of them, for this generation.

        Raises:
            ValueError: they do not fit this run, or are there already.
        """
        there = {(row.generation, row.side, row.opponent) for row in self.held_out}
        for row in rows:
            if row.generation != generation or not 0 <= generation < self.num_generations:
                raise ValueError(f"got a measurement of generation {row.generation}, expected {generation}")
            if (generation, row.side, row.opponent) in there:
                raise ValueError(
                    f"{row.side.label} of generation {generation} against {row.opponent} are there already"
                )
        columns = {name: column.copy() for name, column in self.metrics.items()}
        for name, value in metrics.items():
            columns.setdefault(name, np.full(self.num_generations, np.nan))[generation] = value
        held_out = tuple(sorted((*self.held_out, *rows), key=lambda row: row.generation))
        return replace(self, held_out=held_out, metrics=columns)

    def with_session(self, session: TrainingSession) -> Run:
        """The run with a session that continues from its last generation.

        Raises:
            ValueError: the session does not fit this run.
        """
        if session.first_generation != self.num_generations:
            raise ValueError(
                f"the session starts with generation {session.first_generation}, expected {self.num_generations}"
            )
        check_session(session)
        return replace(self, sessions=(*self.sessions, session))

    def _check_matches(self, matches: Sequence[Match], later: Iterable[Match] = ()) -> None:
        for match in matches:
            check_match(match)
            first = next(chain(self.matches, later, matches))
            if match.form != first.form:
                raise ValueError(f"the match has arrays {match.form}, expected {first.form}")

    def check(self, record: Generation, later: Sequence[Generation] = ()) -> None:
        """Refuse a generation that does not fit.

        Args:
            record: the generation.
            later: that follow this run before it.

        Raises:
            ValueError: it does not.
        """
        expected = self.num_generations + len(later)
        if record.number != expected:
            raise ValueError(f"the record is of generation {record.number}, expected {expected}")
        for newcomers in (record.champions, record.exploiters):
            for side, champion in newcomers.items():
                self.halls[side].check(champion.genome, champion.score)
        for row in record.held_out:
            if row.generation != record.number:
                raise ValueError(f"held-out row of generation {row.generation} in record {record.number}")
            check_names(row.statistics)
        for match in record.matches:
            if match.generation != record.number:
                raise ValueError(f"match of generation {match.generation} in record {record.number}")
        self._check_matches(record.matches, (match for each in later for match in each.matches))
        check_names(record.metrics)
        check_names(record.discards)
        check_state(record.state)


def check_names(names: Mapping[str, object]) -> None:
    """Refuse names that a file cannot hold as they are.

    Raises:
        ValueError: a name that is not letters, digits, `_`, `.` or `-`, or starts with the latter two.
    """
    for name in names:
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            raise ValueError(f"{name!r} is not a name: expected letters, digits, '_', '.', '-'")


def check_match(match: Match) -> None:
    """Refuse a match that would not come back to the same bits.

    Raises:
        ValueError: a bad name, or arrays of another type or length than a match has.
    """
    check_names(match.metrics)
    check_names(match.actions)
    for player in (match.hider, match.seeker):
        if not player.isprintable():
            raise ValueError(f"{player!r} cannot be the name of a player: expected text that can be printed")
    lengths = {array.shape[:2] for array in match.actions.values()}
    if any(array.dtype != np.uint8 for array in match.actions.values()):
        raise ValueError("actions are expected as uint8")
    if match.returns.dtype != np.float64 or len(lengths) != 1 or match.returns.shape != lengths.pop()[1:]:
        raise ValueError(f"returns and actions have shapes {match.form}, expected (A,) and (T, A, ...) each")


def check_session(session: TrainingSession) -> None:
    """Refuse a session that a run file cannot hold.

    Raises:
        ValueError: a time without its zone, a negative count, no host or one twice, text that cannot be printed, or
            a job that Slurm would not name so.
    """
    if datetime.fromisoformat(session.started).utcoffset() != timedelta(0):
        raise ValueError(f"the session started at {session.started}, expected UTC with its offset +00:00")
    if session.first_generation < 0 or session.num_ranks < 1 or session.restarts < 0:
        raise ValueError(
            f"the session has first_generation {session.first_generation}, num_ranks {session.num_ranks}, restarts"
            f" {session.restarts}, expected at least 0, 1, 0"
        )
    if not 1 <= len(session.hosts) <= session.num_ranks or len(set(session.hosts)) < len(session.hosts):
        raise ValueError(
            f"{session.num_ranks} ranks on {session.hosts}, expected from one host up to one a rank, each once"
        )
    for host in session.hosts:
        if not host.isprintable() or host.split() != [host]:
            raise ValueError(f"{host!r} cannot be the name of a host: expected text without spaces")
    if not session.mpi.isprintable():
        raise ValueError(f"{session.mpi!r} cannot be the name of an MPI library: expected text that can be printed")
    if not _JOB.fullmatch(session.job):
        raise ValueError(f"{session.job!r} cannot be a job of Slurm: expected 123, 123_4 or nothing")


def check_state(state: State) -> None:
    """Refuse what would not come back to the same bits.

    Raises:
        ValueError: a bad name, or a leaf that is not an array of booleans, integers or floats.
    """
    check_names(state)
    for name, value in state.items():
        if isinstance(value, Mapping):
            check_state(value)
        elif not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
            kind = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
            raise ValueError(f"state '{name}' is {kind}, expected a numpy array of booleans, integers or floats")


def with_rows(
    columns: Mapping[str, npt.NDArray[Any]], length: int, rows: Sequence[Mapping[str, float]], blank: np.generic
) -> dict[str, npt.NDArray[Any]]:
    """Longer columns.

    Args:
        columns: `(length,)` each, by name.
        length: of each.
        rows: more entries by name.
        blank: the entry of a name that a row, or all that were before, lack; of the columns' type.
    """
    longer = {}
    for name in sorted(set(columns).union(*rows)):
        column = longer[name] = np.full(length + len(rows), blank)
        column[:length] = columns.get(name, blank)
        column[length:] = [row.get(name, blank) for row in rows]
    return longer
