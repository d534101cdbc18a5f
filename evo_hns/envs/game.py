"""The game in a batch of worlds: all that the tasks share.

A step follows the rules: action requests become locks, grips and forces; the physics advances; agents observe;
rewards are computed. The order is the original's: requests are judged in the state *before* the physics with the
visibility of the previous observation, and their effects show in the next. A task decides which actions are allowed
and what is rewarded (`task`).

All worlds end together at `horizon`. A world that fails (the physics, or something flung out of any
sensible range) stays failed for the episode: it is not stepped again, its observations are zeros and its rewards 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import CONSTRUCTION, RulesConfig, WorldConfig
from evo_hns.envs.blueprint import Blueprint
from evo_hns.envs.box_locking import BoxLocking
from evo_hns.envs.entities import Entities, EntityReader, EpisodeConstants, take
from evo_hns.envs.hide_and_seek import HideAndSeek
from evo_hns.envs.manipulation import ActionRequest, Manipulation
from evo_hns.envs.observations import ObservationBuilder, observation_spec
from evo_hns.envs.perception import Perception
from evo_hns.envs.shelter import Shelter
from evo_hns.envs.state import GameState
from evo_hns.envs.task import Snapshot, Task
from evo_hns.physics.base import Physics
from evo_hns.spec import Action, ActionSpec, Observation
from evo_hns.system.kernels import kernel
from evo_hns.worlds.arrays import initial_qpos, model_arrays
from evo_hns.worlds.layout import Layout, sample_layouts
from evo_hns.worlds.scene import IntArray, Scene

__all__ = ["TASKS", "Game", "GameState", "Step"]

TASKS: dict[str, Callable[[WorldConfig, RulesConfig, Scene, Physics], Task]] = {
    "hide-and-seek": lambda world, rules, scene, physics: HideAndSeek(world, rules),
    "box-locking": lambda world, rules, scene, physics: BoxLocking(world, rules),
    "blueprint": lambda world, rules, scene, physics: Blueprint(world),
    "shelter": lambda world, rules, scene, physics: Shelter(world, scene, physics),
}
"""Tasks by `RulesConfig.task`."""

# Far beyond what playing gives (a jump over the 4 m walls, a run out of the field for a whole episode): only a
# solver that lost its footing brings something here.
_LOWEST, _HIGHEST, _FARTHEST = -1.0, 20.0, 100.0  # metres; the last beyond what can be run
_TOP_SPEED = 10.0  # m/s along an axis: 100 N against a damping of 10 N s/m


@dataclass(frozen=True)
class Step:
    """The result of one env step in W worlds."""

    observation: Observation  #: after the step
    reward: Tensor  #: `(W, A)` float64
    failed: Tensor  #: `(W,)` bool, the world failed in this step or before


class Game:
    """A task in up to `physics.num_worlds` worlds.

    Args:
        scene: what exists, and where in the model.
        physics: holds `scene.model`; the game is its only user.
        world: the configuration of the scene; layouts are drawn from it.
        rules: the task and its rules.
        num_substeps: physics substeps in an env step.
        others: further kinds of worlds in which the same exists (`worlds.layout.SEEDS_OF_A_KIND`).
    """

    state: GameState
    _entities: Entities
    discards: dict[str, int]  #: worlds that failed since it was built, by cause: `physics` or `flung` out of range

    def __init__(
        self,
        scene: Scene,
        physics: Physics,
        world: WorldConfig,
        rules: RulesConfig,
        num_substeps: int,
        others: Sequence[WorldConfig] = (),
    ) -> None:
        self.scene, self.physics, self.rules = scene, physics, rules
        self.observation_spec = observation_spec(world, rules)
        self.action_spec = ActionSpec(selective_grab=rules.grab_selective)
        self.num_worlds, self.horizon = physics.num_worlds, rules.horizon
        self.num_substeps, self.world, self._others = num_substeps, world, others
        self.discards = {"physics": 0, "flung": 0}
        self._task = TASKS[rules.task](world, rules, scene, physics)
        self._reader = EntityReader(scene, physics)
        self._perception = Perception(scene, physics, rules.num_lidar_rays, world.num_food, rules.lidar_compression)
        self._manipulation = Manipulation(scene, physics, rules)
        self._builder = ObservationBuilder(self.observation_spec, is_hiding=rules.task not in CONSTRUCTION)
        far = _FARTHEST + _TOP_SPEED * rules.horizon * num_substeps * scene.model.opt.timestep
        self._corners = (-far, -far, _LOWEST), (far, far, _HIGHEST)
        # The original's limits are float32 numbers, its bins between them float64.
        limit = float(np.float32(rules.action_limit))
        self._bins = np.linspace(-limit, limit, self.action_spec.num_movement_bins)
        self._ctrl = physics.field("ctrl").numpy()

    def reset(self, seeds: IntArray) -> Observation:
        """Begin new episodes; nothing of earlier ones remains.

        Args:
            seeds: `(W,)` int64, one world each. World k of the original is seed k. Worlds beyond W stay idle.

        Raises:
            ValueError: there are no seeds, or more than worlds.
        """
        if not 0 < len(seeds) <= self.num_worlds:
            raise ValueError(f"got {len(seeds)} seeds, expected 1 to {self.num_worlds}; build more worlds or split")
        return self.begin(self.layouts(seeds), seeds)

    def layouts(self, seeds: IntArray) -> Layout:
        """Where everything starts in the worlds of `(W,)` seeds, of any kind."""
        return sample_layouts(self.world, seeds, self._others)

    @torch.inference_mode()
    def begin(self, layout: Layout, seeds: IntArray) -> Observation:
        """Begin new episodes in given worlds; what the rules draw comes from the seeds."""
        self._place(layout)
        self._constants = EpisodeConstants.of(self.scene, layout, seeds)
        self._failed, self._running = torch.zeros(len(seeds), dtype=torch.bool), torch.arange(len(seeds))
        self._flung = torch.zeros_like(self._failed)
        n, m = self._constants.agent_mask.shape[1], self._constants.object_mask.shape[1]
        self.state = GameState.initial(len(seeds), n, m, self.world.num_food, self.rules.food.max_health)
        observation = self.observe()
        self._task.reset(self._snapshot())
        return observation

    def _place(self, layout: Layout) -> None:
        """Lay out the worlds, in the order that `physics.base` asks for; idle worlds keep what they have."""
        num_worlds = len(layout.agents)
        worlds = torch.arange(num_worlds)
        for name, values in model_arrays(self.scene, layout).items():
            self.physics.model_field(name)[:num_worlds] = torch.as_tensor(values)
        self._manipulation.release_all(num_worlds)
        self.physics.reset(worlds)
        self.physics.field("qpos")[:num_worlds] = torch.as_tensor(initial_qpos(self.scene, layout))
        self.physics.forward(worlds)

    @torch.inference_mode()
    def step(self, action: Action) -> Step:
        """Play one env step in every world that has not failed.

        Args:
            action: of all agents; what failed worlds and absent agents do is ignored.
        """
        self.apply(action)
        failed = self._step_physics()
        observation = self.observe()
        self._discard(failed)
        return self._silence_failed(Step(observation, self.reward(), self._failed))

    @property
    def failed(self) -> Tensor:
        """`(W,)` bool, the world has failed in this episode."""
        return self._failed

    @torch.inference_mode()
    def branch(self, sources: Tensor) -> None:
        """Let the first worlds go on as others do, to the bit; each counts as if it had been played from the start.

        Args:
            sources: `(W,)` int64, the world that world w becomes: itself, or one that stays as it is.
        """
        self.physics.branch(sources)
        self._entities, self.state = take(self._entities, sources), take(self.state, sources)
        self._constants = self._entities.constants
        self._task.branch(sources)
        self._count(self._failed, self._flung, -1)
        self._failed, self._flung = self._failed[sources], self._flung[sources]
        self._count(self._failed, self._flung, 1)
        self._running = (~self._failed).nonzero().squeeze(1)

    @torch.inference_mode()
    def apply(self, action: Action) -> None:
        """Turn action requests into locks, grips and forces, and count the env step.

        They are judged on the present state of the physics, with the visibility in `state`.
        """
        request = ActionRequest.of(action, self._constants.object_mask.shape[1])
        movement, request = self._task.mask_actions(action.movement, request, self.state)
        self._manipulation.apply(request, self._constants, self.state)
        ctrl = np.where(self._constants.agent_mask.numpy()[:, :, None], self._bins[movement.numpy()], 0.0)
        self._ctrl[: len(ctrl)] = ctrl.reshape(len(ctrl), -1)
        self.state.t += 1

    @torch.inference_mode()
    def observe(self) -> Observation:
        """Read the entities and compute what agents see, which `state` keeps.

        Eating, which depends on what agents saw before, happens here: call this once for each env step.
        """
        self._entities = self._reader.read(self._constants)
        self._task.after_physics(self._snapshot())
        sight = self._perception.look(self._entities)
        self.state.sees_agents, self.state.sees_objects, self.state.sees_food = sight.agents, sight.objects, sight.food
        return self._builder.build(self._entities, self.state, sight.lidar, self._task.prep_progress(self.state.t))

    @torch.inference_mode()
    def reward(self) -> Tensor:
        """`(W, A)` float64 rewards of the last env step; to be called once after each."""
        return self._task.reward(self._snapshot())

    @torch.inference_mode()
    def metrics(self) -> dict[str, Tensor]:
        """Name -> `(W,)` float64 metrics of the episodes so far, final at the horizon; 0 in failed worlds."""
        metrics = self._task.metrics(self._snapshot())
        return {name: self._silence(value) for name, value in metrics.items()} if self._failed.any() else metrics

    def _snapshot(self) -> Snapshot:
        return Snapshot(self._entities, self.state)

    def _step_physics(self) -> Tensor:
        """Advance the worlds that have not failed; `(W,)` bool, the physics failed in this step."""
        if len(self._running) == 0:
            return torch.zeros_like(self._failed)
        return self.physics.step(self.num_substeps, self._running)[: len(self._failed)]

    def _discard(self, failed: Tensor) -> None:
        """Mark worlds as failed whose physics failed, or where something was flung out of range."""
        inside = np.empty(len(failed), np.bool_)
        if _all_inside(self._entities.pos.numpy(), *self._corners, inside) and not failed.any():
            return
        flung = ~(torch.from_numpy(inside) | failed | self._failed)
        self._count(failed | flung, flung, 1)
        self._failed, self._flung = self._failed | failed | flung, self._flung | flung
        self._running = (~self._failed).nonzero().squeeze(1)

    def _count(self, failed: Tensor, flung: Tensor, times: int) -> None:
        """Count worlds that failed, some because something was flung out of range."""
        self.discards["flung"] += times * int(flung.sum())
        self.discards["physics"] += times * int((failed & ~flung).sum())

    def _silence_failed(self, step: Step) -> Step:
        """Set observations and rewards of failed worlds to zeros."""
        if not self._failed.any():
            return step
        silenced = {f.name: self._silence(getattr(step.observation, f.name)) for f in fields(step.observation)}
        return replace(step, observation=Observation(**silenced), reward=self._silence(step.reward))

    def _silence(self, values: Tensor) -> Tensor:
        silenced = values.clone()
        silenced[self._failed] = 0
        return silenced


@kernel
def _all_inside(
    pos: np.ndarray, lowest: tuple[float, float, float], highest: tuple[float, float, float], inside: np.ndarray
) -> bool:
    """Whether everything `(W, E, 3)` lies between two corners, and by world in `inside` `(W,)`; NaN does not."""
    for w in range(pos.shape[0]):
        inside[w] = True
        for e in range(pos.shape[1]):
            for k in range(3):
                inside[w] &= pos[w, e, k] >= lowest[k] and pos[w, e, k] <= highest[k]
    return bool(inside.all())
