"""One HDF5 file per run: everything to inspect it years later, and to continue it to the same bits.

The one invariant: what is on the disk is always a run up to a whole generation. A commit appends the generation to a
journal beside the file (`journal`), so that it costs what the generation weighs, whatever the file weighs. When a
session begins, when the journal has become as long as the file, and when the file is closed, the file is replaced
by its successor in one step, which holds the journal's generations. A kill at any moment loses at most the generation
in flight, a reader never waits and never sees half a generation, and what is left in the end is one file.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py

from evo_hns.archive import provenance
from evo_hns.archive.generation_record import as_tree, read_generation
from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.journal import (
    ATTRIBUTE,
    Journal,
    JournalWriter,
    Record,
    journal_path,
    open_run,
    pack,
    repair_command,
)
from evo_hns.archive.records import Generation, HeldOutRow, Match, Run, TrainingSession
from evo_hns.archive.schema import SCHEMA_VERSION, decode, encode
from evo_hns.archive.storage import (
    Closing,
    RunFileError,
    WriterLock,
    check_hdf5,
    make_folder,
    reading,
    remove_stale,
    taking,
    write_whole,
)
from evo_hns.config import RunConfig
from evo_hns.spec import Side
from evo_hns.system import interrupt

JOURNAL_BYTES = 64 * 2**20
"""A journal that is shorter is left as it is."""
JOURNAL_SHARE = 1.0
"""Of the file's length that a journal may have: so writing the file anew costs a generation about its own weight."""


def journal_limit(file_bytes: int) -> float:
    """Bytes of a journal above which a file of this length is written anew."""
    return max(JOURNAL_BYTES, JOURNAL_SHARE * file_bytes)


class RunFile(Closing):
    """The one writer of a run; a context manager. Made by `create` or `open`; `read` needs no writer."""

    def __init__(self, path: Path, lock: WriterLock, run: Run, identity: str = "") -> None:
        self.path = path
        self._lock = lock
        self._run = run  # up to some generation; its halls have all champions
        self._later: list[Generation] = []  # that were committed since, without what is in the halls
        self._identity = identity  # of the journal that the file names
        self._journal: JournalWriter | None = None
        self._limit = 0.0  # bytes of the journal above which the file is written anew
        self._written = 0, 0  # number and bytes of the file as it was written here

    @classmethod
    def create(cls, path: Path, config: RunConfig, num_params: Mapping[Side, int]) -> Self:
        """Start a run.

        Args:
            path: the new file; its folder is made if it is not there.
            config: the resolved settings.
            num_params: length of each side's genomes.

        Raises:
            RunFileError: the file exists, or it cannot be written.
        """
        path = Path(path).resolve()
        make_folder(path)
        with taking(path) as lock:
            cls.check_free(path)
            halls = {side: HallOfFame(num_params[side]) for side in Side}
            run_file = cls(path, lock, Run(provenance.describe(config, SCHEMA_VERSION), 0, halls, {}, {}, (), {}))
            run_file._put_in_order()
            run_file._write(run_file.run)
            return run_file

    @staticmethod
    def check_free(path: Path) -> None:
        """Refuse a name that is taken; `create` does so too, and nobody can slip in between.

        Raises:
            RunFileError: the file exists, or the journal of one that was there.
        """
        if path.is_dir():
            raise RunFileError(f"{path} is a folder: name a file, such as {path / 'run.h5'}")
        if path.exists():
            raise RunFileError(f"{path} exists: resume it, or take another name")
        with Journal(path, "", 0) as journal:
            if journal.complaint:
                raise RunFileError(
                    f"{journal.path} holds generations of a run that is not there: put {path.name} beside it again, or"
                    " remove it"
                )

    @classmethod
    def open(cls, path: Path) -> Self:
        """Continue a run after its last whole generation.

        Raises:
            RunFileError: see `read`; or somebody else is writing it, or its journal is missing.
        """
        path = Path(path).resolve()
        check_hdf5(path)
        with taking(path) as lock, open_run(path) as (file, journal):
            if journal.is_missing:
                raise RunFileError(f"{missing(path, journal)}: put it there, or go on without, {repair_command(path)}")
            with reading(path):
                run = load(file, journal)
            run_file = cls(path, lock, run, str(file.attrs.get(ATTRIBUTE, "")))
            run_file._put_in_order()
            return run_file

    @classmethod
    def repair(cls, path: Path) -> str:
        """Put into a run file what can be had of its journal, whatever has become of that.

        Args:
            path: the run file; what of its journal cannot be used is kept beside it.

        Returns:
            What was found and done: one line for the user.

        Raises:
            RunFileError: the file itself cannot be read or written, or somebody else is writing it.
        """
        path = Path(path).resolve()
        check_hdf5(path)
        with taking(path) as lock, open_run(path, complains=False) as (file, journal), contextlib.ExitStack() as stack:
            stack.callback(lock.release)
            num_records = len(journal.records)
            journal.records = readable(journal.records)
            with reading(path):
                run = load(file, journal)
            told = [f"{path} has {run.num_generations} generations"]
            if journal.records:
                told.append(f"{len(journal.records)} of them were in its journal")
            if journal.is_missing:
                told.append(f"{journal.path.name} was not there, and is no longer expected")
            if journal.complaint or len(journal.records) < num_records:
                told.append(f"what cannot be used of its journal is kept in {journal.copy_aside().name}")
            if len(told) == 1 and not file.attrs.get(ATTRIBUTE):
                return f"{told[0]} and needs no repair"
            cls(path, lock, run)._write(run)
            return "; ".join(told)

    @staticmethod
    def read(path: Path) -> Run:
        """The run in a file and its journal, also while it is being written; they may be removed afterwards.

        Everything in it is loaded: see `RunView` where a part is enough.

        Raises:
            RunFileError: no such file, not a run file, of another schema version, cut short, damaged.
        """
        path = Path(path)
        with open_run(path) as (file, journal), reading(path):
            return load(file, journal)

    @property
    def run(self) -> Run:
        """The run as it is on the disk; its halls of fame grow with each commit."""
        with interrupt.coming_to_its_end():  # both change, or none
            self._run, self._later = self._run.followed_by(self._later), []
        return self._run

    @property
    def halls(self) -> Mapping[Side, HallOfFame]:
        """Those of the run."""
        return self._run.halls

    def reconfigure(self, config: RunConfig) -> None:
        """Store other settings with what is written next, for a run that is extended; seed and origin stay."""
        meta = replace(self._run.meta, config_json=config.model_dump_json())
        self._run = replace(self._run, meta=meta)
        self._drop_journal()  # settings are in the file alone

    def begin(self, session: TrainingSession) -> None:
        """Add the session that trains from here on; when this returns, it is on the disk, whatever becomes of it.

        Raises:
            ValueError: it does not fit; nothing has changed.
            RunFileError: it cannot be written, or the run file is closed; nothing has changed.
        """
        self._check_open()
        self._write_with_journal(self.run.with_session(session))

    def commit(self, record: Generation) -> None:
        """Add a generation; when this returns, it is on the disk and its champions are in their halls.

        Args:
            record: the next generation; `run.state` then shares its arrays, genomes are copied.

        Raises:
            ValueError: the record does not fit; nothing has changed.
            RunFileError: it cannot be written, or the run file is closed; nothing has changed.
        """
        self._check_open()
        self._run.check(record, self._later)
        self._check_alone()
        journal = self._journal
        if journal is None or not (journal.is_ours and self.path.exists()):
            journal = self._write_with_journal(self.run)  # also what somebody removed comes back
        content = pack(record.number, as_tree(record))
        with interrupt.coming_to_its_end():
            journal.append(content)
            self._run = self._run.enlist(record)
            if self._later:
                self._later[-1] = replace(self._later[-1], state={})
            self._later.append(replace(record, champions={}, exploiters={}))
        if journal.num_bytes > self._limit:
            try:
                self._write_with_journal(self.run)
            except RunFileError:
                self._limit = 2 * journal.num_bytes  # the generation is safe in the journal, which goes on

    def record(self, matches: Sequence[Match]) -> None:
        """Add recorded matches to the generations that are there; when this returns, they are on the disk.

        Raises:
            ValueError: they do not fit; nothing has changed.
            RunFileError: they cannot be written, or the run file is closed; nothing has changed.
        """
        self._check_open()
        self._write_as_it_is(self.run.with_matches(matches))

    def measure(self, generation: int, rows: Sequence[HeldOutRow], metrics: Mapping[str, float]) -> None:
        """Add measurements to a generation that is there; when this returns, they are on the disk.

        Args:
            generation: which.
            rows: the measurements.
            metrics: what comes of them, for this generation.

        Raises:
            ValueError: they do not fit; nothing has changed.
            RunFileError: they cannot be written, or the run file is closed; nothing has changed.
        """
        self._check_open()
        self._write_as_it_is(self.run.with_held_out(generation, rows, metrics))

    def close(self) -> None:
        """Put the journal into the file, and let others write.

        Raises:
            RunFileError: the file cannot be written; it and its journal are as they were, and hold all of the run.
        """
        try:
            if self._identity and not self._lock.released:
                self._check_alone()
                self._finish()
        finally:
            self._drop_journal()
            self._lock.release()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(*[RunFileError] if error else []):  # what went wrong first is said
            self.close()

    def _finish(self) -> None:
        try:
            self._write(self.run)
        except RunFileError as error:
            journal = journal_path(self.path).name
            raise RunFileError(
                f"{error}; until then keep {journal} beside it, and afterwards put it in, {repair_command(self.path)}"
            ) from error

    def _check_open(self) -> None:
        if self._lock.released:
            raise RunFileError(f"{self.path} is closed for writing: open it again")

    def _check_alone(self) -> None:
        """See that nobody else writes, as may be where there are no locks; what somebody removed is no matter.

        Raises:
            RunFileError: somebody does; nothing more is written here.
        """
        journal = self._journal
        if journal is None or journal.is_ours:
            return
        if journal.path.exists() or (self.path.exists() and self._stamp() != self._written):
            self._lock.release()
            raise RunFileError(f"{self.path} is changed by somebody else: let only one process write a run")

    def _stamp(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_ino, found.st_size

    def _write(self, run: Run, identity: str = "") -> None:
        """Replace the file by that of the same run with something added, which then is the run here."""
        content = encode(run, identity)
        with interrupt.coming_to_its_end():
            write_whole(self.path, content)
            self._run, self._later, self._identity = run, [], identity
            self._written = self._stamp()
            if not identity:
                self._put_in_order()

    def _write_as_it_is(self, run: Run) -> None:
        """Replace the file likewise, followed by a journal if it is now."""
        if self._journal:
            self._write_with_journal(run)
        else:
            self._write(run)

    def _write_with_journal(self, run: Run) -> JournalWriter:
        """Replace the file likewise, and begin a new journal, which the file names."""
        # Whenever it ends: a file that names a journal has one, and what is in that alone is not lost.
        journal = None if self._identity else JournalWriter(self.path, identity := uuid.uuid4().hex)
        try:
            self._write(run, self._identity or identity)
        except BaseException:
            if journal:
                journal.close()
                self._put_in_order()
            raise
        journal = journal or JournalWriter(self.path, self._identity)
        self._drop_journal()
        self._journal = journal
        self._limit = journal_limit(self._written[1])
        return journal

    def _drop_journal(self) -> None:
        if self._journal:
            self._journal.close()
            self._journal = None

    def _put_in_order(self) -> None:
        """Remove what a killed writer left behind, and a journal that the file does not name: it is in the file."""
        journal = journal_path(self.path)
        remove_stale(self.path)
        remove_stale(journal)
        if not self._identity:
            with contextlib.suppress(OSError):
                journal.unlink()


def load(file: h5py.File, journal: Journal) -> Run:
    """The run in a run file and its journal; of the states, only the last one is read."""
    run = decode(file)
    last = len(journal.records) - 1
    later = [read_generation(record, with_state=row == last) for row, record in enumerate(journal.records)]
    for record in later:
        run = run.enlist(record)
    return run.followed_by(later)


def readable(records: Sequence[Record]) -> list[Record]:
    """Those before the first one that is damaged in a part that a run needs."""
    found: list[Record] = []
    for record in records:
        try:
            read_generation(record, with_state=False)
        except RunFileError:
            break
        found.append(record)
    while found and not found[-1].is_whole:
        found.pop()
    return found


def missing(path: Path, journal: Journal) -> str:
    """That a run file names a journal which is not there."""
    return f"{journal.path} is not there, which holds what followed the generations in {path.name}"
