"""How tables are cut for ranks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.evaluation.waves import SMALLEST_SLICE, Report, deal
from evo_hns.rollout import Episodes


@pytest.mark.parametrize("num_matches", [0, 1, 2, 7, 96, 768, 5_000])
@pytest.mark.parametrize("num_players", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("size", [1, 64, 128, 256])
def test_every_match_is_in_one_slice_and_no_slice_is_empty_or_too_long(
    num_matches: int, num_players: int, size: int
) -> None:
    slices = deal(num_matches, num_players, size)
    rows = np.concatenate([np.empty(0, dtype=int), *slices])
    assert sorted(rows) == list(range(num_matches))
    assert all(0 < len(rows) <= size for rows in slices)
    assert len(slices) >= min(num_matches, num_players)


def test_slices_are_alike_but_for_the_last_which_are_half_as_long() -> None:
    lengths = [len(rows) for rows in deal(768, 2, 128)]
    assert lengths == [128] * 4 + [64] * 4


def test_slices_that_are_short_already_are_not_halved() -> None:
    lengths = [len(rows) for rows in deal(400, 2, 2 * SMALLEST_SLICE - 1)]
    assert max(lengths) - min(lengths) <= 1


def test_each_slice_takes_from_all_candidates() -> None:
    candidates = np.arange(768) // 8
    for rows in deal(768, 4, 96):
        assert len(set(candidates[rows])) > 80


def test_a_report_brings_the_episodes_as_they_were() -> None:
    episodes = Episodes(
        torch.randn(3, 2, dtype=torch.float64),
        {"x": torch.randn(3, dtype=torch.float64)},
        torch.tensor([False, True, False]),
        torch.ones(3, 2, dtype=torch.bool),
    )
    there = Report.of(4, episodes, 1.5, 0).episodes
    assert there is not None
    assert torch.equal(there.returns, episodes.returns)
    assert torch.equal(there.metrics["x"], episodes.metrics["x"])
    assert torch.equal(there.failed, episodes.failed)
    assert torch.equal(there.agent_mask, episodes.agent_mask)
    assert Report(4, None, 1.5, 15).episodes is None
