"""A run comes back from its file as it was, and every wrong file is refused in one line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest

from evo_hns.archive import Champion, Generation, HeldOutRow, RunFile, RunFileError
from evo_hns.config import RunConfig, merge
from evo_hns.spec import Side

NUM_PARAMS = {Side.HIDERS: 11, Side.SEEKERS: 17}


def refuses(path, match):
    """The file is refused for reading and for resuming, in one line, and nothing is left beside it."""
    for use in (RunFile.read, RunFile.open):
        with pytest.raises(RunFileError, match=match) as caught:
            use(path)
        assert "\n" not in str(caught.value)
    assert not path.with_name(path.name + ".lock").exists()


def test_a_new_run_is_empty_and_knows_its_settings(create, check_whole):
    with create() as run_file:
        run = RunFile.read(run_file.path)
    check_whole(run)
    assert run.config == RunConfig(seed=5)
    assert {side: hall.num_params for side, hall in run.halls.items()} == NUM_PARAMS


def test_every_generation_comes_back_as_it_was_given(create, check_whole):
    with create(8) as run_file:
        check_whole(RunFile.read(run_file.path))
        check_whole(run_file.run)


def test_a_resumed_run_goes_on_to_the_same_file(create, record, check_whole, tmp_path):
    create(4).close()
    with RunFile.open(tmp_path / "run.h5") as resumed:
        for generation in range(4, 9):
            resumed.commit(record(generation))
    with create(9, "unbroken.h5") as unbroken:
        origin = unbroken.run.meta
    check_whole(RunFile.read(tmp_path / "run.h5"))
    assert RunFile.read(tmp_path / "run.h5").meta == replace(
        origin, created=RunFile.read(tmp_path / "run.h5").meta.created
    )


def test_the_origin_of_a_run_is_in_its_file(create):
    with create() as run_file:
        meta = RunFile.read(run_file.path).meta
    assert meta.seed == 5
    assert meta.versions["numpy"] == np.__version__
    assert meta.versions["h5py"] == h5py.__version__
    assert {"python", "torch", "mujoco", "evotorch"} <= meta.versions.keys()
    assert meta.created.endswith("+00:00")
    assert meta == run_file.run.meta


ARRAYS = {
    "float64": np.array([0.1, -0.0, np.nan, np.inf, 5e-324, np.nextafter(1, 2)]),
    "float32": np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32),
    "float16": np.arange(3, dtype=np.float16),
    "uint8": np.random.default_rng(1).integers(0, 256, 5056, dtype=np.uint8),
    "uint64": np.array([2**64 - 1, 0], dtype=np.uint64),
    "int64": np.array([-(2**63), 2**63 - 1]),
    "int8": np.array([[-128], [127]], dtype=np.int8),
    "bool": np.array([[True, False]]),
    "zero_d_float": np.array(0.1),
    "zero_d_int": np.array(3, dtype=np.int32),
    "zero_d_bool": np.array(True),
    "empty": np.zeros((0, 3), dtype=np.float32),
    "big_endian": np.arange(4, dtype=">f8"),
    "strided": np.arange(20.0).reshape(4, 5)[::2, ::-1],
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_state_comes_back_to_the_same_bits_type_and_shape(create, record, name):
    with create() as run_file:
        run_file.commit(replace(record(0), state={"search": {"deep": {name: ARRAYS[name]}}}))
        restored = RunFile.read(run_file.path).state["search"]["deep"][name]
    assert isinstance(restored, np.ndarray)
    assert (restored.dtype, restored.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)
    assert restored.tobytes() == ARRAYS[name].tobytes()


def test_state_may_change_its_names_and_shapes_and_is_never_mixed_with_the_old(create, record):
    with create() as run_file:
        run_file.commit(replace(record(0), state={"a": np.zeros(3), "b": {}}))
        run_file.commit(replace(record(1), state={"a": {"c": np.ones((2, 2))}}))
        state = RunFile.read(run_file.path).state
    assert state.keys() == {"a"}
    assert state["a"]["c"].tolist() == [[1, 1], [1, 1]]


def test_a_metric_that_comes_late_or_goes_is_nan_elsewhere(create, record):
    with create() as run_file:
        for generation, metrics in enumerate(({"a": 1.0}, {"a": 2.0, "b": 3.0}, {"b": np.inf})):
            run_file.commit(
                replace(record(generation), metrics=metrics, discards={"late": 2} if generation == 1 else {})
            )
        run = RunFile.read(run_file.path)
    np.testing.assert_array_equal(run.metrics["a"], [1, 2, np.nan])
    np.testing.assert_array_equal(run.metrics["b"], [np.nan, 3, np.inf])
    assert run.discards["late"].tolist() == [0, 2, 0]


def test_a_side_without_a_champion_keeps_its_hall(create, record):
    with create(1) as run_file:
        lonely = {Side.SEEKERS: record(1).champions[Side.SEEKERS]}
        run_file.commit(replace(record(1), champions=lonely))
        halls = RunFile.read(run_file.path).halls
    assert halls[Side.HIDERS].generations.tolist() == [0]
    assert halls[Side.SEEKERS].generations.tolist() == [0, 1]


def test_the_file_does_not_grow_when_only_state_is_overwritten(create, record, tmp_path):
    create().close()
    sizes = []
    for generations in (range(1), range(1, 30)):
        with RunFile.open(tmp_path / "run.h5") as run_file:
            for generation in generations:
                run_file.commit(replace(record(generation), champions={}, held_out=()))
        sizes.append(run_file.path.stat().st_size)
    assert sizes[1] - sizes[0] < 2000


def test_the_same_run_gives_the_same_bytes(create, record, tmp_path):
    create(3).close()
    path, twin = tmp_path / "run.h5", tmp_path / "twin.h5"
    content = path.read_bytes()
    shutil.copy(path, twin)
    for each in (path, twin):
        with RunFile.open(each) as resumed:
            resumed.commit(record(3))
    assert path.read_bytes() == twin.read_bytes() != content


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"number": 3}, "generation 3, expected 2"),
        ({"metrics": {"a/b": 1.0}}, "'a/b' is not a name"),
        ({"metrics": {"": 1.0}}, "'' is not a name"),
        ({"discards": {"..": 1}}, "is not a name"),
        ({"state": {"a": 3.0}}, "state 'a' is float, expected a numpy array"),
        ({"state": {"a": {"b": np.array(["text"])}}}, "state 'b' is <U4"),
        ({"state": {"a": np.array([None])}}, "state 'a' is object"),
    ],
)
def test_a_record_that_does_not_fit_changes_nothing(create, record, check_whole, change, match):
    with create(2) as run_file:
        before = run_file.path.read_bytes()
        with pytest.raises(ValueError, match=match):
            run_file.commit(replace(record(2), **change))
        assert run_file.path.read_bytes() == before
        run_file.commit(record(2))
        check_whole(RunFile.read(run_file.path))


def test_nan_cannot_enter_an_archive(create, record, check_whole):
    with create(1) as run_file:
        bad = record(1)
        bad.champions[Side.SEEKERS].genome[3] = np.nan
        with pytest.raises(ValueError, match="not finite"):
            run_file.commit(bad)
        check_whole(RunFile.read(run_file.path))
        check_whole(run_file.run)


def test_held_out_rows_belong_to_their_generation(create, record):
    with create(1) as run_file, pytest.raises(ValueError, match="row of generation 0 in record 1"):
        run_file.commit(replace(record(1), held_out=record(0).held_out))


def test_a_run_is_never_started_over_another(create, check_whole, tmp_path):
    create(3).close()
    with pytest.raises(RunFileError, match="exists: resume it, or take another name"):
        create()
    check_whole(RunFile.read(tmp_path / "run.h5"))
    assert [path.name for path in tmp_path.iterdir()] == ["run.h5"]


def test_a_closed_run_takes_no_more_generations(create, record):
    run_file = create(1)
    run_file.close()
    run_file.close()
    with pytest.raises(RunFileError, match="is closed for writing"):
        run_file.commit(record(1))


def test_a_link_to_a_run_stays_a_link(create, record, tmp_path):
    create(1).close()
    link = tmp_path / "link.h5"
    link.symlink_to("run.h5")
    with RunFile.open(link) as run_file:
        run_file.commit(record(1))
    assert link.is_symlink()
    assert RunFile.read(tmp_path / "run.h5").num_generations == 2


def test_what_is_no_run_file_is_refused(tmp_path):
    refuses(tmp_path / "absent.h5", "does not exist: check the name")
    (tmp_path / "folder.h5").mkdir()
    refuses(tmp_path / "folder.h5", "is a folder, expected a run file")
    (tmp_path / "text.h5").write_text("this is not a run, however long it may go on about it")
    refuses(tmp_path / "text.h5", "is not an HDF5 file")
    (tmp_path / "empty.h5").touch()
    refuses(tmp_path / "empty.h5", "is not an HDF5 file")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.zeros(3)
    refuses(tmp_path / "other.h5", "is an HDF5 file, but not a run file of evo_hns")


@pytest.mark.parametrize("tenths", range(10))
def test_a_file_that_was_cut_short_is_refused(create, tmp_path, tenths):
    with create(3) as run_file:
        content = run_file.path.read_bytes()
    path = tmp_path / "cut.h5"
    path.write_bytes(content[: len(content) * tenths // 10])
    refuses(path, "not an HDF5 file" if tenths == 0 else "is damaged or cut short: use a copy")
    path.write_bytes(content[:-1])
    refuses(path, "is damaged or cut short")


@pytest.mark.parametrize(("version", "match"), [(0, "older than 1.*use that version"), (9, "newer than 1.*upgrade")])
def test_a_file_of_another_schema_version_says_so_and_what_to_do(create, version, match):
    create(1).close()
    with create(1, "other.h5") as run_file:
        path = run_file.path
    with h5py.File(path, "r+") as file:
        file["meta"].attrs["schema_version"] = version
    refuses(path, match)


@pytest.mark.parametrize(
    "part", ["meta", "hiders/archive", "seekers/archive", "seekers", "metrics", "discards", "held_out", "state"]
)
def test_a_missing_part_is_named(create, part):
    with create(1) as run_file:
        path = run_file.path
    with h5py.File(path, "r+") as file:
        del file[part]
    refuses(path, f"is damaged: /{part}.* missing")


@pytest.mark.parametrize("part", ["hiders/archive/score", "metrics/hiders_best", "held_out/mean", "held_out/side"])
def test_a_part_that_does_not_fit_the_others_is_refused(create, part):
    with create(2) as run_file:
        path = run_file.path
    with h5py.File(path, "r+") as file:
        del file[part]
        file[part] = np.zeros(1)
    refuses(path, "is damaged or cut short")


def test_settings_of_another_version_are_named_and_the_rest_can_be_read(create):
    with create(2) as run_file:
        path = run_file.path
    with h5py.File(path, "r+") as file:
        file["meta"].attrs["config_json"] = '{"world": {"color": "blue"}}'
    run = RunFile.read(path)
    assert run.num_generations == 2
    with pytest.raises(RunFileError, match=r"of evo_hns .* and 'world.color' is not understood here"):
        _ = run.config


def test_settings_of_networks_and_searches_that_were_not_chosen_are_left_out_of_older_files(create):
    with create(2) as run_file:
        path, config = run_file.path, run_file.run.config
    unused = {
        "policy": {"entity": {"embed_size": 64}},
        "search": {"pgpe": {"max_speed": 0.5}, "ga": {"num_elites": 99}},
    }
    with h5py.File(path, "r+") as file:
        stored = json.loads(file["meta"].attrs["config_json"])
        stored["hiders"] = merge(stored["hiders"], unused)
        file["meta"].attrs["config_json"] = json.dumps(stored)
    assert RunFile.read(path).config == config
    with h5py.File(path, "r+") as file:
        stored["hiders"]["search"]["elites"] = 3
        file["meta"].attrs["config_json"] = json.dumps(stored)
    with pytest.raises(RunFileError, match=r"'hiders\.search\.sep-cmaes\.elites' is not understood here"):
        _ = RunFile.read(path).config


def test_settings_of_an_extended_run_are_stored_with_its_next_generation(tmp_path):
    path = tmp_path / "run.h5"
    with RunFile.create(path, RunConfig(), dict.fromkeys(Side, 3)) as writer:
        longer = RunConfig.model_validate({"coevolution": {"generations": 7}})
        writer.reconfigure(longer)
        assert RunFile.read(path).config == RunConfig()
        writer.commit(Generation(0, {}, {}, {}))
    assert RunFile.read(path).config == longer


def test_scores_of_held_out_worlds_come_back_with_their_gaps(tmp_path):
    path = tmp_path / "run.h5"
    scores = [np.array([1.0, np.nan, -48.0]), np.empty(0), np.array([2.5])]
    rows = tuple(HeldOutRow(0, Side.HIDERS, f"player{k}", 0.0, 1.0, 2, {}, s) for k, s in enumerate(scores))
    with RunFile.create(path, RunConfig(), dict.fromkeys(Side, 3)) as writer:
        writer.commit(Generation(0, {}, {}, {}, rows))
    for row, expected in zip(RunFile.read(path).held_out, scores, strict=True):
        np.testing.assert_array_equal(row.scores, expected)


def test_exploiters_are_kept_apart_from_champions_and_come_back(create, record):
    def best(number: int) -> dict[Side, Champion]:
        return {Side.SEEKERS: Champion(np.full(17, number, dtype=np.float32), float(number))}

    with create() as writer:
        for generation in range(5):
            exploiters = best(generation) if generation in (1, 3) else {}
            writer.commit(replace(record(generation), exploiters=exploiters))
            assert RunFile.read(writer.path).exploiters.keys() == writer.run.exploiters.keys()
        for run in (writer.run, RunFile.read(writer.path)):
            assert run.exploiters.keys() == {Side.SEEKERS}
            hall = run.exploiters[Side.SEEKERS]
            assert hall.generations.tolist() == [1, 3]
            assert hall.genomes[:, 0].tolist() == hall.scores.tolist() == [1.0, 3.0]
            assert run.halls[Side.SEEKERS].generations.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"expected \(11,\)"), RunFile.open(writer.path) as again:
        again.commit(replace(record(5), exploiters={Side.HIDERS: best(0)[Side.SEEKERS]}))


def test_a_run_without_exploiters_has_no_trace_of_them(create):
    with create(2) as writer:
        pass
    with h5py.File(writer.path) as file:
        assert "exploiters" not in file["hiders"]
    assert RunFile.read(writer.path).exploiters == {}
