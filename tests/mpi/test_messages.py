"""How tables are cut for ranks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.evaluation.rollout import Episodes
from evo_hns.mpi.messages import SMALLEST_SLICE, Report, deal


@pytest.mark.parametrize("num_matches", [0, 1, 2, 7, 96, 768, 5_000])
@pytest.mark.parametrize("num_ranks", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("size", [1, 64, 128, 256])
def test_every_match_is_in_one_slice_and_no_slice_is_empty_or_too_long(
    num_matches: int, num_ranks: int, size: int
) -> None:
    slices = deal(num_matches, num_ranks, size)
    rows = np.concatenate([np.empty(0, dtype=int), *slices])
    assert sorted(rows) == list(range(num_matches))
    assert all(0 < len(rows) <= size for rows in slices)
    assert len(slices) >= min(num_matches, num_ranks)


@pytest.mark.parametrize(
    ("num_matches", "num_ranks", "size", "lengths"),
    [
        (768, 2, 256, [192, 96, 96]),  # 48 would cost more than they save
        (768, 2, 128, [128, 128, 64, 64]),
        (768, 16, 256, [48]),
        (768, 1, 256, [256, 256, 256]),  # who is alone waits for nobody
    ],
)
def test_slices_grow_shorter_so_that_nobody_is_waited_for_long(
    num_matches: int, num_ranks: int, size: int, lengths: list[int]
) -> None:
    slices = [len(rows) for rows in deal(num_matches, num_ranks, size)]
    assert slices == [length for length in lengths for _ in range(num_ranks)]
    assert min(lengths) >= min(SMALLEST_SLICE, num_matches // num_ranks)


def test_each_slice_takes_evenly_from_all_candidates_and_all_worlds() -> None:
    matches = np.arange(768)
    for rows in deal(768, 2, 256):
        candidates, worlds = matches[rows] // 8, matches[rows] % 8
        assert len(set(candidates)) >= 0.8 * min(96, len(rows))
        assert np.bincount(worlds, minlength=8).min() >= 0.7 * len(rows) / 8


def test_a_report_brings_the_episodes_as_they_were() -> None:
    episodes = Episodes(
        torch.randn(3, 2, dtype=torch.float64),
        {"x": torch.randn(3, dtype=torch.float64)},
        torch.tensor([False, True, False]),
        torch.ones(3, 2, dtype=torch.bool),
    )
    there = Report.of(4, episodes, 1.5, 0).episodes(scene=None)
    assert there is not None
    assert torch.equal(there.returns, episodes.returns)
    assert torch.equal(there.metrics["x"], episodes.metrics["x"])
    assert torch.equal(there.failed, episodes.failed)
    assert torch.equal(there.agent_mask, episodes.agent_mask)
    assert Report(4, None, 1.5, 15).episodes(scene=None) is None
