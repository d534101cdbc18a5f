"""What is known of opponents: counted as it was met, faded, bounded, and saved to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.archive.encounters import FADING, MEMORY, Encounters
from evo_hns.config import CoevolutionConfig

NAN = np.nan


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def busy(size: int = 6, generations: int = 5) -> Encounters:
    """Encounters with something in every array."""
    rng = np.random.default_rng(size)
    encounters = Encounters.of_strangers(size)
    for generation in range(generations):
        met = rng.integers(-1, len(encounters), 4)
        encounters.fade()
        encounters.meet(met, rng.integers(0, 3, (3, 4)) / 2)
        encounters.add_player(met, rng.integers(0, 3, 4) / 2)
        encounters.append(size + generation)
    encounters.append(-1)
    encounters.prune(8, "spread")
    return encounters


def test_chances_are_counted_wins_with_one_world_of_doubt() -> None:
    encounters = Encounters.of_strangers(3)
    # opponent 0 in two worlds: shares 3/4 and 1/2; opponent 2 in one: everything that counts was lost
    encounters.meet(rows(0, 0, 2, -1), np.array([[1, 1, 0, 1], [0.5, 0, NAN, 1]]))
    np.testing.assert_allclose(encounters.past.chances, [(0.5 + 1.25) / 3, NAN, 0.5 / 2])


def test_a_world_in_which_everything_failed_tells_nothing() -> None:
    encounters = Encounters.of_strangers(2)
    encounters.meet(rows(0, 1), np.array([[NAN, 1.0], [NAN, 1.0]]))
    np.testing.assert_allclose(encounters.past.chances, [NAN, 0.75])


def test_what_was_seen_fades_into_doubt() -> None:
    encounters = Encounters.of_strangers(1)
    encounters.meet(rows(0), np.ones((4, 1)))
    for _ in range(10):
        encounters.fade()
    weight = FADING**10
    assert encounters.past.chances == pytest.approx((0.5 + weight) / (1 + weight))


def test_the_table_says_who_beat_whom_and_forgets_the_oldest() -> None:
    encounters = Encounters.of_strangers(4)
    encounters.add_player(rows(0, 1, 1, 2, -1), np.array([0.0, 1.0, 0.0, 1.0, 0.0]))
    np.testing.assert_array_equal(encounters.past.beats[:, 0], [1.0, 0.5, 0.0, NAN])
    for _ in range(MEMORY - 1):
        encounters.add_player(rows(3), np.array([0.0]))
    assert encounters.past.beats.shape == (4, MEMORY)
    encounters.add_player(rows(3), np.array([1.0]))  # takes the first one's place
    np.testing.assert_array_equal(encounters.past.beats[:, 0], [NAN, NAN, NAN, 0.0])


def test_only_those_in_play_are_drawn_and_the_champion_always_is() -> None:
    encounters = Encounters.of_strangers(5)
    encounters.append(-1)  # an exploiter, newer than the champion
    assert encounters.champion == 4
    encounters.prune(2, "oldest")
    assert np.flatnonzero(encounters.in_play).tolist() == [4, 5]
    assert set(encounters.draw(10, np.random.default_rng(0), CoevolutionConfig())) == {4, 5}
    assert len(encounters) == 6  # nobody is forgotten
    encounters.prune(3, "oldest")
    assert np.flatnonzero(encounters.in_play).tolist() == [4, 5]  # and nobody comes back


def test_a_state_goes_on_to_the_same_bits() -> None:
    encounters = busy()
    twin = Encounters.from_state(encounters.state_dict())
    for each in (encounters, twin):
        each.fade()
        each.meet(rows(3, 1), np.array([[1.0, 0.0]]))
        each.append(11)
    one, other = encounters.state_dict(), twin.state_dict()
    assert one.keys() == other.keys()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    settings = CoevolutionConfig(opponent_sampler="diverse")
    draws = [each.draw(6, np.random.default_rng(0), settings).tolist() for each in (encounters, twin)]
    assert draws[0] == draws[1]


def test_thousands_of_opponents_weigh_little() -> None:
    encounters = busy(size=3000)
    assert sum(array.nbytes for array in encounters.state_dict().values()) < 100 * len(encounters)


def test_a_state_that_does_not_fit_is_refused() -> None:
    state = busy().state_dict()
    with pytest.raises(ValueError, match="incomplete encounters, met missing"):
        Encounters.from_state({name: array for name, array in state.items() if name != "met"})
    with pytest.raises(ValueError, match="do not fit together"):
        Encounters.from_state(state | {"wins": np.zeros(3)})


def test_nobody_can_be_drawn_before_somebody_came() -> None:
    encounters = Encounters()
    assert encounters.draw(0, np.random.default_rng(0), CoevolutionConfig()).shape == (0,)
    with pytest.raises(ValueError, match="no opponent yet: append a champion"):
        encounters.draw(1, np.random.default_rng(0), CoevolutionConfig())
