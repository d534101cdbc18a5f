"""Stages of emergence as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_hns.cli.text.tables import table

if TYPE_CHECKING:
    from evo_hns.behaviour.stages.timeline import Measurement, Timeline


def measurement_line(measurement: Measurement) -> str:
    """One line for each generation that has played."""
    return f"generation {measurement.generation}: {measurement.episodes} episodes, {measurement.failed} discarded"


def timeline_text(timeline: Timeline) -> str:
    """A row for each stage, and what the columns mean."""
    from evo_hns.behaviour.stages.detectors import DETECTORS
    from evo_hns.behaviour.stages.paper import PUBLISHED
    from evo_hns.behaviour.stages.timeline import FLOOR

    first, last = timeline.measurements[0], timeline.measurements[-1]
    ends = (f"generation {first.generation}", f"generation {last.generation}")
    header = ("stage", "onset", "env steps", "share then", "random", *ends, "most")
    rows = [_row(timeline, name) for name in DETECTORS]
    failed = sum(each.failed for each in timeline.measurements)
    episodes = sum(each.episodes for each in timeline.measurements)
    whom = "each other" if timeline.against == "self" else "held-out players"
    return "\n".join(
        [
            f"{len(timeline.measurements)} generations against {whom}, {episodes} episodes, {failed} discarded",
            table(header, rows),
            "share of the episodes that could show it, with its 95 % interval",
            f"onset: the generation whose interval is above those of generation {first.generation}, of random players, "
            f"and {FLOOR:.0%}, and that of the next one played, too",
            f"start: generation {first.generation} shows it in more than {FLOOR:.0%} already; "
            "last?: the last one alone is clear",
            str(PUBLISHED[timeline.scenario]),
            _verdict(timeline),
        ]
    )


def _verdict(timeline: Timeline) -> str:
    """Which stages were reached, in the order of the paper, and which exploits were found."""
    from evo_hns.behaviour.stages.detectors import DETECTORS

    found = {name: there.generation for name in DETECTORS if (there := timeline.onset(name)) is not None}
    kinds = {kind: [name for name in found if (DETECTORS[name].side is None) == kind] for kind in (False, True)}
    reached, exploits = (", ".join(f"{name} in generation {found[name]}" for name in names) for names in kinds.values())
    return f"reached: {reached or 'no stage'}" + (f"; exploits: {exploits}" if exploits else "")


def _row(timeline: Timeline, name: str) -> tuple[str, ...]:
    from evo_hns.behaviour.stages.timeline import is_there_from_the_start, is_unconfirmed

    shares, onset, chance_level = timeline.shares(name), timeline.onset(name), timeline.chance_level[name]
    most = max(shares, key=lambda share: (share.counted > 0, share.value))
    remark = "last?" if is_unconfirmed(shares, chance_level) else "-"
    if onset is not None:
        remark = str(onset.generation)
    elif is_there_from_the_start(shares):
        remark = "start"
    steps = "" if onset is None else f"{onset.env_steps:,}"
    then = "" if onset is None else str(onset.shares[name])
    return name, remark, steps, then, str(chance_level), str(shares[0]), str(shares[-1]), str(most)
