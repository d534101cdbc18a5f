"""Settings of a population: the form of its networks and how it moves.

A search or network of another kind has a class here, in the union and in `Kinds`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, field_validator, model_validator

from evo_hns.config.base import Settings
from evo_hns.config.kinds import Kinds

TABLES = TypeAdapter(dict[str, Any])
"""Settings as they are stored, before they are checked."""


class EntityConfig(Settings):
    """Sizes of the paper's network, `policy.network = "entity"`; the defaults are OpenAI's."""

    embed_size: int = Field(128, ge=1, le=1024)
    """Width of the embedding of an entity."""
    num_heads: int = Field(4, ge=1, le=64)
    """Heads of the self-attention; they share the embedding."""
    dense_size: int = Field(256, ge=1, le=2048)
    """Width of the layer between attention and memory."""
    num_cells: int = Field(256, ge=1, le=2048)
    """Cells of the LSTM."""
    num_filters: int = Field(9, ge=1, le=256)
    """Filters of the circular convolution over three neighbouring lidar rays."""
    layer_norm: bool = True
    """Normalise layers in the attention and around the dense layer too, not only behind the LSTM."""
    greedy: bool = False
    """Take the likeliest action instead of drawing one."""

    @model_validator(mode="after")
    def _check_heads(self) -> EntityConfig:
        """Refuse heads that do not share the embedding evenly."""
        if self.embed_size % self.num_heads:
            raise ValueError(
                f"got embed_size {self.embed_size} and num_heads {self.num_heads}, expected a multiple: change one"
            )
        return self


class PolicyConfig(Settings):
    """The form of a side's network; each kind adds settings of its own."""

    network: str
    """`mlp` averages what it sees of each kind; `attention` weighs it with one query; `entity` is the paper's."""
    genome_per_member: bool = False
    """Give each team member a network of its own inside the genome."""


class SmallPolicyConfig(PolicyConfig):
    """Small networks."""

    network: Literal["mlp", "attention"] = "mlp"
    """`mlp` averages what it sees of each kind; `attention` weighs it with one query; `entity` is the paper's."""
    hidden_size: int = Field(32, ge=1, le=256)
    """Width of every hidden layer (`mlp`, `attention`)."""
    gru_size: int = Field(0, ge=0, le=128)
    """Memory cells; 0 is a network without memory (`mlp`, `attention`)."""
    leaky_size: int = Field(0, ge=0, le=128)
    """Memory cells that are leaky integrators with evolved time constants, instead of `gru_size`."""
    noise: Literal["none", "episode", "step"] = "none"
    """Random inputs, drawn for each agent from the seed of the match: once an `episode`, or at every `step`."""
    noise_size: int = Field(1, ge=1, le=16)
    """Random inputs of an agent, if it has any."""
    grab_latch: float = Field(0.0, ge=0.0, lt=1.0)
    """The grab action switches on above this output and off below minus it, and stays as it is between; 0: by sign."""
    lock_latch: float = Field(0.0, ge=0.0, lt=1.0)
    """The same for the lock action."""
    grabbing_turn: float = Field(1.0, ge=0.0, le=1.0)
    """Factor on the turning while the grab action is on: abrupt turns tear the grip."""
    frame: Literal["own", "world", "opponent", "box", "ramp", "nearest"] = "own"
    """Where moving forward leads: along the agent's heading, along the world's x, or to the nearest opponent, box, ramp
    or any of these in sight (along its heading while none is)."""
    hold: int = Field(1, ge=1, le=16)
    """Env steps for which a decision holds; the network does not run between."""
    openings: int = Field(0, ge=0, le=4)
    """The deepest gaps in an agent's lidar now, as inputs: direction, closeness, width and depth of each."""
    doors: int = Field(0, ge=0, le=4)
    """Doors that its lidar has shown in this episode, the near and certain first: direction, closeness, how open, how
    certain."""
    last_seen: int = Field(0, ge=0, le=4)
    """Opponents, boxes and ramps, of each kind the nearest that it remembers, in sight or not: direction, closeness,
    freshness."""
    nearest: int = Field(0, ge=0, le=4)
    """The nearest in sight of opponents, boxes, ramps and food, in inputs of their own beside the mean."""

    @property
    def num_noise(self) -> int:
        """Random inputs of an agent."""
        return 0 if self.noise == "none" else self.noise_size

    @field_validator("noise", mode="before")
    @classmethod
    def _none_or_more(cls, value: Any) -> Any:
        """Take the option `none`, which is nothing elsewhere, as the word that it is here."""
        return "none" if value is None else value

    @model_validator(mode="after")
    def _check_memory(self) -> SmallPolicyConfig:
        """Refuse two kinds of memory cells, and a number of random inputs without any."""
        if self.gru_size and self.leaky_size:
            raise ValueError(
                f"got gru_size {self.gru_size} and leaky_size {self.leaky_size}, expected one kind of memory: "
                "set one of them to 0"
            )
        if self.noise == "none" and self.noise_size != 1:
            raise ValueError(f"got noise_size {self.noise_size} without noise: set noise to episode or step")
        return self


class EntityPolicyConfig(PolicyConfig):
    """The paper's network."""

    network: Literal["entity"] = "entity"
    """`mlp` averages what it sees of each kind; `attention` weighs it with one query; `entity` is the paper's."""
    entity: EntityConfig = EntityConfig()


POLICY_KINDS = Kinds("network", (SmallPolicyConfig, EntityPolicyConfig))

AnyPolicyConfig = Annotated[
    SmallPolicyConfig | EntityPolicyConfig, Field(discriminator="network"), BeforeValidator(POLICY_KINDS.with_name)
]
"""The form of a network of any kind."""


def read_policy(text: str) -> PolicyConfig:
    """The form of a network as it was stored (JSON).

    Raises:
        ValidationError: it is none.
    """
    policy: PolicyConfig = TypeAdapter(AnyPolicyConfig).validate_python(
        POLICY_KINDS.without_unused(TABLES.validate_json(text))
    )
    return policy


class CMAESConfig(Settings):
    """CMA-ES and separable CMA-ES."""

    damp_sigma_ratio: float = Field(1.0, gt=0.0)
    """Factor on the damping of the step size: larger is steadier under noise."""
    center_learning_rate: float = Field(1.0, gt=0.0, le=1.0)
    """Share of its step that the centre takes (Hansen's c_m). Where noise hides most of the differences between
    candidates the centre walks at random, and the longer its steps the less of them is progress."""
    learning_rate_adaptation: bool = False
    """Adapt the learning rates of mean and covariance to the signal in their moves (LRA-CMA-ES, `sep-cmaes` alone): it
    gets nearer where there is noise, and is some four times slower where there is none."""


class PGPEConfig(Settings):
    """PGPE with ClipUp."""

    max_speed: float = Field(0.02, gt=0.0, le=1.0)
    """Largest move of the centre in a generation, as a share of the initial radius sigma * sqrt(N) (ClipUp)."""
    stdev_learning_rate: float = Field(0.1, ge=0.0)
    """Step of the standard deviations."""


class OpenAIESConfig(Settings):
    """OpenAI's evolution strategy."""

    learning_rate: float = Field(0.05, gt=0.0, le=1.0)
    """Step of Adam. The usual 0.01, with a sigma of 0.02, is for weights that begin at one over the root of a layer's
    inputs; layers here divide by that root themselves, and their weights are some five times as large."""
    weight_decay: float = Field(0.005, ge=0.0, le=1.0)
    """Share of the weights that is taken from the gradient, which is a mean of centred ranks times standard noise."""


class GeneticConfig(Settings):
    """The genetic algorithm."""

    selection: Literal["truncation", "tournament", "lexicase", "pareto"] = "truncation"
    """How parents are chosen. `lexicase` (epsilon-lexicase) takes matches in an order drawn by lot for each parent, and
    lets those go on who are as good as the best of those left, but for the median deviation. `pareto` is a tournament
    by how many others are better both in return and in the side's `second_objective`."""
    parent_fraction: float = Field(0.25, gt=0.0, le=1.0)
    """Share of the population that may breed (truncation)."""
    tournament_size: int = Field(4, ge=2)
    """Contestants for each parent's place (tournament, pareto)."""
    crossover_rate: float = Field(0.5, ge=0.0, le=1.0)
    """Share of the children that have two parents."""
    num_elites: int = Field(4, ge=1)
    """Best genomes that are kept and evaluated again beside the children."""
    mutation_sigma: float = Field(0.2, gt=0.0, le=1e3)
    """Standard deviation of the mutation of a parameter, in the first generation."""
    mutation_decay: float = Field(1.0, gt=0.0, le=1.0)
    """Factor on the mutation strength after each generation."""


class SearchConfig(Settings):
    """How a side's population moves; each search adds settings of its own."""

    algorithm: str
    """The search; `cmaes` keeps a full covariance and is refused above 5,000 parameters."""
    popsize: int = Field(48, ge=4)
    """Genomes evaluated in each generation."""
    init_sigma: float = Field(0.5, ge=0.0, le=1e3)
    """Spread of the first centre (or of the genetic algorithm's first population) around zero."""


class CMAESSearchConfig(SearchConfig):
    """CMA-ES with a separable or a full covariance."""

    algorithm: Literal["sep-cmaes", "cmaes"] = "sep-cmaes"
    """The search; `cmaes` keeps a full covariance and is refused above 5,000 parameters."""
    sigma: float = Field(0.5, gt=0.0, le=1e3)
    """Initial standard deviation of a parameter (the genetic algorithm has `mutation_sigma` instead)."""
    cmaes: CMAESConfig = CMAESConfig()

    @model_validator(mode="after")
    def _check_adaptation(self) -> CMAESSearchConfig:
        """Refuse learning rates that adapt over a full covariance."""
        if self.cmaes.learning_rate_adaptation and self.algorithm != "sep-cmaes":
            raise ValueError(
                f"got cmaes.learning_rate_adaptation of {self.algorithm}, only sep-cmaes has it: leave it out, or set "
                "algorithm to 'sep-cmaes'"
            )
        return self


class SNESSearchConfig(SearchConfig):
    """SNES."""

    algorithm: Literal["snes"] = "snes"
    sigma: float = Field(0.5, gt=0.0, le=1e3)
    """Initial standard deviation of a parameter."""


class MirroredSearchConfig(SearchConfig):
    """A search that samples mirrored pairs."""

    @model_validator(mode="after")
    def _check_popsize(self) -> MirroredSearchConfig:
        """Refuse a population without pairs."""
        if self.popsize % 2:
            raise ValueError(f"got popsize {self.popsize}, {self.algorithm} samples mirrored pairs: choose an even one")
        return self


class PGPESearchConfig(MirroredSearchConfig):
    """PGPE."""

    algorithm: Literal["pgpe"] = "pgpe"
    sigma: float = Field(0.5, gt=0.0, le=1e3)
    """Initial standard deviation of a parameter."""
    pgpe: PGPEConfig = PGPEConfig()


class OpenAIESSearchConfig(MirroredSearchConfig):
    """OpenAI's evolution strategy."""

    algorithm: Literal["openai-es"] = "openai-es"
    sigma: float = Field(0.1, gt=0.0, le=1e3)
    """Standard deviation of a parameter, which stays."""
    openai_es: OpenAIESConfig = OpenAIESConfig()


class GeneticSearchConfig(SearchConfig):
    """The genetic algorithm."""

    algorithm: Literal["ga"] = "ga"
    ga: GeneticConfig = GeneticConfig()

    @model_validator(mode="after")
    def _check_elites(self) -> GeneticSearchConfig:
        """Refuse a population without children."""
        if self.ga.num_elites >= self.popsize:
            raise ValueError(f"got {self.ga.num_elites} elites of popsize {self.popsize}: lower search.ga.num_elites")
        return self


SEARCH_KINDS = Kinds(
    "algorithm",
    (CMAESSearchConfig, SNESSearchConfig, PGPESearchConfig, OpenAIESSearchConfig, GeneticSearchConfig),
)

AnySearchConfig = Annotated[
    CMAESSearchConfig | SNESSearchConfig | PGPESearchConfig | OpenAIESSearchConfig | GeneticSearchConfig,
    Field(discriminator="algorithm"),
    BeforeValidator(SEARCH_KINDS.with_name),
]
"""The settings of any search; `search.registry` has a searcher for each."""


class RungConfig(Settings):
    """A rung of a ladder to the return: a skill that counts beside it, less and less as the return grows.

    The whole weight counts up to the return `start`, nothing from `target` on, in proportion between; what the side
    once reached is never taken back, so that the weight only falls.
    """

    skill: str
    """What counts: one of the game's statistics, a stage, or a skill of diagnosis, as of `fitness`."""
    weight: float = Field(gt=0.0, le=1e6)
    """Points of return that one unit of the skill is worth, at the beginning."""
    start: float = Field(ge=-1e6, le=1e6)
    """Mean return of the side up to which the whole weight counts."""
    target: float = Field(ge=-1e6, le=1e6)
    """Mean return from which on the skill counts nothing."""

    @model_validator(mode="after")
    def _check_target(self) -> RungConfig:
        """Refuse a weight that could not fall."""
        if self.target <= self.start:
            raise ValueError(f"got target {self.target:g} and start {self.start:g}, expected a target above the start")
        return self


class DemonstrationConfig(Settings):
    """Matches of a side's candidates whose first env steps a scripted player plays in their place, fewer and fewer."""

    player: str | None = None
    """Name of the scripted player, such as `reactive-builder`; none: candidates play all of their matches."""
    env_steps: int = Field(32, ge=1, lt=2**13)
    """How many it plays at the beginning, and at most."""
    share: float = Field(0.75, gt=0.0, le=1.0)
    """Of a candidate's matches; the others are its own from the first env step on."""
    worlds: int = Field(16, ge=1, le=2**16)
    """Worlds that it plays in, each with a number of env steps of its own."""
    target: float = 0.0
    """Mean score of the better half of the candidates in a world from which on fewer are demonstrated there."""


AN_EXAMPLE = "[{skill = 'doors_shut', weight = 30, start = -25, target = 25}]"
"""Of rungs, as they are typed."""


class SideConfig(Settings):
    """One population: its networks and its search."""

    policy: AnyPolicyConfig = SmallPolicyConfig()
    search: AnySearchConfig = CMAESSearchConfig()
    opponents: tuple[str, ...] = ()
    """Addresses of fixed opponents, whom the side's candidates meet in equal shares instead of the other side's
    champions (one that is named twice is met twice as often). A side without any is then not trained."""
    init_from: str | None = None
    """Address of the champion at which the side's search begins, such as `RUN:hiders/last`: of the same network, while
    game, search and opponents may be others; what is observed in one of two games alone has weights of zero. Give the
    search a `sigma` that suits it."""
    fresh_output: bool = False
    """Where a search begins at a champion: with a new last layer, drawn as if it began at nothing."""
    trained_layers: Literal["all", "last"] = "all"
    """Which layers are searched: all, or the last one alone, the others staying as they began."""
    fitness: str = "return"
    """For diagnosis, what candidates are selected for instead of their return: one of the game's statistics, a stage
    (`diagnose stages`) or a skill; with a minus before it less is better."""
    rungs: tuple[RungConfig, ...] = ()
    """Skills that candidates are selected for beside their return, until that has grown; champions are chosen and
    measured by return alone."""
    demonstration: DemonstrationConfig = DemonstrationConfig()
    second_objective: str | None = None
    """A skill, as of `fitness`, that the genetic algorithm selects for beside the return without adding them up
    (`search.ga.selection = "pareto"`); champions are chosen and measured by return alone."""

    @field_validator("opponents", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        """Let a single address be typed as it is."""
        return (value,) if isinstance(value, str) else value

    @field_validator("rungs", mode="before")
    @classmethod
    def _tables(cls, value: Any) -> Any:
        """Refuse what is no list of tables with a list of tables."""
        if not isinstance(value, list | tuple):
            raise ValueError(f"got {value!r}, expected a list of tables as in TOML, such as {AN_EXAMPLE}")
        return value

    @model_validator(mode="after")
    def _check_second_objective(self) -> SideConfig:
        """Refuse a second objective without a search that knows of it."""
        if self.second_objective is not None and not self.has_two_objectives:
            raise ValueError(
                f"got second_objective {self.second_objective!r}, which only the genetic algorithm takes: leave it "
                "out, or set search.algorithm to 'ga' and search.ga.selection to 'pareto'"
            )
        return self

    @property
    def has_two_objectives(self) -> bool:
        """Whether its search selects by two."""
        return isinstance(self.search, GeneticSearchConfig) and self.search.ga.selection == "pareto"


KINDS = {"policy": POLICY_KINDS, "search": SEARCH_KINDS}
"""The tables of a side of which one kind is chosen."""


def is_of_one_kind(name: str) -> bool:
    """Whether a setting, by its dotted name with the side, is one that not all kinds of networks or searches have."""
    _, table, setting, *_ = [*name.split("."), "", ""]
    return table in KINDS and setting not in KINDS[table].shared
