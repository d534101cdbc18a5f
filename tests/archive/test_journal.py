"""A journal cut at any byte, damaged, lost, mixed up or left over gives whole generations, or one line says why not."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest

from evo_hns.archive import Generation, RunFile, RunFileError, RunView
from evo_hns.archive.generation_record import as_tree, read_generation
from evo_hns.archive.journal import Journal, Record, header_of, journal_path, pack
from evo_hns.archive.schema import encode
from evo_hns.spec import Side
from tests.archive.test_matches import assert_same, match_of
from tests.archive.test_run_file import ARRAYS


def small(record, number: int) -> Generation:
    """A generation of a few kilobytes."""
    return replace(record(number), state={"mean": np.arange(20.0), "none": {}})


@pytest.fixture
def killed(create, record, tmp_path) -> Path:
    """A run whose writer was killed: two generations in its file, three in its journal."""
    path = tmp_path / "killed.h5"
    with create(2) as first:
        pass
    with RunFile.open(first.path) as writer:
        for number in range(2, 5):
            writer.commit(small(record, number))
        shutil.copy(writer.path, path)
        shutil.copy(journal_path(writer.path), journal_path(path))
    first.path.unlink()
    return path


def identity_of(path: Path) -> str:
    with h5py.File(path, locking=False) as file:
        return str(file.attrs["journal"])


def ends_of(path: Path) -> list[int]:
    """Where the header and each record end."""
    with Journal(path, identity_of(path), 2) as journal:
        return [journal.records[0].start, *(record.end for record in journal.records)]


def refuses(path: Path, match: str) -> None:
    for use in (RunFile.read, RunFile.open, RunView):
        with pytest.raises(RunFileError, match=match) as caught:
            use(path)
        assert "\n" not in str(caught.value)
    assert not path.with_name(path.name + ".lock").exists()


@pytest.mark.parametrize("filling", [b"", bytes(999), b"\xff" * 77, "older"], ids=["", "zeros", "ones", "older"])
def test_a_journal_that_ends_at_any_byte_holds_the_generations_that_are_whole(killed, filling):
    """As a kill leaves it; after a power cut, zeros or other bytes may stand where nothing was written yet."""
    path, ends = journal_path(killed), ends_of(killed)
    content, identity = path.read_bytes(), identity_of(killed)
    rest = content[ends[0] + 100 : ends[1] - 10] if filling == "older" else filling
    for size in range(len(content) - 1, ends[0] - 1, -1 if filling == b"" else -29):
        os.truncate(path, size)
        if rest:
            path.write_bytes(content[:size] + rest)
        with Journal(killed, identity, 2) as journal:
            assert (len(journal.records), journal.complaint) == (sum(end <= size for end in ends[1:]), "")


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.99])
def test_a_run_with_a_torn_journal_goes_on_and_ends_as_one_file(killed, record, share):
    path, ends = journal_path(killed), ends_of(killed)
    size = int(ends[1] + share * (ends[2] - ends[1]))
    path.write_bytes(path.read_bytes()[:size])
    assert RunFile.read(killed).num_generations == 3
    with RunFile.open(killed) as writer:
        for number in range(3, 6):
            writer.commit(small(record, number))
        assert RunFile.read(killed).halls[Side.HIDERS].generations.tolist() == list(range(6))
    assert not path.exists()
    assert RunFile.read(killed).halls[Side.HIDERS].generations.tolist() == list(range(6))


def test_damage_anywhere_is_refused_or_changes_nothing_and_repair_keeps_what_is_before_it(killed, tmp_path):
    path, ends = journal_path(killed), ends_of(killed)
    content, file, whole = path.read_bytes(), killed.read_bytes(), bytes(encode(RunFile.read(killed)))
    told = set()
    for place in range(ends[0], ends[2], 167):  # the last record is torn if it is damaged
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        killed.write_bytes(file)
        try:
            assert bytes(encode(RunFile.read(killed))) == whole  # what nobody needs: the states in between
        except RunFileError as error:
            first = next(number for number, end in enumerate(ends) if place < end) + 1
            assert str(error).startswith(
                f"{path} is damaged at generation {first}: to keep what is before it, evo-hns "
            )
            told.add(first)
            assert RunFile.repair(killed).endswith(
                "; what cannot be used of its journal is kept in killed.h5.journal.unused"
            )
            assert RunFile.read(killed).num_generations == first
            assert path.with_name(f"{path.name}.unused").read_bytes() == damaged
            assert not path.exists()
            path.with_name(f"{path.name}.unused").unlink()
    assert told == {2, 3}


@pytest.mark.parametrize("part", ["metrics", "champions"])
def test_a_view_finds_damage_when_it_reads_it(killed, part):
    path = journal_path(killed)
    content = bytearray(path.read_bytes())
    with Journal(killed, identity_of(killed), 2) as journal:
        record = journal.records[1]
        name, entry = next(iter(record.table[part].items()))
        place = record.data + (entry if part == "metrics" else entry["genome"])[2]
    content[place] ^= 1
    path.write_bytes(content)
    with RunView(killed) as view, pytest.raises(RunFileError, match="is damaged at generation 3: to keep"):
        _ = view.metrics if part == "metrics" else view.genomes(Side[name.upper()], [3])


def test_all_kinds_of_arrays_and_numbers_come_back_to_the_bit(record, tmp_path):
    odd = np.array([0xFFF8000000000123], dtype=np.uint64).view(np.float64)[0]  # a NaN with a sign and a payload
    given = replace(
        record(0),
        state={"deep": {**ARRAYS, "nothing": {}}},
        metrics={"odd": float(odd), "infinite": -np.inf, "zero": -0.0},
        matches=(match_of(0), match_of(0)),
        exploiters={Side.SEEKERS: record(1).champions[Side.SEEKERS]},
    )
    path = tmp_path / "r.h5.journal"
    path.write_bytes(header_of("0" * 32) + pack(0, as_tree(given)))
    with Journal(tmp_path / "r.h5", "0" * 32, 0) as journal:
        found = read_generation(journal.records[0])
    assert found.state["deep"].keys() == given.state["deep"].keys()
    for name, array in ARRAYS.items():
        there = found.state["deep"][name]
        assert (there.dtype, there.shape, there.tobytes()) == (array.dtype, array.shape, array.tobytes())
        assert there.flags.writeable
    for name, value in given.metrics.items():
        assert np.float64(found.metrics[name]).tobytes() == np.float64(value).tobytes()
    assert (found.held_out, found.discards) == (given.held_out, given.discards)
    for one, other in zip(found.matches, given.matches, strict=True):
        assert_same(one, other)
    assert found.exploiters.keys() == {Side.SEEKERS}
    assert (found.exploiters[Side.SEEKERS].genome == record(1).champions[Side.SEEKERS].genome).all()


def test_a_commit_leaves_the_file_and_costs_what_the_generation_weighs(create, record, tmp_path):
    create(2).close()
    with RunFile.open(tmp_path / "run.h5") as writer:
        writer.commit(record(2))
        before, weight = writer.path.stat(), len(pack(3, as_tree(record(3))))
        size = journal_path(writer.path).stat().st_size
        writer.commit(record(3))
        assert writer.path.stat() == before
        assert journal_path(writer.path).stat().st_size == size + weight


def test_a_journal_is_put_into_the_file_when_it_is_as_long(create, record, check_whole, tmp_path, monkeypatch):
    monkeypatch.setattr("evo_hns.archive.run_file.JOURNAL_BYTES", 100_000)
    create().close()
    sizes = []
    with RunFile.open(tmp_path / "run.h5") as writer:
        for number in range(8):
            writer.commit(record(number))
            sizes.append(journal_path(writer.path).stat().st_size)
            check_whole(RunFile.read(writer.path))
    assert max(sizes) < 100_000
    assert sum(later < earlier for earlier, later in pairwise(sizes)) == 4


def test_in_the_end_there_is_one_file_as_it_always_was(killed):
    whole = bytes(encode(RunFile.read(killed)))
    RunFile.open(killed).close()
    assert killed.read_bytes() == whole
    assert [path.name for path in killed.parent.iterdir()] == [killed.name]
    with h5py.File(killed) as file:
        assert set(file.attrs) == {"format", "num_generations"}


def test_names_are_in_the_same_order_in_the_journal_and_in_the_file(create, record, tmp_path):
    path = tmp_path / "killed.h5"
    unordered = {"later": 1.0, "earlier": 2.0}
    match = replace(match_of(0), metrics=unordered)
    held_out = tuple(replace(row, statistics=unordered) for row in record(0).held_out)
    with create(0) as writer:
        writer.commit(replace(small(record, 0), metrics=unordered, held_out=held_out, matches=(match,)))
        shutil.copy(writer.path, path)
        shutil.copy(journal_path(writer.path), journal_path(path))
    for run in (RunFile.read(path), RunFile.read(writer.path)):
        assert [list(each) for each in (run.metrics, run.held_out[0].statistics, run.matches[0].metrics)] == [
            ["earlier", "later"]
        ] * 3


def test_what_is_already_in_the_file_counts_once(killed):
    """As after a kill between the two steps of putting a journal into its file."""
    content = journal_path(killed).read_bytes()
    for identity in (identity_of(killed), ""):
        run = RunFile.read(killed)
        killed.write_bytes(encode(run, identity))
        journal_path(killed).write_bytes(content)
        assert RunFile.read(killed).halls[Side.SEEKERS].generations.tolist() == list(range(5))
        with RunView(killed) as view:
            assert (view.num_generations, view.remark) == (5, "")
    RunFile.open(killed).close()
    assert not journal_path(killed).exists()


def test_a_journal_of_another_run_is_refused_and_set_aside(killed, create, record, tmp_path):
    create(1, "other.h5").close()
    other = tmp_path / "other.h5"
    for named in ("", "f" * 32):
        other.write_bytes(encode(RunFile.read(other), named))
        shutil.copy(journal_path(killed), journal_path(other))
        refuses(other, r"other\.h5\.journal is not of other\.h5: take it away, or evo-hns diagnose repair")
        told = RunFile.repair(other)
        assert told.startswith(f"{other} has 1 generations; ") and ".unused" in told
        assert RunFile.read(other).num_generations == 1
    assert sorted(path.name for path in tmp_path.glob("other*")) == [
        "other.h5",
        "other.h5.journal.unused",
        "other.h5.journal.unused2",
    ]
    journal_path(other).write_text("notes of mine")
    refuses(other, "is not of other")


def test_a_file_and_a_journal_of_different_moments_are_refused(killed, create, tmp_path):
    create(1).close()
    earlier = replace(RunFile.read(tmp_path / "run.h5"), meta=RunFile.read(killed).meta)
    killed.write_bytes(encode(earlier, identity_of(killed)))
    refuses(killed, "goes on from generation 2, and killed.h5 has 1: they were copied at different moments; copy both")
    assert ".unused" in RunFile.repair(killed)
    assert RunFile.read(killed).num_generations == 1


def test_a_file_that_was_copied_without_its_journal_can_be_looked_at_but_not_trained(killed, record):
    journal_path(killed).unlink()
    with RunView(killed) as view:
        assert view.num_generations == 2
        assert view.remark.endswith(
            "killed.h5.journal is not there, which holds what followed the generations in killed.h5"
        )
    assert RunFile.read(killed).num_generations == 2
    with pytest.raises(RunFileError, match=r"is not there, .*: put it there, or go on without, evo-hns"):
        RunFile.open(killed)
    assert "has 2 generations; killed.h5.journal was not there" in RunFile.repair(killed)
    assert RunFile.repair(killed).endswith("has 2 generations and needs no repair")
    with RunFile.open(killed) as writer:
        writer.commit(record(2))


def test_repair_puts_a_whole_journal_into_the_file(killed):
    assert RunFile.repair(killed) == f"{killed} has 5 generations; 3 of them were in its journal"
    assert RunFile.read(killed).num_generations == 5
    assert not journal_path(killed).exists()


def test_a_truncated_file_cannot_be_mended_and_keeps_its_journal(killed):
    killed.write_bytes(killed.read_bytes()[:-1])
    with pytest.raises(RunFileError, match="is damaged or cut short: use a copy"):
        RunFile.repair(killed)
    assert journal_path(killed).exists()


def test_a_journal_without_its_run_is_not_written_over(killed, create):
    killed.unlink()
    with pytest.raises(RunFileError, match=r"killed\.h5\.journal holds generations of a run that is not there: put"):
        create(1, "killed.h5")
    journal_path(killed).write_bytes(header_of("0" * 32))  # of a run that was killed before it began
    create(1, "killed.h5").close()


@pytest.mark.parametrize("removed", ["run.h5", "run.h5.journal"])
def test_what_somebody_removes_during_training_comes_back(create, record, check_whole, tmp_path, removed):
    create(1).close()
    with RunFile.open(tmp_path / "run.h5") as writer:
        for number in range(1, 3):
            writer.commit(record(number))
        (tmp_path / removed).unlink()
        writer.commit(record(3))
        check_whole(RunFile.read(writer.path))
    check_whole(RunFile.read(writer.path))
    assert RunFile.read(writer.path).num_generations == 4


def test_a_view_says_what_is_in_the_journal_and_keeps_it_when_that_is_gone(create, record, tmp_path):
    create(2).close()
    with RunFile.open(tmp_path / "run.h5") as writer:
        for number in range(2, 5):
            writer.commit(replace(record(number), matches=(match_of(number),)))
        view = RunView(writer.path)
    with view:
        assert view.remark.startswith("generations from 2 on are in run.h5.journal beside it: to copy")
        assert_same(view.match(1), match_of(3))
        np.testing.assert_array_equal(view.genomes(Side.HIDERS, [4])[0], record(4).champions[Side.HIDERS].genome)
        assert view.metrics["hiders_best"].tolist() == [record(number).metrics["hiders_best"] for number in range(5)]


def test_settings_of_an_extended_run_are_stored_though_it_has_a_journal(killed, record):
    with RunFile.open(killed) as writer:
        longer = writer.run.config.model_copy(update={"seed": 99})
        writer.reconfigure(longer)
        writer.commit(small(record, 5))
        assert RunFile.read(killed).config == longer


def test_a_reader_that_meets_a_file_and_the_journal_of_its_successor_reads_again(killed, monkeypatch):
    original, turns = Record.at.__func__, []

    def replaced_meanwhile(*args):
        if not turns:
            turns.append(1)
            RunFile.open(killed).close()
        return original(Record, *args)

    monkeypatch.setattr(Record, "at", replaced_meanwhile)
    assert RunFile.read(killed).num_generations == 5
    assert turns == [1]
