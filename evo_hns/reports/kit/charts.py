"""Line charts as SVG inside a page: their colours come from its style sheet, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

import numpy as np

from evo_hns.archive.hall_of_fame import evenly_spaced

WIDTH, HEIGHT = 320, 196  #: units of a drawing; a page scales it
LEFT, RIGHT, TOP, BOTTOM = 36, 10, 10, 30
_NUM_TICKS = 4
_DRAWN_POINTS = 300  #: of a longer line, spread over it
_SHOWN_POINTS = 40  #: a longer line is drawn without its points


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


@dataclass(frozen=True)
class Mark:
    """Something that is at one place of the x axis."""

    x: float
    text: str


def line_chart(
    series: Sequence[Series],
    x_label: str,
    limits: tuple[float | None, float | None] = (None, None),
    *,
    is_log: bool = False,
    marks: Sequence[Mark] = (),
) -> str:
    """A drawing of lines over one pair of axes.

    Args:
        series: at least one with a point.
        x_label: below the axis.
        limits: of the y axis; None: as far as the lines and their intervals reach.
        is_log: the x axis is logarithmic; all x must be positive.
        marks: upright lines.
    """
    series = [_finite(each) for each in series]
    if is_log:
        series = [replace(each, x=np.log10(each.x)) for each in series]
        marks = [Mark(math.log10(mark.x), mark.text) for mark in marks]
    places = [each.x for each in series] + [np.array([mark.x for mark in marks])]
    axis = _Axis.around(np.concatenate(places), None if is_log else 0.0, None)
    reach = [each.y + sign * _half(each) for each in series for sign in (-1, 1)]
    upright = _Axis.around(np.concatenate(reach), *limits)
    inner = [_grid(axis, upright, x_label, is_log=is_log)]
    inner += [_mark(mark, axis) for mark in marks]
    inner += [_interval(each, axis, upright) for each in series if each.half is not None]
    inner += [_line(each, axis, upright) for each in series]
    label = f"{', '.join(dict.fromkeys(each.name for each in series))} over {x_label}"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(inner)}</svg>'


def ticks(low: float, high: float, count: int = _NUM_TICKS) -> list[float]:
    """Round numbers from `low` to `high`, about `count` of them."""
    raw = (high - low) / count
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(scale * factor for factor in (1, 2, 2.5, 5, 10) if scale * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Logarithms of round numbers: powers of ten, and 2 and 5 times them where there are few of these.

    Args:
        low: logarithm to base ten of the least.
        high: of the most.
    """
    factors = (1,) if high - low > 1.7 else (1, 2, 5)
    every = max(1, round((high - low) / 6))
    powers = range(math.floor(low), math.floor(high) + 1)
    found = [power + math.log10(factor) for power in powers if power % every == 0 for factor in factors]
    return [value for value in found if low - 1e-9 <= value <= high + 1e-9]


def short(value: float) -> str:
    """A positive number in few characters: `300`, `5k`, `2M`, `90G`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.9999:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float

    @classmethod
    def around(cls, values: np.ndarray, low: float | None, high: float | None) -> _Axis:
        """From the least to the most of the values, unless an end is given."""
        least = float(values.min()) if low is None else low
        most = float(values.max()) if high is None else high
        if most - least < 1e-9:
            least, most = least - (0.0 if low is not None else 0.5), most + 0.5
        pad = 0.04 * (most - least)
        return cls(least - pad * (low is None), most + pad * (high is None))

    def share(self, values: np.ndarray) -> np.ndarray:
        return np.asarray((np.clip(values, self.low, self.high) - self.low) / (self.high - self.low))


def _finite(series: Series) -> Series:
    kept = np.flatnonzero(np.isfinite(series.x) & np.isfinite(series.y))
    if len(kept) > _DRAWN_POINTS:
        kept = kept[evenly_spaced(len(kept), _DRAWN_POINTS)]
    half = None if series.half is None else np.nan_to_num(series.half[kept])
    middle = None if series.middle is None else series.middle[kept]
    return replace(series, x=series.x[kept], y=series.y[kept], half=half, middle=middle)


def _half(series: Series) -> np.ndarray:
    return np.zeros_like(series.y) if series.half is None else series.half


def _middle(series: Series) -> np.ndarray:
    return series.y if series.middle is None else series.middle


def _places(axis: _Axis, upright: _Axis, x: np.ndarray, y: np.ndarray) -> list[tuple[float, float]]:
    across = LEFT + axis.share(x) * (WIDTH - LEFT - RIGHT)
    down = HEIGHT - BOTTOM - upright.share(y) * (HEIGHT - TOP - BOTTOM)
    return list(zip(across.round(1).tolist(), down.round(1).tolist(), strict=True))


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in places)


def _interval(series: Series, axis: _Axis, upright: _Axis) -> str:
    """A band, or a whisker at each point."""
    above = _places(axis, upright, series.x, _middle(series) + _half(series))
    below = _places(axis, upright, series.x, _middle(series) - _half(series))
    if series.style in ("points", "whiskers"):
        ends = "".join(f"M{x:g},{top:g}V{foot:g}" for (x, top), (_, foot) in zip(above, below, strict=True))
        return f'<path class="whisker {series.colour}" d="{ends}"/>' if ends else ""
    return f'<path class="band {series.colour}" d="{_path(above + below[::-1])}Z"/>' if above else ""


def _mark(mark: Mark, axis: _Axis) -> str:
    x = _places(axis, _Axis(0, 1), np.array([mark.x]), np.zeros(1))[0][0]
    side = "end" if x > WIDTH / 2 else ""
    text = f'<text class="{side}" x="{x + (-4 if side else 4):g}" y="{TOP + 8}">{escape(mark.text)}</text>'
    return f'<path class="mark" d="M{x:g},{TOP}V{HEIGHT - BOTTOM}"/>{text}'


def _line(series: Series, axis: _Axis, upright: _Axis) -> str:
    places = _places(axis, upright, series.x, series.y)
    if not places:
        return ""
    kind = "thin" if series.style == "thin" else "line"
    parts = [] if series.style == "points" else [f'<path class="{kind} {series.colour}" d="{_path(places)}"/>']
    if len(places) <= _SHOWN_POINTS and series.style != "thin":
        for (x, y), value, half in zip(places, series.y, _half(series), strict=True):
            tooltip = f"{series.name}: {number(value)}" + (f" ± {number(half)}" if half else "")
            dot = f'<circle class="dot {series.colour}" cx="{x:g}" cy="{y:g}" r="2.2">'
            parts.append(f"{dot}<title>{escape(tooltip)}</title></circle>")
    return "".join(parts)


def _grid(axis: _Axis, upright: _Axis, x_label: str, *, is_log: bool) -> str:
    parts = []
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    for value in ticks(upright.low, upright.high):
        y = _places(axis, upright, np.array([axis.low]), np.array([value]))[0][1]
        kind = "zero" if value == 0 else "rule"
        parts.append(f'<path class="{kind}" d="M{LEFT},{y:g}H{right}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 6}" y="{y + 3:g}">{number(value)}</text>')
    for value in log_ticks(axis.low, axis.high) if is_log else ticks(axis.low, axis.high):
        x = _places(axis, upright, np.array([value]), np.array([upright.low]))[0][0]
        text = short(10**value) if is_log else number(value)
        parts.append(f'<text class="tick mid" x="{x:g}" y="{floor + 13}">{text}</text>')
    parts.append(f'<text class="tick end" x="{right}" y="{HEIGHT - 4}">{escape(x_label)}</text>')
    return "".join(parts)


def number(value: float) -> str:
    """A number as text, with a true minus sign and no more digits than tell something."""
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return ("0" if float(text.replace(",", "")) == 0 else text).replace("-", "\N{MINUS SIGN}")
