"""A comparison in short, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evo_hns.cli.text.tables import table, wrapped

if TYPE_CHECKING:
    from evo_hns.comparison.compare import Comparison


def comparison_text(found: Comparison) -> str:
    """Scores at equal cost, who is faster, certain differences, cross-play; what limits it all."""
    parts = [*map(wrapped, found.notes), _going_on(found), _scores(found), _faster(found), _meetings(found)]
    return "\n\n".join(part for part in parts if part)


def _going_on(found: Comparison) -> str:
    names = [run.name for condition in found.conditions for run in condition.runs if not run.is_finished]
    return wrapped(f"still in training: {', '.join(names)}") if names else ""


def _scores(found: Comparison) -> str:
    from evo_hns.comparison.pages.prose import spent, verdict, with_interval

    standings = [standing for outcome in found.means if (standing := found.standing(outcome.name)) is not None]
    if not standings:
        return "the runs have no number of env steps in common at which both were measured"
    rows: list[Sequence[object]] = []
    for number, (condition, expense) in enumerate(zip(found.conditions, found.expenses, strict=True)):
        scores = [each.standings[number].estimate for each in standings]
        sizes = " / ".join(dict.fromkeys(f"{count:,}" for count in expense.parameters.values()))
        told_scores = [with_interval(score.mean, score.half_width) for score in scores]
        rows.append((condition.name, len(condition.runs), sizes, *told_scores))
    header = ("condition", "seeds", "parameters", *(each.outcome for each in standings))
    head = f"held-out score after {spent('env_steps', standings[0].at)} env steps, 95 % intervals over seeds"
    lines = [wrapped(f"{each.outcome}: {verdict(each.differences)}", indent="  ") for each in standings]
    return "\n".join([head, table(header, rows), *(lines if len(found.conditions) > 1 else [])])


def _faster(found: Comparison) -> str:
    from evo_hns.comparison.pages.prose import each_seed, typical

    head = ("condition", "score", "env steps", "each seed", "core-hours", "wall time")
    rows: list[Sequence[object]] = []
    for each in found.thresholds:
        for condition in found.conditions:
            times = {budget: of_conditions[condition.name] for budget, of_conditions in each.times.items()}
            steps, *others = [typical(budget, seeds) for budget, seeds in times.items()]
            rows.append((condition.name, each.outcome, steps, each_seed("env_steps", times["env_steps"]), *others))
    return f"half-way to the best score after\n{table(head, rows)}" if rows else ""


def _meetings(found: Comparison) -> str:
    from evo_hns.comparison.pages.prose import with_interval

    played = found.crossplay
    if played is None:
        return ""
    rows = [
        (name, *(with_interval(each.mean, each.half_width) for each in meetings))
        for name, meetings in zip(played.hiders, played.meetings, strict=True)
    ]
    return table(("hiders' mean return, against", *played.seekers), rows)
