"""Champions against players that no fitness ever used: the only measure of progress that proves anything.

The held-out players are scripted or random, the held-out worlds have seeds that training never
draws. Both champions of a generation meet the same players in the same worlds, so that generations
can be compared pair by pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.evaluation.fitness import team_return
from evo_hns.evaluation.intervals import Estimate, estimate
from evo_hns.evaluation.matches import MatchTable, held_out_seeds
from evo_hns.evaluation.rollout import Episodes
from evo_hns.policies.roster import Roster, scripted_roster
from evo_hns.spec import ObservationSpec, Side


@dataclass(frozen=True)
class HeldOut:
    """One champion against one held-out player."""

    side: Side
    opponent: str
    scores: np.ndarray  #: `(E,)` team return per held-out world, NaN where the physics failed
    metrics: dict[str, float]  #: mean of the game's statistics over the worlds that count

    @property
    def estimate(self) -> Estimate:
        """Mean return of the champion's team."""
        return estimate(self.scores)


def held_out_opponents(spec: ObservationSpec, side: Side) -> tuple[str, ...]:
    """Names of the scripted players that one side is measured against, the one with a plan last.

    Args:
        spec: of the game; the quadrant has players who know its room.
        side: the side that is measured.
    """
    if len(spec.teams) == 1:
        return ("still",) if side in spec.teams else ()  # a task of one team: nobody plays the other
    seeker, hider = ("chaser", "fugitive") if spec.has_room else ("tracker", "evader")
    return ("still", "random", seeker if side is Side.HIDERS else hider)


def meet(evaluator: Evaluator, hider: Roster, seeker: Roster, seeds: np.ndarray) -> Episodes:
    """The first player of one roster against the first of the other, once in each world."""
    first = np.zeros(len(seeds), dtype=np.int64)
    return evaluator.evaluate(MatchTable(first, first, seeds), {Side.HIDERS: hider, Side.SEEKERS: seeker})


def measure(
    evaluator: Evaluator,
    side: Side,
    roster: Roster,
    num_worlds: int,
    opponents: Sequence[str] | None = None,
    external: Mapping[str, Roster] | None = None,
) -> list[HeldOut]:
    """The first player of `roster` against every held-out opponent of its side.

    Args:
        evaluator: where matches run.
        side: the side that is measured.
        roster: its player.
        num_worlds: E, held-out worlds per opponent.
        opponents: names of scripted players, if not all of `held_out_opponents`.
        external: opponents from other runs by name, each a roster of one.
    """
    results = []
    spec = evaluator.session.spec
    names = held_out_opponents(spec, side) if opponents is None else opponents
    met = {name: scripted_roster(name) for name in names} | dict(external or {})
    for name, opponent in met.items():
        rosters = {side: roster, side.other: opponent}
        episodes = meet(evaluator, rosters[Side.HIDERS], rosters[Side.SEEKERS], held_out_seeds(num_worlds))
        results.append(HeldOut(side, name, team_return(episodes, spec, side).numpy(), mean_metrics(episodes)))
    return results


def mean_metrics(episodes: Episodes) -> dict[str, float]:
    """Mean of each statistic over the matches that did not fail; NaN if all did."""
    counted = ~episodes.failed.numpy()
    values: Mapping[str, np.ndarray] = {name: v.numpy()[counted] for name, v in episodes.metrics.items()}
    return {name: float(v.mean()) if len(v) else float("nan") for name, v in values.items()}
