"""What the fitness was worth: how far it told candidates apart, and what else returns varied with."""

from __future__ import annotations

from collections.abc import Sequence

from evo_hns.reports.info import FitnessWorth, fitness_worth
from evo_hns.reports.kit.blocks import Block, Figure, Figures, Section, Table
from evo_hns.reports.results import legend_of, metric_chart
from evo_hns.reports.subject import Subject
from evo_hns.spec import Side

LAST = 10
"""Generations at the end of a run that the table is a mean of: a single one says little."""

MATCHES = "matches_per_candidate"

CURVES = {
    "reliability": ("reliability of the fitness", (None, 1.0)),
    "alike_share": ("share of pairs in which all candidates score alike", (0.0, 1.0)),
    MATCHES: ("matches of each candidate", (0.0, None)),
}
"""Metrics that are drawn: what each is called, and its limits; matches only where they adapt."""

SOURCES = {
    "candidate": "candidate",
    "opponent": "opponent",
    "world": "world",
    "candidate_opponent": "candidate × opponent",
    "candidate_world": "candidate × world",
}
"""Sources of variance (`evaluation.reliability`), and what a page calls them."""


def fitness_section(subjects: Sequence[Subject]) -> Section:
    """Reliability, sources of variance and idle pairs; nothing for runs whose candidates were not compared."""
    title = "What the fitness was worth"
    rows = [_row(subject, worth) for subject in subjects for worth in fitness_worth(subject.run, LAST)]
    if not rows:
        return Section("fitness", title)
    adapts = any(subject.config.coevolution.target_reliability is not None for subject in subjects)
    figures = [
        Figure(f"{side.label.capitalize()}: {name}", drawing)
        for side in Side
        for metric, (name, limits) in CURVES.items()
        if (adapts or metric != MATCHES) and (drawing := metric_chart(subjects, f"{side.label}.{metric}", side, limits))
    ]
    blocks: list[Block] = [
        Table(
            ("run", "side", "matches", "reliability", *SOURCES.values(), "all alike"),
            rows,
            f"Means over the last {LAST} generations, or all that there are. Reliability is the correlation to be "
            "expected with the fitness by as many other matches: at 0 selection is a lottery, at 1 nothing but the "
            "candidate counts. Then the shares by source of the variance of what one match counts: its return and what "
            "rungs add, or the skill that a side is selected for. Last, in what share of the pairs of an opponent and "
            "a world all candidates scored alike.",
            num_words=2,
            is_wide=True,
        ),
        Figures(figures, "The same of every generation.", legend_of(subjects)),
    ]
    return Section("fitness", title, blocks)


def _row(subject: Subject, worth: FitnessWorth) -> tuple[str, ...]:
    shares = (f"{worth.shares.get(source, float('nan')):.0%}" for source in SOURCES)
    numbers = f"{worth.matches:.1f}", f"{worth.reliability:.2f}", *shares, f"{worth.alike:.0%}"
    return subject.name, worth.side.label, *(number.replace("nan%", "–").replace("nan", "–") for number in numbers)
