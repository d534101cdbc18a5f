"""A worker builds the game of a run, and plays the slices that the coordinator sends."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.session import Sessions
from evo_hns.mpi.communicator import COORDINATOR, RankLostError, Ranks
from evo_hns.mpi.messages import Begin, Echo, Ready, Report, WorkRequest, deal
from evo_hns.policies.roster import Roster
from evo_hns.spec import Side
from evo_hns.system.shutdown import ShutdownSignal, Stopped

FEWEST_WORLDS = 64
"""Worlds of a rank, where the settings have so many: held-out measurements have more matches than a candidate."""


def run_worker(ranks: Ranks, shutdown: ShutdownSignal) -> Path | None:
    """Follow the coordinator's messages until the last one.

    Args:
        ranks: all of them; another one is the coordinator.
        shutdown: signals that this rank receives; the coordinator gets them with the next report.

    Returns:
        None in the end; or the run file, if the coordinator has died and this rank takes its place.
    """
    worker: Worker | None = None
    while True:
        try:
            message = ranks.broadcast()
            if message is None:
                return None
            if isinstance(message, Begin) and (worker is None or worker.begin != message):
                worker = Worker(ranks, message, shutdown)
            if isinstance(message, Begin | Echo):
                ranks.send(Ready(torch.get_num_threads()), COORDINATOR)
            elif worker is not None:
                worker.play(message)
        except RankLostError:
            if ranks.is_coordinator:
                return None if worker is None else worker.begin.path


class Worker:
    """The games of a rank that plays what the coordinator sends.

    Args:
        ranks: all of them; another one is the coordinator.
        begin: the run.
        shutdown: signals that this rank receives.
    """

    def __init__(self, ranks: Ranks, begin: Begin, shutdown: ShutdownSignal) -> None:
        self.begin = begin
        self._ranks, self._shutdown = ranks, shutdown
        config = RunConfig.model_validate_json(begin.config_json)
        self._sessions = build_rank_sessions(config, ranks.size)
        warm_up(self._sessions)

    def play(self, request: WorkRequest) -> None:
        """Play the first slice of this rank in a request, and those that the coordinator sends after it."""
        rosters, slices, rank = request.rosters, request.slices, self._ranks.rank
        place = request.ranks.index(rank) if rank in request.ranks else len(slices)
        number = place if place < len(slices) else None
        while number is not None:
            report = self._play_slice(request, request.table.take(slices[number]), rosters, number)
            self._ranks.send(report, COORDINATOR)
            _, number = self._ranks.receive()

    def _play_slice(
        self, request: WorkRequest, table: MatchTable, rosters: Mapping[Side, Roster], number: int
    ) -> Report:
        start = time.perf_counter()
        session = self._sessions[request.physics]
        try:
            episodes = session.play(table, rosters, keep=request.keep, on_step=self._check_signals)
        except Stopped:
            return Report(number, None, time.perf_counter() - start, self._shutdown.signum)
        return Report.of(number, episodes, time.perf_counter() - start, self._shutdown.signum)

    def _check_signals(self) -> None:
        """End the slice on a signal that ends the run at once; the coordinator decides what follows from SIGUSR1."""
        if self._shutdown.signum not in (0, signal.SIGUSR1):
            raise Stopped(self._shutdown.signum)


def build_rank_sessions(config: RunConfig, num_ranks: int) -> Sessions:
    """The games of one rank: one thread, and worlds for the longest slice of a generation.

    Args:
        config: the run's settings.
        num_ranks: that share the matches.
    """
    torch.set_num_threads(1)  # small tensors only lose by more
    return Sessions(config, worlds_of_rank(config, num_ranks))


def worlds_of_rank(config: RunConfig, num_ranks: int) -> int:
    """Worlds that a rank plays side by side: as many as the longest slice of a generation has matches."""
    candidates = config.hiders.search.popsize + config.seekers.search.popsize
    longest = len(deal(candidates * config.coevolution.most_matches, num_ranks, config.physics.num_worlds)[0])
    return min(config.physics.num_worlds, max(FEWEST_WORLDS, longest))


def warm_up(sessions: Sessions) -> None:
    """Play one match with still networks: compiles the kernels, or loads them from the disk."""
    row = np.zeros(1, dtype=np.int64)
    lengths, of = sessions.exact.genome_lengths, sessions.exact.roster
    rosters = {side: of(side, torch.zeros(1, lengths[side])) for side in Side}
    sessions["search"].play(MatchTable(row, row, row), rosters)
