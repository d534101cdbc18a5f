"""How small networks can be: scores at equal cost against the number of parameters."""

from __future__ import annotations

import numpy as np

from evo_hns.comparison.compare import Comparison
from evo_hns.comparison.conditions import Condition
from evo_hns.comparison.emergence import Emergence
from evo_hns.comparison.pages.prose import DASH, spent, with_interval
from evo_hns.comparison.pages.sections import legend_of
from evo_hns.comparison.tracks import Outcome
from evo_hns.reports.kit.blocks import Block, Figure, Figures, Section, Table
from evo_hns.reports.kit.charts import Series, line_chart


def sizes_section(found: Comparison) -> Section:
    """Scores against the number of parameters, if conditions differ in it."""
    title = "How small?"
    if not found.sizes_differ:
        return Section("sizes", title)
    figures = [
        Figure(f"{outcome.name.capitalize()}", drawing)
        for outcome in found.means
        if (drawing := _size_chart(found, outcome))
    ]
    if found.emergence is not None:
        figures.append(Figure("Stages that came during training", _stages_by_size(found, found.emergence)))
    standing = found.standing(found.means[0].name)
    at = "" if standing is None else f" after {spent('env_steps', standing.at)} env steps"
    caption = (
        f"Held-out score{at} against the parameters of a network (of both sides: their mean), with 95 % intervals over "
        "seeds; small dots are seeds. Conditions may differ in more than size."
    )
    blocks: list[Block] = (
        [Figures(figures, caption, legend_of(found.conditions)), _sizes_table(found)] if figures else []
    )
    return Section("sizes", title, blocks)


def _parameters(condition: Condition, outcome: Outcome) -> float:
    sizes = [count for side, count in condition.runs[0].num_params.items() if outcome.side in (None, side)]
    return float(np.mean(sizes))


def _size_chart(found: Comparison, outcome: Outcome) -> str:
    standing = found.standing(outcome.name)
    if standing is None:
        return ""
    series = []
    for condition, each in zip(found.conditions, standing.standings, strict=True):
        size = _parameters(condition, outcome)
        half = np.array([each.estimate.half_width if np.isfinite(each.estimate.half_width) else 0.0])
        mean = np.array([each.estimate.mean])
        series.append(Series(condition.name, condition.colour, np.array([size]), mean, half, style="points"))
        if each.is_over_seeds:
            seeds = np.full(len(each.scores), size * 1.06)
            series.append(Series(f"{condition.name}, a seed", condition.colour, seeds, each.scores, style="points"))
    return line_chart(series, "parameters", is_log=True)


def _stages_by_size(found: Comparison, emergence: Emergence) -> str:
    series = []
    for condition in found.conditions:
        reached = np.array(emergence.reached(condition.name), dtype=np.float64)
        size = _parameters(condition, Outcome(None))
        series.append(Series(condition.name, condition.colour, np.full(len(reached), size), reached, style="points"))
    return line_chart(series, "parameters", (0.0, None), is_log=True)


def _sizes_table(found: Comparison) -> Table:
    ordered = sorted(range(len(found.conditions)), key=lambda row: _parameters(found.conditions[row], Outcome(None)))
    standings = [standing for outcome in found.means if (standing := found.standing(outcome.name)) is not None]
    rows = []
    for row in ordered:
        condition, expense = found.conditions[row], found.expenses[row]
        scores = [with_interval(e.mean, e.half_width) for each in standings for e in [each.standings[row].estimate]]
        reached = DASH if found.emergence is None else ", ".join(map(str, found.emergence.reached(condition.name)))
        sizes = " / ".join(dict.fromkeys(f"{count:,}" for count in expense.parameters.values()))
        rows.append((condition.name, sizes, str(len(condition.runs)), *scores, reached))
    header = ("condition", "parameters", "seeds", *(each.outcome for each in standings), "stages, each seed")
    return Table(header, rows, "Conditions by the size of their networks.")
