"""What a user sees of a run while it goes on: a bar on a terminal, plain lines in a log or of ranks, JSON.

Owns no figure: everything shown comes in a `Generation`, after it is safe on disk.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from evo_hns.archive.records import Generation
from evo_hns.cli.alarm import DisengagementAlarm
from evo_hns.cli.text.tables import duration, json_text
from evo_hns.reports.info import describe_held_out, generation_line
from evo_hns.system.machine import launched_ranks
from evo_hns.training.estimate import Cost


class Display(Protocol):
    """Shows a run."""

    def announce(self, cost: Cost) -> None:
        """Show what the run will take, before its first generation."""

    def observe(self, record: Generation) -> None:
        """Show a generation."""


@contextmanager
def display(*, as_json: bool = False) -> Iterator[Display]:
    """A display for the standard output.

    Args:
        as_json: a line of JSON for each generation instead of words.
    """
    # Launchers give ranks a terminal of their own, also where a log is at its other end.
    force = False if launched_ranks() > 1 else None
    console = Console(highlight=False, markup=False, soft_wrap=True, force_terminal=force)
    if as_json:
        yield JsonLines(console)
        return
    with bar(console) as shown:
        yield Words(console, shown)


class Words:
    """A line for each generation, and a bar under them on a terminal."""

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console = console
        self._bar = bar
        self._task = bar.add_task("generations", total=None)
        self._last_time = time.perf_counter()
        self._alarm = DisengagementAlarm()

    def announce(self, cost: Cost) -> None:
        """Say how long it will take."""
        self._bar.update(self._task, total=cost.generations)
        self._last_time = time.perf_counter()
        self._console.print(f"playing on {cost.players}")
        for warning in cost.warnings:
            self._console.print(f"warning: {warning}")
        self._console.print(
            f"{cost.generations} generation{'s' * (cost.generations != 1)} of"
            f" {cost.env_steps_per_generation:,} env steps, about {duration(cost.seconds)}"
            f" at {cost.env_steps_per_second:,.0f} env steps/s"
        )

    def observe(self, record: Generation) -> None:
        """One line, and one for each held-out measurement."""
        now = time.perf_counter()
        self._console.print(f"{generation_line(record)}  {duration(now - self._last_time)}")
        self._last_time = now
        for row in record.held_out:
            self._console.print(
                f"    held out: {row.side.label} against {row.opponent}  {row.mean:+.1f} ± {row.ci_half_width:.1f}"
            )
        if warning := self._alarm.observe(record):
            self._console.print(warning)
        self._bar.advance(self._task)


class JsonLines:
    """One JSON object for each generation."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def announce(self, cost: Cost) -> None:
        """The expected cost."""
        self._print({"cost": {**vars(cost), "seconds": cost.seconds}})

    def observe(self, record: Generation) -> None:
        """Every figure of a generation, without genomes."""
        self._print(
            {
                "generation": record.number,
                "champions": {side.label: champion.score for side, champion in record.champions.items()},
                "metrics": record.metrics,
                "discards": record.discards,
                "held_out": [describe_held_out(row) for row in record.held_out],
            }
        )

    def _print(self, figures: dict[str, Any]) -> None:
        self._console.out(json_text(figures), highlight=False)


def bar(console: Console) -> Progress:
    """The bar of long work; invisible where the output is not a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
