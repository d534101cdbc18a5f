"""Everybody's last champions against everybody's: the hiders of each condition against the seekers of each, and back.

Champions of one run came about together, so that runs are the samples, not pairs or episodes. The mean of a table of
`a` runs by `b` runs varies with the `a` that happened to be there and with the `b`, and both count: the squared error
is the variance of row means over `a` plus that of column means over `b` (which counts what is special to a pair
twice, on the safe side), the interval Student's with Satterthwaite's degrees of freedom. With three runs a bootstrap
would be too narrow. A condition among itself leaves out each run against itself, and is jackknifed run by run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.archive.tournament import Tournament
from evo_hns.comparison.conditions import Condition
from evo_hns.comparison.standings import Difference, holm
from evo_hns.evaluation.intervals import satterthwaite, student_p, student_quantile
from evo_hns.players.addresses import Archived
from evo_hns.spec import Side
from evo_hns.tournament.participants import Selection, parse_request
from evo_hns.tournament.tournament import payoff_of


@dataclass(frozen=True, eq=False)
class Party:
    """A condition, or a player who was asked for beside them."""

    name: str
    places: Mapping[Side, Mapping[str, int]]  #: run (or the player) -> where its hider or seeker stands in the table


@dataclass(frozen=True)
class Meeting:
    """The hiders of one party against the seekers of another."""

    mean: float  #: return of the hiders
    half_width: float  #: of the 95 % interval
    num_pairs: int
    over: str  #: `seeds`, or `worlds` where neither party has several
    is_own: bool = False  #: a run against itself, since it is the only one of its condition


@dataclass(frozen=True)
class CrossPlay:
    """All parties against all."""

    path: Path
    hiders: tuple[str, ...]
    seekers: tuple[str, ...]
    meetings: tuple[tuple[Meeting, ...], ...]  #: a row for each party of hiders
    duels: tuple[Difference, ...]  #: by how much one plays either side better against the other
    episodes: int
    failed: int
    half_width: float  #: that was asked of each pair of players, over worlds

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "tournament": self.path,
            "episodes": self.episodes,
            "failed": self.failed,
            "hiders": list(self.hiders),
            "seekers": list(self.seekers),
            "mean_returns_of_hiders": [[vars(cell) for cell in row] for row in self.meetings],
            "advantages": [vars(each) for each in self.duels],
        }


def selection_of(conditions: Sequence[Condition], players: Sequence[str]) -> Selection:
    """The last champions of all runs, and further players.

    Args:
        conditions: all conditions.
        players: addresses; a scripted player plays both sides, a champion its own.

    Raises:
        ConfigError: an address that is none.
    """
    chosen = {}
    for side in Side:
        runs = [Archived(run.path, side, "last") for condition in conditions for run in condition.runs]
        others = [text for text in players if f":{side.other.label}/" not in text]
        chosen[side] = (*runs, *(parse_request(text, side) for text in others))
    return chosen


def cross_play(tournament: Tournament, path: Path, conditions: Sequence[Condition]) -> CrossPlay:
    """The cross-play of conditions from their tournament."""
    parties = parties_of(tournament, path, conditions)
    payoff = payoff_of(tournament)
    scores, noise = payoff.mean[Side.HIDERS], payoff.half_widths(Side.HIDERS)
    hiding, seeking = ([each for each in parties if each.places[side]] for side in Side)
    return CrossPlay(
        path=path,
        hiders=tuple(each.name for each in hiding),
        seekers=tuple(each.name for each in seeking),
        meetings=tuple(tuple(meeting(one, other, scores, noise) for other in seeking) for one in hiding),
        duels=tuple(holm([duel(one, other, scores) for one, other in combinations(_two_sided(parties), 2)])),
        episodes=int(tournament.cells.count.sum()),
        failed=tournament.num_failed,
        half_width=tournament.precision.half_width,
    )


def parties_of(tournament: Tournament, path: Path, conditions: Sequence[Condition]) -> list[Party]:
    """Who belongs together: conditions in their order, then each further player by itself."""
    condition_of = {run.path.resolve(): condition.name for condition in conditions for run in condition.runs}
    found: dict[str, dict[Side, dict[str, int]]] = {
        condition.name: {side: {} for side in Side} for condition in conditions
    }
    for side in Side:
        last = {
            who.run: who.generation for who in sorted(tournament.participants[side], key=lambda who: who.generation)
        }
        for place, who in enumerate(tournament.participants[side]):
            run = (path.resolve().parent / who.run).resolve()
            is_condition = who.run and run in condition_of and who.generation == last[who.run]
            name, key = (condition_of[run], who.run) if is_condition else (who.name.removeprefix("scripted:"), who.name)
            found.setdefault(name, {each: {} for each in Side})[side][key] = place
    return [Party(name, places) for name, places in found.items()]


def meeting(one: Party, other: Party, scores: FloatArray, noise: FloatArray) -> Meeting:
    """The hiders of one party against the seekers of another.

    Args:
        one: whose hiders.
        other: whose seekers.
        scores: `(H, S)` mean return of hiders.
        noise: `(H, S)` half widths of these means over worlds.
    """
    rows, columns = _rows(one, Side.HIDERS), _rows(other, Side.SEEKERS)
    table = scores[np.ix_(rows, columns)]
    if one is other and len(rows) > 1:
        mean, squared, dof = among_itself(table)
        return Meeting(mean, _half(squared, dof), table.size - len(table), "seeds")
    if table.size == 1:
        return Meeting(float(table[0, 0]), float(noise[rows[0], columns[0]]), 1, "worlds", is_own=one is other)
    mean, squared, dof = two_way(table)
    return Meeting(mean, _half(squared, dof), table.size, "seeds")


def duel(one: Party, other: Party, scores: FloatArray) -> Difference:
    """By how much one party does better against the other than the other against it, for each side it plays.

    Half of what its hiders get against the other's seekers less what the other's hiders get against its own, mean over
    pairs of runs.
    """
    ours, theirs = ({side: _rows(each, side) for side in Side} for each in (one, other))
    home = scores[np.ix_(ours[Side.HIDERS], theirs[Side.SEEKERS])]
    away = scores[np.ix_(theirs[Side.HIDERS], ours[Side.SEEKERS])].T
    mean, squared, dof = two_way((home - away) / 2)
    if not dof:
        return Difference(one.name, other.name, mean, float("inf"), 0.0, float("nan"))
    error = np.sqrt(squared)
    p = float(student_p(mean / error, dof)) if error > 0 else float(mean == 0)
    return Difference(one.name, other.name, mean, _half(squared, dof), dof, p)


def two_way(table: FloatArray) -> tuple[float, float, float]:
    """Mean of a table whose rows and columns are samples, its squared error and the degrees of freedom of that.

    Args:
        table: `(a, b)`; a single row or column is no sample, it is who it is.
    """
    parts = [
        (float(means.var(ddof=1)) / len(means), len(means) - 1)
        for means in (table.mean(1), table.mean(0))
        if len(means) > 1
    ]
    squared, free = [part for part, _ in parts], [free for _, free in parts]
    return float(table.mean()), sum(squared), float(satterthwaite(squared, free))


def among_itself(table: FloatArray) -> tuple[float, float, float]:
    """The same for a condition whose k-th row and column are of one run, without the diagonal.

    Args:
        table: `(n, n)`, n at least 2; with 2 nothing is left to be jackknifed.

    Source: Efron and Stein 1981, Annals of Statistics 9(3).
    """
    number = len(table)
    mean = _off_diagonal(table)
    if number < 3:
        return mean, float("inf"), 1.0
    kept = [np.delete(np.arange(number), k) for k in range(number)]
    others = np.array([_off_diagonal(table[np.ix_(rows, rows)]) for rows in kept])
    squared = (number - 1) / number * float(((others - others.mean()) ** 2).sum())
    return mean, squared, float(number - 1)


def _off_diagonal(table: FloatArray) -> float:
    return float((table.sum() - np.trace(table)) / (table.size - len(table)))


def _half(squared: float, dof: float) -> float:
    return float(student_quantile(dof) * np.sqrt(squared)) if np.isfinite(squared) else float("inf")


def _rows(party: Party, side: Side) -> IntArray:
    return np.array(list(party.places[side].values()), dtype=np.int64)


def _two_sided(parties: Sequence[Party]) -> list[Party]:
    """Those whose runs are the same, in the same order, on both sides."""
    return [each for each in parties if each.places[Side.HIDERS] and _same_runs(each)]


def _same_runs(party: Party) -> bool:
    return list(party.places[Side.HIDERS]) == list(party.places[Side.SEEKERS])
