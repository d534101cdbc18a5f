"""A run file that is damaged anywhere is read or refused in one line; the process survives it."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pytest

from evo_hns.archive import RunFile, RunFileError
from evo_hns.archive.run_view import RunView

EACH = 100
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.release) for seed in range(1, 34))]


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A file that was cut, or whose bytes were changed, in places that differ."""
    data = np.frombuffer(content, dtype=np.uint8).copy()
    where = int(rng.integers(len(data)))
    match rng.integers(4):
        case 0:
            return content[:where]
        case 1:
            data[where] ^= 1 << rng.integers(8)
        case 2:
            data[rng.integers(len(data), size=64)] = rng.integers(256, size=64, dtype=np.uint8)
        case _:
            data[where : where + 512] = 0
    return data.tobytes()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_file_is_read_or_refused_in_one_line(create, tmp_path, seed):
    create(3).close()
    content, path = (tmp_path / "run.h5").read_bytes(), tmp_path / "damaged.h5"
    rng = np.random.default_rng(seed)

    def read_all(answers) -> None:
        for _ in range(EACH):
            path.write_bytes(damaged(content, rng))
            try:
                answers.send((RunFile.read(path).num_generations, ""))
            except RunFileError as refusal:
                answers.send((None, str(refusal)))
            except BaseException as error:
                answers.send((None, f"{error!r}\nis no refusal"))

    theirs, answers = multiprocessing.get_context("fork").Pipe()
    reader = multiprocessing.get_context("fork").Process(target=read_all, args=(answers,))
    reader.start()
    told = []
    while len(told) < EACH and theirs.poll(60):
        told.append(theirs.recv())
        assert "\n" not in told[-1][1]
    reader.join(5)
    reader.kill()
    assert (reader.exitcode, len(told)) == (0, EACH), f"{path} kills its reader"
    assert sum(bool(refusal) for _, refusal in told) > EACH / 10


@pytest.mark.parametrize("use", [RunFile.read, RunFile.open, RunView])
def test_a_heap_of_texts_that_hdf5_would_read_for_ever_is_refused(create, tmp_path, use):
    create(3).close()
    path = tmp_path / "run.h5"
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 64 : heap + 4096] = bytes(4096 - 64)
    path.write_bytes(content)
    with pytest.raises(RunFileError, match="is damaged or cut short: use a copy of it"):
        use(path)
