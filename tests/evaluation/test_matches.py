"""Match tables: everyone plays the same list, nothing is lost in batches."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.evaluation.matches import HELD_OUT_SEED, MatchTable, concatenate, held_out_seeds, same_list_for_all
from evo_hns.spec import Side


@pytest.mark.parametrize("side", list(Side))
def test_every_candidate_plays_the_same_list(side: Side) -> None:
    table = same_list_for_all(side, np.arange(3), np.array([7, 5]), np.array([100, 200]))
    assert len(table) == 6
    for candidate in range(3):
        mine = table.rows(side) == candidate
        assert table.rows(side.other)[mine].tolist() == [7, 5]
        assert table.seed[mine].tolist() == [100, 200]


def _table(num: int) -> MatchTable:
    return MatchTable(np.arange(num), np.arange(num) + 1, np.arange(num) + 2)


@pytest.mark.parametrize(("num", "size", "multiple"), [(10, 4, 1), (10, 4, 2), (1, 8, 2), (64, 32, 2), (7, 100, 3)])
def test_batches_hold_the_table_in_order(num: int, size: int, multiple: int) -> None:
    table = _table(num)
    parts = list(table.batches(size, multiple_of=multiple))
    assert all(0 < len(part) <= size for part in parts)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    joined = concatenate(parts)
    for side in Side:
        assert joined.rows(side).tolist() == table.rows(side).tolist()
    assert joined.seed.tolist() == table.seed.tolist()


def test_held_out_seeds_lie_where_training_never_draws() -> None:
    seeds = held_out_seeds(256)
    assert len(set(seeds.tolist())) == 256
    assert seeds.min() >= HELD_OUT_SEED
    assert seeds.max() < 2**32  # what the worlds' generator can take
