"""What a task adds to the game: which actions it allows, what it rewards, and its metrics.

All tasks share worlds, physics, manipulation, perception and observations (`game`). A further task is a file beside
this one with a class of these few methods, an entry in `game.TASKS` and its name in `RulesConfig.task`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from evo_hns.envs.entities import Entities
from evo_hns.envs.manipulation import ActionRequest
from evo_hns.envs.state import GameState


@dataclass(frozen=True)
class Snapshot:
    """The state of the game after an env step or at the start, from which a task computes rewards and metrics."""

    entities: Entities
    state: GameState

    @property
    def t(self) -> int:
        """Env steps done."""
        return self.state.t


class Task(Protocol):
    """A set of rules on top of the shared game."""

    def reset(self, start: Snapshot) -> None:
        """Begin new episodes in all worlds."""

    def branch(self, sources: Tensor) -> None:
        """Let the episode of world w go on as that of world `sources[w]`, `(W,)` int64."""

    def prep_progress(self, t: int) -> float:
        """Share of the preparation that is over after `t` env steps, 0 to 1; every agent observes it."""

    def mask_actions(self, movement: Tensor, request: ActionRequest, state: GameState) -> tuple[Tensor, ActionRequest]:
        """The movement bins `(W, n, 3)` and the request that the rules allow in the coming env step."""

    def after_physics(self, now: Snapshot) -> None:
        """Update `now.state` after the physics has advanced and before agents observe."""

    def reward(self, now: Snapshot) -> Tensor:
        """`(W, n)` float64 rewards of the last env step; called once after each, before `metrics`."""

    def metrics(self, now: Snapshot) -> dict[str, Tensor]:
        """Name -> `(W,)` float64 metrics of the episodes so far."""
