"""A tournament comes back from its file as it was, and every wrong file is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from evo_hns.archive import RunFileError, provenance
from evo_hns.archive.tournament import Cells, Participant, Precision, Tournament
from evo_hns.archive.tournament_file import TOURNAMENT_SCHEMA, TournamentFile
from evo_hns.config import RunConfig
from evo_hns.spec import Side

HIDERS = (
    Participant("lärm.h5:hiders/3", "lärm.h5", 7, 3, 123_456_789_012, "ab" * 32, '{"network":"mlp"}'),
    Participant("scripted:fugitive"),
)
SEEKERS = tuple(Participant(f"../b.h5:seekers/{k}", "../b.h5", 1, k, k, "", "{}") for k in range(3))


def tournament_of(cells: Cells) -> Tournament:
    meta = provenance.describe(RunConfig(seed=9), TOURNAMENT_SCHEMA)
    participants = {Side.HIDERS: HIDERS, Side.SEEKERS: SEEKERS}
    return Tournament(meta, '{"hiders": []}', Precision(2.5, 8, 64), participants, cells)


def some_cells() -> Cells:
    cells, rng = Cells.empty(2, 3), np.random.default_rng(0)
    for cell_of in ([0, 0, 5, 3], [5, 0, 1]):
        scores = {side: rng.standard_normal(len(cell_of)) for side in Side}
        scores[Side.SEEKERS][1] = np.nan
        cells = cells.with_played(np.array(cell_of), scores)
    return replace(cells, wanted=cells.count + 1)


def assert_same(one: Tournament, other: Tournament) -> None:
    assert (one.meta, one.selection, one.precision) == (other.meta, other.selection, other.precision)
    assert one.participants == other.participants
    for name in ("wanted", "count"):
        np.testing.assert_array_equal(getattr(one.cells, name), getattr(other.cells, name))
    for side in Side:
        assert one.cells.scores[side].tobytes() == other.cells.scores[side].tobytes()


@pytest.mark.parametrize("cells", [Cells.empty(2, 3), some_cells()])
def test_a_tournament_comes_back_to_the_bit(cells: Cells, tmp_path: Path) -> None:
    tournament = tournament_of(cells)
    with TournamentFile.create(tmp_path / "t.h5", tournament):
        assert_same(TournamentFile.read(tmp_path / "t.h5"), tournament)


def test_what_is_written_later_replaces_what_was_there(tmp_path: Path) -> None:
    TournamentFile.create(tmp_path / "t.h5", tournament_of(Cells.empty(2, 3))).close()
    with TournamentFile.open(tmp_path / "t.h5") as file:
        later = replace(file.tournament, cells=some_cells())
        file.write(later)
        assert_same(TournamentFile.read(tmp_path / "t.h5"), later)
    with pytest.raises(RunFileError, match="is closed for writing"):
        file.write(later)
    assert [path.name for path in tmp_path.iterdir()] == ["t.h5"]


def test_two_cannot_write_one_file_nor_start_it_twice(tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    first = TournamentFile.create(path, tournament_of(Cells.empty(2, 3)))
    with first, pytest.raises(RunFileError, match="is being written by process"):
        TournamentFile.open(path)
    with pytest.raises(RunFileError, match="exists: go on with it, or take another name"):
        TournamentFile.create(path, tournament_of(Cells.empty(2, 3)))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def alter(part: str, value: object) -> Callable[[Path], None]:
    """Replaces a part of the file, or an attribute (`meta@schema_version`)."""

    def change(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            name, _, attribute = part.partition("@")
            if attribute:
                file[name].attrs[attribute] = value
            else:
                del file[name]
                file[name] = value

    return change


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (cut, "is damaged or cut short: use a copy of it"),
        (lambda path: path.write_text("scores"), "is not an HDF5 file, expected a tournament file of evo_hns"),
        (Path.unlink, "does not exist: check the name, or start a new tournament"),
        (alter("/@format", "evo_hns run"), "is an HDF5 file, but not a tournament file of evo_hns"),
        (alter("meta@schema_version", 99), "schema version 99, newer than 1 .*: upgrade evo_hns"),
        (alter("cells/count", np.zeros((3, 2))), "is damaged or cut short"),
        (alter("scores/seekers", np.zeros(3)), "is damaged or cut short"),
        (alter("hiders/run_seed", np.zeros(3)), "is damaged or cut short"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(damage: Callable[[Path], None], complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "t.h5"
    TournamentFile.create(path, tournament_of(some_cells())).close()
    damage(path)
    with pytest.raises(RunFileError, match=complaint) as caught:
        TournamentFile.read(path)
    assert "\n" not in str(caught.value)


def test_scores_stand_cell_by_cell_in_the_order_in_which_they_came() -> None:
    cells = Cells.empty(1, 2)
    for cell_of, scores in (([1, 0, 1], [10.0, 1.0, 11.0]), ([0, 1, 0], [2.0, 12.0, 3.0])):
        cells = cells.with_played(np.array(cell_of), {side: np.array(scores) for side in Side})
    assert cells.scores[Side.HIDERS].tolist() == [1, 2, 3, 10, 11, 12]
    assert cells.count.tolist() == [[3, 3]]


def test_moments_are_those_of_the_episodes_that_did_not_fail() -> None:
    values = np.array([1.0, np.nan, 3.0, np.nan])
    cells = Cells.empty(1, 3).with_played(np.array([0, 0, 0, 2]), dict.fromkeys(Side, values))
    number, mean, squares = cells.moments(Side.HIDERS)
    np.testing.assert_array_equal(number, [[2, 0, 0]])
    np.testing.assert_array_equal(mean, [[2, np.nan, np.nan]])
    np.testing.assert_array_equal(squares, [[2, 0, 0]])


def test_a_larger_table_keeps_every_score_in_its_pair() -> None:
    cells = some_cells()
    larger = cells.within((4, 5), np.array([3, 0]), np.array([1, 2, 4]))
    for row, there in enumerate([3, 0]):
        for column, place in enumerate([1, 2, 4]):
            old = cells.scores[Side.HIDERS][cells.cell_of == row * 3 + column]
            new = larger.scores[Side.HIDERS][larger.cell_of == there * 5 + place]
            assert new.tobytes() == old.tobytes()
            assert larger.wanted[there, place] == cells.wanted[row, column]
    assert larger.count.sum() == cells.count.sum()
