"""A tournament as text: a line for each step of the way, a table of returns in the end."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import Progress

from evo_hns.archive.hall_of_fame import evenly_spaced
from evo_hns.cli.text.tables import duration, table
from evo_hns.evaluation.intervals import Estimate
from evo_hns.spec import Side

if TYPE_CHECKING:
    from evo_hns.archive.tournament import Tournament
    from evo_hns.tournament.payoff import Payoff

MOST_IN_FIGURES = 4
"""Seekers whose columns of figures fit on a terminal; of more, cells are shades."""

MOST_IN_A_MAP = 32
"""Contestants of a side; of more, means are listed."""

MOST_IN_A_LIST = 24
"""Contestants of a side whose means are listed, evenly spaced."""

SHADES = " ░▒▓█"

_REPORT_EVERY = 10.0  # seconds between two lines of a round


class Steps:
    """Shows how far a tournament is: in plain lines, and with a bar on a terminal.

    Args:
        console: where to.
        bar: on the same console.
    """

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console, self._bar = console, bar
        self._task = bar.add_task("episodes", total=None)
        self._start = time.perf_counter()
        self._before: int | None = None  # episodes that were there
        self._round, self._reported = -1, -math.inf

    def observe(self, tournament: Tournament) -> None:
        """A line when a round begins, and now and then how much is on the disk."""
        cells = tournament.cells
        done, wanted = int(cells.count.sum()), int(cells.wanted.sum())
        if self._before is None:
            self._before = done
            hiders, seekers = cells.shape
            there = f", {done:,} episodes are there" if done else ""
            self._console.print(f"{hiders} hiders x {seekers} seekers{there}")
        played = done - self._before
        now = time.perf_counter()
        speed = played * tournament.meta.config.rules.horizon / (now - self._start)
        if played and now - self._reported > _REPORT_EVERY:
            self._reported = now
            self._console.print(f"  {played:,} episodes at {speed:,.0f} env steps/s")
        if wanted != self._round and wanted > done:
            self._round = wanted
            self._console.print(_round(tournament, speed))
        self._bar.update(self._task, completed=done, total=wanted)


def _round(tournament: Tournament, speed: float) -> str:
    """What the round that begins will take."""
    cells = tournament.cells
    open_cells, most = int((cells.wanted > cells.count).sum()), int(cells.wanted.max())
    steps = int((cells.wanted - cells.count).sum()) * tournament.meta.config.rules.horizon
    about = f", about {duration(steps / speed)}" if speed else ""
    return f"{open_cells:,} cells go on, to {most} episodes at most: {steps:,} env steps{about}"


def tournament_text(tournament: Tournament) -> str:
    """The table, what it cost and what failed."""
    from evo_hns.tournament.tournament import payoff_of

    payoff = payoff_of(tournament)
    shape = tournament.cells.shape
    if shape[1] <= MOST_IN_FIGURES and shape[0] <= MOST_IN_A_MAP:
        told = figures(payoff)
    else:
        told = heat_map(payoff) if max(shape) <= MOST_IN_A_MAP else "\n\n".join(means(payoff, side) for side in Side)
    return f"{told}\n\n{_cost(tournament, payoff)}"


def figures(payoff: Payoff) -> str:
    """A row for each hider, a column for each seeker, every cell with its interval, and the means of both."""
    returns = payoff.of(Side.HIDERS)
    cells = zip(payoff.hiders, returns, payoff.half_widths(Side.HIDERS), _mean(returns, 1), strict=True)
    rows = [
        (name, *(_figure(*cell) for cell in zip(row, half, strict=True)), f"{mean:+.1f}")
        for name, row, half, mean in cells
    ]
    rows.append(("mean", *(f"{mean:+.1f}" for mean in _mean(returns, 0)), ""))
    return f"mean return of hiders, 95 % intervals\n{table(('', *payoff.seekers, 'mean'), rows)}"


def _figure(mean: float, half_width: float) -> str:
    return str(Estimate(mean, half_width, 0)) if np.isfinite(mean) else "-"


def heat_map(payoff: Payoff) -> str:
    """A row for each hider, a column for each seeker, and the means of both."""
    returns = payoff.of(Side.HIDERS)
    low, high = _ends(returns)
    shares = (returns - low) / max(high - low, 1e-12)
    head = "".join(str(column % 10) * 2 for column in range(len(payoff.seekers)))
    rows: list[Sequence[object]] = []
    for name, row, mean in zip(payoff.hiders, shares, _mean(returns, 1), strict=True):
        rows.append((name, "".join(_shade(share) * 2 for share in row), f"{mean:+.1f}"))
    legend = ", ".join(f"{number} {name} {mean:+.1f}" for number, (name, mean) in _numbered(payoff, returns))
    shown = table(("mean return of hiders", head, "mean"), rows)
    return f"{shown}\n'{SHADES}': from {low:+.1f} to {high:+.1f}\nagainst {legend}"


def means(payoff: Payoff, side: Side) -> str:
    """Mean returns of a side's participants against all of the other, some of them if there are many."""
    returns = payoff.of(side)
    names = payoff.hiders if side is Side.HIDERS else payoff.seekers
    chosen = evenly_spaced(len(names), MOST_IN_A_LIST)
    average = _mean(returns, 1)
    rows = [(names[row], *(f"{value:+.1f}" for value in (average[row], *_ends(returns[row])))) for row in chosen]
    return table((f"{side.label}, mean return", "of all", "least", "most"), rows)


def tournament_dict(tournament: Tournament) -> Mapping[str, object]:
    """A tournament for JSON: who, and the table with its uncertainty."""
    from evo_hns.tournament.tournament import payoff_of

    payoff = payoff_of(tournament)
    return {
        **{side.label: [vars(each) for each in tournament.participants[side]] for side in Side},
        "mean_returns": {side.label: payoff.mean[side].tolist() for side in Side},
        "ci95_half_widths": {side.label: payoff.half_widths(side).tolist() for side in Side},
        "episodes": tournament.cells.count.tolist(),
        "failed": tournament.num_failed,
        "env_steps": tournament.env_steps,
        "half_width": tournament.precision.half_width,
        "seed": tournament.meta.config.seed,
    }


def _cost(tournament: Tournament, payoff: Payoff) -> str:
    cells, enough = tournament.cells, tournament.precision.half_width
    widest = np.maximum(*(payoff.half_widths(side) for side in Side))
    wide = int((widest > enough).sum())
    certain = "all cells" if not wide else f"{cells.count.size - wide:,} of {cells.count.size:,} cells"
    return (
        f"{certain} within ± {enough:g} (95 %), the widest ± {widest.max():.1f}; {cells.count.min()} to "
        f"{cells.count.max()} episodes a cell, {tournament.env_steps:,} env steps, {tournament.num_failed} failed"
    )


def _numbered(payoff: Payoff, returns: np.ndarray) -> list[tuple[int, tuple[str, float]]]:
    return [(number % 10, pair) for number, pair in enumerate(zip(payoff.seekers, _mean(returns, 0), strict=True))]


def _ends(returns: np.ndarray) -> tuple[float, float]:
    """The least and the most of what was played; NaN if nothing was."""
    played = returns[np.isfinite(returns)]
    return (float(played.min()), float(played.max())) if len(played) else (np.nan, np.nan)


def _mean(returns: np.ndarray, axis: int) -> np.ndarray:
    """Means of what was played; NaN where nothing was."""
    counted = np.isfinite(returns)
    with np.errstate(invalid="ignore"):
        average: np.ndarray = np.where(counted, returns, 0.0).sum(axis) / counted.sum(axis)
    return average


def _shade(share: float) -> str:
    return "?" if np.isnan(share) else SHADES[min(int(share * len(SHADES)), len(SHADES) - 1)]
