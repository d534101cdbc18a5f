"""OpenAI's policies play wherever a player may be named: here they meet champions and scripted players."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evo_hns.archive import RunFileError
from evo_hns.archive.run_view import RunView
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.experiment import load_experiment
from evo_hns.players.addresses import Published, lasting_name, parse_address
from evo_hns.players.evaluate import evaluate
from evo_hns.players.record import record
from evo_hns.players.replay import replay
from evo_hns.spec import Side
from evo_hns.tournament.participants import describe, load_participants, make_batches, reload_participants, select
from evo_hns.tournament.tournament import TournamentSpec, play_tournament
from evo_hns.viewer.browser.available_players import AvailablePlayers
from evo_hns.viewer.films.footage import new_footage
from tests.conftest import tiny
from tests.published import full_policy, quadrant_policy

GAME = RunConfig.model_validate({"rules": {"horizon": 12}, "physics": {"num_threads": 1, "num_worlds": 8}})
SMALL_FULL = ("rules.horizon=8", "physics.num_threads=1", "physics.num_worlds=4")


@pytest.fixture
def quadrant(tmp_path: Path) -> Path:
    """A policy for the quadrant."""
    return quadrant_policy(tmp_path / "quadrant.npz")


@pytest.fixture
def run(run_path: Path, tmp_path: Path) -> Path:
    """A run beside the policy."""
    return Path(shutil.copy(run_path, tmp_path / "run.h5"))


def test_an_address_says_whether_actions_are_drawn() -> None:
    for side in Side:
        assert parse_address("openai:a:b/c.npz", side) == Published(Path("a:b/c.npz"), greedy=False)
        assert parse_address("openai-greedy:c.npz", side) == Published(Path("c.npz"), greedy=True)
    assert lasting_name(parse_address("openai-greedy:c.npz", Side.HIDERS), Path("run.h5")) == "openai-greedy:c.npz"


def test_it_plays_either_side_of_the_quadrant_and_the_same_match_again(quadrant: Path) -> None:
    drawn, greedy = f"openai:{quadrant}", f"openai-greedy:{quadrant}"
    first = evaluate(drawn, greedy, GAME, episodes=6)
    assert first.returns == evaluate(drawn, greedy, GAME, episodes=6).returns
    assert first.failed == 0
    assert evaluate(greedy, "random", GAME, episodes=2).failed == 0


def test_a_match_has_the_same_bits_alone_and_among_others(quadrant: Path, run: Path) -> None:
    [alone, *_] = evaluate_returns(run, quadrant, episodes=1)
    assert evaluate_returns(run, quadrant, episodes=9)[0] == alone


def evaluate_returns(run: Path, policy: Path, episodes: int) -> list[bytes]:
    numbers = record(run, f"openai:{policy}", f"openai:{policy}", episodes=episodes)
    with RunView(run) as view:
        return [view.match(number).actions["movement"].tobytes() for number in numbers]


def test_it_plays_the_full_game_with_agents_that_may_be_absent(tmp_path: Path) -> None:
    game = load_experiment("full-small", SMALL_FULL)
    policy = full_policy(tmp_path / "full.npz")
    assert evaluate(f"openai:{policy}", f"openai-greedy:{policy}", game, episodes=4).failed == 0
    assert evaluate("random", f"openai:{policy}", game, episodes=4).failed == 0


def test_a_game_that_it_does_not_fit_is_refused_in_every_verb(run: Path, tmp_path: Path) -> None:
    full = f"openai:{full_policy(tmp_path / 'full.npz')}"
    complaint = r"full\.npz cannot play this game: .* It fits the full game"
    with pytest.raises(ConfigError, match=complaint):
        evaluate(full, "random", GAME)
    with pytest.raises(ConfigError, match=complaint):
        record(run, full, "random")
    with pytest.raises(ConfigError, match=complaint):
        new_footage(run, full)
    with pytest.raises(ConfigError, match=complaint):
        play_tournament(tmp_path / "t.h5", TournamentSpec(select([run], 1, {Side.HIDERS: [full]})), build_evaluator)
    assert not (tmp_path / "t.h5").exists()


def test_its_matches_are_recorded_and_come_out_again(quadrant: Path, run: Path) -> None:
    numbers = record(run, f"openai:{quadrant}", f"{run}:seekers/last", episodes=2)
    replays = [replay(run, number)[0] for number in numbers]
    assert all(each.is_equal for each in replays)
    assert {(each.match.hider, each.match.seeker) for each in replays} == {(f"openai:{quadrant}", "seekers/2")}


def test_it_is_watched_and_filmed_by_its_address(quadrant: Path, run: Path) -> None:
    footage = new_footage(run, f"openai:{quadrant}", "scripted:chaser")
    assert (footage.hider, footage.num_steps) == (f"openai:{quadrant}", 6)
    available = AvailablePlayers(run, {Side.SEEKERS: f"openai-greedy:{quadrant}"})
    assert available.lasting(Side.SEEKERS, available.first[Side.SEEKERS]) == f"openai-greedy:{quadrant}"
    assert available.lasting(Side.HIDERS, "hiders/last") == "hiders/2"


def test_a_tournament_holds_policies_champions_and_scripted_players(quadrant: Path, run: Path, tmp_path: Path) -> None:
    other = quadrant_policy(tmp_path / "other.npz", seed=1)
    asked = [f"openai:{quadrant}", f"openai:{other}", f"openai-greedy:{quadrant}", "random", f"{run}:hiders/last"]
    entry = load_participants(select([run], 1, {Side.HIDERS: asked}), tmp_path)
    names = [who.name for who in entry.participants[Side.HIDERS]]
    policies = ["openai:quadrant.npz", "openai:other.npz", "openai-greedy:quadrant.npz"]
    assert names == [*policies, "scripted:random", "run.h5:hiders/2"]
    squads = make_batches(entry.loaded[Side.HIDERS])
    assert [squad.places.tolist() for squad in squads] == [[0, 1], [2], [3], [4]]
    order = TournamentSpec(select([run], 1, {Side.HIDERS: asked}), min_episodes=2, max_episodes=2)
    played = play_tournament(tmp_path / "t.h5", order, build_evaluator)
    assert (played.cells.count == 2).all()
    more = replace(order, min_episodes=4, max_episodes=4)
    longer = play_tournament(tmp_path / "t.h5", more, build_evaluator)
    whole = play_tournament(tmp_path / "whole.h5", more, build_evaluator)
    assert all(np.array_equal(longer.cells.scores[side], whole.cells.scores[side]) for side in Side)


def test_who_took_part_is_found_again_and_no_other_file_in_its_place(quadrant: Path, run: Path, tmp_path: Path) -> None:
    participants = load_participants(select([run], 1, {Side.SEEKERS: [f"openai:{quadrant}"]}), tmp_path).participants
    assert reload_participants(participants, tmp_path).participants == participants
    quadrant_policy(quadrant, seed=2)
    with pytest.raises(RunFileError, match=r"openai:quadrant\.npz is not the one that the tournament began with"):
        reload_participants(participants, tmp_path)


def test_without_champions_the_game_is_that_of_the_run_that_is_named(quadrant: Path, run: Path, tmp_path: Path) -> None:
    asked = {Side.HIDERS: [f"openai:{quadrant}"], Side.SEEKERS: ["random", f"openai-greedy:{quadrant}"]}
    selection = select([run], 4, asked)
    assert "the game of run.h5" in describe(selection, tmp_path)
    order = TournamentSpec(selection, min_episodes=2, max_episodes=2)
    played = play_tournament(tmp_path / "t.h5", order, build_evaluator)
    assert played.cells.count.tolist() == [[2, 2]]
    assert played.meta.config.world == tiny().world
    run.unlink()  # it was needed to begin
    further = play_tournament(tmp_path / "t.h5", replace(order, max_episodes=4, min_episodes=4), build_evaluator)
    assert further.cells.count.tolist() == [[4, 4]]
    with pytest.raises(ConfigError, match="got nobody from a run: give a run file too, whose game is played"):
        load_participants(select([], 1, asked), tmp_path)
