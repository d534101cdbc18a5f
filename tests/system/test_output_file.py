"""Files for people: whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_hns.config import ConfigError
from evo_hns.system.output_file import check_output, output_file


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


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("missing/page.html", "there is no folder .*missing"),
        ("page.html/page.html", "there is no folder .*page.html"),
        ("folder", "it is a folder, expected the name of a file"),
    ],
)
def test_a_file_that_could_not_be_written_is_refused_before_the_work(place: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "page.html").touch()
    with pytest.raises(ConfigError, match=rf"^cannot write .*{place}: {problem}$"):
        check_output(tmp_path / place)
    check_output(tmp_path / "folder" / "page.html")
    check_output(tmp_path / "page.html")  # one that is there is replaced later
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["folder", "page.html"]


def test_a_folder_in_which_nothing_may_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("evo_hns.system.output_file.tempfile.TemporaryFile", refused)
    with pytest.raises(ConfigError, match=r"cannot write .*page\.html: Permission denied"):
        check_output(tmp_path / "page.html")
