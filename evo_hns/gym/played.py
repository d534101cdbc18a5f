"""The game, with agents who are played from outside and sides who are played by players."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from evo_hns.config import ConfigError, RunConfig
from evo_hns.envs.game import Step
from evo_hns.envs.observations import observation_spec
from evo_hns.evaluation.preparation import initial_states, join_teams
from evo_hns.evaluation.session import build_game
from evo_hns.gym.arrays import idle_choices, num_choices, to_action
from evo_hns.players.addresses import Archived, find_player, game_differences, game_of, parse_address
from evo_hns.policies.roster import Roster
from evo_hns.spec import Action, Observation, Side

MAX_WORLD_SEED = 2**32 - 1


class Match(NamedTuple):
    """A game and who plays one of its sides; the other is played from outside."""

    config: RunConfig
    side: Side  #: played from outside
    opponent: Roster  #: of the other side


def game_of_run(opponent: str, side: Side) -> RunConfig | None:
    """The settings of the run that a player comes from, if it comes from one.

    Args:
        opponent: its address.
        side: which it plays.

    Raises:
        ConfigError: an address that leads nowhere.
        RunFileError: a run file that cannot be read.
    """
    address = parse_address(opponent, side)
    return address.member.config if isinstance(address, Archived) else None


def find_match(config: RunConfig, side: Side, opponent: str) -> Match:
    """A game against a player.

    Args:
        config: the game.
        side: who is played from outside.
        opponent: address of the player of the other side.

    Raises:
        ConfigError: an address that leads nowhere, an opponent of another game, or nobody on this side.
        RunFileError: a run file that cannot be read.
    """
    address = parse_address(opponent, side.other)
    theirs = address.member.config if isinstance(address, Archived) else config
    if game_of(config) != game_of(theirs):
        raise ConfigError(
            f"{opponent} plays another game ({game_differences(config, theirs)}); leave out config for its own"
        )
    spec = observation_spec(config.world, config.rules)
    if not spec.team_size(side):
        raise ConfigError(f"this game has no {side.label}; play the {side.other.label}")
    roster = find_player(address, side.other, spec)
    roster.bind(spec, side.other, first_rows(1))  # tells now what does not fit
    return Match(config, side, roster)


def first_rows(count: int) -> torch.Tensor:
    """`(count,)` int64, the first player of a roster in each world."""
    return torch.zeros(count, dtype=torch.int64)


class PlayedGame:
    """A game of up to `num_worlds` worlds, all at the same env step.

    Args:
        config: world, rules and physics are taken from it.
        num_worlds: worlds side by side.
        players: of the sides that are not played from outside; the first of each roster plays.
    """

    observation: Observation  #: of all agents, now

    def __init__(self, config: RunConfig, num_worlds: int, players: Mapping[Side, Roster]) -> None:
        self.game, self._players = build_game(config, num_worlds), dict(players)
        self.spec, self.action_spec = self.game.observation_spec, self.game.action_spec
        [self.team] = [self.spec.team(side) for side in Side if side not in players] if players else [self._everybody]
        self.choices = num_choices(self.spec, self.action_spec)

    @property
    def _everybody(self) -> slice:
        return slice(0, self.spec.num_agents)

    @property
    def num_members(self) -> int:
        """A, agents who are played from outside."""
        return int(self.team.stop - self.team.start)

    @property
    def idle(self) -> npt.NDArray[np.int64]:
        """`(A, K)`, what they choose who do nothing."""
        return idle_choices(self.num_members, self.choices)

    @property
    def step_count(self) -> int:
        """Env steps since the worlds began."""
        return int(self.game.state.t)

    @property
    def at_horizon(self) -> bool:
        """Whether the episodes are over."""
        return self.step_count == self.game.horizon

    @property
    def told(self) -> Observation:
        """`(W, A, ...)`, the observation of those who are played from outside."""
        return self.observation.of(self.team)

    @torch.inference_mode()
    def begin(self, seeds: npt.NDArray[np.int64]) -> None:
        """Begin episodes; players remember nothing of earlier ones.

        Args:
            seeds: `(W,)` world seeds.
        """
        rows = first_rows(len(seeds))
        self._teams = {side: roster.bind(self.spec, side, rows) for side, roster in self._players.items()}
        self._states = initial_states(self._teams, seeds)
        self.observation = self.game.reset(seeds)

    @torch.inference_mode()
    def step(self, choices: npt.NDArray[np.int64]) -> Step:
        """Play one env step.

        Args:
            choices: `(W, A, K)`, actions of those who are played from outside.
        """
        action = to_action(choices, self.action_spec)
        if self._players:
            action = join_teams([self._act(side) if side in self._players else action for side in Side])
        step = self.game.step(action)
        self.observation = step.observation
        return step

    def _act(self, side: Side) -> Action:
        """What players of a side do."""
        seen = self.observation.of(self.spec.team(side))
        action, self._states[side] = self._teams[side].act(seen, self._states[side])
        if self.action_spec.selective_grab and action.pull.dim() == 2:  # whatever is in reach
            pull = action.pull.unsqueeze(2).expand(-1, -1, self.spec.num_boxes + self.spec.num_ramps)
            return replace(action, pull=pull)
        return action

    def statistics(self, worlds: Any = slice(None)) -> dict[str, npt.NDArray[np.float64]]:
        """Name -> `(W,)`, the game's statistics of the episodes so far, of these worlds."""
        return {name: values.numpy()[worlds] for name, values in self.game.metrics().items()}


def checked_seed(seed: Any) -> int:
    """A world seed.

    Raises:
        ValueError: there is no such world.
    """
    if not isinstance(seed, int | np.integer) or not 0 <= seed <= MAX_WORLD_SEED:
        raise ValueError(f"got the seed {seed}, expected a whole number from 0 to {MAX_WORLD_SEED}")
    return int(seed)


def pictures_per_second(config: RunConfig) -> float:
    """One for each env step, at the pace of the simulated world."""
    return 1.0 / (config.physics.timestep * config.physics.num_substeps)
