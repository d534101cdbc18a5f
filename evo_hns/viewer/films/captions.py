"""Words below a picture: who plays, how far the match is, how it stands, and which stages of emergence it has shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from evo_hns.behaviour.stages import DETECTORS
from evo_hns.spec import Side
from evo_hns.viewer.films.footage import Footage

Colour = tuple[int, int, int]
Words = Sequence[tuple[str, Colour]]
"""Pieces of one line, each with its colour."""

INK: Colour = (235, 238, 242)
DIM: Colour = (150, 158, 170)
BAR: Colour = (24, 28, 36)
ALERT: Colour = (255, 196, 70)
TEAM: dict[Side, Colour] = {Side.HIDERS: (84, 222, 232), Side.SEEKERS: (255, 106, 96)}

SMALLEST_HEIGHT = 120  #: pixels of a picture in which words can still be read
RELEASE_STEPS = 12  #: env steps (0.9 s) for which is said that the seekers were released
_SMALLEST_FONT = 8.0  # pixels


@dataclass(frozen=True)
class Line:
    """A line of a caption."""

    left: Words
    right: Words = ()  #: at the other edge
    more: Words = ()  #: behind the left, where there is room


@dataclass(frozen=True)
class Clock:
    """How far a match is, as shares of it."""

    done: float
    preparation: float


def caption_height(height: int, num_lines: int) -> int:
    """Pixels, from below, that the words take of a picture; nothing of a very small one."""
    return num_lines * round(0.04 * height + 6) if height >= SMALLEST_HEIGHT else 0


def num_lines(footage: Footage) -> int:
    """How many lines `describe` gives."""
    return 3 if footage.has_stages else 2


def describe(footage: Footage, step: int) -> list[Line]:
    """The players; the moment and the score; the stages so far, in a game that has them."""
    lines = [_players(footage), Line(_moment(footage, step), _score(footage, step))]
    return [*lines, _stages(footage, step)] if footage.has_stages else lines


def clock(footage: Footage, step: float) -> Clock:
    """How far a match is after so many env steps."""
    length = max(1, footage.num_steps)
    return Clock(step / length, min(footage.trajectory.num_prep_steps / length, 1.0))


def player_title(address: str) -> str:
    """A player in words: `hiders/12` is `hiders of generation 12`; who is no champion is called by the address."""
    found = re.fullmatch(r"(?:(?P<run>.*):)?(?P<side>hiders|seekers)/(?P<generation>\d+)", address)
    if found is None:
        return address
    title = f"{found['side']} of generation {found['generation']}"
    return title if found["run"] is None else f"{title} of {found['run']}"


def burn_in(picture: np.ndarray, lines: Sequence[Line], time: Clock) -> np.ndarray:
    """A picture with a time line and words over its lower edge.

    Args:
        picture: `(height, width, 3)` uint8.
        lines: from above; what does not fit into the width is written smaller, then cut off.
        time: how far the match is.
    """
    height, width = picture.shape[:2]
    bar = caption_height(height, len(lines))
    if bar == 0:
        return picture
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    top = height - bar
    draw.rectangle((0, top, width, height), fill=BAR)
    strip = max(3, round(0.009 * height))
    _draw_clock(draw, time, width, top, strip)
    pitch = (bar - strip) / len(lines)
    for number, line in enumerate(lines):
        _write(draw, line, top + strip + (number + 0.76) * pitch, pitch * 0.68, width)
    return np.asarray(image)


def _draw_clock(draw: ImageDraw.ImageDraw, time: Clock, width: int, top: int, strip: int) -> None:
    """A line that fills as the match goes on; the preparation has a colour of its own."""
    released, done = round(time.preparation * width), round(time.done * width)
    for start, end, colour in ((0, released, ALERT), (released, width, INK)):
        dark = tuple(round(0.3 * c + 0.7 * b) for c, b in zip(colour, BAR, strict=True))
        if end > start:
            draw.rectangle((start, top, end - 1, top + strip - 1), fill=dark)
        if min(done, end) > start:
            draw.rectangle((start, top, min(done, end) - 1, top + strip - 1), fill=colour)


def _write(draw: ImageDraw.ImageDraw, line: Line, baseline: float, size: float, width: int) -> None:
    """One line, without what may be left out or smaller if it is too wide."""
    margin, gap = 0.7 * size, size

    def length(words: Words, size: float) -> float:
        return float(draw.textlength("".join(text for text, _ in words), font=ImageFont.load_default(size)))

    room = width - 2 * margin - (gap if line.right else 0.0)
    left = [*line.left, *line.more]
    if length(left, size) + length(line.right, size) > room:
        left = list(line.left)
    if (needed := length(left, size) + length(line.right, size)) > room:
        size = max(size * room / needed, _SMALLEST_FONT)
    font, right = ImageFont.load_default(size), width - margin - length(line.right, size)
    for words, start in ((left, margin), (line.right, right)):
        x = start
        draw.rectangle((start - 1, baseline - size, width, baseline + 0.3 * size), fill=BAR)  # what ran into it
        for text, colour in words:
            draw.text((x, baseline), text, fill=colour, font=font, anchor="ls")
            x += draw.textlength(text, font=font)


def _players(footage: Footage) -> Line:
    names = {Side.HIDERS: footage.hider, Side.SEEKERS: footage.seeker}
    words: list[tuple[str, Colour]] = []
    for side in footage.teams:
        words += [(" against ", DIM)] * bool(words) + [(player_title(names[side]), TEAM[side])]
    return Line(words, more=[(f"  ·  world {footage.world_seed}  ·  {footage.source}", DIM)])


def _moment(footage: Footage, step: int) -> Words:
    words: list[tuple[str, Colour]] = [(f"step {step} of {footage.num_steps}  ", INK)]
    since_release = step - footage.trajectory.num_prep_steps
    if since_release < 0:
        words.append((f"preparation, {-since_release} to go", ALERT))
    elif footage.trajectory.num_prep_steps > 0 and since_release < RELEASE_STEPS:
        words.append(("seekers released", ALERT))
    elif len(footage.teams) > 1:
        words.append((_sight(footage, step), INK))
    if footage.trajectory.failed[0]:
        words.append(("  physics failed, discarded", TEAM[Side.SEEKERS]))
    return words


def _score(footage: Footage, step: int) -> Words:
    words: list[tuple[str, Colour]] = []
    for side in footage.teams:
        score = footage.team_return(side, step)
        text = f"{side.label} {score:+.4g}" if score else f"{side.label} 0"
        words += [("   ", DIM)] * bool(words) + [(text, TEAM[side])]
    return words


def _sight(footage: Footage, step: int) -> str:
    """How many hiders are seen by seekers."""
    trajectory, hiders = footage.trajectory, footage.trajectory.scene.num_hiders
    num_seen = int(trajectory.sees_agents[0, step, hiders:, :hiders].any(0).sum())
    num_present = int(trajectory.layout.agent_mask[0, :hiders].sum())
    if num_seen == 0:
        return "nobody is seen"
    return "the hider is seen" if num_present == 1 else f"{num_seen} of {num_present} hiders seen"


def _stages(footage: Footage, step: int) -> Line:
    """What the detectors say so far; what it means, where there is room."""
    shown = footage.stages(step)
    if not shown:
        return Line([("stages so far: none", DIM)])
    words: list[tuple[str, Colour]] = [("stages so far: ", DIM)]
    for number, name in enumerate(shown):
        side = DETECTORS[name].side
        colour = ALERT if side is None else TEAM[side]
        words += [(", ", DIM)] * bool(number) + [(name.replace("_", " "), colour)]
    return Line(words, more=[(f"  ({DETECTORS[shown[-1]].meaning})", DIM)] if len(shown) == 1 else ())
