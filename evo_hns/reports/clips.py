"""Clips of champions, small enough to travel inside a page."""

from __future__ import annotations

import base64
import importlib.util
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evo_hns.archive.hall_of_fame import evenly_spaced
from evo_hns.archive.records import HeldOutRow
from evo_hns.config import ConfigError
from evo_hns.evaluation.matches import held_out_seeds
from evo_hns.reports.kit.blocks import Film, Films, Missing, Section
from evo_hns.reports.kit.formatting import signed
from evo_hns.reports.subject import Subject, command_for
from evo_hns.spec import Side
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


QUALITIES = (Quality(480, 360, 14, 27, 50), Quality(400, 300, 12, 31, 35), Quality(288, 216, 8, 36, 20))
"""From the best to the smallest; the first that keeps within what is left of the page is taken."""


@dataclass(frozen=True)
class Shot:
    """A match to film."""

    subject: Subject
    generation: int
    players: Mapping[Side, str]
    world: int | None = None  #: its seed; None: the first fresh one
    measured: HeldOutRow | None = None  #: what its champion came to against the other player, over all worlds


@dataclass(frozen=True)
class Scene:
    """Matches that belong together."""

    shots: Sequence[Shot]
    caption: str


def clips_section(subjects: Sequence[Subject], count: int, budget: int) -> Section:
    """Champions from the first to the last, against a held-out player; against each other if none was measured.

    Args:
        subjects: the runs.
        count: clips of each side of each run; they are spread over its generations.
        budget: bytes that all clips together may have, as the page holds them.
    """
    title = "What it looks like"
    if count == 0:
        return Section("clips", title, missing=[Missing("clips of champions", command_for(subjects, "--clips", 3))])
    if reason := _why_not():
        return Section("clips", title, missing=[reason])
    scenes = [scene for subject in subjects for scene in scenes_of(subject, count)]
    share, blocks, missing = budget // max(sum(len(scene.shots) for scene in scenes), 1), list[Films](), list[Missing]()
    for scene in scenes:
        films = []
        for shot in scene.shots:
            run = f"{shot.subject.name}, generation" if len(subjects) > 1 else "Generation"
            name = f"{run} {shot.generation}"
            try:
                film = _film(shot, name, share)
            except ConfigError as error:
                missing.append(Missing(f"the clip of {name}: {error}"))
                continue
            if film is None:
                fewer = command_for(subjects, "--clips", 1)
                missing.append(Missing(f"the clip of {name}, which the page has no room for", fewer))
            else:
                films.append(film)
        if films:
            blocks.append(Films(films, scene.caption))
    return Section("clips", title, blocks, missing)


def scenes_of(subject: Subject, count: int) -> list[Scene]:
    """What is filmed of a run."""
    scenes = [
        scene for side in Side if not subject.is_solo and (scene := _against_held_out(subject, side, count)) is not None
    ]
    if scenes:
        scenes[0] = replace(scenes[0], caption=f"{scenes[0].caption} {_SIGNS}")
        return scenes
    who = "The champion of a generation" if subject.is_solo else "The champions of a generation against each other"
    shots = [Shot(subject, each, {side: f"{side.label}/{each}" for side in Side}) for each in subject.spread(count)]
    caption = (
        f"{who} (hiders cyan, seekers red), always in the same world, so that what differs is the players. {_SIGNS}"
    )
    return [Scene(shots, caption)] if shots else []


_SIGNS = (
    "Sectors show where an agent looks, an arrow that it sees an opponent, a bar that it holds something, a coloured "
    "hull that something is locked. Below stand the score and the stages that the detectors find so far; the yellow of "
    "the time line is the preparation. One match each: it shows how they play, not how well."
)


def _against_held_out(subject: Subject, side: Side, count: int) -> Scene | None:
    """Measured champions of a side against the scripted player against whom it gained most, in a world as most are."""
    met: dict[str, dict[int, HeldOutRow]] = {}
    for row in subject.run.held_out:
        if row.side is side and ":" not in row.opponent:
            met.setdefault(row.opponent, {})[row.generation] = row
    met = {name: rows for name, rows in met.items() if len(rows) > 1}
    if not met:
        return None
    opponent = max(met, key=lambda name: met[name][max(met[name])].mean - met[name][min(met[name])].mean)
    measured = sorted(met[opponent])
    places = evenly_spaced(len(measured), count) if count > 1 else [-1]
    rows = [met[opponent][measured[place]] for place in places]
    world = typical_world(rows)
    shots = [
        Shot(
            subject,
            row.generation,
            {side: f"{side.label}/{row.generation}", side.other: f"scripted:{opponent}"},
            int(held_out_seeds(world + 1)[-1]),
            row,
        )
        for row in rows
    ]
    caption = (
        f"The {side.label}' champions of {subject.name} (hiders cyan, seekers red) against one player whom their search"
        f" never met, {opponent}: that against whom they gained most. The world is always the same: that in which these"
        " matches come nearest to the means over all worlds."
    )
    return Scene(shots, caption)


def typical_world(rows: Sequence[HeldOutRow]) -> int:
    """The place of the world in which the scores of measured champions are nearest to their means, all together."""
    distances = [np.abs(np.asarray(row.scores) - row.mean) for row in rows]
    worlds = min(map(len, distances))
    total = np.sum([each[:worlds] for each in distances], axis=0)
    return int(np.nanargmin(total)) if np.isfinite(total).any() else 0


def _film(shot: Shot, name: str, budget: int) -> Film | None:
    """A clip within a budget; None if even the smallest is too large."""
    from evo_hns.viewer.films.film import Look, render
    from evo_hns.viewer.films.footage import new_footage

    players = shot.players
    footage = new_footage(shot.subject.path, players[Side.HIDERS], players[Side.SEEKERS], world=shot.world)
    ending, kind = (".mp4", "video/mp4") if has_video() else (".webp", "image/webp")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{ending}"
        for quality in QUALITIES:
            look = Look(width=quality.width, height=quality.height, fps=quality.fps)
            render(footage, look, path, quality=quality.crf if has_video() else quality.webp)
            content = base64.b64encode(path.read_bytes()).decode()
            if len(content) <= budget:
                scores = {side: footage.team_return(side, footage.num_steps) for side in footage.teams}
                return Film(
                    title=_title(name, scores, shot.measured),
                    source=f"data:{kind};base64,{content}",
                    is_video=has_video(),
                    width=quality.width,
                    height=quality.height,
                )
    return None


def _title(name: str, scores: Mapping[Side, float], measured: HeldOutRow | None) -> str:
    """Both teams' returns, or that of the champion and its mean over all worlds in which it was measured."""
    returns = {side: signed(score).removesuffix(".0") for side, score in scores.items()}
    if measured is None:
        return f"{name}: {', '.join(f'{side.label} {text}' for side, text in returns.items())}"
    side, mean = measured.side, f"{signed(measured.mean)} ± {measured.ci_half_width:.1f}"
    met = f"{side.label} against {measured.opponent} {returns[side]}"
    return f"{name}: {met} (mean of {measured.episodes} worlds {mean})"


def _why_not() -> Missing | None:
    """What keeps this machine from making clips."""
    if importlib.util.find_spec("PIL") is None:
        return Missing("clips of champions, which need Pillow", INSTALL)
    backend, found = find_backend()
    if backend is None:
        return Missing(f"clips of champions, which need OpenGL ({found}): {REMEDY}", "evo-hns diagnose doctor")
    return None
