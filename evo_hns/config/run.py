"""Settings of a whole run, and how tables of settings are laid over each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from evo_hns.config.base import Settings
from evo_hns.config.physics import PhysicsConfig
from evo_hns.config.ppo import PPOConfig
from evo_hns.config.rules import RulesConfig
from evo_hns.config.search import KINDS, TABLES, EntityPolicyConfig, SideConfig, SmallPolicyConfig
from evo_hns.config.world import VARIED, WorldConfig
from evo_hns.spec import Side


class WorldKind(Settings):
    """A kind of worlds in which candidates are compared: the game's own, but for where things start."""

    name: str = Field("own", pattern=r"^[a-z][a-z0-9-]*$")
    """By which it is reported."""
    weight: float = Field(1.0, gt=0.0)
    """How often it is drawn, in relation to the others."""
    target: float = 0.0
    """On a ladder, the mean score of a side's candidates at which it meets the next kind, too."""
    world: dict[str, Any] = Field(default_factory=dict)
    """Settings of `world` that are others here."""


class CoevolutionConfig(Settings):
    """Who meets whom, and what is remembered."""

    generations: int = Field(40, ge=1)
    """Generations to run."""
    episodes_per_candidate: int = Field(8, ge=1)
    """Matches of each candidate in a generation; all candidates play the same list."""
    target_reliability: float | None = Field(None, gt=0.0, lt=1.0)
    """Adapt each side's matches, beginning with `episodes_per_candidate`, so that its fitness would agree with that of
    as many other opponents and worlds by this correlation. None: as many in every generation."""
    max_episodes_per_candidate: int = Field(32, ge=2)
    """Most matches of each candidate, where they adapt."""
    worlds: tuple[WorldKind, ...] = ()
    """Kinds of worlds in which candidates are compared; none: the game's own alone. Champions are chosen and measured
    in the game's own."""
    world_shares: Literal["fixed", "learnability", "ladder"] = "fixed"
    """How often each kind is drawn: by its weight; by its weight times how far it tells candidates apart; or one after
    the other as they stand, each once the one before it is mastered."""
    world_floor: float = Field(0.1, ge=0.0, le=1.0)
    """Least share of each kind that is met, where shares are not fixed."""
    champion_share: float = Field(0.25, ge=0.0, le=1.0)
    """Share of those matches against the other side's current champion; the rest meets its hall of fame."""
    opponent_sampler: Literal["uniform", "latest", "delta-uniform", "pfsp-hard", "pfsp-even", "diverse", "nash"] = (
        "uniform"
    )
    """How opponents are drawn from the hall of fame: `pfsp-hard` those that today's candidates beat least, `pfsp-even`
    those that they beat as often as not, `diverse` those that beat different players, `nash` those of an equilibrium
    of all of them against the recent champions."""
    delta: float = Field(0.5, ge=0.0, lt=1.0)
    """`delta-uniform` draws from the newest opponents: of v, those from delta * v on."""
    pfsp_power: float = Field(2.0, gt=0.0)
    """`pfsp-hard` weighs an opponent that is beaten with chance x by (1 - x) to this power."""
    hall_size: int | None = Field(None, ge=2)
    """Most past champions of a side that are drawn as opponents; all are kept in the run file. None: no limit."""
    hall_rule: Literal["oldest", "informative", "spread", "nash"] = "oldest"
    """Which opponents are dropped when there are more: the oldest; those that discriminate least between recent
    champions of the other side; those that beat the same ones as another; those with the least Nash weight."""
    fitness: Literal["mean-return", "wins", "shared-wins"] = "mean-return"
    """What a candidate is selected for: its mean return, its share of wins (a return above 0; 0 is half a win), or
    its wins with each opponent's defeat shared among all candidates that beat it."""
    virulence: float | Literal["auto"] = 1.0
    """The share of the best candidate's wins that is fittest, 0.5 to 1 (1: more is better); `auto` lowers it for a
    side that wins more than half of its matches."""
    generalist: bool = False
    """Reject an update of the search whose new centre does no better than the old one against opponents from the whole
    hall of fame that its fitness did not use."""
    exploiter_every: int = Field(0, ge=0)
    """Restart each side's exploiter, a further search against the other side's current champion alone, every so many
    generations; its best becomes an opponent. 0: there is none."""
    num_finalists: int = Field(1, ge=1)
    """Best candidates that compete with the search's centre, on fresh worlds, to become champion."""
    finalist_episodes: int = Field(24, ge=1)
    """Matches of each finalist."""
    held_out_every: int = Field(0, ge=0)
    """Measure the champions against the held-out players every so many generations; 0: only first and last."""
    held_out_episodes: int = Field(256, ge=0)
    """Fresh worlds of each held-out measurement, at least two; 0: nothing is measured."""
    held_out_runs: tuple[str, ...] = ()
    """Run files whose last champions of both sides are held-out players too; a run keeps copies of them."""
    progress_every: int = Field(4, ge=1)
    """Measure local and historical progress of the champions every so many generations, and in the last."""
    progress_episodes: int = Field(16, ge=0)
    """Fresh worlds of each such measurement; 0: none."""
    recorded_matches: int = Field(1, ge=0)
    """Fresh worlds in which the champions of a measured generation meet and are recorded; 0: none."""

    @field_validator("held_out_runs", mode="before")
    @classmethod
    def _one_run_or_more(cls, value: Any) -> Any:
        """Let a single run file be typed as it is."""
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_held_out_episodes(self) -> CoevolutionConfig:
        """Refuse a measurement without an interval."""
        if self.held_out_episodes == 1:
            raise ValueError("got 1 held-out episode, an interval needs at least 2: choose more, or 0 for none")
        return self

    @model_validator(mode="after")
    def _check_matches(self) -> CoevolutionConfig:
        """Refuse to begin with more matches than there may ever be."""
        if self.target_reliability is not None and self.episodes_per_candidate > self.max_episodes_per_candidate:
            raise ValueError(
                f"got {self.episodes_per_candidate} episodes_per_candidate to begin with, and at most "
                f"{self.max_episodes_per_candidate}: raise max_episodes_per_candidate"
            )
        return self

    @property
    def most_matches(self) -> int:
        """The most that a candidate plays in any generation."""
        return self.episodes_per_candidate if self.target_reliability is None else self.max_episodes_per_candidate

    @model_validator(mode="after")
    def _check_worlds(self) -> CoevolutionConfig:
        """Refuse kinds of worlds that cannot be told apart, and shares that add up to more than all."""
        names = [kind.name for kind in self.worlds]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"got two kinds of coevolution.worlds with the name {twice[0]!r}: give each its own")
        if self.world_shares != "fixed" and len(names) < 2:
            raise ValueError(
                f"got coevolution.world_shares {self.world_shares!r} and {len(names)} kinds of coevolution.worlds, "
                "expected two or more"
            )
        if self.world_shares != "fixed" and self.world_floor * len(names) > 1.0:
            raise ValueError(
                f"got coevolution.world_floor {self.world_floor:g} for each of {len(names)} kinds of worlds, expected "
                f"at most {1 / len(names):g}"
            )
        return self

    @model_validator(mode="after")
    def _check_virulence(self) -> CoevolutionConfig:
        """Refuse a virulence that means nothing."""
        value = 0.5 if self.virulence == "auto" else self.virulence
        if not 0.5 <= value <= 1.0:
            raise ValueError(f"got virulence {value:g}, expected 0.5 to 1, or 'auto'")
        if value < 1.0 and self.fitness == "mean-return":
            raise ValueError(
                f"got virulence {self.virulence} of mean returns, which have no zero to be measured from: "
                "set coevolution.fitness to 'wins' or 'shared-wins'"
            )
        return self


LEAST_RAYS = 4
"""Rays of a lidar that shows openings and doors."""


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
    trainer: Literal["evolution", "ppo"] = "evolution"
    """Who trains; a table `[ppo]` alone means `ppo`."""
    ppo: PPOConfig | None = None
    """Of PPO, where it trains; of `coevolution` it takes generations, and what is measured and recorded."""

    @model_validator(mode="before")
    @classmethod
    def _spread_shared_tables(cls, data: Any) -> Any:
        """Let `[policy]` and `[search]` fill both sides, under what a side says itself."""
        return spread(data) if isinstance(data, dict) else data

    @model_validator(mode="before")
    @classmethod
    def _complete_trainer(cls, data: Any) -> Any:
        """Let the trainer and its table imply each other."""
        if not isinstance(data, dict):
            return data
        if data.get("ppo") is not None:
            return {"trainer": "ppo", **data}
        return {**data, "ppo": {}} if data.get("trainer") == "ppo" else data

    @model_validator(mode="after")
    def _check_diagnosis(self) -> RunConfig:
        """Refuse fixed opponents and skills beside what needs a hall of fame or the return."""
        settings = self.coevolution
        skilled = [side.label for side in Side if self.side(side).fitness != "return"]
        laddered = [side.label for side in Side if self.side(side).rungs]
        torn = [side.label for side in Side if self.side(side).second_objective is not None]
        if self.trainer == "ppo" and (self.has_fixed_opponents or skilled or laddered or torn):
            raise ValueError(
                "got opponents, fitness, rungs or second_objective of a side, PPO learns by self-play from returns: "
                "leave them out"
            )
        if self.has_fixed_opponents and (settings.generalist or settings.exploiter_every):
            raise ValueError(
                "got fixed opponents of a side, and generalist or exploiter_every of coevolution, which need the other "
                "side's champions: leave one out"
            )
        if both := [label for label in laddered if label in skilled]:
            raise ValueError(f"got {both[0]}.fitness and {both[0]}.rungs, which lead to the return: leave one out")
        given = [*(f"{label}.fitness" for label in skilled), *(f"{label}.rungs" for label in laddered)]
        if given and settings.fitness != "mean-return":
            raise ValueError(
                f"got {given[0]} and coevolution.fitness {settings.fitness!r}, which counts matches that are "
                "won: leave one out"
            )
        if laddered and settings.generalist:
            raise ValueError(
                f"got {laddered[0]}.rungs and coevolution.generalist, which would take back what gains a skill and no "
                "return: leave one out"
            )
        trained = [s.label for s in self.trained_sides if s is Side.HIDERS or self.world.max_seekers]
        if single := [s.label for s in Side if s.label in set(trained) - set(torn) and self.side(s).has_two_objectives]:
            raise ValueError(
                f"got {single[0]}.search.ga.selection 'pareto' and no {single[0]}.second_objective: set it to a skill, "
                "or choose another selection"
            )
        if torn and settings.exploiter_every:
            raise ValueError(
                f"got {torn[0]}.second_objective and coevolution.exploiter_every, whose searches learn from returns "
                "alone: leave one out"
            )
        given += [f"{label}.second_objective" for label in torn]
        if idle := [name for name in given if name.partition(".")[0] not in trained]:
            raise ValueError(f"got {idle[0]} of a side that is not trained: leave it out")
        return self

    @model_validator(mode="after")
    def _check_worlds(self) -> RunConfig:
        """Refuse kinds of worlds in which there is something else, and those of which no use is made."""
        if self.coevolution.worlds and self.trainer == "ppo":
            raise ValueError("got coevolution.worlds, PPO learns in the game's own worlds: leave them out")
        for kind in self.coevolution.worlds:
            if unknown := sorted(kind.world.keys() - VARIED):
                raise ValueError(
                    f"got world.{unknown[0]} of the worlds {kind.name!r}, expected settings of where things start: "
                    f"{', '.join(sorted(VARIED))}"
                )
            try:
                self._world_of(kind)
            except ValidationError as error:
                problem = error.errors()[0]
                raise ValueError(
                    f"got a wrong {'.'.join(map(str, ('world', *problem['loc'])))} of the worlds {kind.name!r}: "
                    f"{problem['msg']}"
                ) from None
        return self

    @model_validator(mode="after")
    def _check_beginnings(self) -> RunConfig:
        """Refuse what only makes sense of a search that begins at a champion."""
        for side in Side:
            own = self.side(side)
            given = [name for name in ("fresh_output", "trained_layers") if getattr(own, name) not in (False, "all")]
            if given and own.init_from is None:
                raise ValueError(f"got {side.label}.{given[0]} without {side.label}.init_from: say where it begins")
        return self

    @model_validator(mode="after")
    def _check_demonstrations(self) -> RunConfig:
        """Refuse demonstrations that nobody could take over from, or that nobody sees."""
        for side in Side:
            shown = self.side(side).demonstration
            if shown.player is None:
                continue
            name = f"{side.label}.demonstration"
            if side not in self.trained_sides or self.trainer == "ppo":
                raise ValueError(f"got {name} of a side that does not evolve: leave it out")
            if self.coevolution.worlds:
                raise ValueError(f"got {name} and coevolution.worlds, two ways to begin nearer: leave one out")
            if shown.env_steps >= self.rules.horizon:
                raise ValueError(
                    f"got {name}.env_steps {shown.env_steps}, expected fewer than the {self.rules.horizon} of a match"
                )
        return self

    @model_validator(mode="after")
    def _check_senses(self) -> RunConfig:
        """Refuse what networks would observe of things that the game lacks: it would silently be nothing."""
        world, rays = self.world, self.rules.num_lidar_rays
        for side, opponents in ((Side.HIDERS, world.max_seekers), (Side.SEEKERS, world.max_hiders)):
            policy, there = self.side(side).policy, {"box": world.max_boxes, "ramp": world.max_ramps}
            if not isinstance(policy, SmallPolicyConfig) or (side is Side.SEEKERS and not world.max_seekers):
                continue
            lidar = [name for name in ("openings", "doors") if getattr(policy, name)]
            if lidar and rays < LEAST_RAYS:
                raise ValueError(
                    f"got {side.label}.policy.{lidar[0]} and {rays} rays of lidar, in which {lidar[0]} are found from "
                    f"{LEAST_RAYS} on: leave it out, or raise rules.num_lidar_rays"
                )
            if policy.doors and self.rules.lidar_compression is not None:
                raise ValueError(
                    f"got {side.label}.policy.doors and rules.lidar_compression, which bends the walls that doors are "
                    "found in: leave one out"
                )
            if not ({"opponent": opponents} | there).get(policy.frame, 1):
                raise ValueError(
                    f"got {side.label}.policy.frame {policy.frame!r} in a game without any: choose another one"
                )
        return self

    @model_validator(mode="after")
    def _check_ppo(self) -> RunConfig:
        """Refuse players that PPO cannot train."""
        if self.ppo is None:
            return self
        if self.trainer != "ppo":
            raise ValueError(f"got settings of PPO ([ppo]), and trainer {self.trainer!r}: leave them out, or set 'ppo'")
        hiders, seekers = self.hiders.policy, self.seekers.policy
        if hiders != seekers:
            raise ValueError(
                "hiders.policy and seekers.policy differ, PPO trains one network for both: set policy alone"
            )
        if not isinstance(hiders, EntityPolicyConfig):
            raise ValueError(
                f"got policy.network {hiders.network!r} and trainer 'ppo' (or settings of it), PPO trains the paper's "
                "network: set policy.network to 'entity', or leave PPO out"
            )
        if hiders.genome_per_member:
            raise ValueError("got policy.genome_per_member, PPO trains one network for all: leave it out")
        if self.rules.grab_selective:
            raise ValueError("got rules.grab_selective, the paper's network cannot choose what it grabs: leave it out")
        return self

    @classmethod
    def of_stored(cls, text: str) -> RunConfig:
        """Settings as a run file keeps them; older ones also kept those of networks and searches that were not chosen.

        Args:
            text: JSON.

        Raises:
            ValidationError: they are no settings.
        """
        tables = TABLES.validate_json(text)
        for side in Side:
            if isinstance(own := tables.get(side.label), dict):
                chosen = {name: kinds.without_unused(own[name]) for name, kinds in KINDS.items() if name in own}
                tables = {**tables, side.label: {**own, **chosen}}
        return cls.model_validate(tables)

    def side(self, side: Side) -> SideConfig:
        """The settings of one population."""
        return self.hiders if side is Side.HIDERS else self.seekers

    def _world_of(self, kind: WorldKind) -> WorldConfig:
        return WorldConfig.model_validate(self.world.model_dump() | kind.world)

    @property
    def kinds_of_worlds(self) -> tuple[WorldConfig, ...]:
        """The game's own worlds, and after them each kind in which candidates are compared."""
        return self.world, *map(self._world_of, self.coevolution.worlds)

    @property
    def has_fixed_opponents(self) -> bool:
        """Whether sides are trained against fixed opponents instead of each other."""
        return any(self.side(side).opponents for side in Side)

    @property
    def trained_sides(self) -> tuple[Side, ...]:
        """Both, unless there are fixed opponents: then those that have some."""
        return tuple(side for side in Side if self.side(side).opponents or not self.has_fixed_opponents)

    @property
    def game(self) -> tuple[object, ...]:
        """The settings in which two runs must agree for their players to meet."""
        return self.world, self.rules, self.physics.timestep, self.physics.num_substeps

    def game_differences(self, other: RunConfig) -> dict[str, tuple[Any, Any]]:
        """Settings of the game that differ; see `differences`."""
        timing = ("physics.timestep", "physics.num_substeps")
        found = self.differences(other).items()
        return {name: both for name, both in found if name in timing or name.startswith(("world.", "rules."))}

    def differences(self, other: RunConfig) -> dict[str, tuple[Any, Any]]:
        """Settings that differ by dotted name: the value here, and the other's.

        Of networks or searches of two kinds, what only one of them has is no difference beside that of their kinds.
        """
        return dict(_differences(self.model_dump(mode="json"), other.model_dump(mode="json"), ""))

    @property
    def changes(self) -> dict[str, Any]:
        """Settings that are not the defaults by dotted name: a kind that was chosen, and what is not usual for it."""
        usual = {
            side.label: {name: {kinds.tag: getattr(getattr(own, name), kinds.tag)} for name, kinds in KINDS.items()}
            for side in Side
            for own in [self.side(side)]
        }
        found = self.differences(RunConfig()) | self.differences(RunConfig.model_validate(usual))
        return {name: value for name, (value, _) in found.items()}


def _differences(values: dict[str, Any], others: dict[str, Any], prefix: str) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name, value in values.items():
        if name not in others:
            continue
        other = others[name]
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
