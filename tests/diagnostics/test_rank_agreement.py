"""Candidates are ranked at each timestep, and ranks that agree are told from ranks that do not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from evo_hns.cli import main
from evo_hns.config import ConfigError, PhysicsConfig, RulesConfig, RunConfig, WorldConfig
from evo_hns.diagnostics.rank_agreement import _compare, _half_ranks, rank_agreement
from evo_hns.evaluation.session import Sessions
from evo_hns.spec import Side

ONE_EACH = RunConfig(
    world=WorldConfig(num_hiders=1, num_seekers=1),
    rules=RulesConfig(horizon=10, prep_fraction=0.2),
    physics=PhysicsConfig(num_worlds=16),
)


def returns_of(worth: np.ndarray, num_matches: int, noise: float, seed: int) -> np.ndarray:
    return worth[:, None] + noise * np.random.default_rng(seed).normal(size=(len(worth), num_matches))


def test_a_timestep_that_ranks_alike_loses_nothing_and_one_that_ranks_by_chance_loses_all() -> None:
    worth = np.random.default_rng(0).normal(size=200)
    exact = returns_of(worth, 8, 2.0, 1)
    halves, (low, high), same = _compare(exact, exact)
    assert (low, high, same) == (0.0, 0.0, pytest.approx(1.0))
    assert halves == pytest.approx(0.5, abs=0.1)  # four matches of noise 2: reliability 1 / (1 + 4 / 4)
    as_good, (low, high), same = _compare(returns_of(worth, 8, 2.0, 2), exact)
    assert low < 0.0 < high
    assert as_good == pytest.approx(halves, abs=0.1)
    assert same < 0.9
    chance, (low, high), _ = _compare(returns_of(0.0 * worth, 8, 2.0, 3), exact)
    assert abs(chance) < 0.15
    assert high < 0.0


def test_equals_share_their_ranks() -> None:
    ranks = _half_ranks(np.array([[2.0, 9.0], [1.0, 9.0], [2.0, 9.0], [np.nan, 3.0]]), np.array([True, True]))
    assert ranks.tolist() == [3.5, 2.0, 3.5, 1.0]


def test_the_games_own_timestep_agrees_with_itself() -> None:
    session = Sessions(ONE_EACH, 1).exact
    players = {side: session.roster(side, torch.zeros(1, session.genome_lengths[side])) for side in Side}
    cuts = [PhysicsConfig(search_substeps=n).of_search for n in (15, 5)]
    found = rank_agreement(ONE_EACH, cuts, players, num_candidates=8, num_matches=4, spread=1.0)
    assert [(a.side, a.num_substeps) for a in found] == [(s.label, n) for s in Side for n in (15, 5)]
    assert all(a.microseconds > 0.0 for a in found)
    for own in found[::2]:
        assert own.difference == (0.0, 0.0)
        assert own.same_matches in (0.0, pytest.approx(1.0))  # 0: short episodes tell nobody apart
    with pytest.raises(ConfigError, match=r"got 3 parameters of the hiders .*, expected 3301"):
        players[Side.HIDERS] = type(players[Side.HIDERS])(players[Side.HIDERS].spec, torch.zeros(1, 3))
        rank_agreement(ONE_EACH, cuts, players)


def test_the_command_draws_candidates_around_champions(run_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    players = [word for side in Side for word in (f"--{side.label}", f"{run_path}:{side.label}/last")]
    counts = ["--candidates", "6", "--matches", "2", "--num-worlds", "12", "--substeps", "15", "5"]
    main(["diagnose", "timestep-study", "quadrant-1v1", "--rules.horizon", "4", *players, *counts, "--json"])
    assert [row["num_substeps"] for row in json.loads(capsys.readouterr().out)] == [15, 5, 15, 5]
