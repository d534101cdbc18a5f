"""What cannot be written or drawn is said in one line, before anything is played."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from evo_hns.config import ConfigError
from evo_hns.diagnostics.doctor import check_films, check_rendering
from evo_hns.viewer.films import graphics
from evo_hns.viewer.films.encoding import check_film, contact_sheet, write_film
from evo_hns.viewer.films.graphics import find_backend, require_backend


def test_a_name_or_folder_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"film.avi, expected a name that ends with .mp4, .gif, .webp, .png"):
        check_film(tmp_path / "film.avi")
    with pytest.raises(ConfigError, match="there is no folder"):
        check_film(tmp_path / "missing" / "film.gif")


@pytest.mark.parametrize(
    ("package", "complaint"),
    [
        ("imageio_ffmpeg", r"an MP4 needs imageio-ffmpeg: pip install .*imageio-ffmpeg.*, or ask for a .gif"),
        ("PIL", r"pictures need Pillow: pip install .*pillow"),
    ],
)
def test_an_encoder_that_is_missing_is_named_with_what_installs_it(
    package: str, complaint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(ConfigError, match=complaint):
        check_film(tmp_path / "film.mp4")


def test_opengl_that_is_missing_or_kills_its_process_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    said = {"egl": "ended with code -11", "glfw": "no display", "osmesa": "no such library"}
    monkeypatch.setattr(graphics, "_try", lambda backend: (False, said[backend]))
    monkeypatch.setattr(graphics.sys, "platform", "linux")
    with pytest.raises(
        ConfigError, match=r"egl: ended with code -11; glfw: no display.*apt-get install libegl1"
    ) as told:
        require_backend()
    assert "\n" not in str(told.value)
    finding = check_rendering()
    assert (finding.ok, finding.needed) == (False, False)
    assert "apt-get install libegl1" in str(finding)


def test_a_graphics_library_that_ends_its_process_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphics, "_PROBE", "import os; os.kill(os.getpid(), 11)  # {backend}")
    monkeypatch.setenv("MUJOCO_GL", "egl")
    graphics._try.cache_clear()
    try:
        assert find_backend() == (None, "egl: ended with code -11")
    finally:
        graphics._try.cache_clear()


def test_the_environment_decides_which_way_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(graphics, "_try", lambda backend: (tried.append(backend) or backend == "osmesa", backend))
    monkeypatch.setattr(graphics.sys, "platform", "linux")
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    assert find_backend() == ("osmesa", "osmesa")
    monkeypatch.setenv("MUJOCO_GL", "GLFW")
    assert find_backend()[0] is None
    assert tried == ["egl", "glfw", "osmesa", "glfw"]
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    assert find_backend() == (None, "MUJOCO_GL=disabled forbids it")


def test_the_doctor_knows_what_films_need() -> None:
    finding = check_films()
    assert finding.ok is (
        importlib.util.find_spec("imageio_ffmpeg") is not None and importlib.util.find_spec("PIL") is not None
    )
    assert not finding.needed


def test_a_film_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="films need the extra `render`")

    def frames():
        yield np.zeros((64, 64, 3), dtype=np.uint8)
        raise ConfigError("no more light")

    with pytest.raises(ConfigError, match="no more light"):
        write_film(tmp_path / "film.gif", frames(), 10)
    assert list(tmp_path.iterdir()) == []


def test_a_contact_sheet_keeps_the_order() -> None:
    sheet = contact_sheet([np.full((2, 3, 3), value, dtype=np.uint8) for value in (1, 2, 3)], 2)
    assert sheet[:, :, 0].tolist() == [[1, 1, 1, 2, 2, 2]] * 2 + [[3, 3, 3, 255, 255, 255]] * 2
