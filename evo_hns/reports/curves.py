"""What was learnt, and when: held-out measurements of one or many runs against env steps.

One panel for each side and held-out player (mean return of the champion's team), one for each side
and kind of progress, and one for each of the game's statistics of hiders and boxes
and ramps. Runs of one kind of search share a colour; a band is the 95 % interval of one measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evo_hns.archive.records import HeldOutRow, RunFacts, env_steps_so_far
from evo_hns.config import ConfigError
from evo_hns.figure import panel_grid, save
from evo_hns.reports.progress import progress
from evo_hns.spec import Side
from evo_hns.training.measurement import KINDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Drawing = Callable[[Mapping[str, RunFacts]], "Figure"]

STATISTICS = (
    "hiders_in_room_prep",
    "box_at_door_prep",
    "max_box_move_prep",
    "num_box_lock_prep",
    "max_ramp_move_prep",
    "hider_seen_share",
)
"""Shown of the hiders' champions against the chaser (or the tracker)."""


def plot(draw: Drawing, runs: Mapping[str, RunFacts], path: Path) -> None:
    """Draw runs into a picture.

    Args:
        draw: one of `DRAWINGS`.
        runs: by name.
        path: the picture; its ending decides the format.

    Raises:
        ConfigError: as the drawing; or it cannot be written there.
    """
    save(draw(runs), path)


def draw_returns(runs: Mapping[str, RunFacts]) -> Figure:
    """Draw mean returns against every held-out player.

    Args:
        runs: by name.

    Raises:
        ConfigError: matplotlib is missing, or no run has a measurement.
    """
    panels = _panels(runs)
    columns = len({opponent for side, opponent in panels if side is Side.HIDERS}) or len(panels)
    figure, axes = panel_grid(-(-len(panels) // columns), columns, sharex=True)
    for axis, (side, opponent) in zip(axes, panels, strict=True):
        for run, colour, label in _styled(runs):
            rows = _rows(run, side, opponent)
            means, half = np.array([r.mean for r in rows]), np.array([r.ci_half_width for r in rows])
            _draw(axis, _steps(run, [r.generation for r in rows]), means, half, colour, label)
        axis.set_title(f"{side.label} against {opponent}")
        axis.set_ylim(*_limits(runs))
        axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    return _finish(figure, axes, "mean return of the champion's team")


def draw_progress(runs: Mapping[str, RunFacts]) -> Figure:
    """Draw the three kinds of progress of both sides, a row of panels each; errors as `draw_returns`.

    In a game of equals a local curve stays where it is, however much both sides learn; a historical one rises if what
    was learnt is not forgotten; only the global one shows strength against unseen opponents.
    """
    drawn = {name: progress(run) for name, run in runs.items()}
    if not any(len(each) for kinds in drawn.values() for each in kinds):
        raise ConfigError("in none of these runs was progress measured: they need coevolution.progress_episodes")
    figure, axes = panel_grid(len(Side), len(KINDS), sharex=True)
    styles = _styled(runs)
    for axis, panel in zip(axes, zip(*drawn.values(), strict=True), strict=True):
        for each, (run, colour, label) in zip(panel, styles, strict=True):
            _draw(axis, _steps(run, each.generations), each.means, each.half_widths, colour, label)
        axis.set_title(f"{panel[0].side.label}: {panel[0].kind}\nagainst {panel[0].opponents}", fontsize=10)
        axis.set_ylim(*_limits(runs))
        axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    return _finish(figure, axes, "mean return of the champion's team")


def _limits(runs: Mapping[str, RunFacts]) -> tuple[float | None, float | None]:
    """The least and the most that hiding and seeking pay in an episode, with a margin; other tasks: as drawn."""
    rules = [run.config.rules for run in runs.values()]
    most = 1.05 * max(rule.most_return for rule in rules)
    return (-most, most) if most and all(rule.task == "hide-and-seek" for rule in rules) else (None, None)


def draw_statistics(runs: Mapping[str, RunFacts]) -> Figure:
    """Draw the game's statistics of the hiders' champions against the seeker with a plan; errors as `draw_returns`."""
    _panels(runs)  # refuses runs without any
    figure, axes = panel_grid(-(-len(STATISTICS) // 3), 3, sharex=True)
    for axis, name in zip(axes, STATISTICS, strict=True):
        for run, colour, label in _styled(runs):
            rows = _rows(run, Side.HIDERS, _planner(run))
            values = np.array([r.statistics.get(name, np.nan) for r in rows])
            _draw(axis, _steps(run, [r.generation for r in rows]), values, np.zeros(len(values)), colour, label)
        axis.set_title(name)
        axis.set_ylim(bottom=0)
    return _finish(figure, axes, "mean over the held-out worlds")


DRAWINGS: dict[str, Drawing] = {"returns": draw_returns, "progress": draw_progress, "statistics": draw_statistics}
"""What can be drawn of runs."""


def _panels(runs: Mapping[str, RunFacts]) -> list[tuple[Side, str]]:
    """Which side met whom, in any of the runs: hiders first, opponents in the order of their first measurement."""
    met = dict.fromkeys((row.side, row.opponent) for run in runs.values() for row in run.held_out)
    if not met:
        raise ConfigError("none of these runs has a held-out measurement yet; let a generation finish")
    return sorted(met, key=lambda panel: panel[0])


def _planner(run: RunFacts) -> str:
    """The held-out seeker with a plan, whom hiders meet last."""
    met = [row.opponent for row in run.held_out if row.side is Side.HIDERS]
    return met[-1] if met else ""


def _rows(run: RunFacts, side: Side, opponent: str) -> list[HeldOutRow]:
    return [row for row in run.held_out if row.side is side and row.opponent == opponent]


def _steps(run: RunFacts, generations: Sequence[int] | np.ndarray) -> np.ndarray:
    """Millions of env steps of training when each measurement was made."""
    return env_steps_so_far(run)[np.asarray(generations, dtype=np.int64)] / 1e6


def _styled(runs: Mapping[str, RunFacts]) -> list[tuple[RunFacts, str, str]]:
    """Each run with the colour of its searches, and their name the first time they occur."""
    colours: dict[str, str] = {}
    styled = []
    for run in runs.values():
        searches = sorted({run.config.side(side).search.algorithm for side in Side})
        kind = "ppo" if run.config.ppo is not None else " and ".join(searches)
        label = "" if kind in colours else kind
        styled.append((run, colours.setdefault(kind, f"C{len(colours)}"), label))
    return styled


def _draw(axis: Axes, steps: np.ndarray, means: np.ndarray, half: np.ndarray, colour: str, label: str) -> None:
    axis.plot(steps, means, color=colour, linewidth=1.2, label=label or None)
    axis.fill_between(steps, means - half, means + half, color=colour, alpha=0.15, linewidth=0)


def _finish(figure: Figure, axes: Sequence[Axes], ylabel: str) -> Figure:
    axes[0].legend(fontsize=8)
    figure.supxlabel("million env steps of training", fontsize=9)
    figure.supylabel(ylabel, fontsize=9)
    figure.tight_layout()
    return figure
