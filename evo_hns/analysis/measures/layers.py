"""How many strategies are there at each strength? Layers of teams, none of which is beaten by a mixture within it.

Nash clustering (Czarnecki et al. 2020, *Real world games look like spinning tops*): the members of the equilibrium of
all teams are the first layer, those of the equilibrium of the rest the second, and so on. A layer's size tells how wide
the circle is at that strength; an archive narrower than the widest layer can be led round in it. Teams that are alike
within their noise share a layer too, so that sizes are the more inflated the fewer episodes were played.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo_hns.analysis.measures.certainty import Interval
from evo_hns.analysis.measures.matrix_game import solve
from evo_hns.analysis.measures.nash import SUPPORT
from evo_hns.analysis.measures.paired import Contest, teams_of
from evo_hns.analysis.measures.score_table import ScoreTable, UnanswerableError, noisy_copies


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
    found = _peel(split.whole(teams.scores))
    copies = noisy_copies(teams.noise, teams.dof, rng, replicates)
    again = [_peel(split.whole(teams.scores + errors)) for errors, _ in copies]
    return Layers(
        generations=tuple(tuple(teams.generations[layer].tolist()) for layer in found),
        count=_interval(len(found), [len(peeled) for peeled in again]),
        widest=_interval(max(map(len, found)), [max(map(len, peeled)) for peeled in again]),
    )


def _peel(contest: np.ndarray) -> list[np.ndarray]:
    left, peeled = np.arange(len(contest)), []
    while len(left):
        mixture, _ = solve(contest[np.ix_(left, left)])
        inside = mixture > SUPPORT
        peeled.append(left[inside])
        left = left[~inside]
    return peeled


def _interval(value: int, again: list[int]) -> Interval:
    low, high = np.quantile(again, [0.025, 0.975])
    return Interval(float(value), min(float(value), float(low)), max(float(value), float(high)))
