"""Metrics of an episode: OpenAI's statistics, by their names, and a few of our own.

Each metric is `(W,)` float64, running during the episode and final at the horizon. Running sums are updated in every
env step, the rest is computed on demand. A metric that ends in `_prep` is taken once, at the first step with
`prep_progress` 1: the first one *after* the preparation, as in the original. Until then, and in an episode too
short for it, it is 0.

Source: Baker et al. 2020 and the authors' published environment.
"""

from __future__ import annotations

import torch
from torch import Tensor

from evo_hns.config import RulesConfig, WorldConfig
from evo_hns.envs.entities import Entities
from evo_hns.envs.rewards import sum_in_order
from evo_hns.envs.task import Snapshot
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
    "food_eaten": "bites that hiders took",
    "food_eaten_prep": "the same at the end of the preparation",
    "hider_seen_share": "share of the rewarded steps in which any hider was seen",
    "max_agent_travel": "length of the longest path of an agent, metres",
    "hiders_in_room_prep": "hiders inside the room at the end of the preparation",
    "box_at_door_prep": "1 if a box's centre was within 0.5 m of a door's centre at the end of the preparation",
    "ramp_at_door_prep": "1 if a ramp's centre was within 0.5 m of a door's centre at the end of the preparation",
}
"""What each metric says. Boxes, ramps, locks, food and a room that a game does not have have no metrics."""

DOOR_REACH = 0.5  #: metres from a door's centre within which an object counts as being at the door


class EpisodeStatistics:
    """Follows the episodes of W worlds from `reset` to the horizon.

    Args:
        world: which entities there are, and where the room is.
        rules: what can be locked.
    """

    def __init__(self, world: WorldConfig, rules: RulesConfig) -> None:
        n, boxes, ramps = world.max_agents, world.max_boxes, world.max_ramps
        objects = {"box": slice(n, n + boxes), "ramp": slice(n + boxes, n + boxes + ramps)}
        self._kinds = {kind: rows for kind, rows in objects.items() if rows.stop > rows.start}
        self._lockable = {"box": rules.lock_box, "ramp": rules.lock_ramp}
        self._num_agents, self._num_hiders = n, world.max_hiders
        self._world, self._has_food = world, world.num_food > 0

    def reset(self, entities: Entities) -> None:
        """Start new episodes with everything where it is."""
        none = torch.zeros(len(entities.constants), dtype=torch.float64)
        self._start, self._last = entities.qpos, entities.qpos[:, : self._num_agents]
        self._travel = torch.zeros(len(none), self._num_agents, dtype=torch.float64)
        self._seen_steps, self._eaten, self._rewarded_steps = none, none, 0
        locked = torch.zeros_like(entities.constants.object_mask)
        self._prep = {f"{name}_prep": none for name in self._current(entities, locked)}
        self._prep |= dict.fromkeys(self._preparation(entities), none)
        self._prep_taken = False

    def branch(self, sources: Tensor) -> None:
        """Let the episode of world w go on as that of world `sources[w]`, `(W,)` int64."""
        for name in ("_start", "_last", "_travel", "_seen_steps", "_eaten"):
            setattr(self, name, getattr(self, name)[sources])
        self._prep = {name: value[sources] for name, value in self._prep.items()}

    def update(self, now: Snapshot, prep_progress: float, hider_seen: Tensor | None) -> None:
        """Add one env step.

        Args:
            now: after it.
            prep_progress: share of the preparation that is over.
            hider_seen: `(W,)` bool, some hider is seen; None in the preparation, which does not count.
        """
        agents = now.entities.qpos[:, : self._num_agents]
        self._travel = self._travel + _length(agents - self._last, 2)
        self._last = agents
        if self._has_food:
            self._eaten = self._eaten + sum_in_order(now.state.eaten, 1)
        if hider_seen is not None:
            self._seen_steps = self._seen_steps + hider_seen
            self._rewarded_steps += 1
        if prep_progress == 1.0 and not self._prep_taken:
            metrics = self._current(now.entities, now.state.locked)
            self._prep = {f"{name}_prep": value for name, value in metrics.items()} | self._preparation(now.entities)
            self._prep_taken = True

    def metrics(self, now: Snapshot) -> dict[str, Tensor]:
        """Name -> `(W,)` float64, the episodes up to the last `update`, at this snapshot."""
        seen_share = self._seen_steps / max(self._rewarded_steps, 1)
        travel = torch.where(now.entities.constants.agent_mask, self._travel, 0.0).amax(1)
        own = {"hider_seen_share": seen_share, "max_agent_travel": travel}
        return self._current(now.entities, now.state.locked) | self._prep | own

    def _current(self, entities: Entities, locked: Tensor) -> dict[str, Tensor]:
        """The original's statistics at this moment."""
        moved = torch.where(entities.constants.mask, _length(entities.qpos - self._start, 3), 0.0)
        metrics = {}
        for kind, rows in self._kinds.items():
            metrics[f"max_{kind}_move"] = moved[:, rows].amax(1)
            if self._lockable[kind]:
                columns = slice(rows.start - self._num_agents, rows.stop - self._num_agents)
                metrics[f"num_{kind}_lock"] = locked[:, columns].sum(1).to(torch.float64)
        return metrics | ({"food_eaten": self._eaten} if self._has_food else {})

    def _preparation(self, entities: Entities) -> dict[str, Tensor]:
        """Hiders in the room and objects at the doors, at the end of the preparation."""
        metrics = {}
        if self._world.scenario == "quadrant":
            metrics["hiders_in_room_prep"] = self._in_room(entities)
        for kind, rows in self._kinds.items():
            metrics[f"{kind}_at_door_prep"] = _any_at_door(entities, rows)
        return metrics

    def _in_room(self, entities: Entities) -> Tensor:
        """`(W,)` hiders within the quadrant's room, whose border is the middle of its walls."""
        cells = room_size(self._world)
        cell = (entities.constants.floor_size / self._world.grid_size).unsqueeze(1)
        west, north = (self._world.grid_size - cells + 0.5) * cell, (cells + 0.5) * cell
        hiders = entities.pos[:, : self._num_hiders]
        inside = (hiders[..., 0] > west) & (hiders[..., 1] < north)
        return (inside & entities.constants.agent_mask[:, : self._num_hiders]).sum(1).to(torch.float64)


def _any_at_door(entities: Entities, rows: slice) -> Tensor:
    """`(W,)` 1.0 where an object of these rows is near a door."""
    doors, exists = entities.constants.doors, entities.constants.mask[:, rows]
    distance = _length(entities.pos[:, rows].unsqueeze(2) - doors.unsqueeze(1), 2)
    near = (distance <= DOOR_REACH) & (doors[:, None, :, 2] > 0.0) & exists.unsqueeze(2)
    return near.flatten(1).any(1).to(torch.float64)


def _length(offset: Tensor, num_axes: int) -> Tensor:
    """Euclidean length over the first `num_axes` columns, summed in a fixed order."""
    square = offset[..., 0] * offset[..., 0]
    for axis in range(1, num_axes):
        square = square + offset[..., axis] * offset[..., axis]
    return torch.sqrt(square)
