from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evo_hns.archive.storage import RunFileError
from evo_hns.cluster.job import Job, check_job, check_runs, free_run
from evo_hns.cluster.notation import parse_array
from evo_hns.config import ConfigError
from tests.runs import GENERATIONS, run_whole, tiny

JOB = Job(
    experiment="quadrant",
    options=("--set", "search.popsize=64"),
    run=Path("runs/quadrant.h5"),
    seeds=None,
    nodes=2,
    ranks_per_node=16,
    time=4 * 3600,
    grace=300,
)
ARRAY = replace(JOB, run=Path("runs/quadrant-seed%a.h5"), seeds=parse_array("2-3%1"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_a_job_keeps_everything_beside_its_run() -> None:
    check_job(JOB)
    assert (JOB.name, JOB.script, JOB.log) == ("quadrant", Path("runs/quadrant.sbatch"), Path("runs/%x-%j.out"))
    assert (JOB.runs, JOB.log_of("7")) == ([Path("runs/quadrant.h5")], Path("runs/quadrant-7.out"))


def test_an_array_has_a_run_and_a_log_for_each_seed() -> None:
    check_job(ARRAY)
    assert ARRAY.runs == [Path("runs/quadrant-seed2.h5"), Path("runs/quadrant-seed3.h5")]
    assert (ARRAY.script, ARRAY.log) == (Path("runs/quadrant-seedX.sbatch"), Path("runs/%x-%A_%a.out"))
    assert ARRAY.log_of("7") == Path("runs/quadrant-seedX-7_2.out")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"nodes": 0}, r"--nodes: got 0, expected 1 or more"),
        ({"nodes": -3}, r"--nodes: got -3, expected 1 or more"),
        ({"ranks_per_node": 0}, r"--ranks-per-node: got 0, expected 1 or more"),
        ({"grace": 0}, r"--grace: got 0, expected 1 or more"),
        ({"time": 599}, r"--time: got 00:09:59, of which the last 300 s .*: expected at least 00:10:00, or a smaller"),
        ({"headers": {"time": "9"}}, r"--sbatch: got time, which is said by --time"),
        ({"headers": {"mem-per-cpu": "9G"}}, r"--sbatch: got mem-per-cpu, which is said by --memory"),
        ({"headers": {"comment": "a\nb"}}, r"--sbatch: got comment with a line break"),
        ({"run": Path("runs/quadrant")}, r"--run: got runs/quadrant, expected a file that ends in \.h5"),
        ({"run": Path("runs/100%.h5")}, r"its only % the %a of seeds"),
        ({"run": Path("%a/run.h5")}, r"its only % the %a of seeds"),
        ({"run": Path("runs/q-%a.h5")}, r"%a stands for a seed of --array, and there is none"),
        ({"seeds": parse_array("0-9")}, r"expected %a where the seed belongs: runs/quadrant-%a\.h5"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        check_job(replace(JOB, **changes))


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    Path("runs").write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match=r"nothing can be written into .*runs; choose another place with --run"):
        check_job(JOB)
    check_job(replace(JOB, run=Path("new/and/deep/run.h5")))
    assert not Path("new").exists()


@pytest.mark.parametrize("taken", ["quadrant.h5", "quadrant.sbatch"])
def test_a_new_run_takes_a_name_that_neither_a_run_nor_a_script_has(taken: str) -> None:
    assert free_run("some/where/quadrant.toml", has_seeds=False) == Path("runs/quadrant.h5")
    Path("runs").mkdir()
    (Path("runs") / taken).touch()
    assert free_run("quadrant", has_seeds=False) == Path("runs/quadrant-2.h5")


@pytest.mark.parametrize("taken", ["quadrant-seed11.h5", "quadrant-seedX.sbatch"])
def test_a_new_array_takes_a_name_that_no_seed_has(taken: str) -> None:
    assert free_run("quadrant", has_seeds=True) == Path("runs/quadrant-seed%a.h5")
    Path("runs").mkdir()
    (Path("runs") / taken).touch()
    assert free_run("quadrant", has_seeds=True) == Path("runs/quadrant-2-seed%a.h5")


def test_a_run_that_is_there_goes_on_is_finished_or_is_another_one() -> None:
    Path("runs").mkdir()
    config = tiny(search={"algorithm": "ga"})
    assert check_runs(JOB, config) == ""
    run_whole(JOB.run, config)
    with pytest.raises(ConfigError, match=r"runs/quadrant\.h5 has all its 4 generations"):
        check_runs(JOB, config)
    with pytest.raises(ConfigError, match=r"runs/quadrant\.h5 is a run with seed = 3, got 9"):
        check_runs(JOB, config.model_copy(update={"seed": 9}))
    longer = config.model_copy(update={"coevolution": config.coevolution.model_copy(update={"generations": 9})})
    assert check_runs(JOB, longer) == f"runs/quadrant.h5 has {GENERATIONS} of 9 generations and goes on from there"

    JOB.run.rename("runs/quadrant-seed3.h5")
    assert check_runs(ARRAY, config) == f"1 of 2 runs are there and go on: they have {GENERATIONS} generations"
    run_whole(ARRAY.runs[0], config.model_copy(update={"seed": 2}))
    with pytest.raises(ConfigError, match=r"runs/quadrant-seed%a\.h5 has all its 4 generations"):
        check_runs(ARRAY, config)


def test_a_file_that_is_no_run_is_refused() -> None:
    Path("runs").mkdir()
    JOB.run.write_text("no run")
    with pytest.raises(RunFileError, match="is not an HDF5 file"):
        check_runs(JOB, tiny())
