"""Random numbers of training: no stream is another one, and what one draws shifts none of the others."""

from __future__ import annotations

from itertools import product
from typing import Any, cast

import numpy as np
import pytest

from evo_hns.spec import Side
from evo_hns.training.random_streams import Stream, seed_of, stream, streams
from tests.toy import ToyEvaluator, toy


def test_no_two_streams_draw_the_same_numbers() -> None:
    keys = list(product((0, 1, 2**31 - 1), (0, 1, 300), Stream, (None, *Side)))
    drawn = {tuple(stream(*key).integers(2**62, size=2).tolist()) for key in keys}
    assert len(drawn) == len(keys)


def test_what_a_stream_draws_is_part_of_every_run_and_stays_as_it_is() -> None:
    expected = [165, 580, 391, 224, 562, 22, 291, 4, 834, 249, 303, 621, 833, 432, 299, 331, 546, 339, 715, 118, 355]
    assert [int(stream(3, 7, which).integers(1000)) for which in Stream] == expected
    assert [int(rng.integers(1000)) for rng in streams(3, 7, Stream.WORLDS).values()] == [877, 566]
    assert seed_of(3, 0, Stream.SEARCH, Side.SEEKERS) == 1810531100


def worlds_of_generation(generation: int, **coevolution: Any) -> list[np.ndarray]:
    """World seeds of each batch of a generation that is played after those before it."""
    trainer = toy(lambda h, s, _: h[:, 0] - s[:, 0], **coevolution)
    toys, generations = cast(ToyEvaluator, trainer.evaluator), trainer.generations()
    for _ in range(generation + 1):
        toys.tables.clear()
        next(generations)
    return [np.unique(table.seed) for table, _ in toys.tables]


@pytest.mark.parametrize("more", [{"episodes_per_candidate": 3}, {"opponent_sampler": "latest"}, {"num_finalists": 2}])
def test_finals_are_played_in_the_same_worlds_whatever_was_drawn_before(more: dict[str, Any]) -> None:
    candidates, final, *_ = worlds_of_generation(2, episodes_per_candidate=5, finalist_episodes=4)
    others, same, *_ = worlds_of_generation(2, **{"episodes_per_candidate": 5, "finalist_episodes": 4, **more})
    assert len(final) == 2 * 4  # each side its own
    np.testing.assert_array_equal(same, final)
    assert np.isin(others, candidates).all()  # fewer are the first of more


def test_a_filter_and_exploiters_shift_no_world_of_the_candidates_and_their_finals() -> None:
    candidates, final, *_ = worlds_of_generation(1)
    same, trial, last, exploiting, *_ = worlds_of_generation(1, generalist=True, exploiter_every=4)
    np.testing.assert_array_equal(same, candidates)
    np.testing.assert_array_equal(last, final)
    assert not np.isin(np.concatenate([trial, exploiting]), np.concatenate([candidates, final])).any()
