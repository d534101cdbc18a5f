"""Can a network do what a player does, with what it sees? A network is fitted to the player's decisions.

The player shows the way, and now and then is pushed off it, so that it shows the way back, too (Laskey et al. 2017,
"DART: Noise Injection for Robust Imitation Learning"). The network follows its decisions by gradient descent (Adam);
then both play in fresh worlds. What is not learnt so, inputs, memory or size are lacking for. The network is kept as a
champion, at which searches can begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evo_hns.archive.hall_of_fame import GenomeArray
from evo_hns.archive.records import Champion, Generation
from evo_hns.archive.run_file import RunFile
from evo_hns.behaviour.skills import SKILLS
from evo_hns.config import ConfigError, RunConfig, SmallPolicyConfig
from evo_hns.evaluation.fitness import team_return
from evo_hns.evaluation.intervals import Estimate, estimate
from evo_hns.evaluation.matches import MatchTable, draw_training_seeds, fresh_seeds
from evo_hns.evaluation.session import GameSession, build_session, play
from evo_hns.players.addresses import find_player, parse_address
from evo_hns.policies.actions import MIDDLE_BIN, NUM_OUTPUTS
from evo_hns.policies.actuators import outputs_for
from evo_hns.policies.base import Team, TeamState
from evo_hns.policies.differentiable import forward
from evo_hns.policies.graph import ComputeGraph
from evo_hns.policies.network import NetworkPolicy, NetworkTeam
from evo_hns.policies.roster import Roster
from evo_hns.spec import Action, Observation, Side

OUTPUTS = ("forward", "left", "turn", "grab", "lock")
_LONGEST_PUSH = 3  # env steps
_BATCH = 512  # rows of a network without memory, or episodes' env steps of one with memory
_RATE = 0.02  # of Adam, at first; it falls to 0 along a cosine


@dataclass(frozen=True)
class Imitation:
    """How well a network does what a player does."""

    player: str
    side: Side
    genome: GenomeArray  #: `(N,)` of the network
    env_steps: int  #: in which the player showed the way
    errors: Mapping[str, float]  #: mean squared difference of each output to the decisions, which are in [-1, 1]
    scores: Mapping[str, tuple[Estimate, Estimate]]  #: return and skills in fresh worlds: of the player, of the network

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "player": self.player,
            "side": self.side.label,
            "num_params": len(self.genome),
            "env_steps": self.env_steps,
            "errors": dict(self.errors),
            "scores": {
                name: {
                    who: {"mean": one.mean, "ci95": one.half_width}
                    for who, one in zip(("player", "network"), both, strict=True)
                }
                for name, both in self.scores.items()
            },
        }


class Imitator:
    """A game, a player of one side, and the network that is to do the same.

    Args:
        config: game, network and seed.
        player: address of whom it imitates.
        side: that it plays.
        opponent: address of whom it meets.

    Raises:
        ConfigError: an address that leads nowhere, or a network or game for which this cannot be done.
        RunFileError: a run file that cannot be read.
    """

    def __init__(self, config: RunConfig, player: str, side: Side, opponent: str) -> None:
        self.config, self.player, self.side = config, player, side
        self.session = build_session(config, config.physics.num_worlds)
        spec = self.session.spec
        if len(spec.teams) < 2:
            raise ConfigError("this game has one team and nobody to meet: take one of hiders and seekers")
        self.policy = _fitted(self.session, config, side)
        self.shows = find_player(parse_address(player, side), side, spec)
        self.meets = find_player(parse_address(opponent, side.other), side.other, spec)
        for each in (self.shows, self.meets):
            each.spec.build(spec)  # whoever cannot play says so now

    def imitate(
        self, *, episodes: int = 4096, updates: int = 12_000, pushes: float = 0.1, num_worlds: int = 512
    ) -> Imitation:
        """Fit the network to the player, and let both play in fresh worlds.

        Args:
            episodes: in which the player shows the way.
            updates: steps of Adam.
            pushes: chance at each env step that the player is pushed, for up to three of them.
            num_worlds: fresh worlds in which both play.
        """
        rng = np.random.default_rng(self.config.seed)
        matches = _once_each(draw_training_seeds(episodes, rng)).batches(self.session.num_worlds)
        shown = [self._show(batch.seed, pushes, rng) for batch in matches]
        inputs = [torch.cat(parts, 1) for parts in zip(*shown, strict=True)]
        genome, errors = _fit(self.policy.graph, inputs, updates, self.config.seed)
        fresh = fresh_seeds(num_worlds, self.config.seed)
        network = Roster(self.session.networks[self.side], torch.from_numpy(genome)[None])
        theirs, own = self._measure(self.shows, fresh), self._measure(network, fresh)
        scores = {name: (theirs[name], own[name]) for name in theirs}
        return Imitation(self.player, self.side, genome, episodes * self.config.rules.horizon, errors, scores)

    def save(self, found: Imitation, path: Path) -> None:
        """Write the network into a new run file, as the one champion of its side.

        Raises:
            RunFileError: the file exists, or cannot be written.
        """
        coevolution = self.config.coevolution.model_copy(update={"generations": 1})
        config = self.config.model_copy(update={"coevolution": coevolution})
        champion = Champion(found.genome, found.scores["return"][1].mean)
        with RunFile.create(path, config, self.session.genome_lengths) as file:
            file.commit(Generation(0, {self.side: champion}, {"env_steps": float(found.env_steps)}, state={}))

    def _show(self, seeds: np.ndarray, pushes: float, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """What the network sees of itself, `(T, R, ...)`, of entities, their types, and what the player decides."""
        spec, rows = self.session.spec, torch.zeros(len(seeds), dtype=torch.int64)
        blank = self.policy.bind(torch.zeros(1, 1, self.policy.num_params), spec.team_size(self.side), rows)
        shows, meets = self.shows.bind(spec, self.side, rows), self.meets.bind(spec, self.side.other, rows)
        demonstrator = _Demonstrator(shows, blank, pushes, rng)
        play(self.session.game, {self.side: demonstrator, self.side.other: meets}, seeds)
        return tuple(map(torch.from_numpy, (np.stack(parts) for parts in zip(*demonstrator.seen, strict=True))))

    def _measure(self, who: Roster, seeds: np.ndarray) -> dict[str, Estimate]:
        """Return and skills of a player."""
        rosters = {self.side: who, self.side.other: self.meets}
        episodes = self.session.play(_once_each(seeds), rosters, keep={"trajectory"})
        trajectory, fine = episodes.trajectory, ~episodes.failed.numpy()
        if trajectory is None:
            raise RuntimeError("matches were played without their trajectories, which were to be kept")
        found = {"return": team_return(episodes, self.session.spec, self.side).numpy()}
        found |= {name: skill.measure(trajectory) for name, skill in SKILLS.items()}
        return {name: estimate(values[fine]) for name, values in found.items()}


def _once_each(seeds: np.ndarray) -> MatchTable:
    """The first player of either side against the other's, once in each world."""
    first = np.zeros(len(seeds), dtype=np.int64)
    return MatchTable(first, first, seeds)


def _fitted(session: GameSession, config: RunConfig, side: Side) -> NetworkPolicy:
    """The network of a side, if its outputs can be told from what was done."""
    settings, policy = config.side(side).policy, session.networks[side].build(session.spec)
    name = f"{side.label}.policy"
    if not isinstance(settings, SmallPolicyConfig) or not isinstance(policy, NetworkPolicy):
        raise ConfigError(f"{name}.network: got {settings.network!r}, expected 'mlp' or 'attention'")
    unfit = {
        "genome_per_member": settings.genome_per_member,
        "noise": settings.noise != "none",
        "hold": settings.hold > 1,
        "frame": settings.frame not in ("own", "world"),
    }
    for setting in (each for each, is_set in unfit.items() if is_set):
        raise ConfigError(f"{name}.{setting}: what was done does not tell the outputs of such a network: leave it out")
    return policy


class _Demonstrator:
    """Plays as the player does, but for pushes, and notes what a network sees and what the player decides."""

    def __init__(self, shows: Team, watches: NetworkTeam, pushes: float, rng: np.random.Generator) -> None:
        self.num_agents = watches.num_agents
        self.seen: list[tuple[np.ndarray, ...]] = []
        self._shows, self._watches, self._pushes, self._rng = shows, watches, pushes, rng

    def initial_state(self, seeds: Tensor) -> TeamState:
        """The player's; what the network remembers, and pushes, are kept here."""
        self._known = self._watches.initial_state(seeds)
        self._left = np.zeros((len(seeds), self.num_agents), np.int64)
        self._push = np.zeros((len(seeds), self.num_agents, 3), np.int64)
        return self._shows.initial_state(seeds)

    def act(self, observation: Observation, state: TeamState) -> tuple[Action, TeamState]:
        """Decide one env step; see `Team.act`."""
        features, known = self._watches.look(observation, self._known)
        self._known = torch.from_numpy(known)
        action, state = self._shows.act(observation, state)
        outputs = outputs_for(self._watches.policy.actuators, features.heading, action)
        noted = (features.self_features, features.entity_features, features.entity_types, outputs)
        self.seen.append(tuple(part[features.present] for part in noted))
        return Action(self._pushed(action.movement), action.pull, action.glueall), state

    def _pushed(self, movement: Tensor) -> Tensor:
        """`(W, A, 3)` movement, of some at random for some env steps."""
        begins = (self._left == 0) & (self._rng.random(self._left.shape) < self._pushes)
        self._left[begins] = self._rng.integers(1, _LONGEST_PUSH + 1, size=int(begins.sum()))
        self._push[begins] = self._rng.integers(0, 2 * MIDDLE_BIN + 1, size=(int(begins.sum()), 3))
        is_pushed = torch.from_numpy(self._left > 0)[..., None]
        self._left = np.maximum(self._left - 1, 0)
        return torch.where(is_pushed, torch.from_numpy(self._push), movement)


def _fit(graph: ComputeGraph, shown: list[Tensor], updates: int, seed: int) -> tuple[GenomeArray, dict[str, float]]:
    """A genome that follows decisions, and the mean squared error of each output over the last tenth of the updates.

    Args:
        graph: of the network.
        shown: what the agent sees of itself, of entities, their types, and what is decided, `(T, R, ...)` each.
        updates: steps of Adam.
        seed: decides the first genome and the batches.
    """
    stream = torch.Generator().manual_seed(seed)
    genome = (0.5 * torch.randn(graph.num_params, generator=stream)).requires_grad_()
    optimiser = torch.optim.Adam([genome], lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    if not graph.num_cells:  # then any env step stands alone
        shown = [part.flatten(0, 1)[None] for part in shown]
    num_steps, num_rows = shown[0].shape[:2]
    last = torch.zeros(NUM_OUTPUTS)
    for update in range(updates):
        rows = torch.randint(num_rows, (max(_BATCH // num_steps, 1),), generator=stream)
        memory, squares = torch.zeros(len(rows), graph.num_cells), torch.zeros(NUM_OUTPUTS)
        for me, entities, types, decided in zip(*(part[:, rows] for part in shown), strict=True):
            outputs, memory = forward(graph, genome, me, entities, types, memory)
            squares = squares + (outputs - decided).square().mean(0) / num_steps
        optimiser.zero_grad()
        squares.mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if update >= updates - max(updates // 10, 1):
            last += squares.detach() / max(updates // 10, 1)
    return genome.detach().numpy(), dict(zip(OUTPUTS, last.tolist(), strict=True))
