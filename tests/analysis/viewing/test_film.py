"""Films of matches: the right match, the right number of pictures, and something to be seen in them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from evo_hns.analysis.evaluate import evaluate
from evo_hns.analysis.viewing.camera import CAMERAS, place_camera
from evo_hns.analysis.viewing.captions import describe
from evo_hns.analysis.viewing.footage import Footage, new_footage, recorded_footage
from evo_hns.analysis.viewing.graphics import find_backend
from evo_hns.archive import RunFile
from evo_hns.cli import main
from evo_hns.cli.errors import USER_ERROR
from evo_hns.config import ConfigError, RunConfig
from evo_hns.spec import Side

BACKEND, FOUND = find_backend()
draws = pytest.mark.skipif(BACKEND is None, reason=f"nothing can be drawn here: {FOUND}")
pytest.importorskip("PIL", reason="films need the extra `render`")

from evo_hns.analysis.viewing.film import Film, Look, render  # noqa: E402

SMALL = Look(width=160, height=128, fps=20, caption=False)


@pytest.fixture(scope="module")
def footage(run_path: Path) -> Footage:
    """The first recorded match of a run."""
    return recorded_footage(run_path, 0)


def words(lines: object) -> list[str]:
    """Lines of a caption as plain text."""
    return ["".join(text for text, _ in line) for line in lines]  # type: ignore[attr-defined]


def test_a_recorded_match_is_shown_as_it_was_played(run_path: Path) -> None:
    match = RunFile.read(run_path).matches[1]
    footage = recorded_footage(run_path, 1)
    assert footage.trajectory.reward[0].sum(0).tobytes() == match.returns.tobytes()
    assert (footage.hider, footage.seeker, footage.world_seed) == ("hiders/1", "seekers/1", match.world_seed)
    assert [footage.team_return(side, footage.num_steps) for side in Side] == match.returns.tolist()


def test_a_match_that_comes_out_differently_is_not_shown(run_path: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(run_path, tmp_path / "run.h5"))
    with h5py.File(path, "r+") as file:
        file["matches/returns"][0] += 1
        file["meta/versions"].attrs["mujoco"] = "3.9.9"
    with pytest.raises(ConfigError, match=r"match 0 comes out differently here.*with mujoco 3.9.9 \(here 4"):
        recorded_footage(path, 0)
    assert recorded_footage(path, 1).num_steps == 6


def test_a_new_match_is_the_first_one_of_an_evaluation(run_path: Path) -> None:
    footage = new_footage(run_path, "hiders/1", "scripted:chaser", seed=4)
    told = evaluate(f"{run_path}:hiders/1", "scripted:chaser", RunConfig(), episodes=1, seed=4)
    assert (footage.hider, footage.seeker) == ("hiders/1", "scripted:chaser")
    assert footage.as_dict()["returns"] == {side.label: told.returns[side].mean for side in Side}
    last = new_footage(run_path)
    assert (last.hider, last.seeker) == ("hiders/2", "seekers/2")


def test_players_of_another_game_are_refused(run_path: Path, other_game_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a run of another game than that of these players"):
        new_footage(run_path, f"{other_game_path}:hiders/last", f"{other_game_path}:seekers/last")


def test_a_caption_tells_players_moment_and_returns(footage: Footage) -> None:
    first, second = words(describe(footage, footage.num_steps))
    assert first.startswith(f"hiders/0 against seekers/0  ·  world {footage.world_seed}")
    assert second.startswith("step 6 of 6")
    assert second.endswith(f"seekers {footage.team_return(Side.SEEKERS, 6) or 0:+.4g}".replace(" +0", " 0"))


@pytest.mark.parametrize("direction", [*CAMERAS.values(), (10.0, -20.0), (250.0, -35.0)])
@pytest.mark.parametrize("aspect", [0.5, 4 / 3, 3.0])
def test_the_whole_field_is_in_the_picture_and_fills_it(direction: tuple[float, float], aspect: float) -> None:
    covered = 0.1
    camera = place_camera(direction, 6.0, 45.0, aspect, covered)
    azimuth, elevation = np.radians(direction)
    forward = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    corners = np.array([(x, y, z) for x in (0, 6) for y in (0, 6) for z in (0, 0.5)])
    seen = corners - (camera.lookat - camera.distance * forward)
    reach = np.tan(np.radians(22.5)) * (seen @ forward)
    x, y = seen @ right / reach / aspect, seen @ np.cross(right, forward) / reach
    assert np.abs(x).max() < 1
    assert 2 * covered - 1 < y.min() < y.max() < 1
    assert max(np.ptp(x) / 2, np.ptp(y) / (2 - 2 * covered)) > 0.8


@draws
def test_pictures_are_not_blank_and_change(footage: Footage) -> None:
    with Film(footage, SMALL) as film:
        frames = list(film.frames())
    assert len(frames) == len(film.steps) == round(footage.num_steps * footage.step_seconds * 20)
    assert all(frame.shape == (128, 160, 3) and frame.std() > 20 for frame in frames)
    assert (frames[0] != frames[-1]).any(-1).sum() > 20  # pixels: somebody moved


@draws
def test_teams_have_their_colours_and_overlays_can_be_left_out(footage: Footage) -> None:
    bare = Look(width=320, height=240, caption=False, overlays=False, camera="top")
    with Film(footage, bare) as film:
        plain = film.picture(0).astype(int)
    red, green, blue = np.moveaxis(plain, -1, 0)
    assert ((red > 150) & (green < 60) & (blue < 60)).sum() > 20
    assert ((red < 120) & (green > 170) & (blue > 170)).sum() > 20
    with Film(footage, Look(width=320, height=240, caption=False, camera="top")) as film:
        assert (film.picture(0) != plain).any(-1).sum() > 500  # cones of vision


@draws
def test_a_film_decodes_with_all_its_pictures(footage: Footage, tmp_path: Path) -> None:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="an MP4 needs the extra `render`")
    film = tmp_path / "film.mp4"
    count = render(footage, SMALL, film)
    reader = imageio_ffmpeg.read_frames(str(film))
    meta = next(reader)
    pictures = [np.frombuffer(frame, np.uint8).reshape(128, 160, 3) for frame in reader]
    assert (meta["size"], meta["fps"], len(pictures)) == ((160, 128), 20.0, count)
    with Film(footage, SMALL) as drawn:
        assert np.abs(pictures[-1].astype(int) - drawn.picture(footage.num_steps)).mean() < 6
    assert [entry.name for entry in tmp_path.iterdir()] == ["film.mp4"]


@draws
@pytest.mark.parametrize("name", ["film.gif", "film.webp"])
def test_animations_hold_all_pictures(name: str, footage: Footage, tmp_path: Path) -> None:
    from PIL import Image

    count = render(footage, SMALL, tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert (image.n_frames, image.size) == (count, (160, 128))


@draws
def test_a_png_is_a_sheet_of_moments_or_one_of_them(footage: Footage, tmp_path: Path) -> None:
    from PIL import Image

    assert render(footage, SMALL, tmp_path / "sheet.png") == 6
    assert render(footage, SMALL, tmp_path / "still.png", step=3) == 1
    assert Image.open(tmp_path / "sheet.png").size == (320, 384)
    assert Image.open(tmp_path / "still.png").size == (160, 128)
    with pytest.raises(ConfigError, match="got the env step 7, expected one from 0 to 6"):
        render(footage, SMALL, tmp_path / "still.png", step=7)
    with pytest.raises(ConfigError, match=r"--step shows one moment: got it with .*film.gif"):
        render(footage, SMALL, tmp_path / "film.gif", step=3)


@draws
def test_the_command_films_a_recorded_match_and_tells_its_figures(
    run_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "film.gif"
    typed = ["render", str(run_path), "--match", "1", "--output", str(film), "--size", "160x128", "--no-overlays"]
    assert main([*typed, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["output"] == str(film)
    assert list(told["returns"].values()) == RunFile.read(run_path).matches[1].returns.tolist()
    assert film.stat().st_size > 1000
    assert main([*typed, "--hiders", "random"]) == USER_ERROR
    assert "a recorded match has its players" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"width": 33}, "got pictures of 33x720 pixels, expected even numbers from 64 to 4096"),
        ({"height": 32}, "expected even numbers from 64"),
        ({"fps": 0}, "got 0 pictures per second, expected 1 to 120"),
        ({"speed": 0}, "got the speed 0, expected 0.01 to 100"),
        ({"camera": "below"}, "got the camera 'below', expected angle, top or AZIMUTH,ELEVATION"),
        ({"camera": "10,20"}, "the elevation from -90 to -10"),
    ],
)
def test_an_impossible_look_is_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Look(**changes)  # type: ignore[arg-type]
