"""The verb that looks for stages of emergence."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from evo_hns.cli.console import proposed, show
from evo_hns.cli.options import File, Json, RunPath
from evo_hns.cli.text.stages import measurement_line, timeline_text
from evo_hns.cli.verbs.diagnostics import check_positive
from evo_hns.figure import check_picture

if TYPE_CHECKING:
    from evo_hns.behaviour.stages.timeline import Measurement


@dataclass(frozen=True)
class Stages:
    """Say which stages of emergence the champions of a run show, and from which generation on."""

    run: RunPath
    """The run file, which may be in training."""
    champions: int = 8
    """Generations that play, evenly spaced, the first and the last among them; the first is the reference."""
    episodes: int = 128
    """Worlds, each played once by every generation; none was seen in training."""
    against: Annotated[str, tyro.conf.arg(metavar="self|held-out")] = "self"
    """Whom champions meet: the other side's champion of their generation, or the held-out player with a plan."""
    seed: int = 0
    """Decides the worlds."""
    output: File = None
    """Also draw the shares against env steps; the file's ending decides the format."""
    as_json: Json = False
    """Print JSON, with every share of every generation."""

    def __call__(self) -> None:
        """Play, detect, and print a table."""
        check_positive(champions=self.champions, episodes=self.episodes)
        if self.output is not None:
            check_picture(self.output)
        from evo_hns.behaviour.stages.timeline import measure_timeline

        def observe(measurement: Measurement) -> None:
            print(measurement_line(measurement), file=sys.stderr, flush=True)

        timeline = measure_timeline(
            self.run,
            champions=self.champions,
            episodes=self.episodes,
            against=self.against,
            seed=self.seed,
            observe=observe,
        )
        if self.output is not None:
            from evo_hns.behaviour.stages.picture import plot_timeline

            plot_timeline(timeline, self.output)
        show(timeline.as_dict() if self.as_json else timeline_text(timeline))
        if self.output is not None and not self.as_json:
            show(f"The picture is {self.output}.")
        if not self.as_json:
            show(proposed("\nSee what they do:", ("watch", self.run), ("report", self.run)))
