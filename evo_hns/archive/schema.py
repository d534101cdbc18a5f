"""The HDF5 schema of a run, as two inverse functions: `encode` and `decode`; and its parts, for who reads only some.

    /                    attributes format, num_generations; journal, while later generations are in one (`journal`)
    /meta                attributes: origin and settings (JSON); /meta/versions: attributes
    /{hiders,seekers}/archive/genomes (H, N) float32, generation (H,), score (H,)
    /{hiders,seekers}/exploiters/...  likewise; absent while a side has none
    /metrics/<name>      (G,) float64; NaN is absent; names with time_ are wall-clock
    /discards/<cause>    (G,) int64
    /held_out/<column>   one entry per measurement; /held_out/statistics/<name> likewise, NaN is absent
    /held_out/scores     values of all measurements one after the other, and how many each has
    /state/...           nested arrays, as they were given
    /matches/<column>    one entry per recorded match; returns (K, A); absent while there is none
    /matches/metrics/<name>    (K,) float64, NaN is absent
    /matches/actions/<field>   (K, T, A, ...) uint8, compressed match by match: what all agents did
    /lives/<column>      one entry per session, oldest first; hosts in one text with spaces; absent while there is none

Files are encoded in memory: HDF5 itself must never meet a full disk (it can crash the process),
and a file of a run is a pure function of the run.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.journal import ATTRIBUTE
from evo_hns.archive.records import (
    HeldOutRow,
    Match,
    Run,
    RunMeta,
    State,
    TrainingSession,
    check_match,
    check_session,
)
from evo_hns.archive.storage import RunFileError
from evo_hns.spec import Side

SCHEMA_VERSION = 1
"""Raised whenever an older reader could misunderstand a newer file."""

FORMAT = "evo_hns run"

LIBVER = "v110"  # readable by every HDF5 since 2016, and with checksums in its metadata
_HELD_OUT_DTYPES: dict[str, Any] = {
    "generation": np.int64,
    "side": h5py.string_dtype(),
    "opponent": h5py.string_dtype(),
    "mean": np.float64,
    "ci_half_width": np.float64,
    "episodes": np.int64,
}
_MATCH_DTYPES: dict[str, Any] = {
    "generation": np.int64,
    "hider": h5py.string_dtype(),
    "seeker": h5py.string_dtype(),
    "world_seed": np.int64,
    "failed": np.bool_,
}
_SESSION_DTYPES: dict[str, Any] = {
    "started": h5py.string_dtype(),
    "first_generation": np.int64,
    "num_ranks": np.int64,
    "hosts": h5py.string_dtype(),
    "mpi": h5py.string_dtype(),
    "job": h5py.string_dtype(),
    "restarts": np.int64,
}


def encode(run: Run, journal: str = "") -> memoryview:
    """The bytes of a run file.

    Args:
        run: the run.
        journal: identity of the journal in which it goes on; empty if all of it is here.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=LIBVER) as file:
        file.attrs["format"] = FORMAT
        file.attrs["num_generations"] = run.num_generations
        if journal:
            file.attrs[ATTRIBUTE] = journal
        write_meta(file.create_group("meta"), run.meta)
        for side, hall in run.halls.items():
            _write_hall(file.create_group(hall_name(side)), hall)
            if side in run.exploiters:
                _write_hall(file.create_group(exploiters_name(side)), run.exploiters[side])
        _write_arrays(file.create_group("metrics"), run.metrics)
        _write_arrays(file.create_group("discards"), run.discards)
        _write_held_out(file.create_group("held_out"), run.held_out)
        _write_arrays(file.create_group("state"), run.state)
        if run.matches:
            _write_matches(file.create_group("matches"), run.matches)
        if run.sessions:
            _write_sessions(file.create_group("lives"), run.sessions)
    return buffer.getbuffer()


def decode(file: h5py.File) -> Run:
    """The run in an open run file.

    Raises:
        RunFileError: not a run file, of another schema version, or parts are missing.
        Exception: any, from HDF5 or numpy; the file is damaged.
    """
    check_format(file)
    length = int(file.attrs["num_generations"])
    return Run(
        meta=read_meta(file["meta"]),
        num_generations=length,
        halls={side: _read_hall(file[hall_name(side)]) for side in Side},
        metrics=read_columns(file["metrics"], length),
        discards=read_columns(file["discards"], length),
        held_out=read_held_out(file["held_out"]),
        state=_read_state(file["state"]),
        matches=read_matches(file["matches"]) if "matches" in file else (),
        sessions=read_sessions(file["lives"], length) if "lives" in file else (),
        exploiters={side: _read_hall(file[name]) for side in Side if (name := exploiters_name(side)) in file},
    )


def check_format(file: h5py.File) -> None:
    """Refuse what is no run file, of another schema version, or lacks a part.

    Raises:
        RunFileError: it is.
    """
    if file.attrs.get("format") != FORMAT:
        raise RunFileError(f"{file.filename} is an HDF5 file, but not a run file of evo_hns")
    parts = ["meta", *map(hall_name, Side), "metrics", "discards", "held_out", "state"]
    missing = [f"/{part}" for part in parts if part not in file]
    if "/meta" not in missing:
        check_version(file)
    if missing:
        raise RunFileError(f"{file.filename} is damaged: {', '.join(missing)} missing; use a copy of it")


def check_version(file: h5py.File, expected: int = SCHEMA_VERSION) -> None:
    """Refuse a file of another schema version.

    Raises:
        RunFileError: it is.
    """
    version = int(file["meta"].attrs["schema_version"])
    if version == expected:
        return
    age, remedy = ("newer", "upgrade evo_hns") if version > expected else ("older", "use that version")
    writer = file["meta"].attrs.get("project_version", "unknown")
    raise RunFileError(
        f"{file.filename} has schema version {version}, {age} than {expected} which is read here;"
        f" it was written by evo_hns {writer}: {remedy}"
    )


def write_meta(group: h5py.Group, meta: RunMeta) -> None:
    """Write where a run, or what came of runs, comes from."""
    values = dict(vars(meta))
    group.create_group("versions").attrs.update(values.pop("versions"))
    group.attrs.update(values)


def read_meta(group: h5py.Group) -> RunMeta:
    """Where a run comes from."""
    values = dict(group.attrs)
    for name in ("schema_version", "seed"):
        values[name] = int(values[name])
    return RunMeta(versions=dict(group["versions"].attrs), **values)


def hall_name(side: Side) -> str:
    """The group of a side's champions."""
    return f"{side.label}/archive"


def exploiters_name(side: Side) -> str:
    """The group of a side's exploiters, whom nobody may take for champions."""
    return f"{side.label}/exploiters"


def _write_hall(group: h5py.Group, hall: HallOfFame) -> None:
    group.create_dataset("genomes", data=hall.genomes)
    group["generation"] = hall.generations
    group["score"] = hall.scores


def _read_hall(group: h5py.Group) -> HallOfFame:
    return HallOfFame.from_arrays(group["genomes"][()], group["generation"][()], group["score"][()])


def _write_arrays(group: h5py.Group, arrays: State) -> None:
    for name, value in arrays.items():
        if isinstance(value, Mapping):
            _write_arrays(group.create_group(name), value)
        else:
            group.create_dataset(name, data=value)


def _read_state(group: h5py.Group) -> State:
    # a 0-d dataset is read as a scalar, hence asarray
    return {
        name: _read_state(item) if isinstance(item, h5py.Group) else np.asarray(item[()])
        for name, item in group.items()
    }


def _write_held_out(group: h5py.Group, rows: tuple[HeldOutRow, ...]) -> None:
    for name, dtype in _HELD_OUT_DTYPES.items():
        values = [row.side.label if name == "side" else getattr(row, name) for row in rows]
        group.create_dataset(name, (len(rows),), dtype, data=values if rows else None)
    _write_arrays(group.create_group("statistics"), _columns([row.statistics for row in rows]))
    scores = [np.asarray(row.scores, dtype=np.float64) for row in rows]
    lengths = np.array([len(values) for values in scores], dtype=np.int64)
    _write_arrays(group.create_group("scores"), {"values": np.concatenate([np.empty(0), *scores]), "length": lengths})


def read_held_out(group: h5py.Group) -> tuple[HeldOutRow, ...]:
    """All measurements, in their order."""
    length = len(group["generation"])
    columns = read_columns(group, length)
    statistics = read_columns(group["statistics"], length)
    scores = np.split(group["scores/values"][()], np.cumsum(group["scores/length"][()])[:-1]) if length else []
    return tuple(
        HeldOutRow(
            generation=int(columns["generation"][row]),
            side=Side[columns["side"][row].decode().upper()],
            opponent=columns["opponent"][row].decode(),
            mean=float(columns["mean"][row]),
            ci_half_width=float(columns["ci_half_width"][row]),
            episodes=int(columns["episodes"][row]),
            statistics={name: float(column[row]) for name, column in statistics.items() if not np.isnan(column[row])},
            scores=scores[row],
        )
        for row in range(length)
    )


def _write_matches(group: h5py.Group, matches: tuple[Match, ...]) -> None:
    for name, dtype in _MATCH_DTYPES.items():
        group.create_dataset(name, (len(matches),), dtype, data=[getattr(match, name) for match in matches])
    group["returns"] = np.stack([match.returns for match in matches])
    _write_arrays(group.create_group("metrics"), _columns([match.metrics for match in matches]))
    actions = group.create_group("actions")
    for name in matches[0].actions:
        array = np.stack([match.actions[name] for match in matches])
        filters = {"chunks": (1, *array.shape[1:]), "compression": "gzip", "compression_opts": 9} if array.size else {}
        actions.create_dataset(name, data=array, **filters)


def read_matches(group: h5py.Group, rows: slice = slice(None)) -> tuple[Match, ...]:
    """Recorded matches in their order; of others than those asked for nothing is read."""
    columns = {name: group[name] for name in _MATCH_DTYPES}
    metrics = {name: item for name, item in group["metrics"].items() if isinstance(item, h5py.Dataset)}
    arrays = [group["returns"], *group["actions"].values(), *columns.values(), *metrics.values()]
    if len({len(array) for array in arrays}) != 1:
        raise ValueError(f"{group.name} has columns of different lengths")
    columns, metrics, actions = (
        {name: item[rows] for name, item in part.items()} for part in (columns, metrics, group["actions"])
    )
    matches = tuple(
        Match(
            generation=int(columns["generation"][row]),
            hider=columns["hider"][row].decode(),
            seeker=columns["seeker"][row].decode(),
            world_seed=int(columns["world_seed"][row]),
            failed=bool(columns["failed"][row]),
            returns=returns,
            metrics={name: float(column[row]) for name, column in metrics.items() if not np.isnan(column[row])},
            actions={name: array[row] for name, array in actions.items()},
        )
        for row, returns in enumerate(group["returns"][rows])
    )
    for match in matches:
        check_match(match)
    return matches


def _write_sessions(group: h5py.Group, sessions: tuple[TrainingSession, ...]) -> None:
    for name, dtype in _SESSION_DTYPES.items():
        values = [" ".join(session.hosts) if name == "hosts" else getattr(session, name) for session in sessions]
        group.create_dataset(name, (len(sessions),), dtype, data=values)


def read_sessions(group: h5py.Group, num_generations: int) -> tuple[TrainingSession, ...]:
    """The sessions of a run of so many generations, oldest first."""
    length = len(group["started"])
    columns = read_columns(group, length)
    sessions = tuple(
        TrainingSession(
            started=columns["started"][row].decode(),
            first_generation=int(columns["first_generation"][row]),
            num_ranks=int(columns["num_ranks"][row]),
            hosts=tuple(columns["hosts"][row].decode().split(" ")),
            mpi=columns["mpi"][row].decode(),
            job=columns["job"][row].decode(),
            restarts=int(columns["restarts"][row]),
        )
        for row in range(length)
    )
    for session in sessions:
        check_session(session)
    starts = [*(session.first_generation for session in sessions), num_generations]
    if any(later < earlier for earlier, later in pairwise(starts)):
        raise ValueError(f"{group.name} has sessions that start at {starts[:-1]} in {num_generations} generations")
    return sessions


def _columns(rows: Sequence[Mapping[str, float]]) -> dict[str, npt.NDArray[np.float64]]:
    """One array per name, NaN where a row lacks it."""
    names = sorted({name for row in rows for name in row})
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}


def read_columns(group: h5py.Group, length: int) -> dict[str, npt.NDArray[Any]]:
    """The datasets of a group, each of the same length."""
    columns = {name: item[()] for name, item in group.items() if isinstance(item, h5py.Dataset)}
    for name, column in columns.items():
        if column.shape != (length,):
            raise ValueError(f"{group.name}/{name} has shape {column.shape}, expected ({length},)")
    return columns
