"""What was learnt: champions against held-out players, what they do with boxes and ramps, and kinds of progress."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evo_hns.archive.records import HeldOutRow
from evo_hns.evaluation.intervals import Estimate
from evo_hns.reports.curves import STATISTICS
from evo_hns.reports.info import Gain, gains
from evo_hns.reports.kit.blocks import Block, Figure, Figures, Fold, Missing, Prose, Section, Table
from evo_hns.reports.kit.charts import Limits, Series, line_chart
from evo_hns.reports.kit.formatting import OPPONENTS, describe_opponent, signed
from evo_hns.reports.kit.svg import NUM_COLOURS
from evo_hns.reports.subject import Subject, kinds_of, unit_of_steps
from evo_hns.spec import Side
from evo_hns.system.shell import shell_command

STATISTIC_TITLES = {
    "hiders_in_room_prep": "Share of hiders in the room when seekers are let loose",
    "box_at_door_prep": "A box stands in a door by then (share of episodes)",
    "max_box_move_prep": "Farthest a box was moved by then, metres",
    "num_box_lock_prep": "Boxes locked by then",
    "max_ramp_move_prep": "Farthest a ramp was moved by then, metres",
    "hider_seen_share": "Share of the main phase in which a hider is seen",
}

PROGRESS = ("local", "historical", "global")
PROGRESS_TITLES = {
    "local": "Local: against the other side's current champion",
    "historical": "Historical: against its earlier champions",
    "global": "Global: against players that never take part",
}


def results_section(subjects: Sequence[Subject]) -> Section:
    """Held-out results, first beside last."""
    title = "What the champions gained"
    gains_of = {subject.name: gains(subject.run) for subject in subjects}
    missing = [
        Missing(
            f"a second measurement of {subject.name} against held-out players, to compare with the first",
            _more_measurements(subject),
        )
        for subject in subjects
        if not gains_of[subject.name]
    ]
    if not any(gains_of.values()):
        return Section("results", title, missing=missing)
    if len(subjects) == 1:
        blocks: list[Block] = [_gains_table(gains_of[subjects[0].name]), Prose(_verdict(gains_of[subjects[0].name]))]
    else:
        tables = [Fold(f"{name}: first beside last", [_gains_table(each)]) for name, each in gains_of.items() if each]
        blocks = [_last_results(subjects), *tables]
    return Section("results", title, blocks, missing)


def curves_section(subjects: Sequence[Subject]) -> Section:
    """Returns against each held-out player, and the game's statistics, over env steps."""
    title = "When it was learnt"
    panels = _panels(subjects)
    if not any(len(measured_generations(subject)) > 1 for subject in subjects):
        needs = Missing("curves, which need two measurements or more", _more_measurements(subjects[0]))
        return Section("curves", title, missing=[needs] if panels else [])
    returns = [_panel(subjects, side, opponent) for side, opponent in panels]
    blocks: list[Block] = [
        Figures(
            returns,
            "Mean return of the champion's team against each held-out player; bands are 95 % intervals of one "
            "measurement. Hiders are measured on how they hide, seekers on how they seek: up is better in every panel.",
            legend_of(subjects),
        )
    ]
    statistics = _statistics(subjects)
    if statistics:
        blocks.append(
            Figures(
                statistics,
                "What the hiders' champions do against the held-out seeker with the best plan: means over the "
                "held-out worlds.",
                legend_of(subjects),
            )
        )
    return Section("curves", title, blocks, _few_points(subjects))


def progress_section(subjects: Sequence[Subject]) -> Section:
    """Three kinds of progress, if the runs measured them."""
    title = "Three kinds of progress"
    names = [f"{side.label}.{kind}" for side in Side for kind in PROGRESS[:2]]
    if all(subject.is_solo for subject in subjects):
        return Section("progress", title)
    if not any(subject.has_metric(name) for subject in subjects for name in names):
        needs = Missing(
            "progress against the other side's current and earlier champions: these runs did not measure it",
            "evo-hns train EXPERIMENT --run NEW.h5",
        )
        return Section("progress", title, missing=[needs])
    figures = [
        Figure(f"{side.label.capitalize()}: {PROGRESS_TITLES[kind].lower()}", drawing)
        for side in Side
        for kind in PROGRESS
        if (drawing := metric_chart(subjects, f"{side.label}.{kind}", side))
    ]
    caption = (
        "Mean returns of each generation's champions, in worlds that nothing was chosen by. Both sides move, so that "
        "local progress may stand still while both improve; where historical progress falls, something may have been "
        "forgotten; only global progress shows what is new."
    )
    return Section("progress", title, [Figures(figures, caption, legend_of(subjects))])


def metric_chart(subjects: Sequence[Subject], name: str, side: Side, limits: Limits | None = None) -> str:
    """A metric of every generation over env steps, with its interval; empty if no run has it.

    Args:
        subjects: the runs.
        name: of the metric.
        side: whose it is.
        limits: of the axis; by default the least and the most that an episode pays.
    """
    unit, label = unit_of_steps(subjects)
    series = []
    for number, subject in enumerate(subjects):
        if subject.has_metric(name):
            metrics, colour = subject.run.metrics, colour_of(subjects, number, side)
            half = metrics.get(f"{name}_ci95")
            series.append(Series(subject.name, colour, subject.steps() / unit, metrics[name], half))
    return line_chart(series, label, limits or _limits(subjects)) if series else ""


def measured_generations(subject: Subject) -> list[int]:
    """Generations whose champions met the held-out players."""
    return sorted({row.generation for row in subject.run.held_out})


def colour_of(subjects: Sequence[Subject], number: int, side: Side) -> str:
    """A colour class: of the side where there is one run, else of the run, or of its kind where runs repeat others."""
    if len(subjects) == 1:
        return side.label
    return f"run{_groups(subjects)[1][number] % NUM_COLOURS}"


def legend_of(subjects: Sequence[Subject]) -> list[tuple[str, str]]:
    """Which run, or kind of run, has which colour; nothing to say of one run."""
    if len(subjects) == 1:
        return []
    names, groups = _groups(subjects)
    counts = [groups.count(group) for group in range(len(names))]
    return [
        (f"run{group % NUM_COLOURS}", f"{name} ({count} runs)" if count > 1 else name)
        for group, (name, count) in enumerate(zip(names, counts, strict=True))
    ]


def _groups(subjects: Sequence[Subject]) -> tuple[list[str], list[int]]:
    """Names of groups of runs, and the group of each run: kinds of run if some differ and some repeat, else runs."""
    kinds = kinds_of(subjects)
    names = list(dict.fromkeys(kinds))
    if not 1 < len(names) < len(kinds):
        return [subject.name for subject in subjects], list(range(len(subjects)))
    return names, [names.index(kind) for kind in kinds]


def with_interval(estimate: Estimate) -> str:
    """`+35.9 ± 15.0`."""
    return str(estimate).replace("-", "\N{MINUS SIGN}").replace("inf", "\N{INFINITY}")


def _gains_table(rows: Sequence[Gain]) -> Table:
    first, last = rows[0].first_generation, rows[0].last_generation
    return Table(
        ("champion", "against", f"generation {first}", f"generation {last}", "gain"),
        [
            (
                gain.side.label,
                describe_opponent(gain.opponent),
                with_interval(gain.first),
                with_interval(gain.last),
                with_interval(gain.gain),
            )
            for gain in rows
        ],
        "Mean returns with 95 % intervals. The gain compares both champions world by world; bold: its interval "
        "excludes 0.",
        num_words=2,
        strong=[number for number, gain in enumerate(rows) if gain.is_certain],
    )


def _verdict(rows: Sequence[Gain]) -> str:
    """One sentence on how many gains are certain, losses included."""
    up = sum(gain.gain.low > 0 for gain in rows)
    down = sum(gain.gain.high < 0 for gain in rows)
    if len(rows) == 1:
        verdict = "a certain gain" if up else "a certain loss" if down else "within what chance explains"
        return f"The only comparison is {verdict}."
    if up == len(rows):
        return f"All {up} comparisons are certain gains."
    losses = f", {down} certain losses" if down else ""
    others = "; the others are within what chance explains" if up + down < len(rows) else ""
    return f"Of {len(rows)} comparisons {up} are certain gains{losses}{others}."


def _last_results(subjects: Sequence[Subject]) -> Table:
    panels = _panels(subjects)
    rows = []
    for subject in subjects:
        measured = [_rows(subject, side, opponent) for side, opponent in panels]
        cells = [f"{signed(row[-1].mean)} ± {row[-1].ci_half_width:.1f}" if row else "–" for row in measured]
        rows.append((subject.name, *cells))
    clauses = [f"{opponent} {OPPONENTS[opponent]}" for _, opponent in panels if opponent in OPPONENTS]
    return Table(
        ("run", *(f"{side.label}, {opponent}" for side, opponent in panels)),
        rows,
        "Mean returns of each run's last measured champions against each held-out player, with 95 % intervals over "
        f"worlds: {'; '.join(dict.fromkeys(clauses))}. Whether two kinds of search differ is a question of several "
        "seeds each, not of these intervals.",
    )


def _panels(subjects: Sequence[Subject]) -> list[tuple[Side, str]]:
    """Which side met whom in any of the runs: hiders first, opponents in the order of their first measurement."""
    met = dict.fromkeys((row.side, row.opponent) for subject in subjects for row in subject.run.held_out)
    return sorted(met, key=lambda panel: panel[0])


def _panel(subjects: Sequence[Subject], side: Side, opponent: str) -> Figure:
    unit, label = unit_of_steps(subjects)
    series = []
    for number, subject in enumerate(subjects):
        if rows := _rows(subject, side, opponent):
            x = subject.steps()[[row.generation for row in rows]] / unit
            means, half = np.array([row.mean for row in rows]), np.array([row.ci_half_width for row in rows])
            series.append(Series(subject.name, colour_of(subjects, number, side), x, means, half))
    return Figure(f"{side.label.capitalize()} against {opponent}", line_chart(series, label, _limits(subjects)))


def _statistics(subjects: Sequence[Subject]) -> list[Figure]:
    unit, label = unit_of_steps(subjects)
    figures = []
    for name in STATISTICS:
        series = []
        for number, subject in enumerate(subjects):
            planner = [row.opponent for row in subject.run.held_out if row.side is Side.HIDERS][-1:]
            rows = _rows(subject, Side.HIDERS, planner[0]) if planner else []
            values = np.array([row.statistics.get(name, np.nan) for row in rows])
            if np.isfinite(values).any():
                x = subject.steps()[[row.generation for row in rows]] / unit
                series.append(Series(subject.name, colour_of(subjects, number, Side.HIDERS), x, values))
        if series:
            figures.append(Figure(STATISTIC_TITLES.get(name, name), line_chart(series, label, (0.0, None))))
    return figures


def _limits(subjects: Sequence[Subject]) -> Limits:
    """The least and the most that hiding and seeking pay, the same in all panels; other tasks: as drawn."""
    rules = [subject.config.rules for subject in subjects]
    most = max(rule.most_return for rule in rules)
    return (-most, most) if most and all(rule.task == "hide-and-seek" for rule in rules) else (None, None)


def _few_points(subjects: Sequence[Subject]) -> list[Missing]:
    """Curves of two points are hardly curves."""
    few = [s for s in subjects if len(measured_generations(s)) < min(4, max(2, s.run.num_generations))]
    if not few:
        return []
    return [
        Missing(
            "more points on the curves: champions were measured in a few generations only",
            _more_measurements(few[0]),
        )
    ]


def _more_measurements(subject: Subject) -> str:
    """What measures more champions, once there are some."""
    count = subject.run.num_generations
    return (
        shell_command("measure", subject.path, "--every", count // 10 or 1)
        if count > 1
        else shell_command("resume", subject.path)
    )


def _rows(subject: Subject, side: Side, opponent: str) -> list[HeldOutRow]:
    return [row for row in subject.run.held_out if row.side is side and row.opponent == opponent]
