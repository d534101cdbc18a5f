"""Where the time goes: bare physics, the rules, the networks and a whole generation, side by side.

All four play the same worlds with the same settings on one thread, in turns, so that a busy
machine slows all of them alike: the ratios mean something where the rates do not. Long episodes are played in
fewer worlds, and the generation has fewer matches than one of a run, so that all of it takes about two minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import RunConfig, WorldConfig
from evo_hns.envs.game import Step
from evo_hns.evaluation.evaluators import Evaluator, build_evaluator
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.session import GameSession, play
from evo_hns.physics import BACKENDS
from evo_hns.policies.roster import Roster
from evo_hns.spec import Action, Observation, Side
from evo_hns.training.evolution import Evolution
from evo_hns.worlds.arrays import initial_qpos, model_arrays
from evo_hns.worlds.layout import sample_layouts

STATE_FIELDS = ("ctrl", "eq_active")
MODEL_FIELDS = ("eq_data", "jnt_range")
"""What the rules write before each env step: a replay of the physics needs no more."""

ENV_STEPS = 30_720
"""Env steps of a layer's turn, at most: 128 worlds of 240 env steps, or the 256 of the settings of 80."""
EPISODES_PER_CANDIDATE, FINALIST_EPISODES = 1, 8
"""Matches in the generation that is measured, at most."""


@dataclass(frozen=True)
class Rate:
    """Env steps of one layer and the seconds of CPU time they took."""

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

    def __init__(self, session: GameSession, tape: Tape) -> None:
        self._physics = session.game.physics
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


def bench(config: RunConfig, rounds: int = 2, num_worlds: int | None = None) -> Benchmark:
    """Measure all layers on one thread.

    Args:
        config: the game, the networks and the searches to measure.
        rounds: turns of each layer.
        num_worlds: worlds side by side, if not those of the settings, within `ENV_STEPS`.
    """
    torch.set_num_threads(1)
    size = num_worlds or min(config.physics.num_worlds, max(1, ENV_STEPS // config.rules.horizon))
    one_thread = config.physics.model_copy(
        update={"num_worlds": size, "num_threads": 1, "search_substeps": None}
    )  # at the game's own timestep throughout
    evaluator = build_evaluator(config.model_copy(update={"physics": one_thread}))
    session = evaluator.session
    seeds = np.arange(size, dtype=np.int64)
    rows = np.arange(size)
    rosters, table = _random_networks(session, config.seed), MatchTable(rows, rows, seeds)
    tape = Tape()
    play(session.game, session.teams(table, rosters), seeds, recorders=[TapeRecorder(session, tape)])  # compiles, too
    layers: dict[str, Callable[[], Rate]] = {
        "physics": lambda: _time_physics(session, config.world, seeds, tape),
        "env": lambda: _time_env(session, seeds, tape),
        "env_with_policies": lambda: _time_play(session, table, rosters),
        "generation": lambda: _time_generation(_shorten(config), evaluator),
    }
    turns: dict[str, list[Rate]] = {name: [] for name in layers}
    for _ in range(rounds):
        for name, layer in layers.items():
            turns[name].append(layer())
    rates = {name: Rate(sum(r.env_steps for r in done), sum(r.seconds for r in done)) for name, done in turns.items()}
    return Benchmark(size, rates)


def _random_networks(session: GameSession, seed: int) -> dict[Side, Roster]:
    """A network of its own for each world."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {side: (session.num_worlds, session.genome_lengths[side]) for side in Side}
    return {side: session.roster(side, torch.randn(*shapes[side], generator=generator)) for side in Side}


def _time_physics(session: GameSession, world: WorldConfig, seeds: np.ndarray, tape: Tape) -> Rate:
    """`Batch.step` alone, from the same starts with the recorded inputs; nothing else is read out."""
    env, layout = session.game, sample_layouts(world, seeds)
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
        start = time.process_time()
        bare.step(env.num_substeps, worlds)
        seconds += time.process_time() - start
        env_steps += len(alive)
    return Rate(env_steps, seconds)


def _time_env(session: GameSession, seeds: np.ndarray, tape: Tape) -> Rate:
    """Resets, rules, physics and observations, with the recorded actions."""
    start = time.process_time()
    with torch.inference_mode():
        session.game.reset(seeds)
        for action in tape.actions:
            session.game.step(action)
    return Rate(len(seeds) * len(tape.actions), time.process_time() - start)


def _time_play(session: GameSession, table: MatchTable, rosters: Mapping[Side, Roster]) -> Rate:
    """Whole episodes with the networks deciding."""
    start = time.process_time()
    session.play(table, rosters)
    return Rate(len(table) * session.game.horizon, time.process_time() - start)


def _shorten(config: RunConfig) -> RunConfig:
    """The settings with fewer matches in a generation."""
    own = config.coevolution
    fewer = {
        "episodes_per_candidate": min(own.episodes_per_candidate, EPISODES_PER_CANDIDATE),
        "finalist_episodes": min(own.finalist_episodes, FINALIST_EPISODES),
    }
    return config.model_copy(update={"coevolution": own.model_copy(update=fewer)})


def _time_generation(config: RunConfig, evaluator: Evaluator) -> Rate:
    """A generation: both searches, the matches of all candidates, champions."""
    trainer = Evolution(config, evaluator)
    trainer.remember_first_candidates()  # as if a generation had been
    start = time.process_time()
    generation = next(trainer.generations(first=1))
    return Rate(int(generation.metrics["env_steps"]), time.process_time() - start)
