"""Tables of settings of which one kind is chosen: each kind has its own settings, and no others exist.

In pydantic's words a discriminated union; its tag is a setting too (`search.algorithm`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import create_model

from evo_hns.config.base import Settings


@dataclass(frozen=True)
class Kinds:
    """The kinds of a table."""

    tag: str  #: the setting that chooses
    classes: tuple[type[Settings], ...]  #: the first one's first name is the default

    @property
    def names(self) -> tuple[str, ...]:
        """What the tag can be."""
        return tuple(name for kind in self.classes for name in self._names_of(kind))

    @property
    def shared(self) -> frozenset[str]:
        """The settings that every kind has."""
        return frozenset.intersection(*(frozenset(kind.model_fields) for kind in self.classes))

    def with_name(self, table: Any) -> Any:
        """A table with its tag, which may be left out for the default; anything else as it is."""
        return {self.tag: self.names[0], **table} if isinstance(table, Mapping) else table

    def owners(self, setting: str) -> tuple[str, ...]:
        """The kinds that have a setting."""
        return tuple(name for kind in self.classes if setting in kind.model_fields for name in self._names_of(kind))

    def without_unused(self, table: Any) -> Any:
        """A table without the settings of kinds that are not chosen; what no kind has stays, to be refused."""
        if not isinstance(table, Mapping):
            return table
        chosen = self.with_name(table)[self.tag]
        return {name: value for name, value in table.items() if chosen in (owners := self.owners(name)) or not owners}

    def all_settings(self) -> type[Settings]:
        """One table with the settings of all kinds, to list them."""
        fields: dict[str, Any] = {}
        for kind in self.classes:
            for name, field in kind.model_fields.items():
                fields.setdefault(name, (field.annotation, field))
        first = self.classes[0]
        fields[self.tag] = (Literal[self.names], first.model_fields[self.tag])
        parent = first.__mro__[1]
        return create_model(parent.__name__, __base__=Settings, __doc__=parent.__doc__, **fields)

    def _names_of(self, kind: type[Settings]) -> tuple[str, ...]:
        names: tuple[str, ...] = get_args(kind.model_fields[self.tag].annotation)
        return names
