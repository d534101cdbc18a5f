"""How an episode is played: two teams, one game, from the first look to the horizon.

Every world is one match and stands alone: its outcome depends on its seed and the two genomes,
never on its neighbours, its place in the batch or what was played there before. So its seed and what
was done in it bring it back to the same bits (`replay`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from evo_hns.envs.game import Game, Step
from evo_hns.evaluation.recording import ActionRecorder, Actions, join_actions, rows_of
from evo_hns.evaluation.trajectory import Trajectory, TrajectoryRecorder, join_trajectories
from evo_hns.policies.base import Team
from evo_hns.spec import Action, Observation, Side

Keep = Literal["actions", "trajectory", "final_observation"]
"""What can be kept of episodes beside their outcome."""


@dataclass(frozen=True)
class Episodes:
    """What W played matches came to."""

    returns: Tensor  #: `(W, A)` float64, sum of each agent's rewards
    metrics: dict[str, Tensor]  #: name -> `(W,)` float64, the game's statistics at the end
    failed: Tensor  #: `(W,)` bool, the physics failed: to be counted, never scored
    agent_mask: Tensor  #: `(W, A)` bool, the agent was there; others have a return of 0
    actions: Actions | None = None  #: what everybody did, if it was to be kept
    trajectory: Trajectory | None = None  #: where everything was, if it was to be kept
    final_observation: Observation | None = None  #: `(W, A, ...)` after the last env step, if it was to be kept

    def take(self, index: np.ndarray) -> Episodes:
        """Some of the matches, in this order."""
        rows, seen = torch.from_numpy(index), self.final_observation
        return Episodes(
            returns=self.returns[rows],
            metrics={name: values[rows] for name, values in self.metrics.items()},
            failed=self.failed[rows],
            agent_mask=self.agent_mask[rows],
            actions=None if self.actions is None else rows_of(self.actions, index),
            trajectory=None if self.trajectory is None else self.trajectory.take(index),
            final_observation=None if seen is None else _map(lambda v: v[rows], seen),
        )

    @property
    def outcome(self) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Returns, failures and statistics as plain arrays, for an archive."""
        metrics = {name: values.numpy() for name, values in self.metrics.items()}
        return self.returns.numpy(), self.failed.numpy(), metrics


def join(parts: Sequence[Episodes]) -> Episodes:
    """Episodes one after the other, of which the same was kept."""
    actions = [part.actions for part in parts if part.actions is not None]
    trajectories = [part.trajectory for part in parts if part.trajectory is not None]
    seen = [part.final_observation for part in parts if part.final_observation is not None]
    return Episodes(
        returns=torch.cat([p.returns for p in parts]),
        metrics={name: torch.cat([p.metrics[name] for p in parts]) for name in parts[0].metrics},
        failed=torch.cat([p.failed for p in parts]),
        agent_mask=torch.cat([p.agent_mask for p in parts]),
        actions=join_actions(actions) if actions else None,
        trajectory=join_trajectories(trajectories) if trajectories else None,
        final_observation=_map(lambda *values: torch.cat(values), *seen) if seen else None,
    )


def _map(function: Callable[..., Tensor], *observations: Observation) -> Observation:
    """A function of the same field of several observations, for each field."""
    return Observation(**{f.name: function(*(getattr(o, f.name) for o in observations)) for f in fields(Observation)})


class Recorder(Protocol):
    """Watches a batch of matches as it is played."""

    def record(self, observation: Observation, action: Action, step: Step) -> None:
        """Called once per env step with what was observed, what was done and what came of it."""


Decide = Callable[[Observation], Action]
"""What all agents of W worlds do when they observe this; it remembers the episode so far."""


def both_teams(game: Game, teams: Mapping[Side, Team], seeds: np.ndarray) -> Decide:
    """Both teams at the start of an episode.

    Args:
        game: whose agents they are.
        teams: bound to W worlds each.
        seeds: `(W,)` int64 world seeds.
    """
    # Both sides draw from the match's seed, but never the same numbers.
    streams = torch.from_numpy(np.asarray(seeds, dtype=np.int64)) * 2
    states = {side: teams[side].initial_state(streams + int(side)) for side in Side}

    def decide(observation: Observation) -> Action:
        actions = []
        for side in Side:
            action, states[side] = teams[side].act(observation.of(game.observation_spec.team(side)), states[side])
            actions.append(action)
        return _join_teams(actions)

    return decide


@torch.inference_mode()
def play(
    game: Game,
    teams: Mapping[Side, Team],
    seeds: np.ndarray,
    *,
    keep: Collection[Keep] = (),
    recorders: Sequence[Recorder] = (),
) -> Episodes:
    """Play one match in each of W worlds.

    Args:
        game: it may hold more than W worlds.
        teams: bound to W worlds each.
        seeds: `(W,)` int64 world seeds.
        keep: what is kept beside the outcome.
        recorders: are shown every env step.

    Returns:
        The episodes, row k being the match of `seeds[k]`.
    """
    return _play(game, both_teams(game, teams, seeds), seeds, keep, recorders)


@torch.inference_mode()
def replay(game: Game, actions: Iterable[Action], seeds: np.ndarray, *, keep: Collection[Keep] = ()) -> Episodes:
    """Play W matches again from what was done in them.

    Args:
        game: it may hold more than W worlds.
        actions: of all agents, `(W, A, ...)`, one for each env step up to the horizon.
        seeds: `(W,)` int64 world seeds.
        keep: what is kept beside the outcome.

    Returns:
        The episodes, to the bits of those in which the actions were recorded.
    """
    script = iter(actions)
    return _play(game, lambda _: next(script), seeds, keep, ())


def _play(
    game: Game, decide: Decide, seeds: np.ndarray, keep: Collection[Keep], recorders: Sequence[Recorder]
) -> Episodes:
    """Look, decide, step, from the start to the horizon."""
    actions = ActionRecorder() if "actions" in keep else None
    trajectory = TrajectoryRecorder(game, seeds) if "trajectory" in keep else None
    recorders = [*recorders, *(each for each in (actions, trajectory) if each is not None)]
    observation = game.reset(seeds)
    agent_mask = observation.agent_mask
    returns = torch.zeros(len(seeds), game.observation_spec.num_agents, dtype=torch.float64)
    for _ in range(game.horizon):
        action = decide(observation)
        step = game.step(action)
        returns += step.reward
        for recorder in recorders:
            recorder.record(observation, action, step)
        observation = step.observation
    return Episodes(
        returns=returns,
        metrics=game.metrics(),
        failed=step.failed,
        agent_mask=agent_mask,
        actions=None if actions is None else actions.actions,
        trajectory=None if trajectory is None else trajectory.trajectory,
        final_observation=_map(torch.clone, observation) if "final_observation" in keep else None,
    )


def _join_teams(actions: list[Action]) -> Action:
    """Both teams' actions in the order of the agents."""
    return Action(
        movement=torch.cat([a.movement for a in actions], 1),
        pull=torch.cat([a.pull for a in actions], 1),
        glueall=torch.cat([a.glueall for a in actions], 1),
    )
