"""One HDF5 file per tournament: every score of every episode, and what it takes to go on or to find the players again.

    /                    attributes format, selection, half_width, min_episodes, max_episodes
    /meta                as in a run file; the settings are those of the game, the seed decides the worlds
    /{hiders,seekers}/<column>   one entry per participant: name, run, run_seed, generation, env_steps, ...
    /cells/wanted, /cells/count  (H, S) int64
    /scores/{hiders,seekers}     (E,) float64, cell after cell, each with as many as it counts; NaN: failed

Like a run file it is always whole: what is added replaces the file in one step.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from evo_hns.archive.schema import LIBVER, check_version, read_columns, read_meta, write_meta
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
from evo_hns.archive.tournament import Cells, Participant, Precision, Tournament
from evo_hns.spec import Side

TOURNAMENT_SCHEMA = 1
"""Raised whenever an older reader could misunderstand a newer file."""

FORMAT = "evo_hns tournament"

_TEXT: Any = h5py.string_dtype()
_COLUMNS: dict[str, Any] = {
    "name": _TEXT,
    "run": _TEXT,
    "run_seed": np.int64,
    "generation": np.int64,
    "env_steps": np.int64,
    "genome_sha256": _TEXT,
    "network": _TEXT,
}


class TournamentFile(Closing):
    """The one writer of a tournament; a context manager. Made by `create` or `open`; `read` needs no writer."""

    def __init__(self, path: Path, lock: WriterLock, tournament: Tournament) -> None:
        self.path = path
        self._lock = lock
        self._tournament = tournament

    @classmethod
    def create(cls, path: Path, tournament: Tournament) -> Self:
        """Start a file.

        Raises:
            RunFileError: it exists, or it cannot be written.
        """
        path = Path(path).resolve()
        make_folder(path)
        with taking(path) as lock:
            if path.exists():
                raise RunFileError(f"{path} exists: go on with it, or take another name")
            remove_stale(path)
            write_whole(path, encode(tournament))
            return cls(path, lock, tournament)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Go on with a tournament.

        Raises:
            RunFileError: see `read`; or somebody else is writing it.
        """
        path = Path(path).resolve()
        check_hdf5(path, "tournament")
        with taking(path) as lock:
            remove_stale(path)
            return cls(path, lock, cls.read(path))

    @staticmethod
    def read(path: Path) -> Tournament:
        """The tournament in a file, also while it is being played.

        Raises:
            RunFileError: no such file, not of a tournament, of another schema version, cut short, damaged.
        """
        path = Path(path)
        check_hdf5(path, "tournament")
        # no HDF5 lock: a file with this name is never changed, only replaced
        with reading(path), h5py.File(path, "r", locking=False) as file:
            return decode(file)

    @property
    def tournament(self) -> Tournament:
        """The tournament as it is in the file."""
        return self._tournament

    def write(self, tournament: Tournament) -> None:
        """Replace the file by that of a later moment; when this returns, it is on the disk.

        Raises:
            RunFileError: it cannot be written, or the file is closed; nothing has changed.
        """
        if self._lock.released:
            raise RunFileError(f"{self.path} is closed for writing: open it again")
        write_whole(self.path, encode(tournament))
        self._tournament = tournament

    def close(self) -> None:
        """Let others write; the file is whole at any time, so nothing else happens."""
        self._lock.release()


def encode(tournament: Tournament) -> memoryview:
    """The bytes of a tournament file; a pure function of the tournament."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=LIBVER) as file:
        file.attrs.update({"format": FORMAT, "selection": tournament.selection, **vars(tournament.precision)})
        write_meta(file.create_group("meta"), tournament.meta)
        for side, participants in tournament.participants.items():
            group = file.create_group(side.label)
            for name, dtype in _COLUMNS.items():
                values = [getattr(each, name) for each in participants]
                group.create_dataset(name, (len(participants),), dtype, data=values)
        cells, scores = file.create_group("cells"), file.create_group("scores")
        cells["wanted"], cells["count"] = tournament.cells.wanted, tournament.cells.count
        for side, returns in tournament.cells.scores.items():
            filters = {"chunks": True, "shuffle": True, "compression": "gzip"} if len(returns) else {}
            scores.create_dataset(side.label, data=returns, **filters)
    return buffer.getbuffer()


def decode(file: h5py.File) -> Tournament:
    """The tournament in an open file.

    Raises:
        RunFileError: not a file of a tournament, or of another schema version.
        Exception: any, from HDF5 or numpy; the file is damaged.
    """
    if file.attrs.get("format") != FORMAT:
        raise RunFileError(f"{file.filename} is an HDF5 file, but not a tournament file of evo_hns")
    check_version(file, TOURNAMENT_SCHEMA)
    precision = Precision(
        half_width=float(file.attrs["half_width"]),
        min_episodes=int(file.attrs["min_episodes"]),
        max_episodes=int(file.attrs["max_episodes"]),
    )
    participants = {side: _read_participants(file[side.label]) for side in Side}
    shape = len(participants[Side.HIDERS]), len(participants[Side.SEEKERS])
    cells = Cells(
        wanted=file["cells/wanted"][()],
        count=file["cells/count"][()],
        scores={side: file["scores"][side.label][()] for side in Side},
    )
    if not cells.wanted.shape == cells.count.shape == shape:
        raise ValueError(f"/cells has shapes {cells.wanted.shape} and {cells.count.shape}, expected {shape}")
    if any(values.shape != (cells.count.sum(),) for values in cells.scores.values()):
        raise ValueError("/scores has another number of episodes than /cells counts")
    return Tournament(read_meta(file["meta"]), str(file.attrs["selection"]), precision, participants, cells)


def _read_participants(group: h5py.Group) -> tuple[Participant, ...]:
    columns = read_columns(group, len(group["name"]))

    def entry(name: str, row: int) -> Any:
        value = columns[name][row]
        return value.decode() if _COLUMNS[name] is _TEXT else int(value)

    rows = range(len(columns["name"]))
    return tuple(Participant(**{name: entry(name, row) for name in _COLUMNS}) for row in rows)
