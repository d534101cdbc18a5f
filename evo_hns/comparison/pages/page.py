"""The page of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evo_hns.comparison.compare import Comparison
from evo_hns.comparison.pages.play_sections import (
    costs_section,
    cross_play_section,
    settings_section,
    stages_section,
)
from evo_hns.comparison.pages.sections import curves_section, faster_section, results_section
from evo_hns.comparison.pages.size_section import sizes_section
from evo_hns.reports.costs import million, progress_of
from evo_hns.reports.kit.blocks import Section
from evo_hns.reports.kit.formatting import describe_game
from evo_hns.reports.kit.sheet import check_target, render, write_whole_page


def write_page(found: Comparison, path: Path) -> tuple[int, list[Section]]:
    """Write the page.

    Args:
        found: the comparison.
        path: its name ends with .html.

    Returns:
        Its bytes, and its sections.

    Raises:
        ConfigError: it cannot be written.
    """
    check_target(path)
    sections = compose(found)
    text = render_page(found, sections).encode()
    write_whole_page(path, text)
    return len(text), sections


def compose(found: Comparison) -> list[Section]:
    """All parts, in their order."""
    return [
        results_section(found),
        curves_section(found),
        faster_section(found),
        sizes_section(found),
        cross_play_section(found),
        stages_section(found),
        costs_section(found),
        settings_section(found),
    ]


def render_page(found: Comparison, sections: Sequence[Section]) -> str:
    """The page as text."""
    runs = [run for condition in found.conditions for run in condition.runs]
    names = [condition.name for condition in found.conditions]
    steps = sum(sum(each.env_steps) for each in found.expenses)
    tiles = [
        (str(len(found.conditions)), "condition" if len(found.conditions) == 1 else "conditions"),
        (str(len(runs)), "run" if len(runs) == 1 else "runs"),
        (million(steps), "env steps of training"),
    ]
    if found.crossplay is not None:
        tiles.append((f"{found.crossplay.episodes:,}", "episodes against each other"))
    return render(
        verb="compare",
        title=f"{', '.join(names[:-1])} and {names[-1]}"
        if 1 < len(names) < 4
        else f"{len(names)} conditions side by side",
        going_on=[f"{run.name} with {progress_of(run)}" for run in runs if not run.is_finished],
        introduction=[describe_game(found.conditions[0].config), _what_is_compared(found), *found.notes],
        tiles=tiles,
        sections=sections,
        intervals="over seeds, where nothing else is said",
    )


def _what_is_compared(found: Comparison) -> str:
    count = len(found.conditions)
    conditions = "; ".join(
        f"{condition.name} (seed{'s' * (len(condition.runs) > 1)} {', '.join(map(str, condition.seeds))})"
        for condition in found.conditions
    )
    return (
        f"{'One condition' if count == 1 else f'{count} conditions'} of this one game: {conditions}. Runs of "
        "a condition differ only in their seed. All were measured against the same held-out players, which never took "
        "part in training, in worlds that training never draws."
    )
