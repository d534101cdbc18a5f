"""The loop that trains on the real game keeps from circles with a hall, and not without."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evo_hns.cli import main
from evo_hns.config import CoevolutionConfig, ConfigError, RunConfig
from evo_hns.diagnostics.ground_truth import Course, Trial, compare, list_trials, play
from evo_hns.diagnostics.ground_truth.experiment import LATEST, MIXED, Comparison
from evo_hns.spec import Side

HALL = "hall: uniform"


ALGORITHMS = ["ga", pytest.param("cmaes", marks=pytest.mark.release)]


def opposites(games: list[str], algorithm: str, num_seeds: int, generations: int) -> list[Trial]:
    """Trials without any memory, and with nothing but the hall."""
    trials = list_trials(games, [algorithm], ["uniform"], range(num_seeds), generations)
    return [trial for trial in trials if trial.condition != MIXED]


@functools.cache
def played(algorithm: str) -> list[Course]:
    """Few generations and seeds of all that is compared."""
    return list(play(opposites(["disc", "numbers"], algorithm, num_seeds=5, generations=40)))


@pytest.fixture
def courses() -> list[Course]:
    return played("ga")


def find(game: str, algorithm: str, measure: str) -> Comparison:
    (found,) = [c for c in compare(played(algorithm)) if (c.game, c.measure) == (game, measure)]
    return found


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_hall_slows_the_turning_on_the_disc(algorithm: str) -> None:
    turns = find("disc", algorithm, "turns")
    assert turns.conditions[LATEST].low > 0.0
    assert turns.differences[HALL].high < 0.0
    assert turns.conditions[HALL].mean < 0.5 * turns.conditions[LATEST].mean


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_hall_lets_less_be_forgotten_in_the_numbers_game(algorithm: str) -> None:
    forgotten = find("numbers", algorithm, "forgotten")
    assert forgotten.differences[HALL].high < 0.0
    assert forgotten.conditions[HALL].mean < 0.7 * forgotten.conditions[LATEST].mean


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_where_there_is_no_cycle_nobody_turns_with_or_without_a_hall(algorithm: str) -> None:
    courses = play(opposites(["tilted-disc"], algorithm, num_seeds=2, generations=40))
    assert max(abs(course.measures["turns"]) for course in courses) < 1.0


def test_a_run_is_repeated_to_the_bit(courses: list[Course]) -> None:
    (again,) = play([courses[0].trial])
    assert again.measures == courses[0].measures
    for side in Side:
        assert np.array_equal(again.champions[side], courses[0].champions[side])


def test_the_arms_differ_from_a_default_run_in_whom_they_meet_and_in_nothing_else() -> None:
    trial = list_trials(["disc"], ["ga"], ["uniform"], range(2), 40)[0]
    usual = RunConfig.model_validate({"search": {"algorithm": "ga"}, "coevolution": {"generations": 40}})
    off = {f"coevolution.{name}" for name in ("held_out_episodes", "progress_episodes", "recorded_matches")}
    share = "coevolution.champion_share"
    assert usual.differences(trial.config).keys() == off | {share}
    assert usual.differences(replace(trial, condition=MIXED).config).keys() == off
    assert usual.differences(replace(trial, condition=HALL).config)[share] == (CoevolutionConfig().champion_share, 0.0)


def test_differences_are_paired_seed_by_seed(courses: list[Course]) -> None:
    turns = find("disc", "ga", "turns")
    of_condition = {
        condition: [c.measures["turns"] for c in courses if (c.trial.game, c.trial.algorithm, c.trial.condition) == key]
        for condition in turns.conditions
        for key in [("disc", "ga", condition)]
    }
    expected = np.subtract(of_condition[HALL], of_condition[LATEST])
    assert turns.differences[HALL].mean == pytest.approx(expected.mean())
    half_width = 2.7764 * expected.std(ddof=1) / np.sqrt(5)  # Student's t, four degrees of freedom
    assert turns.differences[HALL].half_width == pytest.approx(half_width, rel=2e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"games": ["chess"]}, "got the game 'chess', expected one of disc"),
        ({"samplers": ["luck"]}, "got the opponent sampler 'luck', expected one of uniform"),
        ({"seeds": [1]}, "got 1 seeds and 9 generations, expected at least 2"),
    ],
)
def test_what_cannot_be_played_is_refused(changes: dict, message: str) -> None:
    usual = {"games": ["disc"], "algorithms": ["ga"], "samplers": ["uniform"], "seeds": [1, 2], "generations": 9}
    with pytest.raises(ConfigError, match=message):
        list_trials(**usual | changes)


def test_the_verb_prints_what_was_measured_and_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra `plot`")
    from matplotlib.image import imread

    picture = tmp_path / "picture.png"
    words = ["diagnose", "ground-truth", "--games", "disc", "numbers", "--seeds", "2", "--generations", "12"]
    assert main([*words, "--algorithms", "ga", "--output", str(picture)]) == 0
    shown = capsys.readouterr().out
    assert "disc, ga" in shown and "forgotten: share of the opponents" in shown
    assert imread(picture).std() > 0.02  # not an empty page
    assert main([*words[:3], "numbers", *words[5:], "--algorithms", "ga", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["runs"]) == 3 * 2
    assert {each["measure"] for each in answer["comparisons"]} >= {"forgotten", "sum"}


def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra `plot`")
    assert main(["diagnose", "ground-truth", "--output", str(tmp_path / "missing" / "picture.png")]) != 0
    assert main(["diagnose", "ground-truth", "--output", str(tmp_path / "picture.doc")]) != 0
