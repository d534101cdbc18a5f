"""All questions asked of one tournament, each answered or not answerable for a reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from typing import TypeVar

import numpy as np

from evo_hns.spec import Side
from evo_hns.tournament.equilibria.alpha_rank import AlphaRank, alpha_rank
from evo_hns.tournament.equilibria.layers import Layers, layers
from evo_hns.tournament.equilibria.nash import Nash, nash
from evo_hns.tournament.measures.ciao import Ciao, ciao
from evo_hns.tournament.measures.forgetting import Forgetting, forgetting
from evo_hns.tournament.measures.history import Dominance, History, dominance, history
from evo_hns.tournament.measures.interaction import Interaction, Reversals, interaction, reversals
from evo_hns.tournament.measures.paired import Paired, paired
from evo_hns.tournament.measures.ratings import Ratings, logistic_ratings, ratings
from evo_hns.tournament.measures.score_table import (
    Generations,
    ScoreTable,
    UnanswerableError,
    side_table,
    zero_sum_table,
)
from evo_hns.tournament.payoff import Payoff

_MOST_REPLAYED = 2500
"""Pairs above which alpha-rank is not replayed: each replay is a stationary distribution over all of them."""

T = TypeVar("T")


@dataclass(frozen=True)
class Unanswered:
    """A question that this table cannot answer."""

    reason: str


@dataclass(frozen=True)
class SideSummary:
    """What was asked of one side."""

    champions: int  #: players that have a generation
    mean: float | None  #: mean return over all pairings; None: none was played
    forgetting: Forgetting | Unanswered
    history: History | Unanswered
    dominance: Dominance | Unanswered
    ciao: Ciao | Unanswered
    reversals: Reversals | Unanswered


@dataclass(frozen=True)
class Summary:
    """All answers."""

    hiders: int
    seekers: int
    pairings: int  #: cells that were played
    episodes: int  #: all of them together
    par: float  #: the return that counts as a draw
    bounds: tuple[float, float] | None  #: the least and the most return of the hiders in a match, if known
    zero_sum: bool  #: what one side wins the other loses, in every pairing; if not, the measures below take that part
    sides: Mapping[Side, SideSummary]
    interaction: Interaction | Unanswered
    paired: Paired | Unanswered
    layers: Layers | Unanswered
    ratings: Ratings | Unanswered
    elo: Ratings | Unanswered
    nash: Nash | Unanswered
    alpha_rank: AlphaRank | Unanswered

    def as_dict(self) -> dict[str, object]:
        """For JSON: keys are field names and names of sides and players; what is not finite is None."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def summarise(
    payoff: Payoff,
    hider_generations: Generations,
    seeker_generations: Generations,
    seed: int = 0,
    *,
    par: float = 0.0,
    bounds: tuple[float, float] | None = None,
) -> Summary:
    """Ask everything of a tournament.

    Args:
        payoff: H hiders against S seekers; pairings that were not played are NaN with a count of 0.
        hider_generations: `(H,)` of the hiders; None or negative: has none (a scripted player), and is left out of
            what asks for time.
        seeker_generations: `(S,)` of the seekers.
        seed: of all random numbers; the same table and seed give the same answers.
        par: mean return above which a champion counts as having beaten an opponent, for either side.
        bounds: the least and the most that a match can pay the hiders; without them there are no Elo ratings.

    Raises:
        ValueError: generations that do not fit the payoff, or returns beyond the bounds.
    """
    played = _Tournament(payoff, hider_generations, seeker_generations, seed)
    replays = 40 if payoff.count.size <= _MOST_REPLAYED else 0
    return Summary(
        hiders=len(payoff.hiders),
        seekers=len(payoff.seekers),
        pairings=int((payoff.count > 0).sum()),
        episodes=int(payoff.count.sum()),
        par=par,
        bounds=bounds,
        zero_sum=_is_zero_sum(payoff),
        sides={side: _side(played, side, par) for side in Side},
        interaction=_answer(lambda: interaction(played.zero_sum(), played.rng("interaction"))),
        paired=_answer(lambda: paired(played.zero_sum(), played.rng("paired"))),
        layers=_answer(lambda: layers(played.zero_sum(), played.rng("layers"))),
        ratings=_answer(lambda: ratings(played.zero_sum())),
        elo=_answer(lambda: _elo(played, bounds)),
        nash=_answer(lambda: nash(played.zero_sum(), played.rng("nash"))),
        alpha_rank=_answer(
            lambda: alpha_rank(
                played.of(Side.HIDERS), played.of(Side.SEEKERS), played.rng("alpha-rank"), replicates=replays
            )
        ),
    )


@dataclass(frozen=True, eq=False)
class _Tournament:
    payoff: Payoff
    hiders: Generations
    seekers: Generations
    seed: int

    def of(self, side: Side) -> ScoreTable:
        return side_table(self.payoff, side, self.hiders, self.seekers)

    def zero_sum(self) -> ScoreTable:
        return zero_sum_table(self.payoff, self.hiders, self.seekers)

    def rng(self, question: str) -> np.random.Generator:
        """One for each question, so that what one draws changes no other."""
        return np.random.default_rng([self.seed, *question.encode()])


def _side(played: _Tournament, side: Side, par: float) -> SideSummary:
    own = played.hiders if side is Side.HIDERS else played.seekers
    returns = played.payoff.mean[side][played.payoff.count > 0]
    return SideSummary(
        champions=sum(generation is not None and generation >= 0 for generation in own),
        mean=float(returns.mean()) if returns.size else None,
        forgetting=_answer(lambda: forgetting(played.of(side), played.rng(f"forgetting {side.label}"), par=par)),
        history=_answer(lambda: history(played.of(side))),
        dominance=_answer(lambda: dominance(played.of(side), par=par)),
        ciao=_answer(lambda: ciao(played.of(side), played.rng(f"ciao {side.label}"))),
        reversals=_answer(lambda: reversals(played.of(side), played.rng(f"reversals {side.label}"))),
    )


def _elo(played: _Tournament, bounds: tuple[float, float] | None) -> Ratings:
    if bounds is None:
        raise UnanswerableError("needs the least and the most that a match can pay")
    return logistic_ratings(played.zero_sum(), *bounds)


def _answer(ask: Callable[[], T]) -> T | Unanswered:
    try:
        return ask()
    except UnanswerableError as error:
        return Unanswered(str(error))


def _is_zero_sum(payoff: Payoff) -> bool:
    played = payoff.count > 0
    total = (payoff.mean[Side.HIDERS] + payoff.mean[Side.SEEKERS])[played]
    size = np.abs(payoff.mean[Side.HIDERS][played])
    return bool(np.abs(total).max(initial=0.0) <= 1e-9 * max(float(size.max(initial=0.0)), 1.0))


def _plain(value: object) -> object:
    """Dataclasses as dicts, sides by label, tuples as lists, numbers that are not finite as None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key.label if isinstance(key, Side) else str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value) if isinstance(value, IntEnum) else value
