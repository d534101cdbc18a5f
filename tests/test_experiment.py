from __future__ import annotations

import re
from pathlib import Path

import pytest

from evo_hns.config import ConfigError, RunConfig, spread
from evo_hns.experiment import (
    find_experiment,
    load_experiment,
    parse_config,
    read_options,
    read_toml,
    setting_names,
)
from evo_hns.spec import Side

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


@pytest.fixture
def one_sided(tmp_path: Path) -> str:
    """An experiment that says something of both sides, and something else of one."""
    path = tmp_path / "one-sided.toml"
    path.write_text("[search]\npopsize = 32\n[hiders.search]\npopsize = 64\nsigma = 0.25\n")
    return str(path)


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_experiment_of_the_project_is_valid(path: Path) -> None:
    assert isinstance(load_experiment(str(path)), RunConfig)


def test_a_table_of_one_side_wins_over_the_shared_table(one_sided: str) -> None:
    config = load_experiment(one_sided)
    assert (config.hiders.search.popsize, config.seekers.search.popsize) == (64, 32)


def test_a_shared_option_sets_both_sides_whatever_the_file_says_of_one(one_sided: str) -> None:
    config = load_experiment(one_sided, ["search.popsize=128"])
    assert (config.hiders.search.popsize, config.seekers.search.popsize) == (128, 128)
    assert config.hiders.search.sigma == 0.25


def test_an_option_of_one_side_wins_over_a_shared_option_in_any_order(one_sided: str) -> None:
    options = ["seekers.search.popsize=8", "search.popsize=128"]
    for ordered in (options, options[::-1]):
        config = load_experiment(one_sided, ordered)
        assert (config.hiders.search.popsize, config.seekers.search.popsize) == (128, 8)


def test_the_resolved_settings_give_themselves_back(one_sided: str) -> None:
    config = load_experiment(one_sided)
    assert parse_config(config.model_dump()) == config


def test_a_name_is_found_in_the_first_folder_that_has_it(tmp_path: Path) -> None:
    folders = [tmp_path / "here", tmp_path / "package"]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "both.toml").touch()
    (folders[1] / "both.toml").touch()
    (folders[1] / "other.toml").touch()
    assert find_experiment("both", folders) == folders[0] / "both.toml"
    assert find_experiment("other", folders) == folders[1] / "other.toml"


def test_a_name_that_does_not_exist_is_answered_with_those_that_do(tmp_path: Path) -> None:
    (tmp_path / "quadrant.toml").touch()
    (tmp_path / "tiny.toml").touch()
    with pytest.raises(ConfigError, match=r"no experiment 'quadrat' \(did you mean quadrant\?\).*: quadrant, tiny"):
        find_experiment("quadrat", [tmp_path])
    with pytest.raises(ConfigError, match=r"no experiment file 'no/such\.toml'.*: quadrant, tiny"):
        find_experiment("no/such.toml", [tmp_path])


def test_a_folder_without_experiments_asks_for_a_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give the path of a TOML file"):
        find_experiment("quadrant", [tmp_path])


def test_a_file_that_is_not_toml_is_named_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("[search]\npopsize 32\n")
    with pytest.raises(ConfigError, match=r"broken\.toml is not a TOML file: .*line 2"):
        read_toml(path)


def test_a_binary_file_is_not_toml(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not a TOML file"):
        read_toml(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("1e-2", 0.01), ("-50", -50), ("true", True), ("False", False), ("None", None), ("ga", "ga")],
)
def test_options_are_read_as_what_they_look_like(text: str, value: object) -> None:
    read = read_options([f"a.some-key={text}"])["a"]["some_key"]
    assert read == value
    assert type(read) is type(value)


def test_the_last_of_equal_options_wins() -> None:
    assert read_options(["a.b=1", "a.c=2", "a.b=3"]) == {"a": {"b": 3, "c": 2}}


def test_an_option_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"got the setting 'search\.popsize', expected KEY=VALUE"):
        read_options(["search.popsize"])


@pytest.mark.parametrize(
    "option",
    ["search.popsize=4", "hiders.search.popsize=4", "search.ga.num-elites=48", "seekers.search.ga.num-elites=99"],
)
def test_settings_of_one_kind_that_do_not_go_together_are_named_as_they_were_typed(option: str) -> None:
    typed = f"--{option.partition('=')[0]}"
    with pytest.raises(
        ConfigError, match=rf"^{re.escape(typed)}: got \d+ elites of popsize \d+: lower search\.ga"
    ) as raised:
        load_experiment("quickstart", [option])
    assert "\n" not in str(raised.value)


def test_no_random_inputs_can_be_asked_for_by_the_word(one_sided: str) -> None:
    options = ["policy.noise=step", "hiders.policy.noise=none"]
    config = load_experiment(one_sided, options)
    assert [config.side(side).policy.model_dump()["noise"] for side in Side] == ["none", "step"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["policy.doors=2", "rules.num-lidar-rays=3"], r"got hiders\.policy\.doors and 3 rays .* found from 4 on"),
        (["seekers.policy.openings=1", "rules.num-lidar-rays=0"], r"got seekers\.policy\.openings and 0 rays of lidar"),
        (["policy.doors=1", "rules.lidar-compression=2"], r"hiders\.policy\.doors and rules\.lidar_compression"),
        (["seekers.policy.frame=ramp", "world.num-ramps=0"], r"seekers\.policy\.frame 'ramp' in a game without any"),
        (["policy.frame=opponent", "world.num-seekers=0"], r"hiders\.policy\.frame 'opponent' in a game without any"),
    ],
)
def test_a_network_cannot_be_given_what_the_game_lacks(one_sided: str, options: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_experiment(one_sided, options)


def test_settings_of_two_tables_that_do_not_go_together_are_not_laid_to_the_file_alone(one_sided: str) -> None:
    with pytest.raises(ConfigError, match=r"\.toml with what was given: got hiders\.fitness and coevolution\.fitness"):
        load_experiment(one_sided, ["hiders.fitness=ramp_gap", "coevolution.fitness=wins"])


def test_a_setting_cannot_be_a_table_too() -> None:
    with pytest.raises(ConfigError, match="given both as a setting and as a table"):
        read_options(["seed=1", "seed.more=2"])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("search.popsize=3", r"^--search\.popsize: got 3, expected greater than or equal to 4$"),
        ("search.popsiz=8", r"^--search\.popsiz: no such setting \(did you mean search\.popsize\?\)$"),
        ("popsize=8", r"^--popsize: no such setting \(did you mean search\.popsize\?\)$"),
        ("search.algorithm=cma", r"--search\.algorithm: got 'cma', expected 'sep-cmaes', "),
        ("world.num-boxes=two", r"--world\.num-boxes: got 'two', expected a whole number from 0 to 20, or a range"),
        ("world.num-boxes=[5, 3]", r"--world\.num-boxes: got the range \[5, 3\], expected \[low, high\]"),
        ("world.num-elongated-boxes=5", r"got at least 5 elongated boxes of at least 2 boxes"),
        ("physics.search-substeps=2", r"got 2 search_substeps of 0\.0375 s, expected at most 0\.02 s: choose 4 or"),
        ("rules.restrict-rect=[0, 0, 6]", r"--rules\.restrict-rect\.3: missing, got only \[0, 0, 6\]"),
        ("search=5", r"^--search: got 5, expected a table of settings$"),
        ("hiders=5", r"^--hiders: got 5, expected a table of settings$"),
        (
            "search.ga.num-elites=2",
            r"^--search\.ga\.num-elites: search\.algorithm 'sep-cmaes' has no such setting: leave it out, or set "
            r"search\.algorithm to 'ga'$",
        ),
        ("policy.entity=5", r"^--policy\.entity: policy\.network 'mlp' has no such setting: .* to 'entity'$"),
        ("policy.network=entiti", r"^--policy\.network: got 'entiti', expected 'mlp', 'attention', 'entity'$"),
        (
            "search.cmaes.dam=2",
            r"^--search\.cmaes\.dam: no such setting \(did you mean search\.cmaes\.damp_sigma_ratio",
        ),
        ("policy.doors=true", r"^--policy\.doors: got doors true, expected a number$"),
        ("coevolution.virulence=false", r"^--coevolution\.virulence: got virulence false, expected a number$"),
        ("search.sigma=1e300", r"^--search\.sigma: got 1e\+300, expected less than or equal to 1000"),
        ("nowhere.near=5", r"^--nowhere\.near: no such setting$"),
        (
            "hiders.rungs=doors_shut",
            r"^--hiders\.rungs: got 'doors_shut', expected a list of tables as in TOML, such as",
        ),
        ("hiders.rungs={skill = 'ramp_gap', weight = 1}", r"^--hiders\.rungs: got \{.*\}, expected a list of tables"),
        ("hiders.rungs=[{skill = 'ramp_gap'}]", r"^--hiders\.rungs\.0\.weight: missing, got only \{'skill'"),
        (
            "hiders.rungs=[{skill = 'ramp_gap', weight = 1, start = 0, target = 1, more = 2}]",
            r"^--hiders\.rungs\.0\.more: no such setting, a rung has skill, weight, start, target$",
        ),
        (
            "hiders.rungs=[{skill = 'ramp_gap', weight = 1, start = -1e308, target = 1e308}]",
            r"^--hiders\.rungs\.0\.start: got -1e\+308, expected greater than or equal to -1000000 ",
        ),
        (
            "search={algorithm = 'pgpe', popsize = 13}",
            r"^--search.algorithm: got popsize 13, pgpe samples mirrored pairs: choose an",
        ),
        (
            "search={algorithm = 'cmaes', cmaes.learning_rate_adaptation = true}",
            r"^--search.algorithm: got cmaes\.learning_rate_adaptation of cmaes, only sep-cmaes has it",
        ),
    ],
)
def test_a_wrong_option_is_one_line_with_what_was_got_and_expected(one_sided: str, option: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        load_experiment(one_sided, [option])
    assert "\n" not in str(raised.value)


def test_a_shared_setting_that_one_side_cannot_have_is_refused_with_the_side(one_sided: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_experiment(one_sided, ["hiders.search.algorithm=ga"])
    assert str(raised.value).endswith(
        "one-sided.toml: hiders.search.sigma: hiders.search.algorithm 'ga' has no such setting: leave it out, or set "
        "hiders.search.algorithm to 'sep-cmaes', 'cmaes', 'snes', 'pgpe' or 'openai-es'"
    )


def test_networks_and_searches_have_the_settings_of_their_kind_alone() -> None:
    config = load_experiment("quadrant", ["search.algorithm=ga", "hiders.policy.network=entity"])
    tables = config.model_dump()
    assert tables["hiders"]["policy"].keys() == {"network", "genome_per_member", "entity"}
    assert tables["seekers"]["policy"].keys() >= {"network", "genome_per_member", "hidden_size", "gru_size", "hold"}
    assert "entity" not in tables["seekers"]["policy"]
    assert tables["hiders"]["search"].keys() == {"algorithm", "popsize", "init_sigma", "ga"}
    assert parse_config(tables) == config


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["policy.gru_size=8", "policy.leaky_size=4"],
            r"^--policy.gru-size: got gru_size 8 and leaky_size 4, expected one kind of memory: set one of them to 0$",
        ),
        (
            ["search.algorithm=pgpe", "search.popsize=5"],
            r"^--search.algorithm: got popsize 5, pgpe samples mirrored pairs",
        ),
        (
            ["policy.noise_size=2"],
            r"^--policy.noise-size: got noise_size 2 without noise: set noise to episode or step$",
        ),
        (["policy.lock_latch=1"], r"policy\.lock-latch: got 1, expected less than 1$"),
        (["policy.hold=0"], r"policy\.hold: got 0, expected greater than or equal to 1$"),
        (["policy.grabbing_turn=2"], r"policy\.grabbing-turn: got 2, expected less than or equal to 1$"),
        (
            ["policy.frame=door"],
            r"policy\.frame: got 'door', expected 'own', 'world', 'opponent', 'box', 'ramp' or 'nearest'$",
        ),
        (["policy.network=entity", "policy.hold=2"], r"policy\.hold.*'entity' has no such setting"),
    ],
)
def test_a_wrong_network_or_search_is_one_line(words: list[str], line: str) -> None:
    with pytest.raises(ConfigError, match=line) as raised:
        load_experiment("quadrant", words)
    assert "\n" not in str(raised.value)


def test_a_wrong_setting_of_a_file_is_named_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("[search]\nsigma = -1.0\n")
    with pytest.raises(ConfigError, match=r"wrong\.toml: search\.sigma: got -1\.0, expected greater than 0$"):
        load_experiment(str(path))


def test_further_mistakes_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("seed = -1\n[search]\nsigma = -1.0\n")
    with pytest.raises(ConfigError, match=r"seed: got -1, .* \(and 1 more\)$"):
        load_experiment(str(path))


def test_shared_tables_are_written_out_below_what_is_said_of_one_side() -> None:
    tables = {"seed": 1, "policy": {"a": 1, "b": 2}, "hiders": {"policy": {"a": 3}}}
    assert spread(tables) == {
        "seed": 1,
        "hiders": {"policy": {"a": 3, "b": 2}},
        "seekers": {"policy": {"a": 1, "b": 2}},
    }


def test_setting_names_hold_shared_and_one_sided_names() -> None:
    names = setting_names()
    assert {"seed", "search.popsize", "seekers.search.popsize", "rules.restrict_rect"} <= set(names)
    assert {"search.sigma", "search.ga.num_elites", "policy.hidden_size", "policy.entity.greedy"} <= set(names)
    assert len(set(names)) == len(names)


def test_the_full_game_is_openais_example_to_the_number() -> None:
    config = load_experiment("full")
    world, rules = config.world, config.rules
    assert (world.scenario, world.num_hiders, world.num_seekers, world.num_ramps) == ("randomwalls", 2, 2, 2)
    assert (world.num_boxes, world.num_elongated_boxes, world.num_food) == ((3, 9), (3, 9), 0)
    assert (world.num_rooms, world.random_room_number, world.outer_walls_probability) == (4, True, 0.5)
    assert (world.hiders_together_radius, world.seekers_together_radius, world.free_box_rotation) == (0.5, 0.5, False)
    assert (rules.horizon, rules.horizon * rules.prep_fraction, rules.num_lidar_rays) == (240, 96.0, 30)
    assert (rules.restrict_rect, rules.penalize_objects_out) == ((-6.0, -6.0, 12.0, 12.0), False)
    assert (rules.lock_box, rules.lock_ramp, rules.lock_type) == (True, True, "all_lock_team_specific")
    assert not (rules.lock_out_of_vision or rules.grab_out_of_vision or rules.grab_exclusive or rules.grab_selective)
    assert (config.physics.timestep, config.physics.num_substeps) == (0.005, 15)


def test_sequential_lock_is_openais_example_to_the_number() -> None:
    config = load_experiment("sequential-lock")
    world, rules = config.world, config.rules
    assert (world.scenario, world.door_size, world.num_hiders, world.num_seekers) == ("three-rooms", 0, 1, 0)
    assert (world.num_boxes, world.num_elongated_boxes, world.num_ramps) == (4, 0, 3)
    assert (rules.task, rules.horizon, rules.box_locking.goal, rules.lock_ramp) == ("box-locking", 120, "order", True)
    task = rules.box_locking
    assert (task.lock_reward, task.unlock_penalty, task.shaped_reward_scale, task.success_reward) == (5, 5, 0.5, 1)


def test_blueprint_is_openais_example_to_the_number() -> None:
    config = load_experiment("blueprint")
    world, rules = config.world, config.rules
    assert (world.scenario, world.num_sites, world.num_boxes, world.num_elongated_boxes) == ("empty", (1, 4), 8, 0)
    assert (world.num_hiders, world.num_seekers, world.num_ramps) == (1, 0, 0)
    assert (rules.task, rules.horizon, rules.tell_box_size) == ("blueprint", 150, True)


def test_shelter_is_openais_example_to_the_number() -> None:
    config = load_experiment("shelter")
    world, rules = config.world, config.rules
    assert (world.scenario, world.cylinder_diameter, world.cylinder_height) == ("empty", (1.5, 2.0), 0.5)
    assert (world.num_boxes, world.num_elongated_boxes, world.num_ramps, world.num_hiders) == (8, 3, 0, 1)
    assert (rules.task, rules.horizon, config.rules.num_lidar_rays) == ("shelter", 240, 30)


def test_lock_and_return_is_openais_example_to_the_number() -> None:
    config = load_experiment("lock-and-return")
    world, rules = config.world, config.rules
    assert (world.num_rooms, world.random_room_number, world.outer_walls_probability) == (6, False, 1.0)
    assert (world.num_hiders, world.num_seekers, world.num_boxes, world.num_ramps) == (1, 0, 1, 0)
    assert (rules.task, rules.horizon, rules.box_locking.goal) == ("box-locking", 120, "all-return")
    task = rules.box_locking
    assert (task.lock_reward, task.unlock_penalty, task.shaped_reward_scale, task.success_reward) == (5, 5, 0.5, 1)
    assert task.return_threshold == 0.1
