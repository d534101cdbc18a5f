"""Fitness: means over a team and its matches, and nothing that is not finite."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.evaluation.fitness import MatchesFailedError, team_fitness, team_return
from evo_hns.rollout import Episodes
from evo_hns.spec import ObservationSpec, Side

SPEC = ObservationSpec(num_hiders=2, num_seekers=1, num_boxes=0, num_ramps=0, num_lidar_rays=30)


def _episodes(returns: list[list[float]], failed: list[bool], there: list[list[bool]] | None = None) -> Episodes:
    values = torch.tensor(returns, dtype=torch.float64)
    agent_mask = torch.ones_like(values, dtype=torch.bool) if there is None else torch.tensor(there)
    return Episodes(values, {}, torch.tensor(failed), agent_mask)


def test_a_team_earns_the_mean_of_its_members() -> None:
    episodes = _episodes([[4.0, -10.0, 6.0]], [False])
    assert team_return(episodes, SPEC, Side.HIDERS).tolist() == [-3.0]
    assert team_return(episodes, SPEC, Side.SEEKERS).tolist() == [6.0]


def test_who_is_absent_counts_for_nothing() -> None:
    episodes = _episodes([[4.0, 0.0, 6.0]], [False], [[True, False, True]])
    assert team_return(episodes, SPEC, Side.HIDERS).tolist() == [4.0]


def test_fitness_equals_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    returns = rng.integers(-48, 49, (60, 3)).astype(float)
    failed = rng.random(60) < 0.3
    rows = rng.integers(0, 7, 60)  # rows 5 and 6 are opponents
    episodes = _episodes(returns.tolist(), failed.tolist())
    got = team_fitness(episodes, rows, SPEC, Side.HIDERS, num_genomes=5)
    for genome in range(5):
        scores = [returns[m, :2].mean() for m in range(60) if rows[m] == genome and not failed[m]]
        assert float(got[genome]) == pytest.approx(np.mean(scores), abs=1e-12)


def test_a_candidate_whose_matches_all_failed_is_worst_and_finite() -> None:
    episodes = _episodes([[1, 1, -1], [5, 5, -5], [48, 48, -48]], [False, False, True])
    got = team_fitness(episodes, np.array([0, 1, 2]), SPEC, Side.HIDERS, num_genomes=3)
    assert got.tolist() == [1.0, 5.0, 1.0]


def test_nothing_to_score_is_an_error() -> None:
    episodes = _episodes([[1, 1, -1]], [True])
    with pytest.raises(MatchesFailedError, match="all 1 matches of the hiders failed in the physics"):
        team_fitness(episodes, np.array([0]), SPEC, Side.HIDERS, num_genomes=1)
