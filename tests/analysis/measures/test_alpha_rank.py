"""Alpha-rank of games whose answer is known, and of a chain that can be solved by elimination."""

from __future__ import annotations

import numpy as np
import pytest

from evo_hns.analysis.measures.alpha_rank import POPULATION, AlphaRank, alpha_rank
from evo_hns.analysis.measures.joint_chain import JointChain, fixation
from evo_hns.analysis.measures.score_table import ScoreTable, UnanswerableError, side_table
from evo_hns.analysis.payoff import Payoff
from evo_hns.spec import Side
from tests.analysis.measures.made import additive, payoff


def ask(hiders: np.ndarray, seekers: np.ndarray | None = None, *, sd: float = 0.0, replicates: int = 0) -> AlphaRank:
    tables = tables_of(hiders, -hiders if seekers is None else seekers, sd)
    return alpha_rank(*tables, np.random.default_rng(0), replicates=replicates)


def tables_of(hiders: np.ndarray, seekers: np.ndarray, sd: float) -> tuple[ScoreTable, ScoreTable]:
    made = payoff(hiders, sd=sd)
    other = made.mean[Side.HIDERS] - hiders  # the noise of the zero-sum part
    both = {Side.HIDERS: made.mean[Side.HIDERS], Side.SEEKERS: seekers - other}
    game = Payoff(made.hiders, made.seekers, both, made.variance, made.count)
    nobody: list[int | None] = [None] * hiders.shape[0]
    return (
        side_table(game, Side.HIDERS, nobody, [None] * hiders.shape[1]),
        side_table(game, Side.SEEKERS, nobody, [None] * hiders.shape[1]),
    )


def masses(found: AlphaRank, side: Side) -> np.ndarray:
    return np.array([mass.value for mass in found.mass[side].values()])


def by_elimination(chain: JointChain) -> np.ndarray:
    size = int(np.prod(chain.shape))
    moves = np.array([chain.step(state.reshape(chain.shape)).ravel() for state in np.eye(size)])
    system = moves.T - np.eye(size)
    system[-1] = 1.0
    return np.linalg.solve(system, np.eye(size)[-1]).reshape(chain.shape)


def test_a_dominant_pair_takes_all() -> None:
    found = ask(additive(4))
    assert found.top[0].hider == "hiders/3"
    assert found.top[0].seeker == "seekers/3"
    assert found.top[0].mass > 0.99
    assert found.stable


def test_matching_pennies_goes_round_all_four_profiles() -> None:
    found = ask(np.array([[1.0, -1.0], [-1.0, 1.0]]))
    assert [profile.mass for profile in found.top] == pytest.approx([0.25] * 4)


def test_the_battle_of_the_sexes_ends_in_either_agreement() -> None:
    """An example of the paper: half the mass on each of both pure equilibria."""
    found = ask(np.array([[3.0, 0.0], [0.0, 2.0]]), np.array([[2.0, 0.0], [0.0, 3.0]]))
    assert {(p.hider, p.seeker) for p in found.top[:2]} == {("hiders/0", "seekers/0"), ("hiders/1", "seekers/1")}
    assert [profile.mass for profile in found.top] == pytest.approx([0.5, 0.5, 0.0, 0.0], abs=1e-6)


def test_in_the_prisoners_dilemma_both_defect() -> None:
    game = np.array([[3.0, 0.0], [5.0, 1.0]])
    found = ask(game, game.T)
    assert found.top[0].mass == pytest.approx(1.0, abs=1e-6)
    assert (found.top[0].hider, found.top[0].seeker) == ("hiders/1", "seekers/1")


@pytest.mark.parametrize("alpha", [0.01, 0.3, 2.0])
@pytest.mark.parametrize("zero_sum", [True, False])
def test_the_stationary_distribution_is_that_of_elimination(alpha: float, zero_sum: bool) -> None:
    rng = np.random.default_rng(4)
    hiders = rng.standard_normal((7, 5))
    chain = JointChain(hiders, -hiders if zero_sum else rng.standard_normal((7, 5)), alpha, POPULATION)
    mass, change = chain.stationary(np.full((7, 5), 1 / 35))
    assert change < 1e-10
    assert np.allclose(mass, by_elimination(chain), atol=1e-8)


def test_masses_add_up_and_a_step_keeps_them() -> None:
    hiders = np.random.default_rng(5).standard_normal((30, 20))
    found = ask(hiders)
    for side in Side:
        assert masses(found, side).sum() == pytest.approx(1.0)
    assert found.residual < 1e-9
    chain = JointChain(hiders, -hiders, 1.0, POPULATION)
    assert chain.step(np.full((30, 20), 1 / 600)).sum() == pytest.approx(1.0)


def test_a_mutant_without_an_advantage_takes_over_one_in_population_times() -> None:
    odds = fixation(np.array([0.0, 1e-12, 1.0, -1.0, 50.0, -50.0]), 0.1, 50)
    assert odds[:2] == pytest.approx([0.02, 0.02])
    assert odds[2] == pytest.approx((1 - np.exp(-0.1)) / (1 - np.exp(-5.0)))
    assert odds[3] == pytest.approx((np.exp(0.1) - 1) / (np.exp(5.0) - 1))
    assert 0 <= odds[5] < 1e-100


def test_replays_tell_what_noise_does() -> None:
    clear = ask(additive(3), sd=0.1, replicates=10)
    assert clear.mass[Side.HIDERS]["hiders/2"].low > 0.9
    alike = ask(np.zeros((3, 3)), sd=1.0, replicates=20)
    assert alike.mass[Side.HIDERS]["hiders/1"].high - alike.mass[Side.HIDERS]["hiders/1"].low > 0.3


def test_one_player_cannot_be_ranked() -> None:
    with pytest.raises(UnanswerableError, match="at least two players"):
        ask(np.ones((1, 3)))
