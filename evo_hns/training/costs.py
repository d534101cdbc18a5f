"""What work costs this process: seconds that pass, seconds of its processors, memory."""

from __future__ import annotations

import resource
import sys
import time

MEASURING = "time_measurement"
"""Metric: seconds of a generation in which champions were measured, and nobody learnt."""


class Clock:
    """Seconds spent in each part of a generation."""

    def __init__(self) -> None:
        self._laps: dict[str, float] = {}
        self._last, self._cpu_start = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        """Add the time since the last lap to `name`."""
        now = time.perf_counter()
        self._laps[name] = self._laps.get(name, 0.0) + now - self._last
        self._last = now

    @property
    def metrics(self) -> dict[str, float]:
        """Seconds of each lap, those of all processors in this process, and memory."""
        cpu_seconds = time.process_time() - self._cpu_start
        return {**self._laps, "cpu_seconds": cpu_seconds, "memory_peak_mb": peak_memory()}


def peak_memory() -> float:
    """Most memory this process ever held, MB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
