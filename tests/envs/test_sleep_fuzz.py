"""With sleep, things come to rest where they do without: under random locks, grips and what becomes of them in the air.

A game is played without sleep: agents run, lock and grip at random, and a hand lifts things into the air, onto
each other and onto ramps. Its state is copied into a game with sleep, and into one without that is pushed by 1e-6 m.
In all three everybody stands still; then locks and grips are changed at random; in the end all are opened. Each time
where things rest is compared.

Falling is chaotic now and then, so a single world proves nothing. What can be proved wrong: that sleep moves a resting
place by more than `FAR` no more often than the push does (a sign test over the worlds where only one of them did).

`EVO_HNS_FUZZ=160 pytest -m release` on this file plays so many games, 2 s each.
"""

from __future__ import annotations

import os
from dataclasses import replace
from math import comb

import numpy as np
import pytest
import torch

from evo_hns.config import PhysicsConfig, RulesConfig, WorldConfig
from evo_hns.envs.game import Game
from evo_hns.physics.cpu import CpuPhysics
from evo_hns.spec import Action
from evo_hns.worlds.layout import sample_layouts
from evo_hns.worlds.scene import build_scene

QUICK, MANY = 4, int(os.environ.get("EVO_HNS_FUZZ", "60"))
NUM_WORLDS = 8  #: of each game
PLAY, SETTLE, CHANGED = 5, 6, 12  #: env steps
PUSH, FAR = 1e-6, 1e-3  #: metres
AT_REST = 1e-3  #: metres or radians per second; only objects slower than that are compared
LEVEL = 1e-3  #: how seldom the test fails although sleep changes nothing

WORLDS = (
    WorldConfig(num_hiders=1, num_seekers=1),
    WorldConfig(num_boxes=3, num_ramps=2),
    WorldConfig(
        scenario="randomwalls",
        num_hiders=(1, 3),
        num_seekers=(1, 3),
        num_boxes=(3, 9),
        num_elongated_boxes=3,
        num_ramps=2,
    ),
    WorldConfig(num_boxes=3, free_box_rotation=True),
)


def make_rules(rng: np.random.Generator) -> RulesConfig:
    """Agents reach as far as in the game, across a room, or everywhere; they need not see."""
    return RulesConfig(
        prep_fraction=0.0,
        lock_grab_radius=rng.choice([0.25, 1.0, 100.0]),
        lock_type=rng.choice(["any_lock", "all_lock", "any_lock_specific", "all_lock_team_specific"]),
        lock_out_of_vision=True,
        grab_out_of_vision=True,
    )


class Trial:
    """One game awake, and what becomes of its states with sleep and after a push."""

    def __init__(self, world: WorldConfig, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        rules = make_rules(self.rng)
        seeds = np.arange(seed * NUM_WORLDS, (seed + 1) * NUM_WORLDS, dtype=np.int64)
        layout = sample_layouts(world, seeds)
        self.exists = np.concatenate([layout.box_mask, layout.ramp_mask], axis=1)
        self.num_agents, self.failed = world.max_agents, np.zeros(NUM_WORLDS, dtype=bool)
        self.awake, self.sleepy, self.pushed = (
            self._start(world, rules, seeds, sleep) for sleep in (False, True, False)
        )
        scene = self.awake.scene
        self.bodies, self.slides, self.dofs = scene.object_body, scene.object_qpos[:, :3], scene.object_qpos

    @staticmethod
    def _start(world: WorldConfig, rules: RulesConfig, seeds: np.ndarray, sleep: bool) -> Game:
        scene = build_scene(world, PhysicsConfig(sleep=sleep))
        game = Game(scene, CpuPhysics(scene.model, NUM_WORLDS, num_threads=1), world, rules, num_substeps=15)
        game.reset(seeds)
        return game

    def rests(self) -> np.ndarray:
        """`(2, W)` metres between the resting places of the object that is farthest off, by sleep and by the push."""
        places = [game.physics.field("xpos").numpy()[:, self.bodies] for game in (self.awake, self.sleepy, self.pushed)]
        speed = np.abs(self.awake.physics.field("qvel").numpy()[:, self.dofs]).max(axis=2)
        counted = self.exists & (speed < AT_REST)
        apart = [np.linalg.norm(place - places[0], axis=2) for place in places[1:]]
        return np.where(counted, apart, 0.0).max(axis=2)

    def round(self) -> np.ndarray:
        """Play, copy, change the constraints, open them; `(2, K)` the largest `rests` since the copy."""
        self.lift()
        for _ in range(PLAY):
            actions = self.actions(strength=5)
            self.step(actions, self.awake)
        self.copy()
        still = Action(torch.full_like(actions.movement, 5), actions.pull, actions.glueall)
        never = torch.zeros_like(actions.pull)
        rested = []
        for action, num_steps in (
            (still, SETTLE),
            (self.actions(strength=0), CHANGED),
            (Action(still.movement, never, never), CHANGED),
        ):
            for _ in range(num_steps):
                self.step(action, self.awake, self.sleepy, self.pushed)
            rested.append(self.rests())
        return np.max(rested, axis=0)[:, ~self.failed]

    def actions(self, strength: int) -> Action:
        shape = NUM_WORLDS, self.num_agents
        movement = 5 + strength * torch.from_numpy(self.rng.integers(-1, 2, (*shape, 3)))
        pull, glue = torch.from_numpy(self.rng.random((2, *shape)) < 0.5)
        return Action(movement, pull, glue)

    def step(self, action: Action, *games: Game) -> None:
        for game in games:
            self.failed |= game.step(action).failed.numpy()

    def lift(self) -> None:
        """Move two objects of each world: up, onto another, or above anywhere."""
        physics = self.awake.physics
        corners = physics.field("qpos").numpy()
        for w in np.repeat(np.arange(NUM_WORLDS), 2):
            centres = physics.field("xpos").numpy()[w, self.bodies]
            item, other = self.rng.choice(np.flatnonzero(self.exists[w]), 2)
            up = centres[item] + [0.0, 0.0, self.rng.uniform(0.05, 0.8)]
            onto = centres[other] + [*self.rng.uniform(-0.2, 0.2, 2), self.rng.uniform(0.5, 0.8)]
            above = self.rng.uniform([0.6, 0.6, 0.8], [5.4, 5.4, 1.5])
            corners[w, self.slides[item]] += (up, onto, above)[self.rng.integers(3)] - centres[item]
            physics.forward()

    @torch.inference_mode()
    def copy(self) -> None:
        """Continue all games from the state of the one that is awake; push one of them along the floor."""
        for game in (self.sleepy, self.pushed):
            for name in ("qpos", "qvel", "eq_active", "qacc_warmstart"):
                game.physics.field(name)[:] = self.awake.physics.field(name)
            for name in ("jnt_range", "eq_data"):
                game.physics.model_field(name)[:] = self.awake.physics.model_field(name)
            game.state = replace(self.awake.state)
        push = PUSH * self.rng.standard_normal((*self.exists.shape, 2)) * self.exists[:, :, None]
        self.pushed.physics.field("qpos").numpy()[:, self.slides[:, :2]] += push
        for game in (self.sleepy, self.pushed):
            game.physics.forward()


def fuzz(num_games: int, num_rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """`(K,)` metres by which sleep and the push moved resting places, in the worlds and rounds of so many games."""
    rested = []
    for seed in range(num_games):
        trial = Trial(WORLDS[seed % len(WORLDS)], seed)
        rested += [trial.round() for _ in range(num_rounds)]
    by_sleep, by_push = np.concatenate(rested, axis=1)
    return by_sleep, by_push


def check(by_sleep: np.ndarray, by_push: np.ndarray) -> None:
    """Sleep moves things far no more often than the push, by a one-sided sign test."""
    for far in (FAR, 10 * FAR, 100 * FAR):
        sleep, push = int(((by_sleep > far) & (by_push <= far)).sum()), int(((by_push > far) & (by_sleep <= far)).sum())
        total = sleep + push
        chance = sum(comb(total, k) for k in range(sleep, total + 1)) / 2**total
        assert chance > LEVEL, f"farther than {far:g} m: {sleep} by sleep alone, {push} by the push alone"


def test_things_come_to_rest_where_they_do_without_sleep() -> None:
    by_sleep, by_push = fuzz(QUICK, num_rounds=1)
    check(by_sleep, by_push)
    assert np.median(by_sleep) < 1e-4
    assert len(by_sleep) > QUICK * NUM_WORLDS / 2  # who fails is left out


@pytest.mark.release
def test_things_come_to_rest_where_they_do_without_sleep_in_many_games() -> None:
    check(*fuzz(MANY, num_rounds=3))
