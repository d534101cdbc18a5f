"""Splits of tables with holes: right whatever the size, and silent about what no match compares."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.tournament.measures.additive import Additive, groups, noise_free_share, require_one_group
from evo_hns.tournament.measures.paired import Contest
from evo_hns.tournament.measures.score_table import UnanswerableError
from tests.tournament.measures.made import additive


def in_two_groups(num: int) -> np.ndarray:
    played = np.zeros((num, num), dtype=bool)
    played[: num // 2, : num // 2] = played[num // 2 :, num // 2 :] = True
    return played


@pytest.mark.parametrize("num", [5, 60, 120, 200])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_no_size_of_table_makes_the_inverse_explode(num: int, share: float) -> None:
    rng = np.random.default_rng(num)
    played = rng.random((num, num)) < share
    played[:, 0] = played[0, :] = True
    split = Additive(played)
    assert np.abs(split.inverse).max() < 4.0
    strength = rng.standard_normal(num)
    scores = strength[:, None] - strength[None, :]
    found = split.effects(scores)[:num]
    assert found - found.mean() == pytest.approx(strength - strength.mean(), abs=1e-10)
    contest = Contest(played)
    assert contest.ratings(contest.whole(scores)) == pytest.approx(2 * (strength - strength.mean()), abs=1e-10)


@pytest.mark.parametrize("played", [np.ones((4, 6), dtype=bool), in_two_groups(6)])
def test_the_inverse_is_moore_and_penroses(played: np.ndarray) -> None:
    split = Additive(played)
    normal = np.linalg.pinv(split.inverse, rcond=1e-8, hermitian=True)
    rows, columns = played.sum(1), played.sum(0)
    assert normal == pytest.approx(np.block([[np.diag(rows), played], [played.T, np.diag(columns)]]), abs=1e-10)


def test_groups_are_of_those_who_met_directly_or_through_others() -> None:
    linked = np.zeros((5, 5), dtype=bool)
    linked[0, 3] = linked[4, 3] = True
    count, group = groups(linked)
    assert (count, group.tolist()) == (3, [0, 1, 2, 0, 0])
    with pytest.raises(UnanswerableError, match="into 2 groups that never met each other"):
        require_one_group(in_two_groups(6))
    one = in_two_groups(6)
    one[0, 5] = True
    require_one_group(one)


def test_a_table_of_strengths_leaves_nothing_at_all() -> None:
    scores = 0.1 * additive(30) + 0.3
    split = Additive(np.ones((30, 30), dtype=bool))
    assert not split.rest(split.whole(scores)).any()
    assert not split.whole(np.full((30, 30), 0.1)).any()


def test_scores_that_differ_by_rounding_alone_are_not_split() -> None:
    scores = 0.3 + 1e-16 * np.random.default_rng(0).integers(-2, 3, (8, 8))
    split, none = Additive(np.ones((8, 8), dtype=bool)), np.zeros((8, 8))
    with pytest.raises(UnanswerableError, match="differ no more than noise"):
        noise_free_share(split, scores, none, none + 9.0, np.random.default_rng(0), 20)
