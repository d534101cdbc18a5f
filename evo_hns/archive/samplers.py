"""Opponent samplers by name: functions that draw from the other side's history champions.

They read an `OpponentHistory`; a generator is their only source of randomness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evo_hns.archive.fictitious_play import equilibrium
from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.config import CoevolutionConfig

UNKNOWN = 0.5
"""Assumed chance to beat an opponent without results."""


@dataclass(frozen=True, eq=False)
class OpponentHistory:
    """H opponents of one side in the order of their arrival, with the results of matches against them."""

    chances: FloatArray  #: `(H,)` estimated chance that today's candidates beat each; NaN: never met
    beats: FloatArray  #: `(H, K)` whether each beat each of K recent champions (1, draw 1/2, 0); NaN: they never met

    def __len__(self) -> int:
        """Number of opponents H."""
        return len(self.chances)

    @property
    def assumed_chances(self) -> FloatArray:
        """`(H,)` chances to beat each opponent, 1/2 without results."""
        return np.where(np.isnan(self.chances), UNKNOWN, self.chances)

    @property
    def assumed_beats(self) -> FloatArray:
        """`(H, K)` share of matches each opponent wins against each champion; by its chances if they never met."""
        return np.where(np.isnan(self.beats), 1.0 - self.assumed_chances[:, None], self.beats)


OpponentSampler = Callable[[OpponentHistory, int, np.random.Generator, CoevolutionConfig], IntArray]
"""From at least one opponent, the number wanted, a generator and the settings to `(n,)` rows of the history."""


def uniform(history: OpponentHistory, n: int, rng: np.random.Generator, _: CoevolutionConfig) -> IntArray:
    """All of history with equal chance; no opponent is drawn again before all have been drawn.

    Source: Rosin and Belew 1997, "New methods for competitive coevolution".
    """
    return deal(len(history), n, rng)


def latest(history: OpponentHistory, n: int, rng: np.random.Generator, _: CoevolutionConfig) -> IntArray:
    """The newest first, then back in time; from the newest again when exhausted."""
    return len(history) - 1 - np.arange(n, dtype=np.int64) % len(history)


def delta_uniform(history: OpponentHistory, n: int, rng: np.random.Generator, settings: CoevolutionConfig) -> IntArray:
    """All of recent history with equal chance: of v opponents, those from delta * v on.

    Source: Bansal et al. 2018, "Emergent complexity via multi-agent competition".
    """
    first = int(settings.delta * len(history))
    return first + deal(len(history) - first, n, rng)


def pfsp_hard(history: OpponentHistory, n: int, rng: np.random.Generator, settings: CoevolutionConfig) -> IntArray:
    """Prioritise opponents that today's candidates rarely beat: weight (1 - x)^p.

    Source: Vinyals et al. 2019, "Grandmaster level in StarCraft II" (prioritised fictitious self-play).
    """
    return draw((1.0 - history.assumed_chances) ** settings.pfsp_power, n, rng)


def pfsp_even(history: OpponentHistory, n: int, rng: np.random.Generator, _: CoevolutionConfig) -> IntArray:
    """Prioritise opponents with an open outcome: weight x (1 - x); source as `pfsp_hard`."""
    return draw(history.assumed_chances * (1.0 - history.assumed_chances), n, rng)


def diverse(history: OpponentHistory, n: int, rng: np.random.Generator, _: CoevolutionConfig) -> IntArray:
    """Draw next the opponent that adds most wins: over a champion that k of those drawn beat, 1 / (1 + k).

    Ties are broken at random; no opponent is drawn again before all have been drawn.
    Source: shared sampling, Rosin and Belew 1997.
    """
    order = rng.permutation(len(history))
    beats = history.assumed_beats[order]
    beaten_by = np.zeros(beats.shape[1])
    left = np.zeros(len(history), dtype=bool)
    rows = np.empty(n, dtype=np.int64)
    for place in range(n):
        if not left.any():
            left[:] = True
        gains = np.where(left, (beats / (1.0 + beaten_by)).sum(1), -1.0)
        best = int(gains.argmax())
        beaten_by += beats[best]
        left[best] = False
        rows[place] = order[best]
    return rows


def nash(history: OpponentHistory, n: int, rng: np.random.Generator, _: CoevolutionConfig) -> IntArray:
    """By their shares of the equilibrium against the recent champions of the other side.

    Source: Lanctot et al. 2017, "A unified game-theoretic approach to multiagent reinforcement learning" (PSRO).
    """
    return draw(equilibrium(history.assumed_beats), n, rng)


def deal(size: int, n: int, rng: np.random.Generator) -> IntArray:
    """`(n,)` of `size` rows with equal chance; none is drawn again before all have been drawn."""
    rounds = -(-n // max(size, 1))
    decks = np.tile(np.arange(size, dtype=np.int64), (rounds, 1))
    rows: IntArray = rng.permuted(decks, axis=1).reshape(-1)[:n]
    return rows


def draw(weights: FloatArray, n: int, rng: np.random.Generator) -> IntArray:
    """`(n,)` rows by weight (systematic sampling: shares of n, rounded down or up); equal shares if all are 0."""
    total = weights.sum()
    shares = weights / total if total > 0 else np.full(len(weights), 1.0 / len(weights))
    ends = np.cumsum(shares)
    places = (rng.random() + np.arange(n)) / max(n, 1)
    rows = np.searchsorted(ends, places * ends[-1], side="right")
    last = int(np.flatnonzero(shares)[-1])  # rounding must not reach beyond it
    drawn: IntArray = np.minimum(rows, last).astype(np.int64)
    return drawn


OPPONENT_SAMPLERS: dict[str, OpponentSampler] = {
    "uniform": uniform,
    "latest": latest,
    "delta-uniform": delta_uniform,
    "pfsp-hard": pfsp_hard,
    "pfsp-even": pfsp_even,
    "diverse": diverse,
    "nash": nash,
}
"""Samplers by `CoevolutionConfig.opponent_sampler`."""
