"""A live episode of one world: played on env step by env step, looked at anywhere, steered by a person or not.

It is played as `rollout.play` plays it, so that an episode in which nobody took over has the returns that `evaluate`
gives for the pair and the seed, to the bit; a recorded match is played again from what was done in it. Everything that
was is kept: looking back shows what is stored and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from evo_hns.archive.records import Match
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.recording import steps_of
from evo_hns.evaluation.rollout import Episodes
from evo_hns.evaluation.session import Decide, both_teams, build_session
from evo_hns.evaluation.trajectory import Trajectory, TrajectoryRecorder
from evo_hns.policies.roster import Roster
from evo_hns.spec import Action, ActionSpec, ObservationSpec, Side

_MIDDLE_BIN = ActionSpec().num_movement_bins // 2


@dataclass(frozen=True)
class Steering:
    """What a person wants an agent to do."""

    force: tuple[float, float] = (0.0, 0.0)  #: along world x and y, each in [-1, 1]
    torque: float = 0.0  #: in [-1, 1], positive to the left
    grab: bool = False  #: hold what is in reach and sight
    lock: bool = False  #: lock what is in reach and sight, and keep it locked

    def movement(self) -> torch.Tensor:
        """`(3,)` int64 bins."""
        wanted = np.clip((*self.force, self.torque), -1.0, 1.0)
        return torch.from_numpy(np.floor(_MIDDLE_BIN * (1 + wanted) + 0.5).astype(np.int64))


HANDS_OFF = Steering()  #: do nothing


class Session:
    """An episode of one world at a time; `begin` or `begin_match` comes first.

    Args:
        config: settings of the game and of both sides' networks.
    """

    seed: int  #: of the world
    is_recorded: bool  #: it is a recorded match, whose actions are all given
    agent_mask: np.ndarray  #: `(A,)` bool, the agent is there
    trajectory: Trajectory  #: everything so far
    returns: np.ndarray  #: `(A,)` float64, what each agent has earned so far
    failed: bool  #: the physics failed
    statistics: list[dict[str, float]]  #: the game's statistics after each env step, the start first
    taken: int | None  #: the agent that a person steers
    was_steered: bool  #: somebody took over in this episode

    def __init__(self, config: RunConfig) -> None:
        torch.set_num_threads(1)  # small tensors only lose by more
        self.config = config
        self._session = build_session(config, 1)
        self._game = self._session.game

    def begin(self, rosters: Mapping[Side, Roster], seed: int) -> None:
        """Start an episode of two players.

        Args:
            rosters: whose first players meet.
            seed: of the world.
        """
        first, seeds = np.zeros(1, dtype=np.int64), np.array([seed], dtype=np.int64)
        with torch.inference_mode():
            decide = both_teams(self._game, self._session.teams(MatchTable(first, first, seeds), rosters), seeds)
        self._start(decide, seed, is_recorded=False)

    def begin_match(self, match: Match) -> None:
        """Start a recorded match again.

        Raises:
            ConfigError: this game cannot have given it.
        """
        given = match.num_steps, len(match.returns)
        expected = self._game.horizon, self._game.observation_spec.num_agents
        if given != expected:
            raise ConfigError(
                f"the match has {given[0]} env steps and {given[1]} agents, expected {expected[0]} and {expected[1]}; "
                "watch it with the settings of its own run"
            )
        script = steps_of({name: array[None] for name, array in match.actions.items()})
        self._start(lambda _: next(script), match.world_seed, is_recorded=True)

    def _start(self, decide: Decide, seed: int, *, is_recorded: bool) -> None:
        seeds = np.array([seed], dtype=np.int64)
        self.seed, self._decide, self.failed, self.is_recorded = seed, decide, False, is_recorded
        self.taken, self.was_steered = None, False
        self.returns = np.zeros(self._game.observation_spec.num_agents)
        self._observation = self._game.reset(seeds)
        self.agent_mask = self._observation.agent_mask[0].numpy().copy()
        self._recorder = TrajectoryRecorder(self._game, seeds)
        self._recorder.begin(self._observation)
        self.statistics = [self._statistics()]
        self.trajectory = self._recorder.trajectory

    @property
    def spec(self) -> ObservationSpec:
        """Sizes of the game."""
        return self._session.spec

    @property
    def horizon(self) -> int:
        """Env steps of a whole episode."""
        return self._game.horizon

    @property
    def num_steps(self) -> int:
        """Env steps played so far."""
        return self.trajectory.num_steps

    @property
    def is_over(self) -> bool:
        """The episode has reached its horizon."""
        return self.num_steps >= self.horizon

    def take_over(self, agent: int | None) -> None:
        """Let a person steer an agent from now on, or let its player go on.

        Raises:
            ConfigError: no such agent in this world, or nobody plays: a recorded match.
        """
        if agent is not None and self.is_recorded:
            raise ConfigError("a recorded match can only be watched; let two players meet to take one over")
        if agent is not None and not (0 <= agent < len(self.agent_mask) and self.agent_mask[agent]):
            there = ", ".join(str(index) for index in np.flatnonzero(self.agent_mask))
            raise ConfigError(f"no agent {agent} in this world; there are {there}")
        self.taken = agent

    def step(self, steering: Steering = HANDS_OFF) -> None:
        """Play an env step; nothing happens after the last.

        Args:
            steering: what the agent that is taken over does.
        """
        if self.is_over:
            return
        with torch.inference_mode():
            action = self._decide(self._observation)
            if self.taken is not None:
                action = _steer(action, self.taken, steering)
                self.was_steered = True
            step = self._game.step(action)
        self._recorder.record(self._observation, action, step)
        self._observation, self.failed = step.observation, bool(step.failed[0])
        self.returns = self.returns + step.reward[0].numpy()
        self.statistics.append(self._statistics())
        self.trajectory = self._recorder.trajectory

    @property
    def episodes(self) -> Episodes:
        """The episode so far, as `evaluate` gives those that it has played."""
        return Episodes(
            returns=torch.from_numpy(self.returns)[None],
            metrics={name: torch.tensor([value], dtype=torch.float64) for name, value in self.statistics[-1].items()},
            failed=torch.tensor([self.failed]),
            agent_mask=torch.from_numpy(self.agent_mask)[None],
        )

    def equals(self, match: Match) -> bool:
        """Whether a whole episode came to what is stored of a recorded match, to the bit."""
        statistics = {name: value for name, value in self.statistics[-1].items() if not np.isnan(value)}
        return (
            self.is_over
            and self.returns.tobytes() == match.returns.tobytes()
            and self.failed == match.failed
            and statistics == dict(match.metrics)
        )

    def _statistics(self) -> dict[str, float]:
        return {name: float(value[0]) for name, value in self._game.metrics().items()}


def _steer(action: Action, agent: int, steering: Steering) -> Action:
    """The same action, but for what one agent does."""
    movement, pull, glueall = (field.clone() for field in (action.movement, action.pull, action.glueall))
    movement[0, agent] = steering.movement()
    pull[0, agent] = steering.grab
    glueall[0, agent] = steering.lock
    return replace(action, movement=movement, pull=pull, glueall=glueall)
