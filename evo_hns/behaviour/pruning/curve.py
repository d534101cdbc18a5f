"""How small can a strategy get? The score against every held-out player, for ever fewer weights.

Every size of every order plays the same held-out worlds as the original, and is compared with it world by world. A
size is within the margin if the whole 95 % interval of its difference lies above minus the margin, against every
opponent. Sizes are looked at from the largest down to the first that is not (a fixed sequence: many looks do not
make a lucky one likelier), and those so found are measured again, in fresh worlds that did not choose them: what holds
there, from the largest down, is confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch

from evo_hns.behaviour.pruning.activity import FloatArray, Watcher
from evo_hns.behaviour.pruning.orders import CONTROL, ORDERS, Subject, remove, schedule
from evo_hns.behaviour.pruning.simplify import GenomeArray, simplify
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.evaluators import LocalEvaluator, build_evaluator
from evo_hns.evaluation.fitness import team_return
from evo_hns.evaluation.held_out import held_out_opponents
from evo_hns.evaluation.intervals import Estimate, estimate, estimate_gain
from evo_hns.evaluation.matches import fresh_seeds, held_out_seeds, same_list_for_all
from evo_hns.evaluation.session import play
from evo_hns.players.addresses import Archived, find_player, parse_address
from evo_hns.policies.graph import ComputeGraph
from evo_hns.policies.network import NetworkPolicy, NetworkTeam
from evo_hns.policies.roster import Roster, scripted_roster
from evo_hns.spec import Side

Scores = Mapping[str, FloatArray]
"""Opponent -> `(P, E)` team returns of P genomes in E worlds, NaN where the physics failed."""

_WATCHED_WORLDS = 16  # per opponent, to see how strongly inputs are driven
_WATCHING, _CONFIRMING = 0, 1  # streams of fresh worlds


@dataclass(frozen=True, eq=False)
class Against:
    """A genome against one held-out player."""

    returns: FloatArray  #: `(E,)` of its team in each world, NaN where the physics failed
    score: Estimate  #: their mean
    gain: Estimate  #: over the original, in the same worlds
    margin: float  #: by which it may be worse

    @property
    def within(self) -> bool:
        """Whether it is not worse than the original by more than the margin, with certainty (one-sided 97.5 %)."""
        return self.gain.low >= -self.margin


@dataclass(frozen=True, eq=False)
class Size:
    """What is left of a network after a number of its weights were removed."""

    genome: GenomeArray  #: `(L,)` float32, zeros where weights were removed
    weights: int  #: that are left
    effective: int  #: that are left when units that cannot act are taken out
    units: int  #: hidden units that can act
    against: Mapping[str, Against]  #: by opponent

    @property
    def within(self) -> bool:
        """Whether it is within the margin against every opponent."""
        return all(measured.within for measured in self.against.values())

    def as_dict(self) -> dict[str, object]:
        """For JSON; the genome is left out."""
        return {
            "weights": self.weights,
            "effective": self.effective,
            "units": self.units,
            "within": self.within,
            "against": {name: _figures(measured) for name, measured in self.against.items()},
        }


@dataclass(frozen=True, eq=False)
class Trail:
    """Ever fewer weights, in one order."""

    order: str
    sizes: tuple[Size, ...]  #: all weights first, none last
    again: tuple[Size, ...] = ()  #: those up to `smallest`, measured again in fresh worlds

    @property
    def smallest(self) -> int:
        """Place of the last size that is within the margin together with all larger ones."""
        return _last_within(self.sizes)

    @property
    def confirmed(self) -> int:
        """Place of the last size that is so in the fresh worlds, too; 0: none but the original."""
        return max(_last_within(self.again), 0)

    @property
    def says_nothing(self) -> bool:
        """Whether even no weights at all are within the margin: then the strategy is worth none of its weights."""
        return self.smallest == len(self.sizes) - 1

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "order": self.order,
            "sizes": [size.as_dict() for size in self.sizes],
            "smallest": self.smallest,
            "again": [size.as_dict() for size in self.again],
            "confirmed": self.confirmed,
        }


def _last_within(sizes: Sequence[Size]) -> int:
    return next((k for k, size in enumerate(sizes) if not size.within), len(sizes)) - 1


@dataclass(frozen=True, eq=False)
class Pruning:
    """Trails of one player; the last one is the control."""

    player: str  #: its address
    side: Side
    generation: int  #: of the champion
    config: RunConfig  #: of its run
    episodes: int  #: worlds per opponent
    genome_lengths: Mapping[Side, int]  #: of its game
    trails: tuple[Trail, ...]

    @property
    def original(self) -> Size:
        """Nothing removed."""
        return self.trails[0].sizes[0]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "player": self.player,
            "generation": self.generation,
            "episodes": self.episodes,
            "parameters": self.genome_lengths[self.side],
            "trails": [trail.as_dict() for trail in self.trails],
        }


def prune(
    player: str,
    orders: Sequence[str] = ("importance",),
    *,
    episodes: int = 64,
    margin: float | None = None,
    factor: float = 0.8,
    seed: int = 0,
) -> Pruning:
    """Remove weights of an archived champion step by step, and measure what is left of its score.

    Args:
        player: address of a champion of either side.
        orders: entries of `ORDERS`; the control is added.
        episodes: E, held-out worlds per opponent, and as many fresh ones for the confirmation.
        margin: by which a mean return may be worse; by default half the width of the original's own 95 % interval.
        factor: share of the weights that each step keeps.
        seed: decides the control and the fresh worlds.

    Raises:
        ConfigError: the address leads to no network, or a number makes no sense.
        RunFileError: a run file that cannot be read.
    """
    _check(orders, episodes, margin, factor)
    address = _champion(player)
    evaluator = build_evaluator(address.member.config)
    found = find_player(address, address.side, evaluator.session.spec)
    policy = found.spec.build(evaluator.session.spec)
    if not isinstance(policy, NetworkPolicy):
        raise ConfigError(f"{player} has a network without prunable unit groups; expected a small one (mlp, attention)")
    opponents = held_out_opponents(evaluator.session.spec, address.side)
    if not opponents:
        raise ConfigError(f"{player}: nobody plays the {address.side.label} in this task; prune the other side")
    worlds = _Worlds(evaluator, address.side, found, opponents)
    subject = worlds.watch(policy, fresh_seeds(_WATCHED_WORLDS, seed, _WATCHING), seed)
    names = tuple(dict.fromkeys([*orders, CONTROL]))
    cut = [_genomes(subject, name, factor) for name in names]
    scores = worlds.play(np.concatenate(cut), held_out_seeds(episodes))
    margins = margins_of({name: rows[0] for name, rows in scores.items()}, margin)
    trails = trails_of(subject.graph, names, cut, scores, margins)
    fresh = fresh_seeds(episodes, seed, _CONFIRMING)
    return Pruning(
        player=player,
        side=address.side,
        generation=address.member.generation,
        config=address.member.config,
        episodes=episodes,
        genome_lengths=evaluator.session.genome_lengths,
        trails=_confirm(subject.graph, trails, worlds, fresh, margins),
    )


def _check(orders: Sequence[str], episodes: int, margin: float | None, factor: float) -> None:
    if episodes < 2:
        raise ConfigError(f"--episodes: got {episodes}, expected at least 2, for an interval")
    if margin is not None and not margin >= 0:
        raise ConfigError(f"--margin: got {margin:g}, expected 0 or more")
    if not 0 < factor < 1:
        raise ConfigError(f"--factor: got {factor:g}, expected a share between 0 and 1")
    for name in orders:
        if name not in ORDERS:
            raise ConfigError(f"--order: got {name!r}, expected {', '.join(ORDERS)}")


def _champion(player: str) -> Archived:
    """The address of a champion, of the side that it names."""
    label = player.rpartition(":")[2].partition("/")[0]
    address = parse_address(player, next((side for side in Side if side.label == label), Side.HIDERS))
    if not isinstance(address, Archived):
        raise ConfigError(f"{player} has no weights to remove; expected a champion of a run: RUN:hiders/last")
    return address


@dataclass(frozen=True)
class _Worlds:
    """Where the networks of one side meet all its held-out opponents."""

    evaluator: LocalEvaluator
    side: Side
    original: Roster
    opponents: tuple[str, ...]

    def watch(self, policy: NetworkPolicy, seeds: np.ndarray, seed: int) -> Subject:
        """Let the original play, and see how strongly the inputs of its layers are driven."""
        watcher, session = Watcher(), self.evaluator.session
        table = same_list_for_all(self.side, np.zeros(1, np.int64), np.zeros(len(seeds), np.int64), seeds)
        for name in self.opponents:
            for batch in table.batches(session.num_worlds):
                teams = session.teams(batch, self._rosters(self.original, name))
                teams[self.side] = watcher.watching(cast(NetworkTeam, teams[self.side]))
                play(session.game, teams, batch.seed)
        genome = self.original.genomes.numpy().reshape(-1, policy.num_params)
        return Subject(policy.graph, genome, watcher.strengths(), seed)

    def play(self, genomes: GenomeArray, seeds: np.ndarray) -> Scores:
        """`(P, L)` genomes, each against every opponent in every world, in one table per opponent."""
        candidates, opponents = np.arange(len(genomes)), np.zeros(len(seeds), np.int64)
        table = same_list_for_all(self.side, candidates, opponents, seeds)
        roster = Roster(self.original.spec, torch.from_numpy(genomes))
        scores = {}
        for name in self.opponents:
            episodes = self.evaluator.evaluate(table, self._rosters(roster, name))
            returns = team_return(episodes, self.evaluator.session.spec, self.side)
            scores[name] = returns.numpy().reshape(len(genomes), len(seeds))
        return scores

    def _rosters(self, roster: Roster, opponent: str) -> Mapping[Side, Roster]:
        return {self.side: roster, self.side.other: scripted_roster(opponent)}


def _genomes(subject: Subject, name: str, factor: float) -> GenomeArray:
    """`(P, L)` float32 genomes of ever fewer weights: the original first, none at last; some of the others' act."""
    order = ORDERS[name](subject)
    cut = [subject.genome]
    for keep in schedule(int(np.count_nonzero(subject.genome)), factor):
        genome = remove(subject.genome, order, keep)
        if np.count_nonzero(genome) == np.count_nonzero(cut[-1]):
            continue  # equally important weights went together
        if sum(simplify(subject.graph, network).num_weights for network in genome) == 0:
            break
        cut.append(genome)
    return np.stack([*cut, np.zeros_like(subject.genome)]).reshape(len(cut) + 1, -1)


def margins_of(original: Mapping[str, FloatArray], margin: float | None) -> dict[str, float]:
    """Opponent -> by how much a mean return may be worse.

    Args:
        original: opponent -> `(E,)` returns of the original.
        margin: the same for all; None: half the width of the original's own interval.

    Raises:
        ConfigError: too many matches failed to tell.
    """
    margins = {name: estimate(scores).half_width if margin is None else margin for name, scores in original.items()}
    if not np.isfinite(list(margins.values())).all():
        raise ConfigError("the physics failed in all worlds but one; ask for more with --episodes")
    return margins


def trails_of(
    graph: ComputeGraph, names: Sequence[str], cut: Sequence[GenomeArray], scores: Scores, margins: Mapping[str, float]
) -> tuple[Trail, ...]:
    """Trails from their scores.

    Args:
        graph: of the network.
        names: of the orders.
        cut: `(P, L)` genomes of each order, the original first.
        scores: of all of them, one order after the other.
        margins: by opponent.
    """
    ends = np.cumsum([len(genomes) for genomes in cut])
    trails = []
    for name, genomes, end in zip(names, cut, ends, strict=True):
        own = {opponent: rows[end - len(genomes) : end] for opponent, rows in scores.items()}
        trails.append(Trail(name, _sizes(graph, genomes, own, margins)))
    return tuple(trails)


def _sizes(graph: ComputeGraph, genomes: GenomeArray, scores: Scores, margins: Mapping[str, float]) -> tuple[Size, ...]:
    """Sizes whose first one is the original."""
    sizes = []
    for row, genome in enumerate(genomes):
        against = {
            name: Against(own[row], estimate(own[row]), estimate_gain(own[0], own[row]), margins[name])
            for name, own in scores.items()
        }
        left = [simplify(graph, network) for network in genome.reshape(-1, graph.num_params)]
        effective, units = sum(network.num_weights for network in left), sum(network.num_units for network in left)
        sizes.append(Size(genome, int(np.count_nonzero(genome)), effective, units, against))
    return tuple(sizes)


def _confirm(
    graph: ComputeGraph, trails: Sequence[Trail], worlds: _Worlds, seeds: np.ndarray, margins: Mapping[str, float]
) -> tuple[Trail, ...]:
    """Measure the sizes that each trail found again, the original among them, in worlds that did not choose them."""
    cut = [np.stack([size.genome for size in trail.sizes[: trail.smallest + 1]]) for trail in trails]
    scores = worlds.play(np.concatenate(cut), seeds)
    again = trails_of(graph, [trail.order for trail in trails], cut, scores, margins)
    return tuple(replace(trail, again=measured.sizes) for trail, measured in zip(trails, again, strict=True))


def _figures(measured: Against) -> dict[str, float | bool]:
    return {
        "mean": measured.score.mean,
        "ci95_low": measured.score.low,
        "ci95_high": measured.score.high,
        "gain": measured.gain.mean,
        "gain_ci95_low": measured.gain.low,
        "gain_ci95_high": measured.gain.high,
        "margin": measured.margin,
        "within": measured.within,
    }
