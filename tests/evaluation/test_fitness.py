"""Fitness: means over a team and its matches, and nothing that is not finite."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.config import CoevolutionConfig, ConfigError
from evo_hns.evaluation.fitness import (
    FITNESS,
    MatchesFailedError,
    adapted_virulence,
    build_fitness,
    moderated,
    shared_wins,
    team_fitness,
    team_return,
    win_share,
    wins,
)
from evo_hns.evaluation.rollout import Episodes
from evo_hns.experiment import parse_config
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
    got = team_fitness(team_return(episodes, SPEC, Side.HIDERS), rows, Side.HIDERS, num_genomes=5)
    for genome in range(5):
        scores = [returns[m, :2].mean() for m in range(60) if rows[m] == genome and not failed[m]]
        assert float(got[genome]) == pytest.approx(np.mean(scores), abs=1e-12)


def test_a_candidate_whose_matches_all_failed_is_worst_and_finite() -> None:
    episodes = _episodes([[1, 1, -1], [5, 5, -5], [48, 48, -48]], [False, False, True])
    got = team_fitness(team_return(episodes, SPEC, Side.HIDERS), np.array([0, 1, 2]), Side.HIDERS, num_genomes=3)
    assert got.tolist() == [1.0, 5.0, 1.0]


def test_nothing_to_score_is_an_error() -> None:
    episodes = _episodes([[1, 1, -1]], [True])
    with pytest.raises(MatchesFailedError, match="all 1 matches of the hiders failed in the physics"):
        team_fitness(team_return(episodes, SPEC, Side.HIDERS), np.array([0]), Side.HIDERS, num_genomes=1)


NAN = float("nan")


def _table(returns: list[list[float]]) -> tuple[torch.Tensor, np.ndarray, np.ndarray, int]:
    """A row of returns for each genome, a column for each opponent, as a fitness takes them."""
    values = np.array(returns)
    rows, opponents = np.indices(values.shape)
    return torch.from_numpy(values.ravel()), rows.ravel(), opponents.ravel(), len(values)


def test_every_fitness_has_a_setting() -> None:
    assert set(FITNESS) == set(CoevolutionConfig.model_fields["fitness"].annotation.__args__)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", FITNESS)
def test_every_fitness_is_the_same_in_any_order_and_knows_no_match_from_a_lost_one(name: str) -> None:
    rng = np.random.default_rng(1)
    scores, rows, opponents, num = _table((rng.integers(-5, 6, (6, 8)).astype(float)).tolist())
    scores[rows == 2] = NAN  # all of its matches failed
    order = rng.permutation(len(rows))
    got = FITNESS[name](scores, rows, opponents, num)
    again = FITNESS[name](scores[torch.from_numpy(order)], rows[order], opponents[order], num)
    assert (got.shape, got.dtype) == ((6,), torch.float64)
    assert torch.isnan(got).tolist() == [row == 2 for row in range(6)]
    torch.testing.assert_close(got, again, equal_nan=True)


def test_a_match_is_won_by_a_return_above_zero() -> None:
    assert wins(torch.tensor([3.0, 0.0, -0.5])).tolist() == [1.0, 0.5, 0.0]
    assert torch.isnan(wins(torch.tensor([NAN]))).all()
    assert win_share(*_table([[3, 0, -1, 9]])).tolist() == [2.5 / 4]


def test_a_shared_win_is_worth_less_the_more_have_it() -> None:
    # opponents 0, 1, 2, 3 are beaten by two, one, nobody and all three
    got = shared_wins(*_table([[1, -1, -1, 5], [2, 7, -1, 5], [-1, -1, -1, 5]]))
    assert got.tolist() == pytest.approx([1 / 2 + 1 / 3, 1 / 2 + 1 + 1 / 3, 1 / 3])


def test_wins_over_one_opponent_in_several_worlds_are_shared_as_one() -> None:
    scores, rows, _, num = _table([[1, 1, -1], [1, -1, -1]])
    got = shared_wins(scores, rows, np.array([7, 7, 9] * 2), num)
    assert got.tolist() == pytest.approx([1 / 1.5, 0.5 / 1.5])


def test_a_match_that_failed_gives_what_others_got_from_it() -> None:
    got = shared_wins(*_table([[1, NAN], [1, 4], [-1, -4]]))
    assert got.tolist() == pytest.approx([1 / 2 + 1 / 2, 1 / 2 + 1, 0.0])


def test_virulence_makes_who_sometimes_loses_the_fittest() -> None:
    shares = torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8])  # x = 0, 1/4, 1/2, 3/4, 1
    assert moderated(shares, 0.75).tolist() == pytest.approx([0, 5 / 9, 8 / 9, 1, 8 / 9])
    assert moderated(shares, 0.5).tolist() == pytest.approx([0, 3 / 4, 1, 3 / 4, 0])
    assert moderated(shares, 1.0).tolist() == pytest.approx([0, 7 / 16, 3 / 4, 15 / 16, 1])
    assert moderated(torch.zeros(3), 0.5).tolist() == [0, 0, 0]
    assert torch.isnan(moderated(torch.tensor([NAN, 1.0]), 0.75)).tolist() == [True, False]


def test_virulence_adapts_to_how_much_a_side_wins() -> None:
    assert [adapted_virulence(share) for share in (0.0, 0.5, 0.75, 1.0, NAN)] == [1.0, 1.0, 0.75, 0.5, 1.0]
    table = _table([[1, 1, 1, 1], [1, 1, -1, -1]])  # three quarters are won
    got = build_fitness(CoevolutionConfig(fitness="wins", virulence="auto"))(*table)
    assert got.tolist() == pytest.approx(moderated(torch.tensor([1.0, 0.5]), 0.75).tolist())


def test_full_virulence_is_none() -> None:
    assert all(build_fitness(CoevolutionConfig(fitness=name)) is FITNESS[name] for name in FITNESS)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"virulence": 0.7}, "got virulence 0.7 of mean returns, which have no zero.*'wins' or 'shared-wins'"),
        ({"virulence": "auto"}, "got virulence auto of mean returns"),
        ({"virulence": 0.4, "fitness": "wins"}, "got virulence 0.4, expected 0.5 to 1, or 'auto'"),
    ],
)
def test_a_virulence_that_means_nothing_is_refused(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_config({"coevolution": settings})
