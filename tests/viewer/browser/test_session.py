"""What is watched is what `evaluate` plays; looking back changes nothing; a person steers one agent and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evo_hns.archive.run_view import RunView
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.matches import MatchTable, fresh_seeds
from evo_hns.players.addresses import find_player, parse_address
from evo_hns.players.record import record
from evo_hns.policies.roster import Roster, scripted_roster
from evo_hns.spec import Side
from evo_hns.viewer.browser.session import Session, Steering

PUSH_EAST = Steering(force=(1.0, 0.0), torque=0.0, grab=True, lock=True)


@pytest.fixture
def config(run_path: Path) -> RunConfig:
    with RunView(run_path) as view:
        return view.config


def champions(run_path: Path, session: Session) -> dict[Side, Roster]:
    return {
        side: find_player(parse_address(f"{run_path}:{side.label}/last", side), side, session.spec) for side in Side
    }


def scripted(hider: str, seeker: str) -> dict[Side, Roster]:
    return {Side.HIDERS: scripted_roster(hider), Side.SEEKERS: scripted_roster(seeker)}


def play_out(session: Session, steering: Steering | None = None) -> None:
    while not session.is_over:
        session.step(*([] if steering is None else [steering]))


def assert_evaluated_alike(session: Session, rosters: dict[Side, Roster], seeds: list[int]) -> None:
    """Episodes that are watched one after the other against the same in one batch."""
    table = MatchTable(*np.zeros((2, len(seeds)), dtype=np.int64), np.array(seeds, dtype=np.int64))
    evaluated = build_evaluator(session.config).evaluate(table, rosters)
    for row, seed in enumerate(seeds):
        session.begin(rosters, seed)
        play_out(session)
        watched, expected = session.episodes, evaluated.take(np.array([row]))
        assert watched.returns.numpy().tobytes() == expected.returns.numpy().tobytes()
        assert watched.failed.item() == expected.failed.item()
        assert {name: value.item() for name, value in watched.metrics.items()} == {
            name: value.item() for name, value in expected.metrics.items()
        }
    assert evaluated.returns.numpy().any()


def test_champions_that_are_watched_earn_what_evaluate_gives_them_to_the_bit(run_path: Path, config: RunConfig) -> None:
    session = Session(config)
    assert_evaluated_alike(session, champions(run_path, session), [0, 1, *fresh_seeds(4, 0).tolist()])


def test_so_do_teams_of_changing_size_among_random_walls(busy_game: RunConfig) -> None:
    session = Session(busy_game)
    assert_evaluated_alike(session, scripted("random", "random"), [3, 4, 5])


def test_a_recorded_match_comes_out_as_it_is_stored(run_path: Path, config: RunConfig, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(run_path.read_bytes())
    record(path, f"{path}:hiders/last", "scripted:chaser", episodes=2, seed=7)
    session = Session(config)
    with RunView(path) as view:
        matches = [view.match(number) for number in range(view.num_matches)]
    assert len(matches) >= 2
    for match in matches:
        session.begin_match(match)
        assert not session.equals(match)
        play_out(session)
        assert session.equals(match)
        assert not session.equals(replace(match, returns=match.returns + 1e-12))
    with pytest.raises(ConfigError, match="a recorded match can only be watched"):
        session.take_over(0)
    longer = Session(config.model_copy(update={"rules": config.rules.model_copy(update={"horizon": 9})}))
    with pytest.raises(ConfigError, match="6 env steps and 2 agents, expected 9 and 2"):
        longer.begin_match(matches[0])


def test_everything_that_was_is_kept_from_the_start_on(config: RunConfig) -> None:
    session = Session(config)
    session.begin(scripted("random", "random"), 2)
    assert session.trajectory.num_steps == 0
    assert session.trajectory.qpos.shape[1] == 1
    start = session.trajectory.qpos.copy()
    for step in range(1, session.horizon + 1):
        session.step()
        assert (session.num_steps, len(session.statistics)) == (step, step + 1)
    session.step()
    assert session.num_steps == session.horizon
    assert np.array_equal(session.trajectory.qpos[:, :1], start)
    assert np.array_equal(session.trajectory.reward[0].sum(0), session.returns)


def test_a_person_steers_one_agent_and_the_others_go_on_playing() -> None:
    game = RunConfig.model_validate({"rules": {"horizon": 12}, "world": {"num_hiders": 2, "num_seekers": 1}})
    session = Session(game)
    players = scripted("still", "random")
    session.begin(players, 0)
    play_out(session)
    alone = session.trajectory
    session.begin(players, 0)
    assert not session.was_steered
    session.take_over(1)
    play_out(session, PUSH_EAST)
    steered = session.trajectory
    assert session.was_steered
    moved = steered.agents[0, -1, :, 0] - alone.agents[0, -1, :, 0]
    assert moved[1] > 0.3  # metres east
    assert abs(moved[0]) < 1e-6
    # The seeker is frozen and stands far off: it has done the same in both.
    assert np.array_equal(
        steered.qpos[0, :5, steered.scene.agent_qpos[2]], alone.qpos[0, :5, alone.scene.agent_qpos[2]]
    )


def test_who_is_let_go_is_played_by_its_player_again() -> None:
    session = Session(RunConfig.model_validate({"rules": {"horizon": 12}}))
    session.begin(scripted("still", "still"), 0)
    session.take_over(0)
    for _ in range(4):
        session.step(PUSH_EAST)
    session.take_over(None)
    play_out(session, PUSH_EAST)
    x = session.trajectory.agents[0, :, 0, 0]
    assert x[4] - x[0] > 0.05
    assert abs(x[-1] - x[-2]) < 0.02  # it coasted to a stop


def test_nobody_can_take_over_who_is_not_there(busy_game: RunConfig) -> None:
    session = Session(busy_game)
    session.begin(scripted("still", "still"), 4)
    absent = np.flatnonzero(~session.agent_mask)
    for agent in (*absent, 99):
        with pytest.raises(ConfigError, match=f"no agent {agent} in this world; there are 0"):
            session.take_over(int(agent))


@pytest.mark.parametrize(
    ("steering", "bins"),
    [
        (Steering(), [5, 5, 5]),
        (Steering((1.0, -1.0), 0.5), [10, 0, 8]),
        (Steering((0.6, -0.79), -2.0), [8, 1, 0]),
    ],
)
def test_steering_becomes_bins_of_movement(steering: Steering, bins: list[int]) -> None:
    assert steering.movement().tolist() == bins
