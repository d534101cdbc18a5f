"""Recorded matches come back from a run file to the bit; a file without any is as it always was."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest

from evo_hns.archive import Match, RunFile, RunFileError


def match_of(number: int, **changes) -> Match:
    rng = np.random.default_rng(number)
    match = Match(
        generation=number,
        hider=f"hiders/{number}",
        seeker="lärm/a b.h5:seekers/3",
        world_seed=2**32 - 1 - number,
        failed=number % 2 == 1,
        returns=np.array([-0.0, 12.5, np.nextafter(number, 9)]),
        metrics={"max_box_move": float(rng.random())} | ({"late": -0.0} if number else {}),
        actions={
            "movement": rng.integers(0, 11, (9, 3, 3), dtype=np.uint8),
            "pull": rng.integers(0, 2, (9, 3, 4), dtype=np.uint8),
            "glueall": rng.integers(0, 2, (9, 3), dtype=np.uint8),
        },
    )
    return replace(match, **changes)


def assert_same(one: Match, other: Match) -> None:
    for name, value in vars(one).items():
        there = getattr(other, name)
        if name == "returns":
            assert there.tobytes() == value.tobytes()
        elif name == "actions":
            assert {k: (v.dtype, v.shape, v.tobytes()) for k, v in there.items()} == {
                k: (v.dtype, v.shape, v.tobytes()) for k, v in value.items()
            }
        elif name == "metrics":
            assert {k: v.hex() for k, v in there.items()} == {k: v.hex() for k, v in value.items()}
        else:
            assert (type(there), there) == (type(value), value)


def test_matches_come_back_to_the_bit_and_in_order(create, record):
    with create() as run_file:
        for generation in range(3):
            run_file.commit(replace(record(generation), matches=(match_of(generation), match_of(generation))))
        run_file.record([match_of(7), match_of(8)])
        run_file.commit(record(3))
        matches = RunFile.read(run_file.path).matches
    expected = [match_of(number) for number in (0, 0, 1, 1, 2, 2, 7, 8)]
    for one, other in zip(expected, matches, strict=True):
        assert_same(one, other)


def test_recording_leaves_the_generations_as_they_are(create, check_whole):
    create(4).close()
    with create(4, "watched.h5") as run_file:
        run_file.record([match_of(3)])
    with RunFile.open(run_file.path) as run_file:
        check_whole(run_file.run)
        assert len(run_file.run.matches) == 1
    check_whole(RunFile.read(run_file.path))


def test_a_file_without_matches_has_no_place_for_them_and_is_read(create):
    with create(2) as run_file:
        path = run_file.path
    with h5py.File(path) as file:
        assert "matches" not in file
        assert file["meta"].attrs["schema_version"] == 1
    assert RunFile.read(path).matches == ()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"actions": {"movement": np.zeros((4, 3), dtype=np.uint8)}}, "the match has arrays"),
        ({"actions": {"movement": np.zeros((9, 2), dtype=np.uint8)}}, r"expected \(A,\) and \(T, A, ...\)"),
        ({"actions": {"movement": np.zeros((9, 3))}}, "actions are expected as uint8"),
        ({"actions": {}}, r"expected \(A,\) and \(T, A, ...\)"),
        ({"returns": np.zeros(3, dtype=np.float32)}, "returns and actions have shapes"),
        ({"metrics": {"a/b": 1.0}}, "'a/b' is not a name"),
        ({"hider": "a\0b"}, "cannot be the name of a player"),
        ({"seeker": "\udcff.h5:seekers/1"}, "cannot be the name of a player"),
    ],
)
def test_a_match_that_does_not_fit_changes_nothing(create, changes, complaint):
    with create(2) as run_file:
        run_file.record([match_of(1)])
        before = run_file.path.read_bytes()
        with pytest.raises(ValueError, match=complaint):
            run_file.record([match_of(1, **changes)])
        assert run_file.path.read_bytes() == before
        assert len(run_file.run.matches) == 1


def test_matches_belong_to_their_generation(create, record):
    with create(1) as run_file, pytest.raises(ValueError, match="match of generation 0 in record 1"):
        run_file.commit(replace(record(1), matches=(match_of(0),)))


def test_a_closed_run_takes_no_matches(create):
    run_file = create(1)
    run_file.close()
    with pytest.raises(RunFileError, match="is closed for writing"):
        run_file.record([match_of(0)])


@pytest.mark.parametrize(
    "part", ["returns", "hider", "failed", "metrics/max_box_move", "actions/pull", "actions/movement"]
)
def test_matches_that_do_not_fit_each_other_are_refused(create, part):
    with create(1) as run_file:
        run_file.record([match_of(0), match_of(1)])
    with h5py.File(run_file.path, "r+") as file:
        del file["matches"][part]
        file["matches"][part] = np.zeros(1)
    with pytest.raises(RunFileError, match="is damaged or cut short"):
        RunFile.read(run_file.path)


def test_matches_cost_little(create):
    with create(1) as run_file:
        pass
    before = run_file.path.stat().st_size
    with RunFile.open(run_file.path) as run_file:
        run_file.record([match_of(k) for k in range(50)])
        assert run_file.path.stat().st_size - before < 50 * 1000
