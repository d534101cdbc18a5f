"""Words below a picture: who plays, how far the match is, and what it has come to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from evo_hns.analysis.viewing.footage import Footage
from evo_hns.spec import Side

Colour = tuple[int, int, int]
Words = Sequence[tuple[str, Colour]]
"""Pieces of one line, each with its colour."""

INK: Colour = (235, 238, 242)
DIM: Colour = (150, 158, 170)
BAR: Colour = (24, 28, 36)
TEAM: dict[Side, Colour] = {Side.HIDERS: (84, 222, 232), Side.SEEKERS: (255, 106, 96)}

LINES = 2
SMALLEST_HEIGHT = 120  #: pixels of a picture in which words can still be read


def caption_height(height: int) -> int:
    """Pixels, from below, that the words take of a picture; nothing of a very small one."""
    return 2 * round(0.045 * height + 7) if height >= SMALLEST_HEIGHT else 0


def describe(footage: Footage, step: int) -> tuple[Words, Words]:
    """Two lines: the players, and the moment."""
    trajectory = footage.trajectory
    names = {Side.HIDERS: footage.hider, Side.SEEKERS: footage.seeker}
    players: list[tuple[str, Colour]] = []
    for side in footage.teams:
        players += [(" against ", DIM)] * bool(players) + [(names[side], TEAM[side])]
    players.append((f"  ·  world {footage.world_seed}  ·  {footage.source}", DIM))
    moment: list[tuple[str, Colour]] = [(f"step {step} of {footage.num_steps}", INK)]
    if step <= trajectory.num_prep_steps > 0:
        moment.append(("  preparation", DIM))
    elif len(footage.teams) > 1:
        moment.append((f"  {_sight(footage, step)}", INK))
    if trajectory.failed[0]:
        moment.append(("  physics failed, discarded", TEAM[Side.SEEKERS]))
    for side in footage.teams:
        score = footage.team_return(side, step)
        moment += [("   ", DIM), (f"{side.label} {score:+.4g}" if score else f"{side.label} 0", TEAM[side])]
    return players, moment


def burn_in(picture: np.ndarray, lines: Sequence[Words]) -> np.ndarray:
    """A picture with words over its lower edge.

    Args:
        picture: `(height, width, 3)` uint8.
        lines: from above; what does not fit into the width is cut off.
    """
    height, width = picture.shape[:2]
    bar = caption_height(height)
    if bar == 0:
        return picture
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height - bar, width, height), fill=BAR)
    size = bar / LINES * 0.66
    for number, line in enumerate(lines):
        baseline = height - bar + (number + 0.76) * bar / LINES
        _write(draw, line, (size * 0.7, baseline), size, width)
    return np.asarray(image)


def _write(draw: ImageDraw.ImageDraw, line: Words, start: tuple[float, float], size: float, width: int) -> None:
    """One line, smaller if it is too wide."""
    text = "".join(words for words, _ in line)
    font = ImageFont.load_default(size)
    room = width - 2 * start[0]
    if (needed := draw.textlength(text, font=font)) > room:
        font = ImageFont.load_default(max(size * room / needed, 8.0))
    x, y = start
    for words, colour in line:
        draw.text((x, y), words, fill=colour, font=font, anchor="ls")
        x += draw.textlength(words, font=font)


def _sight(footage: Footage, step: int) -> str:
    """Which hiders are seen by seekers."""
    hiders = footage.trajectory.scene.num_hiders
    sees = footage.trajectory.sees_agents[0, step]
    seen = np.flatnonzero(sees[hiders:, :hiders].any(0))
    if not len(seen):
        return "nobody is seen"
    if hiders == 1:
        return "the hider is seen"
    if len(seen) == 1:
        return f"hider {seen[0] + 1} is seen"
    return f"hiders {' and '.join(map(str, seen + 1))} are seen"
