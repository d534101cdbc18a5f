"""How much of the payoff depends on who meets whom, beyond how strong each one is?

`score = strength of the player + weakness of the opponent + interaction`. Without interaction there is one order of
strength and no cycle. The reverse does not hold: returns are bounded, and a table that saturates has interaction
although everybody agrees on the order. So the share is the most that cycles can account for; `reversals` asks for
what no saturation explains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evo_hns.evaluation.intervals import satterthwaite
from evo_hns.tournament.measures.additive import Additive, noise_free_share
from evo_hns.tournament.measures.certainty import ALPHA, Interval, clear, deviate, share_of
from evo_hns.tournament.measures.isotonic import never_worse
from evo_hns.tournament.measures.score_table import ScoreTable, UnanswerableError, noisy_copies

_SINGULAR_COPIES = 100


@dataclass(frozen=True)
class Interaction:
    """The part of a table that strengths of rows and columns do not explain."""

    share: Interval  #: of the variance between cells, both less their sampling noise
    singular_values: tuple[float, ...]  #: of the interaction, largest first
    noise_singular_value: float  #: 95 % quantile of the largest if there were nothing but noise
    components: int  #: how many exceed that: independent ways in which strength depends on the opponent


def interaction(table: ScoreTable, rng: np.random.Generator, *, replicates: int = 200) -> Interaction:
    """Split a table; of a zero-sum game either side gives the same answer.

    Args:
        table: all players that met, generations or not.
        rng: draws copies for the interval.
        replicates: copies.

    Raises:
        UnanswerableError: fewer than two players on a side, or scores that differ no more than by noise.
    """
    met = table.met()
    split = Additive(met.played)
    share = noise_free_share(split, met.scores, met.noise, met.dof, rng, replicates)
    copies = noisy_copies(met.noise, met.dof, rng, _SINGULAR_COPIES)
    largest = [np.linalg.norm(split.rest(split.whole(errors)), 2) for errors, _ in copies]
    values = np.linalg.svd(split.rest(split.whole(met.scores)), compute_uv=False)[: min(met.scores.shape) - 1]
    threshold = float(np.quantile(largest, 0.95))
    components = int(np.sum(values > max(threshold, 1e-9 * float(values.max()))))
    return Interaction(share, tuple(values.tolist()), threshold, components)


@dataclass(frozen=True)
class Reversals:
    """Pairs of players whose order depends on the opponent."""

    share: Interval  #: of all pairs: each is clearly better than the other against somebody
    chance: float  #: mean share in the nearest table of one order for all opponents, with its noise, drawn again
    pairs: int  #: that could be compared: both met two opponents or more


def reversals(table: ScoreTable, rng: np.random.Generator, *, replicates: int = 20) -> Reversals:
    """Count pairs of a side's players of which neither is better against all: what saturation cannot make.

    A test of qualitative interaction for each pair: both directions must be clear at 5 %, Bonferroni over opponents
    (in the manner of Gail and Simon 1985, Biometrics 41(2), with largest in place of summed deviations).

    Raises:
        UnanswerableError: no two players met the same two opponents.
    """
    met = table.met()
    common = met.played.astype(int) @ met.played.T.astype(int)
    compared = np.triu(common >= 2, 1)
    if not compared.any():
        raise UnanswerableError("needs two players of a side who met the same two opponents")
    found = _reversed(met.scores, met.noise, met.dof)
    innocent = _one_order(met)
    copies = noisy_copies(met.noise, met.dof, rng, replicates)
    by_chance = [_reversed(innocent + errors, noise, met.dof)[compared].mean() for errors, noise in copies]
    return Reversals(_pair_interval(found, compared), float(np.mean(by_chance)), int(compared.sum()))


def _one_order(table: ScoreTable) -> np.ndarray:
    """The nearest table in which the better rated player is never the worse, against any opponent."""
    strength = Additive(table.played).effects(table.scores)[: len(table.players)]
    alike = 1e-9 * (float(np.ptp(strength)) or 1.0)  # who differs by rounding alone stays in the table's order
    order = np.argsort(np.round(strength / alike), kind="stable")
    fitted = np.empty_like(table.scores)
    fitted[order] = never_worse(table.scores[order], table.noise[order], np.arange(len(order)))
    return fitted


def _reversed(scores: np.ndarray, noise: np.ndarray, dof: np.ndarray) -> np.ndarray:
    """`(P, P)` bool, each of the two is clearly better against somebody."""
    better = np.zeros((len(scores), len(scores)), dtype=bool)
    threshold = clear(ALPHA / scores.shape[1])
    for row in range(len(scores)):
        welch = satterthwaite(np.broadcast_arrays(noise[row], noise), np.broadcast_arrays(dof[row], dof))
        better[row] = (deviate(scores[row] - scores, noise[row] + noise, welch, least=threshold) > threshold).any(1)
    return better & better.T


def _pair_interval(found: np.ndarray, compared: np.ndarray) -> Interval:
    """A share of pairs; pairs that share a player are not independent (the jackknife over players says how much)."""
    share = float(found[compared].mean())
    both = compared | compared.T
    players = both.any(1)
    shares = (found & both).sum(1)[players] / both.sum(1)[players]
    variance = 4 * float(shares.var(ddof=1)) / len(shares) if len(shares) > 2 else 0.0
    count = share * (1 - share) / variance if variance > 0 else len(shares) / 2
    return share_of(share, float(np.clip(count, 1.0, compared.sum())))
