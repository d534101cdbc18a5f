"""Sections on learning: scores, curves, times to a threshold, and differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from evo_hns.comparison.compare import Comparison
from evo_hns.comparison.conditions import Condition
from evo_hns.comparison.pages.prose import (
    each_seed,
    p_value,
    spent,
    typical,
    verdict,
    what_seeds_show,
    with_interval,
)
from evo_hns.comparison.standings import Difference, Standings
from evo_hns.comparison.tracks import BUDGETS, Outcome
from evo_hns.reports.kit.blocks import Block, Figure, Figures, Fold, Missing, Prose, Section, Table
from evo_hns.reports.kit.charts import Series, line_chart
from evo_hns.reports.kit.formatting import OPPONENTS, signed
from evo_hns.reports.seed_means import Track

_FEW = 10  #: points of a curve, up to which each has a whisker; more have a band
_APART = 0.008  #: of the axis, between whiskers of conditions that were measured at the same time


def results_section(found: Comparison) -> Section:
    """Scores at the common budget, side by side, and which differences are certain."""
    title = "Who is better at equal cost"
    blocks: list[Block] = []
    for budget in ("env_steps", "core_hours"):
        standings = [
            standing for outcome in found.means if (standing := found.standing(outcome.name, budget)) is not None
        ]
        if not standings:
            continue
        blocks += [_scores_table(found, standings), *(_verdicts(standings) if len(found.conditions) > 1 else [])]
        differences = [(each.outcome, one) for each in standings for one in each.differences]
        if differences:
            at = f"{spent(budget, standings[0].at)} {'env steps' if budget == 'env_steps' else 'of cores'}"
            blocks.append(Fold(f"All differences after {at}", [differences_table(differences)]))
    blocks.append(Prose(what_seeds_show([len(condition.runs) for condition in found.conditions])))
    return Section("results", title, blocks, _unrecorded(found))


def curves_section(found: Comparison) -> Section:
    """Curves over every budget, and of each held-out player over env steps."""
    figures = [
        Figure(f"{outcome.name.capitalize()}, over {BUDGETS[budget]}", drawing)
        for outcome in found.means
        for budget in BUDGETS
        if (drawing := curve_chart(found, outcome, budget))
    ]
    single = [
        Figure(outcome.name.capitalize(), drawing)
        for outcome in found.tracks
        if outcome.opponent is not None and (drawing := curve_chart(found, outcome, "env_steps"))
    ]
    players = [name for names in found.opponents.values() for name in names]
    clauses = [f"{name} {OPPONENTS[name]}" for name in dict.fromkeys(players) if name in OPPONENTS]
    caption = (
        "Mean return of each generation's champion against held-out players, whom no fitness ever used, in held-out "
        f"worlds; up is better for either side. {'; '.join(clauses)}. Lines are means over the seeds of a condition "
        "where all were measured; whiskers and bands are 95 % t-intervals over seeds (of one seed: over worlds), moved "
        "apart a little where they would overlap; thin lines are single seeds. Core-hours and wall time are those of "
        "training, without measurements."
    )
    blocks: list[Block] = [Figures(figures, caption, legend_of(found.conditions))]
    if single:
        blocks.append(Fold("Each held-out player", [Figures(single, legend=legend_of(found.conditions))]))
    return Section("curves", "How it was learnt", blocks, _few_points(found))


def faster_section(found: Comparison) -> Section:
    """What it took to get half-way."""
    title = "Who learns faster"
    if not found.thresholds:
        return Section(
            "faster", title, [Prose("No condition became better than the untrained ones, so that none is faster.")]
        )
    rows = [
        (
            each.outcome,
            condition.name,
            typical("env_steps", each.times["env_steps"][condition.name]),
            each_seed("env_steps", each.times["env_steps"][condition.name]),
            *(typical(budget, each.times[budget][condition.name]) for budget in ("core_hours", "wall_hours")),
        )
        for each in found.thresholds
        for condition in found.conditions
        if condition.name in each.times["env_steps"]
    ]
    levels = "; ".join(
        f"{each.outcome} {signed(each.value)}, between {signed(each.untrained)} and {signed(each.best)}"
        for each in found.thresholds
    )
    caption = (
        f"What was spent until a run's score first was half-way ({levels}) from the first measurement, mean of all "
        "runs, to the best mean that any condition reached: median over seeds, and each seed. Between measurements "
        "scores are interpolated linearly, so that times are no finer than measurements are apart."
    )
    header = ("score", "condition", "env steps, median", "each seed", "core-hours, median", "wall time, median")
    return Section("faster", title, [Table(header, rows, caption, num_words=2)])


def differences_table(differences: Sequence[tuple[str, Difference]]) -> Table:
    """Every pair of conditions."""
    rows = [
        (
            outcome,
            f"{each.one} less {each.other}",
            with_interval(each.mean, each.half_width),
            p_value(each.p),
            p_value(each.p_holm),
        )
        for outcome, each in differences
    ]
    return Table(
        ("score", "difference", "mean", "p", "p, all pairs"),
        rows,
        "Welch's intervals and tests over seeds; the last column allows for the number of pairs (Holm 1979). Bold: "
        "certain at 5 %.",
        num_words=2,
        strong=[number for number, (_, each) in enumerate(differences) if each.is_certain],
    )


def curve_chart(found: Comparison, outcome: Outcome, budget: str) -> str:
    """Curves of all conditions that recorded a budget; empty if none did."""
    curves = found.curves(outcome, budget)
    if not curves:
        return ""
    most_spent = max(float(curve.x[-1]) for curve in curves.values())
    unit, label = _unit(budget, most_spent)
    series: list[Series] = []
    for condition in found.conditions:
        if condition.name in curves:
            tracks, curve = found.tracks[outcome][condition.name], curves[condition.name]
            if len(tracks) > 1:
                series += [_thin(condition, each, budget, unit) for each in tracks]
            half = np.where(np.isfinite(curve.half_widths), curve.half_widths, 0.0)
            most = _most(found)
            low, high = np.clip(curve.mean - half, -most, most), np.clip(curve.mean + half, -most, most)
            style: Literal["whiskers", "line"] = "whiskers" if len(curve.x) <= _FEW else "line"
            shift = (condition.number - (len(found.conditions) - 1) / 2) * _APART * most_spent * (style == "whiskers")
            half, middle = (high - low) / 2, (high + low) / 2
            series.append(
                Series(condition.name, condition.colour, (curve.x + shift) / unit, curve.mean, half, middle, style)
            )
    return line_chart(series, label)


def legend_of(conditions: Sequence[Condition]) -> list[tuple[str, str]]:
    """Which condition has which colour, and how many seeds."""
    return [
        (condition.colour, f"{condition.name} ({len(condition.runs)} seed{'s' * (len(condition.runs) > 1)})")
        for condition in conditions
    ]


def _scores_table(found: Comparison, standings: Sequence[Standings]) -> Table:
    budget, at = standings[0].budget, standings[0].at
    rows = []
    for number, condition in enumerate(found.conditions):
        cells = [with_interval(e.mean, e.half_width) for each in standings for e in [each.standings[number].estimate]]
        rows.append((condition.name, str(len(condition.runs)), *cells))
    what = "env steps of training" if budget == "env_steps" else "spent by all cores"
    return Table(
        ("condition", "seeds", *(each.outcome for each in standings)),
        rows,
        f"Mean return against held-out players after {spent(budget, at)} {what}, the most that every run had: means "
        "over seeds with 95 % t-intervals over seeds (of one seed: over worlds).",
    )


def _verdicts(standings: Sequence[Standings]) -> list[Block]:
    texts = {each.outcome: verdict(each.differences) for each in standings}
    if len(set(texts.values())) == 1:
        return [Prose(next(iter(texts.values())))]
    return [Prose(f"{outcome.capitalize()}: {text[0].lower()}{text[1:]}") for outcome, text in texts.items()]


def _unrecorded(found: Comparison) -> list[Missing]:
    lacking = [each.condition for each in found.expenses if any(hours is None for hours in each.core_hours)]
    if not lacking:
        return []
    return [Missing(f"scores at equal core-hours, which the runs of {', '.join(lacking)} did not record")]


def _few_points(found: Comparison) -> list[Missing]:
    tracks = found.tracks[found.means[0]]
    few = [name for name, of_condition in tracks.items() if min(len(each.values) for each in of_condition) < 4]
    if not few:
        return []
    return [
        Missing(
            f"more points on the curves of {', '.join(few)}, whose champions were measured in a few generations only",
            "evo-hns train EXPERIMENT --coevolution.held-out-every 10 --run NEW.h5",
        )
    ]


def _thin(condition: Condition, track: Track, budget: str, unit: float) -> Series:
    return Series(condition.name, condition.colour, track.budgets[budget] / unit, track.values, style="thin")


def _unit(budget: str, most: float) -> tuple[float, str]:
    if budget == "env_steps":
        return (1e6, "million env steps") if most >= 1e6 else (1e3, "thousand env steps")
    what = "of cores" if budget == "core_hours" else "of wall time"
    return (1.0, f"hours {what}") if most >= 1.5 else (1 / 60, f"minutes {what}")


def _most(found: Comparison) -> float:
    """The most that hiding and seeking pay, beyond which no interval is drawn; other tasks: no such bound."""
    rules = found.conditions[0].config.rules
    return rules.most_return if rules.task == "hide-and-seek" else np.inf
