"""Hide-and-seek: the rules of Baker et al. 2020 for a batch of worlds.

A step reads like the rules: wishes become locks, grips and forces; the physics moves; everyone looks
around; rewards are paid. The order inside is the original's: wishes are judged in the state *before* the
physics with what was seen in the observation before, and show in the observation after.

All worlds end together at `horizon`. A world that fails (the physics, or something flung out of any
sensible range) stays failed for the episode: it is not stepped again, tells zeros, earns nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import RulesConfig, WorldConfig
from evo_hns.envs import rewards
from evo_hns.envs.entities import EntityReader
from evo_hns.envs.eyes import Eyes
from evo_hns.envs.hands import Hands
from evo_hns.envs.observations import ObservationBuilder, observation_spec, preparation_clock
from evo_hns.envs.state import GameState
from evo_hns.envs.statistics import EpisodeStatistics
from evo_hns.envs.vision import circulant
from evo_hns.physics.base import Physics
from evo_hns.spec import Action, ActionSpec, Observation
from evo_hns.worlds.arrays import geom_arrays, initial_qpos
from evo_hns.worlds.layout import sample_layouts
from evo_hns.worlds.scene import IntArray, Scene

__all__ = ["GameState", "HideAndSeek", "Step"]

# Far beyond what playing gives (a jump over the 4 m walls, a walk out of the field): only a solver that
# lost its footing brings something here.
_LOWEST_CORNER = torch.tensor([-100.0, -100.0, -1.0], dtype=torch.float64)  # metres
_HIGHEST_CORNER = torch.tensor([100.0, 100.0, 20.0], dtype=torch.float64)


@dataclass(frozen=True)
class Step:
    """What came of one env step in W worlds."""

    observation: Observation  #: after the step
    reward: Tensor  #: `(W, A)` float64
    metrics: dict[str, Tensor]  #: name -> `(W,)` float64, running; final at the horizon (`statistics.STATISTICS`)
    failed: Tensor  #: `(W,)` bool, the world failed in this step or before


class HideAndSeek:
    """The game in up to `physics.num_worlds` worlds.

    Args:
        scene: what exists, and where in the model.
        physics: holds `scene.model`; the game is its only user.
        world: the configuration of the scene; layouts are drawn from it.
        rules: the rules.
        num_substeps: physics substeps in an env step.
    """

    state: GameState

    def __init__(
        self, scene: Scene, physics: Physics, world: WorldConfig, rules: RulesConfig, num_substeps: int
    ) -> None:
        self.scene, self.physics, self.rules = scene, physics, rules
        self.observation_spec, self.action_spec = observation_spec(world, rules), ActionSpec()
        self.num_worlds, self.horizon = physics.num_worlds, rules.horizon
        self._world, self.num_substeps = world, num_substeps
        self._prep_time = rules.prep_fraction * rules.horizon
        self._reader = EntityReader(scene, physics)
        self._eyes = Eyes(scene, physics, rules.num_lidar_rays)
        self._hands = Hands(scene, physics, rules)
        self._builder = ObservationBuilder(self.observation_spec)
        self._statistics = EpisodeStatistics(world, rules)
        self._index()

    def _index(self) -> None:
        """Constants of the rules as tensors."""
        n = self.observation_spec.num_agents
        self._is_hider = torch.arange(n) < self.observation_spec.num_hiders
        self._hider_seen_by_seeker = ~self._is_hider[:, None] & self._is_hider[circulant(n)]
        # The original's limits are float32 numbers, its bins between them float64.
        limit = float(np.float32(self.rules.action_limit))
        self._bins = torch.as_tensor(np.linspace(-limit, limit, self.action_spec.num_movement_bins))

    @torch.inference_mode()
    def reset(self, seeds: IntArray) -> Observation:
        """Begin new episodes; nothing of earlier ones remains.

        Args:
            seeds: `(W,)` int64, one world each. World k of the original is seed k. Worlds beyond W stay idle.

        Raises:
            ValueError: there are no seeds, or more than worlds.
        """
        if not 0 < len(seeds) <= self.num_worlds:
            raise ValueError(f"got {len(seeds)} seeds, expected 1 to {self.num_worlds}; build more worlds or split")
        num_worlds, spec = len(seeds), self.observation_spec
        self._doors = self._place(seeds)
        self._seeds = torch.as_tensor(np.asarray(seeds, dtype=np.int64))
        self._failed = torch.zeros(num_worlds, dtype=torch.bool)
        self.state = GameState.initial(num_worlds, spec.num_agents, spec.num_boxes + spec.num_ramps)
        observation = self.observe()
        self._statistics.reset(self._entities, self._doors)
        return observation

    def _place(self, seeds: IntArray) -> Tensor:
        """Lay out the worlds and return their doors. The order is the one `physics.base` asks for."""
        layout, num_worlds = sample_layouts(self._world, seeds), len(seeds)
        for name, values in geom_arrays(self.scene, layout).items():
            self.physics.model_field(name)[:num_worlds] = torch.as_tensor(values)
        self._hands.let_go()
        self.physics.reset()
        self.physics.field("qpos")[:num_worlds] = torch.as_tensor(initial_qpos(self.scene, layout))
        self.physics.forward()
        return torch.as_tensor(layout.doors)

    @torch.inference_mode()
    def step(self, action: Action) -> Step:
        """Play one env step in every world that has not failed.

        Args:
            action: of all agents; what failed worlds do is ignored.
        """
        self.apply(action)
        self._step_physics()
        observation = self.observe()
        reward = self.reward()
        metrics = self._statistics.update(
            self._entities, self.state.locked, self._clock(), self._any_hider_seen(), self._is_rewarded()
        )
        return self._silence_failed(Step(observation, reward, metrics, self._failed))

    @torch.inference_mode()
    def apply(self, action: Action) -> None:
        """Turn wishes into locks, grips and forces, and advance the game's clock.

        Judged on the present state of the physics, with what `state` says was seen last.
        """
        if self._is_frozen():
            action = self._freeze_seekers(action)
        self._hands.apply(action, self._reader.read(len(self._seeds)), self.state, self._seeds)
        self.physics.field("ctrl")[: len(self._seeds)] = self._bins[action.movement].flatten(1)
        self.state.t += 1

    @torch.inference_mode()
    def observe(self) -> Observation:
        """Look around in the present state; `state` remembers what was seen."""
        self._entities = self._reader.read(len(self._seeds))
        self.state.sees_agents, self.state.sees_objects, lidar = self._eyes.look(self._entities)
        return self._builder.build(self._entities, self.state, lidar, self._clock(), self._doors)

    @torch.inference_mode()
    def reward(self) -> Tensor:
        """`(W, A)` float64 rewards of the present state: 0 in the preparation."""
        spec, rules = self.observation_spec, self.rules
        if not self._is_rewarded():
            return torch.zeros(len(self._seeds), spec.num_agents, dtype=torch.float64)
        reward = rewards.joint_zero_sum(self._any_hider_seen(), spec.num_hiders, spec.num_seekers)
        if rules.restrict_rect is None:
            return reward
        outside = rewards.outside(self._reader.positions(len(self._seeds)), rules.restrict_rect)
        agents, objects = outside[:, : spec.num_agents], outside[:, spec.num_agents :]
        return rewards.penalize_leaving(reward, agents, objects if rules.penalize_objects_out else None)

    def _any_hider_seen(self) -> Tensor:
        """`(W,)` bool, some seeker sees some hider."""
        return (self.state.sees_agents & self._hider_seen_by_seeker).flatten(1).any(1)

    def _clock(self) -> float:
        return preparation_clock(self.state.t, self._prep_time)

    def _is_frozen(self) -> bool:
        """The coming step belongs to the preparation; the first one always does, as in the original."""
        return self.state.t == 0 or self.state.t < self._prep_time

    def _is_rewarded(self) -> bool:
        """The step that was just done does not belong to the preparation."""
        done_before = self.state.t - 1
        return done_before > 0 and done_before >= self._prep_time

    def _freeze_seekers(self, action: Action) -> Action:
        """Seekers command nothing; they may still be pushed."""
        no_force = self.action_spec.num_movement_bins // 2
        return Action(
            movement=torch.where(self._is_hider[:, None], action.movement, no_force),
            pull=action.pull & self._is_hider,
            glueall=action.glueall & self._is_hider,
        )

    def _step_physics(self) -> None:
        """Advance the worlds that have not failed, and see who fails."""
        num_worlds = len(self._seeds)
        running = None
        if num_worlds < self.num_worlds or self._failed.any():
            running = (~self._failed).nonzero().squeeze(1)
            if len(running) == 0:
                return
        failed = self.physics.step(self.num_substeps, running)[:num_worlds]
        pos = self._reader.positions(num_worlds)
        inside = (pos >= _LOWEST_CORNER) & (pos <= _HIGHEST_CORNER)
        self._failed = self._failed | failed | ~inside.flatten(1).all(1)

    def _silence_failed(self, step: Step) -> Step:
        """Zeros for everything a failed world tells."""
        if not self._failed.any():
            return step
        told = {f.name: self._silence(getattr(step.observation, f.name)) for f in fields(step.observation)}
        metrics = {name: self._silence(value) for name, value in step.metrics.items()}
        return replace(step, observation=Observation(**told), reward=self._silence(step.reward), metrics=metrics)

    def _silence(self, values: Tensor) -> Tensor:
        failed = self._failed.view(-1, *[1] * (values.dim() - 1))
        return torch.where(failed, torch.zeros_like(values), values)
