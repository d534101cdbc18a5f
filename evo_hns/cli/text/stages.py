"""Stages of emergence as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_hns.cli.text.tables import table, wrapped

if TYPE_CHECKING:
    from evo_hns.behaviour.stages.shares import Share
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
    header = ("stage", "onset", "random", f"at {first.generation}", f"at {last.generation}", "most")
    rows = [_row(timeline, name) for name in DETECTORS]
    failed = sum(each.failed for each in timeline.measurements)
    episodes = sum(each.episodes for each in timeline.measurements)
    whom = "each other" if timeline.against == "self" else "held-out players"
    notes = [
        "% of the episodes that could show it, with its 95 % interval: of random players, of the champions of "
        f"generations {first.generation} and {last.generation}, and of those that show it most",
        f"onset: the generation whose interval is above those of generation {first.generation}, of random players, "
        f"and {FLOOR:.0%}, and that of the next one played, too; start: generation {first.generation} shows it in more "
        f"than {FLOOR:.0%} already; last?: the last one alone is clear",
        str(PUBLISHED[timeline.scenario]),
        _verdict(timeline),
    ]
    played = f"{len(timeline.measurements)} generations against {whom}, {episodes} episodes, {failed} discarded"
    return "\n".join([played, table(header, rows), *map(wrapped, notes)])


def _verdict(timeline: Timeline) -> str:
    """Which stages were reached, in the order of the paper, and which exploits were found."""
    from evo_hns.behaviour.stages.detectors import DETECTORS

    found = {name: there for name in DETECTORS if (there := timeline.onset(name)) is not None}
    kinds = {kind: [name for name in found if (DETECTORS[name].side is None) == kind] for kind in (False, True)}
    reached, exploits = (
        ", ".join(
            f"{name} in generation {found[name].generation} ({found[name].env_steps:,} env steps, "
            f"{found[name].shares[name]})"
            for name in names
        )
        for names in kinds.values()
    )
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
    return name, remark, *(_percent(share) for share in (chance_level, shares[0], shares[-1], most))


def _percent(share: Share) -> str:
    """`12 (7-19)`."""
    return str(share).replace("%", "")
