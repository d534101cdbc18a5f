"""Runs of several seeds: which files they have, what is left to do, and what is refused before anything is played."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evo_hns.archive.run_file import RunFile
from evo_hns.cli import main
from evo_hns.cli.errors import USER_ERROR
from evo_hns.cli.seeds import SeedRuns
from evo_hns.config import ConfigError
from tests.runs import as_toml, assert_same_bits, run_whole, tiny

LENGTH = {"coevolution": {"generations": 1, "held_out_episodes": 0}}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder one works in, with an experiment."""
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(as_toml(tiny(**LENGTH)))


def complaint(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a user's mistake is told in."""
    capsys.readouterr()
    assert main(words) == USER_ERROR
    [line] = capsys.readouterr().err.splitlines()
    return line


def test_each_seed_is_a_run_as_if_it_were_the_only_one_and_what_is_there_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["train", "small.toml", "--seeds", "0,2"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "2 runs, one after the other:\n  runs/small-seed0.h5  begins\n  runs/small-seed2.h5  begins\n"
    )
    assert "\nseed 2, run 2 of 2: runs/small-seed2.h5\n" in said
    assert said.endswith(" report runs/small-seed*.h5\n")
    assert_same_bits(RunFile.read(Path("runs/small-seed2.h5")), run_whole(Path("alone.h5"), tiny(seed=2, **LENGTH)))
    assert main([*words[:3], "1,2", "--generations", "2"]) == 0
    said = capsys.readouterr().out
    assert "  runs/small-seed1.h5  begins\n  runs/small-seed2.h5  goes on after 1 of 2 generations\n" in said
    assert [RunFile.read(Path(f"runs/small-seed{seed}.h5")).num_generations for seed in range(3)] == [1, 2, 2]
    assert main([*words[:3], "1,2", "--generations", "2", "--json"]) == 0  # nothing is left to do
    states = [{"seed": seed, "run": f"runs/small-seed{seed}.h5", "generations": 2} for seed in (1, 2)]
    assert json.loads(capsys.readouterr().out) == {"runs": states}


def test_a_run_of_other_settings_is_refused_before_anything_is_played(capsys: pytest.CaptureFixture[str]) -> None:
    run_whole(Path("b-1.h5"), tiny(seed=1, rules={"horizon": 7}, **LENGTH))
    said = complaint(capsys, "train", "small.toml", "--seeds", "0-1", "--run", "b-{seed}.h5")
    assert "b-1.h5 is a run with rules.horizon = 7, got 6: take another file" in said
    assert not Path("b-0.h5").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--seeds 0-9 --seed 3", "--seed: got one beside --seeds, which gives each run its own"),
        ("--seeds 0-9 --set seed=3", "--seed: got one beside --seeds"),
        ("--seeds 0-9 --run a.h5", "--run: got a.h5 for all of --seeds, expected {seed} in its name: a-{seed}.h5"),
        ("--seeds 0-9 --run {seed}/a.h5", "expected {seed} in its name: {seed}/a-{seed}.h5"),
        ("--seeds 0-9 --run a%a.h5", "expected {seed} in its name: a{seed}.h5"),
        ("--seeds 9-0", "--seeds: got '9-0', expected ranges that rise"),
        ("--seed 3 --run a-{seed}.h5", "--run: got a-{seed}.h5, but {seed} stands for a seed of --seeds"),
    ],
)
def test_words_that_make_no_sense_are_refused(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in complaint(capsys, "train", "small.toml", *words.split())
    assert [path.name for path in Path().iterdir()] == ["small.toml"]


def test_a_pattern_stands_for_the_files_only_if_it_means_no_others() -> None:
    runs = SeedRuns.parse("0-1", Path("my runs/a-{seed}.h5"), "small.toml", tiny())
    Path("my runs").mkdir()
    for path in runs.paths:
        path.touch()
    assert runs.files() == "'my runs/a-'*.h5"
    Path("my runs/a-2.h5").touch()
    assert runs.files() == "'my runs/a-0.h5' 'my runs/a-1.h5'"
    with pytest.raises(ConfigError, match="expected seeds from 0 on"):
        SeedRuns.parse("x", None, "small.toml", tiny())
