"""What was committed since a run file was last written as a whole: a record for each generation, in a file beside it.

    RUN.h5.journal      the line "evo_hns journal 1 IDENTITY", then records
    a record            head, table, data
    head                "GEN:", CRC-32 of the table, generation, bytes of the table, bytes of the data, CRC-32 of these
    table               JSON: nested names; each array is [dtype, shape, place in the data, CRC-32]
    data                the arrays one after the other, as they are in memory

A record is appended and synchronised before the next one begins, so that a kill or a power cut at any byte leaves whole
records and at most one torn one at the end, which its checks give away: it counts as never written. A journal is never
shortened or rewritten under a reader; a new one takes its name. The run file names the identity of its journal, and
records of generations that it already holds count for nothing, so that it does not matter whether a writer that put
them into the run file still came to remove them here.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import operator
import os
import shutil
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zlib import crc32

import h5py
import numpy as np

from evo_hns.archive.records import State
from evo_hns.archive.storage import Closing, RunFileError, check_hdf5, explaining, reading, write_whole
from evo_hns.system import interrupt
from evo_hns.system.shell import shell_command

ATTRIBUTE = "journal"
"""Of a run file that goes on in a journal: the identity of that. A run file without it is all there is."""

_TITLE = b"evo_hns journal 1 "
_HEADER = len(_TITLE) + 33
_MARK = b"GEN:"
_HEAD = struct.Struct("<4sIQQQ")
_CHECK = struct.Struct("<I")


def journal_path(run: Path) -> Path:
    """The journal of a run file."""
    return run.with_name(run.name + ".journal")


def repair_command(run: Path) -> str:
    """What a user types to mend a run file and its journal."""
    return shell_command("diagnose", "repair", run)


def pack(number: int, tree: State) -> bytes:
    """The record of a generation; a pure function of it."""
    data = bytearray()
    table = json.dumps(_laid_out(tree, data), separators=(",", ":")).encode()
    head = _HEAD.pack(_MARK, crc32(table), number, len(table), len(data))
    return b"".join([head, _CHECK.pack(crc32(head)), table, data])


def _laid_out(tree: State, data: bytearray) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            table[name] = _laid_out(value, data)
        else:
            content = value.tobytes()
            table[name] = [value.dtype.str, value.shape, len(data), crc32(content)]
            data += content
    return table


@dataclass(frozen=True, eq=False)
class Record:
    """A generation in a journal; of its arrays, those that are asked for are read."""

    number: int
    path: Path  #: of the journal
    descriptor: int  #: of the open file
    start: int  #: of the head in the file
    data: int  #: where the arrays start
    end: int  #: where the next record starts
    check: int  #: of the table

    @classmethod
    def at(cls, path: Path, descriptor: int, start: int) -> Self | None:
        """The record that starts here, whatever its table and its arrays are like; None if there is no whole head."""
        content = os.pread(descriptor, _HEAD.size + _CHECK.size, start)
        fields = parse_head(content)
        if fields is None:
            return None
        check, number, table, data = fields
        place = start + len(content) + table
        return cls(number, path, descriptor, start, place, place + data, check)

    @functools.cached_property
    def table(self) -> dict[str, Any]:
        """Names, and where their arrays are.

        Raises:
            RunFileError: it is not what was written.
        """
        start = self.start + _HEAD.size + _CHECK.size
        content = os.pread(self.descriptor, self.data - start, start)
        if len(content) != self.data - start or crc32(content) != self.check:
            raise self._damaged()
        table: dict[str, Any] = json.loads(content)
        return table

    def read(self, name: str) -> Any:
        """What the record has under a name (`metrics`, `champions/hiders/genome`): an array, or all that are below it.

        Raises:
            RunFileError: they are not what was written.
        """
        entry = functools.reduce(operator.getitem, name.split("/"), self.table)
        return self._arrays({name: entry})[name]

    @property
    def is_whole(self) -> bool:
        """Whether all of it is what was written."""
        try:
            self._arrays(self.table)
        except RunFileError:
            return False
        return True

    def _arrays(self, table: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self._arrays(entry) if isinstance(entry, Mapping) else self._array(*entry)
            for name, entry in table.items()
        }

    def _array(self, dtype: str, shape: list[int], place: int, check: int) -> np.ndarray[Any, Any]:
        kind = np.dtype(dtype)
        content = os.pread(self.descriptor, math.prod(shape) * kind.itemsize, self.data + place)
        if crc32(content) != check:
            raise self._damaged()
        return np.frombuffer(bytearray(content), dtype=kind).reshape(shape)

    def _damaged(self) -> RunFileError:
        return RunFileError(damage_at(self.path, self.number))


def parse_head(content: bytes) -> tuple[int, int, int, int] | None:
    """Check of the table, generation, bytes of table and data; None if these bytes are no whole head."""
    head, check = content[: _HEAD.size], content[_HEAD.size : _HEAD.size + _CHECK.size]
    if len(check) < _CHECK.size or _CHECK.unpack(check) != (crc32(head),):
        return None
    mark, table_check, number, table, data = _HEAD.unpack(head)
    return (table_check, number, table, data) if mark == _MARK else None


def damage_at(path: Path, number: int) -> str:
    """One line for the user: where a journal is damaged, and what to do."""
    run = path.with_suffix("")
    return f"{path} is damaged at generation {number}: to keep what is before it, {repair_command(run)}"


class Journal(Closing):
    """What a run file is followed by, read at one moment.

    Args:
        run: the run file.
        identity: of the journal that it names; empty if it names none.
        num_generations: that are in the run file.
    """

    def __init__(self, run: Path, identity: str, num_generations: int) -> None:
        self.path = journal_path(run)
        self.records: list[Record] = []  #: of the generations that follow those in the run file
        self.is_missing = False  #: the run file names a journal, and there is none
        self.complaint = ""  #: why it cannot be taken as it is: one line for the user
        self._descriptor = -1
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY)
            self._read(run, identity, num_generations)
        except (FileNotFoundError, NotADirectoryError):
            self.is_missing = bool(identity)
        except OSError as error:
            self.complaint = f"{self.path} cannot be read: {error.strerror}"

    def _read(self, run: Path, identity: str, num_generations: int) -> None:
        header = os.pread(self._descriptor, _HEADER, 0)
        found = self._scan(num_generations)
        later = [record for record in found if record.number >= num_generations]
        if identity and header == header_of(identity):
            self.records = later
            if later and later[0].number > num_generations:
                self.records = []
                self.complaint = (
                    f"{self.path} goes on from generation {later[0].number}, and {run.name} has {num_generations}: they"
                    f" were copied at different moments; copy both again, or go on without, {repair_command(run)}"
                )
        elif identity or later or not header.startswith(_TITLE):
            self.complaint = f"{self.path} is not of {run.name}: take it away, or {repair_command(run)}"

    def _scan(self, num_generations: int) -> list[Record]:
        """All records up to a torn one at the end; a complaint if others follow that."""
        found: list[Record] = []
        size, place = os.fstat(self._descriptor).st_size, _HEADER
        while (record := Record.at(self.path, self._descriptor, place)) is not None and record.end <= size:
            if found and record.number != found[-1].number + 1:
                break
            found.append(record)
            place = record.end
        if found and not found[-1].is_whole:  # its head may have come to the disk before its arrays
            place = found.pop().start
        expected = max(num_generations, found[-1].number + 1 if found else 0)
        rest = os.pread(self._descriptor, max(0, size - place), place)
        mark = rest.find(_MARK)
        while mark >= 0:
            fields = parse_head(rest[mark : mark + _HEAD.size + _CHECK.size])
            if fields is not None and fields[1] > expected:  # what is torn has none after it
                self.complaint = damage_at(self.path, expected)
                break
            mark = rest.find(_MARK, mark + 1)
        return found

    def copy_aside(self) -> Path:
        """Keep a copy under a name that is free.

        Raises:
            RunFileError: it cannot be written.
        """
        names = (self.path.with_name(f"{self.path.name}.unused{number}") for number in ("", *range(2, 1000)))
        aside = next(path for path in names if not path.exists())
        with explaining(aside):
            shutil.copyfile(self.path, aside)
        return aside

    def close(self) -> None:
        """Read no more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def header_of(identity: str) -> bytes:
    """How a journal begins."""
    return _TITLE + identity.encode() + b"\n"


@contextlib.contextmanager
def open_run(path: Path, *, complains: bool = True) -> Iterator[tuple[h5py.File, Journal]]:
    """A run file and its journal, both of one moment, also while they are written.

    Args:
        path: the run file.
        complains: refuse a journal that is damaged or of another run; else see `Journal.complaint`.

    Raises:
        RunFileError: no such file, none that can be read, or its journal cannot be taken as it is.
    """
    with contextlib.ExitStack() as stack:
        while True:
            before = _moment(path)
            check_hdf5(path)
            # No HDF5 lock: a file with this name is never changed, only replaced.
            with reading(path):
                file = stack.enter_context(h5py.File(path, "r", locking=False))
                identity = str(file.attrs.get(ATTRIBUTE, ""))
                journal = stack.enter_context(Journal(path, identity, int(file.attrs.get("num_generations", 0))))
            if _moment(path) == before:
                break
            stack.close()  # it was replaced meanwhile, so that the journal may be of its successor
        if complains and journal.complaint:
            raise RunFileError(journal.complaint)
        yield file, journal


def _moment(path: Path) -> tuple[int, ...]:
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
    return ()


class JournalWriter(Closing):
    """Appends generations; the caller holds the `WriterLock` of the run file.

    Args:
        run: the run file.
        identity: which it names.

    Raises:
        RunFileError: it cannot be written.
    """

    def __init__(self, run: Path, identity: str) -> None:
        self.path = journal_path(run)
        write_whole(self.path, memoryview(header_of(identity)))
        with explaining(self.path):
            self._descriptor = os.open(self.path, os.O_RDWR)
        self.num_bytes = _HEADER

    @property
    def is_ours(self) -> bool:
        """Whether the file with the name is still the one that was written here, and as it was left.

        Raises:
            RunFileError: it cannot be said.
        """
        with explaining(self.path), contextlib.suppress(FileNotFoundError):
            return self.path.stat().st_size == self.num_bytes and os.fstat(self._descriptor).st_nlink > 0
        return False

    def append(self, content: bytes) -> None:
        """Add a record; when this returns, it is on the disk.

        Raises:
            RunFileError: it cannot be written; nothing has changed.
        """
        with explaining(self.path), interrupt.coming_to_its_end():
            try:
                left, place = memoryview(content), self.num_bytes
                while left:
                    written = os.pwrite(self._descriptor, left, place)
                    left, place = left[written:], place + written
                os.fsync(self._descriptor)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, self.num_bytes)
                raise
            self.num_bytes = place

    def close(self) -> None:
        """Write no more; harmless when done twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
