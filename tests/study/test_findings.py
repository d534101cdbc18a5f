"""What a study came to: means over seeds, areas, differences of the same seeds; as text, JSON and a page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evo_hns.cli.text.tables import json_text
from evo_hns.cli.verbs.learning import learning_text
from evo_hns.comparison.tracks import Outcome
from evo_hns.evaluation.intervals import estimate_few
from evo_hns.reports.seed_means import Track, area
from evo_hns.spec import Side
from evo_hns.study.findings import Findings, find
from evo_hns.study.page import write_page
from evo_hns.study.run import jobs_of
from tests.study.conftest import Write
from tests.study.test_job import nobody


@pytest.fixture(scope="module")
def found(write: Write, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Two arms over two seeds; the second trains hiders alone, against a chaser."""
    study, folder = write(head="seeds = 2\nenv_steps = 150"), tmp_path_factory.mktemp("found")
    for job in jobs_of(study, folder):
        job.do(nobody)
    measured = {
        arm.name: {job.seed: job.measured() or [] for job in jobs_of(study, folder) if job.arm is arm}
        for arm in study.arms
    }
    return find(study, folder, measured)


def mean(found: Findings, arm: str, seed: int, opponents: set[str], last: bool) -> float:
    """Of a run's hiders, straight from what was measured."""
    rows = [each for each in found.measured[arm][seed] if each.side is Side.HIDERS and each.opponent in opponents]
    when = (max if last else min)(each.generation for each in rows)
    return float(np.mean([each.scores for each in rows if each.generation == when]))


def test_whom_an_arm_trains_against_leaves_the_panel_of_all_and_is_still_measured(found: Findings) -> None:
    assert found.panel == {Side.HIDERS: ("still", "random"), Side.SEEKERS: ("still",)}
    chaser = Outcome(Side.HIDERS, "chaser")
    assert [found.trained_against(arm, chaser) for arm in ("plain", "chaser")] == [False, True]
    assert set(found.returns[chaser]) == {"plain", "chaser"}
    assert set(found.returns[Outcome(Side.SEEKERS)]) == {"plain"}
    assert found.notes[0] == "Not in the panel of the hiders, since some arm trains against them: chaser."
    assert "chaser: The seekers were not trained." in found.notes[1]


def test_ends_are_means_over_seeds_and_differences_are_of_the_same_seeds(found: Findings) -> None:
    outcome, panel = Outcome(Side.HIDERS), {"still", "random"}
    last = {arm: [mean(found, arm, seed, panel, last=True) for seed in (0, 1)] for arm in ("plain", "chaser")}
    for arm, values in last.items():
        assert found.ends(outcome)[arm] == estimate_few(np.array(values))
        assert found.starts(outcome)[arm].mean == np.mean([mean(found, arm, s, panel, last=False) for s in (0, 1)])
    [difference] = found.differences(outcome)
    assert (difference.arm, difference.other) == ("chaser", "plain")
    assert difference.end == estimate_few(np.array(last["chaser"]) - np.array(last["plain"]))


def test_the_area_under_a_curve_is_the_mean_on_the_way() -> None:
    nothing = np.zeros(3)
    track = Track(nothing.astype(np.int64), np.array([0.0, 4.0, 4.0]), nothing, {"env_steps": np.array([10.0, 20, 40])})
    assert area(track) == (2.0 * 10 + 4.0 * 20) / 30
    first = Track(nothing[:1].astype(np.int64), np.array([3.0]), nothing[:1], {"env_steps": np.array([10.0])})
    assert area(first) == 3.0


def test_everything_is_told_in_80_columns_in_json_and_on_a_page(found: Findings, tmp_path: Path) -> None:
    text = learning_text(found)
    assert max(map(len, text.splitlines())) <= 80
    assert "chaser *" in text
    told = json.loads(json_text(found.as_dict()))
    assert told["returns"]["hiders"]["arms"]["chaser"]["end"]["mean"] == found.ends(Outcome(Side.HIDERS))["chaser"].mean
    assert told["panel"]["hiders"] == ["still", "random"]
    assert len(told["measurements"]["plain"]["0"]) == 4 * 2
    write_page(found, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "hiders against the panel" in page
    assert "chaser (trained so)" in page
    assert "Where the time went" in page
