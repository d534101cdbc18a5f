"""The coordinator evaluates a table of matches on all ranks: it deals out slices, plays some, and joins the results."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes, Keep, join
from evo_hns.evaluation.session import GameSession, Physics
from evo_hns.mpi.communicator import COORDINATOR, Pause, RankLostError, Ranks, Traffic
from evo_hns.mpi.messages import Begin, Echo, IntArray, Ready, Report, WorkRequest
from evo_hns.mpi.worker import build_rank_sessions, warm_up
from evo_hns.policies.roster import Roster
from evo_hns.spec import Side
from evo_hns.system.shutdown import ShutdownSignal, Stopped
from evo_hns.worlds.scene import Scene

MOST_WITH_A_PLAYING_COORDINATOR = 32
"""Ranks; with more, the coordinator only schedules, which costs less than 3 % of the ranks."""


@dataclass
class Collected:
    """The episodes of work requests, and their cost."""

    parts: list[tuple[IntArray, Episodes]] = field(default_factory=list)  #: rows of the table, their episodes
    wall: float = 0.0  #: seconds that the requests took
    busy: float = 0.0  #: seconds that ranks played
    present: float = 0.0  #: seconds in which ranks could have played
    answering: float = 0.0  #: seconds that the coordinator spent on reports
    slices: list[tuple[int, float]] = field(default_factory=list)  #: matches of each, and seconds that they took

    def add_cost(self, other: Collected) -> None:
        """Add the cost of other requests, without their episodes."""
        self.wall += other.wall
        self.busy += other.busy
        self.present += other.present
        self.answering += other.answering
        self.slices += other.slices

    @property
    def rows(self) -> IntArray:
        """Rows of the table that have been played, in the order of `parts`."""
        return np.concatenate([np.empty(0, dtype=np.int64), *(rows for rows, _ in self.parts)])


class Coordinator:
    """Evaluates the matches of a run on all ranks.

    Args:
        ranks: all of them; this one is the coordinator.
        config: the run's settings.
        path: the run file.
        shutdown: signals that this rank or a worker has received.
    """

    def __init__(self, ranks: Ranks, config: RunConfig, path: Path, shutdown: ShutdownSignal) -> None:
        self.ranks = ranks
        self.sessions = build_rank_sessions(config, ranks.size)
        self.num_playing = ranks.size  #: ranks that play, the first ones; the others stay idle
        self._begin = Begin(config.model_dump_json(), path)
        self._shutdown = shutdown
        self.cost = Collected()  #: since the metrics were taken
        self._counted = Traffic()
        warm_up(self.sessions)  # compiles the kernels, which the workers then load from the disk
        self.begin()

    def echo(self, num_bytes: int) -> float:
        """Seconds until all workers have received so many bytes and answered."""
        message = Echo(bytes(num_bytes))
        start = time.perf_counter()
        self._ask_all(message)
        return time.perf_counter() - start

    def begin(self) -> None:
        """Wait until all workers have built their games."""
        while True:
            try:
                ready = self._ask_all(self._begin)
            except RankLostError:
                continue
            self.num_threads = max([torch.get_num_threads(), *(each.num_threads for each in ready)])
            return

    def _ask_all(self, message: Begin | Echo) -> list[Ready]:
        """Send a message to all workers, and wait until each has answered."""
        self.ranks.broadcast(message)
        return [self.ranks.receive()[1] for _ in range(self.ranks.size - 1)]

    def play(
        self, table: MatchTable, rosters: Mapping[Side, Roster], *, physics: Physics, keep: Collection[Keep] = ()
    ) -> Episodes:
        """Play every match of a table, also if workers die meanwhile (`--shrink`).

        Args:
            table: M matches.
            rosters: the players its rows refer to.
            physics: at which timestep.
            keep: what is kept of the episodes beside their outcome.

        Returns:
            Episodes in the order of the table.

        Raises:
            Stopped: a signal ended the run, and the generation would not be finished in time.
        """
        done = Collected()
        while len(missing := np.setdiff1d(np.arange(len(table)), done.rows)):
            try:
                self._play_request(self._request(table.take(missing), rosters, physics, keep), missing, rosters, done)
            except RankLostError:
                self.begin()
        self.cost.add_cost(done)
        return join([episodes for _, episodes in done.parts]).take(np.argsort(done.rows))

    def pop_metrics(self) -> dict[str, float]:
        """Cost since the last call: the idle share of the ranks' time, and bytes."""
        cost, now, before = self.cost, self.ranks.traffic, self._counted
        self.cost, self._counted = Collected(), Traffic(**vars(now))
        return {
            "ranks": float(self.ranks.size),
            "ranks_lost": float(self.ranks.num_lost),
            "ranks_wave_seconds": cost.wall,
            "ranks_idle_share": 1.0 - cost.busy / cost.present if cost.present else 0.0,
            "ranks_broadcast_bytes": float(now.broadcast - before.broadcast),
            "ranks_sent_bytes": float(now.sent - before.sent),
            "ranks_received_bytes": float(now.received - before.received),
        }

    def _play_request(
        self, request: WorkRequest, rows: IntArray, rosters: Mapping[Side, Roster], done: Collected
    ) -> None:
        """Play some rows of a table on all ranks; `done` holds all finished slices, also after an error."""
        start = time.perf_counter()
        self.ranks.broadcast(request)
        scheduler = Scheduler(self.ranks, request, self._shutdown, self.sessions.exact.game.scene)
        try:
            while not scheduler.is_done:
                number = scheduler.next_for_coordinator()
                if number is None:
                    scheduler.wait()
                else:
                    scheduler.add(self._play_slice(request, number, rosters, scheduler))
        except Stopped:
            scheduler.drain()
            raise
        finally:
            done.parts += [(rows[scheduler.slices[number]], part) for number, part in scheduler.done.items()]
            done.busy += scheduler.busy
            wall = time.perf_counter() - start
            done.wall += wall
            done.present += len(request.ranks) * wall
            done.answering += scheduler.answering
            done.slices += scheduler.costs

    def _request(
        self, table: MatchTable, rosters: Mapping[Side, Roster], physics: Physics, keep: Collection[Keep]
    ) -> WorkRequest:
        coordinator_plays = self.num_playing <= MOST_WITH_A_PLAYING_COORDINATOR
        return WorkRequest(
            physics=physics,
            keep=tuple(keep),
            table=table,
            specs={side: rosters[side].spec for side in Side},
            genomes={side: rosters[side].genomes.to(torch.float32).numpy() for side in Side},
            ranks=tuple(range(0 if coordinator_plays else 1, min(self.num_playing, self.ranks.size))),
            num_worlds=self.sessions[physics].num_worlds,
        )

    def _play_slice(
        self, request: WorkRequest, number: int, rosters: Mapping[Side, Roster], scheduler: Scheduler
    ) -> Report:
        """Play a slice here, and answer the workers after every env step."""
        start, before = time.perf_counter(), scheduler.seconds
        table = request.table.take(scheduler.slices[number])
        session = self.sessions[request.physics]
        episodes = session.play(table, rosters, keep=request.keep, on_step=scheduler.poll)
        return Report.of(number, episodes, time.perf_counter() - start - (scheduler.seconds - before), 0)


class Scheduler:
    """Deals out the slices of one request and collects the reports, also while the coordinator plays.

    Args:
        ranks: all of them; this one is the coordinator.
        request: all ranks have it.
        shutdown: signals that were received.
        scene: of the game.
    """

    def __init__(self, ranks: Ranks, request: WorkRequest, shutdown: ShutdownSignal, scene: Scene) -> None:
        self._ranks, self._shutdown, self._scene = ranks, shutdown, scene
        self.slices = request.slices
        self.done: dict[int, Episodes] = {}
        self.busy = 0.0
        self.costs: list[tuple[int, float]] = []
        self.answering = 0.0
        self.seconds = 0.0  # spent here while the coordinator plays
        first = min(len(request.ranks), len(self.slices))
        self._busy_workers = {rank for rank in request.ranks[:first] if rank != COORDINATOR}
        self._left = deque(range(first, len(self.slices)))
        if COORDINATOR in request.ranks[:first]:
            self._left.appendleft(request.ranks.index(COORDINATOR))
        self._coordinator_plays = COORDINATOR in request.ranks

    @property
    def is_done(self) -> bool:
        """Whether every slice has been reported."""
        return len(self.done) == len(self.slices)

    def next_for_coordinator(self) -> int | None:
        """The next slice for the coordinator itself, if it plays and one is left."""
        return self._left.popleft() if self._coordinator_plays and self._left else None

    def add(self, report: Report) -> None:
        """Add the episodes, the cost and the signal of a report."""
        self.busy += report.seconds
        self.costs.append((len(self.slices[report.number]), report.seconds))
        self._shutdown.receive(report.signum)
        if (episodes := report.episodes(self._scene)) is not None:
            self.done[report.number] = episodes

    def poll(self) -> None:
        """Answer the workers that wait, while the coordinator plays.

        Raises:
            Stopped: a signal ended the run.
        """
        start = time.perf_counter()
        self._answer_all()
        self.seconds += time.perf_counter() - start

    def wait(self) -> None:
        """Answer workers until all slices are done or one is left for the coordinator.

        Raises:
            Stopped: a signal ended the run.
        """
        pause = Pause()
        while not self.is_done and not (self._coordinator_plays and self._left):
            if self._answer_all():
                pause = Pause()
            pause()

    def drain(self) -> None:
        """Wait for the slices in flight, and deal out no more."""
        self._left.clear()
        while self._busy_workers:
            self._answer(*self._ranks.receive())

    def _answer_all(self) -> bool:
        """Answer all reports that have arrived, and say whether there were any."""
        any_arrived = False
        while (message := self._ranks.poll()) is not None:
            self._answer(*message)
            any_arrived = True
        self._shutdown.check()
        return any_arrived

    def _answer(self, rank: int, report: Report) -> None:
        start = time.perf_counter()
        self.add(report)
        number = self._left.popleft() if self._left else None
        self._ranks.send(number, rank)
        if number is None:
            self._busy_workers.discard(rank)
        self.answering += time.perf_counter() - start


class RankEvaluator:
    """An evaluator on all ranks.

    Args:
        coordinator: deals the matches out.
    """

    def __init__(self, coordinator: Coordinator) -> None:
        self.coordinator = coordinator

    @property
    def session(self) -> GameSession:
        """The coordinator's game; the workers have the same."""
        return self.coordinator.sessions.exact

    @property
    def num_worlds(self) -> int:
        """Worlds of all ranks together."""
        return self.coordinator.num_playing * self.coordinator.sessions["search"].num_worlds

    def evaluate(
        self,
        table: MatchTable,
        rosters: Mapping[Side, Roster],
        *,
        physics: Physics = "exact",
        keep: Collection[Keep] = (),
    ) -> Episodes:
        """Play every match of a table; see `Evaluator.evaluate`."""
        return self.coordinator.play(table, rosters, physics=physics, keep=keep)

    def pop_metrics(self) -> dict[str, float]:
        """Cost of the ranks since the last call; see `Coordinator.pop_metrics`."""
        return self.coordinator.pop_metrics()
