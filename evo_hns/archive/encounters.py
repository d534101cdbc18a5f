"""What is known of one side's past players as opponents: who came when, how they fared, who is still drawn.

A team wins a match when its return is above 0, and draws when it is exactly 0, which is half a win: in hide-and-seek
hiders win that were hidden for longer than they were seen. Bounded: a few dozen bytes for each opponent, and no
history of matches. All of it is arrays, so that a run continues to the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.archive.past import UNKNOWN, Past
from evo_hns.archive.pruning import PRUNE_RULES
from evo_hns.archive.samplers import OPPONENT_SAMPLERS
from evo_hns.config import CoevolutionConfig

MEMORY = 64
"""Recent champions of the other side whose results against each opponent are kept."""

FADING = 0.95
"""Weight of what was seen a generation ago: candidates change, and what was learnt of old ones fades in about 14."""

_UNMET = -1
_ARRAYS = ("origins", "wins", "met", "beats", "in_play", "num_players")


class Encounters:
    """Opponents of one side in the order of their arrival, and what came of meeting them.

    An opponent's row is its place in this order; `origins` says who it is.
    """

    def __init__(self) -> None:
        self.origins: IntArray = np.empty(0, dtype=np.int64)
        """`(H,)` champion k of the hall of fame is k, its exploiter k is -1 - k."""
        self.in_play: npt.NDArray[np.bool_] = np.empty(0, dtype=bool)
        """`(H,)` who may still be drawn."""
        self._wins: FloatArray = np.empty(0)  # over the opponent, faded
        self._met: FloatArray = np.empty(0)  # worlds in which it was met, faded
        self._beats: npt.NDArray[np.int8] = np.empty((0, MEMORY), dtype=np.int8)  # twice what `Past.beats` holds
        self._num_players = 0

    @classmethod
    def of_strangers(cls, num_champions: int) -> Encounters:
        """Champions of whom nothing is known, as in a run file of an older version."""
        encounters = cls()
        for row in range(num_champions):
            encounters.append(row)
        return encounters

    def __len__(self) -> int:
        """Number of opponents H that ever were."""
        return len(self.origins)

    @property
    def champion(self) -> int:
        """Row of the newest champion; exploiters are none."""
        return int(np.flatnonzero(self.origins >= 0)[-1])

    def append(self, origin: int) -> None:
        """Take in a newcomer, who is in play."""
        self.origins = np.append(self.origins, np.int64(origin))
        self.in_play = np.append(self.in_play, True)
        self._wins, self._met = np.append(self._wins, 0.0), np.append(self._met, 0.0)
        self._beats = np.concatenate([self._beats, np.full((1, MEMORY), _UNMET, dtype=np.int8)])

    def meet(self, rows: IntArray, wins: FloatArray) -> None:
        """Note what came of matches with opponents.

        Args:
            rows: `(E,)` opponents, one for each world; -1 is none of them.
            wins: `(P, E)` wins of P contestants over them (1, draw 1/2, 0); NaN does not count.
        """
        counted = np.isfinite(wins)
        num = counted.sum(0)
        known = (rows >= 0) & (num > 0)
        share = np.where(counted, wins, 0.0).sum(0)[known] / num[known]
        np.add.at(self._wins, rows[known], share)
        np.add.at(self._met, rows[known], 1.0)

    def add_player(self, rows: IntArray, wins: FloatArray) -> None:
        """Note how a new champion of the other side fared; it takes the place of the oldest in the table.

        Args:
            rows: `(E,)` opponents, one for each world; -1 is none of them.
            wins: `(E,)` its wins over them (1, draw 1/2, 0); NaN does not count.
        """
        known = (rows >= 0) & np.isfinite(wins)
        num = np.bincount(rows[known], minlength=len(self))
        lead = np.bincount(rows[known], weights=0.5 - wins[known], minlength=len(self))  # of the opponents
        column = np.where(num > 0, 1 + np.sign(lead), _UNMET)
        self._beats[:, self._num_players % MEMORY] = column.astype(np.int8)
        self._num_players += 1

    def fade(self) -> None:
        """Let a generation pass."""
        self._wins, self._met = FADING * self._wins, FADING * self._met

    @property
    def past(self) -> Past:
        """What is known of those in play."""
        wins, met = self._wins[self.in_play], self._met[self.in_play]
        codes = self._beats[self.in_play, : min(self._num_players, MEMORY)]
        # one world's worth of doubt: an estimate begins at 1/2 and comes back to it when it has faded
        chances = np.where(met > 0, (UNKNOWN + wins) / (1.0 + met), np.nan)
        return Past(chances, np.where(codes == _UNMET, np.nan, codes / 2.0))

    def draw(self, n: int, rng: np.random.Generator, settings: CoevolutionConfig) -> IntArray:
        """`(n,)` rows of opponents in play, by the sampler of the settings.

        Raises:
            ValueError: nobody is there to be drawn.
        """
        if n > 0 and len(self) == 0:
            raise ValueError("there is no opponent yet: append a champion before drawing")
        if n == 0:
            return np.empty(0, dtype=np.int64)
        rows = OPPONENT_SAMPLERS[settings.opponent_sampler](self.past, n, rng, settings)
        return np.flatnonzero(self.in_play)[rows]

    def prune(self, size: int, rule: str) -> None:
        """Take opponents out of play until so many are left; the newest champion stays.

        Args:
            size: most that stay, at least 2.
            rule: an entry of `PRUNE_RULES`.
        """
        if np.count_nonzero(self.in_play) <= size:
            return
        champion = self.champion
        self.in_play[champion] = False
        rows = np.flatnonzero(self.in_play)
        stay = rows[PRUNE_RULES[rule](self.past, size - 1)]
        self.in_play[:] = False
        self.in_play[stay] = self.in_play[champion] = True

    def state_dict(self) -> dict[str, npt.NDArray[Any]]:
        """The whole state as arrays."""
        return {
            "origins": self.origins.copy(),
            "wins": self._wins.copy(),
            "met": self._met.copy(),
            "beats": self._beats.copy(),
            "in_play": self.in_play.copy(),
            "num_players": np.array(self._num_players, dtype=np.int64),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, npt.NDArray[Any]]) -> Encounters:
        """What `state_dict` gave, to the bit.

        Raises:
            ValueError: arrays are missing or do not fit together.
        """
        encounters = cls()
        if missing := [name for name in _ARRAYS if name not in state]:
            raise ValueError(f"incomplete encounters, {', '.join(missing)} missing: use a copy of the run file")
        size = len(state["origins"])
        if any(len(state[name]) != size for name in _ARRAYS[:-1]) or state["beats"].shape[1] != MEMORY:
            raise ValueError("damaged encounters, their arrays do not fit together: use a copy of the run file")
        encounters.origins, encounters.in_play = state["origins"].copy(), state["in_play"].astype(bool)
        encounters._wins, encounters._met = state["wins"].copy(), state["met"].copy()
        encounters._beats = state["beats"].copy()
        encounters._num_players = int(state["num_players"])
        return encounters
