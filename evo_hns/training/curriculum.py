"""In which kinds of worlds candidates are compared, and how often in each (`coevolution.worlds`).

A kind in which all candidates score alike teaches nothing: it is too hard for them, or too easy. With the shares
`learnability` it is drawn less often, down to the settings' floor. Where a search finds something poorer first in the
hard kinds, and stays with it, they must not be met before the easy ones are mastered: a `ladder`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from torch import Tensor

from evo_hns.archive.records import State
from evo_hns.config import CoevolutionConfig, RunConfig
from evo_hns.spec import Side
from evo_hns.training.random_streams import Stream, streams

MEMORY = 0.9
"""Weight of what was known of a kind before a generation; the rest is that generation's."""

SURE = 10
"""Generations over which the scores of a ladder's kind are averaged, and before which it is never left."""


class Curriculum:
    """How often each kind of worlds is drawn for each side, by what is known of it.

    Args:
        config: the run's settings.
    """

    def __init__(self, config: RunConfig) -> None:
        self._settings, self._seed = config.coevolution, config.seed
        count = len(self._settings.worlds)
        sides = config.trained_sides
        self._spreads = {side: np.full(count, np.nan) for side in sides}
        # On a ladder: the rung, the generations that were spent there, and the mean score of the last ones.
        self._climbs = {side: np.zeros(3) for side in sides}

    def shares(self, side: Side) -> np.ndarray:
        """`(K,)` float64, how often each of K kinds is drawn."""
        if self._settings.world_shares == "ladder":
            return ladder_shares(self._settings, int(self._climbs[side][0]))
        return shares_of(self._settings, self._spreads[side])

    def draw(self, numbers: Mapping[Side, int], generation: int) -> dict[Side, np.ndarray]:
        """`(E,)` int64 per side, the kinds of its worlds: as nearly by their shares as whole numbers go, in any order.

        Where there are no kinds, nobody is told any.
        """
        if not self._settings.worlds:
            return {}
        rngs = streams(self._seed, generation, Stream.WORLD_KINDS)
        drawn = {}
        for side, num in numbers.items():
            ends = np.cumsum(self.shares(side))
            points = (np.arange(num) + rngs[side].random()) / num
            drawn[side] = rngs[side].permutation(1 + np.searchsorted(ends[:-1], points, side="right"))
        return drawn

    def learn(self, side: Side, kinds: np.ndarray | None, scores: Tensor) -> dict[str, float]:
        """Take in how a side's candidates did in each kind, and how far it told them apart.

        Args:
            side: whose candidates.
            kinds: `(E,)` of the worlds in which they were compared; None: there are none.
            scores: `(P, E)` theirs; NaN: the match failed.

        Returns:
            Metrics: of each kind its share in this generation, its mean score, and its spread; on a ladder its rung.
        """
        metrics: dict[str, float] = {}
        if kinds is None:
            return metrics
        values = scores.numpy()
        for number, kind in enumerate(self._settings.worlds):
            own = values[:, kinds == number + 1]
            name = f"{side.label}.world_{kind.name}"
            metrics[f"{name}_share"] = own.shape[1] / max(1, len(kinds))
            own = own[:, np.isfinite(own).sum(0) > 1]
            if own.size:
                spread, before = float(np.nanstd(own, 0).mean()), self._spreads[side][number]
                after = spread if np.isnan(before) else MEMORY * before + (1.0 - MEMORY) * spread
                self._spreads[side][number] = after
                metrics |= {f"{name}_score": float(np.nanmean(own)), f"{name}_spread": spread}
        if self._settings.world_shares == "ladder":
            metrics[f"{side.label}.world_rung"] = float(self._climbs[side][0])
            self._climb(side, metrics)
        return metrics

    def _climb(self, side: Side, metrics: Mapping[str, float]) -> None:
        """Take in the scores of the rung's kind; once its target is reached, the next rung."""
        climb, worlds = self._climbs[side], self._settings.worlds
        kind = worlds[int(climb[0])]
        score = metrics.get(f"{side.label}.world_{kind.name}_score")
        if score is None:
            return
        climb[1] += 1.0
        climb[2] += (score - climb[2]) / min(climb[1], SURE)
        if climb[1] >= SURE and climb[2] >= kind.target and climb[0] + 1 < len(worlds):
            climb[:] = climb[0] + 1.0, 0.0, 0.0

    @property
    def state(self) -> State:
        """What is known of the kinds, as arrays; nothing where there are none."""
        if not self._settings.worlds:
            return {}
        state = {"worlds": {side.label: values.copy() for side, values in self._spreads.items()}}
        if self._settings.world_shares == "ladder":
            state["world_ladder"] = {side.label: values.copy() for side, values in self._climbs.items()}
        return dict(state)

    def restore(self, state: State) -> None:
        """What was known after the last generation of a run."""
        for name, mine in (("worlds", self._spreads), ("world_ladder", self._climbs)):
            known = cast(Mapping[str, np.ndarray], state.get(name, {}))
            for side, values in mine.items():
                if side.label in known:
                    values[:] = known[side.label]


def ladder_shares(settings: CoevolutionConfig, rung: int) -> np.ndarray:
    """`(K,)` float64: the floor for each kind below the rung, all else for the rung's own, nothing above it."""
    shares = np.zeros(len(settings.worlds))
    shares[:rung] = settings.world_floor
    shares[rung] = 1.0 - shares.sum()
    return shares


def shares_of(settings: CoevolutionConfig, spreads: np.ndarray) -> np.ndarray:
    """How often each kind of worlds is drawn.

    Args:
        settings: the kinds, and by what they are drawn.
        spreads: `(K,)` mean standard deviation of candidates' scores in a world of each kind; NaN: not known, and
            taken for the mean of the others.

    Returns:
        `(K,)` float64, which add up to 1.
    """
    weights = np.array([kind.weight for kind in settings.worlds])
    if settings.world_shares == "fixed":
        return np.asarray(weights / weights.sum())
    known = np.isfinite(spreads)
    usual = float(spreads[known].mean()) if known.any() else 1.0
    weights = weights * np.where(known, spreads, usual)
    if weights.sum() <= 0.0:  # nothing tells candidates apart anywhere
        weights = np.ones(len(weights))
    free = 1.0 - settings.world_floor * len(weights)
    return np.asarray(settings.world_floor + free * weights / weights.sum())
