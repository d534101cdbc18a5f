"""A drawing of the onsets of stages: a lane for each condition in each stage's row, beside the paper's onsets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from evo_hns.behaviour.stages.paper import PUBLISHED, Published
from evo_hns.comparison.conditions import Condition
from evo_hns.comparison.emergence import Emergence, Onset
from evo_hns.reports.kit.charts import round_log_ticks
from evo_hns.reports.kit.svg import COLOURS, Tips, drawing, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 760, 118, 24, 34, 30
LANE, GAP = 13, 9  #: heights of a condition's lane, and between rows of stages


def onset_drawing(conditions: Sequence[Condition], emergence: Emergence) -> str:
    """Onsets of all seeds over env steps, on a logarithmic axis that reaches to the paper's.

    A disc is a seed that shows the stage from there on, a ring one that shows it in its last generation only, a bar at
    the left end one that showed it from the start; a line is how far training went; a diamond is OpenAI's PPO.
    """
    published, stages, tips = PUBLISHED[emergence.scenario], emergence.shown, Tips()
    low, high = _reach(conditions, emergence, published)
    row = GAP + LANE * len(conditions)
    height, horizon = TOP + BOTTOM + len(stages) * row, conditions[0].config.rules.horizon
    with drawing(WIDTH, height) as figure:
        box = (LEFT / WIDTH, BOTTOM / height, 1 - (LEFT + RIGHT) / WIDTH, 1 - (TOP + BOTTOM) / height)
        axes = figure.add_axes(box, xlim=(low * 0.8, high * 1.8), ylim=(len(stages) * row, 0))  # as the page counts
        axes.set_xscale("log")
        round_log_ticks(axes.xaxis, *axes.get_xlim())
        axes.xaxis.grid(visible=True)
        above = axes.secondary_xaxis("top", functions=(_times(1 / horizon), _times(horizon)))
        round_log_ticks(above.xaxis, *(steps / horizon for steps in axes.get_xlim()))
        above.spines["top"].set_visible(False)
        for words, y in (("env steps", BOTTOM - 11), ("episodes", height - TOP + 10)):
            figure.text(0, y / height, words, va="center")
        middles = [number * row + LANE * len(conditions) / 2 for number in range(len(stages))]
        axes.set_yticks(middles, [stage.replace("_", " ") for stage in stages], color=COLOURS["ink"])
        for middle, stage in zip(middles, stages, strict=True):
            top = middle - LANE * len(conditions) / 2
            axes.axhline(top + row - GAP / 2, color=COLOURS["rule"], linewidth=1.0)
            for lane, condition in enumerate(conditions):
                _lane(axes, condition, emergence.onsets(stage, condition.name), top + LANE * (lane + 0.5), tips)
            onset = published.million_env_steps(stage)
            if onset is not None:
                _diamond(axes, onset * 1e6, middle, f"{published.onsets[stage]:g}M episodes", tips)
        return to_svg(figure, f"Onsets of {', '.join(stages)} over env steps", tips)


def _times(factor: float) -> Callable[[npt.ArrayLike], np.ndarray]:
    return lambda values: factor * np.asarray(values)


def _reach(conditions: Sequence[Condition], emergence: Emergence, published: Published) -> tuple[float, float]:
    """The least and the most env steps that are drawn."""
    first = min(line.measurements[0].env_steps for lines in emergence.timelines.values() for line in lines)
    last = max(float(run.steps()[-1]) for condition in conditions for run in condition.runs)
    onsets = [1e6 * (published.million_env_steps(stage) or 0.0) for stage in emergence.stages]
    return max(float(first), 1.0), max(last, *onsets)


def _lane(axes: Axes, condition: Condition, onsets: Sequence[Onset], y: float, tips: Tips) -> None:
    start, colour = axes.get_xlim()[0], COLOURS[condition.colour]
    end = max(float(run.steps()[-1]) for run in condition.runs)
    axes.plot([start, end], [y, y], color=colour, linewidth=1.2, alpha=0.6)
    for onset in onsets:
        x = start if onset.remark == "start" else onset.env_steps
        if x is None:
            continue
        marker, size = ("|", 8.0) if onset.remark == "start" else ("o", 7.2)
        point, *_ = axes.plot([x], [y], marker, color=colour, markersize=size, markeredgewidth=1.4)
        if onset.remark == "unconfirmed":
            point.set_markerfacecolor(COLOURS["paper"])
        tips.add(point, [f"{condition.name}, seed {onset.seed}: {onset.remark or 'from here on'}"])


def _diamond(axes: Axes, x: float, y: float, text: str, tips: Tips) -> None:
    point, *_ = axes.plot([x], [y], "D", color=COLOURS["ink"], markersize=7.5, markeredgewidth=0)
    tips.add(point, [text])
    is_far = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))[0] > 1 - 90 / WIDTH
    side = "right" if is_far else "left"
    axes.annotate(text, (x, y), (-9 if is_far else 9, -3), textcoords="offset points", ha=side)
