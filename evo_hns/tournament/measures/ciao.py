"""What does time do to the table? Master tournament and CIAO grid, beside what shuffled generations would show.

CIAO (current individual against ancestral opponents, Cliff and Miller 1995) is the half of the master tournament in
which opponents are as old as the champion or older. Bands along its diagonal are a regular cycle; a tartan is an
irregular cycle or mere drift, which no such picture tells apart (Cartlidge and Bullock 2004). Every figure here stands
beside its null model: the same table, generations of players shuffled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo_hns.tournament.measures.additive import Additive, require_one_group
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError

_FEWEST = 6  #: champions on each side, below which shuffling says nothing


@dataclass(frozen=True)
class Tested:
    """A figure beside what shuffled generations give."""

    value: float
    null_low: float  #: 2.5 % quantile when shuffled
    null_high: float  #: 97.5 % quantile
    p_value: float  #: how often shuffling gives as much


@dataclass(frozen=True)
class Ciao:
    """What time does to one side's table."""

    progress: (
        Tested  #: mean return of the later half of champions less that of the earlier half, against all; two-sided
    )
    against_newer: (
        Tested  #: mean return against the newer half of a champion's ancestral opponents less the older; two-sided
    )
    banding: Tested  #: share of the interaction that is one wave along the diagonal: 1 is a regular cycle; one-sided
    period: float  #: of that wave, generations
    continuity: Tested  #: similarity of neighbouring champions' interactions: 1 alike, 0 unrelated; one-sided
    generations: tuple[int, ...]  #: of the champions
    mean: tuple[float, ...]  #: running mean of each champion's return against all
    null_low: tuple[float, ...]  #: 2.5 % quantile of the running mean when shuffled
    null_high: tuple[float, ...]  #: 97.5 % quantile


def ciao_grid(table: ScoreTable) -> np.ndarray:
    """`(T, J)` the master tournament (`table.champions()`), NaN where the opponent is younger than the champion."""
    champions = table.champions()
    younger = champions.opponent_generations[None, :] > champions.generations[:, None]
    grid: np.ndarray = np.where(younger, np.nan, champions.scores)
    return grid


def ciao(table: ScoreTable, rng: np.random.Generator, *, shuffles: int = 400) -> Ciao:
    """Ask what time does.

    Args:
        table: of one side; players without a generation do not count.
        rng: shuffles.
        shuffles: of the generations.

    Raises:
        UnanswerableError: fewer than six champions on a side, or champions fall into groups that never met.
    """
    champions = table.champions()
    if min(champions.scores.shape) < _FEWEST:
        raise UnanswerableError(f"shuffling generations needs {_FEWEST} champions on both sides")
    rows = np.array([rng.permutation(len(champions.players)) for _ in range(shuffles)])
    columns = np.array([rng.permutation(len(champions.opponents)) for _ in range(shuffles)])
    require_one_group(champions.played)
    split = Additive(champions.played)
    strength = split.effects(champions.scores)[: len(champions.players)]
    means = strength - strength.mean() + np.nanmean(champions.scores)
    rest = split.rest(split.whole(champions.scores))
    waves = Waves(champions.generations, champions.opponent_generations)
    banding, period = waves.strongest(rest)
    smooth = _running(len(means))
    shuffled = means[rows] @ smooth.T
    return Ciao(
        progress=_two_sided(_late_less_early(means[None])[0], _late_less_early(means[rows])),
        against_newer=_against_newer(champions, columns),
        banding=_one_sided(banding, [waves.strongest(rest[np.ix_(*p)])[0] for p in zip(rows, columns, strict=True)]),
        period=period,
        continuity=_one_sided(_likeness(rest), [_likeness(rest[order]) for order in rows]),
        generations=tuple(champions.generations.tolist()),
        mean=tuple((smooth @ means).tolist()),
        null_low=tuple(np.quantile(shuffled, 0.025, axis=0).tolist()),
        null_high=tuple(np.quantile(shuffled, 0.975, axis=0).tolist()),
    )


class Waves:
    """Waves along the diagonal, `exp(2 pi i (t - s) / period)`, of two to half as many periods as there are champions.

    Args:
        generations: `(T,)` of the rows.
        opponents: `(J,)` generations of the columns.
    """

    def __init__(self, generations: np.ndarray, opponents: np.ndarray) -> None:
        count = min(len(generations), len(opponents))
        length = max(np.ptp(generations), np.ptp(opponents)) * count / (count - 1)
        self.frequencies = np.arange(2.0, count / 2 + 0.25, 0.5) / max(length, 1e-12)
        self._rows = np.exp(-2j * np.pi * np.outer(self.frequencies, generations))
        self._columns = np.exp(2j * np.pi * np.outer(self.frequencies, opponents))

    def strongest(self, rest: np.ndarray) -> tuple[float, float]:
        """The share of a table's sum of squares that the strongest wave accounts for, and its period."""
        amplitude = np.abs(((self._rows @ rest) * self._columns).sum(1))
        best = int(np.argmax(amplitude))
        power = float(np.square(rest).sum())
        share = 2 * float(amplitude[best]) ** 2 / (power * rest.size) if power > 0 else 0.0
        return min(share, 1.0), float(1 / self.frequencies[best])


def _late_less_early(means: np.ndarray) -> np.ndarray:
    """`(n,)` of `(n, T)` means; the middle one of an odd number counts for neither."""
    half = means.shape[1] // 2
    difference: np.ndarray = means[:, -half:].mean(1) - means[:, :half].mean(1)
    return difference


def _against_newer(champions: ScoreTable, shuffles: np.ndarray) -> Tested:
    older_than = np.searchsorted(champions.opponent_generations, champions.generations, side="left")
    place = np.arange(len(champions.opponents))[None, :]
    half = (older_than // 2)[:, None]
    older, newer = place < half, (place >= older_than[:, None] - half) & (place < older_than[:, None])
    played = champions.played
    there = np.where(played, champions.scores, 0.0)

    def statistic(order: np.ndarray) -> float:
        scores, known = there[:, order], played[:, order]
        counts = [np.where(part, known, False).sum(1) for part in (newer, older)]
        sums = [np.where(part, scores, 0.0).sum(1) for part in (newer, older)]
        both = (counts[0] > 0) & (counts[1] > 0)
        if not both.any():
            return 0.0
        return float((sums[0][both] / counts[0][both] - sums[1][both] / counts[1][both]).mean())

    return _two_sided(statistic(place[0]), np.array([statistic(order) for order in shuffles]))


def _likeness(rest: np.ndarray) -> float:
    power = float(np.square(rest).sum()) * (len(rest) - 1) / len(rest)
    return float((rest[1:] * rest[:-1]).sum()) / power if power > 0 else 0.0


def _running(count: int) -> np.ndarray:
    """`(count, count)` the weights of a running mean over about a tenth of the champions, three at least."""
    reach = max(1, count // 20)
    near = np.abs(np.arange(count)[:, None] - np.arange(count)[None, :]) <= reach
    weights: np.ndarray = near / near.sum(1, keepdims=True)
    return weights


def _two_sided(value: float, shuffled: np.ndarray) -> Tested:
    as_far = np.abs(shuffled - shuffled.mean()) >= abs(value - shuffled.mean()) * (1 - 1e-9)
    return _tested(float(value), shuffled, as_far)


def _one_sided(value: float, shuffled: list[float]) -> Tested:
    drawn = np.array(shuffled)
    return _tested(value, drawn, drawn >= value - 1e-9 * abs(value))


def _tested(value: float, shuffled: np.ndarray, as_far: np.ndarray) -> Tested:
    low, high = np.quantile(shuffled, [0.025, 0.975])
    return Tested(value, float(low), float(high), float((1 + as_far.sum()) / (1 + len(shuffled))))
