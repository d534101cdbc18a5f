"""Who is better when all have spent the same: scores of conditions, and differences with what chance explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray
from evo_hns.evaluation.intervals import Estimate
from evo_hns.reports.seed_means import Track, common_budget, score_at


@dataclass(frozen=True, eq=False)
class Standing:
    """A condition's score at the common budget."""

    condition: str
    scores: FloatArray  #: `(n,)` of its seeds
    estimate: Estimate  #: over seeds; of one seed over worlds

    @property
    def is_over_seeds(self) -> bool:
        """Whether the interval is over seeds."""
        return len(self.scores) > 1


@dataclass(frozen=True)
class Difference:
    """A condition's mean less another's."""

    one: str
    other: str
    mean: float
    half_width: float  #: of Welch's 95 % interval over seeds; infinite where a condition has one seed
    dof: float  #: degrees of freedom; 0 where there are none
    p: float  #: two-sided, that chance alone makes so large a difference; NaN where nothing can be said
    p_holm: float = float("nan")  #: the same, given that all pairs of conditions were looked at (Holm 1979)

    @property
    def is_certain(self) -> bool:
        """Whether it is there, at 5 %, all pairs considered."""
        return self.p_holm < 0.05


@dataclass(frozen=True)
class Standings:
    """All conditions at a common budget."""

    outcome: str
    budget: str
    at: float  #: what all had spent
    standings: tuple[Standing, ...]
    differences: tuple[Difference, ...]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "outcome": self.outcome,
            "budget": self.budget,
            "at": self.at,
            "conditions": {
                each.condition: {
                    "mean": each.estimate.mean,
                    "ci95": each.estimate.half_width,
                    "interval_over": "seeds" if each.is_over_seeds else "worlds",
                    "scores": each.scores.tolist(),
                }
                for each in self.standings
            },
            "differences": [vars(each) for each in self.differences],
        }


def stand(outcome: str, tracks: Mapping[str, Sequence[Track]], budget: str) -> Standings | None:
    """All conditions at the end of the common budget, read off linearly between measurements.

    Args:
        outcome: its name.
        tracks: of each condition's runs, by its name.
        budget: one of `BUDGETS`.

    Returns:
        None if some run did not record this budget, or they have no common part.
    """
    at = common_budget(tracks, budget)
    if at is None:
        return None
    standings = []
    for condition, of_condition in tracks.items():
        scores, estimate = score_at(of_condition, budget, at)
        standings.append(Standing(condition, scores, estimate))
    found = [
        welch(one.condition, one.scores, other.condition, other.scores) for one, other in combinations(standings, 2)
    ]
    return Standings(outcome, budget, at, tuple(standings), tuple(holm(found)))


def welch(one: str, scores: FloatArray, other: str, others: FloatArray) -> Difference:
    """The difference of two means over seeds that need not vary alike.

    Args:
        one: name of a condition.
        scores: `(n,)` of its seeds.
        other: name of another condition.
        others: `(m,)` of its seeds.

    Source: Welch 1947, Biometrika 34.
    """
    from scipy.stats import ttest_ind

    difference = float(scores.mean() - others.mean())
    if min(len(scores), len(others)) < 2:
        return Difference(one, other, difference, float("inf"), 0.0, float("nan"))
    if np.ptp(scores) == np.ptp(others) == 0.0:  # where scipy knows no answer
        dof = len(scores) + len(others) - 2
        return Difference(one, other, difference, 0.0, float(dof), 1.0 if difference == 0.0 else 0.0)
    found = ttest_ind(scores, others, equal_var=False)
    low, high = found.confidence_interval(0.95)
    return Difference(one, other, difference, float(high - low) / 2, float(found.df), float(found.pvalue))


def holm(differences: Sequence[Difference]) -> list[Difference]:
    """The same with what their p values are worth, given that there are so many (Holm 1979)."""
    tested = sorted(
        (row for row, each in enumerate(differences) if np.isfinite(each.p)), key=lambda r: differences[r].p
    )
    adjusted, least = {}, 0.0
    for rank, row in enumerate(tested):
        least = max(least, min((len(tested) - rank) * differences[row].p, 1.0))
        adjusted[row] = least
    return [replace(each, p_holm=adjusted.get(row, float("nan"))) for row, each in enumerate(differences)]
