"""Where matches run, and the one place where scene, physics, rules and players are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import PolicyConfig, RunConfig
from evo_hns.envs.game import Game, Step
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.recording import ActionRecorder, Actions, join_actions, rows_of, steps_of
from evo_hns.evaluation.trajectory import Trajectory, TrajectoryRecorder, join_trajectories
from evo_hns.machine import usable_cores
from evo_hns.notice import Notice
from evo_hns.physics import BACKENDS
from evo_hns.policies import build_policy
from evo_hns.policies.base import Policy
from evo_hns.policies.entity import EntityPolicy
from evo_hns.rollout import Episodes, Recorder, play, replay
from evo_hns.spec import Action, Observation, ObservationSpec, Side
from evo_hns.worlds.scene import build_scene

T = TypeVar("T")


@dataclass(frozen=True)
class Roster:
    """The players of one side that a match table refers to: one policy, P genomes."""

    policy: Policy
    genomes: Tensor  #: `(P, L)`, L = N or, with a network per member, team size x N
    scripted: str = ""  #: name of a scripted player, who has no genome
    network: PolicyConfig | None = None  #: the form of the networks, if it is not that of the run's settings

    def params(self, rows: Tensor) -> Tensor:
        """`(W, M, N)` float32, the genomes of some rows as the policy wants them.

        An entity network of a million parameters is not copied for each world if all are played by the same one.
        """
        members = 1 if self.policy.num_params == 0 else self.genomes.shape[1] // self.policy.num_params
        is_one = isinstance(self.policy, EntityPolicy) and bool((rows == rows[:1]).all())
        chosen = self.genomes[rows[:1] if is_one else rows].to(torch.float32)
        return chosen.reshape(len(chosen), members, self.policy.num_params).expand(len(rows), -1, -1)


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
class Player:
    """A game that is ready to be played, and the networks that a configuration gives each side."""

    env: Game
    policies: Mapping[Side, Policy]
    genome_lengths: Mapping[Side, int]  #: L per side

    @property
    def spec(self) -> ObservationSpec:
        """Sizes of the game."""
        return self.env.observation_spec

    def roster(self, side: Side, genomes: Tensor) -> Roster:
        """Networks of one side with these `(P, L)` genomes."""
        if genomes.shape[1] != self.genome_lengths[side]:
            raise ValueError(
                f"got genomes of {genomes.shape[1]} parameters for the {side.label}, expected "
                f"{self.genome_lengths[side]}; play them with the configuration they were made with"
            )
        return Roster(self.policies[side], genomes)


def build_game(config: RunConfig, num_worlds: int) -> Game:
    """Put scene, physics and rules together.

    Args:
        config: the run's settings.
        num_worlds: worlds side by side.
    """
    scene = build_scene(config.world, config.physics)
    physics = BACKENDS["cpu"](scene.model, num_worlds, num_threads=1)
    return Game(scene, physics, config.world, config.rules, config.physics.num_substeps)


def build_player(config: RunConfig, num_worlds: int) -> Player:
    """Put the game and the policies of both sides together.

    Args:
        config: the run's settings.
        num_worlds: worlds side by side.
    """
    env = build_game(config, num_worlds)
    policies = {side: build_policy(config.side(side).policy, env.observation_spec) for side in Side}
    lengths = {
        side: genome_length(policies[side], config.side(side).policy, side, env.observation_spec) for side in Side
    }
    return Player(env, policies, lengths)


def genome_length(policy: Policy, network: PolicyConfig, side: Side, spec: ObservationSpec) -> int:
    """L, the parameters of a side's genome: those of one network, or of one for each member of its team."""
    return policy.num_params * (spec.team_size(side) if network.genome_per_member else 1)


def network_roster(network: PolicyConfig, side: Side, genomes: Tensor, spec: ObservationSpec) -> Roster:
    """Networks of any form, which need not be that of the settings the game was built from.

    Args:
        network: the form that all of them have.
        side: which they play.
        genomes: `(P, L)`.
        spec: sizes of the game.

    Raises:
        ValueError: the genomes are not of this form.
    """
    policy = build_policy(network, spec)
    length = genome_length(policy, network, side, spec)
    if genomes.shape[1] != length:
        raise ValueError(f"got genomes of {genomes.shape[1]} parameters for the {side.label}, expected {length}")
    return Roster(policy, genomes, network=network)


class Evaluator(Protocol):
    """Where matches run: in this process, or on many ranks. The numbers are the same anywhere."""

    @property
    def player(self) -> Playable:
        """A game as all are: its sizes and players."""

    @property
    def exact(self) -> Evaluator:
        """Where matches run at the game's own timestep."""

    @property
    def num_worlds(self) -> int:
        """Matches that can be played side by side."""

    def evaluate(self, table: MatchTable, rosters: Mapping[Side, Roster]) -> Episodes:
        """Play every match of a table.

        Args:
            table: M matches.
            rosters: the players its rows refer to.

        Returns:
            Episodes in the order of the table.
        """

    def record(self, table: MatchTable, rosters: Mapping[Side, Roster]) -> tuple[Episodes, Actions]:
        """Play every match of a table as `evaluate` does, and keep what everybody did."""

    def take_figures(self) -> dict[str, float]:
        """What it cost to play elsewhere since the last call, by names that start with `ranks`."""


class LocalEvaluator:
    """Plays match tables in this process: one game per thread, a batch of worlds at a time.

    Each thread steps a game of its own, so that the rules and the networks run in parallel as the
    physics does. A match gives the same bits wherever it is played, so threads change no number.
    """

    def __init__(
        self, players: Sequence[Player], exact: LocalEvaluator | None = None, notice: Notice | None = None
    ) -> None:
        """Take over the games; they must be built from the same settings.

        Args:
            players: the games.
            exact: where champions are measured, if these games are coarser than the one that is played.
            notice: is asked before each batch whether to go on.
        """
        self._players, self._exact, self._notice = tuple(players), exact, notice
        self._pool = ThreadPoolExecutor(len(self._players), thread_name_prefix="evo-hns-player")

    @property
    def player(self) -> Player:
        """One of the games: its sizes and policies are those of all."""
        return self._players[0]

    @property
    def exact(self) -> LocalEvaluator:
        """Where matches run at the game's own timestep: usually here."""
        return self if self._exact is None else self._exact

    @property
    def num_worlds(self) -> int:
        """Worlds of all games together."""
        return sum(player.env.num_worlds for player in self._players)

    @property
    def discards(self) -> dict[str, int]:
        """Worlds that failed since the games were built, by cause (`Game.discards`)."""
        games = [player.env.discards for player in self._players]
        return {cause: sum(game[cause] for game in games) for cause in games[0]}

    def evaluate(self, table: MatchTable, rosters: Mapping[Side, Roster]) -> Episodes:
        """Play every match of a table; see `Evaluator.evaluate`."""
        return join(self._share(table, lambda player, batch: _play_batch(player, batch, rosters)))

    def play_here(
        self, table: MatchTable, rosters: Mapping[Side, Roster], between: Callable[[], None] | None = None
    ) -> Episodes:
        """Play every match of a table on one game and in the calling thread.

        Args:
            table: M matches.
            rosters: the players its rows refer to.
            between: is called after every env step of a batch.
        """
        recorder = None if between is None else _Between(between)
        return join(
            [_play_batch(self.player, batch, rosters, recorder) for batch in table.batches(self.player.env.num_worlds)]
        )

    def take_figures(self) -> dict[str, float]:
        """Nothing: all is played here."""
        return {}

    def record(self, table: MatchTable, rosters: Mapping[Side, Roster]) -> tuple[Episodes, Actions]:
        """Play every match of a table as `evaluate` does, and keep what everybody did."""

        def record_batch(player: Player, batch: MatchTable) -> tuple[Episodes, Actions]:
            recorder = ActionRecorder()
            return _play_batch(player, batch, rosters, recorder), recorder.actions

        episodes, actions = zip(*self._share(table, record_batch), strict=True)
        return join(episodes), join_actions(actions)

    def follow(self, table: MatchTable, rosters: Mapping[Side, Roster]) -> tuple[Episodes, Trajectory]:
        """Play every match of a table as `evaluate` does, and keep where everything was."""

        def follow_batch(player: Player, batch: MatchTable) -> tuple[Episodes, Trajectory]:
            recorder = TrajectoryRecorder(player.env, batch.seed)
            return _play_batch(player, batch, rosters, recorder), recorder.trajectory

        episodes, trajectories = zip(*self._share(table, follow_batch), strict=True)
        return join(episodes), join_trajectories(trajectories)

    def replay(self, actions: Actions, seeds: np.ndarray) -> Episodes:
        """Play M recorded matches again.

        Args:
            actions: what was done in them.
            seeds: `(M,)` their world seeds.

        Returns:
            Episodes in the order of the seeds, to the bits of the recorded ones.
        """
        return self.retrace(actions, seeds)[0]

    def retrace(self, actions: Actions, seeds: np.ndarray) -> tuple[Episodes, Trajectory]:
        """Play M recorded matches again as `replay` does, and keep where everything was."""
        rows = np.arange(len(seeds))

        def retrace_batch(player: Player, batch: MatchTable) -> tuple[Episodes, Trajectory]:
            recorder = TrajectoryRecorder(player.env, batch.seed)
            script = steps_of(rows_of(actions, batch.hider))
            return replay(player.env, script, batch.seed, recorder=recorder), recorder.trajectory

        table = MatchTable(rows, rows, seeds)  # whose row k is the k-th recorded match
        episodes, trajectories = zip(*self._share(table, retrace_batch), strict=True)
        return join(episodes), join_trajectories(trajectories)

    def _share(self, table: MatchTable, job: Callable[[Player, MatchTable], T]) -> list[T]:
        """Do a job with each batch of a table, on all games at once; the answers in the table's order."""
        idle: SimpleQueue[Player] = SimpleQueue()
        for player in self._players:
            idle.put(player)

        def take_turn(batch: MatchTable) -> T:
            if self._notice is not None:
                self._notice.check()
            player = idle.get()
            try:
                return job(player, batch)
            finally:
                idle.put(player)

        batches = table.batches(self.player.env.num_worlds, multiple_of=len(self._players))
        return list(self._pool.map(take_turn, batches))


@dataclass(frozen=True)
class _Between:
    """A recorder that keeps nothing, and lets something else be done after every env step."""

    call: Callable[[], None]

    def record(self, observation: Observation, action: Action, step: Step) -> None:
        self.call()


def _play_batch(
    player: Player, batch: MatchTable, rosters: Mapping[Side, Roster], recorder: Recorder | None = None
) -> Episodes:
    params = {side: rosters[side].params(torch.from_numpy(batch.rows(side))) for side in Side}
    policies = {side: rosters[side].policy for side in Side}
    return play(player.env, policies, params, batch.seed, recorder=recorder)


def join(parts: Sequence[Episodes]) -> Episodes:
    """Episodes one after the other."""
    return Episodes(
        returns=torch.cat([p.returns for p in parts]),
        metrics={name: torch.cat([p.metrics[name] for p in parts]) for name in parts[0].metrics},
        failed=torch.cat([p.failed for p in parts]),
        agent_mask=torch.cat([p.agent_mask for p in parts]),
    )


def build_evaluator(config: RunConfig, notice: Notice | None = None) -> LocalEvaluator:
    """Where matches run at the game's own timestep, with as many threads as the settings say or as are at hand."""
    return LocalEvaluator(_build_players(config), notice=notice)


def build_search_evaluator(config: RunConfig, notice: Notice | None = None) -> LocalEvaluator:
    """Where the matches of a search run, which may be coarser (`physics.search_substeps`); `exact` is not."""
    exact = build_evaluator(config, notice)
    if config.physics.of_search == config.physics:
        return exact
    coarse = config.model_copy(update={"physics": config.physics.of_search})
    return LocalEvaluator(_build_players(coarse), exact, notice)


def _build_players(config: RunConfig) -> list[Player]:
    """A game for each thread, together as many worlds as the settings say."""
    torch.set_num_threads(1)  # small tensors only lose by more
    num_threads = config.physics.num_threads or usable_cores()
    num_worlds = -(-config.physics.num_worlds // num_threads)
    return [build_player(config, num_worlds) for _ in range(num_threads)]
