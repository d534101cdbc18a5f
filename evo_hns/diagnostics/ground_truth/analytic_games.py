"""Games that are a formula: who wins is known exactly, and so is whether strategies can go in circles.

They stand behind the protocol of an evaluator, so that the loop, its searches and halls play them as they play the
real game. A genome is folded into two numbers, a point; a match of two points has one outcome, whatever its seed,
and what the seeker wins the hider loses. Both sides have the same strategies: payoff(a, b) = -payoff(b, a), and the
value of the game is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes, Keep
from evo_hns.evaluation.session import Physics
from evo_hns.policies.roster import PlayerSpec, Roster
from evo_hns.spec import ObservationSpec, Side

NUM_PARAMS = 16
"""Length of a genome: each of its halves is folded into one of the two numbers."""

_SPEC = ObservationSpec(num_hiders=1, num_seekers=1, num_boxes=0, num_ramps=0, num_lidar_rays=0)


class AnalyticGame(Protocol):
    """A symmetric zero-sum game of points in the plane."""

    def points(self, genomes: np.ndarray) -> np.ndarray:
        """`(P, 2)` float64 points of `(P, N)` genomes."""

    def payoff(self, own: np.ndarray, other: np.ndarray) -> np.ndarray:
        """What the own points win against the others; `(..., 2)` each, they broadcast to `(...)`."""

    def exploitability(self, points: np.ndarray) -> float:
        """The most that any strategy wins on average against a player who draws one of `(P, 2)` points each time."""

    def generality(self, points: np.ndarray) -> np.ndarray:
        """`(P,)` mean payoff of each point against all strategies, each as likely."""


@dataclass(frozen=True)
class DiscGame:
    """The disc game: a strategy wins against those up to half a turn behind it, most against a quarter of a turn.

    Payoff of a against b: b x a, the sine of the angle from b to a times both radii. Without a tilt it is all cycle:
    on average over the disc every strategy wins 0. A tilt adds the difference of the x coordinates, which has no cycle;
    from a tilt of 1 on one strategy on the rim loses against none.

    Source: Balduzzi et al. 2019, "Open-ended learning in symmetric zero-sum games", example 2.
    """

    tilt: float = 0.0

    def points(self, genomes: np.ndarray) -> np.ndarray:
        """An angle, radians, and a radius squashed below 1; see `AnalyticGame.points`."""
        angle, strength = fold(genomes).T
        rim = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        points: np.ndarray = logistic(strength)[:, None] * rim
        return points

    def payoff(self, own: np.ndarray, other: np.ndarray) -> np.ndarray:
        """See `AnalyticGame.payoff`."""
        cross = other[..., 0] * own[..., 1] - other[..., 1] * own[..., 0]
        won: np.ndarray = cross + self.tilt * (own[..., 0] - other[..., 0])
        return won

    def exploitability(self, points: np.ndarray) -> float:
        """See `AnalyticGame.exploitability`."""
        x, y = points.mean(0)  # the payoff is linear in either point
        return float(np.hypot(self.tilt - y, x) - self.tilt * x)

    def generality(self, points: np.ndarray) -> np.ndarray:
        """See `AnalyticGame.generality`."""
        mean: np.ndarray = self.tilt * points[:, 0]
        return mean


@dataclass(frozen=True)
class NumberGame:
    """The intransitive numbers game: of two pairs of whole numbers, the numbers that differ less decide.

    The larger of these wins 1. They draw if it is equal, and if both differ alike and each wins one. Everybody would
    call it progress if both numbers grow, and yet (1, 6) beats (4, 5), which beats (2, 4), which beats (1, 6).

    Source: Watson and Pollack 2001, "Coevolutionary dynamics in a minimal substrate", the third of their games.
    """

    top: int = 100

    def points(self, genomes: np.ndarray) -> np.ndarray:
        """Each number is the rounded sum of squashed genes, as theirs is a sum of bits; see `AnalyticGame.points`."""
        halves = genomes.reshape(len(genomes), 2, -1)
        numbers: np.ndarray = np.rint(self.top * logistic(halves).mean(2))
        return numbers

    def payoff(self, own: np.ndarray, other: np.ndarray) -> np.ndarray:
        """See `AnalyticGame.payoff`."""
        first, second = np.moveaxis(own - other, -1, 0)
        apart = np.abs(first) - np.abs(second)
        won: np.ndarray = np.sign(np.where(apart < 0, first, np.where(apart > 0, second, first + second)))
        return won

    def exploitability(self, points: np.ndarray) -> float:
        """See `AnalyticGame.exploitability`."""
        unique, counts = np.unique(points, axis=0, return_counts=True)
        total = np.zeros(len(self._strategies))
        for point, count in zip(unique, counts, strict=True):
            total += count * self.payoff(self._strategies, point)
        return float(total.max() / len(points))

    def generality(self, points: np.ndarray) -> np.ndarray:
        """See `AnalyticGame.generality`."""
        return np.array([self.payoff(point, self._strategies).mean() for point in points])

    @property
    def _strategies(self) -> np.ndarray:
        """`((top + 1)^2, 2)` all there are."""
        numbers = np.arange(self.top + 1.0)
        return np.stack(np.meshgrid(numbers, numbers, indexing="ij"), axis=-1).reshape(-1, 2)


GAMES: dict[str, Callable[[], AnalyticGame]] = {
    "disc": DiscGame,
    "tilted-disc": lambda: DiscGame(tilt=2.0),
    "numbers": NumberGame,
}
"""Builders by name."""


def fold(genomes: np.ndarray) -> np.ndarray:
    """`(P, 2)` the sum of each half of a genome over the root of its length: as spread as a single parameter."""
    halves = genomes.reshape(len(genomes), 2, -1)
    folded: np.ndarray = halves.sum(2) / np.sqrt(halves.shape[2])
    return folded


def logistic(values: np.ndarray) -> np.ndarray:
    """From 0 to 1, a half at 0."""
    squashed: np.ndarray = 0.5 + 0.5 * np.tanh(0.5 * values)  # never overflows
    return squashed


@dataclass(frozen=True)
class AnalyticSession:
    """An analytic game as the search sees it: two agents who see nothing, and genomes of one length."""

    spec: ObservationSpec = _SPEC

    @property
    def genome_lengths(self) -> Mapping[Side, int]:
        """L per side."""
        return dict.fromkeys(Side, NUM_PARAMS)

    def roster(self, side: Side, genomes: Tensor) -> Roster:
        """Players who do nothing but be their genomes."""
        return Roster(PlayerSpec(scripted="still"), genomes)


class AnalyticEvaluator:
    """Plays match tables of an analytic game: what `evaluate` answers is exact, and the same in every world."""

    def __init__(self, game: AnalyticGame) -> None:
        self.game, self.session = game, AnalyticSession()

    @property
    def num_worlds(self) -> int:
        """Any number; a table is played at once."""
        return 1

    def evaluate(
        self,
        table: MatchTable,
        rosters: Mapping[Side, Roster],
        *,
        physics: Physics = "exact",
        keep: Collection[Keep] = (),
    ) -> Episodes:
        """Look every match of a table up; see `Evaluator.evaluate`."""
        points = {side: self.game.points(rosters[side].genomes.numpy().astype(np.float64)) for side in Side}
        won = self.game.payoff(points[Side.SEEKERS][table.seeker], points[Side.HIDERS][table.hider])
        return Episodes(
            returns=torch.from_numpy(np.stack([-won, won], axis=1)),
            metrics={},
            failed=torch.zeros(len(table), dtype=torch.bool),
            agent_mask=torch.ones(len(table), 2, dtype=torch.bool),
        )

    def pop_metrics(self) -> dict[str, float]:
        """Nothing: all is played here."""
        return {}
