"""Whether a coarser timestep ranks candidates as the game's own does.

What counts is how well a fitness foretells ranks elsewhere: candidates' mean returns in one half of their matches are
compared with those in the other half, which is always played at the game's own timestep. At that timestep on both
sides it is the correlation of two halves, which no other timestep can be asked to exceed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import ConfigError, PhysicsConfig, RunConfig
from evo_hns.evaluation.fitness import team_return
from evo_hns.evaluation.matches import fresh_seeds, same_list_for_all
from evo_hns.evaluation.session import Sessions
from evo_hns.policies.roster import Roster
from evo_hns.spec import ObservationSpec, Side

NUM_SPLITS = 16
"""Random halves of the matches that a correlation is averaged over."""
NUM_RESAMPLES = 200
"""Of the candidates, for intervals."""


@dataclass(frozen=True)
class Agreement:
    """How one number of substeps ranks the candidates of one side."""

    side: str
    num_substeps: int
    microseconds: float  #: CPU time of a whole env step of a world, players included
    halves: float  #: rank correlation with the other half of the matches, played at the game's own timestep
    difference: tuple[float, float]  #: 95 % interval of `halves` less that of the game's own timestep
    same_matches: float  #: rank correlation with the same matches at the game's own timestep


def rank_agreement(
    config: RunConfig,
    cuts: Sequence[PhysicsConfig],
    players: Mapping[Side, Roster],
    *,
    num_candidates: int = 256,
    num_matches: int = 8,
    spread: float = 0.2,
) -> list[Agreement]:
    """Rank candidates around two players at each timestep, each side's against opponents around the other player.

    Args:
        config: the game.
        cuts: how env steps are cut into substeps, the game's own first.
        players: a network of each side.
        num_candidates: of each side.
        num_matches: of each candidate: opponents, each in a world of its own, the same for all candidates.
        spread: standard deviation of what is added to every number of the players' genomes.

    Raises:
        ConfigError: a player is no network of this game.
    """
    torch.set_num_threads(1)
    games = [Sessions(config.model_copy(update={"physics": cut}), config.physics.num_worlds).exact for cut in cuts]
    around = _draw_around(players, games[0].spec, num_candidates + num_matches, spread)
    found: list[Agreement] = []
    for side in Side:
        rivals = num_candidates + np.arange(num_matches)
        table = same_list_for_all(side, np.arange(num_candidates), rivals, fresh_seeds(num_matches, int(side)))
        seconds = np.zeros(len(games))
        parts: list[list[Tensor]] = [[] for _ in games]
        for batch in table.batches(config.physics.num_worlds):
            for k, game in enumerate(games):  # in turns: the machine may be busy
                start = time.thread_time()
                episodes = game.play(batch, around)
                seconds[k] += time.thread_time() - start
                parts[k].append(team_return(episodes, game.spec, side))
        returns = [torch.cat(part).reshape(num_candidates, num_matches).numpy() for part in parts]
        microseconds = 1e6 * seconds / (len(table) * config.rules.horizon)
        found += [
            Agreement(side.label, cut.num_substeps, float(cost), *_compare(own, returns[0]))
            for cut, cost, own in zip(cuts, microseconds, returns, strict=True)
        ]
    return found


def _draw_around(
    players: Mapping[Side, Roster], spec: ObservationSpec, count: int, spread: float
) -> dict[Side, Roster]:
    """So many networks around each player.

    Raises:
        ConfigError: a player is no network of this game.
    """
    for side, player in players.items():
        expected, got = player.spec.genome_length(spec, side), player.genomes.shape[1]
        if got != expected or not got:
            raise ConfigError(
                f"got {got} parameters of the {side.label} to draw candidates around, expected {expected or 'some'}: "
                f"name a champion of this game, RUN:{side.label}/last"
            )
    generator = torch.Generator().manual_seed(0)
    around: dict[Side, Roster] = {}
    for side, player in players.items():
        noise = torch.randn(count, player.genomes.shape[1], generator=generator)
        around[side] = Roster(player.spec, player.genomes + spread * noise)
    return around


def _compare(coarse: np.ndarray, exact: np.ndarray) -> tuple[float, tuple[float, float], float]:
    """Of `(P, E)` returns at two timesteps: correlation of halves, interval of what is lost, correlation of all."""
    rng = np.random.default_rng(0)
    first = np.stack([rng.permutation(exact.shape[1]) < exact.shape[1] // 2 for _ in range(NUM_SPLITS)])
    halves = [(_half_ranks(coarse, half), _half_ranks(exact, ~half), _half_ranks(exact, half)) for half in first]
    halves += [(_half_ranks(coarse, ~half), _half_ranks(exact, half), _half_ranks(exact, ~half)) for half in first]
    mine, other, own = (np.stack(ranks) for ranks in zip(*halves, strict=True))
    lost = []
    for _ in range(NUM_RESAMPLES):
        rows = rng.integers(0, len(exact), len(exact))
        lost.append(_correlation(mine[:, rows], other[:, rows]) - _correlation(own[:, rows], other[:, rows]))
    low, high = np.quantile(lost, [0.025, 0.975]).tolist()
    whole = np.ones(exact.shape[1], np.bool_)
    same = _correlation(_half_ranks(coarse, whole)[None], _half_ranks(exact, whole)[None])
    return _correlation(mine, other), (low, high), same


def _half_ranks(returns: np.ndarray, half: np.ndarray) -> np.ndarray:
    """`(P,)` ranks of the candidates by their mean over some matches; equals share the mean of theirs."""
    _, place, counts = np.unique(np.nanmean(returns[:, half], axis=1), return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Mean over the rows of `(S, P)` ranks of their correlations, 0 where all candidates are alike."""
    one, other = (x - x.mean(1, keepdims=True) for x in (one, other))
    scale = np.sqrt((one**2).sum(1) * (other**2).sum(1))
    return float(np.divide((one * other).sum(1), scale, out=np.zeros(len(one)), where=scale > 0.0).mean())
