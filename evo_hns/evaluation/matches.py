"""Who meets whom: tables of matches, and the lists by which candidates are compared.

A match is one hider genome, one seeker genome and one world seed. Seeds belong to matches, so a
table means the same wherever and in whatever order it is played.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evo_hns.config import ConfigError
from evo_hns.spec import Side
from evo_hns.worlds.layout import SEEDS_OF_A_KIND

HELD_OUT_SEED = 2**31
"""First seed of the held-out worlds; training draws its seeds below."""

FRESH_SEED = HELD_OUT_SEED + 2**20
"""First seed of the fresh worlds, of evaluations and recorded matches, up to the last seed there is."""


@dataclass(frozen=True)
class MatchTable:
    """M matches."""

    hider: np.ndarray  #: `(M,)` int64 rows into the hiders' roster
    seeker: np.ndarray  #: `(M,)` int64 rows into the seekers' roster
    seed: np.ndarray  #: `(M,)` int64 world seeds

    def __len__(self) -> int:
        return len(self.seed)

    def rows(self, side: Side) -> np.ndarray:
        """`(M,)` rows into the roster of one side."""
        return self.hider if side is Side.HIDERS else self.seeker

    def batches(self, size: int, multiple_of: int = 1) -> Iterator[MatchTable]:
        """The table in order, in few parts of nearly equal length.

        Args:
            size: longest part.
            multiple_of: the number of parts is a multiple of this, so that as many workers end together.
        """
        parts = -(-len(self) // (size * multiple_of)) * multiple_of
        for index in np.array_split(np.arange(len(self)), parts):
            if len(index):
                yield self.take(index)

    def preparations(self) -> tuple[np.ndarray, np.ndarray]:
        """Which matches begin alike: the same hider in the same world, before any seeker may move.

        Returns:
            `(M,)` an order of the matches, one of each preparation first, and `(M,)` the place in this order at which
            the first one with the same preparation stands.
        """
        _, first, alike = np.unique(
            np.stack([self.hider, self.seed], 1), axis=0, return_index=True, return_inverse=True
        )
        order = np.concatenate([first, np.setdiff1d(np.arange(len(self)), first)])
        return order, alike.reshape(-1)[order]

    def take(self, index: np.ndarray) -> MatchTable:
        """Some of the matches, in this order."""
        return MatchTable(self.hider[index], self.seeker[index], self.seed[index])


def concatenate(tables: Sequence[MatchTable]) -> MatchTable:
    """One table after the other."""
    return MatchTable(
        hider=np.concatenate([t.hider for t in tables]),
        seeker=np.concatenate([t.seeker for t in tables]),
        seed=np.concatenate([t.seed for t in tables]),
    )


def same_list_for_all(side: Side, candidates: np.ndarray, opponents: np.ndarray, seeds: np.ndarray) -> MatchTable:
    """Every candidate plays the same list of (opponent, world): common random numbers.

    Args:
        side: the side of the candidates.
        candidates: `(P,)` rows of their roster.
        opponents: `(E,)` rows of the other side's roster.
        seeds: `(E,)` world seeds, paired with `opponents`.

    Returns:
        `P * E` matches, candidate by candidate.
    """
    own = np.repeat(candidates, len(opponents))
    other = np.tile(opponents, len(candidates))
    hider, seeker = (own, other) if side is Side.HIDERS else (other, own)
    return MatchTable(hider, seeker, np.tile(seeds, len(candidates)))


def draw_training_seeds(num_worlds: int, rng: np.random.Generator, kinds: np.ndarray | int = 0) -> np.ndarray:
    """`(num_worlds,)` seeds of worlds to learn in, of these kinds; 0 is the game's own."""
    return rng.integers(0, HELD_OUT_SEED, num_worlds, dtype=np.int64) + SEEDS_OF_A_KIND * kinds


def held_out_seeds(num_worlds: int) -> np.ndarray:
    """`(num_worlds,)` seeds that no training run ever draws; the same worlds for every measurement."""
    return HELD_OUT_SEED + np.arange(num_worlds, dtype=np.int64)


def fresh_seeds(num_worlds: int, *seed: int) -> np.ndarray:
    """`(num_worlds,)` seeds of worlds that neither training nor the held-out measurements ever use.

    Args:
        num_worlds: how many; fewer are the first of more.
        seed: one or more integers, at least 0, that decide which.

    Raises:
        ConfigError: no worlds, or a negative seed.
    """
    if num_worlds < 1:
        raise ConfigError(f"got {num_worlds} episodes, expected at least 1")
    if min(seed) < 0:
        raise ConfigError(f"got the seed {min(seed)}, expected at least 0")
    return draw_fresh_seeds(num_worlds, np.random.default_rng(seed))


def draw_fresh_seeds(num_worlds: int, rng: np.random.Generator) -> np.ndarray:
    """The same by a stream instead of integers; see `fresh_seeds`."""
    return rng.integers(FRESH_SEED, 2**32, num_worlds, dtype=np.int64)
