"""Figures of an episode: OpenAI's statistics, by their names, and a few of our own.

Each metric is `(W,)` float64, running during the episode and final at the horizon. A figure that ends
in `_prep` is taken once, at the first step whose preparation clock shows exactly 1: the first
one *after* the preparation, as in the original. Until then, and in an episode too short for it, it is 0.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

import torch
from torch import Tensor

from evo_hns.config import RulesConfig, WorldConfig
from evo_hns.envs.entities import Entities
from evo_hns.worlds.walls import room_size

STATISTICS = {
    "max_box_move": "how far the box that was moved most lies from its start, metres",
    "max_box_move_prep": "the same at the end of the preparation",
    "num_box_lock": "locked boxes",
    "num_box_lock_prep": "the same at the end of the preparation",
    "max_ramp_move": "how far the ramp that was moved most lies from its start, metres",
    "max_ramp_move_prep": "the same at the end of the preparation",
    "num_ramp_lock": "locked ramps",
    "num_ramp_lock_prep": "the same at the end of the preparation",
    "hider_seen_share": "share of the rewarded steps in which any hider was seen",
    "max_agent_travel": "length of the longest path of an agent, metres",
    "hiders_in_room_prep": "hiders inside the room at the end of the preparation",
    "box_at_door_prep": "1 if a box's centre was within 0.5 m of a door's centre at the end of the preparation",
    "ramp_at_door_prep": "1 if a ramp's centre was within 0.5 m of a door's centre at the end of the preparation",
}
"""What each metric says. Boxes, ramps and locks that a game does not have have no metrics."""

DOOR_REACH = 0.5  #: metres from a door's centre within which an object counts as being at the door


class EpisodeStatistics:
    """Follows the episodes of W worlds from `reset` to the horizon.

    Args:
        world: which entities there are, and where the room is.
        rules: what can be locked.
    """

    def __init__(self, world: WorldConfig, rules: RulesConfig) -> None:
        n, boxes, ramps = world.num_agents, world.num_boxes, world.num_ramps
        objects = {"box": slice(n, n + boxes), "ramp": slice(n + boxes, n + boxes + ramps)}
        self._kinds = {kind: rows for kind, rows in objects.items() if rows.stop > rows.start}
        self._lockable = {"box": rules.lock_box, "ramp": rules.lock_ramp}
        self._num_agents, self._num_hiders = n, world.num_hiders
        self._room_west, self._room_north = _room_corner(world)

    def reset(self, entities: Entities, doors: Tensor) -> None:
        """Start new episodes.

        Args:
            entities: where everything starts.
            doors: `(W, D, 3)` x, y of each door's centre, 1 if it exists.
        """
        none = torch.zeros(len(doors), dtype=torch.float64)
        self._start, self._last, self._doors = entities.qpos, entities.qpos, doors
        self._travel = torch.zeros(len(doors), self._num_agents, dtype=torch.float64)
        self._seen_steps, self._rewarded_steps = none, 0
        self._prep = {f"{name}_prep": none for name in self._snapshot(entities, self._no_locks())}
        self._prep |= dict.fromkeys(self._preparation(entities), none)
        self._prep_taken = False

    def update(
        self, entities: Entities, locked: Tensor, clock: float, any_hider_seen: Tensor, rewarded: bool
    ) -> dict[str, Tensor]:
        """Take in one env step.

        Args:
            entities: where everything is after it.
            locked: `(W, m)` bool.
            clock: how much of the preparation is over.
            any_hider_seen: `(W,)` bool.
            rewarded: the step is not part of the preparation.

        Returns:
            Name -> `(W,)` float64, the episodes so far.
        """
        self._travel = self._travel + _length(entities.qpos - self._last, 2)[:, : self._num_agents]
        self._last = entities.qpos
        if rewarded:
            self._seen_steps = self._seen_steps + any_hider_seen
            self._rewarded_steps += 1
        now = self._snapshot(entities, locked)
        if clock == 1.0 and not self._prep_taken:
            self._prep = {f"{name}_prep": value for name, value in now.items()} | self._preparation(entities)
            self._prep_taken = True
        seen_share = self._seen_steps / max(self._rewarded_steps, 1)
        return now | self._prep | {"hider_seen_share": seen_share, "max_agent_travel": self._travel.amax(1)}

    def _no_locks(self) -> Tensor:
        return torch.zeros(len(self._start), self._start.shape[1] - self._num_agents, dtype=torch.bool)

    def _snapshot(self, entities: Entities, locked: Tensor) -> dict[str, Tensor]:
        """The original's statistics at this moment."""
        moved = _length(entities.qpos - self._start, 3)
        figures = {}
        for kind, rows in self._kinds.items():
            figures[f"max_{kind}_move"] = moved[:, rows].amax(1)
            if self._lockable[kind]:
                columns = slice(rows.start - self._num_agents, rows.stop - self._num_agents)
                figures[f"num_{kind}_lock"] = locked[:, columns].sum(1).to(torch.float64)
        return figures

    def _preparation(self, entities: Entities) -> dict[str, Tensor]:
        """What the hiders have made of the room."""
        hiders = entities.pos[:, : self._num_hiders]
        inside = (hiders[..., 0] > self._room_west) & (hiders[..., 1] < self._room_north)
        figures = {"hiders_in_room_prep": inside.sum(1).to(torch.float64)}
        for kind, rows in self._kinds.items():
            figures[f"{kind}_at_door_prep"] = self._any_at_door(entities.pos[:, rows])
        return figures

    def _any_at_door(self, pos: Tensor) -> Tensor:
        """`(W,)` 1.0 where one of the `(W, K, 3)` points is near a door."""
        distance = _length(pos.unsqueeze(2) - self._doors.unsqueeze(1), 2)
        exists = self._doors[:, None, :, 2] > 0.0
        return (exists & (distance <= DOOR_REACH)).flatten(1).any(1).to(torch.float64)


def _room_corner(world: WorldConfig) -> tuple[float, float]:
    """Where the room ends in the west (x) and in the north (y): the middle of its walls, metres."""
    cell, size = world.floor_size / world.grid_size, room_size(world)
    return (world.grid_size - size + 0.5) * cell, (size + 0.5) * cell


def _length(offset: Tensor, num_axes: int) -> Tensor:
    """Euclidean length over the first `num_axes` columns, summed in a fixed order."""
    square = offset[..., 0] * offset[..., 0]
    for axis in range(1, num_axes):
        square = square + offset[..., axis] * offset[..., axis]
    return torch.sqrt(square)
