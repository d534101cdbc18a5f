"""Files for people: whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_hns.config import ConfigError
from evo_hns.system.output_file import output_file


def test_a_file_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    with output_file(path) as partial:
        partial.write_text("new")
        assert (partial.parent, partial.suffix, path.read_text()) == (tmp_path, ".html", "old")
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"page.html": "new"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_leaves_the_old_file_and_nothing_else(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(error), output_file(path) as partial:
        partial.write_text("half")
        raise error
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"page.html": "old"}


def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "page.html").mkdir()
    with (
        pytest.raises(ConfigError, match=r"cannot write .*page\.html: Is a directory"),
        output_file(tmp_path / "page.html") as partial,
    ):
        partial.touch()
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
