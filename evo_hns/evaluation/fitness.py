"""What counts as good: from the episodes of a table to one number per candidate.

A team wins a match when its return is above 0, and draws when it is exactly 0, which is half a win.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evo_hns.config import CoevolutionConfig
from evo_hns.evaluation.rollout import Episodes, Keep
from evo_hns.spec import ObservationSpec, Side


class MatchesFailedError(RuntimeError):
    """The physics failed in every match, so that nobody can be scored; one line for the user."""


Fitness = Callable[[Tensor, np.ndarray, np.ndarray, int], Tensor]
"""`(M,)` scores, `(M,)` rows (-1: not scored), `(M,)` who was met, P -> `(P,)` fitness; NaN: without a match."""


@dataclass(frozen=True)
class Skill:
    """What candidates are selected for instead of their return, for diagnosis."""

    measure: Callable[[Episodes], Tensor]  #: `(M,)` float64, higher is better; of failed matches anything
    keep: tuple[Keep, ...] = ()  #: what it needs of episodes beside their outcome


def team_return(episodes: Episodes, spec: ObservationSpec, side: Side) -> Tensor:
    """`(M,)` float64: the return of a team, the mean over its members that were there. Failed matches hold NaN."""
    members, count = episodes.returns[:, spec.team(side)], episodes.agent_mask[:, spec.team(side)].sum(1)
    total = torch.zeros(len(members), dtype=torch.float64)
    for member in members.unbind(1):  # one by one: the same bits in a batch of any size
        total = total + member
    mean = total / count.clamp(min=1)
    return torch.where(episodes.failed, torch.nan, mean)


def wins(scores: Tensor) -> Tensor:
    """1 for a match that was won, 1/2 for a draw, 0 for a defeat; NaN for one that failed."""
    return torch.where(torch.isnan(scores), scores, (torch.sign(scores) + 1.0) / 2.0)


def mean_return(scores: Tensor, rows: np.ndarray, opponents: np.ndarray, num_genomes: int) -> Tensor:
    """Mean of each genome's scores over the matches that did not fail."""
    values = scores.numpy()
    counted = np.isfinite(values) & (rows >= 0) & (rows < num_genomes)
    total = np.bincount(rows[counted], weights=values[counted], minlength=num_genomes)
    count = np.bincount(rows[counted], minlength=num_genomes)
    with np.errstate(invalid="ignore"):
        return torch.from_numpy(total / count)


def win_share(scores: Tensor, rows: np.ndarray, opponents: np.ndarray, num_genomes: int) -> Tensor:
    """Share of its matches that each genome won."""
    return mean_return(wins(scores), rows, opponents, num_genomes)


def shared_wins(scores: Tensor, rows: np.ndarray, opponents: np.ndarray, num_genomes: int) -> Tensor:
    """Competitive fitness sharing: to beat an opponent is worth 1 / (number of genomes that beat it).

    In several worlds with one opponent, the share of wins takes the place of the win. Of an opponent all of whose
    matches with a genome failed, the genome gets what the others got on average.

    Source: Rosin and Belew 1997, "New methods for competitive coevolution".
    """
    counted = (rows >= 0) & (rows < num_genomes)
    met, columns = np.unique(opponents[counted], return_inverse=True)
    cells = rows[counted] * len(met) + columns
    shares = win_share(scores[torch.from_numpy(counted)], cells, cells, num_genomes * len(met)).numpy()
    table = np.ma.masked_invalid(shares.reshape(num_genomes, len(met)))  # of genomes over opponents
    beaten = table.sum(0).filled(0.0)
    worth = np.where(table > 0, table, 0.0) / np.where(beaten > 0, beaten, 1.0)
    means = np.ma.mean(np.ma.array(worth, mask=np.ma.getmaskarray(table)), axis=0).filled(0.0)
    fitness = np.where(np.ma.getmaskarray(table), means, worth).sum(1)
    return torch.from_numpy(np.where(np.ma.getmaskarray(table).all(1), np.nan, fitness))


FITNESS: dict[str, Fitness] = {"mean-return": mean_return, "wins": win_share, "shared-wins": shared_wins}
"""What candidates are selected for, by `CoevolutionConfig.fitness`."""


def build_fitness(settings: CoevolutionConfig) -> Fitness:
    """What candidates are selected for by the settings, reduced virulence included."""
    fitness, virulence = FITNESS[settings.fitness], settings.virulence
    if virulence == 1.0:
        return fitness

    def moderate_fitness(scores: Tensor, rows: np.ndarray, opponents: np.ndarray, num_genomes: int) -> Tensor:
        share = float(torch.nanmean(win_share(scores, rows, opponents, num_genomes)))
        v = adapted_virulence(share) if virulence == "auto" else float(virulence)
        return moderated(fitness(scores, rows, opponents, num_genomes), v)

    return moderate_fitness


def moderated(fitness: Tensor, virulence: float) -> Tensor:
    """Reduced virulence: 2x/v - x^2/v^2 of the score x relative to the best, which is highest at x = v.

    A side that always wins does not discriminate between the other's candidates; one that sometimes loses does.

    Args:
        fitness: `(P,)` at least 0, as wins are; NaN stays.
        virulence: v from 0.5 to 1.

    Source: Cartlidge and Bullock 2004, "Combating coevolutionary disengagement by reducing parasite virulence".
    """
    best = fitness[torch.isfinite(fitness)].max() if bool(torch.isfinite(fitness).any()) else torch.tensor(0.0)
    relative = fitness / (best if best > 0 else 1.0)
    return 2.0 * relative / virulence - (relative / virulence) ** 2


def adapted_virulence(share: float) -> float:
    """Virulence of a side that wins this share of its matches: 1 up to a half, 0.5 if it wins all."""
    return 1.0 if np.isnan(share) else min(1.0, 1.5 - share)


def team_fitness(
    scores: Tensor,
    rows: np.ndarray,
    side: Side,
    num_genomes: int,
    opponents: np.ndarray | None = None,
    fitness: Fitness = mean_return,
) -> Tensor:
    """Fitness of the first `num_genomes` rows of a side's roster: finite, higher is better.

    Args:
        scores: `(M,)` of M matches, such as `team_return`; NaN: the match failed.
        rows: `(M,)` who of the side played each; rows from `num_genomes` on are opponents.
        side: whose fitness.
        num_genomes: P, the candidates.
        opponents: `(M,)` the opponent of each match, by any numbers; by default all are the same.
        fitness: what counts as good.

    Returns:
        `(P,)` float64. A candidate all of whose matches failed gets the worst fitness of the others.

    Raises:
        MatchesFailedError: every match of every candidate failed.
    """
    met = np.zeros(len(rows), dtype=np.int64) if opponents is None else opponents
    values = fitness(scores, rows, met, num_genomes)
    finite = torch.isfinite(values)
    if not bool(finite.any()):
        raise MatchesFailedError(
            f"all {len(rows)} matches of the {side.label} failed in the physics; "
            "use the game's own timestep (0.005 s x 15) or report the seed"
        )
    return torch.where(finite, values, values[finite].min())
