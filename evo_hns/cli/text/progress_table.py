"""Three kinds of progress as text."""

from __future__ import annotations

from evo_hns.archive.records import RunFacts
from evo_hns.cli.text.tables import columns
from evo_hns.reports.progress import progress


def progress_table(run: RunFacts) -> str:
    """The first and the last measurement of each kind on each side, with its generation; empty if there is none."""
    rows = [
        (
            f"{each.side.label}: {each.kind}, against {each.opponents}",
            *(f"{each.means[k]:+.1f} ± {each.half_widths[k]:.1f} in {each.generations[k]}" for k in (0, -1)),
        )
        for each in progress(run)
        if len(each)
    ]
    return columns([("mean return", "first", "last"), *rows]) if rows else ""
