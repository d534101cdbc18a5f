"""Tracks, curves, thresholds and standings: figures that can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evo_hns.comparison.pages.prose import each_seed, p_value, typical, verdict, what_seeds_show
from evo_hns.comparison.standings import Difference, holm, stand, welch
from evo_hns.comparison.thresholds import find_threshold, first_time
from evo_hns.comparison.tracks import Outcome, common_opponents, left_out, outcomes, spendings
from evo_hns.comparison.tracks import track as track_of
from evo_hns.config import ConfigError
from evo_hns.reports.seed_means import common_budget, condition_curve
from evo_hns.reports.subject import read_subjects
from evo_hns.spec import Side
from tests.comparison.made import config, make_run, track

T_975 = {2: 4.30265, 4: 2.77645}


def test_a_score_is_the_mean_over_held_out_players_world_by_world(tmp_path: Path) -> None:
    path = make_run(tmp_path / "a.h5", config(), lambda side, g: g + 10.0 * side)
    subjects = read_subjects([path])
    common = common_opponents(subjects)
    names = [outcome.name for outcome in outcomes(common)]
    assert names == [
        *("hiders", "seekers", "both sides"),
        *("hiders against still", "hiders against chaser", "seekers against still", "seekers against fugitive"),
    ]
    found = track_of(subjects[0], Outcome(Side.SEEKERS), common)
    assert found.generations.tolist() == [0, 2, 4]
    assert found.values.tolist() == [10.0, 12.0, 14.0]
    # scores are -1, 1, -1, 1 around their mean: a standard deviation of sqrt(4 / 3) over four worlds
    np.testing.assert_allclose(found.half_widths, 1.959964 * np.sqrt(4 / 3) / 2)
    both = track_of(subjects[0], Outcome(None), common)
    assert both.values.tolist() == [5.0, 7.0, 9.0]
    np.testing.assert_allclose(both.half_widths, found.half_widths)  # of the same worlds: nothing is averaged out


def test_what_was_spent_counts_up_and_leaves_measurements_out(tmp_path: Path) -> None:
    path = make_run(tmp_path / "a.h5", config(), metrics={"time_measurement": 100.0})
    [subject] = read_subjects([path])
    spent = spendings(subject)
    np.testing.assert_allclose(spent["env_steps"], 1000.0 * np.arange(1, 6))
    np.testing.assert_allclose(spent["core_hours"], 0.02 * np.arange(1, 6))  # 72 s of processors each
    np.testing.assert_allclose(spent["wall_hours"], 0.01 * np.arange(1, 6))  # 36 s each


def test_held_out_players_that_only_some_runs_met_count_nowhere(tmp_path: Path) -> None:
    one = make_run(tmp_path / "a.h5", config())
    met = {Side.HIDERS: ("still", "guest"), Side.SEEKERS: ("fugitive", "still")}
    two = make_run(tmp_path / "b.h5", config(), opponents=met)
    subjects = read_subjects([one, two])
    common = common_opponents(subjects)
    assert common == {Side.HIDERS: ("still",), Side.SEEKERS: ("still", "fugitive")}
    assert left_out(subjects, common) == ["hiders against chaser", "hiders against guest"]
    others = make_run(tmp_path / "c.h5", config(), opponents={Side.HIDERS: ("guest",), Side.SEEKERS: ("still",)})
    with pytest.raises(ConfigError, match=r"met by the hiders of all runs \(.*a.h5: still, chaser; .*c.h5: guest\)"):
        common_opponents(read_subjects([one, others]))
    none = make_run(tmp_path / "d.h5", config(), opponents={Side.HIDERS: (), Side.SEEKERS: ()})
    with pytest.raises(ConfigError, match=r"d.h5 has no held-out measurement \(coevolution.held_out_episodes = 4\)"):
        common_opponents(read_subjects([one, none]))


def test_a_track_is_read_off_between_its_measurements_and_nowhere_else() -> None:
    found = track([0.0, 10.0], [100.0, 300.0])
    np.testing.assert_allclose(found.at("env_steps", np.array([100.0, 150.0, 300.0])), [0.0, 2.5, 10.0])
    assert np.isnan(found.at("env_steps", np.array([99.0, 301.0]))).all()
    assert np.isnan(found.at("core_hours", 1.0))  # not recorded


def test_a_curve_is_the_mean_of_its_seeds_with_a_t_interval() -> None:
    curve = condition_curve(
        [track([0.0, 2.0], [0, 10]), track([1.0, 4.0], [0, 10]), track([2.0, 6.0], [0, 10])], "env_steps"
    )
    assert curve is not None
    assert (curve.x.tolist(), curve.mean.tolist(), curve.num_seeds) == ([0.0, 10.0], [1.0, 4.0], 3)
    np.testing.assert_allclose(curve.half_widths, [T_975[2] * sd / np.sqrt(3) for sd in (1.0, 2.0)], rtol=1e-5)


def test_a_curve_of_seeds_that_were_measured_elsewhere_is_drawn_where_all_of_them_were() -> None:
    long = track([0.0, 4.0, 8.0], [0, 20, 40])
    short = track([2.0, 4.0], [10, 30])
    short.generations[:] = [1, 2]
    curve = condition_curve([long, short], "env_steps")
    assert curve is not None
    assert curve.x.tolist() == [10.0, 20.0, 30.0]
    np.testing.assert_allclose(curve.mean, [2.0, 3.5, 5.0])


def test_a_curve_of_one_seed_has_its_interval_over_worlds() -> None:
    curve = condition_curve([track([0.0, 2.0], [0, 10], half_width=3.0)], "env_steps")
    assert curve is not None
    assert curve.half_widths.tolist() == [3.0, 3.0]
    assert curve.as_dict()["interval_over"] == "worlds"
    assert condition_curve([track([0.0, 2.0], [0, 10])], "core_hours") is None


def test_the_common_budget_is_the_most_that_every_run_had_spent() -> None:
    tracks = {"a": [track([0, 1], [5, 40]), track([0, 1], [5, 30])], "b": [track([0, 1], [10, 50])]}
    assert common_budget(tracks, "env_steps") == 30.0
    assert common_budget(tracks, "core_hours") is None
    assert common_budget({"a": [track([0, 1], [0, 9])], "b": [track([0, 1], [10, 20])]}, "env_steps") is None


def test_conditions_stand_at_the_common_budget_with_all_their_seeds() -> None:
    tracks = {
        "a": [track([0, 8], [0, 40]), track([0, 4], [0, 20]), track([3, 3], [0, 20])],
        "b": [track([0, 1], [0, 20], half_width=0.5)],
    }
    standings = stand("hiders", tracks, "env_steps")
    assert standings is not None
    a, b = standings.standings
    assert (standings.at, a.scores.tolist()) == (20.0, [4.0, 4.0, 3.0])
    assert a.estimate.half_width == pytest.approx(T_975[2] * np.std([4, 4, 3], ddof=1) / np.sqrt(3), rel=1e-5)
    assert (b.estimate.mean, b.estimate.half_width, b.is_over_seeds) == (1.0, 0.5, False)
    [difference] = standings.differences
    assert difference.mean == pytest.approx(11 / 3 - 1)
    assert np.isnan(difference.p)  # of one seed nothing is tested
    assert not difference.is_certain
    assert stand("hiders", tracks, "core_hours") is None


def test_differences_are_welchs() -> None:
    # means 2 and 6, variances 1 and 4 of three each: error sqrt(5 / 3), t = -3.098, 2.94 degrees of freedom
    found = welch("a", np.array([1.0, 2.0, 3.0]), "b", np.array([4.0, 6.0, 8.0]))
    assert found.mean == -4.0
    assert found.dof == pytest.approx((5 / 3) ** 2 / ((1 / 3) ** 2 / 2 + (4 / 3) ** 2 / 2))
    assert found.p == pytest.approx(0.0548, abs=5e-4)
    assert found.half_width == pytest.approx(3.2157 * np.sqrt(5 / 3), rel=2e-3)
    same = welch("a", np.ones(3), "b", np.ones(3))
    assert (same.mean, same.half_width, same.p) == (0.0, 0.0, 1.0)


def test_p_values_allow_for_the_number_of_pairs() -> None:
    made = [Difference("a", "b", 1.0, 1.0, 4.0, p) for p in (0.04, 0.01, float("nan"), 0.03)]
    told = [each.p_holm for each in holm(made)]
    np.testing.assert_allclose(told, [0.06, 0.03, np.nan, 0.06])


def test_half_way_is_between_the_untrained_and_the_best_mean_of_any_condition() -> None:
    tracks = {
        "quick": [track([0, 8, 8], [0, 10, 20]), track([0, 4, 8], [0, 10, 20])],
        "slow": [track([0, 0, 4], [0, 10, 20]), track([0, 0, 2], [0, 10, 20])],
    }
    found = find_threshold("hiders", tracks)
    assert found is not None
    assert (found.untrained, found.best, found.value) == (0.0, 8.0, 4.0)
    assert found.times["env_steps"]["quick"].tolist() == [5.0, 10.0]
    assert found.times["env_steps"]["slow"].tolist() == [20.0, np.inf]
    assert np.isnan(found.times["core_hours"]["quick"]).all()
    assert find_threshold("hiders", {"a": [track([3, 2], [0, 1])]}) is None  # nobody learnt anything


def test_a_level_is_first_reached_between_two_measurements() -> None:
    spent, values = np.array([10.0, 20.0, 40.0]), np.array([1.0, 3.0, 2.0])
    assert [first_time(spent, values, level) for level in (0.0, 2.0, 3.0, 4.0)] == [10.0, 15.0, 20.0, np.inf]


def test_what_seeds_reached_is_told_one_by_one() -> None:
    times = np.array([2e6, np.inf, 1e6])
    assert (typical("env_steps", times), each_seed("env_steps", times)) == ("2M", "1M, 2M, 1 not")
    assert typical("core_hours", np.array([1.0, 3.0])) == "2.0 h"
    assert typical("env_steps", np.array([1.0, np.inf])) == "not reached"
    assert typical("core_hours", np.array([np.nan])) == each_seed("core_hours", np.array([np.nan])) == "not recorded"


def test_verdicts_say_what_is_certain_and_what_such_seeds_cannot_show() -> None:
    clear = Difference("a", "b", -5.0, 2.0, 4.0, 0.001, 0.003)
    dim = Difference("a", "c", 1.0, 8.0, 4.0, 0.6, 0.6)
    told = verdict([clear, dim])
    assert told.startswith("Certain: b over a by 5.0 ± 2.0; the other differences are within what chance explains")
    assert "about 8 to stand out" in told
    assert verdict([dim]).startswith("The difference is within")
    assert "No two conditions have two seeds each" in verdict([Difference("a", "b", 1.0, np.inf, 0.0, np.nan)])
    assert "4.3 / √3 = 2.5 standard deviations" in what_seeds_show([3, 5])
    assert "another seed may lie far outside it" in what_seeds_show([1, 5])
    assert [p_value(p) for p in (0.0004, 0.0312, 0.41, float("nan"))] == ["< 0.001", "0.031", "0.41", "–"]
