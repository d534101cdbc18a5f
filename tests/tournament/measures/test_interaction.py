"""What no rating explains is found, less its noise; its intervals cover the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evo_hns.spec import Side
from evo_hns.tournament.measures.interaction import interaction, reversals
from evo_hns.tournament.measures.paired import paired
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError, side_table, zero_sum_table
from tests.tournament.measures.made import additive, cycling, payoff, rock_paper_scissors


def table_of(truth: np.ndarray, *, sd: float = 1.0, episodes: int = 8, seed: int = 0) -> ScoreTable:
    made = payoff(truth, sd=sd, episodes=episodes, seed=seed)
    return zero_sum_table(made, np.arange(truth.shape[0]), np.arange(truth.shape[1]))


def mixed(num: int, share: float, seed: int = 0) -> np.ndarray:
    """`(num, num)` a table of which this share of the variance is interaction."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.standard_normal((2, num))
    strength = rows[:, None] - columns[None, :]
    strength -= strength.mean()
    rest = rng.standard_normal((num, num))
    rest -= rest.mean(0)
    rest -= rest.mean(1, keepdims=True)
    return np.sqrt(1 - share) * strength / strength.std() + np.sqrt(share) * rest / rest.std()


def test_rock_paper_scissors_is_all_interaction() -> None:
    found = interaction(table_of(rock_paper_scissors(), sd=0.3), np.random.default_rng(0))
    assert found.share.value > 0.95
    assert found.share.high == pytest.approx(1.0, abs=0.01)
    assert found.components == 2


def test_strengths_alone_have_none() -> None:
    without_noise = interaction(table_of(additive(6), sd=0.0), np.random.default_rng(0))
    assert without_noise.share.value == pytest.approx(0.0, abs=1e-12)
    covered = [
        interaction(table_of(mixed(10, 0.0, seed), sd=1.5, seed=seed), np.random.default_rng(seed), replicates=60)
        for seed in range(40)
    ]
    assert sum(found.share.low == 0.0 for found in covered) >= 37
    assert np.mean([found.share.value for found in covered]) < 0.05
    assert sum(found.components > 0 for found in covered) <= 6


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_the_share_is_unbiased_and_its_interval_covers_it(share: float) -> None:
    truth = mixed(10, share)
    found = [
        interaction(table_of(truth, sd=2.0, seed=seed), np.random.default_rng(seed), replicates=60).share
        for seed in range(60)
    ]
    assert np.mean([one.value for one in found]) == pytest.approx(share, abs=0.03)
    assert sum(one.low <= share <= one.high for one in found) >= 53


def test_a_circle_has_two_components() -> None:
    assert interaction(table_of(cycling(20, 7.0), sd=0.5), np.random.default_rng(0)).components == 2


def test_scores_alike_within_their_noise_cannot_be_split() -> None:
    with pytest.raises(UnanswerableError, match="differ no more than noise"):
        interaction(table_of(np.zeros((6, 6))), np.random.default_rng(0))


def test_cells_that_were_not_played_do_not_pass_for_interaction() -> None:
    made = payoff(additive(12), sd=0.5)
    holes = np.random.default_rng(1).random((12, 12)) < 0.3
    made.count[holes] = 0
    for side in Side:
        made.mean[side][holes] = np.nan
    table = zero_sum_table(made, np.arange(12), np.arange(12))
    assert interaction(table, np.random.default_rng(0)).share.high < 0.01


def test_a_saturated_table_has_interaction_but_no_reversals() -> None:
    table = table_of(np.tanh(additive(12)), sd=0.2, episodes=16)
    assert interaction(table, np.random.default_rng(0)).share.low > 0.05
    found = reversals(table, np.random.default_rng(0))
    assert found.share.value < 0.06
    assert found.chance < 0.06
    assert found.pairs == 66


def test_reversals_are_what_rock_paper_scissors_is_made_of() -> None:
    found = reversals(table_of(rock_paper_scissors(), sd=0.3), np.random.default_rng(0))
    assert found.share.value == 1.0
    assert found.share.low > 0.2
    assert found.chance < 0.2


@pytest.mark.filterwarnings("error")
def test_players_who_score_alike_have_no_reversals_and_no_warning() -> None:
    table = table_of(np.full((2, 2), 2.25))
    same = replace(table, scores=np.full_like(table.scores, 2.25))
    assert reversals(same, np.random.default_rng(0)).share.value == 0.0


def test_reversals_by_chance_are_rarer_than_their_level() -> None:
    found = [reversals(table_of(np.zeros((10, 10)), seed=seed), np.random.default_rng(seed)) for seed in range(20)]
    assert np.mean([one.share.value for one in found]) < 0.05


def test_teams_that_get_better_have_ratings_and_no_circle() -> None:
    truth = 3.0 * np.arange(8.0)[:, None] - np.arange(8.0)[None, :]  # not even: hiders gain more than seekers
    found = paired(table_of(truth, sd=0.5), np.random.default_rng(0))
    assert found.generations == tuple(range(8))
    assert np.allclose(np.diff(found.ratings), 4.0, atol=0.8)
    assert found.cyclic.value < 0.01
    assert found.dominant == tuple(range(8))


def test_teams_in_a_circle_have_no_ratings() -> None:
    found = paired(table_of(cycling(9, 9.0), sd=0.3), np.random.default_rng(0))
    assert found.cyclic.value > 0.95
    assert len(found.dominant) < 6


def test_interactions_that_both_roles_share_cancel_between_teams() -> None:
    rest = mixed(8, 1.0)
    symmetric = rest + rest.T
    found = paired(table_of(additive(8) + symmetric, sd=0.1), np.random.default_rng(0))
    assert found.cyclic.value < 0.01


def test_a_pure_circle_without_noise_has_its_two_components_and_no_more() -> None:
    assert interaction(table_of(cycling(12, 6.0), sd=0.0), np.random.default_rng(0)).components == 2


def test_means_that_differ_by_the_order_of_their_sum_are_the_same() -> None:
    """0.1 + 0.2 and 0.3, seen without noise: nobody is better than anybody."""
    table = table_of(np.where(np.random.default_rng(0).random((6, 6)) < 0.5, 0.1 + 0.2, 0.3), sd=0.0)
    assert reversals(table, np.random.default_rng(0)).share.value == 0.0
    with pytest.raises(UnanswerableError, match="differ no more than noise"):
        interaction(table, np.random.default_rng(0))


def test_teams_in_two_groups_are_not_compared() -> None:
    table = table_of(additive(6), sd=0.5)
    table.scores[:3, 3:] = table.scores[3:, :3] = np.nan
    with pytest.raises(UnanswerableError, match="teams fall into 2 groups"):
        paired(table, np.random.default_rng(0))


def test_without_noise_known_no_interval_is_made_up() -> None:
    made = payoff(additive(4), sd=1.0)
    single = replace(made, count=np.ones((4, 4), np.int64))
    with pytest.raises(UnanswerableError, match="two or more episodes"):
        side_table(single, Side.HIDERS, np.arange(4), np.arange(4))
