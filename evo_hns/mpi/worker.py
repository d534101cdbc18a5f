"""Matches on all ranks, seen from the others: they build the game, and play what the leader deals them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes, Keep
from evo_hns.evaluation.session import GameSession, Physics, Sessions
from evo_hns.mpi.communicator import LEADER, RankLostError, Ranks
from evo_hns.mpi.genome_cache import GenomeShelf
from evo_hns.mpi.messages import Begin, Cast, Echo, Ready, Report, Wave, deal
from evo_hns.mpi.simulated_workload import StandInCost, StandInSessions
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import Side
from evo_hns.system.shutdown import ShutdownSignal, Stopped

FEWEST_WORLDS = 64
"""Worlds of a rank, where the settings have so many: held-out measurements have more matches than a candidate."""


class RankSession(Protocol):
    """A game of one rank."""

    @property
    def num_worlds(self) -> int:
        """Most matches that are played side by side."""

    def play(
        self,
        table: MatchTable,
        rosters: Mapping[Side, Roster],
        *,
        keep: Collection[Keep] = (),
        on_step: Callable[[], None] | None = None,
    ) -> Episodes:
        """See `GameSession.play`."""


class RankSessions(Protocol):
    """The games of one rank."""

    @property
    def exact(self) -> GameSession:
        """A game as all are."""

    def __getitem__(self, physics: Physics) -> RankSession: ...


def serve(ranks: Ranks, shutdown: ShutdownSignal) -> Path | None:
    """Play for the leader until it is over.

    Args:
        ranks: another one leads.
        shutdown: what this rank is told by signals; the leader hears of it.

    Returns:
        None in the end; or the run file, if the leader has died and this rank leads from now on.
    """
    server: Server | None = None
    while True:
        try:
            order = ranks.broadcast()
            if order is None:
                return None
            if isinstance(order, Begin):
                server = server.again() if server and server.begin == order else Server(ranks, order, shutdown)
                ranks.send(Ready(torch.get_num_threads()), LEADER)
            elif isinstance(order, Echo):
                ranks.send(Ready(torch.get_num_threads()), LEADER)
            elif server is not None:
                server.play(order)
        except RankLostError:
            if ranks.leads:
                return None if server is None else server.begin.path


class Server:
    """The games of a rank and the genomes it has.

    Args:
        ranks: another one leads.
        begin: the run.
        shutdown: what this rank is told by signals.
    """

    def __init__(self, ranks: Ranks, begin: Begin, shutdown: ShutdownSignal) -> None:
        self.begin = begin
        self._ranks, self._shutdown = ranks, shutdown
        config = RunConfig.model_validate_json(begin.config_json)
        self._sessions = build_rank_sessions(config, ranks.size, begin.stand_in)
        warm_up(self._sessions)
        self.again()

    def again(self) -> Server:
        """Forget the genomes: who leads now knows of none."""
        self._shelves: dict[tuple[Side, PlayerSpec], GenomeShelf] = {}
        return self

    def play(self, wave: Wave) -> None:
        """Play the slices of a wave that this rank begins with and is dealt."""
        rosters = {side: self._roster(side, wave.casts[side]) for side in Side}
        slices, rank = wave.slices, self._ranks.rank
        place = wave.players.index(rank) if rank in wave.players else len(slices)
        number = place if place < len(slices) else None
        while number is not None:
            report = self._play_slice(wave, wave.table.take(slices[number]), rosters, number)
            self._ranks.send(report, LEADER)
            _, number = self._ranks.receive()

    def _play_slice(self, wave: Wave, table: MatchTable, rosters: Mapping[Side, Roster], number: int) -> Report:
        start = time.perf_counter()
        session = self._sessions[wave.physics]
        try:
            episodes = session.play(table, rosters, keep=wave.keep, on_step=self._stop_if_told)
        except Stopped:
            return Report(number, None, time.perf_counter() - start, self._shutdown.signum)
        return Report.of(number, episodes, time.perf_counter() - start, self._shutdown.signum)

    def _stop_if_told(self) -> None:
        """Drop what must not be waited for. Whether a warning leaves time enough is for the leader to say."""
        if self._shutdown.signum not in (0, signal.SIGUSR1):
            raise Stopped(self._shutdown.signum)

    def _roster(self, side: Side, cast: Cast) -> Roster:
        if cast.delivery is None:
            return Roster(cast.spec, torch.zeros(1, 0))
        length = cast.delivery.new_genomes.shape[1]
        shelf = self._shelves.setdefault((side, cast.spec), GenomeShelf(length))
        return Roster(cast.spec, torch.from_numpy(shelf.take(cast.delivery)))


def build_rank_sessions(config: RunConfig, num_ranks: int, stand_in: StandInCost | None = None) -> RankSessions:
    """The games of one rank: one thread, and worlds for the longest slice of a generation.

    Args:
        config: the run's settings.
        num_ranks: that share the matches.
        stand_in: what matches cost if nobody is to play them.
    """
    num_worlds = worlds_of_rank(config, num_ranks)
    torch.set_num_threads(1)  # small tensors only lose by more
    sessions = Sessions(config, num_worlds)
    return sessions if stand_in is None else StandInSessions(Sessions(config, 1), config, num_worlds, stand_in)


def worlds_of_rank(config: RunConfig, num_ranks: int) -> int:
    """Worlds that a rank plays side by side: as many as the longest slice of a generation has matches."""
    candidates = config.hiders.search.popsize + config.seekers.search.popsize
    longest = len(deal(candidates * config.coevolution.episodes_per_candidate, num_ranks, config.physics.num_worlds)[0])
    return min(config.physics.num_worlds, max(FEWEST_WORLDS, longest))


def warm_up(sessions: RankSessions) -> None:
    """Play one match with still networks: compiles the kernels, or loads them from the disk."""
    row = np.zeros(1, dtype=np.int64)
    lengths, of = sessions.exact.genome_lengths, sessions.exact.roster
    rosters = {side: of(side, torch.zeros(1, lengths[side])) for side in Side}
    sessions["search"].play(MatchTable(row, row, row), rosters)
