"""Every setting of the project, as nested frozen models.

Owns names, defaults, ranges and one-line meanings; the defaults are OpenAI's quadrant example to
the number. An experiment file (TOML) holds only what differs; unknown keys are refused. The
resolved `RunConfig` is stored in the run file, and a run can be started again from it.
The tables `[policy]` and `[search]` of a file fill both sides; `[hiders.search]` and the like refine one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from evo_hns.spec import Side


class ConfigError(ValueError):
    """A setting is wrong; the message is one line for the user: got, expected, remedy."""


class Settings(BaseModel):
    """Base of all settings: immutable, nothing unknown, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


def lowest(count: float | tuple[float, float]) -> int:
    """The least that a count, which may be a range, can be."""
    return int(count[0] if isinstance(count, tuple) else count)


def highest(count: float | tuple[float, float]) -> int:
    """The most that a count, which may be a range, can be."""
    return int(count[1] if isinstance(count, tuple) else count)


def _check_range(kind: type, lowest: float, highest: float) -> BeforeValidator:
    """A number of a kind within bounds, or two of them in rising order: the ends of a range."""
    noun = "whole number" if kind is int else "number"

    def check(value: Any) -> Any:
        ends = list(value) if isinstance(value, list | tuple) else [value]
        numbers = all(isinstance(end, int | kind) and not isinstance(end, bool) for end in ends)
        if not (numbers and 1 <= len(ends) <= 2 and all(lowest <= end <= highest for end in ends)):
            raise ValueError(f"got {value!r}, expected a {noun} from {lowest:g} to {highest:g}, or a range [low, high]")
        if ends != sorted(ends):
            raise ValueError(f"got the range {value!r}, expected [low, high] with low <= high")
        low, high = kind(ends[0]), kind(ends[-1])
        return low if low == high else (low, high)

    return BeforeValidator(check)


class WorldConfig(Settings):
    """What exists and where it starts (Baker et al. 2020). Counts may be ranges, drawn anew for each world."""

    scenario: Literal["quadrant", "randomwalls"] = "quadrant"
    """Wall layout: `quadrant` is one room in the corner, `randomwalls` up to `num_rooms` rooms anywhere."""
    num_hiders: Annotated[int | tuple[int, int], _check_range(int, 1, 8)] = 2
    """Hiders in each world."""
    num_seekers: Annotated[int | tuple[int, int], _check_range(int, 0, 8)] = 2
    """Seekers in each world; none where a task has a single team."""
    num_boxes: Annotated[int | tuple[int, int], _check_range(int, 0, 20)] = 2
    """Boxes in each world; in the quadrant they start in the room."""
    num_elongated_boxes: Annotated[int | tuple[int, int], _check_range(int, 0, 20)] = 0
    """How many of the boxes are elongated (3.3 times as long, 0.3 times as wide)."""
    num_ramps: Annotated[int | tuple[int, int], _check_range(int, 0, 8)] = 1
    """Ramps in each world; they start anywhere."""
    floor_size: Annotated[float | tuple[float, float], _check_range(float, 2.0, 30.0)] = 6.0
    """Edge of the square field, metres."""
    grid_size: int = Field(30, ge=12, le=120)
    """Placement cells along the edge of the field."""
    box_size: float = Field(0.5, gt=0.0, le=2.0)
    """Edge of a cube, metres."""
    free_box_rotation: bool = False
    """Boxes can tip over; otherwise they turn about the vertical only."""
    door_size: int = Field(2, ge=0)
    """Width of a door in cells (the gap is one and a half cells wider); 0 closes the rooms."""
    door_dropout: float = Field(0.5, ge=0.0, le=1.0)
    """Probability that only one of the quadrant room's two walls has a door."""
    num_rooms: int = Field(4, ge=1, le=12)
    """Rooms into which random walls divide the field."""
    random_room_number: bool = True
    """Draw the number of rooms from 1 to `num_rooms`."""
    outer_walls_probability: float = Field(1.0, ge=0.0, le=1.0)
    """Probability that a world with random walls keeps its outer walls; the field is open without them."""
    low_outer_walls: bool = False
    """Outer walls are as low as inner ones (0.5 m instead of 4 m)."""
    hider_placement: Literal["uniform", "quadrant"] = "uniform"
    """Where hiders start in the quadrant scenario: anywhere, or in the room."""
    hiders_together_radius: float | None = Field(None, gt=0.0)
    """Random walls: all hiders start within this distance of the first, metres."""
    seekers_together_radius: float | None = Field(None, gt=0.0)
    """Random walls: all seekers start within this distance of the first, metres."""
    num_food: int = Field(0, ge=0, le=16)
    """Food items in each world; a game with food has the rules of `rules.food`."""
    food_size: float = Field(0.1, gt=0.0, le=1.0)
    """Edge of a food item's place, metres; nothing collides with it."""
    food_in_the_middle: bool = False
    """Random walls: food starts in the middle quarter of the field; otherwise anywhere (quadrant: in the room)."""
    food_together_radius: float | None = Field(None, gt=0.0)
    """Items of a cluster start within this distance of its first, metres."""
    num_food_clusters: int = Field(1, ge=1)
    """Clusters that the food forms if there is a `food_together_radius`."""
    box_floor_friction: float = Field(0.2, gt=0.0)
    """Sliding friction of floor and boxes."""
    other_friction: float = Field(0.01, gt=0.0)
    """Sliding friction of agents, ramps and the quadrant's walls (random walls have 1)."""
    gravity: float = Field(-50.0, lt=0.0)
    """Vertical acceleration, m/s^2."""

    @property
    def max_hiders(self) -> int:
        """Places for hiders."""
        return highest(self.num_hiders)

    @property
    def max_seekers(self) -> int:
        """Places for seekers."""
        return highest(self.num_seekers)

    @property
    def max_agents(self) -> int:
        """Places for agents, hiders first."""
        return self.max_hiders + self.max_seekers

    @property
    def max_boxes(self) -> int:
        """Places for boxes."""
        return highest(self.num_boxes)

    @property
    def max_ramps(self) -> int:
        """Places for ramps."""
        return highest(self.num_ramps)

    @property
    def has_elongated_boxes(self) -> bool:
        """Some worlds may have elongated boxes."""
        return highest(self.num_elongated_boxes) > 0

    @property
    def has_ranges(self) -> bool:
        """Worlds differ in how many agents, boxes or ramps they have."""
        counts = (self.num_hiders, self.num_seekers, self.num_boxes, self.num_ramps)
        return any(isinstance(count, tuple) for count in counts)

    @model_validator(mode="after")
    def _check_counts(self) -> WorldConfig:
        """Refuse more elongated boxes than boxes, and clusters that the food cannot form."""
        if lowest(self.num_elongated_boxes) > lowest(self.num_boxes):
            raise ValueError(
                f"got at least {lowest(self.num_elongated_boxes)} elongated boxes of at least "
                f"{lowest(self.num_boxes)} boxes: raise num_boxes or lower num_elongated_boxes"
            )
        if self.food_together_radius is not None and self.num_food % self.num_food_clusters:
            raise ValueError(
                f"got {self.num_food} food items in {self.num_food_clusters} clusters, expected clusters of equal size"
            )
        return self


class PhysicsConfig(Settings):
    """How time passes. Only `timestep` and `num_substeps` change what happens."""

    timestep: float = Field(0.005, gt=0.0, le=0.02)
    """Length of a physics substep, seconds (the game's own: 0.005)."""
    num_substeps: int = Field(15, ge=1, le=100)
    """Substeps per env step (the game's own: 15)."""
    sleep: bool = True
    """Let resting objects sleep: about twice as fast."""
    num_worlds: int = Field(256, ge=1, le=4096)
    """Worlds simulated side by side."""
    num_threads: int = Field(0, ge=0)
    """Games played side by side, each with its share of the worlds; 0 takes every core this process may use."""


class FoodConfig(Settings):
    """Eating: what it takes and what it gives. Only hiders eat."""

    radius: float | None = Field(None, gt=0.0)
    """Distance within which a hider eats what it sees, metres; none: from anywhere."""
    max_health: float = Field(1.0, gt=0.0)
    """Bites that an item gives before it is gone."""
    respawn_time: int | None = Field(None, ge=1)
    """Env steps after which an item that is gone is back; none: never."""
    reward_type: Literal["selfish", "joint_mean"] = "selfish"
    """`selfish` pays who eats, `joint_mean` everyone the mean of the team."""
    reward_scale: Annotated[float | tuple[float, float], _check_range(float, -100.0, 100.0)] = 1.0
    """Reward of a bite; a range is drawn from for each episode."""
    when_caught: bool = False
    """Hiders also eat while a seeker sees one of them."""
    in_preparation: bool = False
    """Hiders also eat during the preparation."""


class BoxLockingConfig(Settings):
    """The box-locking tasks: one agent that locks all boxes."""

    goal: Literal["all", "order", "all-return", "order-return"] = "all"
    """In any or in a given order; `return` also asks the agent back to where it started."""
    lock_reward: float = 5.0
    """For each box that gets locked."""
    unlock_penalty: float = 7.0
    """For each box that gets unlocked."""
    shaped_reward_scale: float = 0.25
    """For each metre nearer to the next box (or the start)."""
    success_reward: float = 1.0
    """For each env step in which the goal is reached."""
    return_threshold: float = Field(0.1, gt=0.0)
    """Distance from the start at which the agent has returned, metres."""


class RulesConfig(Settings):
    """The rules of a task: hide-and-seek (Baker et al. 2020) or one of its relatives."""

    task: Literal["hide-and-seek", "box-locking"] = "hide-and-seek"
    """What is rewarded."""
    horizon: int = Field(80, ge=1)
    """Env steps of an episode."""
    prep_fraction: float = Field(0.4, ge=0.0, lt=1.0)
    """Share of the episode in which seekers are frozen and nothing is rewarded."""
    restrict_rect: tuple[float, float, float, float] | None = (0.1, 0.1, 5.9, 5.9)
    """x0, y0, x1, y1: whoever is outside gets -10 instead of the reward."""
    penalize_objects_out: bool = True
    """Everyone gets -10 while a box or ramp is outside `restrict_rect`."""
    lock_box: bool = True
    """Agents can lock boxes."""
    lock_ramp: bool = False
    """Agents can lock ramps."""
    grab_box: bool = True
    """Agents can grab boxes."""
    grab_ramp: bool = True
    """Agents can grab ramps."""
    lock_type: Literal["any_lock", "all_lock", "any_lock_specific", "all_lock_team_specific"] = "all_lock_team_specific"
    """Whose refusal unlocks: anybody's unless someone asks, anybody's, the owner's, or that of the owner's team."""
    lock_out_of_vision: bool = False
    """Agents can lock what they do not see."""
    grab_out_of_vision: bool = False
    """Agents can grab what they do not see."""
    grab_exclusive: bool = False
    """An object can be held by one agent only, the nearest."""
    grab_selective: bool = False
    """Agents say which object to grab; otherwise it is the nearest."""
    grab_distance: float | None = Field(None, ge=0.0)
    """Distance at which what is grabbed is held, metres; none: where it was grabbed."""
    lock_grab_radius: float = Field(0.25, gt=0.0)
    """Reach from an agent's centre to an object's surface, metres."""
    reward_type: Literal["selfish", "joint_mean", "joint_zero_sum"] = "joint_zero_sum"
    """Each for itself, the mean of the team, or one seen hider counts for the whole team."""
    reward_scale: float = 1.0
    """Factor on the reward for hiding and seeking."""
    num_lidar_rays: int = Field(30, ge=0, le=360)
    """Rays of each agent's lidar."""
    lidar_compression: float | None = Field(None, gt=0.0)
    """Scale s at which lidar distances d saturate, s tanh(d / s), metres; none: told as they are."""
    tell_box_size: bool = False
    """Tell the size of boxes; always told where boxes may be elongated."""
    tell_box_index: bool = False
    """Tell the index of boxes."""
    polar_angles: bool = True
    """Tell angles of objects as cosine and sine."""
    action_limit: float = Field(0.9, gt=0.0, le=1.0)
    """Control at the outermost movement bin."""
    food: FoodConfig = FoodConfig()
    box_locking: BoxLockingConfig = BoxLockingConfig()


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
    held_out_episodes: int = Field(256, ge=2)
    """Fresh worlds of each held-out measurement."""
    recorded_matches: int = Field(1, ge=0)
    """Fresh worlds in which the champions of a measured generation meet and are recorded; 0: none."""


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


__all__ = [
    "BoxLockingConfig",
    "CMAESConfig",
    "CoevolutionConfig",
    "ConfigError",
    "FoodConfig",
    "GeneticConfig",
    "PGPEConfig",
    "PhysicsConfig",
    "PolicyConfig",
    "RulesConfig",
    "RunConfig",
    "SearchConfig",
    "Settings",
    "SideConfig",
    "WorldConfig",
    "highest",
    "lowest",
    "merge",
    "spread",
]
