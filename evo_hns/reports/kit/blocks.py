"""What a page is made of. Blocks hold words and figures; the template says what they look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    kind: ClassVar[str] = "prose"
    text: str


@dataclass(frozen=True)
class Table:
    """Rows under a header; the first `num_words` columns are words, the others numbers."""

    kind: ClassVar[str] = "table"
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""  #: what one sees
    num_words: int = 1
    strong: Sequence[int] = ()  #: numbers of rows that stand out
    is_wide: bool = False  #: as wide as the page, as tables of many columns are anyway


@dataclass(frozen=True)
class HeatCell:
    """What a cell says, and how it is coloured."""

    text: str
    value: float  #: -1 (all seekers') to 1 (all hiders')

    @property
    def colour(self) -> str:
        """The colour of the side that has the better of it."""
        return "hiders" if self.value > 0 else "seekers"

    @property
    def percent(self) -> int:
        """Of that colour; the rest is paper."""
        return round(70 * min(abs(self.value), 1.0))


@dataclass(frozen=True)
class Heat:
    """A table of everyone against everyone."""

    kind: ClassVar[str] = "heat"
    row_title: str
    column_title: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[HeatCell]]
    caption: str = ""
    is_wide: bool = False  #: as wide as the page, as tables of many columns are anyway


@dataclass(frozen=True)
class Figure:
    """A drawing with its title."""

    title: str
    svg: str


@dataclass(frozen=True)
class Figures:
    """Drawings side by side, as many as fit."""

    kind: ClassVar[str] = "figures"
    figures: Sequence[Figure]
    caption: str = ""  #: of all of them
    legend: Sequence[tuple[str, str]] = ()  #: colour class and what it stands for
    is_one: bool = False  #: a single drawing as wide as the page


@dataclass(frozen=True)
class Film:
    """A clip, its bytes as a data URI."""

    title: str
    source: str
    is_video: bool  #: else an animated picture
    width: int
    height: int


@dataclass(frozen=True)
class Films:
    """Clips side by side."""

    kind: ClassVar[str] = "films"
    films: Sequence[Film]
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture with a white ground, its bytes as a data URI."""

    kind: ClassVar[str] = "picture"
    source: str
    caption: str


@dataclass(frozen=True)
class Shares:
    """Parts of a whole as one bar; colours follow the order."""

    kind: ClassVar[str] = "shares"
    parts: Sequence[tuple[str, float, str]]  #: name, share of the whole, and its value in words
    caption: str = ""


@dataclass(frozen=True)
class Commands:
    """What to type."""

    kind: ClassVar[str] = "commands"
    lines: Sequence[str]


@dataclass(frozen=True)
class Fold:
    """Blocks that are seen only if asked for."""

    kind: ClassVar[str] = "fold"
    summary: str
    blocks: Sequence[Block]


Block = Prose | Table | Heat | Figures | Films | Picture | Shares | Commands | Fold


@dataclass(frozen=True)
class Missing:
    """A missing part of a page, and the command that adds it."""

    what: str
    command: str = ""  #: adds it; empty: nothing does


@dataclass(frozen=True)
class Section:
    """A part of the page; without blocks only its missing parts are listed."""

    name: str  #: as the address of the part has it
    title: str
    blocks: Sequence[Block] = ()
    missing: Sequence[Missing] = field(default=())
