"""Elimination without subtraction against arithmetic of hundreds of digits, on chains that nearly fall apart."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from evo_hns.tournament.equilibria.stationary import eliminate, log_sum


def in_many_digits(rates: np.ndarray) -> list[float]:
    """Logarithms of the stationary distribution, by elimination in 60 digits with exponents of any size."""
    with mpmath.workdps(60):
        left = [[mpmath.exp(mpmath.mpf(rate)) if rate > -np.inf else mpmath.mpf(0) for rate in row] for row in rates]
        num = len(left)
        for last in range(num - 1, 0, -1):
            leaving = mpmath.fsum(left[last][:last])
            for row in range(last):
                left[row][last] /= leaving
                for column in range(last):
                    left[row][column] += left[row][last] * left[last][column]
        mass = [mpmath.mpf(1)]
        for state in range(1, num):
            mass.append(mpmath.fsum(mass[other] * left[other][state] for other in range(state)))
        total = mpmath.fsum(mass)
        return [float(mpmath.log(each / total)) for each in mass]


def by_cramer(rates: np.ndarray) -> np.ndarray:
    """The same by another way: cofactors of the generator, in 400 digits."""
    with mpmath.workdps(400):
        num = len(rates)
        generator = mpmath.matrix(num, num)
        for row in range(num):
            for column in range(num):
                if row != column and rates[row, column] > -np.inf:
                    generator[row, column] = mpmath.exp(mpmath.mpf(rates[row, column]))
            generator[row, row] = -mpmath.fsum(generator[row, column] for column in range(num) if column != row)
        minors = []
        for state in range(num):
            kept = [other for other in range(num) if other != state]
            minors.append(mpmath.fabs(mpmath.det(mpmath.matrix([[generator[r, c] for c in kept] for r in kept]))))
        total = mpmath.fsum(minors)
        return np.array([float(minor / total) for minor in minors])


def falling_apart(rng: np.random.Generator, blocks: int, size: int, depth: float) -> np.ndarray:
    """Rates of about 1 within blocks and of e^-depth, give or take, between them."""
    num = blocks * size
    rates = rng.normal(0.0, 1.0, (num, num))
    place = np.arange(num) // size
    return np.where(place[:, None] == place[None, :], rates, rates - depth)


@pytest.mark.parametrize("depth", [0.0, 5.0, 50.0, 300.0])
def test_masses_are_those_of_cofactors_in_400_digits(depth: float) -> None:
    rates = falling_apart(np.random.default_rng(int(depth)), 3, 2, depth)
    assert np.exp(eliminate(rates)) == pytest.approx(by_cramer(rates), rel=1e-12)


@pytest.mark.parametrize("depth", [0.0, 50.0, 1e3, 1e5])
def test_every_single_mass_is_right_however_rare_transitions_are(depth: float) -> None:
    rng = np.random.default_rng(1)
    rates = falling_apart(rng, 4, 4, depth)
    rates[rng.random(rates.shape) < 0.2] = -np.inf
    wanted = np.array(in_many_digits(rates))
    assert eliminate(rates) == pytest.approx(wanted, abs=1e-12 + 1e-14 * depth, rel=0)


def test_a_ladder_of_unlikely_steps_is_climbed_to_its_end() -> None:
    steps = 40
    rates = np.full((steps, steps), -np.inf)
    rates[np.arange(steps - 1), np.arange(1, steps)] = -50.0
    rates[np.arange(1, steps), np.arange(steps - 1)] = 0.0
    assert eliminate(rates) == pytest.approx(-50.0 * np.arange(steps), abs=1e-10)


def test_the_order_of_states_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    rates = falling_apart(rng, 5, 3, 200.0)
    order = rng.permutation(len(rates))
    assert eliminate(rates[np.ix_(order, order)]) == pytest.approx(eliminate(rates)[order], abs=1e-11)


def test_a_sum_of_nothing_is_nothing() -> None:
    assert log_sum(np.array([[-np.inf, -np.inf], [-1e6, -1e6]]), 1).tolist() == [-np.inf, -1e6 + np.log(2)]
