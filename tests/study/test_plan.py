"""A study is read as it is written, and refused in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_hns.config import ConfigError
from evo_hns.spec import Side
from evo_hns.study.plan import read_study
from tests.study.conftest import PANEL, Write


def test_arms_lay_their_settings_over_those_of_the_study_and_the_experiment(write: Write) -> None:
    head = "seeds = [5, 3]\nenv_steps = 1_000\n[settings]\nsearch.popsize = 8\ncoevolution.delta = 0.25"
    study = write("[arms.a]\n[arms.b]\nsearch.popsize = 12\nhiders.search.popsize = 16", head=head)
    first, second = (arm.config for arm in study.arms)
    assert (study.name, study.seeds, study.env_steps) == ("study", (5, 3), 1000)
    assert [(arm.name, arm.number) for arm in study.arms] == [("a", 0), ("b", 1)]
    assert [first.side(side).search.popsize for side in Side] == [8, 8]
    assert [second.side(side).search.popsize for side in Side] == [16, 12]
    assert first.rules.horizon == 6  # of the experiment
    assert first.coevolution.delta == 0.25
    assert first.physics.num_threads == 1
    assert (first.coevolution.held_out_episodes, first.coevolution.progress_episodes) == (0, 0)


def test_an_arm_may_have_an_experiment_and_a_search_of_its_own(write: Write) -> None:
    arm = '[arms.a]\nexperiment = "quickstart"'
    config = write(arm, head="env_steps = 9\n[settings]\nworld.num_boxes = 3").arms[0].config
    assert (config.hiders.search.algorithm, config.world.num_boxes) == ("ga", 3)


def test_the_panel_of_the_quadrant_has_yardsticks_and_that_of_other_games_the_held_out_players(write: Write) -> None:
    study = write("[arms.a]", "")
    assert study.measured_against(Side.HIDERS) == tuple(
        f"scripted:{name}" for name in ("still", "random", "chaser", "climber")
    )
    assert study.measured_against(Side.SEEKERS)[3:] == tuple(
        f"scripted:{name}" for name in ("sitter", "builder", "reactive-builder", "ramp-fetcher")
    )
    full = write('[arms.a]\nexperiment = "full-small"', "")
    assert full.measured_against(Side.SEEKERS) == ("scripted:still", "scripted:random", "scripted:evader")


def test_whom_an_arm_trains_against_is_measured_and_not_held_out(write: Write) -> None:
    study = write('[arms.a]\nhiders.opponents = ["scripted:tracker", "still"]\n[arms.b]')
    first, second = study.arms
    assert study.met(first, Side.HIDERS) == {
        "still": False,
        "scripted:chaser": True,
        "random": True,
        "scripted:tracker": False,
    }
    assert all(study.met(second, Side.HIDERS).values())


def test_the_shipped_studies_can_be_run() -> None:
    names = [path.stem for path in Path("experiments/studies").glob("*.toml")]
    assert "baseline" in names
    assert all(read_study(name).arms for name in names)


@pytest.mark.parametrize(
    ("arms", "panel", "head", "complaint"),
    [
        ("", "", "env_steps = 9", r"study\.toml: arms: Field required"),
        ("[arms.a]", "", "seeds = 2", r"env_steps: Field required"),
        ("[arms.a]", "", "env_steps = 0", r"env_steps: Input should be greater than or equal to 1 \(got 0\)"),
        ("[arms.a]", "", "env_steps = 9\nseeds = [1, 1]", r"seeds: got \[1, 1\], expected each once"),
        ("[arms.a]", "", "env_steps = 9\nbudget = 3", r"budget: Extra inputs are not permitted"),
        ("[arms.a]\nsearch.popsiz = 3", "", "env_steps = 9", r"arm a: settings: hiders\.search\.popsiz: no such"),
        ("[arms.a]\nseed = 3", "", "env_steps = 9", r"arm a: seed is not for an arm"),
        ("[arms.a]\ncoevolution.generations = 3", "", "env_steps = 9", r"coevolution\.generations is not for an arm"),
        ('[arms."a/b"]', "", "env_steps = 9", r"got the arm 'a/b', which names files"),
        (
            "[arms.a]\n[arms.b]\nrules.horizon = 9",
            "",
            "env_steps = 9",
            r"a and b play different games \(rules",
        ),
        ("[arms.a]", '[panel]\nhiders = ["scripted:who"]', "env_steps = 9", r"panel\.hiders: no scripted player 'who'"),
    ],
)
def test_a_study_that_cannot_be_run_is_refused_in_a_line(
    arms: str, panel: str, head: str, complaint: str, write: Write
) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        write(arms, panel, head)
    assert "\n" not in str(caught.value)


def test_a_study_that_there_is_not_is_missed_by_name() -> None:
    with pytest.raises(ConfigError, match=r"no experiment 'basline' \(did you mean baseline\?\)"):
        read_study("basline")


def test_the_panel_that_is_written_is_the_one_that_is_met(write: Write) -> None:
    study = write("[arms.a]", PANEL)
    assert study.measured_against(Side.SEEKERS) == ("still",)
    assert (study.panel.worlds, study.panel.checkpoints, study.panel.seed) == (4, 2, 0)
