"""The verb that plays games in which circles are known to be."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from evo_hns.cli.console import show
from evo_hns.cli.options import Json
from evo_hns.cli.text.tables import table
from evo_hns.config import ConfigError
from evo_hns.figure import check_picture

if TYPE_CHECKING:
    from evo_hns.diagnostics.ground_truth.experiment import Comparison
    from evo_hns.evaluation.intervals import Estimate

Game = Literal["disc", "tilted-disc", "numbers"]
Algorithm = Literal["sep-cmaes", "cmaes", "snes", "pgpe", "openai-es", "ga"]


@dataclass(frozen=True)
class GroundTruth:
    """Play games in which cycling is known through the real loop, with and without halls of fame."""

    games: tuple[Game, ...] = ("disc", "tilted-disc", "numbers")
    """Which games; the tilted disc has no cycle."""
    algorithms: tuple[Algorithm, ...] = ("cmaes", "ga")
    """The searches, each on both sides."""
    samplers: Annotated[tuple[str, ...], tyro.conf.arg(metavar="SAMPLER...")] = ("uniform",)
    """How opponents are drawn from the hall, beside latest only and the default mix."""
    seeds: int = 10
    """Runs of each kind."""
    first_seed: int = 0
    """Seed of the first run."""
    generations: int = 200
    """Generations of a run."""
    output: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Also draw a picture; its ending decides the format."""
    as_json: Json = False
    """Print JSON, with the measures of every run."""

    def __call__(self) -> None:
        """Run, and print a table: each measure with 95 % intervals over seeds, and paired differences."""
        if self.first_seed < 0:
            raise ConfigError(f"--first-seed: got {self.first_seed}, expected 0 or more")
        from evo_hns.diagnostics.ground_truth import Course, compare, list_trials, play
        from evo_hns.diagnostics.ground_truth.picture import draw

        if self.output is not None:
            check_picture(self.output)
        seeds = range(self.first_seed, self.first_seed + self.seeds)
        trials = list_trials(self.games, self.algorithms, self.samplers, seeds, self.generations)
        courses: list[Course] = []
        for course in play(trials):
            courses.append(course)
            if len(courses) % self.seeds == 0:
                done = course.trial
                print(f"{len(courses)}/{len(trials)} {done.game}, {done.algorithm}, {done.condition}", file=sys.stderr)
        comparisons = compare(courses)
        if self.output is not None:
            draw(courses, self.output)
        if self.as_json:
            runs = [{**asdict(course.trial), "measures": course.measures} for course in courses]
            show({"runs": runs, "comparisons": [asdict(each) for each in comparisons], "picture": self.output})
            return
        show(ground_truth_text(comparisons))
        if self.output is not None:
            show(f"The picture is {self.output}.")


def ground_truth_text(comparisons: Sequence[Comparison]) -> str:
    """A table for each game and search, and what its rows mean."""
    from evo_hns.diagnostics.ground_truth import MEASURES

    tables = []
    for (game, algorithm), rows in groupby(comparisons, key=lambda each: (each.game, each.algorithm)):
        members = list(rows)
        conditions, others = members[0].conditions, members[0].differences
        header = (f"{game}, {algorithm}", *conditions, *(f"{condition} - latest" for condition in others))
        cells = [
            (row.measure, *map(_cell, row.conditions.values()), *map(_gap, row.differences.values())) for row in members
        ]
        tables.append(table(header, cells))
    shown = dict.fromkeys(each.measure for each in comparisons)
    meanings = [f"{name}: {MEASURES[name]}" for name in shown]
    note = "± is a 95 % t-interval over seeds; differences are paired seed by seed, * if zero is excluded"
    return "\n\n".join([*tables, "\n".join([*meanings, note])])


def _cell(value: Estimate) -> str:
    return f"{value.mean:.3f} ± {value.half_width:.3f}"


def _gap(value: Estimate) -> str:
    certain = value.low > 0.0 or value.high < 0.0
    return f"{value.mean:+.3f} ± {value.half_width:.3f}{' *' if certain else '  '}"
