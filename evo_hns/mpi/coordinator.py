"""Matches on all ranks, seen from the leader: it deals a table out, plays along, and collects the results."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes, Keep, join
from evo_hns.evaluation.session import GameSession, Physics
from evo_hns.mpi.communicator import LEADER, Pause, RankLostError, Ranks, Traffic
from evo_hns.mpi.genome_cache import GenomeLedger, IntArray
from evo_hns.mpi.messages import Begin, Cast, Echo, Ready, Report, Wave
from evo_hns.mpi.simulated_workload import StandInCost
from evo_hns.mpi.worker import build_rank_sessions, warm_up
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import Side
from evo_hns.system.shutdown import ShutdownSignal, Stopped
from evo_hns.worlds.scene import Scene

MOST_WITH_A_PLAYING_LEADER = 32
"""Ranks; the leader of more has its hands full with dealing, and is missed by less than 3 %."""


@dataclass
class Played:
    """What waves came to and cost."""

    parts: list[tuple[IntArray, Episodes]] = field(default_factory=list)  #: rows of the table, their episodes
    wall: float = 0.0  #: seconds that the waves took
    busy: float = 0.0  #: seconds that ranks played
    present: float = 0.0  #: seconds that ranks were there to play
    answering: float = 0.0  #: seconds in which the leader took reports and answered them
    slices: list[tuple[int, float]] = field(default_factory=list)  #: matches of each, and seconds that they took

    def add(self, other: Played) -> None:
        """Add what other waves cost; their episodes are for who asked for them."""
        self.wall += other.wall
        self.busy += other.busy
        self.present += other.present
        self.answering += other.answering
        self.slices += other.slices

    @property
    def rows(self) -> IntArray:
        """Rows of the table that have been played, in the order of `parts`."""
        return np.concatenate([np.empty(0, dtype=np.int64), *(rows for rows, _ in self.parts)])


class Leader:
    """Deals out the matches of a run.

    Args:
        ranks: this one leads.
        config: the run's settings.
        path: the run file.
        shutdown: what this rank was told by signals, and what the others report.
        stand_in: what matches cost if nobody is to play them.
    """

    def __init__(
        self, ranks: Ranks, config: RunConfig, path: Path, shutdown: ShutdownSignal, stand_in: StandInCost | None = None
    ) -> None:
        self.ranks = ranks
        self.sessions = build_rank_sessions(config, ranks.size, stand_in)
        self.num_players = ranks.size  #: ranks that are dealt to, the first ones; the others look on
        self._begin = Begin(config.model_dump_json(), path, stand_in)
        self._shutdown = shutdown
        self.cost = Played()  #: of the waves since the figures were taken
        self._counted = Traffic()
        warm_up(self.sessions)  # compiles the kernels; the others then find them on the disk
        self.begin()

    def echo(self, num_bytes: int) -> float:
        """Seconds until all ranks have taken so many bytes and said so."""
        message = Echo(bytes(num_bytes))
        start = time.perf_counter()
        self._ask_all(message)
        return time.perf_counter() - start

    def begin(self) -> None:
        """Let all ranks build their games if they have not yet, and forget all genomes; wait until they have."""
        self._ledgers: dict[tuple[Side, PlayerSpec], GenomeLedger] = defaultdict(GenomeLedger)
        while True:
            try:
                ready = self._ask_all(self._begin)
            except RankLostError:
                continue
            self.num_threads = max([torch.get_num_threads(), *(each.num_threads for each in ready)])
            return

    def _ask_all(self, message: Begin | Echo) -> list[Ready]:
        """Give a message to all ranks, and wait until each of the others has done what it says."""
        self.ranks.broadcast(message)
        return [self.ranks.receive()[1] for _ in range(self.ranks.size - 1)]

    def play(
        self, table: MatchTable, rosters: Mapping[Side, Roster], *, physics: Physics, keep: Collection[Keep] = ()
    ) -> Episodes:
        """Play every match of a table, whatever becomes of the other ranks.

        Args:
            table: M matches.
            rosters: the players its rows refer to.
            physics: at which timestep.
            keep: what is kept of the episodes beside their outcome.

        Returns:
            Episodes in the order of the table.

        Raises:
            Stopped: the run was told to end, and the generation would not be finished in time.
        """
        played = Played()
        while len(missing := np.setdiff1d(np.arange(len(table)), played.rows)):
            try:
                self._play_wave(self._wave(table.take(missing), rosters, physics, keep), missing, rosters, played)
            except RankLostError:
                self.begin()
        self.cost.add(played)
        return join([episodes for _, episodes in played.parts]).take(np.argsort(played.rows))

    def take_metrics(self) -> dict[str, float]:
        """What the waves since the last call cost: the share of the ranks' time that was waited, and bytes."""
        cost, now, before = self.cost, self.ranks.traffic, self._counted
        self.cost, self._counted = Played(), Traffic(**vars(now))
        return {
            "ranks": float(self.ranks.size),
            "ranks_lost": float(self.ranks.num_lost),
            "ranks_wave_seconds": cost.wall,
            "ranks_idle_share": 1.0 - cost.busy / cost.present if cost.present else 0.0,
            "ranks_broadcast_bytes": float(now.broadcast - before.broadcast),
            "ranks_sent_bytes": float(now.sent - before.sent),
            "ranks_received_bytes": float(now.received - before.received),
        }

    def _play_wave(self, wave: Wave, rows: IntArray, rosters: Mapping[Side, Roster], played: Played) -> None:
        """Play some rows of a table on all ranks; `played` holds whatever was finished, also after an error."""
        start = time.perf_counter()
        self.ranks.broadcast(wave)
        desk = Desk(self.ranks, wave, self._shutdown, self.sessions.exact.game.scene)
        try:
            while not desk.is_clear:
                number = desk.next_for_leader()
                if number is None:
                    desk.wait()
                else:
                    desk.enter(self._play_slice(wave, number, rosters, desk))
        except Stopped:
            desk.recall()
            raise
        finally:
            played.parts += [(rows[desk.slices[number]], episodes) for number, episodes in desk.done.items()]
            played.busy += desk.busy
            wall = time.perf_counter() - start
            played.wall += wall
            played.present += len(wave.players) * wall
            played.answering += desk.answering
            played.slices += desk.costs

    def _wave(
        self, table: MatchTable, rosters: Mapping[Side, Roster], physics: Physics, keep: Collection[Keep]
    ) -> Wave:
        leader_plays = self.num_players <= MOST_WITH_A_PLAYING_LEADER
        return Wave(
            physics=physics,
            keep=tuple(keep),
            table=table,
            casts={side: self._cast(side, rosters[side]) for side in Side},
            players=tuple(range(0 if leader_plays else 1, min(self.num_players, self.ranks.size))),
            num_worlds=self.sessions[physics].num_worlds,
        )

    def _cast(self, side: Side, roster: Roster) -> Cast:
        if not roster.genomes.numel():
            return Cast(roster.spec, None)
        genomes = roster.genomes.to(torch.float32).numpy()
        return Cast(roster.spec, self._ledgers[side, roster.spec].deliver(genomes))

    def _play_slice(self, wave: Wave, number: int, rosters: Mapping[Side, Roster], desk: Desk) -> Report:
        """Play a slice here, and look after the others after every env step."""
        start, before = time.perf_counter(), desk.seconds
        table = wave.table.take(desk.slices[number])
        episodes = self.sessions[wave.physics].play(table, rosters, keep=wave.keep, on_step=desk.look)
        return Report.of(number, episodes, time.perf_counter() - start - (desk.seconds - before), 0)


class Desk:
    """Where slices of one wave are dealt out and reports come in, also while the leader plays.

    Args:
        ranks: this one leads.
        wave: all ranks have it.
        shutdown: what was told by signals.
        scene: of the game.
    """

    def __init__(self, ranks: Ranks, wave: Wave, shutdown: ShutdownSignal, scene: Scene) -> None:
        self._ranks, self._shutdown, self._scene = ranks, shutdown, scene
        self.slices = wave.slices
        self.done: dict[int, Episodes] = {}
        self.busy = 0.0
        self.costs: list[tuple[int, float]] = []
        self.answering = 0.0
        self.seconds = 0.0  #: spent here while the leader plays
        first = min(len(wave.players), len(self.slices))
        self._out = {rank for rank in wave.players[:first] if rank != LEADER}
        self._left = deque(range(first, len(self.slices)))
        if LEADER in wave.players[:first]:
            self._left.appendleft(wave.players.index(LEADER))
        self._leader_plays = LEADER in wave.players

    @property
    def is_clear(self) -> bool:
        """Whether every slice has been reported."""
        return len(self.done) == len(self.slices)

    def next_for_leader(self) -> int | None:
        """A slice for the leader itself, if it plays and one is left."""
        return self._left.popleft() if self._leader_plays and self._left else None

    def enter(self, report: Report) -> None:
        """Note a report."""
        self.busy += report.seconds
        self.costs.append((len(self.slices[report.number]), report.seconds))
        self._shutdown.receive(report.signum)
        if (episodes := report.episodes(self._scene)) is not None:
            self.done[report.number] = episodes

    def look(self) -> None:
        """See whether somebody waits, while the leader plays.

        Raises:
            Stopped: the run was told to end.
        """
        start = time.perf_counter()
        self._answer_all()
        self.seconds += time.perf_counter() - start

    def wait(self) -> None:
        """Answer until all is done or a slice is left for the leader.

        Raises:
            Stopped: the run was told to end.
        """
        pause = Pause()
        while not self.is_clear and not (self._leader_plays and self._left):
            if self._answer_all():
                pause = Pause()
            pause()

    def recall(self) -> None:
        """Wait for what the others are playing, and deal nothing more."""
        self._left.clear()
        while self._out:
            self._answer(*self._ranks.receive())

    def _answer_all(self) -> bool:
        """Enter and answer what has come."""
        came = False
        while (message := self._ranks.poll()) is not None:
            self._answer(*message)
            came = True
        self._shutdown.check()
        return came

    def _answer(self, rank: int, report: Report) -> None:
        start = time.perf_counter()
        self.enter(report)
        number = self._left.popleft() if self._left else None
        self._ranks.send(number, rank)
        if number is None:
            self._out.discard(rank)
        self.answering += time.perf_counter() - start


class RankEvaluator:
    """Plays match tables on all ranks.

    Args:
        leader: deals them out.
    """

    def __init__(self, leader: Leader) -> None:
        self.leader = leader

    @property
    def session(self) -> GameSession:
        """The leader's game: its sizes and networks are those of all."""
        return self.leader.sessions.exact

    @property
    def num_worlds(self) -> int:
        """Worlds of all ranks together."""
        return self.leader.num_players * self.leader.sessions["search"].num_worlds

    def evaluate(
        self,
        table: MatchTable,
        rosters: Mapping[Side, Roster],
        *,
        physics: Physics = "exact",
        keep: Collection[Keep] = (),
    ) -> Episodes:
        """Play every match of a table; see `Evaluator.evaluate`."""
        return self.leader.play(table, rosters, physics=physics, keep=keep)

    def take_metrics(self) -> dict[str, float]:
        """What the ranks cost since the last call."""
        return self.leader.take_metrics()
