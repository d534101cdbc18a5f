"""What a task adds to the game: which wishes it allows, what it pays for, which figures it keeps.

All tasks share worlds, physics, hands, eyes and observations (`game`). A further task is a file beside this one
with a class of these few methods, an entry in `tasks.TASKS` and its name in `RulesConfig.task`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from evo_hns.envs.entities import Entities
from evo_hns.envs.hands import Wishes
from evo_hns.envs.state import GameState


@dataclass(frozen=True)
class Moment:
    """What a task may judge by: everything, after an env step or at the start."""

    entities: Entities
    state: GameState

    @property
    def t(self) -> int:
        """Env steps done."""
        return self.state.t


class Task(Protocol):
    """A set of rules on top of the shared game."""

    def reset(self, start: Moment) -> None:
        """Begin new episodes in all worlds."""

    def clock(self, t: int) -> float:
        """How much of the preparation is over after `t` env steps, 0 to 1: every agent is told."""

    def restrain(self, movement: Tensor, wishes: Wishes, state: GameState) -> tuple[Tensor, Wishes]:
        """The movement bins `(W, n, 3)` and wishes that the rules let through in the coming env step."""

    def settle(self, now: Moment) -> None:
        """What happens to `now.state` after the physics has moved and before anyone looks around."""

    def reward(self, now: Moment) -> Tensor:
        """`(W, n)` float64 rewards of the env step that led here; called once after each: figures follow."""

    def metrics(self, now: Moment) -> dict[str, Tensor]:
        """Name -> `(W,)` float64 figures of the episodes so far."""
