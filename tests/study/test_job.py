"""A run of a study is trained to its budget and measured once, whatever stops it on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evo_hns.archive.run_file import RunFile
from evo_hns.config import ConfigError
from evo_hns.spec import Side
from evo_hns.study import measurement
from evo_hns.study.job import Job, Progress
from evo_hns.study.measurement import checkpoints
from tests.runs import assert_same_bits
from tests.study.conftest import Write


def nobody(_: Progress) -> None:
    """Nobody listens."""


class Stop:
    """Interrupts when something was told so often."""

    def __init__(self, what: str, times: int) -> None:
        self._what, self._left = what, times

    def __call__(self, progress: Progress) -> None:
        self._left -= progress.what == self._what
        if not self._left:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def done(write: Write, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A run of the arm that coevolves, trained and measured in one go."""
    study = write()
    job = Job(study, study.arms[0], 1, tmp_path_factory.mktemp("done"))
    job.do(nobody)
    return job


def test_a_run_is_trained_until_it_had_its_env_steps_and_measured_on_the_way(done: Job) -> None:
    run, rows = RunFile.read(done.run), done.measured()
    assert rows is not None
    a_generation = 2 * (4 * 2 + 2 * 2) * 6  # sides, candidates and finalists with their matches, env steps
    assert run.metrics["env_steps"].tolist() == [a_generation] * 3  # 300 is more than two of them
    assert run.meta.seed == 1
    assert {row.generation for row in rows} == {0, 1, 2}
    assert {(row.side, row.opponent) for row in rows} == {
        (Side.HIDERS, "still"),
        (Side.HIDERS, "chaser"),
        (Side.HIDERS, "random"),
        (Side.SEEKERS, "still"),
    }
    assert all(row.is_held_out and len(row.scores) == 4 for row in rows)
    assert {"running", "fort", "left_area"} <= set(rows[0].stages)
    assert "ramp_use" not in rows[0].stages  # it is the seekers'
    assert rows[0].statistics["max_box_move"] >= 0


def test_what_was_measured_is_not_measured_again(done: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "build_evaluator", None)  # nobody can play
    before = done.measured()
    done.do(nobody)
    after = done.measured()
    assert before is not None
    assert after is not None
    assert [row.scores.tolist() for row in after] == [row.scores.tolist() for row in before]


def test_a_run_that_is_stopped_anywhere_goes_on_to_the_same_bits_and_measurements(done: Job, tmp_path: Path) -> None:
    job = Job(done.study, done.arm, done.seed, tmp_path)
    for stop in (Stop("trained", 2), Stop("measured", 5)):
        with pytest.raises(KeyboardInterrupt):
            job.do(stop)
        assert job.measured() is None
    job.do(nobody)
    assert_same_bits(RunFile.read(job.run), RunFile.read(done.run))
    assert job.kept.read_bytes() == done.kept.read_bytes()


def test_a_larger_budget_goes_on_with_the_runs_there_are(done: Job, write: Write, tmp_path: Path) -> None:
    longer = write(head="seeds = 2\nenv_steps = 700")
    job = Job(longer, longer.arms[0], 1, tmp_path)
    job.run.write_bytes(done.run.read_bytes())
    job.do(nobody)
    run, first = RunFile.read(job.run), RunFile.read(done.run)
    assert run.num_generations == 5
    assert np.array_equal(run.halls[Side.HIDERS].genomes[:3], first.halls[Side.HIDERS].genomes)


def test_a_run_whose_matches_adapt_ends_when_it_had_its_env_steps(write: Write, tmp_path: Path) -> None:
    settings = "[settings.coevolution]\ntarget_reliability = 0.99\nmax_episodes_per_candidate = 6"
    study = write('[arms.a]\nhiders.opponents = "still"', head=f"env_steps = 600\n{settings}")
    job = Job(study, study.arms[0], 0, tmp_path)
    job.do(nobody)
    steps = np.cumsum(RunFile.read(job.run).metrics["env_steps"])
    assert len(set(np.diff(steps))) > 1
    assert steps[-2] < 600 <= steps[-1]


def test_a_run_file_of_other_settings_is_refused(done: Job, write: Write) -> None:
    study = write("[arms.plain]\nsearch.popsize = 6")
    with pytest.raises(ConfigError, match=r"plain-1\.h5 is a run with hiders\.search\.popsize = 4, got 6"):
        Job(study, study.arms[0], 1, done.folder).measured()


def test_checkpoints_are_the_first_champion_and_those_that_reach_equal_parts_of_the_budget() -> None:
    steps = np.arange(1, 11) * 10
    assert checkpoints(steps, 100, 4).tolist() == [0, 2, 4, 7, 9]
    assert checkpoints(steps[:5], 100, 4).tolist() == [0, 2, 4]  # of a run that goes on
    assert checkpoints(steps, 95, 1).tolist() == [0, 9]
