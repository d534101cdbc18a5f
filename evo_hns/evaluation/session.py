"""A game that is ready to be played by any players, and how: two teams, from the first look to the horizon.

Every world is one match and stands alone: its outcome depends on its seed and the two genomes,
never on its neighbours, its place in the batch or what was played there before. So its seed and what
was done in it bring it back to the same bits (`replay`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import ConfigError, RunConfig
from evo_hns.envs.game import Game, Step
from evo_hns.evaluation.demonstrations import DemonstratedTeam, demonstrated_steps
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.preparation import Begun, initial_states, join_teams, prepare
from evo_hns.evaluation.recording import ActionRecorder, Actions, Recorder, steps_of
from evo_hns.evaluation.rollout import Episodes, Keep, join, map_fields
from evo_hns.evaluation.trajectory import TrajectoryRecorder
from evo_hns.physics import BACKENDS
from evo_hns.policies.base import Team, TeamState
from evo_hns.policies.roster import PlayerSpec, Roster, check_length, scripted_roster
from evo_hns.spec import Action, Observation, ObservationSpec, Side
from evo_hns.worlds.scene import build_scene

Physics = Literal["search", "exact"]
"""At which timestep matches are played: that of the search, which may be coarser, or the game's own."""


class Playable(Protocol):
    """What a search has to know of a game: its sizes, the length of genomes, and how they become players."""

    @property
    def spec(self) -> ObservationSpec:
        """Sizes of the game."""

    @property
    def genome_lengths(self) -> Mapping[Side, int]:
        """L per side."""

    def roster(self, side: Side, genomes: Tensor) -> Roster:
        """Players of one side with these `(P, L)` genomes."""


@dataclass(frozen=True)
class GameSession:
    """A game of W worlds, and the networks that a configuration gives each side."""

    game: Game
    networks: Mapping[Side, PlayerSpec]
    demonstrators: Mapping[Side, Roster] = field(default_factory=dict)  #: one each, of matches that say so

    @property
    def spec(self) -> ObservationSpec:
        """Sizes of the game."""
        return self.game.observation_spec

    @property
    def num_worlds(self) -> int:
        """Matches that are played side by side."""
        return self.game.num_worlds

    @cached_property
    def genome_lengths(self) -> Mapping[Side, int]:
        """L per side."""
        return {side: player.genome_length(self.spec, side) for side, player in self.networks.items()}

    def roster(self, side: Side, genomes: Tensor) -> Roster:
        """Networks of one side with these `(P, L)` genomes.

        Raises:
            ValueError: the genomes are of another length.
        """
        check_length(genomes, side, self.genome_lengths[side])
        return Roster(self.networks[side], genomes)

    def teams(self, batch: MatchTable, rosters: Mapping[Side, Roster]) -> dict[Side, Team]:
        """Both teams of a batch of matches, with their weights in place."""
        teams = {side: rosters[side].bind(self.spec, side, torch.from_numpy(batch.rows(side))) for side in Side}
        for side, demonstrator in self.demonstrators.items():
            if (env_steps := demonstrated_steps(batch.seed, side)).any():
                shown = demonstrator.bind(self.spec, side, torch.zeros(len(batch), dtype=torch.int64))
                teams[side] = DemonstratedTeam(shown, teams[side], env_steps)
        return teams

    def play(
        self,
        table: MatchTable,
        rosters: Mapping[Side, Roster],
        *,
        keep: Collection[Keep] = (),
        on_step: Callable[[], None] | None = None,
    ) -> Episodes:
        """Play every match of a table in the calling thread, a batch of worlds at a time.

        Args:
            table: M matches.
            rosters: the players its rows refer to.
            keep: what is kept of the episodes beside their outcome.
            on_step: is called after every env step of a batch.

        Returns:
            Episodes in the order of the table.
        """
        recorders = [] if on_step is None else [_OnStep(on_step)]
        return join([self._play(batch, rosters, keep, recorders) for batch in table.batches(self.num_worlds)])

    @torch.inference_mode()
    def _play(
        self, batch: MatchTable, rosters: Mapping[Side, Roster], keep: Collection[Keep], recorders: Sequence[Recorder]
    ) -> Episodes:
        """Play a batch of worlds; matches that begin alike share their preparation if nothing of it is to be kept."""
        order, sources = batch.preparations()
        num_begun = int(sources.max()) + 1
        shares = num_begun < len(batch) and self.game.rules.num_prep_steps and self.game.physics.can_branch
        whole = {"actions", "trajectory"} & set(keep) or any(rosters[side].spec.factory for side in Side)
        if not shares or whole:
            return play(self.game, self.teams(batch, rosters), batch.seed, keep=keep, recorders=recorders)
        ordered = batch.take(order)
        hiders = self.teams(ordered.take(np.arange(num_begun)), rosters)[Side.HIDERS]
        teams, worlds = self.teams(ordered, rosters), torch.from_numpy(sources)
        begun = prepare(self.game, teams, hiders, worlds, ordered.seed, recorders)
        decide = _both_teams(self.game, teams, begun.states)
        return _finish(self.game, decide, begun, keep, recorders).take(np.argsort(order))

    def replay(self, actions: Actions, seeds: np.ndarray, *, keep: Collection[Keep] = ()) -> Episodes:
        """Play W recorded matches again.

        Args:
            actions: what was done in them.
            seeds: `(W,)` their world seeds.
            keep: what is kept of the episodes beside their outcome.
        """
        return replay(self.game, steps_of(actions), seeds, keep=keep)


@dataclass(frozen=True)
class _OnStep:
    """A recorder that keeps nothing, and lets something else be done after every env step."""

    call: Callable[[], None]

    def record(self, observation: Observation, action: Action, step: Step) -> None:
        self.call()


Decide = Callable[[Observation], Action]
"""What all agents of W worlds do when they observe this; it remembers the episode so far."""


def both_teams(game: Game, teams: Mapping[Side, Team], seeds: np.ndarray) -> Decide:
    """Both teams at the start of an episode.

    Args:
        game: whose agents they are.
        teams: bound to W worlds each.
        seeds: `(W,)` int64 world seeds.
    """
    return _both_teams(game, teams, initial_states(teams, seeds))


def _both_teams(game: Game, teams: Mapping[Side, Team], remembered: Mapping[Side, TeamState]) -> Decide:
    """Both teams from where they remember this on."""
    states = dict(remembered)

    def decide(observation: Observation) -> Action:
        actions = []
        for side in Side:
            action, states[side] = teams[side].act(observation.of(game.observation_spec.team(side)), states[side])
            actions.append(action)
        return join_teams(actions)

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
    returns = torch.zeros(len(seeds), game.observation_spec.num_agents, dtype=torch.float64)
    episodes = _finish(game, decide, Begun(game.reset(seeds), returns), keep, recorders)
    return replace(
        episodes,
        actions=None if actions is None else actions.actions,
        trajectory=None if trajectory is None else trajectory.trajectory,
    )


def _finish(
    game: Game, decide: Decide, begun: Begun, keep: Collection[Keep], recorders: Sequence[Recorder]
) -> Episodes:
    """Look, decide, step, from where episodes are to the horizon."""
    observation, returns, failed = begun.observation, begun.returns, game.failed
    for _ in range(game.state.t, game.horizon):
        action = decide(observation)
        step = game.step(action)
        returns = returns + step.reward
        for recorder in recorders:
            recorder.record(observation, action, step)
        observation, failed = step.observation, step.failed
    return Episodes(
        returns=returns,
        metrics=game.metrics(),
        failed=failed,
        agent_mask=begun.observation.agent_mask,
        final_observation=map_fields(torch.clone, observation) if "final_observation" in keep else None,
    )


class Sessions:
    """The games of one thread, each built when it is first asked for.

    Args:
        config: the run's settings.
        num_worlds: worlds side by side.
    """

    def __init__(self, config: RunConfig, num_worlds: int) -> None:
        self._config, self._num_worlds = config, num_worlds

    @cached_property
    def exact(self) -> GameSession:
        """The game at its own timestep."""
        return build_session(self._config, self._num_worlds)

    @cached_property
    def search(self) -> GameSession:
        """The game at the timestep of the search (`physics.search_substeps`)."""
        coarse = self._config.physics.of_search
        if coarse == self._config.physics:
            return self.exact
        return build_session(self._config.model_copy(update={"physics": coarse}), self._num_worlds)

    def __getitem__(self, physics: Physics) -> GameSession:
        return self.search if physics == "search" else self.exact


def build_game(config: RunConfig, num_worlds: int) -> Game:
    """Put scene, physics and rules together.

    Args:
        config: the run's settings.
        num_worlds: worlds side by side.
    """
    scene = build_scene(config.world, config.physics)
    physics = BACKENDS["cpu"](scene.model, num_worlds, num_threads=1)
    own, *others = config.kinds_of_worlds
    return Game(scene, physics, own, config.rules, config.physics.num_substeps, others)


def build_session(config: RunConfig, num_worlds: int) -> GameSession:
    """The game at its own timestep, and the networks of both sides.

    Args:
        config: the run's settings.
        num_worlds: worlds side by side.
    """
    networks = {side: PlayerSpec(network=config.side(side).policy) for side in Side}
    game = build_game(config, num_worlds)
    return GameSession(game, networks, _demonstrators(config, game.observation_spec))


def _demonstrators(config: RunConfig, spec: ObservationSpec) -> dict[Side, Roster]:
    """Who demonstrates to each side.

    Raises:
        ConfigError: there is no such player, or none for this game.
    """
    found = {}
    for side in Side:
        if (name := config.side(side).demonstration.player) is not None:
            found[side] = scripted_roster(name)
            try:
                found[side].spec.build(spec)
            except ConfigError as error:
                raise ConfigError(f"{side.label}.demonstration.player: {error}") from None
    return found
