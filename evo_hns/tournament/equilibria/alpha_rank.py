"""Where would two evolving populations spend their time? Alpha-rank of the game of two sides, zero-sum or not.

A joint profile weighs as much as the time that mutation and selection would leave the populations in it. Stronger
selection (alpha) sharpens the answer; it is raised until the answer stands still. At strong selection a difference
counts however small, noise included: the intervals of replays say what that does.

Where selection splits the game into several classes that nearly nobody leaves (a coordination game has one for each
agreement), their masses are in the proportion in which they are found and left, however rarely that is. At infinite
alpha nobody would leave, and no answer would be the only one; the sweep comes to the limit, not to that point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from evo_hns.spec import Side
from evo_hns.tournament.equilibria.joint_chain import JointChain
from evo_hns.tournament.measures.additive import completed
from evo_hns.tournament.measures.certainty import Interval, largest_first
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError, noisy_copies

POPULATION = 50
"""Individuals in each population, as in the paper."""

_WEAKEST, _STRONG, _STRONGEST = (
    0.1,
    10.0,
    1e4,
)  #: alpha times the range of scores: where the sweep starts, may and must end
_STILL = 0.02  #: share of the mass that may move when alpha doubles, twice in a row
_ROUNDING = 1e-9  #: range of scores, as a share of the largest, that is none
_MOST_MOVES = 16_000_000  #: single deviations from all profiles: 200 players against 200
_TOP = 10


@dataclass(frozen=True)
class Profile:
    """A hider and a seeker."""

    hider: str
    seeker: str
    mass: float


@dataclass(frozen=True)
class AlphaRank:
    """The stationary distribution over joint profiles."""

    mass: Mapping[Side, Mapping[str, Interval]]  #: of each player, over all opponents; intervals: episodes played again
    top: tuple[Profile, ...]  #: the heaviest pairs
    alpha: float  #: strength of selection, per unit of return
    stable: bool  #: doubling alpha hardly changed the masses any more
    moved: float  #: share of the mass that the last doubling moved
    replicates: int  #: 0: too many profiles for replays; low and high then equal the mass
    filled: int  #: pairings that were not played and were filled in by ratings

    def ordered(self, side: Side) -> list[str]:
        """A side's players, the heaviest first."""
        return largest_first({name: mass.value for name, mass in self.mass[side].items()})


def alpha_rank(hiders: ScoreTable, seekers: ScoreTable, rng: np.random.Generator, *, replicates: int = 40) -> AlphaRank:
    """Rank the players of both sides.

    Args:
        hiders: what hiders scored, a row for each of them.
        seekers: what seekers scored, a row for each of them.
        rng: draws replays.
        replicates: tables drawn from means and noise, ranked at the same alpha.

    Raises:
        UnanswerableError: fewer than two players on a side, too many of them, too many pairings missing, or (of
            more than 100 pairs) more than a thousand in which populations would be caught.
    """
    own, filled = completed(hiders)
    other, _ = completed(seekers)
    scores = {Side.HIDERS: own.scores, Side.SEEKERS: other.scores.T}
    moves = own.scores.size * sum(own.scores.shape)
    if moves > _MOST_MOVES:
        raise UnanswerableError(
            f"{len(own.players)} hiders and {len(own.opponents)} seekers are too many, 200 of each may be: take fewer "
            "generations"
        )
    mass, alpha, moved, stable = _sweep(scores[Side.HIDERS], scores[Side.SEEKERS])
    again = np.array([mass, *(_masses(*copy, alpha) for copy in _replays(own, other, rng, replicates))])
    return AlphaRank(
        mass={
            Side.HIDERS: _intervals(own.players, again.sum(2)),
            Side.SEEKERS: _intervals(own.opponents, again.sum(1)),
        },
        top=_heaviest(own, mass),
        alpha=alpha,
        stable=stable,
        moved=moved,
        replicates=replicates,
        filled=filled,
    )


def _sweep(hiders: np.ndarray, seekers: np.ndarray) -> tuple[np.ndarray, float, float, bool]:
    """Masses, alpha, what its last doubling moved, and whether that is little."""
    largest = max(float(np.abs(hiders).max()), float(np.abs(seekers).max())) or 1.0
    span = max(float(np.ptp(hiders)), float(np.ptp(seekers)), _ROUNDING * largest)
    relative, still = _WEAKEST, 0
    mass = np.full(hiders.shape, 1.0 / hiders.size)
    while True:
        before = mass
        mass = _masses(hiders, seekers, relative / span)
        moved = float(np.abs(mass - before).sum()) / 2
        still = still + 1 if moved < _STILL else 0
        done = relative >= _STRONG and still >= 2
        if done or relative >= _STRONGEST:
            return mass, relative / span, moved, done
        relative *= 2


def _masses(hiders: np.ndarray, seekers: np.ndarray, alpha: float) -> np.ndarray:
    return JointChain(hiders, seekers, alpha, POPULATION).stationary()


def _replays(
    hiders: ScoreTable, seekers: ScoreTable, rng: np.random.Generator, num: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Tables as they might have come out; where one side loses what the other wins they still do."""
    total = hiders.scores + seekers.scores.T
    zero_sum = np.ptp(total) <= 1e-9 * max(float(np.ptp(hiders.scores)), 1e-12)
    copies = zip(
        noisy_copies(hiders.noise, hiders.dof, rng, num),
        noisy_copies(seekers.noise, seekers.dof, rng, num),
        strict=True,
    )
    for (own, _), (other, _) in copies:
        yield hiders.scores + own, seekers.scores.T + (-own if zero_sum else other.T)


def _intervals(names: tuple[str, ...], masses: np.ndarray) -> dict[str, Interval]:
    """Of `(1 + replays, players)` masses, the first of which is the answer."""
    low, high = np.quantile(masses, [0.025, 0.975], axis=0)
    estimates = zip(masses[0].tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Interval(m, min(m, lo), max(m, hi)) for name, (m, lo, hi) in zip(names, estimates, strict=True)}


def _heaviest(table: ScoreTable, mass: np.ndarray) -> tuple[Profile, ...]:
    order = np.argsort(-mass.round(9), axis=None, kind="stable")[:_TOP]
    places = zip(*np.unravel_index(order, mass.shape), strict=True)
    return tuple(Profile(table.players[i], table.opponents[j], float(mass[i, j])) for i, j in places)
