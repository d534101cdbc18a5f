"""Which of the paper's stages the champions of a run show, and from when on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evo_hns.behaviour.stages.detectors import DETECTORS
from evo_hns.behaviour.stages.timeline import Timeline, is_there_from_the_start, is_unconfirmed, measure_timeline
from evo_hns.reports.kit.blocks import Figure, Figures, Missing, Section, Table
from evo_hns.reports.kit.charts import Series, line_chart
from evo_hns.reports.subject import Subject, unit_of_steps
from evo_hns.spec import Side
from evo_hns.system.shell import shell_command

NUM_GENERATIONS = 6  #: whose champions play
NO_SIDE = "run7"  #: colour of what anybody may do


def stages_section(subjects: Sequence[Subject], episodes: int, command: str) -> Section:
    """Stages of one run over env steps.

    Args:
        subjects: the runs of the page; of several nothing is played.
        episodes: of each of a few generations; 0: none are played.
        command: makes the page with some.
    """
    title = "Stages of emergence"
    if len(subjects) > 1 or subjects[0].is_solo or subjects[0].config.rules.task != "hide-and-seek":
        return Section("stages", title)
    if episodes == 0 or len(subjects[0].spread(2)) < 2:
        return Section("stages", title, missing=[Missing("which of the paper's stages champions show", command)])
    timeline = measure_timeline(subjects[0].path, champions=NUM_GENERATIONS, episodes=episodes)
    caption = (
        "Share of episodes in which the champions of a generation, playing against each other, show a stage that Baker "
        "et al. (2020) describe (grey: an exploit of the physics), with 95 % intervals; stages that nobody shows are "
        "left out. A stage is said to begin where it is clearly more frequent than among random players and in "
        "generation 0, twice in a row."
    )
    missing = [
        Missing("stages in more generations and episodes", shell_command("diagnose", "stages", subjects[0].path)),
    ]
    drawings = _drawings(timeline, subjects)
    blocks = [Figures(drawings, caption)] if drawings else []
    return Section("stages", title, [*blocks, _table(timeline, episodes)], missing)


def onset_of(timeline: Timeline, name: str) -> str:
    """When a stage begins, in words."""
    onset, shares = timeline.onset(name), timeline.shares(name)
    if onset is not None:
        return f"generation {onset.generation}"
    if is_unconfirmed(shares, timeline.chance_level[name]):
        return f"perhaps {timeline.measurements[-1].generation}"
    return "there from the start" if is_there_from_the_start(shares) else "not seen"


def _table(timeline: Timeline, episodes: int) -> Table:
    rows = [
        (
            name.replace("_", " "),
            detector.meaning,
            str(timeline.chance_level[name]),
            str(timeline.shares(name)[0]),
            str(timeline.shares(name)[-1]),
            onset_of(timeline, name),
        )
        for name, detector in DETECTORS.items()
        if timeline.shares(name)[0].counted
    ]
    first, last = timeline.measurements[0].generation, timeline.measurements[-1].generation
    return Table(
        ("stage", "in short", "random", f"generation {first}", f"generation {last}", "begins"),
        rows,
        f"Shares of {episodes} episodes of each generation, with Wilson's 95 % intervals.",
        num_words=2,
        strong=[number for number, (name, *_) in enumerate(rows) if timeline.onset(name.replace(" ", "_"))],
    )


def _drawings(timeline: Timeline, subjects: Sequence[Subject]) -> list[Figure]:
    unit, label = unit_of_steps(subjects)
    steps = np.array([each.env_steps for each in timeline.measurements]) / unit
    figures = []
    for name, detector in DETECTORS.items():
        shares = timeline.shares(name)
        if any(share.shown for share in shares):
            colour = NO_SIDE if detector.side is None else Side(detector.side).label
            values = np.array([share.value for share in shares])
            half = np.array([(share.high - share.low) / 2 for share in shares])
            middle = np.array([(share.high + share.low) / 2 for share in shares])
            series = Series(name, colour, steps, values, half, middle)
            title = f"{name.replace('_', ' ').capitalize()}: {detector.meaning}"
            figures.append(Figure(title, line_chart([series], label, (0.0, 1.0))))
    return figures
