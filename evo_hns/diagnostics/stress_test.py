"""Stress test: memory, speed and failed worlds over millions of env steps of random play.

Players draw sticky random actions, which exercise every rule and strain the physics. Every batch starts new worlds, so
that resets are exercised as much as steps. Speed is CPU time, which a busy machine changes less than wall time.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.matches import MatchTable
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Side
from evo_hns.training.costs import peak_memory

NUM_SLICES = 20

MAX_GROWTH = 0.05
"""Share by which memory may grow in the second half. Worlds of a kind not met before raise the simulations' high-water
marks, by less and less; a leak goes on: of 700 MB in 5 million env steps this is 14 bytes an env step."""
MAX_SLOWDOWN = 0.5
"""Share by which an env step may take longer: other load on shared cores and caches makes up for a third."""
MIN_CPU_SECONDS = 1.0
"""Of a slice: the time that shorter ones take says nothing about speed."""
MAX_DISCARDED = 0.25
"""Share of the episodes that may fail: in the full game random play has the solver fling something out of the world in
about one of seven episodes of 240 env steps, with or without sleep and at any timestep that was tried."""


@dataclass(frozen=True)
class Slice:
    """One part of a stress test."""

    env_steps: int
    episodes: int
    discards: dict[str, int]  #: episodes that failed, by cause (`Game.discards`)
    cpu_seconds: float  #: of all threads
    seconds: float  #: wall time
    memory_mb: float  #: held at its end

    @property
    def microseconds_per_env_step(self) -> float:
        """CPU time of one world's env step."""
        return 1e6 * self.cpu_seconds / self.env_steps


@dataclass(frozen=True)
class StressTest:
    """A stress test so far: one slice or more."""

    slices: tuple[Slice, ...]

    @property
    def env_steps(self) -> int:
        """Env steps played."""
        return sum(s.env_steps for s in self.slices)

    @property
    def episodes(self) -> int:
        """Episodes played; as many resets."""
        return sum(s.episodes for s in self.slices)

    @property
    def seconds(self) -> float:
        """Wall time."""
        return sum(s.seconds for s in self.slices)

    @property
    def discards(self) -> dict[str, int]:
        """Episodes that failed, by cause."""
        return {cause: sum(s.discards[cause] for s in self.slices) for cause in self.slices[0].discards}

    @property
    def discarded(self) -> float:
        """Share of the episodes that failed."""
        return sum(self.discards.values()) / self.episodes

    @property
    def growth(self) -> float:
        """Share by which memory grew in the second half: the last tenth against the end of the first half."""
        middle, part = max(1, len(self.slices) // 2), max(1, len(self.slices) // 10)
        return min(s.memory_mb for s in self.slices[-part:]) / self.slices[middle - 1].memory_mb - 1.0

    @property
    def slowdown(self) -> float:
        """Share by which the median env step of the last fifth took longer than that of the first."""
        part = max(1, len(self.slices) // 5)
        first, last = (
            float(np.median([s.microseconds_per_env_step for s in slices]))
            for slices in (self.slices[:part], self.slices[-part:])
        )
        return last / first - 1.0

    @property
    def complaints(self) -> list[str]:
        """Failed criteria in words; empty if all are met."""
        slower = self.slowdown > MAX_SLOWDOWN and min(s.cpu_seconds for s in self.slices) >= MIN_CPU_SECONDS
        found = {
            f"memory grew by {self.growth:.1%}, more than {MAX_GROWTH:.0%}": self.growth > MAX_GROWTH,
            f"env steps became {self.slowdown:.0%} slower, more than {MAX_SLOWDOWN:.0%}": slower,
            f"{self.discarded:.1%} of the episodes failed, more than {MAX_DISCARDED:.0%}": (
                self.discarded > MAX_DISCARDED
            ),
        }
        return [words for words, wrong in found.items() if wrong]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "env_steps": self.env_steps,
            "episodes": self.episodes,
            "discards": self.discards,
            "discarded": self.discarded,
            "seconds": self.seconds,
            "memory_growth": self.growth,
            "slowdown": self.slowdown,
            "complaints": self.complaints,
            "slices": [asdict(s) for s in self.slices],
        }


def stress_test(config: RunConfig, env_steps: int) -> Iterator[StressTest]:
    """Play at random, in at most `NUM_SLICES` slices of whole batches.

    Args:
        config: the game.
        env_steps: how many, at least.

    Yields:
        The stress test so far, after each slice.

    Raises:
        ConfigError: fewer env steps than one.
    """
    if env_steps < 1:
        raise ConfigError(f"got {env_steps} env steps, expected at least 1")
    evaluator = build_evaluator(config)
    rosters = dict.fromkeys(Side, scripted_roster("random"))
    horizon = config.rules.horizon
    matches = max(config.physics.num_worlds, -(-env_steps // (NUM_SLICES * horizon)))
    rows, done = np.zeros(matches, dtype=np.int64), StressTest(())
    while done.env_steps < env_steps:
        seeds, before = done.episodes + np.arange(matches, dtype=np.int64), evaluator.discards
        start, cpu_start = time.perf_counter(), time.process_time()
        evaluator.evaluate(MatchTable(rows, rows, seeds), rosters)
        cpu_seconds, seconds = time.process_time() - cpu_start, time.perf_counter() - start
        discards = {cause: count - before[cause] for cause, count in evaluator.discards.items()}
        part = Slice(matches * horizon, matches, discards, cpu_seconds, seconds, current_memory())
        done = StressTest((*done.slices, part))
        yield done


def current_memory() -> float:
    """Memory that this process holds now, MB; where the system does not report it, the peak."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak_memory()
    return pages * resource.getpagesize() / 1e6
