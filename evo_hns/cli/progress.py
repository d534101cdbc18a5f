"""What a user sees of a run while it goes on: a bar on a terminal, plain lines in a log or of ranks, JSON.

Owns no figure: everything shown comes in a `Generation`, after it is safe on disk.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from evo_hns.archive.records import Generation, HeldOutRow
from evo_hns.cli.alarm import DisengagementAlarm
from evo_hns.cli.text.chart import can_draw, learning_chart, output
from evo_hns.cli.text.tables import duration, json_text
from evo_hns.config import RunConfig
from evo_hns.reports.info import describe_held_out, generation_line
from evo_hns.spec import Side
from evo_hns.training.estimate import Cost
from evo_hns.training.remeasurement import Due


class Display(Protocol):
    """Shows a run."""

    def announce(self, cost: Cost) -> None:
        """Show what the run will take, before its first generation."""

    def observe(self, record: Generation) -> None:
        """Show a generation."""


@contextmanager
def display(
    config: RunConfig,
    measured: Sequence[HeldOutRow] = (),
    *,
    path: Path | None = None,
    as_json: bool = False,
) -> Iterator[Display]:
    """A display for the standard output.

    Args:
        config: of the run, up to its last generation.
        measured: before this session.
        path: the run file, if it is to be named first.
        as_json: a line of JSON for each generation instead of words.
    """
    console = output()
    if as_json:
        yield JsonLines(console)
        return
    with CurvesAndBar(console, config, measured) as shown:
        yield Words(console, shown, config, path)


class CurvesAndBar(Progress):
    """What was learnt so far, and a bar, under the lines of a run; invisible where the output is not a terminal.

    Args:
        console: the output.
        config: of the run, up to its last generation.
        measured: before this session.
    """

    def __init__(self, console: Console, config: RunConfig, measured: Sequence[HeldOutRow]) -> None:
        self._output, self._config, self._measured = console, config, list(measured)
        super().__init__(*COLUMNS, **bar_options(console), refresh_per_second=2)

    def add(self, rows: Iterable[HeldOutRow]) -> None:
        """Draw what was measured."""
        self._measured += rows

    def get_renderables(self) -> Iterable[RenderableType]:
        """The curves, once there are two points, above the bar."""
        if can_draw(self._output, self._measured):
            most = self._config.rules.most_return
            yield learning_chart(self._measured, self._config.coevolution.generations, most)
        yield self.make_tasks_table(self.tasks)


class Words:
    """A line for each generation, and curves and a bar under them on a terminal.

    Args:
        console: the output.
        shown: what stays under the lines.
        config: of the run.
        path: its file, if it is to be named first.
    """

    def __init__(self, console: Console, shown: CurvesAndBar, config: RunConfig, path: Path | None) -> None:
        self._console, self._shown, self._path = console, shown, path
        self._task = shown.add_task("generations", total=None)
        self._most = config.rules.most_return
        self._last_time = time.perf_counter()
        self._alarm = DisengagementAlarm()

    def announce(self, cost: Cost) -> None:
        """Say how long it will take, and what the lines will say."""
        self._shown.update(self._task, total=cost.generations)
        self._last_time = time.perf_counter()
        if self._path:
            self._console.print(f"The run goes into {self._path}.")
        self._console.print(f"playing on {cost.players}")
        for warning in cost.warnings:
            self._console.print(f"warning: {warning}")
        self._console.print(
            f"{cost.generations} generation{'s' * (cost.generations != 1)} of"
            f" {cost.env_steps_per_generation:,} env steps, about {duration(cost.seconds)}"
            f" at {cost.env_steps_per_second:,.0f} env steps/s"
        )
        self._console.print(
            f"Figures are mean returns of champions, {-self._most:+.0f} to {self._most:+.0f} in a match: against the\n"
            "opponents of their generation; and held out, against players whom no search\n"
            "meets: they alone show progress."
        )

    def observe(self, record: Generation) -> None:
        """A line, and one for each side that was measured."""
        now = time.perf_counter()
        self._console.print(f"{generation_line(record)}  {duration(now - self._last_time)}")
        self._last_time = now
        for line in held_out_lines(record.held_out):
            self._console.print(line)
        if warning := self._alarm.observe(record):
            self._console.print(warning)
        self._shown.add(record.held_out)
        self._shown.advance(self._task)


def held_out_lines(rows: Sequence[HeldOutRow]) -> list[str]:
    """What was measured of champions, a line for each side."""
    met = {side: [row for row in rows if row.side is side] for side in Side}
    return [
        f"  {side.label} held out: " + ", ".join(f"{r.opponent} {r.mean:+.1f} ± {r.ci_half_width:.0f}" for r in each)
        for side, each in met.items()
        if each
    ]


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


class Measurements:
    """Shows what is measured of a run that is there.

    Args:
        console: the output.
        shown: a bar.
        as_json: a line of JSON for each measurement instead of words.
    """

    def __init__(self, console: Console, shown: Progress, *, as_json: bool) -> None:
        self._console, self._shown, self._as_json = console, shown, as_json
        self._task = shown.add_task("generations", total=None)

    def announce(self, due: Due) -> None:
        """Say what is to be done."""
        self._shown.update(self._task, total=len(due.generations))
        if not self._as_json:
            measured = f"; {due.num_measured} are measured already" if due.num_measured else ""
            count = len(due.generations)
            self._console.print(f"{count} generation{'s' * (count != 1)} to measure{measured}")

    def observe(self, rows: Sequence[HeldOutRow]) -> None:
        """What was measured of a generation."""
        if self._as_json:
            for row in rows:
                self._console.out(json_text(describe_held_out(row)), highlight=False)
        else:
            self._console.print("\n".join([f"generation {rows[0].generation}", *held_out_lines(rows)]))
        self._shown.advance(self._task)


@contextmanager
def measuring(*, as_json: bool) -> Iterator[Measurements]:
    """A display for the standard output of what is measured of a run."""
    console = output()
    with bar(console) as shown:
        yield Measurements(console, shown, as_json=as_json)


COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
"""Of a bar: what is done, how much of it, and how long it will take."""


def bar_options(console: Console) -> dict[str, Any]:
    """How a bar goes with the lines above it; it is invisible where the output is not a terminal."""
    whole_time = 1e9  # what is done may take minutes each time: how long the rest takes is told from all of it
    shown = {"console": console, "transient": True, "disable": not console.is_terminal}
    return shown | {"speed_estimate_period": whole_time}


def bar(console: Console) -> Progress:
    """The bar of long work; invisible where the output is not a terminal."""
    return Progress(*COLUMNS, **bar_options(console))
