"""Verbs that show matches and runs: figures, curves, films, and the page of a run."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import FlagCreatePairsOff, Positional

from evo_hns.cli.console import draw, proposed, retyped, show, working
from evo_hns.cli.options import Address, Count, File, Flag, Json, RunPath
from evo_hns.cli.text.tables import curves_text, info_text
from evo_hns.config import ConfigError
from evo_hns.figure import check_picture


@dataclass(frozen=True)
class Render:
    """Film a match without a display: a recorded one, or a new one of any two players."""

    run: RunPath
    """The run file."""
    match: Count = None
    """A recorded match, by its number; it must come out as it was played, to the bit."""
    hiders: Address = None
    """Who hides in a new match: hiders/12, RUN:hiders/best, scripted:evader, openai:FILE; or the last champion."""
    seekers: Address = None
    """Who seeks in a new match."""
    seed: int = 0
    """Decides the world of a new match: the first one of `evaluate` with the same seed."""
    output: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("match.mp4")
    """The film (.mp4, .gif, .webp), or a .png: a sheet of moments, or one with --step."""
    step: Count = None
    """With a .png: the env step to show."""
    size: Annotated[str, tyro.conf.arg(metavar="WxH")] = "960x720"
    """Of a picture, pixels; even numbers."""
    fps: float = 25.0
    """Pictures per second."""
    speed: float = 1.0
    """Simulated seconds per second."""
    camera: Annotated[str, tyro.conf.arg(metavar="angle|top|AZIMUTH,ELEVATION")] = "angle"
    """From where: from above at an angle, straight from above, or degrees (105,-52)."""
    overlays: bool = True
    """Draw cones of vision, who sees whom, what is held and locked."""
    caption: bool = True
    """Write who plays and how it stands below the picture."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Play, draw, and say where the film is."""
        from evo_hns.viewer.films.encoding import check_film

        width, height = parse_size(self.size)
        if self.match is not None and (self.hiders or self.seekers):
            raise ConfigError("--match: got --hiders or --seekers beside it; a recorded match has its players")
        check_film(self.output)
        from evo_hns.viewer.films.graphics import require_backend

        require_backend()  # before mujoco is imported, which may fail on what MUJOCO_GL says
        from evo_hns.viewer.films.film import Look, render
        from evo_hns.viewer.films.footage import new_footage, recorded_footage

        look = Look(
            width=width,
            height=height,
            fps=self.fps,
            speed=self.speed,
            camera=self.camera,
            overlays=self.overlays,
            caption=self.caption,
        )
        with working("playing and drawing a match", as_json=self.as_json) as tell:
            footage = (
                new_footage(self.run, self.hiders, self.seekers, self.seed)
                if self.match is None
                else recorded_footage(self.run, self.match)
            )
            pictures = render(footage, look, self.output, step=self.step, tell=tell)
        if self.as_json:
            show({"output": self.output, "pictures": pictures, **footage.as_dict()})
        else:
            names = (footage.hider, footage.seeker)[: len(footage.teams)]
            show(f"{self.output}: {' against '.join(names)} in world {footage.world_seed}")


def parse_size(text: str) -> tuple[int, int]:
    """Width and height of `WxH`.

    Raises:
        ConfigError: it is something else.
    """
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise ConfigError(f"--size: got {text!r}, expected WIDTHxHEIGHT, for instance 960x720")
    return int(width), int(height)


@dataclass(frozen=True)
class Report:
    """Write one HTML page that tells all of a run, or of several side by side, and opens anywhere."""

    runs: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN...")]
    """Run files; they may be in training."""
    output: File = None
    """The page; by default RUN-report.html beside the first run."""
    clips: int = 3
    """Clips of champions of each run, from the first to the last; 0: none."""
    episodes: int = 32
    """Matches in which stages are looked for, and in which each two of a few champions meet for a table if there is no
    tournament; 0: nothing is played."""
    tournament: File = None
    """The file of a tournament; by default RUN-tournament.h5 beside the first run, if that is there."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Write, and say where the page is and what it lacks."""
        from evo_hns.reports.page import write_report

        with working("measuring, filming and writing the page", as_json=self.as_json) as tell:
            report = write_report(
                self.runs,
                self.output,
                clips=self.clips,
                episodes=self.episodes,
                tournament=self.tournament,
                tell=tell,
            )
        show(report.as_dict() if self.as_json else f"The report is {report.path} ({report.num_bytes / 1e6:.1f} MB).")
        if not self.as_json:
            for each in report.missing:
                show(f"  not in it: {each.what}" + (f"\n    {retyped(each.command)}" if each.command else ""))


@dataclass(frozen=True)
class Info:
    """Say what a run is, how far it is and what its champions gained."""

    run: RunPath
    """The run file."""
    toml: Flag = False
    """Print the experiment that makes the run again, as TOML, and nothing else."""
    as_json: Json = False
    """Print JSON, with every metric of every generation."""

    def __call__(self) -> None:
        """Print it."""
        if self.toml and self.as_json:
            raise ConfigError("got --toml and --json, expected one of them")
        from evo_hns.archive import RunView
        from evo_hns.reports.info import describe_run, experiment_text

        with RunView(self.run) as run:
            if self.toml:
                show(experiment_text(run))
            elif self.as_json:
                show(describe_run(run) | ({"remark": run.remark} if run.remark else {}))
            else:
                show(info_text(run) + (f"\n\nnote: {run.remark}" if run.remark else ""))
                draw(run)
                goes_on = run.num_generations < run.config.coevolution.generations
                more = [("resume", self.run)] if goes_on else [("tournament", self.run), ("report", self.run)]
                show(proposed("\nWhat can be done with it now:", ("watch", self.run), *more))


@dataclass(frozen=True)
class Curves:
    """Draw what was learnt, and when: measurements of runs against env steps, and a table of what they came to.

    Runs that differ only in their seed are one mean with its 95 % interval over seeds (Student's t).
    """

    runs: Annotated[Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN...")]
    """Run files."""
    output: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("curves.png")
    """The picture; its ending decides the format (.png, .pdf, .svg)."""
    statistics: FlagCreatePairsOff[bool] = False
    """Draw what hiders do with boxes and ramps instead of the mean returns."""
    progress: FlagCreatePairsOff[bool] = False
    """Draw local, historical and global progress of both sides instead."""
    as_json: Json = False
    """Print JSON."""

    def __call__(self) -> None:
        """Draw, print the table, and say where the picture is."""
        from evo_hns.archive import RunView
        from evo_hns.reports.curves import (
            draw_progress,
            draw_returns,
            draw_statistics,
            ends,
            kinds_of_runs,
            plot,
        )

        if not self.runs:
            raise ConfigError("curves needs a run file to draw")
        if self.statistics and self.progress:
            raise ConfigError("got --statistics and --progress, expected one of them: they are two pictures")
        check_picture(self.output)
        drawing = draw_statistics if self.statistics else draw_progress if self.progress else draw_returns
        with ExitStack() as views:
            runs = {str(path): views.enter_context(RunView(path)) for path in self.runs}
            plot(drawing, runs, self.output)
            kinds, found = kinds_of_runs(runs), ends(runs) if drawing is draw_returns else []
            if self.as_json:
                described = [
                    {
                        "name": kind.name,
                        "settings": kind.settings,
                        "runs": [{"run": name, "seed": run.config.seed} for name, run in kind.runs.items()],
                    }
                    for kind in kinds
                ]
                show({"picture": self.output, "kinds": described, "ends": [each.as_dict() for each in found]})
                return
        show("\n\n".join(filter(None, [curves_text(kinds, found), f"The picture is {self.output}."])))
