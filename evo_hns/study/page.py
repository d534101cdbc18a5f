"""The page of a study: those of comparisons, with areas, paired differences, stages and parts of the wall time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from evo_hns.behaviour.stages.detectors import DETECTORS
from evo_hns.comparison.pages.play_sections import costs_section, settings_section, share_charts
from evo_hns.comparison.pages.prose import DASH, with_interval
from evo_hns.comparison.pages.sections import curves_section, faster_section, legend_of
from evo_hns.evaluation.intervals import Estimate, estimate_few
from evo_hns.reports.costs import PARTS, duration, million
from evo_hns.reports.kit.blocks import Block, Figures, Section, Table
from evo_hns.reports.kit.formatting import counted, describe_game
from evo_hns.reports.kit.sheet import check_target, render, write_whole_page
from evo_hns.spec import Side
from evo_hns.study.findings import Findings


def write_page(found: Findings, path: Path) -> None:
    """Write the page.

    Args:
        found: the study.
        path: its name ends with .html.

    Raises:
        ConfigError: it cannot be written.
    """
    check_target(path)
    study = found.study
    panels = "; ".join(
        f"{side.label} against {', '.join(found.panel[side]) or 'nobody'}"
        for side in Side
        if any(outcome.side is side for outcome in found.returns)
    )
    arms = f"{counted(len(found.conditions), 'arm').capitalize()} over the seeds {', '.join(map(str, study.seeds))}."
    met = (
        "All champions played in the same"
        if study.is_solo
        else f"The panel: {panels}. No fitness ever used these players; all champions met them in the same"
    )
    what = f"{arms} {met} {study.panel.worlds} worlds, which training never draws, at the game's own physics."
    steps = sum(sum(each.env_steps) for each in found.comparison.expenses)
    text = render(
        verb="diagnose learning",
        title=study.name,
        going_on=[],
        introduction=[describe_game(study.game), what, *found.notes],
        tiles=[
            (str(len(found.conditions)), "arms"),
            (str(len(study.seeds)), "seeds of each"),
            (million(steps), "env steps of training"),
        ],
        sections=[
            _results(found),
            replace(curves_section(found.comparison), missing=()),  # what would add points there adds none here
            faster_section(found.comparison),
            _stages(found),
            _time(found),
            costs_section(found.comparison),
            settings_section(found.comparison),
        ],
        intervals="over seeds, where nothing else is said",
    )
    write_whole_page(path, text.encode())


def _results(found: Findings) -> Section:
    rows: list[Sequence[str]] = []
    differences: list[Sequence[str]] = []
    strong: list[int] = []
    for outcome in found.returns:
        starts, ends, areas = found.starts(outcome), found.ends(outcome), found.areas(outcome)
        name = outcome.name if outcome.opponent or found.study.is_solo else f"{outcome.name} against the panel"
        rows += [
            (
                name,
                f"{arm} (trained so)" if found.trained_against(arm, outcome) else arm,
                *(_cell(each[arm]) for each in (starts, ends, areas)),
            )
            for arm in ends
        ]
        for each in found.differences(outcome):
            strong += [len(differences)] if each.end.low > 0 or each.end.high < 0 else []
            differences.append((name, f"{each.arm} less {each.other}", _cell(each.end), _cell(each.area)))
    blocks: list[Block] = [
        Table(
            ("return of", "arm", "first champion", "last champion", "mean on the way"),
            rows,
            "Mean returns over seeds with 95 % t-intervals. The mean on the way is the area under the curve, divided "
            "by the env steps.",
            num_words=2,
            is_wide=True,
        )
    ]
    if differences:
        caption = "Of the same seeds, with 95 % t-intervals. Bold: that of last champions excludes 0."
        header = ("return of", "difference", "last champions", "mean on the way")
        blocks.append(Table(header, differences, caption, num_words=2, strong=strong, is_wide=True))
    return Section("results", "What was learnt", blocks)


def _stages(found: Findings) -> Section:
    rows = []
    arms = [condition.name for condition in found.conditions]
    for (side, stage), tracks in found.stages.items():
        ends = {arm: estimate_few(np.array([track.values[-1] for track in of])) for arm, of in tracks.items()}
        if any(each.mean > 0 for each in ends.values()):
            cells = [_share(ends[arm]) if arm in ends else DASH for arm in arms]
            rows.append((side.label, stage.replace("_", " "), DETECTORS[stage].meaning, *cells))
    caption = "Share of the episodes of last champions against the panel: means over seeds with 95 % t-intervals."
    blocks: list[Block] = [Table(("side", "stage", "in short", *arms), rows, caption, num_words=3, is_wide=True)]
    for side in Side:
        shares = {stage: tracks for (owner, stage), tracks in found.stages.items() if owner is side}
        if charts := share_charts(found.conditions, shares):
            blocks.append(Figures(charts, f"The same of all champions: {side.label}.", legend_of(found.conditions)))
    return Section("stages", "Stages of emergence", blocks if rows else [])


def _time(found: Findings) -> Section:
    parts = {condition.name: found.wall_seconds(condition) for condition in found.conditions}
    totals = {name: sum(each.get(name, 0.0) for each in parts.values()) for of in parts.values() for name in of}
    names = sorted(totals, key=totals.__getitem__, reverse=True)
    rows = [
        (arm, duration(sum(each.values())), *(f"{each.get(name, 0.0) / sum(each.values()):.1%}" for name in names))
        for arm, each in parts.items()
    ]
    header = ("arm", "wall time", *(PARTS.get(name, name.removeprefix("time_").replace("_", " ")) for name in names))
    caption = "Wall time of training a run on one core, mean over seeds, and its parts."
    return Section("time", "Where the time went", [Table(header, rows, caption, is_wide=True)])


def _cell(each: Estimate) -> str:
    return with_interval(each.mean, each.half_width)


def _share(each: Estimate) -> str:
    half = f" ± {100 * each.half_width:.0f}" if each.num_samples > 1 else ""
    return f"{100 * each.mean:.0f}{half} %"
