"""The order of a generation: the one place where both populations, their memory and the game meet.

Every random number of generation g comes from (seed, g) or from a searcher's own stream, and every
generation is committed to the run file as a whole. So a run that is stopped anywhere, by anything,
continues from its last generation to the same bits.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evo_hns.archive.hall_of_fame import HallOfFame
from evo_hns.archive.records import Champion, GenerationRecord, HeldOutRow, RecordedMatch, recorded_matches
from evo_hns.config import CoevolutionConfig, RunConfig
from evo_hns.evaluation.evaluators import Evaluator, Roster
from evo_hns.evaluation.fitness import team_fitness
from evo_hns.evaluation.held_out import HeldOut, mean_metrics, measure
from evo_hns.evaluation.matches import HELD_OUT_SEED, MatchTable, concatenate, fresh_seeds, same_list_for_all
from evo_hns.evaluation.recording import outcome
from evo_hns.rollout import Episodes
from evo_hns.search import build_searcher
from evo_hns.search.base import Searcher
from evo_hns.spec import Side

PerSide = Mapping[Side, Tensor]

_RECORDED = 1
"""Third word of the seed of a generation's recorded matches; its other random numbers have two."""


@dataclass(frozen=True)
class Population:
    """One side: a search that moves, and the memory of its champions."""

    searcher: Searcher
    hall: HallOfFame


Populations = Mapping[Side, Population]


@dataclass(frozen=True)
class Wave:
    """Matches of both sides' contestants, played together."""

    fitness: PerSide  #: `(P,)` per side
    episodes: Episodes

    @property
    def num_failed(self) -> int:
        """Matches that were discarded because the physics failed."""
        return int(self.episodes.failed.sum())


def build_populations(config: RunConfig, evaluator: Evaluator) -> Populations:
    """Both populations at their beginning, each with a random stream of its own."""
    lengths = evaluator.player.genome_lengths
    return {
        side: Population(
            build_searcher(config.side(side).search, lengths[side], seed=2 * config.seed + int(side)),
            HallOfFame(lengths[side]),
        )
        for side in Side
    }


def coevolve(
    config: RunConfig, evaluator: Evaluator, populations: Populations, first_generation: int = 0
) -> Iterator[GenerationRecord]:
    """Run generations one by one, each as soon as the last was taken.

    Args:
        config: the run's settings.
        evaluator: where matches run.
        populations: both sides as they stood before `first_generation`; they move.
        first_generation: the generation to begin with.
    """
    for generation in range(first_generation, config.coevolution.generations):
        yield run_generation(config, evaluator, populations, generation)


def run_generation(
    config: RunConfig, evaluator: Evaluator, populations: Populations, generation: int
) -> GenerationRecord:
    """Ask, play, tell; find the champions on fresh worlds; remember and measure them."""
    clock = Clock()
    settings = config.coevolution
    rng = np.random.default_rng([config.seed, generation])

    candidates = {side: populations[side].searcher.ask() for side in Side}
    clock.lap("time_search")
    opponents = draw_opponents(populations, candidates, settings, settings.episodes_per_candidate, rng)
    wave = play_wave(evaluator, candidates, opponents, rng)
    clock.lap("time_evaluation")
    moves = {side: populations[side].searcher.tell(wave.fitness[side]) for side in Side}
    clock.lap("time_search")

    finalists = {
        side: choose_finalists(populations[side].searcher, candidates[side], wave.fitness[side], settings)
        for side in Side
    }
    opponents = draw_opponents(populations, candidates, settings, settings.finalist_episodes, rng)
    final = play_wave(evaluator, finalists, opponents, rng)
    champions = {side: crown(finalists[side], final.fitness[side]) for side in Side}
    for side in Side:
        populations[side].hall.append(champions[side].genome, generation, champions[side].score)
    clock.lap("time_champions")

    held_out = measure_champions(config, evaluator, champions, generation)
    clock.lap("time_held_out")
    matches = record_champions(config, evaluator, champions, generation)
    clock.lap("time_recorded")
    return GenerationRecord(
        generation=generation,
        champions=champions,
        metrics={
            **wave_metrics(wave, final, moves, config.rules.horizon),
            **clock.laps,
            **evaluator.take_figures(),
            "memory_peak_mb": peak_memory(),
        },
        held_out=tuple(held_out_row(generation, result) for result in held_out),
        discards={"physics": wave.num_failed + final.num_failed},
        state={side.label: populations[side].searcher.state_dict() for side in Side},
        matches=matches,
    )


def draw_opponents(
    populations: Populations, candidates: PerSide, settings: CoevolutionConfig, num: int, rng: np.random.Generator
) -> PerSide:
    """`(num, L)` genomes that each side will meet: the other side's champion, and its hall of fame.

    Before there is a hall, the other side's first candidates stand in.
    """
    drawn: dict[Side, Tensor] = {}
    for side in Side:
        hall = populations[side.other].hall
        if len(hall) == 0:
            rows = rng.choice(len(candidates[side.other]), num, replace=num > len(candidates[side.other]))
            drawn[side] = candidates[side.other][torch.from_numpy(rows)].to(torch.float32)
            continue
        latest = np.full(round(settings.champion_share * num), len(hall) - 1)
        past = hall.sample(num - len(latest), rng, settings.opponent_sampler)
        drawn[side] = torch.from_numpy(hall.genomes[np.concatenate([latest, past])])
    return drawn


def play_wave(evaluator: Evaluator, contestants: PerSide, opponents: PerSide, rng: np.random.Generator) -> Wave:
    """Both sides at once: every contestant of a side meets the same opponents in the same fresh worlds.

    In a task of one team the other side has nobody to be compared: its fitness is 0.
    """
    player = evaluator.player
    sizes = {side: len(contestants[side]) for side in Side}
    tables = []
    for side in player.spec.teams:
        rows = sizes[side.other] + np.arange(len(opponents[side]))
        seeds = rng.integers(0, HELD_OUT_SEED, len(rows), dtype=np.int64)
        tables.append(same_list_for_all(side, np.arange(sizes[side]), rows, seeds))
    table = concatenate(tables)
    rosters = {
        side: player.roster(side, torch.cat([contestants[side].to(torch.float32), opponents[side.other]]))
        for side in Side
    }
    episodes = evaluator.evaluate(table, rosters)
    nobody = {side: torch.zeros(sizes[side], dtype=torch.float64) for side in Side}
    scored = {
        side: team_fitness(episodes, table.rows(side), player.spec, side, sizes[side]) for side in player.spec.teams
    }
    return Wave(nobody | scored, episodes)


def choose_finalists(searcher: Searcher, candidates: Tensor, fitness: Tensor, settings: CoevolutionConfig) -> Tensor:
    """`(F + 1, L)` the best candidates and the search's own answer: a lucky one must win again."""
    best = torch.sort(fitness, descending=True, stable=True).indices[: settings.num_finalists]
    return torch.cat([candidates[best], searcher.center[None]]).to(torch.float32)


def crown(finalists: Tensor, fitness: Tensor) -> Champion:
    """The finalist with the highest mean return on the fresh worlds."""
    best = int(torch.argmax(fitness))
    return Champion(finalists[best].numpy(), float(fitness[best]))


def measure_champions(
    config: RunConfig, evaluator: Evaluator, champions: Mapping[Side, Champion], generation: int
) -> list[HeldOut]:
    """Held-out measurements that are due: of the first, the last and every so many generations."""
    settings = config.coevolution
    if settings.held_out_episodes == 0 or not held_out_is_due(settings, generation):
        return []
    exact, rosters = evaluator.exact, champion_rosters(evaluator, champions)
    return [result for side in Side for result in measure(exact, side, rosters[side], settings.held_out_episodes)]


def record_champions(
    config: RunConfig, evaluator: Evaluator, champions: Mapping[Side, Champion], generation: int
) -> tuple[RecordedMatch, ...]:
    """The champions of a measured generation against each other, in fresh worlds, to be watched later."""
    num = config.coevolution.recorded_matches
    if num == 0 or not held_out_is_due(config.coevolution, generation):
        return ()
    seeds = fresh_seeds(num, config.seed, generation, _RECORDED)
    first = np.zeros(num, dtype=np.int64)
    episodes, actions = evaluator.exact.record(MatchTable(first, first, seeds), champion_rosters(evaluator, champions))
    players = {side: f"{side.label}/{generation}" for side in Side}
    return recorded_matches(generation, players, seeds, outcome(episodes), actions)


def champion_rosters(evaluator: Evaluator, champions: Mapping[Side, Champion]) -> dict[Side, Roster]:
    """The champions, each as a roster of one."""
    return {side: evaluator.player.roster(side, torch.from_numpy(champions[side].genome)[None]) for side in Side}


def held_out_is_due(settings: CoevolutionConfig, generation: int) -> bool:
    """Whether the champions of a generation meet the held-out players: the first, the last, every so many."""
    every = settings.held_out_every
    return generation in (0, settings.generations - 1) or (every > 0 and generation % every == 0)


def held_out_row(generation: int, result: HeldOut) -> HeldOutRow:
    """A held-out measurement as the run file keeps it."""
    mean = result.estimate
    return HeldOutRow(
        generation=generation,
        side=result.side,
        opponent=result.opponent,
        mean=mean.mean,
        ci_half_width=mean.half_width,
        episodes=mean.num_samples,
        statistics=result.metrics,
        scores=result.scores,
    )


def wave_metrics(wave: Wave, final: Wave, moves: Mapping[Side, Mapping[str, float]], horizon: int) -> dict[str, float]:
    """What a generation reports: env steps, fitness and moves of both sides, statistics of the game."""
    metrics = {"env_steps": float(horizon * (len(wave.episodes.failed) + len(final.episodes.failed)))}
    for side in Side:
        fitness = wave.fitness[side].numpy()
        metrics |= {
            f"{side.label}.fitness_mean": float(fitness.mean()),
            f"{side.label}.fitness_max": float(fitness.max()),
            f"{side.label}.fitness_std": float(fitness.std()),
            f"{side.label}.champion_score": float(final.fitness[side].max()),
        }
        metrics |= {f"{side.label}.{name}": value for name, value in moves[side].items()}
    return metrics | {f"game.{name}": value for name, value in mean_metrics(wave.episodes).items()}


def peak_memory() -> float:
    """Most memory this process ever held, MB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


class Clock:
    """Seconds spent in each part of a generation."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Add the time since the last lap to `name`."""
        now = time.perf_counter()
        self.laps[name] = self.laps.get(name, 0.0) + now - self._last
        self._last = now
