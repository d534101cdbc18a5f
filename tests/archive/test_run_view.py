"""A run is looked into without loading it: what is asked for comes as `RunFile.read` gives it, and no more is read."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest

from evo_hns.archive import RunFile, RunFileError, RunView
from evo_hns.players.addresses import Archived
from evo_hns.spec import Side
from tests.archive.test_matches import assert_same, match_of
from tests.runs import crowded_run


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crowded_run(tmp_path_factory.mktemp("crowded") / "run.h5")


def test_every_part_is_as_the_whole_run_has_it(create):
    with create(7) as run_file:
        run_file.record([match_of(number) for number in range(4)])
        run = RunFile.read(run_file.path)
        with RunView(run_file.path) as view:
            assert (view.meta, view.config, view.num_generations) == (run.meta, run.config, run.num_generations)
            for side, hall in run.halls.items():
                assert view.num_params(side) == hall.num_params
                np.testing.assert_array_equal(view.generations(side), hall.generations)
                np.testing.assert_array_equal(view.scores(side), hall.scores)
                np.testing.assert_array_equal(view.genomes(side, [6, 0, 3, 3]), hall.genomes[[6, 0, 3, 3]])
            assert view.held_out == run.held_out
            assert {name: column.tobytes() for name, column in view.metrics.items()} == {
                name: column.tobytes() for name, column in run.metrics.items()
            }
            assert view.num_matches == 4
            for number in range(4):
                assert_same(view.match(number), run.matches[number])


def test_one_champion_of_thousands_is_read_alone(crowded: Path) -> None:
    h5py.File(crowded).close()  # what the library itself needs once
    tracemalloc.start()
    try:
        with RunView(crowded) as view:
            genomes = view.genomes(Side.SEEKERS, [4321, 17])
            assert view.generations(Side.SEEKERS)[-1] == 4999
        member = Archived(crowded, Side.HIDERS, "last").member
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert genomes[:, 0].tolist() == [4321, 17]
    assert (genomes == genomes[:, :1]).all()
    assert (member.generation, member.genome[3300]) == (4999, 4999)
    assert most < 1e6  # bytes; a hall has 66 million


def test_bytes_of_other_champions_are_not_touched(crowded: Path) -> None:
    before = bytes_read()
    with RunView(crowded) as view:
        view.genomes(Side.HIDERS, range(0, 5000, 1000))
    assert bytes_read() - before < 2_000_000  # the file has 132 million


def bytes_read() -> int:
    """Bytes that this process has read from files, cached ones included."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("rchar:")).split()[1])


def test_a_view_shows_the_run_as_it_was_while_the_run_goes_on(create, record):
    with create(2) as run_file, RunView(run_file.path) as view:
        for generation in range(2, 5):
            run_file.commit(record(generation))
        assert view.num_generations == 2
        assert view.generations(Side.HIDERS).tolist() == [0, 1]
        np.testing.assert_array_equal(view.genomes(Side.HIDERS, [1])[0], record(1).champions[Side.HIDERS].genome)
        with RunView(run_file.path) as newer:
            assert newer.generations(Side.HIDERS).tolist() == [0, 1, 2, 3, 4]


def test_what_is_not_there_is_refused(create):
    with create(2) as run_file, RunView(run_file.path) as view:
        assert view.num_matches == 0
        with pytest.raises(IndexError, match="got match 0"):
            view.match(0)
        for rows in ([2], [-1], [0, 99]):
            with pytest.raises(IndexError, match="expected 0 to 1"):
                view.genomes(Side.SEEKERS, rows)
        assert view.genomes(Side.SEEKERS, []).shape == (0, 17)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ({"held_out": None}, "is damaged: /held_out missing"),
        ({"hiders/archive/score": np.zeros(1)}, "is damaged or cut short"),
        ({"hiders/archive/genomes": np.zeros(2, dtype=np.float32)}, "is damaged or cut short"),
        ({"seekers/archive/genomes": np.full((2, 17), np.nan, dtype=np.float32)}, "is damaged or cut short"),
        ({"metrics/hiders_best": np.zeros(3)}, "is damaged or cut short"),
        ({"held_out/mean": np.zeros(3)}, "is damaged or cut short"),
    ],
)
def test_damage_is_said_in_one_line(create, damage, complaint):
    with create(2) as run_file:
        path = run_file.path
    with h5py.File(path, "r+") as file:
        for name, array in damage.items():
            del file[name]
            if array is not None:
                file[name] = array
    with pytest.raises(RunFileError, match=complaint) as caught, RunView(path) as view:
        view.genomes(Side.SEEKERS, [1])
        _ = view.metrics, view.held_out
    assert "\n" not in str(caught.value)


def test_what_is_no_run_file_is_refused(tmp_path):
    with pytest.raises(RunFileError, match="does not exist: check the name"):
        RunView(tmp_path / "absent.h5")
    (tmp_path / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n and then nothing")
    with pytest.raises(RunFileError, match="is damaged or cut short"):
        RunView(tmp_path / "cut.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(RunFileError, match="but not a run file of evo_hns"):
        RunView(tmp_path / "other.h5")
