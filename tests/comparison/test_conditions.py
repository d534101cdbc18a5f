"""What is one arm, what is it called, and what cannot be compared at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evo_hns.archive import RunFile, RunFileError
from evo_hns.comparison.conditions import mixed_settings, read_arms
from evo_hns.config import ConfigError
from evo_hns.reports.subject import differing_settings
from evo_hns.spec import Side
from tests.comparison.made import config, make_run


def runs(folder: Path, name: str, seeds: range, num_params: int = 7, **tables: Any) -> list[str]:
    return [
        str(make_run(folder / f"{name}-{seed}.h5", config(seed, **tables), num_params=num_params)) for seed in seeds
    ]


def test_runs_that_differ_in_their_seed_length_or_machine_are_one_arm(tmp_path: Path) -> None:
    one = runs(tmp_path, "a", range(2))
    longer = runs(tmp_path, "b", range(2, 3), coevolution={"generations": 90}, physics={"num_threads": 3})
    [arm] = read_arms([*one, *longer])
    assert arm.seeds == (0, 1, 2)
    assert mixed_settings(arm) == []


def test_arms_are_named_by_what_sets_them_apart(tmp_path: Path) -> None:
    texts = runs(tmp_path, "a", range(2)) + runs(tmp_path, "ga", range(2), search={"algorithm": "ga"})
    arms = read_arms(texts)
    assert [arm.name for arm in arms] == ["sep-CMA-ES", "GA"]
    assert [arm.colour for arm in arms] == ["run0", "run1"]
    assert differing_settings([arm.config for arm in arms]) == {
        "hiders.search.algorithm": ("sep-cmaes", "ga"),
        "seekers.search.algorithm": ("sep-cmaes", "ga"),
    }
    texts += runs(tmp_path, "latest", range(1), search={"algorithm": "ga"}, coevolution={"champion_share": 1.0})
    assert [arm.name for arm in read_arms(texts)] == [
        "sep-CMA-ES, champion_share=0.25",
        "GA, champion_share=0.25",
        "GA, champion_share=1.0",
    ]


def test_arms_of_other_networks_are_named_by_their_size(tmp_path: Path) -> None:
    small = runs(tmp_path, "small", range(1), num_params=300, policy={"hidden_size": 4})
    large = runs(tmp_path, "large", range(1), num_params=9000, policy={"network": "attention"})
    names = ["mlp 300 parameters", "attention 9,000 parameters"]
    assert [arm.name for arm in read_arms([*small, *large])] == names
    assert [arm.name for arm in read_arms([*large, *small])] == names  # by size, however they are listed


def test_users_name_arms_themselves_and_what_differs_inside_one_is_told(tmp_path: Path) -> None:
    one, two = runs(tmp_path, "a", range(2)), runs(tmp_path, "ga", range(2, 3), search={"algorithm": "ga"})
    arms = read_arms([f"mine={one[0]}", *two], [f"mine={one[1]}"])
    assert [(arm.name, arm.seeds) for arm in arms] == [("mine", (0, 1)), ("GA", (2,))]
    [arm] = read_arms([], [f"all={','.join([*one, *two])}"])
    assert mixed_settings(arm) == ["hiders.search.algorithm", "seekers.search.algorithm"]


def test_a_file_with_an_equals_sign_in_its_name_is_a_file(tmp_path: Path) -> None:
    [path] = runs(tmp_path, "sigma=1", range(1))
    [arm] = read_arms([path])
    assert arm.runs[0].path == Path(path)


def test_other_games_and_timesteps_are_refused_with_both_values(tmp_path: Path) -> None:
    [one] = runs(tmp_path, "a", range(1))
    [other] = runs(tmp_path, "b", range(1), rules={"horizon": 20})
    with pytest.raises(ConfigError, match=r"a-0.h5 and .*b-0.h5 play different games \(rules.horizon: 10 and 20\)"):
        read_arms([one, other])
    [other] = runs(tmp_path, "c", range(1), physics={"timestep": 0.01})
    with pytest.raises(ConfigError, match=r"physics.timestep: 0.005 and 0.01"):
        read_arms([one, other])


def test_of_many_differing_settings_a_few_are_told(tmp_path: Path) -> None:
    [one] = runs(tmp_path, "a", range(1))
    rules = {"lock_box": False, "lock_ramp": True, "grab_box": False, "num_lidar_rays": 4, "polar_angles": False}
    [other] = runs(tmp_path, "b", range(1), rules={"horizon": 20, **rules}, world={"num_boxes": 1})
    with pytest.raises(ConfigError, match=r", and 1 more\), so that their scores cannot be compared"):
        read_arms([one, other])


def test_one_run_twice_is_no_second_sample(tmp_path: Path) -> None:
    [one] = runs(tmp_path, "a", range(1))
    with pytest.raises(ConfigError, match=r"got .*a-0.h5 2 times, expected each run once"):
        read_arms([one, str(tmp_path / "." / "a-0.h5")])
    [other] = runs(tmp_path, "b", range(1))
    with pytest.raises(ConfigError, match=r"of the arm 'sep-CMA-ES' have the same seed, 0, .* --arm NAME=RUN"):
        read_arms([one, other])
    assert len(read_arms([f"first={one}", f"again={other}"])) == 2


def test_an_arm_has_networks_of_one_size(tmp_path: Path) -> None:
    small, large = runs(tmp_path, "a", range(1)), runs(tmp_path, "b", range(1, 2), num_params=9)
    with pytest.raises(ConfigError, match=r"networks of \(7, 7\) and \(9, 9\) parameters"):
        read_arms([f"mine={small[0]},{large[0]}"])


def test_what_is_no_arm_is_told_in_one_line(tmp_path: Path) -> None:
    [one] = runs(tmp_path, "a", range(1))
    with pytest.raises(ConfigError, match="compare needs run files"):
        read_arms([])
    with pytest.raises(ConfigError, match=r"--arm: got '.*a-0.h5', expected NAME=RUN,RUN"):
        read_arms([], [one])
    with pytest.raises(ConfigError, match=r"got the arm '=x\.h5', expected NAME=RUN,RUN"):
        read_arms(["=x.h5"])
    with pytest.raises(RunFileError, match=r"missing\.h5"):
        read_arms([one, str(tmp_path / "missing.h5")])
    (tmp_path / "text.h5").write_text("no run")
    with pytest.raises(RunFileError, match=r"text\.h5"):
        read_arms([str(tmp_path / "text.h5")])
    RunFile.create(tmp_path / "new.h5", config(), dict.fromkeys(Side, 7)).close()
    with pytest.raises(ConfigError, match=r"new\.h5 has no generation yet"):
        read_arms([str(tmp_path / "new.h5")])
    with pytest.raises(ConfigError, match="two arms would be called 'GA'"):
        read_arms([f"GA={one}", *runs(tmp_path, "g", range(1), search={"algorithm": "ga"})])
