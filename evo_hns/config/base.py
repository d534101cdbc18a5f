"""What all settings share: immutable tables without unknown keys, and numbers that may be ranges."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator


class ConfigError(ValueError):
    """A setting is wrong; the message is one line for the user: got, expected, remedy."""


class Settings(BaseModel):
    """Base of all settings: immutable, nothing unknown, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _check_numbers(cls, values: Any) -> Any:
        """Refuse true and false where a number is expected, for which they would pass."""
        given = values if isinstance(values, dict) else {}
        for name in given.keys() & cls.model_fields.keys():
            kind = cls.model_fields[name].annotation
            kinds = {kind, *get_args(kind)}
            if isinstance(given[name], bool) and kinds & {int, float} and bool not in kinds:
                raise ValueError(f"got {name} {str(given[name]).lower()}, expected a number")
        return values


def lowest(count: float | tuple[float, float]) -> int:
    """The least that a count, which may be a range, can be."""
    return int(count[0] if isinstance(count, tuple) else count)


def highest(count: float | tuple[float, float]) -> int:
    """The most that a count, which may be a range, can be."""
    return int(count[1] if isinstance(count, tuple) else count)


def ranged(kind: type, least: float, most: float) -> BeforeValidator:
    """A number of a kind within bounds, or two of them in rising order: the ends of a range."""
    noun = "whole number" if kind is int else "number"

    def check(value: Any) -> Any:
        ends = list(value) if isinstance(value, list | tuple) else [value]
        numbers = all(isinstance(end, int | kind) and not isinstance(end, bool) for end in ends)
        if not (numbers and 1 <= len(ends) <= 2 and all(least <= end <= most for end in ends)):
            raise ValueError(f"got {value!r}, expected a {noun} from {least:g} to {most:g}, or a range [low, high]")
        if ends != sorted(ends):
            raise ValueError(f"got the range {value!r}, expected [low, high] with low <= high")
        low, high = kind(ends[0]), kind(ends[-1])
        return low if low == high else (low, high)

    return BeforeValidator(check)
