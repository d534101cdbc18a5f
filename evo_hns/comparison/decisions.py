"""How long a decision takes: from what an agent sees to what it does, on one thread, all networks in turns.

A batch of worlds as large as the game has; the networks take turns, so that a busy machine slows all of them alike,
and of each the median turn counts. Ratios mean more than the figures, which are of this machine and this moment.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.envs.game import Game
from evo_hns.evaluation.matches import fresh_seeds
from evo_hns.evaluation.session import build_game
from evo_hns.policies.roster import Roster
from evo_hns.spec import Observation, Side

TURNS = 7
_SEED = 0


def time_decisions(
    rosters: Mapping[str, Mapping[Side, Roster]], config: RunConfig, turns: int = TURNS
) -> dict[str, dict[Side, float]]:
    """Microseconds of each agent's decision, by the names of the rosters and by side.

    Args:
        rosters: the first player of each plays.
        config: the game, and how many worlds of it are decided for at once.
        turns: of each, of which the median counts; one more comes before, uncounted.
    """
    torch.set_num_threads(1)
    env = build_game(config, config.physics.num_worlds)
    seeds = fresh_seeds(config.physics.num_worlds, _SEED)
    observation = env.reset(seeds)
    deciders = {
        (name, side): _Decider(each, side, env, seeds) for name, by in rosters.items() for side, each in by.items()
    }
    laps: dict[tuple[str, Side], list[float]] = {key: [] for key in deciders}
    with torch.inference_mode():
        for _ in range(turns + 1):
            for key, decider in deciders.items():
                laps[key].append(decider.turn(observation))
    found: dict[str, dict[Side, float]] = {name: {} for name in rosters}
    for (name, side), lap in laps.items():
        decisions = len(seeds) * env.observation_spec.team_size(side)
        found[name][side] = 1e6 * float(np.median(lap[1:])) / decisions
    return found


class _Decider:
    """A team in every world of a game."""

    def __init__(self, roster: Roster, side: Side, env: Game, seeds: np.ndarray) -> None:
        self._rows = env.observation_spec.team(side)
        self._team = roster.bind(env.observation_spec, side, torch.zeros(len(seeds), dtype=torch.int64))
        self._state = self._team.initial_state(torch.from_numpy(seeds))

    def turn(self, observation: Observation) -> float:
        """Seconds of one decision of everybody."""
        start = time.perf_counter()
        _, self._state = self._team.act(observation.of(self._rows), self._state)
        return time.perf_counter() - start
