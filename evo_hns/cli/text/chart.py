"""Curves of measured champions as text, for terminals: dots of Braille letters, two wide and four high."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evo_hns.archive.records import HeldOutRow
from evo_hns.spec import Side
from evo_hns.system.machine import TERMINAL, launched_ranks

WIDTH, HEIGHT = 20, 7  #: of a panel, in letters
STYLES = {Side.HIDERS: "cyan", Side.SEEKERS: "red"}
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bits of the dots of a Braille letter, from its top left."""


def output() -> Console:
    """The standard output; also through a launcher, if that was started from a terminal (`start_ranks`)."""
    # Launchers give ranks a terminal of their own, also where a log is at its other end.
    through = os.environ.get(TERMINAL, "") if launched_ranks() > 1 else None
    width = int(through) if through else None
    force = None if through is None else bool(through)
    return Console(highlight=False, markup=False, soft_wrap=True, force_terminal=force, width=width)


def can_draw(console: Console, rows: Iterable[HeldOutRow]) -> bool:
    """Whether there is a curve to draw, and an output for it."""
    return (
        console.is_terminal
        and console.width >= 2 * (WIDTH + 18) + 2
        and console.encoding.startswith("utf")
        and len({row.generation for row in rows}) > 1
    )


def learning_chart(rows: Iterable[HeldOutRow], generations: int, most: float) -> Table:
    """Mean returns of champions against each held-out player over generations, a panel for each side.

    Args:
        rows: what was measured.
        generations: at the right end.
        most: the most that an episode pays, the upper end; the lower end is its negative.
    """
    curves: dict[Side, dict[str, list[tuple[int, float]]]] = {}
    for row in rows:
        if np.isfinite(row.mean):  # not if all episodes were discarded
            curves.setdefault(row.side, {}).setdefault(row.opponent, []).append((row.generation, row.mean))
    chart = Table.grid(padding=(0, 2))
    chart.add_row(*(_panel(side, curves[side], generations, most or 1.0) for side in Side if side in curves))
    return chart


def _panel(side: Side, curves: dict[str, list[tuple[int, float]]], generations: int, most: float) -> Text:
    """The curves of a side, each with its opponent's name at its end."""
    cells, marks, ends = np.zeros((HEIGHT, WIDTH), dtype=np.int64), dict[int, str](), list[tuple[int, float, str]]()
    end = max(generations - 1, 1, *(generation for curve in curves.values() for generation, _ in curve))
    for opponent, curve in curves.items():
        heights = [_height(value, most) for _, value in curve]
        columns = [round(generation / end * (2 * WIDTH - 1)) for generation, _ in curve]
        drawn = np.arange(columns[0], columns[-1] + 1)
        dots = np.interp(drawn, columns, heights).round().astype(np.int64)
        np.bitwise_or.at(cells, (dots // 4, drawn // 2), _DOTS[dots % 4, drawn % 2])
        ends.append((heights[-1] // 4, curve[-1][1], opponent[:8]))
    ends.sort(key=lambda each: -each[1])
    for row, (_, value, name) in zip(_rows([row for row, _, _ in ends]), ends, strict=False):
        marks[row] = f"{name} {value:+.0f}"
    text = Text(f"{side.label}' mean return against", style="bold", no_wrap=True)
    for row, line in enumerate(cells):
        axis = {0: f"{most:+.0f}", HEIGHT // 2: "0", HEIGHT - 1: f"{-most:+.0f}"}.get(row, "")
        text.append(f"\n{axis:>4} ", style="dim")
        text.append("".join(chr(0x2800 + dots) for dots in line), style=STYLES[side])
        text.append(f" {marks.get(row, '')}", style="not bold")
    text.append(f"\n     0{f'generation {end}':>{WIDTH - 1}}", style="dim")
    return text


def _height(value: float, most: float) -> int:
    """The row of dots of a return, from the top."""
    share = (most - value) / (2 * most)
    return int(np.clip(round(share * (4 * HEIGHT - 1)), 0, 4 * HEIGHT - 1))


def _rows(wanted: Sequence[int]) -> list[int]:
    """Rows of letters for names in this order, each as near as it can be to where its curve ends; as many as fit in."""
    choices = combinations(range(HEIGHT), min(len(wanted), HEIGHT))
    return list(min(choices, key=lambda rows: sum(abs(a - b) for a, b in zip(rows, wanted, strict=False))))
