"""The verb that runs a study of learning."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from tyro.conf import Positional

from evo_hns.cli.console import as_typed_again, hinting, show
from evo_hns.cli.options import Count, File, Folder, Json
from evo_hns.cli.text.tables import duration, table, wrapped
from evo_hns.cli.verbs.diagnostics import check_positive
from evo_hns.spec import Side
from evo_hns.system.machine import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable

    from evo_hns.study.findings import Findings
    from evo_hns.study.job import Progress

_EVERY = 60.0  # seconds between lines that tell how far a run is


@dataclass(frozen=True)
class Learning:
    """Train the arms of a study over seeds, and measure them against players that no fitness ever used.

    What is there already is left as it is: the same call goes on where the last one was stopped.
    """

    study: Annotated[Positional[str], tyro.conf.arg(metavar="STUDY")]
    """A TOML file, or the name of one that is shipped or in a folder experiments/studies here."""
    folder: Folder = None
    """Of its run files and of what was measured; by default runs/STUDY."""
    cores: Count = None
    """Runs at a time, each on one core; by default as many as there are cores."""
    output: File = None
    """The page, by default STUDY.html in that folder."""
    as_json: Json = False
    """Print JSON, with every figure."""

    def __call__(self) -> None:
        """Run what is missing, and print a table."""
        check_positive(**({} if self.cores is None else {"cores": self.cores}))
        from evo_hns.archive.storage import make_folder
        from evo_hns.reports.kit.sheet import check_target
        from evo_hns.study.findings import find
        from evo_hns.study.page import write_page
        from evo_hns.study.plan import read_study
        from evo_hns.study.run import run_study

        study = read_study(self.study)
        folder = self.folder or Path("runs") / study.name
        page = self.output or folder / f"{study.name}.html"
        make_folder(folder / study.name)
        check_target(page)
        with hinting(f"to go on, type the same again: {as_typed_again()}"), telling() as tell:
            measured = run_study(study, folder, self.cores or usable_cores(), tell)
        findings = find(study, folder, measured)
        write_page(findings, page)
        if self.as_json:
            show({"page": page, **findings.as_dict()})
            return
        show(learning_text(findings))
        show(f"\nThe page is {page}.")


def learning_text(found: Findings) -> str:
    """Returns of both sides, then stages, in 80 columns."""
    arms = [condition.name for condition in found.conditions]
    parts = [f"{found.study.name}: {found.study.env_steps:,} env steps, seeds {', '.join(map(str, found.study.seeds))}"]
    for side in Side:
        outcomes = [outcome for outcome in found.returns if outcome.side is side]
        if outcomes:
            panel = ", ".join(found.panel[side]) or "nobody"
            alone = found.study.is_solo
            whom = "" if alone else f"; the panel: {panel}"
            parts.append(wrapped(f"mean return of the {side.label}{whom}"))
            rows: list[list[object]] = [["arm", "against", "start", "end", "on the way", f"end less {arms[0]}"]]
            for outcome in outcomes:
                starts, ends, areas = found.starts(outcome), found.ends(outcome), found.areas(outcome)
                less = {each.arm: each.end for each in found.differences(outcome) if each.other == arms[0]}
                against = outcome.opponent or ("nobody" if alone else "the panel")
                for arm, end in ends.items():
                    met = f"{against} *" if found.trained_against(arm, outcome) else against
                    rows.append([arm, met, f"{starts[arm].mean:+.1f}", end, areas[arm], less.get(arm, "")])
            parts.append(table(rows[0], rows[1:]))
            parts.append(_stages_text(found, side))
    parts.append(
        wrapped(
            "Means over seeds, ± 95 % t-intervals; differences are of the same seeds; * the arm was trained so. "
            "Stages: share of the last champions' episodes against the panel, if any arm shows one in 1 %."
        )
    )
    return "\n\n".join(filter(None, [*parts, "\n".join(map(wrapped, found.notes)), _costs_text(found)]))


def _stages_text(found: Findings, side: Side) -> str:
    shown = {
        stage: {arm: sum(track.values[-1] for track in of) / len(of) for arm, of in tracks.items()}
        for (owner, stage), tracks in found.stages.items()
        if owner is side
    }
    rows = [
        [stage, *(f"{share:.0%}" for share in of.values())] for stage, of in shown.items() if max(of.values()) >= 0.01
    ]
    return table([f"{side.label}, stages", *next(iter(shown.values()))], rows) if rows else ""


def _costs_text(found: Findings) -> str:
    rows: list[list[object]] = [["arm", "env steps", "wall time", "candidates", "champions", "env steps/s"]]
    for condition in found.conditions:
        parts, steps = found.wall_seconds(condition), found.comparison.expenses[condition.number].env_steps
        whole, mean = sum(parts.values()), sum(steps) / len(steps)
        shares = [f"{parts.get(name, 0.0) / whole:.0%}" for name in ("time_evaluation", "time_champions")]
        rows.append([condition.name, f"{mean:,.0f}", duration(whole), *shares, f"{mean / whole:,.0f}"])
    return table(rows[0], rows[1:])


@contextmanager
def telling() -> Iterator[Callable[[Progress], None]]:
    """A line on the standard error for each run, now and then, and when something of it is done."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    last: dict[tuple[str, str], float] = {}

    def tell(progress: Progress) -> None:
        key, now = (progress.run, progress.what), time.monotonic()
        if progress.done >= progress.total or now - last.setdefault(key, now) >= _EVERY:
            last[key] = now
            unit = "env steps" if progress.what == "trained" else "pairs"
            console.print(f"{progress.run}: {progress.what} {progress.done:,} of {progress.total:,} {unit}")

    yield tell
