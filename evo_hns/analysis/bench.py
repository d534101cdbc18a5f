"""Where the time goes: bare physics, the rules, the networks and a whole generation, side by side.

All four play the same worlds with the same settings on one thread, in turns, so that a busy
machine slows all of them alike: the ratios mean something where the rates do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from evo_hns.coevolution import build_populations, run_generation
from evo_hns.config import RunConfig, WorldConfig
from evo_hns.envs.game import Step
from evo_hns.evaluation.evaluators import LocalEvaluator, Player, build_player
from evo_hns.physics import BACKENDS
from evo_hns.rollout import play
from evo_hns.spec import Action, Observation, Side
from evo_hns.worlds.arrays import initial_qpos, model_arrays
from evo_hns.worlds.layout import sample_layouts

STATE_FIELDS = ("ctrl", "eq_active")
MODEL_FIELDS = ("eq_data", "jnt_range")
"""What the rules write before each env step: a replay of the physics needs no more."""


@dataclass(frozen=True)
class Rate:
    """Env steps of one layer and the seconds they took."""

    env_steps: int
    seconds: float

    @property
    def env_steps_per_second(self) -> float:
        """The unit of every speed figure."""
        return self.env_steps / self.seconds

    @property
    def microseconds_per_env_step(self) -> float:
        """Of one world."""
        return 1e6 * self.seconds / self.env_steps


@dataclass(frozen=True)
class Benchmark:
    """Rates of the four layers, measured in one run."""

    num_worlds: int
    rates: dict[str, Rate]  #: physics, env, env_with_policies, generation

    def share(self, name: str) -> float:
        """Rate of a layer as a share of the bare physics rate: 1 means that all else is free."""
        return self.rates[name].env_steps_per_second / self.rates["physics"].env_steps_per_second

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        layers = {
            name: {
                "env_steps_per_second": rate.env_steps_per_second,
                "microseconds_per_env_step": rate.microseconds_per_env_step,
                "share_of_physics": self.share(name),
            }
            for name, rate in self.rates.items()
        }
        return {"num_worlds": self.num_worlds, **layers}


@dataclass
class Tape:
    """What went into the physics of one batch of episodes, step by step."""

    actions: list[Action] = field(default_factory=list)
    inputs: list[dict[str, Tensor]] = field(default_factory=list)
    alive: list[Tensor] = field(default_factory=list)


class TapeRecorder:
    """Keeps a copy of the physics' inputs while a batch is played."""

    def __init__(self, player: Player, tape: Tape) -> None:
        self._physics = player.env.physics
        self._tape = tape
        self._failed = torch.zeros(0, dtype=torch.bool)

    def record(self, observation: Observation, action: Action, step: Step) -> None:
        """Copy what the rules wrote before the physics moved."""
        inputs = {name: self._physics.field(name).clone() for name in STATE_FIELDS}
        inputs |= {name: self._physics.model_field(name).clone() for name in MODEL_FIELDS}
        before = self._failed if len(self._failed) else torch.zeros_like(step.failed)
        self._tape.actions.append(action)
        self._tape.inputs.append(inputs)
        self._tape.alive.append(torch.nonzero(~before).ravel())
        self._failed = step.failed.clone()


def bench(config: RunConfig, rounds: int = 3, num_worlds: int | None = None) -> Benchmark:
    """Measure all layers on one thread.

    Args:
        config: the game, the networks and the searches to measure.
        rounds: turns of each layer.
        num_worlds: worlds side by side, if not those of the settings.
    """
    torch.set_num_threads(1)
    size = num_worlds or config.physics.num_worlds
    player = build_player(config, size)
    evaluator = LocalEvaluator([player])
    seeds = np.arange(size, dtype=np.int64)
    genomes = _random_genomes(player, config.seed, size)
    tape = Tape()
    play(player.env, player.policies, genomes, seeds, recorder=TapeRecorder(player, tape))
    layers: dict[str, Callable[[], Rate]] = {
        "physics": lambda: _time_physics(player, config.world, seeds, tape),
        "env": lambda: _time_env(player, seeds, tape),
        "env_with_policies": lambda: _time_play(player, genomes, seeds),
        "generation": lambda: _time_generation(config, evaluator),
    }
    for layer in layers.values():
        layer()  # compiles, fills caches
    turns: dict[str, list[Rate]] = {name: [] for name in layers}
    for _ in range(rounds):
        for name, layer in layers.items():
            turns[name].append(layer())
    rates = {name: Rate(sum(r.env_steps for r in done), sum(r.seconds for r in done)) for name, done in turns.items()}
    return Benchmark(size, rates)


def _random_genomes(player: Player, seed: int, num_worlds: int) -> dict[Side, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.arange(num_worlds)
    return {
        side: player.roster(side, torch.randn(num_worlds, player.genome_lengths[side], generator=generator)).params(
            rows
        )
        for side in Side
    }


def _time_physics(player: Player, world: WorldConfig, seeds: np.ndarray, tape: Tape) -> Rate:
    """`Batch.step` alone, from the same starts with the recorded inputs; nothing else is read out."""
    env, layout = player.env, sample_layouts(world, seeds)
    bare = BACKENDS["cpu"](env.scene.model, len(seeds), num_threads=1)
    for name, values in model_arrays(env.scene, layout).items():
        bare.model_field(name)[:] = torch.as_tensor(values)
    bare.reset()
    bare.field("qpos")[:] = torch.as_tensor(initial_qpos(env.scene, layout))
    bare.forward()
    seconds, env_steps = 0.0, 0
    for inputs, alive in zip(tape.inputs, tape.alive, strict=True):
        for name in STATE_FIELDS:
            bare.field(name)[:] = inputs[name]
        for name in MODEL_FIELDS:
            bare.model_field(name)[:] = inputs[name]
        worlds = None if len(alive) == len(seeds) else alive
        start = time.perf_counter()
        bare.step(env.num_substeps, worlds)
        seconds += time.perf_counter() - start
        env_steps += len(alive)
    return Rate(env_steps, seconds)


def _time_env(player: Player, seeds: np.ndarray, tape: Tape) -> Rate:
    """Resets, rules, physics and observations, with the recorded actions."""
    start = time.perf_counter()
    with torch.inference_mode():
        player.env.reset(seeds)
        for action in tape.actions:
            player.env.step(action)
    return Rate(len(seeds) * len(tape.actions), time.perf_counter() - start)


def _time_play(player: Player, genomes: dict[Side, Tensor], seeds: np.ndarray) -> Rate:
    """Whole episodes with the networks deciding."""
    start = time.perf_counter()
    play(player.env, player.policies, genomes, seeds)
    return Rate(len(seeds) * player.env.horizon, time.perf_counter() - start)


def _time_generation(config: RunConfig, evaluator: LocalEvaluator) -> Rate:
    """A whole generation: both searches, all matches, champions."""
    populations = build_populations(config, evaluator)
    for side in Side:  # past the first generation, where the held-out players are met
        populations[side].hall.append(populations[side].searcher.ask()[0].to(torch.float32), 0, 0.0)
    start = time.perf_counter()
    record = run_generation(config, evaluator, populations, generation=1)
    return Rate(int(record.metrics["env_steps"]), time.perf_counter() - start)
