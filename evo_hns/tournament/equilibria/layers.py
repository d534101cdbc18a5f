"""How many strategies are there at each strength? Layers of teams, none of which is beaten by a mixture within it.

Nash clustering (Czarnecki et al. 2020, *Real world games look like spinning tops*): the members of the equilibrium of
all teams are the first layer, those of the equilibrium of the rest the second, and so on. Where there are several
equilibria it is the most even one: a player in any of them belongs to it. A layer's size tells how wide
the circle is at that strength; an archive narrower than the widest layer can be led round in it. Teams that are alike
within their noise share a layer too, so that sizes are the more inflated the fewer episodes were played.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evo_hns.tournament.equilibria.matrix_game import most_even, solve
from evo_hns.tournament.equilibria.nash import SUPPORT
from evo_hns.tournament.measures.certainty import Interval
from evo_hns.tournament.measures.paired import Contest, teams_of
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError, noisy_copies

_TOLERANCE = 1e-7  #: of the most even equilibrium, as a share of the range: who is worse by 0.0001 of it is not in it


@dataclass(frozen=True)
class Layers:
    """Teams of one generation each, the strongest layer first."""

    generations: tuple[tuple[int, ...], ...]  #: of the teams in each layer
    count: Interval  #: how many layers; the interval is that of episodes played again
    widest: Interval  #: teams in the widest one


def layers(table: ScoreTable, rng: np.random.Generator, *, replicates: int = 20) -> Layers:
    """Peel the contest of teams.

    Args:
        table: the zero-sum part of the game; see `zero_sum_table`.
        rng: draws replays.
        replicates: tables drawn from means and noise.

    Raises:
        UnanswerableError: fewer than three teams, or two of them that did not meet both ways.
    """
    teams = teams_of(table)
    split = Contest(teams.played)
    if split.pairs.sum() < len(split.pairs) * (len(split.pairs) - 1):
        raise UnanswerableError("needs all teams to have met both ways")
    found = _peel(split.whole(teams.scores), _in_any_equilibrium)
    if np.nan_to_num(teams.noise).any():  # then each replay has but one equilibrium
        copies = noisy_copies(teams.noise, teams.dof, rng, replicates)
        again = [_peel(split.whole(teams.scores + errors), _in_equilibrium) for errors, _ in copies]
    else:
        again = [found]
    return Layers(
        generations=tuple(tuple(teams.generations[layer].tolist()) for layer in found),
        count=_interval(len(found), [len(peeled) for peeled in again]),
        widest=_interval(max(map(len, found)), [max(map(len, peeled)) for peeled in again]),
    )


def _in_equilibrium(contest: np.ndarray) -> np.ndarray:
    mixture: np.ndarray = solve(contest)[0] > SUPPORT
    return mixture


def _in_any_equilibrium(contest: np.ndarray) -> np.ndarray:
    span = float(np.ptp(contest))
    if span == 0:
        return np.ones(len(contest), dtype=bool)
    mixture: np.ndarray = most_even(contest, solve(contest)[0], 0.0, _TOLERANCE * span) > SUPPORT
    return mixture


def _peel(contest: np.ndarray, members: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
    left, peeled = np.arange(len(contest)), []
    while len(left):
        inside = members(contest[np.ix_(left, left)])
        peeled.append(left[inside])
        left = left[~inside]
    return peeled


def _interval(value: int, again: list[int]) -> Interval:
    low, high = np.quantile(again, [0.025, 0.975])
    return Interval(float(value), min(float(value), float(low)), max(float(value), float(high)))
