"""What a coarser timestep would gain, and what it would change in the game.

The env step stays as long as it is; it is only cut into fewer substeps. All timesteps play the same worlds with the
same players, a batch at a time in turns, and CPU time is taken around the physics alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import PhysicsConfig, RunConfig
from evo_hns.diagnostics.ablations import TimedPhysics, build_timed_game
from evo_hns.envs.game import Game, Step
from evo_hns.envs.grab_lock import distance_to_cuboids
from evo_hns.evaluation.intervals import Estimate, estimate
from evo_hns.evaluation.rollout import Episodes, join
from evo_hns.evaluation.session import play
from evo_hns.policies.roster import check_scripted, scripted_roster
from evo_hns.spec import Action, Observation, Side
from evo_hns.worlds.sizes import AGENT_RADIUS, NUM_OUTER_WALLS

DEEP = 0.05  #: metres into a wall, a third of an agent's radius


@dataclass(frozen=True)
class Timestep:
    """What came of one number of substeps."""

    num_substeps: int
    microseconds: float  #: CPU time of the physics per env step of a world
    metrics: dict[str, Estimate]  #: over worlds that did not fail; shares are of these worlds
    discarded: float  #: share of all worlds


class WallWatch:
    """Watches for agents inside walls, and for agents that left a field that has outer walls."""

    def __init__(self, game: Game) -> None:
        self._game, self._deepest, self._left = game, torch.zeros(0), torch.zeros(0, dtype=torch.bool)

    def record(self, observation: Observation, action: Action, step: Step) -> None:
        """Look at where everybody is after an env step."""
        physics, scene = self._game.physics, self._game.scene
        agents = physics.field("xpos")[: len(step.failed)][:, scene.agent_body]
        walls = torch.as_tensor(scene.wall_geom)
        pos, size = (physics.model_field(name)[: len(agents)][:, walls] for name in ("geom_pos", "geom_size"))
        upright = torch.eye(3, dtype=pos.dtype).flatten().expand(*pos.shape[:2], 9)
        depth = AGENT_RADIUS - distance_to_cuboids(agents, pos, upright, size).flatten(1).amin(1)
        closed = (pos[:, :NUM_OUTER_WALLS, 2] > 0.0).all(1)
        floor = physics.model_field("geom_size")[: len(agents), 0, 0] * 2.0
        outside = ((agents[..., :2] < 0.0) | (agents[..., :2] > floor[:, None, None])).flatten(1).any(1)
        self._deepest = torch.maximum(self._deepest, depth) if len(self._deepest) else depth
        left = outside & closed & ~step.failed
        self._left = (self._left | left) if len(self._left) else left

    @property
    def metrics(self) -> dict[str, Tensor]:
        """`(W,)` deepest in a wall, metres; 1 where an agent was deep in one; 1 where an agent left a closed field."""
        deep = self._deepest > DEEP
        return {"deepest_in_wall": self._deepest, "deep_in_wall": deep.double(), "left_field": self._left.double()}


def compare(
    config: RunConfig, cuts: Sequence[PhysicsConfig], players: dict[Side, str], num_worlds: int, batch: int = 64
) -> list[Timestep]:
    """Play the same matches at each timestep.

    Args:
        config: the game.
        cuts: how env steps are cut into substeps (`PhysicsConfig.of_search`), each in another number.
        players: names of the scripted players of both sides.
        num_worlds: worlds, seeds from 0 on.
        batch: worlds side by side.

    Raises:
        ConfigError: there is no such player.
    """
    for name in players.values():
        check_scripted(name)
    games = {
        cut.num_substeps: build_timed_game(config.model_copy(update={"physics": cut}), min(batch, num_worlds))
        for cut in cuts
    }
    played: dict[int, list[Episodes]] = {n: [] for n in games}
    for first in range(0, num_worlds, batch):
        seeds = np.arange(first, min(first + batch, num_worlds), dtype=np.int64)
        for n, game in games.items():
            played[n].append(_play(game, players, seeds))
    env_steps = num_worlds * config.rules.horizon
    return [_sum_up(n, games[n], join(played[n]), env_steps) for n in games]


def _play(game: Game, players: dict[Side, str], seeds: np.ndarray) -> Episodes:
    rows, watch, spec = torch.zeros(len(seeds), dtype=torch.int64), WallWatch(game), game.observation_spec
    teams = {side: scripted_roster(players[side]).bind(spec, side, rows) for side in Side}
    episodes = play(game, teams, seeds, recorders=[watch])
    hiders = game.observation_spec.num_hiders
    episodes.metrics.update(watch.metrics)
    episodes.metrics["hiders_return"] = episodes.returns[:, :hiders].mean(1)
    episodes.metrics["seekers_return"] = episodes.returns[:, hiders:].mean(1)
    return episodes


def _sum_up(num_substeps: int, game: Game, episodes: Episodes, env_steps: int) -> Timestep:
    physics = cast(TimedPhysics, game.physics)
    scored = ~episodes.failed
    return Timestep(
        num_substeps,
        1e6 * physics.seconds / env_steps,
        {name: estimate(values[scored].numpy()) for name, values in episodes.metrics.items()},
        float(episodes.failed.double().mean()),
    )
