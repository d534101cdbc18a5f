"""The chain of two populations against elimination of all its profiles, at any strength of selection."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from evo_hns.tournament.equilibria import joint_chain
from evo_hns.tournament.equilibria.alpha_rank import POPULATION
from evo_hns.tournament.equilibria.joint_chain import JointChain, log_fixation
from evo_hns.tournament.equilibria.stationary import eliminate, log_sum
from evo_hns.tournament.measures.score_table import UnanswerableError
from tests.tournament.measures.made import additive

Game = tuple[np.ndarray, np.ndarray]


def stationary(game: Game, alpha: float) -> np.ndarray:
    return JointChain(*game, alpha, POPULATION).stationary()


def by_elimination(game: Game, alpha: float) -> np.ndarray:
    """All profiles in one matrix."""
    hiders, seekers = game
    size = hiders.size
    rates = np.full((*hiders.shape, *hiders.shape), -np.inf)
    for i, j in np.ndindex(hiders.shape):
        rates[i, j, :, j] = log_fixation(hiders[:, j] - hiders[i, j], alpha, POPULATION)
        rates[i, j, i, :] = log_fixation(seekers[i, :] - seekers[i, j], alpha, POPULATION)
        rates[i, j, i, j] = -np.inf
    return np.exp(eliminate(rates.reshape(size, size))).reshape(hiders.shape)


def games() -> dict[str, Game]:
    rng = np.random.default_rng(4)
    normal, other = rng.standard_normal((2, 12, 11))
    whole, second = rng.integers(-2, 3, (2, 12, 11)).astype(float)
    return {
        "zero-sum": (normal, -normal),
        "nearly zero-sum": (normal, -normal + 0.05 * other),
        "two games": (normal, other),
        "one interest": (normal, normal),  # an equilibrium in every corner, each in its own class
        "ties": (whole, -whole),
        "ties of two games": (whole, second),
        "wins and losses": (48 * np.sign(normal), -48 * np.sign(normal)),
        "agreements": (np.eye(12, 11) * (1 + normal**2), np.eye(12, 11) * (1 + other**2)),
        "strengths": (additive(12), -additive(12)),
        "nothing": (np.zeros((12, 11)), np.zeros((12, 11))),
    }


@pytest.mark.parametrize("alpha", [0.03, 0.3, 3.0, 50.0, 3000.0])
@pytest.mark.parametrize("name", games())
def test_what_a_few_watched_profiles_tell_is_what_elimination_of_all_tells(name: str, alpha: float) -> None:
    game = games()[name]
    assert game[0].size > joint_chain._DIRECT
    assert stationary(game, alpha) == pytest.approx(by_elimination(game, alpha), rel=1e-8, abs=1e-300)


def test_classes_that_share_nothing_but_rare_transitions_weigh_what_many_digits_say() -> None:
    """Two agreements, left once in e^(49 x) steps each: far below the least double at the strongest selection."""
    for alpha in (0.1, 1.0, 10.0, 100.0):
        left, right = 2.0, 2.0 + 1e-3 / alpha
        game = (np.diag([left, right]), np.diag([left, right]))
        with mpmath.workdps(60):
            gap = [mpmath.mpf(alpha) * mpmath.mpf(value) for value in (left, right)]
            # By symmetry of the four profiles: mass in proportion to e^(49 x), whatever else they are.
            odds = mpmath.exp(49 * (gap[1] - gap[0]))
        mass = stationary(game, alpha)
        assert mass[1, 1] / mass[0, 0] == pytest.approx(float(odds), rel=1e-9)


def test_a_potential_game_ends_by_its_potential() -> None:
    """Of one interest, masses are e^(49 alpha score): the chain is reversible."""
    scores = np.random.default_rng(6).standard_normal((14, 13))
    for alpha in (0.05, 1.0, 30.0):
        logs = (POPULATION - 1) * alpha * scores
        wanted = np.exp(logs - log_sum(logs.ravel(), 0))
        assert stationary((scores, scores), alpha) == pytest.approx(wanted, rel=1e-8, abs=1e-300)


def test_profiles_change_places_with_their_masses() -> None:
    rng = np.random.default_rng(7)
    hiders, seekers = games()["two games"]
    rows, columns = rng.permutation(12), rng.permutation(11)
    swapped = (hiders[np.ix_(rows, columns)], seekers[np.ix_(rows, columns)])
    wanted = stationary((hiders, seekers), 3.0)[np.ix_(rows, columns)]
    assert stationary(swapped, 3.0) == pytest.approx(wanted, rel=1e-8, abs=1e-300)


def test_a_class_that_is_hard_to_find_and_to_leave_is_watched_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two circles of four profiles that mutation hardly ever leads to each other; there is no strict equilibrium."""
    pennies = np.array([[1.0, -1.0], [-1.0, 1.0]])
    hiders, seekers = np.full((12, 12), -9.0), np.full((12, 12), -9.0)
    hiders[:2, :2], seekers[:2, :2] = pennies, -pennies
    hiders[2:4, 2:4], seekers[2:4, 2:4] = pennies, -pennies
    mass = stationary((hiders, seekers), 3.0)
    assert mass[:2, :2].ravel() == pytest.approx([0.125] * 4)
    assert mass[2:4, 2:4].ravel() == pytest.approx([0.125] * 4)
    monkeypatch.setattr(joint_chain, "_MOST_WATCHED", 0)
    with pytest.raises(UnanswerableError, match="caught in more than 0 pairs"):
        stationary((hiders, seekers), 3.0)


def test_a_mutant_without_an_advantage_takes_over_one_in_population_times() -> None:
    odds = log_fixation(np.array([0.0, 1e-12, 1.0, -1.0]), 0.1, 50)
    assert np.exp(odds[:2]) == pytest.approx([0.02, 0.02])
    assert np.exp(odds[2]) == pytest.approx((1 - np.exp(-0.1)) / (1 - np.exp(-5.0)))
    assert np.exp(odds[3]) == pytest.approx((np.exp(0.1) - 1) / (np.exp(5.0) - 1))


def test_whoever_loses_takes_over_rarely_but_never_never() -> None:
    for gain in (-1e-8, -0.3, -40.0, -1e4):
        with mpmath.workdps(60):
            x = mpmath.mpf(gain)
            wanted = mpmath.log(mpmath.expm1(-x) / mpmath.expm1(-50 * x))
        assert log_fixation(np.array([gain]), 1.0, 50)[0] == pytest.approx(float(wanted), rel=1e-12)


@pytest.mark.parametrize("alpha", [np.inf, np.nan])
def test_infinite_selection_has_no_single_answer(alpha: float) -> None:
    with pytest.raises(ValueError, match="expected a finite one"):
        JointChain(np.eye(2), np.eye(2), alpha, POPULATION)
