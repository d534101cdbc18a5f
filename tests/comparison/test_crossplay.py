"""Cross-play: runs are the samples, in both directions, and a condition among itself leaves each run's own pair out."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from evo_hns.comparison.conditions import read_conditions
from evo_hns.comparison.crossplay import (
    Party,
    among_itself,
    cross_play,
    duel,
    meeting,
    parties_of,
    selection_of,
    two_way,
)
from evo_hns.config import ConfigError
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.intervals import student_quantile
from evo_hns.spec import Side
from evo_hns.tournament.tournament import TournamentSpec, play_tournament


def party(name: str, *places: int) -> Party:
    return Party(name, {side: {f"{name}-{place}": place for place in places} for side in Side})


def test_the_error_of_a_table_is_that_of_its_rows_and_of_its_columns() -> None:
    table = np.array([[1.0, 3.0], [5.0, 7.0], [9.0, 11.0]])  # row means 2, 6, 10; column means 5, 7
    mean, squared, dof = two_way(table)
    rows, columns = 16 / 3, 2 / 2
    assert (mean, squared) == (6.0, pytest.approx(rows + columns))
    assert dof == pytest.approx((rows + columns) ** 2 / (rows**2 / 2 + columns**2 / 1))
    assert two_way(table[:1]) == (2.0, 1.0, 1.0)  # a single row is no sample: only columns vary
    assert two_way(np.array([[4.0]])) == (4.0, 0.0, 0.0)


def test_intervals_cover_the_truth_also_with_three_runs_each() -> None:
    rng = np.random.default_rng(0)
    quantile = cache(student_quantile)
    covered = 0
    for _ in range(1000):
        table = 4 * rng.normal(size=(3, 1)) + 2 * rng.normal(size=(1, 3)) + rng.normal(size=(3, 3))
        mean, squared, dof = two_way(table)
        covered += abs(mean) < quantile(round(dof, 1)) * np.sqrt(squared)
    assert 0.93 < covered / 1000 <= 0.99


def test_a_condition_among_itself_is_jackknifed_run_by_run() -> None:
    table = np.array([[90.0, 1.0, 2.0], [3.0, 90.0, 4.0], [5.0, 6.0, 90.0]])
    mean, squared, dof = among_itself(table)
    assert (mean, dof) == (3.5, 2.0)
    left = np.array([(4 + 6) / 2, (2 + 5) / 2, (1 + 3) / 2])  # without run 0, 1, 2
    assert squared == pytest.approx(2 / 3 * ((left - left.mean()) ** 2).sum())
    assert among_itself(table[:2, :2])[:2] == (2.0, np.inf)


def test_a_condition_of_one_run_meets_itself_since_there_is_no_other() -> None:
    scores, noise = np.array([[7.0, 1.0], [3.0, 5.0]]), np.full((2, 2), 0.5)
    lone = party("lone", 0)
    cell = meeting(lone, lone, scores, noise)
    assert (cell.mean, cell.half_width, cell.over, cell.is_own) == (7.0, 0.5, "worlds", True)
    other = meeting(lone, party("other", 1), scores, noise)
    assert (other.mean, other.over, other.is_own) == (1.0, "worlds", False)
    both = party("both", 0, 1)
    assert meeting(both, both, scores, noise).mean == 2.0  # of 1 and 3


def test_an_advantage_counts_both_directions() -> None:
    # hiders of runs 0, 1 against seekers of runs 2, 3 get 6, 6, 10, 10; those of 2, 3 get 2, 4, 2, 4 against them
    scores = np.zeros((4, 4))
    scores[:2, 2:] = [[6, 6], [10, 10]]
    scores[2:, :2] = [[2, 2], [4, 4]]
    found = duel(party("a", 0, 1), party("b", 2, 3), scores)
    assert found.mean == pytest.approx((8 - 3) / 2)
    rows, columns = np.var([(6 - 3) / 2, (10 - 3) / 2], ddof=1) / 2, np.var([(8 - 2) / 2, (8 - 4) / 2], ddof=1) / 2
    assert found.half_width == pytest.approx(student_quantile(found.dof) * np.sqrt(rows + columns))
    assert 0 < found.p < 0.5
    back = duel(party("b", 2, 3), party("a", 0, 1), scores)
    assert (back.mean, back.p) == (pytest.approx(-found.mean), pytest.approx(found.p))


def test_last_champions_of_all_conditions_and_further_players_meet_and_go_on(trained: Path, tmp_path: Path) -> None:
    conditions = read_conditions([str(trained / f"{name}.h5") for name in ("a0", "a1", "b0")])
    players = ["scripted:chaser", f"{trained / 'a0.h5'}:hiders/0"]
    order = TournamentSpec(selection_of(conditions, players), min_episodes=4, max_episodes=4)
    path = tmp_path / "cross.h5"
    played = play_tournament(path, order, build_evaluator)
    assert played.cells.shape == (5, 4)
    again = play_tournament(path, order, lambda game: pytest.fail("nothing is left to be played"))
    assert again.participants == played.participants
    snes, ga, chaser, old = parties_of(played, path, conditions)
    assert [len(each.places[Side.HIDERS]) for each in (snes, ga, chaser, old)] == [2, 1, 1, 1]
    assert old.name.endswith("a0.h5:hiders/0")  # an earlier champion of a condition's run is somebody else
    found = cross_play(played, path, conditions)
    assert found.hiders[:3] == found.seekers == ("SNES", "GA", "chaser")
    assert found.episodes == 80
    assert [(each.one, each.other) for each in found.duels] == [("SNES", "GA"), ("SNES", "chaser"), ("GA", "chaser")]
    assert found.meetings[1][0].over == "seeds"  # of SNES


def test_a_player_that_is_none_is_refused(trained: Path) -> None:
    conditions = read_conditions([str(trained / "a0.h5")])
    with pytest.raises(ConfigError, match="no scripted player 'nobody'"):
        selection_of(conditions, ["scripted:nobody"])
