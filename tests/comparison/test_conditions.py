"""What is one condition, what is it called, and what cannot be compared at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evo_hns.archive import RunFile, RunFileError
from evo_hns.comparison.conditions import mixed_settings, read_conditions
from evo_hns.config import ConfigError
from evo_hns.reports.subject import differing_settings
from evo_hns.spec import Side
from tests.comparison.made import config, make_run


def runs(folder: Path, name: str, seeds: range, num_params: int = 7, **tables: Any) -> list[str]:
    return [
        str(make_run(folder / f"{name}-{seed}.h5", config(seed, **tables), num_params=num_params)) for seed in seeds
    ]


def test_runs_that_differ_in_their_seed_length_or_machine_are_one_condition(tmp_path: Path) -> None:
    one = runs(tmp_path, "a", range(2))
    longer = runs(tmp_path, "b", range(2, 3), coevolution={"generations": 90}, physics={"num_threads": 3})
    [condition] = read_conditions([*one, *longer])
    assert condition.seeds == (0, 1, 2)
    assert mixed_settings(condition) == []


def test_conditions_are_named_by_what_sets_them_apart(tmp_path: Path) -> None:
    texts = runs(tmp_path, "a", range(2)) + runs(tmp_path, "ga", range(2), search={"algorithm": "ga"})
    conditions = read_conditions(texts)
    assert [condition.name for condition in conditions] == ["sep-CMA-ES", "GA"]
    assert [condition.colour for condition in conditions] == ["run0", "run1"]
    assert differing_settings([condition.config for condition in conditions]) == {
        "hiders.search.algorithm": ("sep-cmaes", "ga"),
        "seekers.search.algorithm": ("sep-cmaes", "ga"),
    }
    texts += runs(tmp_path, "latest", range(1), search={"algorithm": "ga"}, coevolution={"champion_share": 1.0})
    assert [condition.name for condition in read_conditions(texts)] == [
        "sep-CMA-ES, champion_share=0.25",
        "GA, champion_share=0.25",
        "GA, champion_share=1.0",
    ]


def test_conditions_of_other_networks_are_named_by_their_size(tmp_path: Path) -> None:
    small = runs(tmp_path, "small", range(1), num_params=300, policy={"hidden_size": 4})
    large = runs(tmp_path, "large", range(1), num_params=9000, policy={"network": "attention"})
    names = ["mlp 300 parameters", "attention 9,000 parameters"]
    assert [condition.name for condition in read_conditions([*small, *large])] == names
    assert [
        condition.name for condition in read_conditions([*large, *small])
    ] == names  # by size, however they are listed


def test_users_name_conditions_themselves_and_what_differs_inside_one_is_told(tmp_path: Path) -> None:
    one, two = runs(tmp_path, "a", range(2)), runs(tmp_path, "ga", range(2, 3), search={"algorithm": "ga"})
    conditions = read_conditions([f"mine={one[0]}", *two], [f"mine={one[1]}"])
    assert [(condition.name, condition.seeds) for condition in conditions] == [("mine", (0, 1)), ("GA", (2,))]
    [condition] = read_conditions([], [f"all={','.join([*one, *two])}"])
    assert mixed_settings(condition) == ["hiders.search.algorithm", "seekers.search.algorithm"]


def test_a_file_with_an_equals_sign_in_its_name_is_a_file(tmp_path: Path) -> None:
    [path] = runs(tmp_path, "sigma=1", range(1))
    [condition] = read_conditions([path])
    assert condition.runs[0].path == Path(path)


def test_other_games_and_timesteps_are_refused_with_both_values(tmp_path: Path) -> None:
    [one] = runs(tmp_path, "a", range(1))
    [other] = runs(tmp_path, "b", range(1), rules={"horizon": 20})
    with pytest.raises(ConfigError, match=r"a-0.h5 and .*b-0.h5 play different games \(rules.horizon: 10 and 20\)"):
        read_conditions([one, other])
    [other] = runs(tmp_path, "c", range(1), physics={"timestep": 0.01})
    with pytest.raises(ConfigError, match=r"physics.timestep: 0.005 and 0.01"):
        read_conditions([one, other])


def test_of_many_differing_settings_a_few_are_told(tmp_path: Path) -> None:
    [one] = runs(tmp_path, "a", range(1))
    rules = {"lock_box": False, "lock_ramp": True, "grab_box": False, "num_lidar_rays": 4, "polar_angles": False}
    [other] = runs(tmp_path, "b", range(1), rules={"horizon": 20, **rules}, world={"num_boxes": 1})
    with pytest.raises(ConfigError, match=r", and 1 more\), so that their scores cannot be compared"):
        read_conditions([one, other])


def test_one_run_twice_is_no_second_sample(tmp_path: Path) -> None:
    [one] = runs(tmp_path, "a", range(1))
    with pytest.raises(ConfigError, match=r"got .*a-0.h5 2 times, expected each run once"):
        read_conditions([one, str(tmp_path / "." / "a-0.h5")])
    [other] = runs(tmp_path, "b", range(1))
    with pytest.raises(
        ConfigError, match=r"of the condition 'sep-CMA-ES' have the same seed, 0, .* --condition NAME=RUN"
    ):
        read_conditions([one, other])
    assert len(read_conditions([f"first={one}", f"again={other}"])) == 2


def test_a_condition_has_networks_of_one_size(tmp_path: Path) -> None:
    small, large = runs(tmp_path, "a", range(1)), runs(tmp_path, "b", range(1, 2), num_params=9)
    with pytest.raises(ConfigError, match=r"networks of \(7, 7\) and \(9, 9\) parameters"):
        read_conditions([f"mine={small[0]},{large[0]}"])


def test_what_is_no_condition_is_told_in_one_line(tmp_path: Path) -> None:
    [one] = runs(tmp_path, "a", range(1))
    with pytest.raises(ConfigError, match="compare needs run files"):
        read_conditions([])
    with pytest.raises(ConfigError, match=r"--condition: got '.*a-0.h5', expected NAME=RUN,RUN"):
        read_conditions([], [one])
    with pytest.raises(ConfigError, match=r"got the condition '=x\.h5', expected NAME=RUN,RUN"):
        read_conditions(["=x.h5"])
    with pytest.raises(RunFileError, match=r"missing\.h5"):
        read_conditions([one, str(tmp_path / "missing.h5")])
    (tmp_path / "text.h5").write_text("no run")
    with pytest.raises(RunFileError, match=r"text\.h5"):
        read_conditions([str(tmp_path / "text.h5")])
    RunFile.create(tmp_path / "new.h5", config(), dict.fromkeys(Side, 7)).close()
    with pytest.raises(ConfigError, match=r"new\.h5 has no generation yet"):
        read_conditions([str(tmp_path / "new.h5")])
    with pytest.raises(ConfigError, match="two conditions would be called 'GA'"):
        read_conditions([f"GA={one}", *runs(tmp_path, "g", range(1), search={"algorithm": "ga"})])
