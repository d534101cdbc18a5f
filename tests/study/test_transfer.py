"""Champions of hide-and-seek learn another task, beside networks that never played it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evo_hns.archive.run_file import RunFile
from evo_hns.cli import main
from evo_hns.cli.errors import USER_ERROR
from evo_hns.config import ConfigError
from evo_hns.envs.observations import observation_spec
from evo_hns.policies import build_policy
from evo_hns.policies.translation import output_weights, translated
from evo_hns.spec import Side
from evo_hns.study.plan import read_study
from evo_hns.study.transfer import Budget, find_champions, study_text
from evo_hns.training.novelty import BOX_NOVELTY
from tests.runs import run_whole, tiny

TASK = """
[world]
num_hiders = 1
num_seekers = 0
num_boxes = 1
num_ramps = 0
[rules]
task = "box-locking"
horizon = 6
tell_box_size = true
[coevolution]
episodes_per_candidate = 2
finalist_episodes = 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of hide-and-seek, and a task of seconds."""
    path = tmp_path_factory.mktemp("transfer")
    run_whole(path / "run.h5", tiny(coevolution={"generations": 3, "held_out_episodes": 0, "progress_episodes": 0}))
    (path / "task.toml").write_text(TASK)
    return path


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes for each run are tested elsewhere."""
    monkeypatch.setattr("evo_hns.study.run._work", lambda jobs, _, observe: [job.do(observe) for job in jobs])


def typed(folder: Path, *words: str) -> list[str]:
    sizes = ["--seeds", "2", "--env-steps", "50", "--curious-env-steps", "50", "--cores", "1", "--search.popsize", "4"]
    return ["transfer", *words, str(folder / "task.toml"), "--folder", str(folder / "out"), *sizes]


def test_all_arms_learn_the_task_and_the_same_call_trains_nothing_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*typed(folder, str(folder / "run.h5")), "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["arms"]) == ["scratch", "hide-and-seek", "hide-and-seek-frozen", "curious", "curious-frozen"]
    assert [len(seeds) for seeds in told["measurements"].values()] == [2] * 5
    assert {each["opponent"] for seeds in told["measurements"].values() for each in seeds["0"]} == {"still"}
    curious = RunFile.read(folder / "out" / "curiosity-0.h5")
    assert (curious.config.hiders.fitness, curious.config.world.max_seekers) == (BOX_NOVELTY, 1)
    times = {path: path.stat().st_mtime_ns for path in (folder / "out").glob("*.h5")}
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out) == told
    assert {path: path.stat().st_mtime_ns for path in (folder / "out").glob("*.h5")} == times


def test_a_frozen_champion_keeps_all_but_its_last_layer(folder: Path) -> None:
    main(typed(folder, f"{folder / 'run.h5'}:hiders/1"))
    learnt = RunFile.read(folder / "out" / "hide-and-seek-frozen-0.h5")
    before, config = RunFile.read(folder / "run.h5"), learnt.config
    specs = [observation_spec(each.world, each.rules) for each in (before.config, config)]
    theirs, ours = (build_policy(config.hiders.policy, spec) for spec in specs)
    champion = translated(before.halls[Side.HIDERS].genomes[2], theirs, ours)
    last = output_weights(ours)
    genomes = learnt.halls[Side.HIDERS].genomes
    np.testing.assert_array_equal(genomes[:, : last.start], np.tile(champion[: last.start], (len(genomes), 1)))
    assert (genomes[:, last] != champion[last]).all()


def test_several_champions_are_an_arm_each(folder: Path) -> None:
    champions = find_champions([f"{folder / 'run.h5'}:hiders/0", str(folder / "run.h5")])
    (folder / "two.toml").write_text(study_text(str(folder / "task.toml"), champions, None, Budget(env_steps=9)))
    study = read_study(str(folder / "two.toml"))
    assert [arm.name for arm in study.arms] == ["scratch", "generation-0", "generation-2"]
    begins = [arm.config.hiders.init_from for arm in study.arms]
    assert begins == [None, f"{folder / 'run.h5'}:hiders/0", f"{folder / 'run.h5'}:hiders/2"]
    assert all(arm.config.hiders.policy == champions[0].member.config.hiders.policy for arm in study.arms)
    assert all(arm.config.hiders.search.algorithm == "sep-cmaes" for arm in study.arms)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lock-and-return"], "expected a champion and a task: RUN[:hiders/k]... TASK"),
        (["RUN:seekers/0", "lock-and-return"], "is one of the seekers, expected one of the hiders"),
        (["random", "lock-and-return"], "got 'random', expected a run file or a champion of its hiders"),
        (["RUN", "quickstart"], "got quickstart, which is hide-and-seek, expected another task, such as"),
        (["RUN", "lock-and-retrun"], "no experiment 'lock-and-retrun' (did you mean lock-and-return?)"),
        (["RUN", "lock-and-return", "--sigma", "0"], "--sigma: got 0, expected more than 0"),
        (["RUN", "lock-and-return", "--seeds", "0"], "--seeds: got 0, expected"),
        (["RUN", "lock-and-return", "--cores", "0"], "--cores: got 0, expected"),
    ],
)
def test_mistakes_are_told_in_one_line(
    words: list[str], told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = [word.replace("RUN", str(folder / "run.h5")) for word in words]
    assert main(["transfer", *typed, "--folder", str(folder / "wrong")]) == USER_ERROR
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1


def test_champions_of_two_forms_are_refused(folder: Path) -> None:
    other = folder / "other.h5"
    run_whole(other, tiny(policy={"hidden_size": 3}, coevolution={"generations": 1, "held_out_episodes": 0}))
    with pytest.raises(ConfigError, match=r"is another network than .*: take champions of one form"):
        find_champions([str(folder / "run.h5"), str(other)])
