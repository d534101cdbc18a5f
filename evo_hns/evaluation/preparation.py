"""Matches that begin alike share their preparation: while seekers are frozen, nothing depends on who they are.

They command nothing, neither grab nor lock, and what they see is what stands there. So all matches of one hider in one
world share the preparation, and then branch: physics, rules, what hiders remember. Seekers that remember anything
watch, each with its own network, what they would have seen. All of it is to the bit what each match would have
been if played on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from evo_hns.envs.entities import take
from evo_hns.envs.game import Game
from evo_hns.evaluation.recording import Recorder
from evo_hns.policies.base import Team, TeamState
from evo_hns.spec import Action, ActionSpec, Observation, Side

MIDDLE_BIN = ActionSpec().num_movement_bins // 2


@dataclass(frozen=True)
class Begun:
    """W matches at a moment between two env steps."""

    observation: Observation  #: the last one
    returns: Tensor  #: `(W, A)` float64 so far
    states: Mapping[Side, TeamState] = field(default_factory=dict)  #: what teams remember


def prepare(
    game: Game,
    teams: Mapping[Side, Team],
    hiders: Team,
    preparations: Tensor,
    seeds: np.ndarray,
    recorders: Sequence[Recorder],
) -> Begun:
    """Play K preparations, and branch into W matches.

    Args:
        game: of at least W worlds.
        teams: bound to W worlds each.
        hiders: the same players, bound to the first K.
        preparations: `(W,)` int64, which preparation each match begins with; the first K matches with their own.
        seeds: `(W,)` int64 world seeds.
        recorders: are shown what happens in the K worlds.

    Returns:
        The matches at the end of the preparation.
    """
    spec, count = game.observation_spec, int(preparations.max()) + 1
    seekers = spec.team(Side.SEEKERS)
    states = initial_states({Side.HIDERS: hiders}, seeds[:count])
    states |= initial_states({Side.SEEKERS: teams[Side.SEEKERS]}, seeds)
    observation = game.reset(seeds[:count])
    returns = torch.zeros(count, spec.num_agents, dtype=torch.float64)
    for _ in range(game.rules.num_prep_steps):
        seen = observation.of(seekers)
        if states[Side.SEEKERS].numel():  # they remember something
            _, states[Side.SEEKERS] = teams[Side.SEEKERS].act(take(seen, preparations), states[Side.SEEKERS])
        action, states[Side.HIDERS] = hiders.act(observation.of(spec.team(Side.HIDERS)), states[Side.HIDERS])
        action = join_teams([action, _still(action, spec.num_seekers)])
        step = game.step(action)
        returns = returns + step.reward
        for recorder in recorders:
            recorder.record(observation, action, step)
        observation = step.observation
    game.branch(preparations)
    states[Side.HIDERS] = states[Side.HIDERS][preparations]
    return Begun(take(observation, preparations), returns[preparations], states)


def initial_states(teams: Mapping[Side, Team], seeds: np.ndarray) -> dict[Side, TeamState]:
    """What teams remember at the start of matches in worlds with these `(W,)` seeds."""
    worlds = torch.from_numpy(np.asarray(seeds, dtype=np.int64))
    return {side: team.initial_state(stream_seeds(worlds, side)) for side, team in teams.items()}


def stream_seeds(seeds: Tensor, side: Side) -> Tensor:
    """Seeds of what a side draws: both draw from the seed of a match, but never the same numbers.

    Args:
        seeds: `(W,)` int64 world seeds.
        side: who draws.
    """
    return seeds * 2 + int(side)


def join_teams(actions: Sequence[Action]) -> Action:
    """Both teams' actions in the order of the agents."""
    return Action(
        movement=torch.cat([a.movement for a in actions], 1),
        pull=torch.cat([a.pull for a in actions], 1),
        glueall=torch.cat([a.glueall for a in actions], 1),
    )


def _still(like: Action, num_agents: int) -> Action:
    """What frozen seekers do, in the worlds and the form of an action of hiders."""
    values = (like.movement, MIDDLE_BIN), (like.pull, False), (like.glueall, False)
    return Action(*(v.new_full((len(v), num_agents, *v.shape[2:]), fill) for v, fill in values))
