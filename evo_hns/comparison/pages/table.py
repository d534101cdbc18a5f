"""The table for a paper: a row for each condition, as Markdown, LaTeX (booktabs) or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evo_hns.comparison.compare import Comparison
from evo_hns.comparison.pages.prose import DASH, median
from evo_hns.config import ConfigError
from evo_hns.reports.kit.charts import short
from evo_hns.system.output_file import check_output, output_file

SUFFIXES = (".md", ".tex", ".csv")


@dataclass(frozen=True)
class Figure:
    """A number with its interval, if it has one."""

    value: float
    half_width: float = float("nan")


@dataclass(frozen=True)
class Column:
    """A column of the table: a cell for each condition."""

    name: str
    cells: Sequence[str | Figure]  #: one for each condition


@dataclass(frozen=True)
class PaperTable:
    """Columns beside each other, and what one has to know to read them."""

    columns: Sequence[Column]
    caption: str

    def text(self, suffix: str) -> str:
        """In the form that a file with this ending has."""
        return {".md": self.markdown, ".tex": self.latex, ".csv": self.csv}[suffix]()

    def markdown(self) -> str:
        """With pipes."""
        head = [column.name for column in self.columns]
        rows = [head, ["---", *["---:"] * (len(head) - 1)], *self._rows(_plain)]
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
        return "\n".join([*lines, "", self.caption, ""])

    def latex(self) -> str:
        """With booktabs."""
        head = [_escape(column.name) for column in self.columns]
        body = [" & ".join(row) + r" \\" for row in self._rows(_latex)]
        lines = [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_escape(self.caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\toprule",
            " & ".join(head) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
        return "\n".join(lines)

    def csv(self) -> str:
        """All digits; an interval is a column of its own."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        wide = [any(isinstance(c, Figure) and not np.isnan(c.half_width) for c in col.cells) for col in self.columns]
        names = [
            [col.name, f"{col.name} ci95"] if two else [col.name] for col, two in zip(self.columns, wide, strict=True)
        ]
        writer.writerow([name for each in names for name in each])
        for cells in zip(*(column.cells for column in self.columns), strict=True):
            row: list[str] = []
            for cell, two in zip(cells, wide, strict=True):
                values = (cell.value, cell.half_width) if isinstance(cell, Figure) else (cell, float("nan"))
                row += [_bare(value) for value in values[: 1 + two]]
            writer.writerow(row)
        return file.getvalue()

    def _rows(self, render: Callable[[str | Figure], str]) -> list[list[str]]:
        return [
            [render(cell) for cell in cells] for cells in zip(*(column.cells for column in self.columns), strict=True)
        ]


def check_table(path: Path) -> None:
    """Refuse a table that could not be written, before anything is played.

    Raises:
        ConfigError: an ending that is none of `SUFFIXES`, or it cannot be written there.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"--table: got {path}, expected a name that ends with {', '.join(SUFFIXES)}")
    check_output(path)


def write_table(found: Comparison, path: Path) -> None:
    """Write the table; the ending decides the form.

    Raises:
        ConfigError: it cannot be written.
    """
    check_table(path)
    with output_file(path) as partial:
        partial.write_text(paper_table(found).text(path.suffix.lower()), encoding="utf-8")


def paper_table(found: Comparison) -> PaperTable:
    """A row for each condition."""
    expenses = found.expenses
    columns = [
        Column("condition", [each.condition for each in expenses]),
        Column("seeds", [Figure(len(each.seeds)) for each in expenses]),
        Column("parameters", [" / ".join(dict.fromkeys(str(n) for n in e.parameters.values())) for e in expenses]),
        Column("genome, bytes", [" / ".join(dict.fromkeys(map(str, e.genome_bytes.values()))) for e in expenses]),
    ]
    if any(each.microseconds for each in expenses):
        means = [float(np.mean(list(each.microseconds.values()) or [np.nan])) for each in expenses]
        columns.append(Column("µs / decision", [Figure(value) for value in means]))
    columns += [
        Column("env steps", [Figure(float(np.mean(each.env_steps))) for each in expenses]),
        Column("core-hours", [_hours(each.core_hours) for each in expenses]),
        Column("wall h", [Figure(float(np.mean(each.wall_hours))) for each in expenses]),
        Column("discards / M env steps", [Figure(each.discards_per_million) for each in expenses]),
    ]
    return PaperTable([*columns, *_scores(found), *_halfway(found), *_stages(found)], _caption(found))


def _scores(found: Comparison) -> list[Column]:
    columns = []
    for outcome in found.means:
        standing = found.standing(outcome.name)
        if standing is not None:
            cells = [Figure(each.estimate.mean, each.estimate.half_width) for each in standing.standings]
            columns.append(Column(f"score, {outcome.name}", cells))
    return columns


def _halfway(found: Comparison) -> list[Column]:
    threshold = found.threshold(found.means[-1].name)
    if threshold is None:
        return []
    medians = [median(times) for times in threshold.times["env_steps"].values()]
    return [Column("env steps to half-way", [Figure(each) if np.isfinite(each) else "not reached" for each in medians])]


def _stages(found: Comparison) -> list[Column]:
    if found.emergence is None:
        return []
    return [
        Column("stages", [Figure(float(np.mean(found.emergence.reached(each.condition)))) for each in found.expenses]),
    ]


def _caption(found: Comparison) -> str:
    standing = found.standing(found.means[0].name)
    at = "the end of the common budget" if standing is None else f"{short(standing.at)} env steps"
    caption = (
        f"Scores: mean return against held-out players when every condition had had {at}, with 95 % intervals over "
        "seeds (Student's t; of one seed over worlds). Env steps, core-hours and wall time: means over seeds. "
        "Half-way: from untrained to the best mean of any condition, median over seeds."
    )
    return caption if found.emergence is None else f"{caption} Stages: that came during training, mean over seeds."


def _hours(hours: Sequence[float | None]) -> str | Figure:
    known = [each for each in hours if each is not None]
    return Figure(float(np.mean(known))) if len(known) == len(hours) else DASH


def _plain(cell: str | Figure) -> str:
    if isinstance(cell, str):
        return cell
    if np.isnan(cell.half_width):
        return short(cell.value) if cell.value >= 10_000 else f"{cell.value:.3g}"
    half = f" ± {cell.half_width:.1f}" if np.isfinite(cell.half_width) else ""
    return f"{cell.value:+.1f}{half}".replace("-", "\N{MINUS SIGN}")


def _latex(cell: str | Figure) -> str:
    if isinstance(cell, str):
        return _escape(cell)
    text = _plain(cell).replace("\N{MINUS SIGN}", "-").replace("±", r"\pm")
    return f"${text}$" if np.isfinite(cell.value) else "--"


def _escape(text: str) -> str:
    for letter, replacement in _LATEX.items():
        text = text.replace(letter, replacement)
    return text


_LATEX = {
    "\\": r"\textbackslash ",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "µ": r"$\mu$",
    "–": "--",
    "±": r"$\pm$",
    "~": r"\textasciitilde ",
    "^": r"\textasciicircum ",
}


def _bare(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if np.isfinite(value) else ""
