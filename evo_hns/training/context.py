"""Who plays the matches of a run: this process, or all ranks."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path

from evo_hns.archive.provenance import begin_session
from evo_hns.archive.records import TrainingSession
from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import Evaluator, build_evaluator
from evo_hns.mpi.communicator import Ranks
from evo_hns.mpi.coordinator import Coordinator, RankEvaluator
from evo_hns.system.machine import usable_cores
from evo_hns.system.shutdown import ShutdownSignal


@dataclass(frozen=True)
class RunContext:
    """The processes of a run, seen from the one that trains, and the signals that it received."""

    shutdown: ShutdownSignal = field(default_factory=ShutdownSignal)
    ranks: Ranks | None = None  #: all processes, this one being the coordinator; None: this one is alone
    inherited: Path | None = None  #: the run file of a coordinator that has died, whose place this process takes

    def build_evaluator(self, config: RunConfig, path: Path) -> Evaluator:
        """Where the matches of a run are played.

        Args:
            config: the run's settings.
            path: the run file.
        """
        if self.ranks is None:
            return build_evaluator(config, self.shutdown)
        return RankEvaluator(Coordinator(self.ranks, config, path.resolve(), self.shutdown))

    def begin_session(self, first_generation: int) -> TrainingSession:
        """What the run file keeps of who trains from a generation on."""
        if self.ranks is None:
            return begin_session(first_generation, 1, [socket.gethostname()], "")
        return begin_session(first_generation, self.ranks.size, self.ranks.hosts, self.ranks.library)

    def describe(self, config: RunConfig) -> str:
        """Who plays the matches, and where, in a line."""
        if self.ranks is not None:
            return self.ranks.describe()
        count = config.physics.num_threads or usable_cores()
        return f"{count} thread{'s' * (count != 1)} of one process on {socket.gethostname()}"

    def warnings(self, config: RunConfig, evaluator: Evaluator) -> list[str]:
        """What makes ranks slower than they could be, a line each."""
        if self.ranks is None or not isinstance(evaluator, RankEvaluator):
            return []
        found = self.ranks.warnings()
        if config.physics.num_threads > 1:
            found.append(f"physics.num_threads is {config.physics.num_threads}, but each rank plays on one thread")
        if evaluator.coordinator.num_threads > 1:
            found.append(f"torch computes on {evaluator.coordinator.num_threads} threads in a rank, one is quicker")
        return found
