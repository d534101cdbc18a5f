"""Alpha-rank of games whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evo_hns.spec import Side
from evo_hns.tournament.equilibria.alpha_rank import AlphaRank, alpha_rank
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError, side_table
from tests.tournament.measures.made import additive, payoff


def ask(hiders: np.ndarray, seekers: np.ndarray | None = None, *, sd: float = 0.0, replicates: int = 0) -> AlphaRank:
    tables = tables_of(hiders, -hiders if seekers is None else seekers, sd)
    return alpha_rank(*tables, np.random.default_rng(0), replicates=replicates)


def tables_of(hiders: np.ndarray, seekers: np.ndarray, sd: float) -> tuple[ScoreTable, ScoreTable]:
    made = payoff(hiders, sd=sd)
    other = made.mean[Side.HIDERS] - hiders  # the noise of the zero-sum part
    both = {Side.HIDERS: made.mean[Side.HIDERS], Side.SEEKERS: seekers - other}
    game = replace(made, mean=both)
    nobody: list[int | None] = [None] * hiders.shape[0]
    return (
        side_table(game, Side.HIDERS, nobody, [None] * hiders.shape[1]),
        side_table(game, Side.SEEKERS, nobody, [None] * hiders.shape[1]),
    )


def masses(found: AlphaRank, side: Side) -> np.ndarray:
    return np.array([mass.value for mass in found.mass[side].values()])


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


def test_many_agreements_alike_share_the_mass() -> None:
    """Twelve classes that selection closes: none of them is better than another, in whatever order they stand."""
    found = ask(np.eye(12), np.eye(12))
    assert masses(found, Side.HIDERS) == pytest.approx([1 / 12] * 12, rel=1e-6)
    assert found.stable


def test_of_two_agreements_populations_end_in_the_one_that_is_left_more_rarely() -> None:
    found = ask(np.diag([3.0, 2.0]), np.diag([3.0, 2.0]))
    assert found.top[0].mass == pytest.approx(1.0)
    assert (found.top[0].hider, found.top[0].seeker) == ("hiders/0", "seekers/0")
    assert found.stable


def test_scores_that_differ_by_rounding_alone_are_alike() -> None:
    found = ask(0.3 + 4e-17 * np.random.default_rng(1).integers(-2, 3, (3, 3)))
    assert masses(found, Side.HIDERS) == pytest.approx([1 / 3] * 3, abs=1e-3)


def test_masses_add_up() -> None:
    hiders = np.random.default_rng(5).standard_normal((30, 20))
    found = ask(hiders)
    for side in Side:
        assert masses(found, side).sum() == pytest.approx(1.0)


def test_replays_tell_what_noise_does() -> None:
    clear = ask(additive(3), sd=0.1, replicates=10)
    assert clear.mass[Side.HIDERS]["hiders/2"].low > 0.9
    alike = ask(np.zeros((3, 3)), sd=1.0, replicates=20)
    assert alike.mass[Side.HIDERS]["hiders/1"].high - alike.mass[Side.HIDERS]["hiders/1"].low > 0.3


def test_one_player_cannot_be_ranked() -> None:
    with pytest.raises(UnanswerableError, match="at least two players"):
        ask(np.ones((1, 3)))


def test_too_many_players_are_refused_before_memory_is_asked_for() -> None:
    with pytest.raises(UnanswerableError, match="2 hiders and 3000 seekers are too many"):
        ask(np.zeros((2, 3000)))
