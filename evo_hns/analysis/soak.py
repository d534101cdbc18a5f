"""Does the game hold out? Millions of env steps of random play, watched for memory, speed and failing worlds.

Players draw sticky random actions, which meet every rule often and the physics at its roughest. Every batch starts
new worlds, so that resets are exercised as much as steps. Speed is CPU time, which a busy machine hardly changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evo_hns.coevolution import peak_memory
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.held_out import scripted_roster
from evo_hns.evaluation.matches import MatchTable
from evo_hns.spec import Side

NUM_SLICES = 20
MAX_GROWTH = 0.05  #: of memory, from the end of the first tenth on
MAX_SLOWDOWN = 0.15  #: of CPU time per env step, last fifth against first
MAX_DISCARDED = 0.10  #: of the episodes


@dataclass(frozen=True)
class Slice:
    """One part of a soak."""

    env_steps: int
    resets: int  #: episodes that began
    discarded: int  #: episodes in which the physics failed
    cpu_seconds: float
    memory_mb: float  #: held at its end

    @property
    def microseconds_per_env_step(self) -> float:
        """CPU time of one world's env step."""
        return 1e6 * self.cpu_seconds / self.env_steps


@dataclass(frozen=True)
class Soak:
    """A soak so far."""

    slices: list[Slice]

    @property
    def growth(self) -> float:
        """Share by which memory grew after the first tenth."""
        first = self.slices[max(1, len(self.slices) // 10) - 1].memory_mb
        return max(s.memory_mb for s in self.slices[-2:]) / first - 1.0

    @property
    def slowdown(self) -> float:
        """Share by which the median env step of the last fifth took longer than that of the first."""
        part = max(1, len(self.slices) // 5)
        first, last = (
            float(np.median([s.microseconds_per_env_step for s in part_of]))
            for part_of in (self.slices[:part], self.slices[-part:])
        )
        return last / first - 1.0

    @property
    def discarded(self) -> float:
        """Share of the episodes in which the physics failed."""
        return sum(s.discarded for s in self.slices) / sum(s.resets for s in self.slices)

    @property
    def complaints(self) -> list[str]:
        """What went wrong, in words; nothing if all is well."""
        found = {
            f"memory grew by {self.growth:.1%}": self.growth > MAX_GROWTH,
            f"env steps became {self.slowdown:.1%} slower": self.slowdown > MAX_SLOWDOWN,
            f"{self.discarded:.1%} of the episodes were discarded": self.discarded > MAX_DISCARDED,
        }
        return [words for words, wrong in found.items() if wrong]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "env_steps": sum(s.env_steps for s in self.slices),
            "resets": sum(s.resets for s in self.slices),
            "discarded": sum(s.discarded for s in self.slices),
            "memory_growth": self.growth,
            "slowdown": self.slowdown,
            "complaints": self.complaints,
            "slices": [asdict(s) for s in self.slices],
        }


def soak(config: RunConfig, env_steps: int, observe: Callable[[Slice], None] = lambda _: None) -> Soak:
    """Play at random for a number of env steps.

    Args:
        config: the game.
        env_steps: how many, at least; whole batches are played.
        observe: is shown every slice as it ends.

    Raises:
        ConfigError: fewer env steps than one.
    """
    if env_steps < 1:
        raise ConfigError(f"got {env_steps} env steps, expected at least 1")
    evaluator = build_evaluator(config)
    rosters = {side: scripted_roster("random", evaluator.player.spec) for side in Side}
    matches = max(config.physics.num_worlds, -(-env_steps // (NUM_SLICES * config.rules.horizon)))
    slices: list[Slice] = []
    while sum(s.env_steps for s in slices) < env_steps:
        first = sum(s.resets for s in slices)
        rows, seeds = np.zeros(matches, dtype=np.int64), np.arange(first, first + matches, dtype=np.int64)
        start = time.process_time()
        episodes = evaluator.evaluate(MatchTable(rows, rows, seeds), rosters)
        spent = time.process_time() - start
        slices.append(
            Slice(matches * config.rules.horizon, matches, int(episodes.failed.sum()), spent, current_memory())
        )
        observe(slices[-1])
    return Soak(slices)


def current_memory() -> float:
    """Memory that this process holds now, MB; where the system does not tell, the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak_memory()
    return pages * 4096 / 1e6
