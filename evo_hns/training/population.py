"""Both sides of a run: their searches, and what each remembers of its champions. Nothing here plays.

All that changes is arrays in the end (`populations_state`), so that a run continues to the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import numpy as np
import torch
from torch import Tensor

from evo_hns.archive.hall_of_fame import HallOfFame, IntArray
from evo_hns.archive.opponent_stats import OpponentStats
from evo_hns.archive.records import Champion, Run, State
from evo_hns.config import CoevolutionConfig, ConfigError, RunConfig
from evo_hns.evaluation.candidates import Opponents
from evo_hns.evaluation.reliability import matches_needed
from evo_hns.search import build_searcher
from evo_hns.search.base import Searcher, SearchState
from evo_hns.search.subspace import Subspace
from evo_hns.spec import Side
from evo_hns.training.random_streams import Stream, seed_of

FEWEST_MATCHES = 2
"""Of each candidate where they adapt; one has no halves to be compared."""


@dataclass(eq=False)
class Population:
    """One side: its search, and the memory of its champions.

    Champions and exploiters are kept apart, so that nobody ever takes the one for the other; as opponents they stand
    in one line (`opponent_stats`).
    """

    searcher: Searcher
    hall: HallOfFame  #: its champions, one for each generation
    opponent_stats: OpponentStats  #: what is known of them and of its exploiters as opponents
    exploiters: HallOfFame  #: the best of each exploiter that was replaced
    exploiter: Searcher | None = None  #: the search of now; None: there is none
    matches: float = 0.0  #: of each of its candidates in a generation, before rounding

    @property
    def num_matches(self) -> int:
        """Matches of each of its candidates in the next generation."""
        return round(self.matches)

    def adapt_matches(self, reached: float, settings: CoevolutionConfig) -> None:
        """Go towards the number of matches that the settings' reliability takes, if they aim at one.

        Args:
            reached: reliability of the fitness by as many matches as now. A single estimate is noisy, so that its
                number is bounded to half and twice that of now, of which way only a quarter is gone.
            settings: the aim, and the most matches.
        """
        if settings.target_reliability is None:
            return
        needed = matches_needed(reached, self.num_matches, settings.target_reliability)
        change = float(np.clip(needed / self.matches, 0.5, 2.0)) ** 0.25
        self.matches = float(np.clip(self.matches * change, FEWEST_MATCHES, settings.max_episodes_per_candidate))

    def remember(self, champion: Champion, generation: int) -> None:
        """Take in a champion, who is the side's current one from now on."""
        self.hall.append(champion.genome, generation, champion.score)
        self.opponent_stats.append(len(self.hall) - 1)

    def remember_exploiter(self, exploiter: Champion, generation: int) -> None:
        """Take in the best of an exploiter that is replaced, as an opponent and nothing else."""
        self.exploiters.append(exploiter.genome, generation, exploiter.score)
        self.opponent_stats.append(-len(self.exploiters))

    def opponents(self, rows: IntArray) -> Opponents:
        """Champions and exploiters of this side by their rows among its opponents."""
        origins = self.opponent_stats.origins[rows]
        genomes = self.hall.genomes[np.maximum(origins, 0)]
        exploiting = origins < 0
        genomes[exploiting] = self.exploiters.genomes[-1 - origins[exploiting]]
        return Opponents(torch.from_numpy(genomes), rows)


Populations = Mapping[Side, Population]


def build_populations(
    config: RunConfig,
    lengths: Mapping[Side, int],
    places: Mapping[Side, slice],
    starts: Mapping[Side, Tensor] = MappingProxyType({}),
) -> dict[Side, Population]:
    """The populations that are trained at their beginning, each with a random stream of its own.

    Args:
        config: the run's settings.
        lengths: L, of each side's genomes.
        places: of the numbers that are searched, of the sides that do not search all.
        starts: `(L,)` genomes at which searches begin; of the other sides they are drawn.

    Raises:
        ConfigError: settings that cannot be searched.
    """
    return {
        side: Population(
            searcher=_build_searcher(config, side, lengths[side], places.get(side), starts.get(side)),
            hall=HallOfFame(lengths[side]),
            opponent_stats=OpponentStats(),
            exploiters=HallOfFame(lengths[side]),
            exploiter=build_exploiter(config, side, lengths[side], 0) if config.coevolution.exploiter_every else None,
            matches=float(config.coevolution.episodes_per_candidate),
        )
        for side in config.trained_sides
    }


def _build_searcher(config: RunConfig, side: Side, length: int, place: slice | None, start: Tensor | None) -> Searcher:
    """The search of a side, of all numbers or of those in their place; without a start its state is to be restored."""
    search, seed = config.side(side).search, seed_of(config.seed, 0, Stream.SEARCH, side)
    if place is None:
        return build_searcher(search, length, seed, start)
    whole = torch.zeros(length) if start is None else start
    return Subspace(build_searcher(search, place.stop - place.start, seed, whole[place]), whole, place)


def build_exploiter(config: RunConfig, side: Side, num_params: int, generation: int) -> Searcher:
    """A search like the side's own at its beginning, with a random stream of its own.

    Args:
        config: the run's settings.
        side: whose exploiter.
        num_params: length of a genome.
        generation: its first.
    """
    seed = seed_of(config.seed, generation, Stream.EXPLOITER, side)
    return build_searcher(config.side(side).search, num_params, seed)


def populations_state(populations: Populations) -> State:
    """All that changes of the sides, besides their halls, as nested arrays."""
    state: dict[str, State] = {side.label: each.searcher.state_dict() for side, each in populations.items()}
    state["encounters"] = {side.label: each.opponent_stats.state_dict() for side, each in populations.items()}
    state["matches"] = {side.label: np.array(each.matches) for side, each in populations.items()}
    living = {side.label: each for side, one in populations.items() if (each := one.exploiter) is not None}
    if living:
        state["exploiters"] = {label: searcher.state_dict() for label, searcher in living.items()}
    return state


def restore_populations(config: RunConfig, run: Run, places: Mapping[Side, slice]) -> dict[Side, Population]:
    """Both populations as they stood after the last generation of a run, of which there is at least one.

    Args:
        config: the run's settings.
        run: it.
        places: see `build_populations`.

    Raises:
        ConfigError: it holds champions, but no search that could go on.
        ValueError: the run's state is of another search, or damaged.
    """
    if not run.state:
        raise ConfigError(
            "this file holds champions without the search that found them (as of pruned networks): its players can "
            "play, but there is nothing to go on with; resume the run that they come from"
        )
    populations = build_populations(config, {side: run.num_params(side) for side in Side}, places)
    known, exploiters, matches = (
        cast(Mapping[str, State], run.state.get(name, {})) for name in ("encounters", "exploiters", "matches")
    )
    for side, population in populations.items():
        population.searcher.load_state_dict(cast(SearchState, run.state[side.label]))
        population.hall = _copy(run.halls[side])
        population.exploiters = _copy(run.exploiters.get(side, population.exploiters))
        if side.label in known:
            population.opponent_stats = OpponentStats.from_state(cast(Mapping[str, np.ndarray], known[side.label]))
        else:
            population.opponent_stats = OpponentStats.of_untracked(len(population.hall))
        if side.label in matches:
            population.matches = float(cast(np.ndarray, matches[side.label]))
        if population.exploiter is not None and side.label in exploiters:
            population.exploiter.load_state_dict(cast(SearchState, exploiters[side.label]))
    return populations


def _copy(hall: HallOfFame) -> HallOfFame:
    return HallOfFame.from_arrays(hall.genomes, hall.generations, hall.scores)
