"""Settings of a whole run, and how tables of settings are laid over each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from evo_hns.config.base import Settings
from evo_hns.config.physics import PhysicsConfig
from evo_hns.config.rules import RulesConfig
from evo_hns.config.search import SideConfig
from evo_hns.config.world import WorldConfig
from evo_hns.spec import Side


class CoevolutionConfig(Settings):
    """Who meets whom, and what is remembered."""

    generations: int = Field(40, ge=1)
    """Generations to run."""
    episodes_per_candidate: int = Field(8, ge=1)
    """Matches of each candidate in a generation; all candidates play the same list."""
    champion_share: float = Field(0.25, ge=0.0, le=1.0)
    """Share of those matches against the other side's current champion; the rest meets its hall of fame."""
    opponent_sampler: Literal["uniform", "latest"] = "uniform"
    """How opponents are drawn from the hall of fame."""
    num_finalists: int = Field(1, ge=1)
    """Best candidates that compete with the search's centre, on fresh worlds, to become champion."""
    finalist_episodes: int = Field(24, ge=1)
    """Matches of each finalist."""
    held_out_every: int = Field(0, ge=0)
    """Measure the champions against the held-out players every so many generations; 0: only first and last."""
    held_out_episodes: int = Field(256, ge=0)
    """Fresh worlds of each held-out measurement, at least two; 0: nothing is measured."""
    recorded_matches: int = Field(1, ge=0)
    """Fresh worlds in which the champions of a measured generation meet and are recorded; 0: none."""

    @model_validator(mode="after")
    def _check_held_out_episodes(self) -> CoevolutionConfig:
        """Refuse a measurement without an interval."""
        if self.held_out_episodes == 1:
            raise ValueError("got 1 held-out episode, an interval needs at least 2: choose more, or 0 for none")
        return self


class RunConfig(Settings):
    """A whole run: the game, the two populations and the loop."""

    seed: int = Field(0, ge=0, lt=2**31)
    """Decides every random number of the run."""
    world: WorldConfig = WorldConfig()
    physics: PhysicsConfig = PhysicsConfig()
    rules: RulesConfig = RulesConfig()
    hiders: SideConfig = SideConfig()
    seekers: SideConfig = SideConfig()
    coevolution: CoevolutionConfig = CoevolutionConfig()

    @model_validator(mode="before")
    @classmethod
    def _spread_shared_tables(cls, data: Any) -> Any:
        """Let `[policy]` and `[search]` fill both sides, under what a side says itself."""
        return spread(data) if isinstance(data, dict) else data

    def side(self, side: Side) -> SideConfig:
        """The settings of one population."""
        return self.hiders if side is Side.HIDERS else self.seekers

    def differences(self, other: RunConfig) -> dict[str, tuple[Any, Any]]:
        """Settings that differ by dotted name: the value here, and the other's."""
        return dict(_differences(self.model_dump(mode="json"), other.model_dump(mode="json"), ""))


def _differences(values: dict[str, Any], others: dict[str, Any], prefix: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name, value in values.items():
        other = others.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            yield from _differences(value, other, f"{prefix}{name}.")
        elif value != other:
            yield prefix + name, (value, other)


def spread(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings with the shared tables `policy` and `search` written out for both sides."""
    shared = {key: tables[key] for key in ("policy", "search") if key in tables}
    rest = {key: value for key, value in tables.items() if key not in shared}
    if shared:
        rest |= {side.label: merge(shared, rest.get(side.label, {})) for side in Side}
    return rest


def merge(base: dict[str, Any], over: Any) -> Any:
    """`base` with the entries of `over` laid on top, table by table; what is no table replaces it."""
    if isinstance(over, BaseModel):
        over = over.model_dump()
    if not isinstance(over, dict):
        return over
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) else value
    return merged
