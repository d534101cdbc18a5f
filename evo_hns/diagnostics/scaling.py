"""Parallel efficiency of many ranks, measured in one run, and a cost model that extrapolates it to larger machines.

1, 2, 4, ... ranks play the same generation in turns, so that a busy machine slows all of them alike. The model has
the cost of a batch of matches, of the coordinator's own work and of messages, and deals out slices as the
coordinator does. Its parameters are fitted to the measured generations.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import MatchTable
from evo_hns.mpi.communicator import Ranks
from evo_hns.mpi.coordinator import MOST_WITH_A_PLAYING_COORDINATOR, Coordinator, RankEvaluator
from evo_hns.mpi.messages import deal
from evo_hns.spec import Side
from evo_hns.system.shutdown import ShutdownSignal
from evo_hns.training.evolution import Evolution

FAR = (16, 64, 256, 1_000, 10_000)
"""Numbers of ranks that the model extrapolates to."""

BATCHES = (4, 8, 16, 32, 64)
"""Sizes of batches that are timed separately, smaller than those of a generation on few ranks."""

_SMALL, _LARGE = 1_000, 1_000_000  # bytes
_ECHOES = 5


@dataclass(frozen=True)
class Turn:
    """One generation on some of the ranks."""

    num_ranks: int
    seconds: float
    env_steps: int
    batch_wall_seconds: float  #: of the evaluation batches
    idle_share: float  #: of the ranks' time in the batches
    broadcast_bytes: int
    received_bytes: int
    answering_seconds: float  #: of the coordinator, for all reports of the workers
    slices: tuple[tuple[int, float], ...]  #: matches of each, and seconds that they took


@dataclass(frozen=True)
class Workload:
    """The matches and messages of a generation."""

    batch_sizes: tuple[int, ...]  #: matches of each evaluation batch
    horizon: int  #: env steps of a match
    num_worlds: int  #: most matches in a slice
    broadcast_bytes: float  #: to every rank

    def times(self, factor: float) -> Workload:
        """`factor` times the matches and genomes, for populations that grow with the machine."""
        sizes = tuple(round(factor * size) for size in self.batch_sizes)
        return Workload(sizes, self.horizon, self.num_worlds, factor * self.broadcast_bytes)


@dataclass(frozen=True)
class CostModel:
    """Seconds of a generation on any number of ranks."""

    world_seconds: float  #: per env step of a world
    batch_seconds: float  #: per env step of a batch, whatever its size
    match_spread: float  #: standard deviation of a match's cost, in shares of its mean
    coordinator_seconds: float  #: of a generation outside the matches: searches, fitness, tables
    report_seconds: float  #: to receive a report and answer it
    hop_seconds: float  #: to pass a message on to twice as many ranks
    byte_seconds: float  #: to pass on one byte

    def seconds(self, work: Workload, num_ranks: int, factor: float = 1.0) -> float:
        """Seconds of a generation.

        Args:
            work: what it consists of.
            num_ranks: that play it.
            factor: how many times the measured genomes; the coordinator's own work grows with them.
        """
        broadcast = self._broadcast_seconds(work.broadcast_bytes, len(work.batch_sizes), num_ranks)
        evaluation = sum(self._batch_seconds(size, work, num_ranks) for size in work.batch_sizes)
        return factor * self.coordinator_seconds + broadcast + evaluation

    def _broadcast_seconds(self, num_bytes: float, num_messages: int, num_ranks: int) -> float:
        """Seconds of broadcasts to all ranks: down a tree, large messages in pieces."""
        hops = math.ceil(math.log2(num_ranks))
        return num_messages * hops * self.hop_seconds + min(hops, 2) * num_bytes * self.byte_seconds

    def _batch_seconds(self, num_matches: int, work: Workload, num_ranks: int) -> float:
        """Seconds of an evaluation batch until the last slice is reported; a rank that is done gets the next slice."""
        coordinator_plays = num_ranks <= MOST_WITH_A_PLAYING_COORDINATOR
        playing = num_ranks - (not coordinator_plays)
        slices = deal(num_matches, playing, work.num_worlds)
        rng = np.random.default_rng(num_matches)
        free = [0.0] * min(playing, len(slices))
        coordinator_free = 0.0  # when it can receive the next report
        for rows in slices:
            noise = 1.0 + self.match_spread / math.sqrt(len(rows)) * float(rng.standard_normal())
            step = self.batch_seconds + self.world_seconds * len(rows) * noise
            done = heapq.heappop(free) + work.horizon * step
            if num_ranks > 1:
                done = coordinator_free = max(coordinator_free, done) + self.report_seconds
            heapq.heappush(free, done)
        return max(free)


@dataclass(frozen=True)
class Prediction:
    """The model's extrapolation to a number of ranks."""

    num_ranks: int
    seconds: float  #: of the measured generation
    efficiency: float  #: its speed-up over one rank, per rank
    grown_seconds: float  #: of a generation with `num_ranks` times the candidates
    grown_efficiency: float  #: of that: one rank's time for one share of it, over its time


@dataclass(frozen=True)
class Scaling:
    """Measured generations, and the model fitted to them."""

    players: str
    warnings: tuple[str, ...]
    turns: tuple[Turn, ...]
    work: Workload
    model: CostModel
    echo_seconds: tuple[float, float]  #: until all workers have answered a small and a large message

    @property
    def sizes(self) -> list[int]:
        """Numbers of ranks that were measured."""
        return sorted({turn.num_ranks for turn in self.turns})

    def of(self, num_ranks: int) -> list[Turn]:
        """The turns of this number of ranks."""
        return [turn for turn in self.turns if turn.num_ranks == num_ranks]

    def seconds(self, num_ranks: int) -> float:
        """Median time of a generation."""
        return float(np.median([turn.seconds for turn in self.of(num_ranks)]))

    def efficiency(self, num_ranks: int) -> float:
        """Speed-up over one rank, per rank; the median over rounds, each compared with itself."""
        ratios = [one.seconds / many.seconds for one, many in zip(self.of(1), self.of(num_ranks), strict=True)]
        return float(np.median(ratios)) / num_ranks

    def idle_share(self, num_ranks: int) -> float:
        """Median idle share of the ranks' time in evaluation batches."""
        return float(np.median([turn.idle_share for turn in self.of(num_ranks)]))

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        measured = [
            {
                "ranks": size,
                "seconds": self.seconds(size),
                "efficiency": self.efficiency(size),
                "idle_share": self.idle_share(size),
                "broadcast_bytes": self.of(size)[0].broadcast_bytes,
                "received_bytes": self.of(size)[0].received_bytes,
                "turns": [turn.seconds for turn in self.of(size)],
                "model_seconds": self.model.seconds(self.work, size),
            }
            for size in self.sizes
        ]
        return {
            "players": self.players,
            "warnings": list(self.warnings),
            "env_steps": self.turns[0].env_steps,
            "measured": measured,
            "model": vars(self.model),
            "echo_seconds": list(self.echo_seconds),
            "predicted": [vars(prediction) for prediction in self.predictions],
        }

    @property
    def predictions(self) -> list[Prediction]:
        """The model's extrapolations to `FAR`."""
        return [self.predict(size) for size in FAR]

    def predict(self, num_ranks: int) -> Prediction:
        """Extrapolate the same generation (strong scaling), and one that grows with the ranks (weak scaling)."""
        one, same = self.model.seconds(self.work, 1), self.model.seconds(self.work, num_ranks)
        grown = self.model.seconds(self.work.times(num_ranks), num_ranks, num_ranks)
        return Prediction(num_ranks, same, one / (num_ranks * same), grown, one / grown)


def measure(config: RunConfig, ranks: Ranks, *, rounds: int = 3) -> Scaling:
    """Play the same generation on 1, 2, 4, ... and all ranks, in turns.

    Args:
        config: the experiment.
        ranks: all of them; this one is the coordinator.
        rounds: turns of each number of ranks.
    """
    coordinator = Coordinator(ranks, config, Path("bench.h5"), ShutdownSignal())
    sizes = [*(2**k for k in range(ranks.size.bit_length()) if 2**k < ranks.size), ranks.size]
    turns = [_take_turn(config, coordinator, size) for _ in range(rounds) for size in sizes]
    batches = [_time_batch(config, coordinator, size) for _ in range(rounds) for size in BATCHES]
    echoes = [float(np.median([coordinator.echo(num_bytes) for _ in range(_ECHOES)])) for num_bytes in (_SMALL, _LARGE)]
    work = _workload(config, coordinator, turns[0])
    return Scaling(
        players=ranks.describe(),
        warnings=tuple(ranks.warnings()),
        turns=tuple(turns),
        work=work,
        model=fit(turns, batches, work.horizon, ranks.size, (echoes[0], echoes[1])),
        echo_seconds=(echoes[0], echoes[1]),
    )


def _take_turn(config: RunConfig, coordinator: Coordinator, num_ranks: int) -> Turn:
    """The second generation of a run, always the same one, on the first ranks."""
    coordinator.num_playing = num_ranks
    evaluator = RankEvaluator(coordinator)
    trainer = Evolution(config, evaluator)
    trainer.remember_first_candidates()  # as if a generation had been
    evaluator.pop_metrics()
    cost = coordinator.cost  # grows until the metrics are taken
    start = time.perf_counter()
    generation = next(trainer.generations(first=1))
    seconds, metrics = time.perf_counter() - start, evaluator.pop_metrics()
    return Turn(
        num_ranks=num_ranks,
        seconds=seconds,
        env_steps=int(generation.metrics["env_steps"]),
        batch_wall_seconds=metrics["ranks_wave_seconds"],
        idle_share=metrics["ranks_idle_share"],
        broadcast_bytes=int(metrics["ranks_broadcast_bytes"]),
        received_bytes=int(metrics["ranks_received_bytes"]),
        answering_seconds=cost.answering,
        slices=tuple(cost.slices),
    )


def _time_batch(config: RunConfig, coordinator: Coordinator, size: int) -> tuple[int, float]:
    """Matches of a batch on the coordinator alone, and the seconds that they took."""
    session, rows = coordinator.sessions.exact, np.arange(min(size, coordinator.sessions["search"].num_worlds))
    generator = torch.Generator().manual_seed(config.seed)
    lengths = session.genome_lengths
    rosters = {side: session.roster(side, torch.randn(len(rows), lengths[side], generator=generator)) for side in Side}
    start = time.perf_counter()
    coordinator.sessions["search"].play(MatchTable(rows, rows, rows), rosters)
    return len(rows), time.perf_counter() - start


def _workload(config: RunConfig, coordinator: Coordinator, turn: Turn) -> Workload:
    batches = Evolution(config, RankEvaluator(coordinator)).matches(generation=1)
    return Workload(
        tuple(batches), config.rules.horizon, coordinator.sessions["search"].num_worlds, turn.broadcast_bytes
    )


def fit(
    turns: Sequence[Turn],
    batches: Sequence[tuple[int, float]],
    horizon: int,
    num_ranks: int,
    echo_seconds: tuple[float, float],
) -> CostModel:
    """Fit the model to measured generations.

    Args:
        turns: generations on some numbers of ranks, 1 among them.
        batches: matches played alone, of many sizes, and seconds.
        horizon: env steps of a match.
        num_ranks: that took part in the echoes.
        echo_seconds: until all workers have answered `_SMALL` and `_LARGE` bytes.
    """
    sizes, seconds = np.array([*batches, *(part for turn in turns for part in turn.slices)]).T
    design = np.stack([np.ones_like(sizes), sizes], 1) / np.sqrt(sizes)[:, None]
    batch, world = np.linalg.lstsq(design, seconds / horizon / np.sqrt(sizes), rcond=None)[0]
    residual = (seconds / horizon - batch - world * sizes) / (world * np.sqrt(sizes))
    reports = [(t.answering_seconds, len(t.slices)) for t in turns if t.num_ranks > 1]
    report = sum(s for s, _ in reports) / max(sum(n for _, n in reports), 1)
    hops = math.ceil(math.log2(num_ranks)) if num_ranks > 1 else 0
    small, large = echo_seconds
    return CostModel(
        world_seconds=float(world),
        batch_seconds=max(float(batch), 0.0),
        match_spread=float(residual.std()),
        coordinator_seconds=float(np.median([t.seconds - t.batch_wall_seconds for t in turns if t.num_ranks == 1])),
        report_seconds=report,
        hop_seconds=small / hops if hops else 0.0,
        byte_seconds=max(large - small, 0.0) / (min(hops, 2) * (_LARGE - _SMALL)) if hops else 0.0,
    )
