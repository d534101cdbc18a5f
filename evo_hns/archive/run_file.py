"""One HDF5 file per run: everything to inspect it years later, and to continue it to the same bits.

The one invariant: the file is always a run up to a whole generation. A commit replaces it by its
successor in one step, so a kill at any moment loses at most the generation in flight, and a reader
never waits and never sees half a file. A commit costs what the file weighs, in time (about 20 ms at 9 MB,
0.3 to 1 s at 240 MB) and, for a moment, in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import h5py

from evo_hns.archive import provenance
from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.records import Champion, Generation, Match, Run, TrainingSession
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


class RunFile(Closing):
    """The one writer of a run; a context manager. Made by `create` or `open`; `read` needs no writer."""

    def __init__(self, path: Path, lock: WriterLock, run: Run) -> None:
        self.path = path
        self._lock = lock
        self._run = run

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
            run = Run(provenance.describe(config, SCHEMA_VERSION), 0, halls, {}, {}, (), {})
            remove_stale(path)
            write_whole(path, encode(run, {}))
            return cls(path, lock, run)

    @staticmethod
    def check_free(path: Path) -> None:
        """Refuse a name that is taken; `create` does so too, and nobody can slip in between.

        Raises:
            RunFileError: the file exists.
        """
        if path.exists():
            raise RunFileError(f"{path} exists: resume it, or take another name")

    @classmethod
    def open(cls, path: Path) -> Self:
        """Continue a run after its last whole generation.

        Raises:
            RunFileError: see `read`; or somebody else is writing it.
        """
        path = Path(path).resolve()
        check_hdf5(path)
        with taking(path) as lock:
            remove_stale(path)
            return cls(path, lock, cls.read(path))

    @staticmethod
    def read(path: Path) -> Run:
        """The run in a file, also while it is being written; the file may be removed afterwards.

        Everything in it is loaded: see `RunView` where a part is enough.

        Raises:
            RunFileError: no such file, not a run file, of another schema version, cut short, damaged.
        """
        path = Path(path)
        check_hdf5(path)
        # no HDF5 lock: a file with this name is never changed, only replaced
        with reading(path), h5py.File(path, "r", locking=False) as file:
            return decode(file)

    @property
    def run(self) -> Run:
        """The run as it is in the file; its halls of fame grow with each commit."""
        return self._run

    def reconfigure(self, config: RunConfig) -> None:
        """Store other settings with whatever is written next, for a run that is extended; seed and origin stay."""
        meta = replace(self._run.meta, config_json=config.model_dump_json())
        self._run = replace(self._run, meta=meta)

    def begin(self, session: TrainingSession) -> None:
        """Add the session that trains from here on; when this returns, it is on the disk, whatever becomes of it.

        Raises:
            ValueError: it does not fit; nothing has changed.
            RunFileError: it cannot be written, or the run file is closed; nothing has changed.
        """
        self._become(self._run.with_session(session))

    def commit(self, record: Generation) -> None:
        """Add a generation; when this returns, it is on the disk and its champions are in their halls.

        Args:
            record: the next generation; `run.state` then shares its arrays, genomes are copied.

        Raises:
            ValueError: the record does not fit; nothing has changed.
            RunFileError: it cannot be written, or the run file is closed; nothing has changed.
        """
        self._become(self._run.followed_by(record), record.champions, record.exploiters)
        for side, champion in record.champions.items():
            self._run.halls[side].append(champion.genome, record.number, champion.score)
        if record.exploiters:
            self._run = replace(self._run, exploiters=self._with_exploiters(record))

    def record(self, matches: Sequence[Match]) -> None:
        """Add recorded matches to the generations that are there; when this returns, they are on the disk.

        Raises:
            ValueError: they do not fit; nothing has changed.
            RunFileError: they cannot be written, or the run file is closed; nothing has changed.
        """
        self._become(self._run.with_matches(matches))

    def _with_exploiters(self, record: Generation) -> dict[Side, HallOfFame]:
        """The exploiters of all sides that have some, those of a generation included."""
        halls = dict(self._run.exploiters)
        for side, exploiter in record.exploiters.items():
            hall = halls.setdefault(side, HallOfFame(self._run.halls[side].num_params))
            hall.append(exploiter.genome, record.number, exploiter.score)
        return halls

    def _become(
        self,
        successor: Run,
        newcomers: Mapping[Side, Champion] | None = None,
        exploiters: Mapping[Side, Champion] | None = None,
    ) -> None:
        """Replace the file by that of the same run with something added; the halls are shared with it."""
        if self._lock.released:
            raise RunFileError(f"{self.path} is closed for writing: open it again")
        write_whole(self.path, encode(successor, newcomers or {}, exploiters))
        self._run = successor

    def close(self) -> None:
        """Let others write; the file is complete at any time, so nothing else happens."""
        self._lock.release()
