"""A generation as nested arrays, for the journal: two inverse functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evo_hns.archive.journal import Record
from evo_hns.archive.records import Champion, Generation, HeldOutRow, Match, State
from evo_hns.spec import Side

STATE = "state"
"""What only the last generation of a run is read for."""


def as_tree(record: Generation) -> State:
    """All of a generation; numbers and texts are arrays without dimensions."""
    return {
        "metrics": {name: np.array(value, dtype=np.float64) for name, value in record.metrics.items()},
        "discards": {name: np.array(count, dtype=np.int64) for name, count in record.discards.items()},
        "champions": {side.label: _leaves(vars(each)) for side, each in record.champions.items()},
        "exploiters": {side.label: _leaves(vars(each)) for side, each in record.exploiters.items()},
        "held_out": {str(row): _leaves(vars(each)) for row, each in enumerate(record.held_out)},
        "matches": {str(row): _leaves(vars(each)) for row, each in enumerate(record.matches)},
        STATE: record.state,
    }


def _leaves(fields: Mapping[str, Any]) -> State:
    return {
        name: _leaves(value)
        if isinstance(value, Mapping)
        else np.asarray(value.label if isinstance(value, Side) else value)
        for name, value in fields.items()
    }


def read_generation(record: Record, *, with_state: bool = True) -> Generation:
    """The generation of a record.

    Args:
        record: in a journal.
        with_state: also read its state.

    Raises:
        RunFileError: the record is damaged.
    """
    return Generation(
        number=record.number,
        champions=read_champions(record, "champions"),
        metrics=read_numbers(record, "metrics"),
        state=record.read(STATE) if with_state else {},
        held_out=read_held_out_rows(record),
        discards=read_numbers(record, "discards"),
        matches=tuple(read_match(record, row) for row in range(len(record.table["matches"]))),
        exploiters=read_champions(record, "exploiters"),
    )


def read_numbers(record: Record, name: str) -> dict[str, Any]:
    """Metrics or discards of a generation."""
    return _values(record.read(name))


def read_champions(record: Record, name: str) -> dict[Side, Champion]:
    """Champions or exploiters of a generation, by side."""
    return {Side[label.upper()]: Champion(**_values(fields)) for label, fields in record.read(name).items()}


def read_held_out_rows(record: Record) -> tuple[HeldOutRow, ...]:
    """Measurements of a generation."""
    rows = map(_values, record.read("held_out").values())
    return tuple(
        HeldOutRow(**{**row, "side": Side[row["side"].upper()], "statistics": _present(row["statistics"])})
        for row in rows
    )


def read_match(record: Record, row: int) -> Match:
    """One of the matches of a generation."""
    fields = _values(record.read(f"matches/{row}"))
    return Match(**{**fields, "metrics": _present(fields["metrics"])})


def _values(tree: Any) -> dict[str, Any]:
    """Arrays without dimensions as what they were; in the order in which HDF5 has them, sorted by name."""
    return {
        name: _values(value) if isinstance(value, Mapping) else value if value.ndim else value.item()
        for name, value in sorted(tree.items())
    }


def _present(numbers: Mapping[str, float]) -> dict[str, float]:
    """Without those that are NaN, which is as if absent."""
    return {name: number for name, number in numbers.items() if not np.isnan(number)}
