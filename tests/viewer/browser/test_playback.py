"""The clock of a watcher: it plays on at the end, and shows what is stored before it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evo_hns.archive.run_view import RunView
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Side
from evo_hns.viewer.browser.playback import Playback
from evo_hns.viewer.browser.session import Session, Steering
from evo_hns.viewer.snapshots import qpos_at, snapshot_of

STEP = 0.075  # seconds


@pytest.fixture
def playback(run_path: Path) -> Playback:
    """Six env steps to come."""
    with RunView(run_path) as view:
        session = Session(view.config)
    session.begin({side: scripted_roster("random") for side in Side}, 1)
    return Playback(session)


def test_playing_goes_on_step_by_step_to_the_end_and_stops_there(playback: Playback) -> None:
    playback.tick(1.0)
    assert (playback.position, playback.session.num_steps) == (0.0, 0)
    playback.play()
    playback.tick(1.5 * STEP)
    assert playback.position == pytest.approx(1.5)
    assert playback.session.num_steps == 2
    playback.tick(100.0)
    assert playback.position == 6.0
    assert playback.at_the_end
    assert not playback.is_playing


def test_it_pauses_and_steps_on_whole_env_steps(playback: Playback) -> None:
    playback.play()
    playback.tick(2.3 * STEP)
    playback.pause()
    assert playback.position == 3.0
    playback.step(1)
    assert (playback.position, playback.session.num_steps) == (4.0, 4)
    playback.step(-1)
    playback.step(-1)
    assert (playback.position, playback.session.num_steps) == (2.0, 4)
    playback.step(1)
    assert (playback.position, playback.session.num_steps) == (3.0, 4)


def test_scrubbing_shows_what_is_stored_and_playing_goes_on_at_the_end(playback: Playback) -> None:
    playback.play()
    playback.tick(4 * STEP)
    stored = playback.session.trajectory.qpos.copy()
    playback.seek(1)
    assert np.array_equal(qpos_at(playback.session.trajectory, 0, playback.position), stored[0, 1])
    playback.seek(99)
    assert playback.position == 4.0
    playback.seek(-3)
    assert (playback.position, playback.is_playing) == (0.0, False)
    playback.play()
    playback.tick(3 * STEP)
    assert playback.session.num_steps == 4
    playback.tick(2 * STEP)
    assert playback.session.num_steps == 5
    assert np.array_equal(playback.session.trajectory.qpos[:, :5], stored)


def test_playing_after_the_end_shows_the_episode_again(playback: Playback) -> None:
    playback.play()
    playback.tick(100.0)
    playback.play()
    assert (playback.position, playback.is_playing) == (0.0, True)


def test_speed_is_a_matter_of_the_clock_alone(playback: Playback) -> None:
    playback.speed = 0.5
    playback.play()
    playback.tick(2 * STEP)
    assert playback.position == pytest.approx(1.0)


def test_whoever_takes_over_is_taken_to_the_end_and_steers_from_there(playback: Playback) -> None:
    for _ in range(3):
        playback.step(1)
    playback.seek(0)
    playback.take_over(0)
    assert playback.position == 3.0
    for _ in range(3):
        playback.step(1, Steering(force=(0.0, 1.0)))
    y = playback.session.trajectory.agents[0, :, 0, 1]
    assert y[-1] - y[3] > 0.05
    playback.take_over(None)
    assert playback.session.taken is None


def test_between_two_env_steps_things_are_on_their_way(playback: Playback) -> None:
    for _ in range(2):
        playback.step(1)
    trajectory = playback.session.trajectory
    before, between, after = (snapshot_of(trajectory, 0, row) for row in (1, 1.5, 2))
    assert np.allclose(between.agents, (before.agents + after.agents) / 2)
    assert not np.allclose(before.agents, after.agents)
    assert np.array_equal(between.sees_agents, before.sees_agents)
