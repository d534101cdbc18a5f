"""How an episode is played: two teams, one environment, from the first look to the horizon.

Every world is one match and stands alone: its outcome depends on its seed and the two genomes,
never on its neighbours, its place in the batch or what was played there before. So its seed and what
was done in it bring it back to the same bits (`replay`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from evo_hns.envs.game import Game, Step
from evo_hns.policies.base import Policy, PolicyState
from evo_hns.spec import Action, Observation, Side


@dataclass(frozen=True)
class Episodes:
    """What W played matches came to."""

    returns: Tensor  #: `(W, A)` float64, sum of each agent's rewards
    metrics: dict[str, Tensor]  #: name -> `(W,)` float64, the game's statistics at the end
    failed: Tensor  #: `(W,)` bool, the physics failed: to be counted, never scored
    agent_mask: Tensor  #: `(W, A)` bool, the agent was there; others have a return of 0

    def take(self, index: np.ndarray) -> Episodes:
        """Some of the matches, in this order."""
        rows = torch.from_numpy(index)
        metrics = {name: values[rows] for name, values in self.metrics.items()}
        return Episodes(self.returns[rows], metrics, self.failed[rows], self.agent_mask[rows])


class Recorder(Protocol):
    """Watches a batch of matches as it is played."""

    def record(self, observation: Observation, action: Action, step: Step) -> None:
        """Called once per env step with what was seen, what was done and what came of it."""


@torch.inference_mode()
def play(
    env: Game,
    policies: Mapping[Side, Policy],
    genomes: Mapping[Side, Tensor],
    seeds: np.ndarray,
    *,
    recorder: Recorder | None = None,
) -> Episodes:
    """Play one match in each of W worlds.

    Args:
        env: the game; it may hold more than W worlds.
        policies: what plays each side.
        genomes: per side `(W, M, N)` float32: M = 1 network for the team, or one per member.
        seeds: `(W,)` int64 world seeds.
        recorder: is shown every env step.

    Returns:
        The episodes, row k being the match of `seeds[k]`.
    """
    return _play(env, both_teams(env, policies, genomes, seeds), seeds, recorder)


Decide = Callable[[Observation], Action]
"""What all agents of W worlds do when they are told this; it remembers the episode so far."""


def both_teams(env: Game, policies: Mapping[Side, Policy], genomes: Mapping[Side, Tensor], seeds: np.ndarray) -> Decide:
    """Both sides' players at the start of an episode; see `play`."""
    states = {side: _initial_state(policies[side], side, seeds, env) for side in Side}

    def decide(observation: Observation) -> Action:
        actions = []
        for side in Side:
            view = observation.of(env.observation_spec.team(side))
            action, states[side] = policies[side].act(genomes[side], view, states[side])
            actions.append(action)
        return _join(actions)

    return decide


@torch.inference_mode()
def replay(env: Game, actions: Iterable[Action], seeds: np.ndarray, *, recorder: Recorder | None = None) -> Episodes:
    """Play W matches again from what was done in them.

    Args:
        env: the game; it may hold more than W worlds.
        actions: of all agents, `(W, A, ...)`, one for each env step up to the horizon.
        seeds: `(W,)` int64 world seeds.
        recorder: is shown every env step.

    Returns:
        The episodes, to the bits of those in which the actions were recorded.
    """
    script = iter(actions)
    return _play(env, lambda _: next(script), seeds, recorder)


def _play(env: Game, decide: Decide, seeds: np.ndarray, recorder: Recorder | None) -> Episodes:
    """Look, decide, step, from the start to the horizon."""
    observation = env.reset(seeds)
    agent_mask = observation.agent_mask
    returns = torch.zeros(len(seeds), env.observation_spec.num_agents, dtype=torch.float64)
    for _ in range(env.horizon):
        action = decide(observation)
        step = env.step(action)
        returns += step.reward
        if recorder is not None:
            recorder.record(observation, action, step)
        observation = step.observation
    return Episodes(returns, env.metrics(), step.failed, agent_mask)


def _initial_state(policy: Policy, side: Side, seeds: np.ndarray, env: Game) -> PolicyState:
    # Both sides draw from the match's seed, but never the same numbers.
    streams = torch.from_numpy(np.asarray(seeds, dtype=np.int64)) * 2 + int(side)
    return policy.initial_state(streams, env.observation_spec.team_size(side))


def _join(actions: list[Action]) -> Action:
    """Both teams' actions in the order of the agents."""
    return Action(
        movement=torch.cat([a.movement for a in actions], 1),
        pull=torch.cat([a.pull for a in actions], 1),
        glueall=torch.cat([a.glueall for a in actions], 1),
    )
