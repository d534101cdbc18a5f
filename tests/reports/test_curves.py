"""Pictures of runs are drawn, and what cannot be drawn is said in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evo_hns.archive import RunFile
from evo_hns.config import ConfigError
from evo_hns.reports.curves import DRAWINGS, Drawing, draw_progress, draw_returns, plot

pytest.importorskip("matplotlib", reason="pictures need the extra `plot`")


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_a_picture_shows_something(draw: Drawing, run_path: Path, tmp_path: Path) -> None:
    from matplotlib.image import imread

    picture = tmp_path / "picture.png"
    plot(draw, {"run": RunFile.read(run_path)}, picture)
    pixels = imread(picture)
    assert pixels.shape[0] > 300
    assert pixels.std() > 0.02  # not an empty page


def test_runs_without_a_measurement_are_refused(run_path: Path, tmp_path: Path) -> None:
    blank = replace(RunFile.read(run_path), held_out=())
    with pytest.raises(ConfigError, match="none of these runs has a held-out measurement"):
        plot(draw_returns, {"run": blank}, tmp_path / "picture.png")


def test_runs_without_progress_are_refused(run_path: Path, tmp_path: Path) -> None:
    blank = replace(RunFile.read(run_path), metrics={})
    with pytest.raises(ConfigError, match=r"progress measured: they need coevolution\.progress_episodes"):
        plot(draw_progress, {"run": blank}, tmp_path / "picture.png")


def test_an_impossible_picture_is_refused(run_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write .*picture\.png: No such file"):
        plot(draw_returns, {"run": RunFile.read(run_path)}, tmp_path / "missing" / "picture.png")
