"""Episodes that are staged: hand-made worlds and scripted deeds in the real game, taken down as any other match.

All worlds have a field of 6 m. Everything starts unturned: agents look along -y, ramps rise towards -y.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from evo_hns.config import PhysicsConfig, RulesConfig, WorldConfig
from evo_hns.envs.game import Game
from evo_hns.evaluation.trajectory import Trajectory, TrajectoryRecorder
from evo_hns.physics.cpu import CpuPhysics
from evo_hns.spec import Action
from evo_hns.worlds.layout import Layout, sample_layouts
from evo_hns.worlds.scene import build_scene

PREP, STEPS = 24, 60  # env steps: of preparation, of all

Pair = tuple[float, float]


class Deed(NamedTuple):
    """What an agent does in an env step: forces and torque from -5 to 5, hands."""

    x: int = 0
    y: int = 0
    turn: int = 0
    pull: bool = False
    lock: bool = False


@dataclass(frozen=True)
class Scene:
    """What a script may look at: where everything is."""

    game: Game

    def agent(self, index: int) -> np.ndarray:
        """`(3,)` its centre."""
        return self.game.physics.field("xpos").numpy()[0, self.game.scene.agent_body[index]]

    def thing(self, index: int) -> np.ndarray:
        """`(3,)` the centre of a box, or after all boxes of a ramp."""
        return self.game.physics.field("xpos").numpy()[0, self.game.scene.object_body[index]]


Script = Callable[[int, Scene], Mapping[int, Deed]]
"""What the agents do in an env step, from 0; those not named do nothing."""


@dataclass(frozen=True)
class World:
    """A world to be played in. Agents have x, y and, if they do not start on the floor, z; hiders first."""

    hiders: Sequence[Sequence[float]]
    seekers: Sequence[Sequence[float]]
    boxes: Sequence[Pair] = ()
    ramps: Sequence[Pair] = ()
    long_boxes: int = 0  #: so many of the boxes, the first ones, are elongated along y
    inner: Sequence[tuple[float, float, float, float]] = ()  #: low walls: x, y, half sizes
    doors: Sequence[Pair] = ()
    outer: bool = True
    absent: int = 0  #: places for boxes that stay empty

    def play(self, script: Script, *, steps: int = STEPS, prep: int = PREP, **rules: object) -> Trajectory:
        """Play one episode."""
        config = self._config()
        shared = {"horizon": steps, "prep_fraction": prep / steps, "restrict_rect": None, "lock_ramp": True}
        scene = build_scene(config, PhysicsConfig())
        physics = CpuPhysics(scene.model, 1, num_threads=1)
        game = Game(scene, physics, config, RulesConfig.model_validate(shared | rules), num_substeps=15)
        layout, seeds = self._layout(config), np.zeros(1, dtype=np.int64)
        observation = game.begin(layout, seeds)
        recorder = TrajectoryRecorder(game, seeds, layout)
        for number in range(steps):
            action = _action(script(number, Scene(game)), len(self.hiders) + len(self.seekers))
            step = game.step(action)
            recorder.record(observation, action, step)
            observation = step.observation
        assert not step.failed.any()
        return recorder.trajectory

    def _config(self) -> WorldConfig:
        boxes = len(self.boxes) + self.absent
        return WorldConfig(
            scenario="randomwalls",
            num_rooms=8,
            num_hiders=len(self.hiders),
            num_seekers=len(self.seekers),
            num_boxes=(0, boxes) if self.absent else boxes,
            num_elongated_boxes=(0, boxes) if self.long_boxes else 0,
            num_ramps=len(self.ramps),
        )

    def _layout(self, config: WorldConfig) -> Layout:
        drawn = sample_layouts(config, np.zeros(1, dtype=np.int64))  # for its shapes, and what is parked
        wall_pos, wall_size, wall_mask = drawn.wall_pos.copy(), drawn.wall_size.copy(), np.zeros_like(drawn.wall_mask)
        wall_pos[:, 4:], wall_size[:, 4:] = (3.0, 3.0, -100.0), 0.05
        wall_mask[:, :4] = self.outer
        if not self.outer:
            wall_pos[:, :4], wall_size[:, :4] = (3.0, 3.0, -100.0), 0.05
        for slot, (x, y, half_x, half_y) in enumerate(self.inner, start=4):
            wall_pos[0, slot], wall_size[0, slot] = (x, y, 0.25), (half_x, half_y, 0.25)
            wall_mask[0, slot] = True
        doors = np.zeros_like(drawn.doors)
        for slot, door in enumerate(self.doors):
            doors[0, slot] = (*door, 1.0)
        size = np.full_like(drawn.box_size, 0.25)
        size[0, : self.long_boxes] = (0.075, 0.825, 0.25)
        box_mask = np.arange(size.shape[1])[None] < len(self.boxes)
        boxes = np.zeros_like(drawn.boxes)
        boxes[box_mask] = [(*place, 0.25) for place in self.boxes] if self.boxes else np.empty((0, 3))
        return replace(
            drawn,
            wall_pos=wall_pos,
            wall_size=wall_size,
            wall_mask=wall_mask,
            doors=doors,
            agents=np.array([[(*place, 0.15)[:3] for place in (*self.hiders, *self.seekers)]]),
            boxes=boxes,
            box_size=size,
            box_mask=box_mask,
            ramps=np.array([(*place, 0.25) for place in self.ramps]).reshape(1, -1, 3),
        )


def _action(deeds: Mapping[int, Deed], num_agents: int) -> Action:
    each = [deeds.get(agent, Deed()) for agent in range(num_agents)]
    return Action(
        movement=torch.tensor([[(5 + deed.x, 5 + deed.y, 5 + deed.turn) for deed in each]]),
        pull=torch.tensor([[deed.pull for deed in each]]),
        glueall=torch.tensor([[deed.lock for deed in each]]),
    )


def idle(_: int, __: Scene) -> dict[int, Deed]:
    """Nobody does anything."""
    return {}


def room(gap: float = 0.7) -> dict[str, Sequence]:
    """Walls and door of a room as the quadrant's: x > 3.1, y < 3.1, with a door in its upper wall around x = 4.5."""
    west, middle = 3.15, 4.5
    parts = [(west, middle - gap / 2), (middle + gap / 2, 5.85)]
    upper = [((low + high) / 2, 3.1, (high - low) / 2, 0.05) for low, high in parts]
    return {"inner": [(3.1, 1.6, 0.05, 1.45), *upper], "doors": [(middle, 3.1)]}
