"""Champions measured afterwards have the figures that training would have found, whoever is stopped meanwhile."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import evo_hns
from evo_hns.archive.records import HeldOutRow, Run
from evo_hns.archive.run_file import RunFile
from evo_hns.cli import main
from evo_hns.cli.errors import USER_ERROR
from evo_hns.training.driver import resume
from evo_hns.training.remeasurement import Due, measure_run
from tests.runs import GENERATIONS, assert_same_bits, ignore, run_whole, tiny


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A run that was measured at both ends, and the same one measured in every generation."""
    folder = tmp_path_factory.mktemp("runs")
    run_whole(folder / "run.h5", tiny())
    return folder / "run.h5", run_whole(folder / "dense.h5", tiny(coevolution={"held_out_every": 1}))


@pytest.fixture
def path(runs: tuple[Path, Run], tmp_path: Path) -> Path:
    """A copy of the run that was measured at both ends."""
    return Path(shutil.copy(runs[0], tmp_path / "run.h5"))


def figures(run: Run) -> list[tuple[object, ...]]:
    rows = [(*vars(row).values(),) for row in run.held_out]
    return [(*row[:-1], row[-1].tobytes()) for row in rows]


def test_measured_afterwards_is_measured_in_training_to_the_bit(path: Path, runs: tuple[Path, Run]) -> None:
    assert len(evo_hns.measure(path, every=1).held_out) == len(runs[1].held_out)
    run = RunFile.read(path)
    assert figures(run) == figures(runs[1])
    for side in ("hiders", "seekers"):
        for name in (f"{side}.global", f"{side}.global_ci95"):
            assert run.metrics[name].tobytes() == runs[1].metrics[name].tobytes()


def test_what_is_measured_stays_and_who_is_stopped_goes_on(path: Path, runs: tuple[Path, Run]) -> None:
    announced: list[Due] = []

    def stop(_: Sequence[HeldOutRow]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_run(path, 1, announce=announced.append, observe=stop)
    for _ in range(2):
        measure_run(path, 1, announce=announced.append)
    assert [(list(due.generations), due.num_measured) for due in announced] == [([1, 2], 2), ([2], 3), ([], 4)]
    assert figures(RunFile.read(path)) == figures(runs[1])


def test_a_run_that_was_measured_goes_on_to_the_same_bits(path: Path, tmp_path: Path) -> None:
    longer = run_whole(tmp_path / "longer.h5", tiny(coevolution={"generations": GENERATIONS + 1}))
    measure_run(path, 2)
    resume(path, generations=GENERATIONS + 1, announce=ignore, observers=[])
    run = RunFile.read(path)
    assert [row.generation for row in run.held_out] == sorted(row.generation for row in run.held_out)
    assert {row.generation for row in run.held_out} == {0, 2, GENERATIONS - 1, GENERATIONS}
    trained = {"held_out": (), "metrics": {}, "matches": ()}  # the last generation is measured and recorded
    assert_same_bits(replace(run, **trained), replace(longer, **trained))


def test_the_verb_measures_tells_and_says_what_is_wrong(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(path), "--every", "0"]) == USER_ERROR
    assert capsys.readouterr().err == "evo-hns: --every: got 0, expected 1 or more generations\n"
    assert main(["measure", str(path), "--every", "2", "--json"]) == 0
    *rows, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert [(row["side"], row["generation"]) for row in rows] == [("hiders", 2)] * 3 + [("seekers", 2)] * 3
    assert last == {"run": str(path)}
    assert main(["measure", str(path), "--every", "1"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("1 generation to measure; 3 are measured already\ngeneration 1\n  hiders held out: still ")
    assert "mean return of" in said
    with RunFile.open(path):
        assert main(["measure", str(path)]) == USER_ERROR
    assert "is being written" in capsys.readouterr().err
