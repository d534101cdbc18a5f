"""`evo-hns submit` where there is no Slurm; `tests/slurm` has one."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from evo_hns.cli import main
from evo_hns.cli.errors import USER_ERROR


@pytest.fixture(autouse=True)
def no_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder on a machine without Slurm."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bash").symlink_to(shutil.which("bash") or "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def test_a_dry_run_prints_the_script_alone_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        "submit quadrant --nodes 2 --time 2-00 --array 0-9%4 --generations 5 --rules.restrict-rect 0 0 6 6 --dry-run "
        "--partition long --account p7 --constraint avx512 --mail me@uni.edu --memory 4G "
        "--sbatch qos=high --sbatch exclusive"
    )
    assert main(words.split()) == 0
    text = capsys.readouterr().out
    assert text.startswith("#!/bin/bash\n")
    assert text.endswith('\ntrain "$@" --seed "$SLURM_ARRAY_TASK_ID"\n')
    assert "#SBATCH --time=2-00:00:00\n" in text and "#SBATCH --array=0-9%4\n" in text
    asked = {"partition": "long", "account": "p7", "constraint": "avx512", "mail-user": "me@uni.edu", "mem": "4096M"}
    for name, value in (asked | {"mail-type": "END,FAIL", "qos": "high"}).items():
        assert f"\n#SBATCH --{name}={value}\n" in text
    assert "\n#SBATCH --exclusive\n" in text
    assert (
        "\nset -- quadrant --run runs/quadrant-seed%a.h5 --set 'rules.restrict-rect=[0, 0, 6, 6]' "
        "--set coevolution.generations=5\n" in text
    )
    assert [path.name for path in Path().iterdir()] == ["bin"]
    assert main([*words.split(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["script"] == text.rstrip("\n") + "\n"


def test_a_trainer_of_one_process_is_one_rank_with_the_processors_and_memory_that_are_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = "submit ppo --time 4:00:00 --array 0-2 --memory 8G --sbatch cpus-per-task=16 --dry-run"
    assert main(words.split()) == 0
    text = capsys.readouterr().out
    for header in ("ntasks-per-node=1", "nodes=1", "cpus-per-task=16", "mem=8192M", "array=0-2"):
        assert f"\n#SBATCH --{header}\n" in text
    assert "\nset -- ppo --run runs/ppo-seed%a.h5\n" in text


def test_a_dry_run_says_that_the_job_could_not_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(Path("bin", "gone").absolute()))
    assert main(["submit", "quickstart", "--time", "1:00:00", "--dry-run"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("#!/bin/bash\n")
    assert re.fullmatch(r"note: submitted from here, the job could not start: .*bin/gone.*\n", shown.err)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("quadrnt --time 1:00:00", "no experiment 'quadrnt' (did you mean quadrant?)"),
        ("quadrant --time 1:00:00 --search.popsiz 3", "--search.popsiz: no such setting (did you mean"),
        ("quadrant", "Missing from evo-hns submit: --time"),
        ("quadrant --time soon", "--time: got 'soon', expected minutes"),
        ("quadrant --time 5", "--time: got 00:05:00, of which the last 300 s are for coming to an end"),
        ("quadrant --time 1:00:00 --nodes 0", "--nodes: got 0, expected 1 or more"),
        ("quadrant --time 1:00:00 --array 1,1", "which has the seed 1 twice"),
        ("quadrant --time 1:00:00 --array -3", "--array: got '-3', expected seeds from 0 on"),
        ("quadrant --time 1:00:00 --array 0-3 --seed 1", "--seed: got one beside --array"),
        ("quadrant --time 1:00:00 --seed -1", "--seed: got -1, expected greater than or equal to 0"),
        ("quadrant --time 1:00:00 --generations 0", "--coevolution.generations: got 0, expected greater than"),
        ("quadrant --time 1:00:00 --memory lots", "--memory: got 'lots', expected megabytes or an amount such as 4G"),
        ("quadrant --time 1:00:00 --sbatch nodes=3", "--sbatch: got nodes, which is said by --nodes"),
        ("quadrant --time 1:00:00 --account a --sbatch account=b", "--sbatch: got account twice"),
        ("ppo --time 1:00:00", "--memory: got none, and what PPO needs is not estimated"),
        ("ppo --time 1:00:00 --nodes 2", "PPO trains in one process, got 2 x 1 ranks: leave out --nodes"),
        ("quadrant --time 1:00:00", "no sbatch on this machine: submit where Slurm is, or only print the script"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(
    words: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", *words.split()]) == USER_ERROR
    shown = capsys.readouterr()
    assert shown.out == ""
    assert complaint in shown.err
    assert shown.err.count("\n") == 1
