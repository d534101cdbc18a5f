"""What counts as good: from the episodes of a table to one number per candidate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from evo_hns.rollout import Episodes
from evo_hns.spec import ObservationSpec, Side


class MatchesFailedError(RuntimeError):
    """The physics failed in every match, so that nobody can be scored; one line for the user."""


Fitness = Callable[[Tensor, np.ndarray, int], Tensor]
"""`(M,)` scores, `(M,)` rows (-1: not scored), P -> `(P,)` fitness, NaN for a row without a match."""


def team_return(episodes: Episodes, spec: ObservationSpec, side: Side) -> Tensor:
    """`(M,)` float64: the return of a team, the mean over its members that were there. Failed matches hold NaN."""
    members, count = episodes.returns[:, spec.team(side)], episodes.agent_mask[:, spec.team(side)].sum(1)
    total = torch.zeros(len(members), dtype=torch.float64)
    for member in members.unbind(1):  # one by one: the same bits in a batch of any size
        total = total + member
    mean = total / count.clamp(min=1)
    return torch.where(episodes.failed, torch.nan, mean)


def mean_return(scores: Tensor, rows: np.ndarray, num_genomes: int) -> Tensor:
    """Mean of each genome's scores over the matches that did not fail."""
    values = scores.numpy()
    counted = np.isfinite(values) & (rows >= 0) & (rows < num_genomes)
    total = np.bincount(rows[counted], weights=values[counted], minlength=num_genomes)
    count = np.bincount(rows[counted], minlength=num_genomes)
    with np.errstate(invalid="ignore"):
        return torch.from_numpy(total / count)


FITNESS: dict[str, Fitness] = {"mean_return": mean_return}


def team_fitness(
    episodes: Episodes,
    rows: np.ndarray,
    spec: ObservationSpec,
    side: Side,
    num_genomes: int,
    fitness: Fitness = mean_return,
) -> Tensor:
    """Fitness of the first `num_genomes` rows of a side's roster: finite, higher is better.

    Args:
        episodes: M played matches.
        rows: `(M,)` the side's rows in the match table; rows from `num_genomes` on are opponents.
        spec: sizes of the game.
        side: whose fitness.
        num_genomes: P, the candidates.
        fitness: an entry of `FITNESS`.

    Returns:
        `(P,)` float64. A candidate all of whose matches failed gets the worst fitness of the others.

    Raises:
        MatchesFailedError: every match of every candidate failed.
    """
    values = fitness(team_return(episodes, spec, side), rows, num_genomes)
    finite = torch.isfinite(values)
    if not bool(finite.any()):
        raise MatchesFailedError(
            f"all {len(rows)} matches of the {side.label} failed in the physics; "
            "use the game's own timestep (0.005 s x 15) or report the seed"
        )
    return torch.where(finite, values, values[finite].min())
