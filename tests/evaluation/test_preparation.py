"""Matches that begin alike share their preparation, and nobody can tell by any bit."""

from __future__ import annotations

from typing import Any
from unittest.mock import PropertyMock, patch

import numpy as np
import pytest
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import MatchTable, concatenate, same_list_for_all
from evo_hns.evaluation.rollout import Episodes, Keep
from evo_hns.evaluation.session import GameSession, Sessions
from evo_hns.physics.cpu import CpuPhysics
from evo_hns.policies.roster import PlayerSpec, Roster, scripted_roster
from evo_hns.spec import Side

RULES: dict[str, Any] = {"horizon": 24, "prep_fraction": 0.5, "lock_ramp": True}
ONE_EACH = {"world": {"num_hiders": 1, "num_seekers": 1}, "policy": {"hidden_size": 4}, "rules": RULES}
FOOD = {"food": {"radius": 1.5, "in_preparation": True, "when_caught": True, "respawn_time": 3}}
VARYING = {
    "scenario": "randomwalls",
    "num_hiders": (1, 3),
    "num_seekers": (1, 2),
    "num_boxes": (1, 4),
    "num_ramps": (0, 2),
    "free_box_rotation": True,
}
GAMES: dict[str, dict[str, Any]] = {
    "one each, coarse": {**ONE_EACH, "physics": {"search_substeps": 5}},
    "two each with memory": {"rules": RULES, "policy": {"hidden_size": 4, "gru_size": 3}},
    "two each with random inputs, latches and held decisions": {
        "rules": RULES,
        "policy": {"hidden_size": 4, "leaky_size": 2, "noise": "step", "lock_latch": 0.2, "hold": 5, "frame": "box"},
    },
    "two each with senses that remember": {
        "rules": RULES,
        "policy": {"hidden_size": 4, "openings": 1, "doors": 2, "last_seen": 2, "nearest": 1},
    },
    "the paper's network": {**ONE_EACH, "policy": {"network": "entity", "entity": {"num_cells": 4}}},
    "food": {**ONE_EACH, "world": {"num_food": 3}, "rules": {**RULES, **FOOD, "grab_exclusive": True}},
    "counts that vary": {"world": VARYING, "rules": RULES, "policy": {"hidden_size": 4, "gru_size": 2}},
}


def session_of(settings: dict[str, Any], num_worlds: int = 12) -> GameSession:
    physics = {"num_threads": 1, **settings.get("physics", {})}
    return Sessions(RunConfig.model_validate({**settings, "physics": physics}), num_worlds).search


def everybody(session: GameSession, num: int) -> dict[Side, Roster]:
    generator = torch.Generator().manual_seed(0)
    genomes = {side: torch.randn(num, session.genome_lengths[side], generator=generator) for side in Side}
    return {side: session.roster(side, 1.5 * genomes[side]) for side in Side}


def compared(num_candidates: int = 4, num_opponents: int = 2) -> MatchTable:
    """Both sides' candidates, each against the other side's last ones."""
    candidates, opponents = np.arange(num_candidates), num_candidates + np.arange(num_opponents)
    return concatenate([same_list_for_all(side, candidates, opponents, np.arange(num_opponents)) for side in Side])


def play(session: GameSession, table: MatchTable, rosters: dict[Side, Roster], *keep: Keep) -> tuple[Episodes, int]:
    """The episodes, and in how many batches matches branched."""
    with patch.object(CpuPhysics, "branch", autospec=True, side_effect=CpuPhysics.branch) as branch:
        return session.play(table, rosters, keep=["final_observation", *keep]), branch.call_count


def play_each_alone(session: GameSession, table: MatchTable, rosters: dict[Side, Roster]) -> Episodes:
    with patch.object(CpuPhysics, "can_branch", PropertyMock(return_value=False)):
        episodes, num_branches = play(session, table, rosters)
    assert num_branches == 0
    return episodes


def assert_same_bits(some: Episodes, others: Episodes) -> None:
    assert some.final_observation is not None
    for name, values in vars(some.final_observation).items():
        assert torch.equal(values, getattr(others.final_observation, name)), name
    for name, values in some.metrics.items():
        assert torch.equal(values, others.metrics[name]), name
    assert torch.equal(some.returns, others.returns)
    assert torch.equal(some.failed, others.failed)
    assert torch.equal(some.agent_mask, others.agent_mask)


@pytest.mark.parametrize("game", GAMES)
def test_a_shared_preparation_gives_the_bits_of_matches_played_alone(game: str) -> None:
    session = session_of(GAMES[game])
    table, rosters = compared(), everybody(session, 6)
    shared, num_branches = play(session, table, rosters)
    assert num_branches == 1  # in the batch of the seekers' candidates
    assert_same_bits(shared, play_each_alone(session, table, rosters))
    assert shared.final_observation is not None
    ends = shared.final_observation.observation_self.flatten(1)
    assert len(torch.unique(ends, dim=0)) == len(table)  # no two end alike


def test_scripted_players_share_it_too() -> None:
    session = session_of(ONE_EACH)
    rosters = everybody(session, 6) | {Side.HIDERS: scripted_roster("random")}
    rows = np.arange(6)
    table = MatchTable(np.zeros(6, np.int64), rows, rows % 2)
    shared, num_branches = play(session, table, rosters)
    assert num_branches == 1
    assert_same_bits(shared, play_each_alone(session, table, rosters))


def test_a_world_that_fails_while_it_is_prepared_counts_for_every_match() -> None:
    session = session_of(ONE_EACH)
    game, rows = session.game, np.arange(6)
    table, rosters = MatchTable(rows % 2, rows, rows % 2), everybody(session, 6)
    step = game.physics.step

    def fail(num_substeps: int, worlds: torch.Tensor | None = None) -> torch.Tensor:
        failed = step(num_substeps, worlds)
        failed[0] |= game.state.t == 3
        return failed

    with patch.object(game.physics, "step", fail):
        episodes, _ = play(session, table, rosters)
    assert episodes.failed.tolist() == [True, False] * 3
    assert game.discards == {"physics": 3, "flung": 0}
    assert (episodes.returns[::2] == 0.0).all()


def test_what_is_kept_of_the_preparation_is_played_by_each_match() -> None:
    session = session_of(ONE_EACH)
    table, rosters = compared(), everybody(session, 6)
    for keep in ("actions", "trajectory"):
        assert play(session, table, rosters, keep)[1] == 0


def test_players_of_a_users_own_share_nothing() -> None:
    session = session_of(ONE_EACH)
    rosters = everybody(session, 6) | {Side.SEEKERS: Roster(PlayerSpec(factory="toy:still"), torch.zeros(1, 0))}
    table = MatchTable(np.zeros(4, np.int64), np.zeros(4, np.int64), np.zeros(4, np.int64))
    with patch("evo_hns.policies.roster.load_factory", lambda _: scripted_still):
        assert play(session, table, rosters)[1] == 0


def scripted_still(spec: Any, num_agents: int) -> Any:
    return PlayerSpec(scripted="still").build(spec).bind(torch.zeros(1, 1, 0), num_agents)


def test_an_order_of_matches_puts_one_of_each_preparation_first() -> None:
    table = MatchTable(np.array([1, 0, 1, 1]), np.arange(4), np.array([5, 5, 5, 6]))
    order, alike = table.preparations()
    assert order.tolist() == [1, 0, 3, 2]
    assert alike.tolist() == [0, 1, 2, 1]
