"""Three kinds of progress as text."""

from __future__ import annotations

import numpy as np

from evo_hns.archive.records import Run
from evo_hns.cli.tables import columns
from evo_hns.measurement import KINDS
from evo_hns.spec import Side

AGAINST = {
    "local": "the other side's champion of that time",
    "historical": "its earlier champions",
    "global": "held-out players",
}
"""Whom a champion meets in each kind of measurement."""


def progress_table(run: Run) -> str:
    """The first and the last measurement of each kind on each side, with its generation; empty if there is none."""
    rows = []
    for side in Side:
        for kind in KINDS:
            means = run.metrics.get(f"{side.label}.{kind}", np.empty(0))
            measured = np.flatnonzero(~np.isnan(means))
            if len(measured):
                half = run.metrics[f"{side.label}.{kind}_ci95"]
                ends = [f"{means[g]:+.1f} ± {half[g]:.1f} in {g}" for g in (measured[0], measured[-1])]
                rows.append((f"{side.label} {kind}", AGAINST[kind], *ends))
    if not rows:
        return ""
    return columns([("mean return", "against", "first", "last"), *rows])
