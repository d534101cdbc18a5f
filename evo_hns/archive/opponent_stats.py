"""Results against one side's past players: a decaying win rate for each, and a win table against recent champions.

A team wins a match when its return is above 0, and draws when it is exactly 0, which is half a win: in hide-and-seek
hiders win if they were hidden for longer than they were seen. Memory is bounded: a few dozen bytes for each opponent,
and no single matches. The state is arrays, so that a run continues to the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from evo_hns.archive.capacity_rules import CAPACITY_RULES
from evo_hns.archive.hall_of_fame import FloatArray, IntArray
from evo_hns.archive.samplers import OPPONENT_SAMPLERS, UNKNOWN, OpponentHistory
from evo_hns.config import CoevolutionConfig

MEMORY = 64
"""Recent champions of the other side whose results against each opponent are kept."""

DECAY = 0.95
"""Factor of all counts per generation: results of former candidates lose half their weight in about 14."""

_UNMET = -1
_ARRAYS = ("origins", "wins", "met", "beats", "in_play", "num_players")


class OpponentStats:
    """Opponents of one side in the order of their arrival, and their results.

    An opponent's row is its place in this order; `origins` says who it is.
    """

    def __init__(self) -> None:
        self.origins: IntArray = np.empty(0, dtype=np.int64)
        """`(H,)` champion k of the hall of fame is k, its exploiter k is -1 - k."""
        self.in_play: npt.NDArray[np.bool_] = np.empty(0, dtype=bool)
        """`(H,)` bool, the opponent may be drawn."""
        self._wins: FloatArray = np.empty(0)  # over the opponent, decayed
        self._met: FloatArray = np.empty(0)  # worlds in which it was met, decayed
        self._beats: npt.NDArray[np.int8] = np.empty((0, MEMORY), dtype=np.int8)  # twice `OpponentHistory.beats`
        self._num_players = 0

    @classmethod
    def of_untracked(cls, num_champions: int) -> OpponentStats:
        """Champions without results, as in a run file of an older version."""
        stats = cls()
        for row in range(num_champions):
            stats.append(row)
        return stats

    def __len__(self) -> int:
        """Number of opponents H that ever were."""
        return len(self.origins)

    @property
    def champion(self) -> int:
        """Row of the newest champion; exploiters are none."""
        return int(np.flatnonzero(self.origins >= 0)[-1])

    def append(self, origin: int) -> None:
        """Add an opponent, which is in play."""
        self.origins = np.append(self.origins, np.int64(origin))
        self.in_play = np.append(self.in_play, True)
        self._wins, self._met = np.append(self._wins, 0.0), np.append(self._met, 0.0)
        self._beats = np.concatenate([self._beats, np.full((1, MEMORY), _UNMET, dtype=np.int8)])

    def meet(self, rows: IntArray, wins: FloatArray) -> None:
        """Add results of matches with opponents.

        Args:
            rows: `(E,)` opponents, one for each world; -1 is none of them.
            wins: `(P, E)` wins of P participants over them (1, draw 1/2, 0); NaN does not count.
        """
        counted = np.isfinite(wins)
        num = counted.sum(0)
        known = (rows >= 0) & (num > 0)
        share = np.where(counted, wins, 0.0).sum(0)[known] / num[known]
        np.add.at(self._wins, rows[known], share)
        np.add.at(self._met, rows[known], 1.0)

    def add_player(self, rows: IntArray, wins: FloatArray) -> None:
        """Add the results of a new champion of the other side, which replaces the oldest in the win table.

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

    def decay(self) -> None:
        """Decay all counts by a generation."""
        self._wins, self._met = DECAY * self._wins, DECAY * self._met

    @property
    def history(self) -> OpponentHistory:
        """Estimates for the opponents in play."""
        wins, met = self._wins[self.in_play], self._met[self.in_play]
        codes = self._beats[self.in_play, : min(self._num_players, MEMORY)]
        # a prior of one world: an estimate begins at 1/2 and returns to it as counts decay
        chances = np.where(met > 0, (UNKNOWN + wins) / (1.0 + met), np.nan)
        return OpponentHistory(chances, np.where(codes == _UNMET, np.nan, codes / 2.0))

    def draw(self, n: int, rng: np.random.Generator, settings: CoevolutionConfig) -> IntArray:
        """`(n,)` rows of opponents in play, by the sampler of the settings.

        Raises:
            ValueError: there is no opponent.
        """
        if n > 0 and len(self) == 0:
            raise ValueError("there is no opponent yet: append a champion before drawing")
        if n == 0:
            return np.empty(0, dtype=np.int64)
        rows = OPPONENT_SAMPLERS[settings.opponent_sampler](self.history, n, rng, settings)
        return np.flatnonzero(self.in_play)[rows]

    def prune(self, size: int, rule: str) -> None:
        """Take opponents out of play until `size` are left; the newest champion stays.

        Args:
            size: most that stay, at least 2.
            rule: an entry of `CAPACITY_RULES`.
        """
        if np.count_nonzero(self.in_play) <= size:
            return
        champion = self.champion
        self.in_play[champion] = False
        rows = np.flatnonzero(self.in_play)
        stay = rows[CAPACITY_RULES[rule](self.history, size - 1)]
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
    def from_state(cls, state: Mapping[str, npt.NDArray[Any]]) -> OpponentStats:
        """Restore a `state_dict`, to the bit.

        Raises:
            ValueError: arrays are missing or do not fit together.
        """
        stats = cls()
        if missing := [name for name in _ARRAYS if name not in state]:
            raise ValueError(f"incomplete opponent statistics, no {', '.join(missing)}: use a copy of the run file")
        size = len(state["origins"])
        if any(len(state[name]) != size for name in _ARRAYS[:-1]) or state["beats"].shape[1] != MEMORY:
            raise ValueError("damaged opponent statistics, arrays do not fit together: use a copy of the run file")
        stats.origins, stats.in_play = state["origins"].copy(), state["in_play"].astype(bool)
        stats._wins, stats._met = state["wins"].copy(), state["met"].copy()
        stats._beats = state["beats"].copy()
        stats._num_players = int(state["num_players"])
        return stats
