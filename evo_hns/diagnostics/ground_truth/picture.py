"""What the analytic games looked like: paths of champions on the disc, turns, forgetting and progress.

A row for each search. The discs show one run; the curves are means over seeds with 95 % t-intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evo_hns.config import ConfigError
from evo_hns.diagnostics.ground_truth.analytic_games import GAMES
from evo_hns.diagnostics.ground_truth.experiment import LATEST, Course
from evo_hns.diagnostics.ground_truth.measures import forgotten_shares, pursuit_turns
from evo_hns.evaluation.intervals import estimate_few
from evo_hns.spec import Side
from evo_hns.system.output_file import output_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DISC, NUMBERS = "disc", "numbers"

Curve = Callable[[Course], np.ndarray]
"""`(T,)` values of a run."""

SHOWN = 60
"""Generations of a run whose champions are shown on the disc; more would cover each other."""

_BIN = 10
"""Generations that a point of a noisy curve is the mean of."""


def draw(courses: Sequence[Course], path: Path) -> None:
    """Draw the runs of the disc and of the numbers game, whichever there are.

    Args:
        courses: of any games; others are left out.
        path: the picture; its ending decides the format.

    Raises:
        ConfigError: no run of these games, or the file cannot be written.
    """
    from matplotlib.figure import Figure

    shown = [course for course in courses if course.trial.game in (DISC, NUMBERS)]
    if not shown:
        raise ConfigError("there is nothing to draw: play the disc or the numbers game")
    algorithms = list(dict.fromkeys(course.trial.algorithm for course in shown))
    panels = [_panels([c for c in shown if c.trial.algorithm == algorithm]) for algorithm in algorithms]
    rows, width = len(panels), len(panels[0])
    figure = Figure(figsize=(2.75 * width, 2.9 * rows), layout="constrained")
    grid = figure.subplots(rows, width, squeeze=False)
    for algorithm, row, axes in zip(algorithms, panels, grid, strict=True):
        for paint, axis in zip(row, axes, strict=True):
            paint(axis)
            axis.tick_params(labelsize=7)
        axes[0].set_ylabel(algorithm, fontsize=11)
    _write(figure, path)


Painter = Callable[["Axes"], None]


def _panels(courses: Sequence[Course]) -> list[Painter]:
    """The panels of one search, from left to right."""
    disc = [course for course in courses if course.trial.game == DISC]
    numbers = [course for course in courses if course.trial.game == NUMBERS]
    painters: list[Painter] = []
    for condition in dict.fromkeys(course.trial.condition for course in disc):
        first = next(course for course in disc if course.trial.condition == condition)
        painters.append(lambda axis, course=first: _paint_disc(axis, course))  # type: ignore[misc]
    if disc:
        painters.append(lambda axis: _paint_turns(axis, disc))
    if numbers:
        painters.append(lambda axis: _paint_curves(axis, numbers, _forgotten, "numbers: share forgotten"))
        painters.append(lambda axis: _paint_curves(axis, numbers, _progress, "numbers: sum of both"))
    return painters


def _paint_disc(axis: Axes, course: Course) -> None:
    """Where the seekers' champions were, one after the other."""
    points = course.champions[Side.SEEKERS][:SHOWN]
    angles = np.linspace(0.0, 2.0 * np.pi, 200)
    axis.plot(np.cos(angles), np.sin(angles), color="0.8", linewidth=0.8)
    axis.plot(points[:, 0], points[:, 1], color="0.55", linewidth=0.4, zorder=1)
    axis.scatter(points[:, 0], points[:, 1], c=np.arange(len(points)), cmap="plasma", s=12, zorder=2)
    axis.set(aspect="equal", xticks=[], yticks=[], xlim=(-1.08, 1.08), ylim=(-1.08, 1.08))
    axis.spines[:].set_visible(False)
    axis.set_xlabel(f"generations 0 (dark) to {len(points) - 1} (bright)", fontsize=7)
    axis.set_title(f"disc, {course.trial.condition}", fontsize=9)


def _paint_turns(axis: Axes, courses: Sequence[Course]) -> None:
    """Turns of the pursuit, beside those of perfect answers to the latest and to the whole of history."""
    generations = np.arange(courses[0].trial.generations)
    _paint_curves(axis, courses, _turns, "disc: turns of the pursuit", binned=1)
    axis.plot(
        generations, generations / 4.0, color="black", linestyle=":", linewidth=0.9, label="best answers to the latest"
    )
    axis.plot(
        generations,
        np.sqrt(generations) / np.pi,
        color="black",
        linestyle="--",
        linewidth=0.9,
        label="best answers to history",
    )
    axis.set_ylim(top=0.34 * generations[-1])  # room for the legend
    axis.legend(fontsize=6, loc="upper left", ncols=2)


def _paint_curves(axis: Axes, courses: Sequence[Course], curve: Curve, title: str, *, binned: int = _BIN) -> None:
    """A curve for each condition, mean over seeds."""
    for number, condition in enumerate(dict.fromkeys(course.trial.condition for course in courses)):
        values = np.array([_binned(curve(course), binned) for course in courses if course.trial.condition == condition])
        generations = binned * np.arange(values.shape[1]) + (binned - 1) / 2
        means = [estimate_few(column) for column in values.T]
        colour = "C3" if condition == LATEST else ("C1", "C0", "C2", "C4", "C5", "C6")[(number - 1) % 6]
        axis.plot(generations, [each.mean for each in means], color=colour, linewidth=1.3, label=condition)
        axis.fill_between(
            generations, [m.low for m in means], [m.high for m in means], color=colour, alpha=0.18, linewidth=0
        )
    axis.set_title(title, fontsize=9)
    axis.set_xlabel("generation", fontsize=8)


def _binned(values: np.ndarray, size: int) -> np.ndarray:
    """Means of so many values each, at most all; what does not fill the last bin is left out."""
    size = min(size, len(values))
    means: np.ndarray = values[: len(values) // size * size].reshape(-1, size).mean(1)
    return means


def _turns(course: Course) -> np.ndarray:
    return pursuit_turns(course.champions)


def _forgotten(course: Course) -> np.ndarray:
    game = GAMES[course.trial.game]()
    own = course.champions
    shares = [forgotten_shares(game.payoff(own[side][:, None], own[side.other][None])) for side in Side]
    both: np.ndarray = np.nan_to_num(np.mean(shares, axis=0))  # nobody was beaten: nobody was forgotten
    return both


def _progress(course: Course) -> np.ndarray:
    both: np.ndarray = np.mean([course.champions[side].sum(1) for side in Side], axis=0)
    return both


def _write(figure: Figure, path: Path) -> None:
    with output_file(path) as partial:
        figure.savefig(partial, dpi=90)
