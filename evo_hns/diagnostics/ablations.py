"""Physics ablation: the speed-up and the drift of one change of the engine at a time.

All ablations play the same worlds with the same actions, env step by env step in turns. CPU time is taken around the
physics alone, so that ratios hold on a busy machine. *Drift* is the largest distance between a body with and without
the ablation, median over worlds. A push of 1e-6 m along the floor at the start is the reference: play is chaotic, and
a smaller drift changes nothing measurable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import mujoco
import numpy as np
import torch
from torch import Tensor

from evo_hns.config import RunConfig
from evo_hns.envs.game import Game
from evo_hns.evaluation.recording import Actions, steps_of
from evo_hns.evaluation.session import play
from evo_hns.physics import CpuPhysics
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Action, Side
from evo_hns.worlds.layout import sample_layouts
from evo_hns.worlds.scene import build_scene

MOMENTS = (1, 5, 20, 80)  #: env steps after which drift is taken
PUSH = 1e-6  #: metres
_Disable, _Enable = mujoco.mjtDisableBit, mujoco.mjtEnableBit


def _option(name: str, value: float) -> Callable[[mujoco.MjModel], None]:
    return lambda model: setattr(model.opt, name, value)


def _disable(flag: mujoco.mjtDisableBit) -> Callable[[mujoco.MjModel], None]:
    def pull(model: mujoco.MjModel) -> None:
        model.opt.disableflags |= int(flag)

    return pull


def _both(*pulls: Callable[[mujoco.MjModel], None]) -> Callable[[mujoco.MjModel], None]:
    def pull(model: mujoco.MjModel) -> None:
        for each in pulls:
            each(model)

    return pull


def _stay_awake(model: mujoco.MjModel) -> None:
    model.opt.enableflags &= ~int(_Enable.mjENBL_SLEEP)


def _look_for_contacts(model: mujoco.MjModel, arms: int, others: int, floors: int) -> None:
    """Contact bits of arms, of floor and deck, and of everything else."""
    for geom in range(model.ngeom):
        name = model.geom(geom).name
        bits = arms if ":arm" in name else floors if name in ("floor0", "parking") else others
        model.geom_contype[geom] = model.geom_conaffinity[geom] = bits


def _lift_arms(model: mujoco.MjModel) -> None:
    _look_for_contacts(model, arms=2, others=3, floors=1)


def _drop_limits(model: mujoco.MjModel) -> None:
    model.jnt_limited[:] = 0


ABLATIONS: dict[str, Callable[[mujoco.MjModel], None]] = {
    "no sleep": _stay_awake,
    "sleep_tolerance 2e-3": _option("sleep_tolerance", 2e-3),
    "sleep_tolerance 5e-3": _option("sleep_tolerance", 5e-3),
    "sleep_tolerance 1e-2": _option("sleep_tolerance", 1e-2),
    "arms never meet the floor (contype)": _lift_arms,
    "no joint limits (no locks)": _drop_limits,
    "no welds (no grips)": _disable(_Disable.mjDSBL_EQUALITY),
    "dense Jacobian": _option("jacobian", int(mujoco.mjtJacobian.mjJAC_DENSE)),
    "sparse Jacobian": _option("jacobian", int(mujoco.mjtJacobian.mjJAC_SPARSE)),
    "at most 10 solver iterations": _option("iterations", 10),
    "solver tolerance 1e-6": _option("tolerance", 1e-6),
    "no warm start": _disable(_Disable.mjDSBL_WARMSTART),
    "no warm start, sleep_tolerance 2e-3": _both(_disable(_Disable.mjDSBL_WARMSTART), _option("sleep_tolerance", 2e-3)),
    "no native CCD": _disable(_Disable.mjDSBL_NATIVECCD),
    "no sensors": _disable(_Disable.mjDSBL_SENSOR),
    "no clamping of controls": _disable(_Disable.mjDSBL_CLAMPCTRL),
    "no springs": _disable(_Disable.mjDSBL_SPRING),
    "no frictionloss": _disable(_Disable.mjDSBL_FRICTIONLOSS),
}
"""What is tried, on a compiled model."""


class TimedPhysics(CpuPhysics):
    """The physics with a clock around its steps."""

    seconds = 0.0  #: CPU time of this thread in `step`

    def step(self, num_substeps: int, worlds: Tensor | None = None) -> Tensor:
        """Advance worlds; see `CpuPhysics.step`."""
        start = time.thread_time()
        failed = super().step(num_substeps, worlds)
        self.seconds += time.thread_time() - start
        return failed


@dataclass(frozen=True)
class Effect:
    """Speed-up and drift of an ablation."""

    speed_up: float  #: CPU time of the physics without it, over that with it
    drift: dict[int, float]  #: env steps -> metres, median over worlds
    same_bits: bool  #: after one env step


def build_timed_game(config: RunConfig, num_worlds: int, pull: Callable[[mujoco.MjModel], None] | None = None) -> Game:
    """A game on one thread whose physics keeps its CPU time.

    Args:
        config: the game.
        num_worlds: worlds side by side.
        pull: changes the compiled model.
    """
    torch.set_num_threads(1)
    scene = build_scene(config.world, config.physics)
    if pull is not None:
        pull(scene.model)
    physics = TimedPhysics(scene.model, num_worlds, num_threads=1)
    return Game(scene, physics, config.world, config.rules, config.physics.num_substeps)


def measure(
    config: RunConfig,
    num_worlds: int = 64,
    first_seed: int = 0,
    ablations: Mapping[str, Callable[[mujoco.MjModel], None]] = ABLATIONS,
) -> dict[str, Effect]:
    """Play random matches under each ablation and without any.

    Args:
        config: the game; of its env steps the first 80 are played.
        num_worlds: worlds, each with a seed of its own.
        first_seed: seed of the first world.
        ablations: changes of the model by name.

    Returns:
        Effects by ablation; "a push of 1e-6 m" is the reference.
    """
    seeds = np.arange(first_seed, first_seed + num_worlds, dtype=np.int64)
    config = config.model_copy(update={"rules": config.rules.model_copy(update={"horizon": MOMENTS[-1]})})
    plain, pushed = (build_timed_game(config, num_worlds) for _ in range(2))
    games = {"none": plain, f"a push of {PUSH:g} m": pushed}
    games |= {name: build_timed_game(config, num_worlds, pull) for name, pull in ablations.items()}
    actions = _random_actions(plain, seeds)
    for game in games.values():
        game.reset(seeds)
        _physics(game).seconds = 0.0
    layout = sample_layouts(config.world, seeds)
    exists = torch.as_tensor(np.concatenate([layout.agent_mask, layout.box_mask, layout.ramp_mask], axis=1))
    bodies = np.concatenate([plain.scene.agent_body, plain.scene.object_body])
    _push(pushed, exists)
    drift: dict[str, dict[int, float]] = {name: {} for name in games}
    same: dict[str, bool] = {}
    for t, action in enumerate(actions, start=1):
        for game in games.values():
            game.step(action)
        if t in MOMENTS:
            for name, game in games.items():
                distance = (game.physics.field("xpos") - plain.physics.field("xpos"))[:, bodies].norm(dim=2)
                drift[name][t] = float(torch.where(exists, distance, 0.0).amax(1).nanmedian())
                same.setdefault(name, torch.equal(game.physics.field("qpos"), plain.physics.field("qpos")))
    seconds = {name: _physics(game).seconds for name, game in games.items()}
    return {name: Effect(seconds["none"] / seconds[name], drift[name], same[name]) for name in games}


def _push(game: Game, exists: Tensor) -> None:
    """Move whatever exists along the floor; up or down would make or break every contact with it."""
    slides = torch.as_tensor(np.concatenate([game.scene.agent_qpos[:, :2], game.scene.object_qpos[:, :2]]))
    qpos = game.physics.field("qpos")
    push = torch.randn(*exists.shape, 2, generator=torch.Generator().manual_seed(0), dtype=qpos.dtype)
    qpos[:, slides] += PUSH * torch.where(exists.unsqueeze(2), push, 0.0)
    game.physics.forward()


def _random_actions(game: Game, seeds: np.ndarray) -> list[Action]:
    """What random players do in these worlds."""
    rows, roster = torch.zeros(len(seeds), dtype=torch.int64), scripted_roster("random")
    teams = {side: roster.bind(game.observation_spec, side, rows) for side in Side}
    return list(steps_of(cast(Actions, play(game, teams, seeds, keep=["actions"]).actions)))


def _physics(game: Game) -> TimedPhysics:
    return cast(TimedPhysics, game.physics)
