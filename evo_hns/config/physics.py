"""Settings of how time passes."""

from __future__ import annotations

import math

from pydantic import Field, model_validator

from evo_hns.config.base import Settings

LONGEST_TIMESTEP = 0.02
"""Seconds; beyond it objects fly apart."""


class PhysicsConfig(Settings):
    """How time passes. Only `timestep`, `num_substeps` and `search_substeps` change what happens."""

    timestep: float = Field(0.005, gt=0.0, le=LONGEST_TIMESTEP)
    """Length of a physics substep, seconds (the game's own: 0.005)."""
    num_substeps: int = Field(15, ge=1, le=100)
    """Substeps per env step (the game's own: 15)."""
    search_substeps: int | None = Field(None, ge=1, le=100)
    """Substeps per env step in the matches that decide fitness: fewer are quicker and coarser. The env step stays as
    long, and champions are measured by `num_substeps`."""
    sleep: bool = True
    """Let resting objects sleep: about twice as fast."""
    num_worlds: int = Field(256, ge=1, le=4096)
    """Worlds simulated side by side."""
    num_threads: int = Field(0, ge=0)
    """Games played side by side, each with its share of the worlds; 0 takes every core this process may use."""

    @property
    def of_search(self) -> PhysicsConfig:
        """How time passes in the matches that decide fitness."""
        if self.search_substeps is None:
            return self
        timestep = self.timestep * self.num_substeps / self.search_substeps
        return self.model_copy(update={"timestep": timestep, "num_substeps": self.search_substeps})

    @model_validator(mode="after")
    def _check_search_timestep(self) -> PhysicsConfig:
        """Refuse a search whose physics would fall apart."""
        if self.of_search.timestep > LONGEST_TIMESTEP:
            fewest = math.ceil(self.timestep * self.num_substeps / LONGEST_TIMESTEP)
            raise ValueError(
                f"got {self.search_substeps} search_substeps of {self.of_search.timestep:g} s, expected at most "
                f"{LONGEST_TIMESTEP:g} s: choose {fewest} or more"
            )
        return self
