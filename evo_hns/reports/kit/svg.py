"""Drawings of matplotlib as parts of a page: in the colours of its style sheet, so that they follow light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

NUM_COLOURS = 8
_NAMES = ("paper", "ink", "soft", "rule", "hiders", "seekers", *(f"run{number}" for number in range(NUM_COLOURS)))
COLOURS = {name: f"#fe{number:02x}fe" for number, name in enumerate(_NAMES)}
"""What to draw with for each variable of the style sheet: no other drawing has these colours."""

_STYLE = {
    "font.size": 9.5,
    "svg.fonttype": "none",  # words stay words, in the page's letters
    "svg.hashsalt": "evo_hns",  # the same drawing has the same text
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.labelcolor": COLOURS["soft"],
    "axes.labelsize": 9.5,
    "grid.color": COLOURS["rule"],
    "grid.linewidth": 1.0,
    "text.color": COLOURS["soft"],
    "xtick.color": COLOURS["soft"],
    "ytick.color": COLOURS["soft"],
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    **{f"axes.spines.{side}": False for side in ("left", "right", "bottom", "top")},
    **{f"{axis}tick.major.pad": 6.0 for axis in "xy"},
    **{f"{axis}tick.{kind}.size": 0.0 for axis in "xy" for kind in ("major", "minor")},
}
_TIP = "tip"


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """An empty drawing of this size, in the style of a page whatever the user's own style is."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", _STYLE]):
        yield Figure(figsize=(width / 72, height / 72))


class Tips:
    """What a drawing shows of each point when one points at it."""

    def __init__(self) -> None:
        self.texts: dict[str, Sequence[str]] = {}

    def add(self, artist: Artist, texts: Sequence[str]) -> None:
        """Give a text to each point of something drawn."""
        name = f"{_TIP}{len(self.texts)}"
        artist.set_gid(name)
        self.texts[name] = texts


def to_svg(figure: Figure, label: str, tips: Tips) -> str:
    """A drawing as an element of a page.

    Args:
        figure: from `drawing`, inside its block; what reaches beyond its axes is drawn, too.
        label: what it shows, for those who cannot see it.
        tips: of its points.
    """
    written = io.StringIO()
    without = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(written, format="svg", transparent=True, metadata=without)
    root = ElementTree.fromstring(re.sub(r' xmlns(:xlink)?="[^"]*"|xlink:(?=href)', "", written.getvalue()))
    for defs in root.findall("defs"):  # a style that would hold for the whole page, and clips
        root.remove(defs)
    for group in root.iter("g"):
        for point, text in zip(group.iter("use"), tips.texts.get(group.attrib.pop("id", ""), ()), strict=False):
            ElementTree.SubElement(point, "title").text = text
    for element in root.iter():
        _shorten(element)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": label}
    text = ElementTree.tostring(root, encoding="unicode")
    for name, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    return re.sub(r">\s+<", "><", text)


def _shorten(element: ElementTree.Element) -> None:
    """Two digits after the point are enough, letters are the page's, and nothing is clipped."""
    element.attrib.pop("clip-path", None)
    for name in ("d", "x", "y"):
        if name in element.attrib:
            element.attrib[name] = re.sub(r"(\.\d\d)\d+", r"\1", " ".join(element.attrib[name].split()))
    if element.tag == "text":
        del element.attrib["transform"]  # by nothing: no words are turned
        kept = [part.strip() for part in element.attrib["style"].split(";")]
        element.attrib["style"] = "; ".join(part for part in kept if part.startswith(("text-anchor", "fill")))
