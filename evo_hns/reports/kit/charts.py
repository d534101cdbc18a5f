"""Line charts of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evo_hns.archive.hall_of_fame import evenly_spaced
from evo_hns.reports.kit.svg import COLOURS, Tips, drawing, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

WIDTH, HEIGHT = 320, 196  #: units of a drawing; a page scales it
LEFT, RIGHT, TOP, BOTTOM = 36, 10, 10, 30
_NUM_TICKS = 4
_DRAWN_POINTS = 300  #: of a longer line, spread over it
_SHOWN_POINTS = 40  #: a longer line is drawn without its points
_STEPS = (1, 2, 2.5, 5, 10)  #: of round numbers
_FEW_DECADES = 50.0  #: from the least to the most

Limits = tuple[float | None, float | None]
"""The least and the most of an axis; None: as far as there is something."""


@dataclass(frozen=True, eq=False)
class Series:
    """A line with an interval around it; points that are NaN are left out."""

    name: str
    colour: str  #: a class of the style sheet
    x: np.ndarray  #: `(K,)`
    y: np.ndarray  #: `(K,)`
    half: np.ndarray | None = None  #: `(K,)` half widths of 95 % intervals
    middle: np.ndarray | None = None  #: `(K,)` of these intervals, where that is not y
    style: Literal["line", "whiskers", "points", "thin"] = "line"
    """A line with a band or with a whisker at each point, points with whiskers alone, or one of several that another
    line stands for."""


def line_chart(
    series: Sequence[Series],
    x_label: str,
    limits: Limits = (None, None),
    *,
    is_log: bool = False,
) -> str:
    """A drawing of lines over one pair of axes.

    Args:
        series: at least one with a point.
        x_label: below the axis.
        limits: of the y axis; what lies beyond is drawn at the rim.
        is_log: the x axis is logarithmic; all x must be positive.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    tips = Tips()
    with drawing(WIDTH, HEIGHT) as figure:
        box = (LEFT / WIDTH, BOTTOM / HEIGHT, 1 - (LEFT + RIGHT) / WIDTH, 1 - (TOP + BOTTOM) / HEIGHT)
        axes = figure.add_axes(box, xmargin=0.04, ymargin=0.04)
        for each in map(_finite, series):
            _interval(axes, each, limits)
            _line(axes, each, limits, tips)
        axes.set_ylim(*limits)
        if is_log:
            axes.set_xscale("log")
            round_log_ticks(axes.xaxis, *axes.get_xlim())
        else:
            axes.set_xlim(left=0.0)
            axes.xaxis.set_major_locator(MaxNLocator(_NUM_TICKS, steps=_STEPS))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.yaxis.set_major_locator(MaxNLocator(_NUM_TICKS, steps=_STEPS))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
        axes.yaxis.grid(visible=True)
        low, high = axes.get_ylim()
        if low <= 0 <= high:
            axes.axhline(0.0, color=COLOURS["soft"], linewidth=1.0, zorder=0.6)
        axes.set_ylim(low, high)
        axes.set_xlabel(x_label, loc="right", labelpad=3.0)
        label = f"{', '.join(dict.fromkeys(each.name for each in series))} over {x_label}"
        return to_svg(figure, label, tips)


def round_log_ticks(axis: Axis, low: float, high: float) -> None:
    """Give a logarithmic axis round numbers: powers of ten, and 2 and 5 times them where these are few."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    subs = (1.0,) if high / low > _FEW_DECADES else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(subs=subs, numticks=8))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def short(value: float) -> str:
    """A positive number in few characters: `300`, `5k`, `2M`, `90G`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.9999:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def number(value: float) -> str:
    """A number as text, with a true minus sign and no more digits than tell something."""
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return ("0" if float(text.replace(",", "")) == 0 else text).replace("-", "\N{MINUS SIGN}")


def _finite(series: Series) -> Series:
    kept = np.flatnonzero(np.isfinite(series.x) & np.isfinite(series.y))
    if len(kept) > _DRAWN_POINTS:
        kept = kept[evenly_spaced(len(kept), _DRAWN_POINTS)]
    half = None if series.half is None else np.nan_to_num(series.half[kept])
    middle = None if series.middle is None else series.middle[kept]
    return replace(series, x=series.x[kept], y=series.y[kept], half=half, middle=middle)


def _interval(axes: Axes, series: Series, limits: Limits) -> None:
    """A band, or a whisker at each point."""
    if series.half is None:
        return
    middle, colour = series.y if series.middle is None else series.middle, COLOURS[series.colour]
    low, high = np.clip(middle - series.half, *limits), np.clip(middle + series.half, *limits)
    if series.style in ("points", "whiskers"):
        axes.vlines(series.x, low, high, color=colour, linewidth=1.3)
    else:
        axes.fill_between(series.x, low, high, color=colour, alpha=0.16, linewidth=0)


def _line(axes: Axes, series: Series, limits: Limits, tips: Tips) -> None:
    shown, is_thin, colour = np.clip(series.y, *limits), series.style == "thin", COLOURS[series.colour]
    if series.style != "points":
        width, alpha = (0.8, 0.45) if is_thin else (1.8, 1.0)
        axes.plot(series.x, shown, color=colour, linewidth=width, alpha=alpha, solid_capstyle="round")
    if is_thin or len(series.x) > _SHOWN_POINTS:
        return
    halves = np.zeros_like(series.y) if series.half is None else series.half
    dots, *_ = axes.plot(series.x, shown, "o", color=colour, markersize=4.4, markeredgewidth=0)
    told = [f" ± {number(half)}" if half else "" for half in halves]
    tips.add(dots, [f"{series.name}: {number(y)}{half}" for y, half in zip(series.y, told, strict=True)])
