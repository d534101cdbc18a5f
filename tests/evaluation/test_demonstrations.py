"""A demonstrator plays the first env steps of a match; then a team goes on as if it had played them itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from evo_hns.config import RunConfig
from evo_hns.envs.game import Game
from evo_hns.evaluation.demonstrations import begin_demonstrated, demonstrated_steps
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.preparation import initial_states, join_teams
from evo_hns.evaluation.session import GameSession, Sessions, build_session
from evo_hns.policies.roster import Roster, scripted_roster
from evo_hns.spec import Action, Side
from evo_hns.worlds.layout import SEEDS_OF_A_KIND, sample_layouts

HORIZON, DEMONSTRATOR = 14, {Side.HIDERS: "reactive-builder", Side.SEEKERS: "chaser"}
NETWORKS: dict[str, dict[str, Any]] = {
    "memory": {"hidden_size": 4, "gru_size": 3, "doors": 1, "last_seen": 1},
    "none": {"hidden_size": 4},
}


def session_with(side: Side, network: str, num_worlds: int = 12) -> GameSession:
    settings: dict[str, Any] = {
        "world": {"num_hiders": 1, "num_seekers": 1},
        "rules": {"horizon": HORIZON, "prep_fraction": 0.5},
        "policy": NETWORKS[network],
        side.label: {"demonstration": {"player": DEMONSTRATOR[side], "env_steps": 13}},
    }
    return build_session(RunConfig.model_validate(settings), num_worlds)


def everybody(session: GameSession) -> dict[Side, Roster]:
    generator = torch.Generator().manual_seed(1)
    return {
        side: session.roster(side, torch.randn(3, session.genome_lengths[side], generator=generator)) for side in Side
    }


def played_by_hand(session: GameSession, table: MatchTable, side: Side, env_steps: list[int]) -> list[list[Action]]:
    """What was done, match by match: both players observe everything, and one of them is heard."""
    rosters, done, game = everybody(session), [], session.game
    for number, heard_from in enumerate(env_steps):
        one = table.take(np.array([number]))
        teams = {each: rosters[each].bind(session.spec, each, torch.from_numpy(one.rows(each))) for each in Side}
        shown = scripted_roster(DEMONSTRATOR[side]).bind(session.spec, side, torch.zeros(1, dtype=torch.int64))
        states = initial_states(teams, one.seed)
        remembered = initial_states({side: shown}, one.seed)[side]
        observation, actions = game.reset(one.seed), []
        for t in range(HORIZON):
            parts = {}
            for each in Side:
                seen = observation.of(session.spec.team(each))
                parts[each], states[each] = teams[each].act(seen, states[each])
            theirs, remembered = shown.act(observation.of(session.spec.team(side)), remembered)
            if t < heard_from:
                parts[side] = theirs
            actions.append(join_teams([parts[each] for each in Side]))
            observation = game.step(actions[-1]).observation
        done.append(actions)
    return done


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("side", Side)
def test_the_first_env_steps_are_the_demonstrators_and_the_rest_the_teams(side: Side, network: str) -> None:
    session, env_steps = session_with(side, network), [0, 3, 9, 13]
    seeds = begin_demonstrated(np.array([5, 5, 6, 5]), side, np.array(env_steps))
    table = MatchTable(np.array([0, 1, 1, 2]), np.array([2, 1, 0, 0]), seeds)
    with torch.inference_mode():
        oracle = played_by_hand(session, table, side, env_steps)
    episodes = session.play(table, everybody(session), keep=("actions",))
    assert episodes.actions is not None
    for number, actions in enumerate(oracle):
        for name, values in episodes.actions.items():
            whole = torch.cat([getattr(action, name) for action in actions])
            np.testing.assert_array_equal(np.asarray(values)[number], whole.numpy())


@pytest.mark.parametrize("side", Side)
def test_a_match_is_the_same_in_any_batch_and_with_a_shared_preparation(side: Side) -> None:
    session, rosters = session_with(side, "memory"), everybody(session_with(side, "memory"))
    seeds = np.tile(begin_demonstrated(np.array([7, 8]), side, np.array([4, 11])), 3)
    rows = np.repeat(np.arange(3), 2)
    table = MatchTable(np.zeros(6, np.int64), rows, seeds) if side else MatchTable(rows, np.zeros(6, np.int64), seeds)
    shared = session.play(table, rosters)
    alone = [session.play(table.take(np.array([k])), rosters) for k in range(6)]
    assert torch.equal(shared.returns, torch.cat([each.returns for each in alone]))
    for name, values in shared.metrics.items():
        torch.testing.assert_close(values, torch.cat([e.metrics[name] for e in alone]), rtol=0, atol=0, equal_nan=True)
    own = session.play(MatchTable(table.hider, table.seeker, np.tile([7, 8], 3)), rosters)
    assert not torch.equal(own.returns, shared.returns)  # the demonstrator makes a difference


def test_how_far_a_match_is_demonstrated_is_in_its_seed_and_changes_no_world() -> None:
    seeds, env_steps = np.array([3, 2 * SEEDS_OF_A_KIND + 9, 4]), np.array([0, 1, 8191])
    for side in Side:
        begun = begin_demonstrated(seeds, side, env_steps)
        assert (begun >= 0).all() and begun[0] == 3  # a match that nobody demonstrates is the one that it was
        assert demonstrated_steps(begun, side).tolist() == env_steps.tolist()
        assert demonstrated_steps(begun, side.other).tolist() == [0, 0, 0]
        assert (begun * 2 >= 0).all()  # players draw from twice the seed
    game: Game = session_with(Side.HIDERS, "none").game
    there = begin_demonstrated(np.array([3, 4]), Side.SEEKERS, np.array([5, 6]))
    for name, values in vars(sample_layouts(game.world, there)).items():
        np.testing.assert_array_equal(values, getattr(sample_layouts(game.world, np.array([3, 4])), name))


def test_a_demonstrator_that_cannot_play_is_refused() -> None:
    config = RunConfig.model_validate({"hiders": {"demonstration": {"player": "bulider"}}})
    with pytest.raises(ValueError, match=r"hiders\.demonstration\.player: no scripted player 'bulider'"):
        Sessions(config, 1).exact  # noqa: B018
