"""Splits of a table into what a rating explains and the rest; cells that were not played are left out.

Effects are determined up to a shift for each group of players that met, directly or through others. That shift is
taken out by name, by the groups, and never by how small a computed eigenvalue is: rounding would choose.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Protocol

import numpy as np

from evo_hns.tournament.measures.certainty import Interval
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError, noisy_copies

_ROUNDING = 1e-10
"""What is left of a table is nothing if it is less than this share of it."""


class Split(Protocol):
    """A linear split of tables."""

    def whole(self, tables: np.ndarray) -> np.ndarray:
        """`(P, Q)` what is split, zero where nothing was played."""

    def rest(self, whole: np.ndarray) -> np.ndarray:
        """`(P, Q)` the part that no rating explains."""

    def whole_noise(self, noise: np.ndarray) -> float:
        """Expected sum of squares of the whole if tables were noise alone."""

    def rest_noise(self, noise: np.ndarray) -> float:
        """The same of the rest."""


class Additive:
    """Strength of the row plus strength of the column, least squares over the cells that were played.

    Args:
        played: `(P, Q)` bool.
    """

    def __init__(self, played: np.ndarray) -> None:
        self.played = played.astype(np.float64)
        rows, columns = self.played.sum(1), self.played.sum(0)
        normal = np.block([[np.diag(rows), self.played], [self.played.T, np.diag(columns)]])
        signs = np.concatenate([np.ones(len(rows)), -np.ones(len(columns))])
        self.inverse = pseudo_inverse(normal, signs)

    def effects(self, tables: np.ndarray) -> np.ndarray:
        """`(P + Q,)` what each row and each column adds; of all answers the one of least norm."""
        there = np.where(self.played > 0, tables, 0.0)
        found: np.ndarray = np.concatenate([there.sum(1), there.sum(0)]) @ self.inverse
        return found

    def fitted(self, tables: np.ndarray) -> np.ndarray:
        """`(P, Q)` the sum of both strengths, unplayed cells included."""
        effects, num_rows = self.effects(tables), len(self.played)
        total: np.ndarray = effects[:num_rows, None] + effects[None, num_rows:]
        return total

    def covariance(self, noise: np.ndarray) -> np.ndarray:
        """`(P + Q, P + Q)` of `effects`, given `(P, Q)` squared standard errors of the cells."""
        there = np.where(self.played > 0, noise, 0.0)
        middle = np.block([[np.diag(there.sum(1)), there], [there.T, np.diag(there.sum(0))]])
        found: np.ndarray = self.inverse @ middle @ self.inverse
        return found

    @cached_property
    def leverage(self) -> np.ndarray:
        """`(P, Q)` how much of a cell's own noise the fit follows."""
        num_rows = len(self.played)
        own = np.diag(self.inverse)
        both: np.ndarray = own[:num_rows, None] + own[None, num_rows:] + 2 * self.inverse[:num_rows, num_rows:]
        return both

    def whole(self, tables: np.ndarray) -> np.ndarray:
        """Deviations from the mean of all cells."""
        there = np.where(self.played > 0, tables, 0.0)
        mean = there.sum() / self.played.sum()
        return or_nothing((there - mean) * self.played, there)

    def rest(self, whole: np.ndarray) -> np.ndarray:
        """The interaction: what double centring leaves."""
        return or_nothing((whole - self.fitted(whole)) * self.played, whole)

    def whole_noise(self, noise: np.ndarray) -> float:
        """All noise but that of the mean."""
        return float((np.nan_to_num(noise) * self.played).sum() * (1 - 1 / self.played.sum()))

    def rest_noise(self, noise: np.ndarray) -> float:
        """All noise but what the fit follows."""
        return float((np.nan_to_num(noise) * self.played * (1 - self.leverage)).sum())


def groups(linked: np.ndarray) -> tuple[int, np.ndarray]:
    """How many groups there are, and `(n,)` everybody's, from 0 on, given `(n, n)` bool, who is linked with whom."""
    from scipy.sparse import csgraph

    count, group = csgraph.connected_components(linked, directed=False)
    return int(count), group


def require_one_group(played: np.ndarray) -> None:
    """Check that ratings compare everybody.

    Args:
        played: `(P, Q)` bool, who met whom.

    Raises:
        UnanswerableError: players fall into groups that never met.
    """
    num_rows, num_columns = played.shape
    linked = np.zeros((num_rows + num_columns,) * 2, dtype=bool)
    linked[:num_rows, num_rows:] = played
    count, _ = groups(linked)
    if count > 1:
        raise UnanswerableError(
            f"players fall into {count} groups that never met each other, so that nothing compares them: "
            "play pairings between the groups"
        )


def pseudo_inverse(normal: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Of a matrix of normal equations whose null space is one shift for each group.

    Args:
        normal: `(n, n)`, not zero where two are linked.
        signs: `(n,)` how a shift moves each effect, 1 or -1.
    """
    count, group = groups(normal != 0)
    shift = signs[:, None] * (group[:, None] == np.arange(count))
    shift = shift / np.linalg.norm(shift, axis=0)
    shifts = shift @ shift.T
    inverse: np.ndarray = np.linalg.inv(normal + shifts) - shifts
    return inverse


def or_nothing(left: np.ndarray, of: np.ndarray) -> np.ndarray:
    """What is left of a table; zeros if it is no more than rounding leaves."""
    if np.abs(left).max(initial=0.0) <= _ROUNDING * np.abs(of).max(initial=0.0):
        return np.zeros_like(left)
    return left


def noise_free_share(
    split: Split, scores: np.ndarray, noise: np.ndarray, dof: np.ndarray, rng: np.random.Generator, replicates: int
) -> Interval:
    """The share of a table's variance that no rating explains, less what sampling noise adds to both.

    The interval comes from copies of the estimated signal (each part shrunk to its noise-free size), each with fresh
    noise and a fresh estimate of that noise, put through the same estimate.

    Args:
        split: of the table.
        scores: `(P, Q)`.
        noise: `(P, Q)` squared standard errors.
        dof: `(P, Q)` of the noise.
        rng: draws copies.
        replicates: copies.

    Returns:
        The share, between 0 and 1.

    Raises:
        UnanswerableError: cells differ no more than noise makes them, so that nothing is to be split.
    """
    whole = split.whole(scores)
    rest = split.rest(whole)
    rest_power = _power(rest) - split.rest_noise(noise)
    power = _power(whole) - split.whole_noise(noise)
    signal_rest = rest * _shrink(rest_power, _power(rest))
    signal = signal_rest + (whole - rest) * _shrink(power - max(rest_power, 0.0), _power(whole - rest))
    by_chance, shares = [], []
    for errors, noise_again in noisy_copies(noise, dof, rng, replicates):
        added = split.whole(errors)
        by_chance.append(_power(added) - split.whole_noise(noise_again))
        rest_again = _power(signal_rest + split.rest(added)) - split.rest_noise(noise_again)
        shares.append(rest_again / max(_power(signal + added) - split.whole_noise(noise_again), 1e-300))
    if power <= np.quantile(by_chance, 0.95):
        raise UnanswerableError("scores differ no more than noise makes them: play more episodes")
    low, high = np.quantile(shares, [0.025, 0.975])
    share = rest_power / power
    return Interval(share, min(share, float(low)), max(share, float(high))).around(lowest=0.0, highest=1.0)


def _power(table: np.ndarray) -> float:
    return float(np.square(table).sum())


def _shrink(signal: float, measured: float) -> float:
    """The factor that leaves of a measured sum of squares what is signal."""
    return float(np.sqrt(max(signal, 0.0) / measured)) if measured > 0 else 0.0


MOST_FILLED = 0.1
"""Share of the pairings that may be filled in with what ratings expect."""


def completed(table: ScoreTable) -> tuple[ScoreTable, int]:
    """Leave out who did not play, and fill in pairings that are missing with the sum of both strengths.

    Returns:
        The table, and how many cells were filled in; their noise is taken as the largest of all.

    Raises:
        UnanswerableError: fewer than two on a side, too many pairings are missing, or the players fall into groups that
            never met.
    """
    met = table.met()
    holes = ~met.played
    if holes.mean() > MOST_FILLED:
        raise UnanswerableError(f"{holes.mean():.0%} of the pairings were not played, {MOST_FILLED:.0%} may be missing")
    if not holes.any():
        return met, 0
    require_one_group(met.played)
    scores = np.where(holes, Additive(met.played).fitted(met.scores), met.scores)
    noise = np.where(holes, np.nanmax(met.noise), met.noise)
    return replace(met, scores=scores, noise=noise), int(holes.sum())
