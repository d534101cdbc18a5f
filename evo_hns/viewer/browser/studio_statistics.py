"""The panel of figures: rewards and returns of both teams and the game's statistics, as they run."""

from __future__ import annotations

import numpy as np
from mujoco.studio.dear_imgui import dear_imgui as imgui
from mujoco.studio.implot import implot

from evo_hns.envs.statistics import STATISTICS
from evo_hns.viewer.browser.director import View

PLOT_HEIGHT = 150  #: pixels

_PREPARATION_RGBA, _HERE_RGBA = (0.55, 0.55, 0.55, 0.8), (0.9, 0.6, 0.1, 0.9)
_FIRST_CHOICE = ("hider_seen_share", "max_box_move", "max_agent_travel")


class StatisticsPanel:
    """Plots, and a table to choose from what is plotted."""

    def __init__(self) -> None:
        self._chosen: set[str] | None = None

    def build_gui(self, view: View) -> None:
        """The panel's content, for a frame."""
        series = view.series
        if self._chosen is None:
            self._chosen = {name for name in _FIRST_CHOICE if name in series.statistics}
        returns = {side.label: series.returns[side] for side in view.teams}
        rewards = {name: np.diff(values, prepend=0.0) for name, values in returns.items()}
        _plot("Reward of an env step", rewards, view)
        _plot("Return so far", returns, view)
        chosen = {name: values for name, values in series.statistics.items() if name in self._chosen}
        _plot("Statistics", chosen, view, PLOT_HEIGHT + 50)
        self._build_table_gui(view)

    def _build_table_gui(self, view: View) -> None:
        chosen = self._chosen or set()
        if not imgui.BeginTable("##statistics", 2, int(imgui.TableFlags.RowBg)):
            return
        imgui.TableSetupColumn("", int(imgui.TableColumnFlags.WidthStretch))
        imgui.TableSetupColumn("", int(imgui.TableColumnFlags.WidthFixed))
        for name, values in view.series.statistics.items():
            imgui.TableNextRow()
            imgui.TableNextColumn()
            changed, is_chosen = imgui.Checkbox(name, name in chosen)
            imgui.SetItemTooltip(_folded(STATISTICS.get(name, "")))
            if changed:
                (chosen.add if is_chosen else chosen.discard)(name)
            imgui.TableNextColumn()
            imgui.AlignTextToFramePadding()
            imgui.TextUnformatted(f"{values[view.row]:.2f}")
        imgui.EndTable()
        self._chosen = chosen


def _plot(title: str, lines: dict[str, np.ndarray], view: View, height: float = PLOT_HEIGHT) -> None:
    """Lines over the whole episode, with marks at the end of the preparation and at what is looked at."""
    flags = int(implot.Flags.NoMenus) | int(implot.Flags.NoMouseText) | int(implot.Flags.NoBoxSelect)
    if not implot.BeginPlot(title, imgui.Vec2(-1, height), flags):
        return
    always = int(implot.Cond.Always)
    implot.SetupAxes("", "")
    implot.SetupAxisLimits(int(implot.Axis.X1), 0, view.horizon, always)
    implot.SetupAxisLimits(int(implot.Axis.Y1), *_limits(lines), always)
    side_by_side = int(implot.LegendFlags.Horizontal) if len(lines) == len(view.teams) else 0
    implot.SetupLegend(int(implot.Location.South), int(implot.LegendFlags.Outside) | side_by_side)
    for name, values in lines.items():
        implot.PlotLine(name, np.arange(len(values), dtype=float), values)
    still = int(implot.DragToolFlags.NoInputs) | int(implot.DragToolFlags.NoFit)
    if view.trajectory.num_prep_steps:
        implot.DragLineX(0, view.trajectory.num_prep_steps, imgui.Vec4(*_PREPARATION_RGBA), 1, still)
    implot.DragLineX(1, view.position, imgui.Vec4(*_HERE_RGBA), 2, still)
    implot.EndPlot()


def _limits(lines: dict[str, np.ndarray]) -> tuple[float, float]:
    """The range of all lines with a margin, at least from 0 to 1."""
    low = min((float(values.min()) for values in lines.values()), default=0.0)
    high = max((float(values.max()) for values in lines.values()), default=1.0)
    low, high = min(low, 0.0), max(high, 1.0)
    margin = 0.05 * (high - low)
    return low - margin, high + margin


def _folded(text: str, width: int = 40) -> str:
    """A tooltip in lines of a readable length."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
