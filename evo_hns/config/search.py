"""Settings of a population: the form of its networks and how it moves."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from evo_hns.config.base import Settings


class PolicyConfig(Settings):
    """The form of a side's network."""

    network: Literal["mlp", "attention"] = "mlp"
    """`mlp` averages what it sees of each kind; `attention` weighs it with one query."""
    hidden_size: int = Field(32, ge=1, le=256)
    """Width of every hidden layer."""
    gru_size: int = Field(0, ge=0, le=128)
    """Memory cells; 0 is a network without memory."""
    genome_per_member: bool = False
    """Give each team member a network of its own inside the genome."""


class CMAESConfig(Settings):
    """CMA-ES and separable CMA-ES."""

    damp_sigma_ratio: float = Field(1.0, gt=0.0)
    """Factor on the damping of the step size: larger is steadier under noise."""


class PGPEConfig(Settings):
    """PGPE with ClipUp."""

    max_speed: float = Field(0.02, gt=0.0, le=1.0)
    """Largest move of the centre in a generation, as a share of the initial radius sigma * sqrt(N) (ClipUp)."""
    stdev_learning_rate: float = Field(0.1, ge=0.0)
    """Step of the standard deviations."""


class GeneticConfig(Settings):
    """The genetic algorithm."""

    selection: Literal["truncation", "tournament"] = "truncation"
    """How parents are chosen."""
    parent_fraction: float = Field(0.25, gt=0.0, le=1.0)
    """Share of the population that may breed (truncation)."""
    tournament_size: int = Field(4, ge=2)
    """Contestants for each parent's place (tournament)."""
    crossover_rate: float = Field(0.5, ge=0.0, le=1.0)
    """Share of the children that have two parents."""
    num_elites: int = Field(4, ge=1)
    """Best genomes that are kept and evaluated again beside the children."""
    mutation_sigma: float = Field(0.2, gt=0.0)
    """Standard deviation of the mutation of a parameter, in the first generation."""
    mutation_decay: float = Field(1.0, gt=0.0, le=1.0)
    """Factor on the mutation strength after each generation."""


class SearchConfig(Settings):
    """How a side's population moves."""

    algorithm: Literal["sep-cmaes", "cmaes", "snes", "pgpe", "ga"] = "sep-cmaes"
    """The search; `cmaes` keeps a full covariance and is refused above 5,000 parameters."""
    popsize: int = Field(48, ge=4)
    """Genomes evaluated in each generation."""
    sigma: float = Field(0.5, gt=0.0)
    """Initial standard deviation of a parameter (the genetic algorithm has `mutation_sigma` instead)."""
    init_sigma: float = Field(0.5, ge=0.0)
    """Spread of the first centre (or of the genetic algorithm's first population) around zero."""
    cmaes: CMAESConfig = CMAESConfig()
    pgpe: PGPEConfig = PGPEConfig()
    ga: GeneticConfig = GeneticConfig()

    @model_validator(mode="after")
    def _check_popsize(self) -> SearchConfig:
        """Refuse a population that the chosen algorithm cannot make up."""
        if self.algorithm == "pgpe" and self.popsize % 2:
            raise ValueError(f"got popsize {self.popsize}, pgpe samples mirrored pairs: choose an even one")
        if self.algorithm == "ga" and self.ga.num_elites >= self.popsize:
            raise ValueError(f"got {self.ga.num_elites} elites of popsize {self.popsize}: lower search.ga.num_elites")
        return self


class SideConfig(Settings):
    """One population: its networks and its search."""

    policy: PolicyConfig = PolicyConfig()
    search: SearchConfig = SearchConfig()
