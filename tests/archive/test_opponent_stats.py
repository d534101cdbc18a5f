"""What is known of opponents: counted as it was met, faded, bounded, and saved to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.archive.opponent_stats import DECAY, MEMORY, OpponentStats
from evo_hns.config import CoevolutionConfig

NAN = np.nan


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def busy(size: int = 6, generations: int = 5) -> OpponentStats:
    """OpponentStats with something in every array."""
    rng = np.random.default_rng(size)
    stats = OpponentStats.of_untracked(size)
    for generation in range(generations):
        met = rng.integers(-1, len(stats), 4)
        stats.decay()
        stats.meet(met, rng.integers(0, 3, (3, 4)) / 2)
        stats.add_player(met, rng.integers(0, 3, 4) / 2)
        stats.append(size + generation)
    stats.append(-1)
    stats.prune(8, "spread")
    return stats


def test_chances_are_counted_wins_with_one_world_of_doubt() -> None:
    stats = OpponentStats.of_untracked(3)
    # opponent 0 in two worlds: shares 3/4 and 1/2; opponent 2 in one: everything that counts was lost
    stats.meet(rows(0, 0, 2, -1), np.array([[1, 1, 0, 1], [0.5, 0, NAN, 1]]))
    np.testing.assert_allclose(stats.history.chances, [(0.5 + 1.25) / 3, NAN, 0.5 / 2])


def test_a_world_in_which_everything_failed_tells_nothing() -> None:
    stats = OpponentStats.of_untracked(2)
    stats.meet(rows(0, 1), np.array([[NAN, 1.0], [NAN, 1.0]]))
    np.testing.assert_allclose(stats.history.chances, [NAN, 0.75])


def test_what_was_seen_fades_into_doubt() -> None:
    stats = OpponentStats.of_untracked(1)
    stats.meet(rows(0), np.ones((4, 1)))
    for _ in range(10):
        stats.decay()
    weight = DECAY**10
    assert stats.history.chances == pytest.approx((0.5 + weight) / (1 + weight))


def test_the_table_says_who_beat_whom_and_forgets_the_oldest() -> None:
    stats = OpponentStats.of_untracked(4)
    stats.add_player(rows(0, 1, 1, 2, -1), np.array([0.0, 1.0, 0.0, 1.0, 0.0]))
    np.testing.assert_array_equal(stats.history.beats[:, 0], [1.0, 0.5, 0.0, NAN])
    for _ in range(MEMORY - 1):
        stats.add_player(rows(3), np.array([0.0]))
    assert stats.history.beats.shape == (4, MEMORY)
    stats.add_player(rows(3), np.array([1.0]))  # takes the first one's place
    np.testing.assert_array_equal(stats.history.beats[:, 0], [NAN, NAN, NAN, 0.0])


def test_only_those_in_play_are_drawn_and_the_champion_always_is() -> None:
    stats = OpponentStats.of_untracked(5)
    stats.append(-1)  # an exploiter, newer than the champion
    assert stats.champion == 4
    stats.prune(2, "oldest")
    assert np.flatnonzero(stats.in_play).tolist() == [4, 5]
    assert set(stats.draw(10, np.random.default_rng(0), CoevolutionConfig())) == {4, 5}
    assert len(stats) == 6  # nobody is forgotten
    stats.prune(3, "oldest")
    assert np.flatnonzero(stats.in_play).tolist() == [4, 5]  # and nobody comes back


def test_a_state_goes_on_to_the_same_bits() -> None:
    stats = busy()
    twin = OpponentStats.from_state(stats.state_dict())
    for each in (stats, twin):
        each.decay()
        each.meet(rows(3, 1), np.array([[1.0, 0.0]]))
        each.append(11)
    one, other = stats.state_dict(), twin.state_dict()
    assert one.keys() == other.keys()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    settings = CoevolutionConfig(opponent_sampler="diverse")
    draws = [each.draw(6, np.random.default_rng(0), settings).tolist() for each in (stats, twin)]
    assert draws[0] == draws[1]


def test_thousands_of_opponents_weigh_little() -> None:
    stats = busy(size=3000)
    assert sum(array.nbytes for array in stats.state_dict().values()) < 100 * len(stats)


def test_a_state_that_does_not_fit_is_refused() -> None:
    state = busy().state_dict()
    with pytest.raises(ValueError, match="incomplete opponent statistics, no met: use"):
        OpponentStats.from_state({name: array for name, array in state.items() if name != "met"})
    with pytest.raises(ValueError, match="do not fit together"):
        OpponentStats.from_state(state | {"wins": np.zeros(3)})


def test_nobody_can_be_drawn_before_somebody_came() -> None:
    stats = OpponentStats()
    assert stats.draw(0, np.random.default_rng(0), CoevolutionConfig()).shape == (0,)
    with pytest.raises(ValueError, match="no opponent yet: append a champion"):
        stats.draw(1, np.random.default_rng(0), CoevolutionConfig())
