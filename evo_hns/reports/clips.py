"""Clips of champions, small enough to travel inside a page."""

from __future__ import annotations

import base64
import importlib.util
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evo_hns.config import ConfigError
from evo_hns.reports.kit.blocks import Film, Films, Missing, Section
from evo_hns.reports.kit.formatting import signed
from evo_hns.reports.subject import Subject, command_for
from evo_hns.viewer.films.encoding import INSTALL, has_video
from evo_hns.viewer.films.graphics import REMEDY, find_backend


@dataclass(frozen=True)
class Quality:
    """How a clip is made."""

    width: int
    height: int
    fps: float
    crf: int  #: of H.264, less is better
    webp: int  #: quality of an animated WebP, more is better


QUALITIES = (Quality(560, 420, 20, 27, 50), Quality(400, 300, 12, 31, 35), Quality(288, 216, 8, 36, 20))
"""From the best to the smallest; the first that keeps within what is left of the page is taken."""


def clips_section(subjects: Sequence[Subject], count: int, budget: int) -> Section:
    """Champions against each other, from the first to the last.

    Args:
        subjects: the runs.
        count: clips of each run; they are spread over its generations.
        budget: bytes that all clips together may have, as the page holds them.
    """
    title = "What it looks like"
    if count == 0:
        return Section("clips", title, missing=[Missing("clips of champions", command_for(subjects, "--clips", 3))])
    if reason := _why_not():
        return Section("clips", title, missing=[reason])
    wanted = [(subject, generation) for subject in subjects for generation in subject.spread(count)]
    films, missing = [], []
    for subject, generation in wanted:
        name = f"{subject.name}, generation {generation}" if len(subjects) > 1 else f"Generation {generation}"
        try:
            film = _film(subject, generation, name, budget // len(wanted))
        except ConfigError as error:
            missing.append(Missing(f"the clip of {name}: {error}"))
            continue
        if film is None:
            missing.append(
                Missing(f"the clip of {name}, which the page has no room for", command_for(subjects, "--clips", 1))
            )
        else:
            films.append(film)
    return Section("clips", title, [Films(films, _caption(subjects[0]))] if films else [], missing)


def _caption(subject: Subject) -> str:
    """What one sees."""
    who = "The champion of a generation" if subject.is_solo else "The champions of a generation against each other"
    return (
        f"{who} (hiders cyan, seekers red), always in the same world, so that what differs is the players. Sectors "
        "show where an agent looks, an arrow that it sees an opponent, a bar that it holds something, a coloured hull "
        "that something is locked. Below stand the score and the stages that the detectors find so far; the yellow of "
        "the time line is the preparation. One match each: it shows how they play, not how well."
    )


def _film(subject: Subject, generation: int, name: str, budget: int) -> Film | None:
    """A clip within a budget; None if even the smallest is too large."""
    from evo_hns.viewer.films.film import Look, render
    from evo_hns.viewer.films.footage import new_footage

    footage = new_footage(subject.path, f"hiders/{generation}", f"seekers/{generation}")
    ending, kind = (".mp4", "video/mp4") if has_video() else (".webp", "image/webp")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{ending}"
        for quality in QUALITIES:
            look = Look(width=quality.width, height=quality.height, fps=quality.fps)
            render(footage, look, path, quality=quality.crf if has_video() else quality.webp)
            content = base64.b64encode(path.read_bytes()).decode()
            if len(content) <= budget:
                scores = {side: signed(footage.team_return(side, footage.num_steps)) for side in footage.teams}
                returns = [f"{side.label} {score.removesuffix('.0')}" for side, score in scores.items()]
                return Film(
                    title=f"{name}: {', '.join(returns)}",
                    source=f"data:{kind};base64,{content}",
                    is_video=has_video(),
                    width=quality.width,
                    height=quality.height,
                )
    return None


def _why_not() -> Missing | None:
    """What keeps this machine from making clips."""
    if importlib.util.find_spec("PIL") is None:
        return Missing("clips of champions, which need Pillow", INSTALL)
    backend, found = find_backend()
    if backend is None:
        return Missing(f"clips of champions, which need OpenGL ({found}): {REMEDY}", "evo-hns diagnose doctor")
    return None
