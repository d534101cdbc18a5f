"""A watcher's requests: players by generation, worlds, recorded matches; what cannot be is said and changes nothing."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from evo_hns.config import ConfigError
from evo_hns.players.record import record
from evo_hns.spec import Side
from evo_hns.training.driver import resume
from evo_hns.viewer.browser.director import Director


@pytest.fixture
def path(run_path: Path, tmp_path: Path) -> Path:
    """A run of three generations, to be changed."""
    path = tmp_path / "run.h5"
    path.write_bytes(run_path.read_bytes())
    return path


def pair(hider: str, seeker: str) -> dict[Side, str]:
    return {Side.HIDERS: hider, Side.SEEKERS: seeker}


def finish(director: Director) -> None:
    while not director.playback.at_the_end:
        director.step(1)


def test_the_latest_champions_meet_in_world_0_unless_others_are_asked_for(path: Path) -> None:
    view = Director(path, {}).view
    assert view.players == pair("hiders/2", "seekers/2")
    assert (view.seed, view.horizon, view.position, view.is_playing) == (0, 6, 0.0, False)
    assert view.agents == {0: "hider 0", 1: "seeker 0"}
    asked = Director(path, pair(f"{path}:hiders/0", "scripted:chaser"), seed=2**32 - 1).view
    assert asked.players == pair("hiders/0", "scripted:chaser")
    assert asked.seed == 2**32 - 1


def test_other_players_and_another_world_begin_another_episode(path: Path) -> None:
    director = Director(path, {})
    finish(director)
    first = director.view
    assert first.note.startswith("final returns: hiders ")
    director.request(lambda d: d.choose(pair("hiders/1", "random"), 5))
    view = director.view
    assert view.players == pair("hiders/1", "scripted:random")
    assert (view.seed, view.position, view.note) == (5, 0.0, "")
    assert view.episode != first.episode
    assert view.trajectory.num_steps == 0
    assert not np.array_equal(view.trajectory.layout.boxes, first.trajectory.layout.boxes)


@pytest.mark.parametrize(
    ("hider", "seed", "complaint"),
    [
        ("hiders/9", 0, "has no champion of generation 9 among its hiders; it has generations 0 to 2"),
        ("seekers/1", 0, "expected one of the hiders"),
        ("nobody", 0, "got the player 'nobody'"),
        ("hiders/1", 2**32, "got the world seed 4294967296, expected 0 to 4294967295"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(path: Path, hider: str, seed: int, complaint: str) -> None:
    director = Director(path, {}, seed=3)
    director.step(1)
    director.request(lambda d: d.choose(pair(hider, "seekers/0"), seed))
    view = director.view
    assert complaint in view.note
    assert view.players == pair("hiders/2", "seekers/2")
    assert (view.seed, view.trajectory.num_steps) == (3, 1)
    director.request(lambda d: d.step(1))
    assert director.view.note == ""


def test_champions_that_arrive_while_a_run_trains_can_be_picked(path: Path) -> None:
    director = Director(path, {})
    director.request(Director.refresh)
    assert director.view.note == "no new champions"
    resume(path, generations=4, announce=lambda _: None, observers=[])
    director.request(Director.refresh)
    view = director.view
    assert view.note == "2 new champions"
    assert view.generations[Side.HIDERS].tolist() == [0, 1, 2, 3]
    director.request(lambda d: d.choose(pair("hiders/3", "seekers/3"), 0))
    assert director.view.players == pair("hiders/3", "seekers/3")


def test_a_recorded_match_is_watched_and_found_equal(path: Path) -> None:
    (number,) = record(path, f"{path}:hiders/0", "scripted:chaser", seed=1)
    director = Director(path, {}, match=number)
    view = director.view
    assert view.players == pair("hiders/0", "scripted:chaser")
    assert view.is_recorded
    finish(director)
    assert director.view.note == "equal to the stored score, to the bit"
    director.request(lambda d: d.playback.take_over(0))
    assert "can only be watched" in director.view.note
    director.request(Director.restart)
    assert director.view.trajectory.num_steps == 0
    finish(director)
    assert director.view.note == "equal to the stored score, to the bit"
    director.request(lambda d: d.choose(pair("hiders/0", "scripted:chaser"), view.seed))
    assert not director.view.is_recorded


def test_a_match_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no match 99 in .*; it has matches 0 to"):
        Director(path, {}, match=99)
    with h5py.File(path, "r+") as file:
        del file["matches"]
    with pytest.raises(ConfigError, match="holds no recorded matches"):
        Director(path, {}, match=0)


def test_champions_of_another_run_of_the_same_game_are_offered_from_it(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    other.write_bytes(path.read_bytes())
    resume(other, generations=4, announce=lambda _: None, observers=[])
    view = Director(path, {Side.SEEKERS: f"{other}:seekers/3"}).view
    assert view.generations[Side.HIDERS].tolist() == [0, 1, 2]
    assert view.generations[Side.SEEKERS].tolist() == [0, 1, 2, 3]


def test_players_of_another_game_are_refused(path: Path, other_game_path: Path) -> None:
    with pytest.raises(ConfigError, match="play different games"):
        Director(path, {Side.SEEKERS: f"{other_game_path}:seekers/0"})


def test_figures_run_along_with_the_episode(path: Path) -> None:
    director = Director(path, pair("random", "random"))
    finish(director)
    view = director.view
    for side in Side:
        assert len(view.series.returns[side]) == 7
        assert view.series.returns[side][-1] == director.session.returns[int(side)]
    assert set(view.series.statistics) == set(director.session.statistics[-1])
    assert (view.series.statistics["max_agent_travel"] >= 0).all()
    assert view.series.statistics["max_agent_travel"][-1] > 0
