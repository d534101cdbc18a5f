"""A batch of matches in which the candidates of both sides are compared, each side by one list of opponents.

These are genomes of the other side, as in coevolution, or fixed players of any kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.evaluation.fitness import Fitness, Skill, mean_return, team_fitness, team_return, wins
from evo_hns.evaluation.matches import concatenate, draw_training_seeds, same_list_for_all
from evo_hns.evaluation.rollout import Episodes, Keep, join
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import ObservationSpec, Side

PerSide = Mapping[Side, Tensor]

Skills = Mapping[Side, Skill]
"""What sides are selected for that are not selected for their return."""

Kinds = Mapping[Side, np.ndarray]
"""`(E,)` int64 per side, the kind of each world in which its candidates are compared (`coevolution.worlds`)."""

NO_KINDS: Kinds = MappingProxyType({})
"""All worlds are the game's own."""

FRESH = -1
"""No seed: a match in a fresh world."""

Starts = Mapping[Side, np.ndarray]
"""`(E,)` int64 per side, seeds of matches in which its candidates are compared, or `FRESH`."""

ALL_FRESH: Starts = MappingProxyType({})
"""All matches are in fresh worlds."""


@dataclass(frozen=True, eq=False)
class Opponents:
    """Whom all candidates of one side meet, one for each world."""

    genomes: Tensor  #: `(E, L)`
    rows: np.ndarray  #: `(E,)` int64, their rows among the opponents that the other side remembers; -1: none of them

    @classmethod
    def untracked(cls, genomes: Tensor) -> Opponents:
        """Players of whom no results are kept."""
        return cls(genomes, np.full(len(genomes), -1, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class EvaluationBatch:
    """Matches of both sides' candidates, played together."""

    fitness: PerSide  #: `(P,)` per side
    returns: PerSide  #: `(P, E)` per side, of each candidate's team in each of its matches; NaN: the match failed
    opponents: Mapping[Side, Opponents]  #: whom each side met
    episodes: Episodes
    rows: Mapping[Side, np.ndarray] = field(default_factory=dict)
    """`(P, E)` int64 per side that plays, the episodes in which each candidate is compared."""
    met: Mapping[Side, np.ndarray] = field(default_factory=dict)
    """`(E,)` int64 per side that plays, by any numbers, who was met in each pair of an opponent and a world."""
    scores: PerSide = field(default_factory=dict)
    """`(P, E)` per side that plays, what fitness is made of: its returns, or the skill that it is selected for."""

    @cached_property
    def wins(self) -> PerSide:
        """`(P, E)` per side, of each candidate over each opponent: 1, draw 1/2, 0; NaN: the match failed."""
        return {side: wins(returns) for side, returns in self.returns.items()}

    @property
    def num_matches(self) -> int:
        """Matches that were played."""
        return len(self.episodes.failed)

    @property
    def num_failed(self) -> int:
        """Matches that were discarded because the physics failed."""
        return int(self.episodes.failed.sum())

    def win_share(self, side: Side) -> float:
        """Share of their matches that a side's candidates won; NaN if none counts."""
        counted = self.wins[side][torch.isfinite(self.wins[side])]
        return float(counted.mean()) if len(counted) else float("nan")

    def mean_returns(self, side: Side) -> Tensor:
        """`(P,)` what the fitness of a side's candidates would be by their return alone."""
        return _means(self.returns[side], side)

    def mean_skill(self, side: Side, skill: Skill) -> Tensor:
        """`(P,)` what the fitness of a side's candidates would be by a skill, for which episodes were kept."""
        return _means(_skill_scores(self.episodes, self.rows[side], skill), side)

    def statistics(self, side: Side) -> dict[str, Tensor]:
        """The game's statistics of each candidate of a side in each of its episodes.

        Returns:
            Name -> `(P, E)` float64; NaN where the match failed, and where the side has nobody who plays.
        """
        if side not in self.rows:
            nothing = torch.full_like(self.returns[side], torch.nan)
            return dict.fromkeys(self.episodes.metrics, nothing)
        failed = self.episodes.failed
        found = {name: torch.where(failed, torch.nan, values) for name, values in self.episodes.metrics.items()}
        return {name: values[torch.from_numpy(self.rows[side])] for name, values in found.items()}


def evaluate_candidates(
    evaluator: Evaluator,
    candidates: PerSide,
    opponents: Mapping[Side, Opponents],
    rngs: Mapping[Side, np.random.Generator],
    fitness: Fitness = mean_return,
    skills: Skills | None = None,
    kinds: Kinds = NO_KINDS,
    starts: Starts = ALL_FRESH,
) -> EvaluationBatch:
    """Both sides at once: every candidate of a side meets the same opponents in the same fresh worlds.

    In a task of one team the other side has nobody to be compared: its fitness is 0.

    Args:
        evaluator: where matches run.
        candidates: `(P, L)` genomes per side.
        opponents: whom each side meets.
        rngs: decide the worlds in which each side is compared.
        fitness: what counts as good.
        skills: what is scored instead of the return.
        kinds: of the worlds.
        starts: seeds of some of the matches.
    """
    session, skills = evaluator.session, skills or {}
    sizes = {side: len(candidates[side]) for side in Side}
    tables = []
    for side in session.spec.teams:
        rows = sizes[side.other] + np.arange(len(opponents[side].genomes))
        seeds = _seeds(len(rows), rngs[side], kinds.get(side, 0), starts.get(side))
        tables.append(same_list_for_all(side, np.arange(sizes[side]), rows, seeds))
    table = concatenate(tables)
    rosters = {
        side: session.roster(side, torch.cat([candidates[side].to(torch.float32), opponents[side.other].genomes]))
        for side in Side
    }
    episodes = evaluator.evaluate(table, rosters, physics="search", keep=kept(skills))
    scored = {side: torch.zeros(sizes[side], dtype=torch.float64) for side in Side}
    returns = {side: torch.full((sizes[side], len(opponents[side].rows)), torch.nan).double() for side in Side}
    places: dict[Side, np.ndarray] = {}
    scores: dict[Side, Tensor] = {}
    met = {side: identities(opponents[side]) for side in session.spec.teams}
    for side in session.spec.teams:
        # candidate by candidate, as the table was made
        places[side] = np.flatnonzero(table.rows(side) < sizes[side]).reshape(sizes[side], -1)
        of_side = session.spec, side, places[side], met[side], fitness, skills.get(side)
        scored[side], returns[side], scores[side] = _compare(episodes, *of_side)
    return EvaluationBatch(scored, returns, opponents, episodes, places, met, scores)


def evaluate_against_fixed(
    evaluator: Evaluator,
    candidates: PerSide,
    opponents: Mapping[Side, Sequence[Roster]],
    met: Mapping[Side, np.ndarray],
    rngs: Mapping[Side, np.random.Generator],
    fitness: Fitness = mean_return,
    skills: Skills | None = None,
    kinds: Kinds = NO_KINDS,
    starts: Starts = ALL_FRESH,
) -> EvaluationBatch:
    """Each side by itself: every candidate meets the same fixed players in the same fresh worlds.

    Args:
        evaluator: where matches run.
        candidates: `(P, L)` genomes of each side that is compared.
        opponents: whom each of them can meet, a roster of one each.
        met: `(E,)` int64 per side, whom of these its candidates meet.
        rngs: decide the worlds in which each side is compared.
        fitness: what counts as good.
        skills: what is scored instead of the return.
        kinds: of the worlds.
        starts: seeds of some of the matches.
    """
    session, skills = evaluator.session, skills or {}
    parts: list[Episodes] = []
    places: dict[Side, np.ndarray] = {}
    for side, genomes in candidates.items():
        seeds = _seeds(len(met[side]), rngs[side], kinds.get(side, 0), starts.get(side))
        own = session.roster(side, genomes.to(torch.float32))
        places[side] = np.empty((len(genomes), len(seeds)), dtype=np.int64)
        for roster, members in _by_form(opponents[side]):
            columns = np.flatnonzero(np.isin(met[side], members))
            rows = np.searchsorted(members, met[side][columns])
            table = same_list_for_all(side, np.arange(len(genomes)), rows, seeds[columns])
            first = sum(len(part.failed) for part in parts)
            places[side][:, columns] = first + np.arange(len(table)).reshape(len(genomes), -1)
            if len(table):
                rosters = {side: own, side.other: roster}
                parts.append(evaluator.evaluate(table, rosters, physics="search", keep=kept(skills)))
    episodes = join(parts)
    scored, returns, scores = {}, {}, {}
    for side, rows in places.items():
        of_side = session.spec, side, rows, met[side], fitness, skills.get(side)
        scored[side], returns[side], scores[side] = _compare(episodes, *of_side)
    return EvaluationBatch(scored, returns, {}, episodes, places, met, scores)


def _seeds(num_worlds: int, rng: np.random.Generator, kinds: np.ndarray | int, starts: np.ndarray | None) -> np.ndarray:
    """`(num_worlds,)` seeds of worlds to learn in, but for those that are given."""
    drawn = draw_training_seeds(num_worlds, rng, kinds)
    return drawn if starts is None else np.where(starts == FRESH, drawn, starts)


def _compare(
    episodes: Episodes,
    spec: ObservationSpec,
    side: Side,
    places: np.ndarray,
    met: np.ndarray,
    fitness: Fitness,
    skill: Skill | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Fitness `(P,)`, returns `(P, E)`, and what the fitness is made of `(P, E)`, of one side's candidates.

    Args:
        episodes: all that were played.
        spec: sizes of the game.
        side: whose candidates.
        places: `(P, E)` their episodes.
        met: `(E,)` who was met in each, by any numbers.
        fitness: what counts as good.
        skill: what is scored; by default the team's return.
    """
    returns = team_return(episodes, spec, side)[torch.from_numpy(places)]
    scores = returns if skill is None else _skill_scores(episodes, places, skill)
    size, length = places.shape
    rows, opponents = np.repeat(np.arange(size), length), np.tile(met, size)
    return team_fitness(scores.flatten(), rows, side, size, opponents, fitness), returns, scores


def _skill_scores(episodes: Episodes, places: np.ndarray, skill: Skill) -> Tensor:
    """`(P, E)` what a skill is worth in the episodes at these `(P, E)` places; NaN: the match failed."""
    own = episodes.take(places.ravel())
    return torch.where(own.failed, torch.nan, skill.measure(own)).reshape(places.shape)


def _means(scores: Tensor, side: Side) -> Tensor:
    """`(P,)` mean of each candidate's `(P, E)` scores that count; without any, the worst of the others' means."""
    size, length = scores.shape
    return team_fitness(scores.flatten(), np.repeat(np.arange(size), length), side, size)


def kept(skills: Skills) -> tuple[Keep, ...]:
    """What skills need of episodes."""
    return tuple(dict.fromkeys(keep for skill in skills.values() for keep in skill.keep))


def _by_form(rosters: Sequence[Roster]) -> list[tuple[Roster, np.ndarray]]:
    """Players of one form together, and their numbers: they share a table."""
    members: dict[PlayerSpec, list[int]] = {}
    for number, roster in enumerate(rosters):
        members.setdefault(roster.spec, []).append(number)
    return [
        (Roster(spec, torch.cat([rosters[number].genomes for number in numbers])), np.array(numbers))
        for spec, numbers in members.items()
    ]


def identities(opponents: Opponents) -> np.ndarray:
    """`(E,)` numbers that tell opponents apart: a remembered one is the same in all its worlds."""
    untracked = -2 - np.arange(len(opponents.rows))
    return np.where(opponents.rows < 0, untracked, opponents.rows)
