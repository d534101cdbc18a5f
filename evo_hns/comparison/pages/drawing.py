"""A drawing of the onsets of stages: a lane for each condition in each stage's row, beside the paper's onsets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from evo_hns.behaviour.stages.paper import PUBLISHED, Published
from evo_hns.comparison.conditions import Condition
from evo_hns.comparison.emergence import Emergence, Onset
from evo_hns.reports.kit.charts import log_ticks, short

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 760, 118, 24, 34, 30
LANE, GAP = 13, 9  #: heights of a condition's lane, and between rows of stages


def onset_drawing(conditions: Sequence[Condition], emergence: Emergence) -> str:
    """Onsets of all seeds over env steps, on a logarithmic axis that reaches to the paper's.

    A disc is a seed that shows the stage from there on, a ring one that shows it in its last generation only, a bar at
    the left end one that showed it from the start; a line is how far training went; a diamond is OpenAI's PPO.
    """
    published = PUBLISHED[emergence.scenario]
    stages, steps = emergence.shown, _reach(conditions, emergence, published)
    low, high = math.log10(steps[0]) - 0.1, math.log10(steps[1]) + 0.25
    height = TOP + BOTTOM + len(stages) * (GAP + LANE * len(conditions))

    def place(env_steps: float) -> float:
        return round(LEFT + (math.log10(env_steps) - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    parts = [_axes(low, high, place, height, conditions[0].config.rules.horizon)]
    for row, stage in enumerate(stages):
        top = TOP + row * (GAP + LANE * len(conditions))
        foot = top + LANE * len(conditions)
        name = stage.replace("_", " ")
        parts.append(f'<path class="rule" d="M0,{foot + GAP / 2:g}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="ink" x="0" y="{(top + foot) / 2 + 3:g}">{escape(name)}</text>')
        for lane, condition in enumerate(conditions):
            parts.append(_lane(condition, emergence.onsets(stage, condition.name), top + LANE * (lane + 0.5), place))
        onset = published.million_env_steps(stage)
        if onset is not None:
            parts.append(_diamond(place(onset * 1e6), (top + foot) / 2, f"{published.onsets[stage]:g}M episodes"))
    label = f"Onsets of {', '.join(stages)} over env steps"
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _reach(conditions: Sequence[Condition], emergence: Emergence, published: Published) -> tuple[float, float]:
    """The least and the most env steps that are drawn."""
    first = min(line.measurements[0].env_steps for lines in emergence.timelines.values() for line in lines)
    last = max(float(run.steps()[-1]) for condition in conditions for run in condition.runs)
    onsets = [1e6 * (published.million_env_steps(stage) or 0.0) for stage in emergence.stages]
    return max(float(first), 1.0), max(last, *onsets)


def _axes(low: float, high: float, place: Callable[[float], float], height: int, horizon: int) -> str:
    floor = height - BOTTOM
    parts = []
    for value in log_ticks(low, high):
        x = place(10**value)
        parts.append(f'<path class="rule" d="M{x:g},{TOP - 6}V{floor}"/>')
        parts.append(f'<text class="tick mid" x="{x:g}" y="{floor + 13}">{short(10**value)}</text>')
    for value in log_ticks(low - math.log10(horizon), high - math.log10(horizon)):
        x = place(10**value * horizon)
        parts.append(f'<path class="zero" d="M{x:g},{TOP - 10}v4"/>')
        parts.append(f'<text class="tick mid" x="{x:g}" y="{TOP - 14}">{short(10**value)}</text>')
    parts.append(f'<text class="tick" x="0" y="{TOP - 14}">episodes</text>')
    parts.append(f'<text class="tick" x="0" y="{floor + 13}">env steps</text>')
    return "".join(parts)


def _lane(condition: Condition, onsets: Sequence[Onset], y: float, place: Callable[[float], float]) -> str:
    end = place(max(float(run.steps()[-1]) for run in condition.runs))
    parts = [f'<path class="reach {condition.colour}" d="M{LEFT},{y:g}H{end:g}"/>']
    for onset in onsets:
        tooltip = escape(f"{condition.name}, seed {onset.seed}: {onset.remark or 'from here on'}")
        if onset.remark == "start":
            parts.append(
                f'<path class="line {condition.colour}" d="M{LEFT},{y - 4:g}v8"><title>{tooltip}</title></path>'
            )
        elif onset.env_steps is not None:
            kind = "hollow" if onset.remark else "dot"
            dot = f'<circle class="{kind} {condition.colour}" cx="{place(onset.env_steps):g}" cy="{y:g}" r="3.6">'
            parts.append(f"{dot}<title>{tooltip}</title></circle>")
    return "".join(parts)


def _diamond(x: float, y: float, text: str) -> str:
    shape = f"M{x:g},{y - 6:g}l5,6l-5,6l-5,-6Z"
    is_far = x > WIDTH - RIGHT - 90
    anchor, place = ("end", x - 9) if is_far else ("", x + 9)
    return (
        f'<path class="diamond" d="{shape}"><title>{escape(text)}</title></path>'
        f'<text class="{anchor}" x="{place:g}" y="{y + 3:g}">{escape(text)}</text>'
    )
