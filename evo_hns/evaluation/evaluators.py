"""Where matches run: in this process, or on many ranks. The numbers are the same anywhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Protocol

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.recording import Actions, rows_of
from evo_hns.evaluation.rollout import Episodes, Keep, join
from evo_hns.evaluation.session import GameSession, Physics, Playable, Sessions
from evo_hns.policies.roster import Roster
from evo_hns.spec import Side
from evo_hns.system.machine import usable_cores
from evo_hns.system.shutdown import ShutdownSignal
from evo_hns.system.telling import Tell, silent


class Evaluator(Protocol):
    """Where matches run."""

    @property
    def session(self) -> Playable:
        """A game as all are: its sizes and players."""

    @property
    def num_worlds(self) -> int:
        """Matches that can be played side by side."""

    def evaluate(
        self,
        table: MatchTable,
        rosters: Mapping[Side, Roster],
        *,
        physics: Physics = "exact",
        keep: Collection[Keep] = (),
    ) -> Episodes:
        """Play every match of a table.

        Args:
            table: M matches.
            rosters: the players its rows refer to.
            physics: at the game's own timestep, or at that of the search, which may be coarser.
            keep: what is kept of the episodes beside their outcome.

        Returns:
            Episodes in the order of the table.

        Raises:
            Stopped: a signal said so.
        """

    def pop_metrics(self) -> dict[str, float]:
        """What it cost to play elsewhere since the last call, by names that start with `ranks`."""


class LocalEvaluator:
    """Plays match tables in this process: a game per thread, a batch of worlds at a time.

    Each thread steps a game of its own, so that the rules and the networks run in parallel as the
    physics does. A match gives the same bits wherever it is played, so threads change no number.

    Args:
        config: the run's settings; as many threads as they say, or as are at hand.
        shutdown: is asked before each batch whether to go on.
        tell: is told how many env steps of a table are played.
    """

    def __init__(self, config: RunConfig, shutdown: ShutdownSignal | None = None, tell: Tell = silent) -> None:
        torch.set_num_threads(1)  # small tensors only lose by more
        self._num_threads = config.physics.num_threads or usable_cores()
        size = -(-config.physics.num_worlds // self._num_threads)
        self._threads = [Sessions(config, size) for _ in range(self._num_threads)]
        self._shutdown, self._tell = shutdown, tell
        self._pool = ThreadPoolExecutor(self._num_threads, thread_name_prefix="evo-hns-game")

    @property
    def session(self) -> GameSession:
        """One of the games: its sizes and networks are those of all."""
        return self._threads[0].exact

    @property
    def num_worlds(self) -> int:
        """Worlds of all games together."""
        return self._num_threads * self.session.num_worlds

    @property
    def discards(self) -> dict[str, int]:
        """Worlds that failed at the game's own timestep since the games were built, by cause (`Game.discards`)."""
        games = [thread.exact.game.discards for thread in self._threads]
        return {cause: sum(game[cause] for game in games) for cause in games[0]}

    def evaluate(
        self,
        table: MatchTable,
        rosters: Mapping[Side, Roster],
        *,
        physics: Physics = "exact",
        keep: Collection[Keep] = (),
    ) -> Episodes:
        """Play every match of a table; see `Evaluator.evaluate`."""

        def play(session: GameSession, batch: MatchTable) -> Episodes:
            total = len(table) * session.game.horizon
            return session.play(batch, rosters, keep=keep, on_step=lambda: self._tell(len(batch), total))

        return self._share(table, physics, play)

    def replay(self, actions: Actions, seeds: np.ndarray, *, keep: Collection[Keep] = ()) -> Episodes:
        """Play M recorded matches again.

        Args:
            actions: what was done in them.
            seeds: `(M,)` their world seeds.
            keep: what is kept of the episodes beside their outcome.

        Returns:
            Episodes in the order of the seeds, to the bits of the recorded ones.
        """
        rows = np.arange(len(seeds))
        table = MatchTable(rows, rows, seeds)  # whose row k is the k-th recorded match
        return self._share(
            table, "exact", lambda session, batch: session.replay(rows_of(actions, batch.hider), batch.seed, keep=keep)
        )

    def pop_metrics(self) -> dict[str, float]:
        """Nothing: all is played here."""
        return {}

    def _share(
        self, table: MatchTable, physics: Physics, job: Callable[[GameSession, MatchTable], Episodes]
    ) -> Episodes:
        """Do a job with each batch of a table, on all threads at once; the answers in the table's order."""
        idle: SimpleQueue[GameSession] = SimpleQueue()
        for thread in self._threads:
            idle.put(thread[physics])  # built here, one after the other

        def take_turn(batch: MatchTable) -> Episodes:
            if self._shutdown is not None:
                self._shutdown.check()
            session = idle.get()
            try:
                return job(session, batch)
            finally:
                idle.put(session)

        batches = table.batches(self.session.num_worlds, multiple_of=self._num_threads)
        return join(list(self._pool.map(take_turn, batches)))


def build_evaluator(config: RunConfig, shutdown: ShutdownSignal | None = None, tell: Tell = silent) -> LocalEvaluator:
    """Where matches run in this process, with as many threads as the settings say or as are at hand."""
    return LocalEvaluator(config, shutdown, tell)
