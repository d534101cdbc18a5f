"""Puts the page together: sections into a template, everything inside one file, nothing asked of any other place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evo_hns.config import ConfigError
from evo_hns.reports.clips import clips_section
from evo_hns.reports.costs import costs_section, duration, million, progress_of, settings_section
from evo_hns.reports.fitness import fitness_section
from evo_hns.reports.info import env_steps, gains, seconds
from evo_hns.reports.kit.blocks import Missing, Section
from evo_hns.reports.kit.formatting import describe_game, describe_search
from evo_hns.reports.kit.sheet import check_target, render, write_whole_page
from evo_hns.reports.meetings import meetings_section
from evo_hns.reports.results import curves_section, progress_section, results_section
from evo_hns.reports.stages import stages_section
from evo_hns.reports.subject import Subject, command_for, read_subjects
from evo_hns.reports.tournament import tournament_path, tournament_section
from evo_hns.system.telling import Tell, silent

LARGEST = 10_000_000  #: bytes of a page
_SPARE = 20_000  #: of them, left for what is around the clips
MAX_RUNS = 64


@dataclass(frozen=True)
class Report:
    """A page that was written."""

    path: Path
    num_bytes: int
    sections: tuple[str, ...]  #: names of the parts that are there
    missing: tuple[Missing, ...]  #: missing parts, and the command that adds each

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "report": self.path,
            "bytes": self.num_bytes,
            "sections": list(self.sections),
            "missing": [vars(each) for each in self.missing],
        }


def write_report(
    paths: Sequence[Path],
    output: Path | None = None,
    *,
    clips: int = 3,
    episodes: int = 32,
    tournament: Path | None = None,
    tell: Tell = silent,
) -> Report:
    """Tell of one run, or of several side by side, in one HTML file.

    Args:
        paths: the run files, which may be in training.
        output: the page; by default `RUN-report.html` beside the first run.
        clips: of each run; 0: none.
        episodes: in which stages are looked for, and in which each two of a few champions meet if there is no
            tournament; 0: nothing is played.
        tournament: the file of one; by default `RUN-tournament.h5` beside the first run, if that is there.
        tell: is told how many parts of the page are made.

    Raises:
        ConfigError: no run, or a page that cannot be written.
        RunFileError: a file that is no run, or is damaged.
    """
    if not 0 <= clips <= 20:
        raise ConfigError(f"--clips: got {clips}, expected 0 to 20")
    if not 0 <= episodes <= 4096:
        raise ConfigError(f"--episodes: got {episodes}, expected 0 to 4096")
    if len(paths) > MAX_RUNS:
        raise ConfigError(f"got {len(paths)} runs, expected at most {MAX_RUNS} on one page")
    subjects = read_subjects(paths)
    target = output or paths[0].with_name(f"{paths[0].stem}-report.html")
    check_target(target)
    sections = compose(subjects, clips, episodes, tournament_path(subjects, tournament), tell)
    text = render_page(subjects, sections).encode()
    if len(text) > LARGEST:
        raise ConfigError(
            f"the page would have {len(text) / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f}: name fewer runs"
        )
    write_whole_page(target, text)
    shown = tuple(section.name for section in sections if section.blocks)
    return Report(target, len(text), shown, tuple(each for section in sections for each in section.missing))


def compose(
    subjects: Sequence[Subject], clips: int, episodes: int, tournament: Path | None, tell: Tell = silent
) -> list[Section]:
    """All parts of a page, in their order; clips get the room that the others leave."""
    more = command_for(subjects, "--episodes", 32)
    makers: list[Callable[[], Section]] = [
        lambda: results_section(subjects),
        lambda: curves_section(subjects),
        lambda: progress_section(subjects),
        lambda: fitness_section(subjects),
        lambda: stages_section(subjects, episodes, more),
        lambda: tournament_section(subjects, tournament),
        *([] if tournament else [lambda: meetings_section(subjects, episodes, more)]),
        lambda: costs_section(subjects),
        lambda: settings_section(subjects),
    ]
    sections = []
    for make in makers:
        sections.append(make())
        tell(1, len(makers) + 1)
    first, *others = sections
    room = LARGEST - len(render_page(subjects, sections).encode()) - _SPARE
    return [first, clips_section(subjects, clips, max(room, 0)), *others]


def render_page(subjects: Sequence[Subject], sections: Sequence[Section]) -> str:
    """The page as text."""
    return render(
        verb="report",
        title=" and ".join(subject.name for subject in subjects) if len(subjects) < 4 else f"{len(subjects)} runs",
        going_on=[f"{subject.name} with {progress_of(subject)}" for subject in subjects if not subject.is_finished],
        introduction=_introduction(subjects),
        tiles=_tiles(subjects),
        sections=sections,
        intervals="over worlds",
    )


def _tiles(subjects: Sequence[Subject]) -> list[tuple[str, str]]:
    """The tiles of a page: numbers, and what they count."""
    measured = [gain for subject in subjects for gain in gains(subject.run)]
    steps = sum(env_steps(subject.run) for subject in subjects)
    time = sum(seconds(subject.run) for subject in subjects)
    generations = sum(subject.run.num_generations for subject in subjects)
    tiles = [
        (f"{generations:,}", "generations"),
        (million(steps), "env steps of training"),
        (duration(time), "of wall time"),
    ]
    if measured:
        certain = sum(gain.gain.low > 0 for gain in measured)
        tiles.append((f"{certain} of {len(measured)}", "gains certain at 95 %"))
    return tiles


def _introduction(subjects: Sequence[Subject]) -> list[str]:
    """What is played, and how players came about."""
    first, others = subjects[0], len(subjects) - 1
    sentences = [describe_game(first.config), describe_search(first)]
    if others:
        sentences.append(
            f"This describes the first of {others + 1} runs; the settings in which the others differ are in a table "
            "below."
        )
    return sentences
