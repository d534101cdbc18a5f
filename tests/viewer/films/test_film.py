"""Films of matches: the right match, the right number of pictures, and something to be seen in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from evo_hns.archive import RunFile
from evo_hns.behaviour.stages import detect
from evo_hns.cli import main
from evo_hns.cli.errors import USER_ERROR
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.matches import fresh_seeds
from evo_hns.players.evaluate import evaluate
from evo_hns.players.replay import in_one_world
from evo_hns.spec import Side
from evo_hns.viewer.films.camera import CAMERAS, place_camera
from evo_hns.viewer.films.captions import INK, Clock, Line, clock, describe, player_title
from evo_hns.viewer.films.footage import Footage, new_footage, recorded_footage
from evo_hns.viewer.films.graphics import find_backend
from tests.viewer.conftest import follow

BACKEND, FOUND = find_backend()
draws = pytest.mark.skipif(BACKEND is None, reason=f"nothing can be drawn here: {FOUND}")
pytest.importorskip("PIL", reason="films need the extra `render`")

from evo_hns.viewer.films.film import Film, Look, render  # noqa: E402

SMALL = Look(width=160, height=128, fps=20, caption=False)


def scripted_footage(config: RunConfig, hider: str, seeker: str, seed: int) -> Footage:
    """A match of two scripted players in the world of a seed."""
    trajectory = follow(build_evaluator(in_one_world(config)), hider, seeker, np.array([seed], dtype=np.int64))
    return Footage(trajectory, f"scripted:{hider}", f"scripted:{seeker}", "a test", config)


@pytest.fixture(scope="module")
def long_footage() -> Footage:
    """The quadrant of 80 env steps, in which seekers chase."""
    return scripted_footage(RunConfig(), "evader", "chaser", int(fresh_seeds(1, 0)[0]))


@pytest.fixture(scope="module")
def sighting() -> Footage:
    """Who seeks sees who hides from afar, from the first moment on, and is not seen."""
    config = RunConfig.model_validate(
        {"world": {"num_hiders": 1, "num_seekers": 1}, "rules": {"horizon": 1}, "physics": {"num_worlds": 64}}
    )
    met = follow(build_evaluator(config), "still", "still", np.arange(64, dtype=np.int64))
    sees, place = met.sees_agents[:, 0], met.agents[:, 0, :, :2]
    apart = np.linalg.norm(place[:, 0] - place[:, 1], axis=-1)
    seed = int(np.flatnonzero(sees[:, 1, 0] & ~sees[:, 0, 1] & (apart > 2.0))[0])
    return scripted_footage(config, "still", "still", seed)


@pytest.fixture(scope="module")
def footage(run_path: Path) -> Footage:
    """The first recorded match of a run."""
    return recorded_footage(run_path, 0)


def words(lines: Sequence[Line]) -> list[str]:
    """Lines of a caption as plain text, what stands at the right edge behind a bar."""
    return [
        "".join(text for text, _ in (*line.left, *line.more, *[(" | ", INK)] * bool(line.right), *line.right))
        for line in lines
    ]


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


def test_a_caption_tells_players_moment_score_and_stages(footage: Footage) -> None:
    players, snapshot, stages = words(describe(footage, footage.num_steps))
    assert players.startswith("hiders of generation 0 against seekers of generation 0  ·  world ")
    assert players.endswith(f"{footage.world_seed}  ·  run.h5, match 0")
    assert snapshot.startswith("step 6 of 6  seekers released | hiders ")
    assert snapshot.endswith(f"seekers {footage.team_return(Side.SEEKERS, 6) or 0:+.4g}".replace(" +0", " 0"))
    assert stages == "stages so far: none"


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("hiders/12", "hiders of generation 12"),
        ("runs/other.h5:seekers/3", "seekers of generation 3 of runs/other.h5"),
        ("scripted:chaser", "scripted:chaser"),
        ("openai:seekers/12.npz", "openai:seekers/12.npz"),
    ],
)
def test_champions_are_called_by_side_and_generation_others_by_their_address(address: str, title: str) -> None:
    assert player_title(address) == title


def test_a_caption_counts_the_preparation_down_and_says_when_it_ends(long_footage: Footage) -> None:
    said = {step: words(describe(long_footage, step))[1] for step in (0, 31, 32, 43, 44)}
    assert said[0].startswith("step 0 of 80  preparation, 32 to go | ")
    assert said[31].startswith("step 31 of 80  preparation, 1 to go | ")
    assert said[32].startswith("step 32 of 80  seekers released | ")
    assert said[43].startswith("step 43 of 80  seekers released | ")
    assert "preparation" not in said[44]
    assert "seen" in said[44]
    assert clock(long_footage, 20) == Clock(done=0.25, preparation=0.4)


def test_a_caption_tells_what_the_detectors_of_stages_say_of_the_match_so_far(long_footage: Footage) -> None:
    told = [words(describe(long_footage, step))[2] for step in range(81)]
    assert set(told[:33]) == {"stages so far: none"}
    assert told[80].startswith("stages so far: chasing")
    for step in (36, 48, 60, 80):
        so_far = detect(long_footage.trajectory.until(step))
        assert long_footage.stages(step) == tuple(name for name, found in so_far.items() if found.shown[0])
    assert long_footage.as_dict()["stages"] == list(long_footage.stages(80))


@draws
def test_a_line_of_sight_is_drawn_from_who_sees_to_who_is_seen(sighting: Footage) -> None:
    width, height = 480, 360
    look, trajectory = Look(width=width, height=height, caption=False, camera="top"), sighting.trajectory
    blind = replace(sighting, trajectory=replace(trajectory, sees_agents=np.zeros_like(trajectory.sees_agents)))
    with Film(sighting, look) as film, Film(blind, look) as without:
        drawn, plain = film.picture(0).astype(int), without.picture(0).astype(int)
    floor = float(trajectory.layout.floor_size[0])
    camera = place_camera(CAMERAS["top"], floor, 45.0, width / height)
    hider, seeker = trajectory.agents[0, 0, :, :3]
    way = (hider - seeker) / np.linalg.norm(hider - seeker)
    # From beside the seeker to the arrow's head beside the hider, and the same a little off the line.
    line = np.linspace(seeker + 0.25 * way, hider - 0.45 * way, 40)
    beside = line + 0.3 * np.array([-way[1], way[0], 0.0])

    def pixels(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        reach = np.tan(np.radians(22.5)) * (camera.lookat[2] + camera.distance - points[:, 2])
        x = (points[:, 0] - camera.lookat[0]) / reach * height / width
        y = (points[:, 1] - camera.lookat[1]) / reach
        return ((1 - y) * height / 2).astype(int), ((1 + x) * width / 2).astype(int)

    assert (drawn[pixels(line)] != plain[pixels(line)]).any(-1).all(), "no line from one to the other"
    assert (drawn[pixels(beside)] == plain[pixels(beside)]).all()
    red, green, _ = drawn[pixels(line)].T
    assert (red > green + 60).all(), "not in the colour of the seeker, who sees"


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
        told: list[int] = []
        frames = list(film.frames(lambda done, _: told.append(done)))
    assert len(frames) == sum(told) == len(film.steps) == round(footage.num_steps * footage.step_seconds * 20)
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
