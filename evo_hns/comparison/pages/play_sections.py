"""Sections on play and cost: stages, cross-play, sizes and expenses, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from evo_hns.behaviour.stages.detectors import DETECTORS
from evo_hns.behaviour.stages.paper import PUBLISHED
from evo_hns.comparison.compare import Comparison, has_two_teams
from evo_hns.comparison.conditions import Condition
from evo_hns.comparison.crossplay import CrossPlay, Meeting
from evo_hns.comparison.emergence import Emergence
from evo_hns.comparison.expense import BYTES, Expense, Extra, version_of
from evo_hns.comparison.pages.drawing import onset_drawing
from evo_hns.comparison.pages.prose import DASH, each_onset, p_value, verdict, with_interval
from evo_hns.comparison.pages.sections import legend_of
from evo_hns.reports.costs import duration, million
from evo_hns.reports.kit.blocks import Block, Figure, Figures, Fold, Heat, HeatCell, Missing, Prose, Section, Table
from evo_hns.reports.kit.charts import Series, line_chart, short
from evo_hns.reports.kit.formatting import plain, signed
from evo_hns.reports.seed_means import Track, condition_curve
from evo_hns.spec import Side

_REMEDY = "the same command without --no-play"
_LONG = 60  #: characters of a setting's value


def stages_section(found: Comparison) -> Section:
    """When stages came, beside the paper's."""
    title, emergence = "Stages of emergence", found.emergence
    if emergence is None:
        needs = [Missing(f"which of the paper's stages came, and when ({_REMEDY}, and --stage-episodes above 0)")]
        return Section("stages", title, missing=needs if has_two_teams(found.conditions[0].runs[0]) else [])
    published = PUBLISHED[emergence.scenario]
    world, rules = found.conditions[0].config.world, found.conditions[0].config.rules
    sizes = f"{world.max_hiders} against {world.max_seekers}"
    caption = (
        "Discs: a seed shows the stage clearly more often than random players and than its first generation, from here "
        "on; rings: in its last generation only, which is not confirmed; a bar at the left end: from the start. Lines: "
        f"how far training went. Diamonds: {published}, with 1.6 million parameters and in OpenAI's setting; here "
        f"{sizes} and {rules.horizon} env steps an episode."
    )
    if unseen := [stage.replace("_", " ") for stage in emergence.stages if stage not in emergence.shown]:
        caption += f" Shown by nobody: {', '.join(unseen)}."
    drawing = Figures(
        [Figure("", onset_drawing(found.conditions, emergence))], caption, legend_of(found.conditions), is_one=True
    )
    blocks: list[Block] = [drawing, _onset_table(found, emergence)]
    shares = {
        stage: {condition.name: emergence.tracks(stage, condition.name) for condition in found.conditions}
        for stage in emergence.stages
    }
    if curves := share_charts(found.conditions, shares):
        caption = "Share of episodes that show a stage: means over seeds with 95 % intervals."
        blocks.append(Fold("How often each stage was shown", [Figures(curves, caption, legend_of(found.conditions))]))
    return Section("stages", title, blocks)


def cross_play_section(found: Comparison) -> Section:
    """Everybody's hiders against everybody's seekers."""
    title, played = "Against each other", found.crossplay
    if played is None:
        remedy = _REMEDY if len(found.conditions) > 1 else "the same command with a second condition"
        needs = [Missing(f"the last champions of all conditions against each other ({remedy})")]
        return Section("cross-play", title, missing=needs if has_two_teams(found.conditions[0].runs[0]) else [])
    most = found.conditions[0].runs[0].most
    failed = f", {played.failed} of them discarded" if played.failed else ""
    caption = (
        "Mean return of the hiders of the row against the seekers of the column, cyan where hiders have the better of "
        "it: the last champion of each run against that of each other run, mean over pairs of runs; a condition "
        "against itself leaves out each run against itself (an asterisk: there is no other). 95 % intervals are over "
        "runs of both conditions, where a condition has several; where neither has (†), over worlds. "
        f"{played.episodes:,} episodes{failed}, each pair until its mean was certain to ±{played.half_width:.3g}, "
        f"within bounds ({played.path.name})."
    )
    cells = [[HeatCell(_meeting(cell), float(cell.mean / (most or 1.0))) for cell in row] for row in played.meetings]
    heat = Heat("hiders of", "seekers of", played.hiders, played.seekers, cells, caption, is_wide=True)
    blocks: list[Block] = [heat]
    if played.duels:
        text = verdict(played.duels)
        how = f"By how much one condition plays better than another when they meet: {text[0].lower()}{text[1:]}"
        blocks += [Prose(how), _duels_table(played)]
    return Section("cross-play", title, blocks)


def costs_section(found: Comparison) -> Section:
    """Sizes, speed, expenses, discards."""
    rows = [*(_expense_row(each) for each in found.expenses), *(_extra_row(each) for each in found.extras)]
    caption = (
        "Means over seeds; all seeds are below. A decision is what one agent does in one env step: from observation to "
        "action, measured now on this machine, one thread, all networks in turns, for as many worlds at once as the "
        "game has (hiders / seekers if they differ). A parameter is 4 bytes."
    )
    header = (
        *("condition", "parameters", "genome", "µs / decision", "env steps", "episodes"),
        *("core-hours", "wall time", "env steps / core-s", "discards / M"),
    )
    blocks: list[Block] = [Table(header, rows, caption)]
    if threads := [each.condition for each in found.expenses if each.counts_threads]:
        blocks.append(
            Prose(
                f"Runs of {', '.join(threads)} did not record what their processors spent: their core-hours are "
                "threads times wall time, at most what it cost, and depend on what else the machine did."
            )
        )
    seeds = [
        (
            each.condition,
            str(seed),
            f"{steps:,}",
            DASH if hours is None else f"{hours:.3g}",
            duration(3600 * wall),
            str(lost),
        )
        for each in found.expenses
        for seed, steps, hours, wall, lost in zip(
            each.seeds, each.env_steps, each.core_hours, each.wall_hours, each.discards, strict=True
        )
    ]
    by_seed = Table(("condition", "seed", "env steps", "core-hours", "wall time", "discards"), seeds)
    return Section("costs", "What it cost, and how large it is", [*blocks, Fold("Each seed", [by_seed])])


def settings_section(found: Comparison) -> Section:
    """In which settings conditions differ, and where the runs come from."""
    rows = [(name, *(_cut(plain(value)) for value in values)) for name, values in _once(found.settings).items()]
    blocks: list[Block] = []
    if rows:
        caption = (
            "Settings in which the conditions differ; those of the game and its timestep are the same to the last."
        )
        blocks.append(
            Table(("setting", *(condition.name for condition in found.conditions)), rows, caption, is_wide=True)
        )
    else:
        blocks.append(Prose("All runs have the same settings to the last."))
    origins = [
        (condition.name, str(run.run.meta.seed), run.path.name, version_of(run), run.run.meta.created[:10])
        for condition in found.conditions
        for run in condition.runs
    ]
    files = Table(("condition", "seed", "file", "evo_hns", "begun"), origins, num_words=5)
    blocks.append(Fold("Seeds, files and versions", [files]))
    return Section("settings", "What differs", blocks)


def _once(settings: Mapping[str, Sequence[object]]) -> dict[str, Sequence[object]]:
    """What is the same for both sides is said once, without naming a side."""
    hiders, seekers = (f"{side.label}." for side in Side)
    values_of: dict[str, Sequence[object]] = {}
    for name, values in settings.items():
        rest = name.removeprefix(hiders).removeprefix(seekers)
        is_shared = rest != name and settings.get(hiders + rest) == settings.get(seekers + rest)
        values_of[rest if is_shared else name] = values
    return values_of


def _meeting(cell: Meeting) -> str:
    mark = ("*" if cell.is_own else "") + ("†" if cell.over == "worlds" else "")
    if not np.isfinite(cell.mean):
        return DASH
    half = f" ± {cell.half_width:.0f}" if np.isfinite(cell.half_width) else ""
    return f"{signed(cell.mean)}{half}{mark}"


def _duels_table(played: CrossPlay) -> Table:
    rows = [
        (e.one, e.other, with_interval(e.mean, e.half_width), p_value(e.p), p_value(e.p_holm)) for e in played.duels
    ]
    return Table(
        ("advantage of", "over", "mean", "p", "p, all pairs"),
        rows,
        "Half of what the first's hiders get against the second's seekers less what the second's hiders get against "
        "the first's seekers: by how much the first plays either side better. Intervals over runs of both; p values "
        "for all pairs are Holm's. Bold: certain at 5 %.",
        num_words=2,
        strong=[number for number, each in enumerate(played.duels) if each.is_certain],
    )


def _onset_table(found: Comparison, emergence: Emergence) -> Table:
    published = PUBLISHED[emergence.scenario]
    rows = []
    for stage in emergence.stages:
        cells = [each_onset(emergence.onsets(stage, condition.name)) for condition in found.conditions]
        onset = published.million_env_steps(stage)
        paper = DASH if onset is None else million(onset * 1e6)
        rows.append((stage.replace("_", " "), DETECTORS[stage].meaning, *cells, paper))
    return Table(
        ("stage", "in short", *(condition.name for condition in found.conditions), "PPO, published"),
        rows,
        f"Env steps of training when each seed began to show a stage ({emergence.episodes} episodes of each generation "
        "that played); between generations that played nothing is known.",
        num_words=2,
        is_wide=True,
    )


def share_charts(conditions: Sequence[Condition], shares: Mapping[str, Mapping[str, Sequence[Track]]]) -> list[Figure]:
    """Shares of episodes over env steps, a drawing for each stage that anybody shows.

    Args:
        conditions: all of them.
        shares: by stage and condition, of its runs.
    """
    figures = []
    for stage, of_conditions in shares.items():
        series = []
        for condition in conditions:
            curve = condition_curve(of_conditions.get(condition.name, ()), "env_steps")
            if curve is not None and np.isfinite(curve.mean).any():
                half = np.where(np.isfinite(curve.half_widths), curve.half_widths, 0.0)
                low, high = np.clip(curve.mean - half, 0, 1), np.clip(curve.mean + half, 0, 1)
                middle = (low + high) / 2
                series.append(
                    Series(condition.name, condition.colour, curve.x / 1e6, curve.mean, (high - low) / 2, middle)
                )
        if any(np.nanmax(each.y) > 0 for each in series):
            title = f"{stage.replace('_', ' ').capitalize()}: {DETECTORS[stage].meaning}"
            figures.append(Figure(title, line_chart(series, "million env steps", (0.0, 1.0))))
    return figures


def _expense_row(each: Expense) -> tuple[str, ...]:
    hours, speed = each.core_hours, each.env_steps_per_core_second
    known = [hour for hour in hours if hour is not None]
    return (
        each.condition,
        _both([f"{each.parameters[side]:,}" for side in Side]),
        _both([_bytes(each.genome_bytes[side]) for side in Side]),
        _both([f"{value:.3g}" for value in each.microseconds.values()]) or DASH,
        short(float(np.mean(each.env_steps))),
        short(float(np.mean(each.episodes))),
        f"{np.mean(known):.3g}" if len(known) == len(hours) else "not recorded",
        duration(3600 * float(np.mean(each.wall_hours))),
        DASH if speed is None else f"{speed:,.0f}",
        f"{each.discards_per_million:.2g}",
    )


def _extra_row(each: Extra) -> tuple[str, ...]:
    sizes = _both([f"{count:,}" for count in each.parameters.values()])
    genome = _both([_bytes(BYTES * count) for count in each.parameters.values()])
    speed = _both([f"{value:.3g}" for value in each.microseconds.values()])
    return (each.name, sizes, genome, speed, *[DASH] * 6)


def _both(texts: Sequence[str]) -> str:
    return " / ".join(dict.fromkeys(texts))


def _bytes(count: int) -> str:
    return f"{count / 1000:.3g} kB" if count < 1e6 else f"{count / 1e6:.3g} MB"


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."
