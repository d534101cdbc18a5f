"""A page as a file: sections into a template, everything inside one file, nothing asked of any other place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import jinja2

from evo_hns.config import ConfigError
from evo_hns.reports.kit.blocks import Section
from evo_hns.system.installation import how_to_install
from evo_hns.system.output_file import check_output, output_file


def render(
    *,
    verb: str,
    title: str,
    going_on: Sequence[str],
    introduction: Sequence[str],
    tiles: Sequence[tuple[str, str]],
    sections: Sequence[Section],
    intervals: str,
) -> str:
    """The page as text.

    Args:
        verb: which verb makes it.
        title: its heading.
        going_on: runs that are in training, each with how far it is.
        introduction: paragraphs before the first section.
        tiles: numbers at the top, and what they count.
        sections: in their order; of those without blocks only the missing parts are listed.
        intervals: what the intervals of the page are over, if nothing else is said.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("page.html").render(
        verb=verb,
        title=title,
        made=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC").lstrip("0"),
        going_on=going_on,
        introduction=introduction,
        tiles=tiles,
        sections=[section for section in sections if section.blocks],
        missing=[each for section in sections for each in section.missing],
        intervals=intervals,
    )


def check_target(path: Path) -> None:
    """Refuse a page that could not be written, before anything is played.

    Raises:
        ConfigError: its name does not end with .html, it cannot be written there, or matplotlib is missing.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"got the output {path}, expected a name that ends with .html")
    if find_spec("matplotlib") is None:
        raise ConfigError(f"pages need matplotlib: {how_to_install('plot')}")
    check_output(path)


def write_whole_page(path: Path, text: bytes) -> None:
    """The whole page or nothing.

    Raises:
        ConfigError: it cannot be written.
    """
    with output_file(path) as partial:
        partial.write_bytes(text)
