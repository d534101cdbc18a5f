"""The order of a generation: the one place where both populations, their memory and the game meet.

Every random number of generation g comes from a stream of (seed, g) (`random_streams`) or from a searcher's own
stream, and every generation is committed to the run file as a whole. So a run that is stopped anywhere, by
anything, continues from its last generation to the same bits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from evo_hns.archive.records import Champion, GenerationRecord
from evo_hns.config import CoevolutionConfig, RunConfig
from evo_hns.evaluation.candidates import Opponents, PerSide, Wave, play_wave
from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.evaluation.fitness import build_fitness
from evo_hns.evaluation.held_out import mean_metrics
from evo_hns.search.base import Evaluation, Searcher, Want, before_move
from evo_hns.spec import ObservationSpec, Side
from evo_hns.training.costs import MEASURING, Clock
from evo_hns.training.measurement import measure_generation
from evo_hns.training.population import Population, Populations, build_exploiter, build_populations, populations_state
from evo_hns.training.random_streams import Stream, streams

__all__ = ["Population", "Populations", "build_populations", "coevolve", "run_generation", "waves_of_generation"]


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

    candidates = {side: populations[side].searcher.ask() for side in Side}
    clock.lap("time_search")
    rngs = streams(config.seed, generation, Stream.OPPONENTS)
    opponents = draw_opponents(populations, candidates, settings, settings.episodes_per_candidate, rngs)
    worlds = streams(config.seed, generation, Stream.WORLDS)
    wave = play_wave(evaluator, candidates, opponents, worlds, build_fitness(settings))
    clock.lap("time_evaluation")
    moves, trials = move(config, evaluator, populations, wave, generation)
    clock.lap("time_search")

    finalists = {
        side: choose_finalists(populations[side].searcher, candidates[side], wave.fitness[side], settings)
        for side in Side
    }
    rngs = streams(config.seed, generation, Stream.FINAL_OPPONENTS)
    opponents = draw_opponents(populations, candidates, settings, settings.finalist_episodes, rngs)
    final = play_wave(evaluator, finalists, opponents, streams(config.seed, generation, Stream.FINAL_WORLDS))
    champions = {side: crown(finalists[side], final.fitness[side]) for side in Side}
    remember(populations, champions, [wave, *trials, final], generation)
    clock.lap("time_champions")

    exploits = exploit(config, evaluator, populations, generation)
    prune(populations, settings)
    clock.lap("time_exploiters")
    measured = measure_generation(config, evaluator, populations, champions, generation)
    clock.lap(MEASURING)
    played = [wave, *trials, final, *exploits.waves]
    return GenerationRecord(
        generation=generation,
        champions=champions,
        metrics={
            **wave_metrics(wave, final, evaluator),
            **moves,
            **exploits.metrics,
            **measured.progress,
            "env_steps": float(config.rules.horizon * sum(each.num_matches for each in played)),
            "measurement_env_steps": float(config.rules.horizon * measured.num_matches),
            **clock.figures,
            **evaluator.take_metrics(),
        },
        held_out=measured.held_out,
        discards={"physics": sum(each.num_failed for each in played)},
        state=populations_state(populations),
        matches=measured.matches,
        exploiters=exploits.champions,
    )


def draw_opponents(
    populations: Populations,
    candidates: PerSide,
    settings: CoevolutionConfig,
    num: int,
    rngs: Mapping[Side, np.random.Generator],
) -> dict[Side, Opponents]:
    """Whom each side will meet `num` times: the other side's champion, and who is drawn from its past.

    Before there is a past, the other side's first candidates stand in.
    """
    drawn: dict[Side, Opponents] = {}
    for side in Side:
        other = populations[side.other]
        if len(other.hall) == 0:
            rows = rngs[side].choice(len(candidates[side.other]), num, replace=num > len(candidates[side.other]))
            drawn[side] = Opponents.strangers(candidates[side.other][torch.from_numpy(rows)].to(torch.float32))
            continue
        latest = np.full(round(settings.champion_share * num), other.encounters.champion)
        past = other.encounters.draw(num - len(latest), rngs[side], settings)
        drawn[side] = other.opponents(np.concatenate([latest, past]))
    return drawn


def move(
    config: RunConfig, evaluator: Evaluator, populations: Populations, wave: Wave, generation: int
) -> tuple[dict[str, float], list[Wave]]:
    """Tell both searches what their candidates are worth; with `generalist`, take back what is no progress at large.

    Returns:
        Metrics, and the waves that were played to decide.
    """
    settings, searchers = config.coevolution, {side: populations[side].searcher for side in Side}
    filtered = settings.generalist and all(len(population.hall) for population in populations.values())
    before = {side: (each.center, each.state_dict()) for side, each in searchers.items() if filtered}
    metrics: dict[str, float] = {}
    for side, searcher in searchers.items():
        metrics |= {
            f"{side.label}.{name}": value
            for name, value in searcher.tell(evaluation_of(wave, side, searcher.wants)).items()
        }
    if not filtered:
        return metrics, []
    centers = {side: torch.stack([before[side][0], searchers[side].center]) for side in Side}
    opponents = {
        side: draw_others(populations[side.other], wave.opponents[side].rows, settings.finalist_episodes, rng)
        for side, rng in streams(config.seed, generation, Stream.JUDGES).items()
    }
    trial = play_wave(evaluator, centers, opponents, streams(config.seed, generation, Stream.JUDGES_WORLDS))
    for side in evaluator.session.spec.teams:
        old, new = trial.fitness[side]
        kept = bool(new > old) or bool((centers[side][0] == centers[side][1]).all())
        if not kept:
            searchers[side].load_state_dict(before_move(before[side][1], searchers[side].state_dict()))
        metrics[f"{side.label}.kept"] = float(kept)
    return metrics, [trial]


def evaluation_of(wave: Wave, side: Side, wants: Collection[Want]) -> Evaluation:
    """What a search is told of a side's candidates: their fitness, and what it wants beside it.

    Statistics are the team's return and those of the game; a behaviour is the mean of each of the game's.
    """
    statistics = wave.statistics(side) if wants else {}
    columns = [values.nanmean(1) for values in statistics.values()] if "behaviour" in wants else []
    size = len(wave.fitness[side])
    return Evaluation(
        fitness=wave.fitness[side],
        statistics={"return": wave.returns[side], **statistics} if "statistics" in wants else {},
        behaviour=torch.stack(columns, 1) if columns else torch.zeros(size, 0) if "behaviour" in wants else None,
        behaviour_names=tuple(statistics) if "behaviour" in wants else (),
    )


def draw_others(population: Population, met: np.ndarray, num: int, rng: np.random.Generator) -> Opponents:
    """Opponents from all of a side's past, but for those that were met just now, if there are others.

    Source: Nolfi and Pagliuca 2025, "Global progress in competitive co-evolution"; Simione and Nolfi 2020.
    """
    everybody = np.arange(len(population.encounters), dtype=np.int64)
    others = np.setdiff1d(everybody, met)
    return population.opponents(rng.choice(others if len(others) else everybody, num))


def choose_finalists(searcher: Searcher, candidates: Tensor, fitness: Tensor, settings: CoevolutionConfig) -> Tensor:
    """`(F + 1, L)` the best candidates and the search's own answer: a lucky one must win again."""
    best = torch.sort(fitness, descending=True, stable=True).indices[: settings.num_finalists]
    return torch.cat([candidates[best], searcher.center[None]]).to(torch.float32)


def crown(finalists: Tensor, fitness: Tensor) -> Champion:
    """The finalist with the highest mean return on the fresh worlds."""
    best = int(torch.argmax(fitness))
    return Champion(finalists[best].numpy(), float(fitness[best]))


def remember(
    populations: Populations, champions: Mapping[Side, Champion], waves: Sequence[Wave], generation: int
) -> None:
    """Take in the champions, and what came of meeting those before them; the last wave chose the champions."""
    for side, population in populations.items():
        population.encounters.fade()
        for wave in waves:
            opponents = wave.opponents[side.other]
            population.encounters.meet(opponents.rows, wave.wins[side.other].numpy())
        chosen = int(torch.argmax(waves[-1].fitness[side.other]))
        population.encounters.add_player(
            waves[-1].opponents[side.other].rows, waves[-1].wins[side.other][chosen].numpy()
        )
        population.remember(champions[side], generation)


@dataclass(frozen=True, eq=False)
class Exploits:
    """What the exploiters did in a generation."""

    waves: Sequence[Wave] = ()
    champions: Mapping[Side, Champion] = field(default_factory=dict)  #: the best of the lives that ended
    metrics: Mapping[str, float] = field(default_factory=dict)


def exploit(config: RunConfig, evaluator: Evaluator, populations: Populations, generation: int) -> Exploits:
    """Let each side's exploiter move against the other side's champion; at the end of its life its best is kept.

    Only exploiters learn from these matches: a side that trained against weak ones would become weak.
    """
    settings = config.coevolution
    searchers = {side: each for side in Side if (each := populations[side].exploiter) is not None}
    if not searchers or len(evaluator.session.spec.teams) < 2:
        return Exploits()
    candidates = {side: searcher.ask() for side, searcher in searchers.items()}
    opponents = champions_only(populations, settings.episodes_per_candidate)
    wave = play_wave(evaluator, candidates, opponents, streams(config.seed, generation, Stream.EXPLOITER_WORLDS))
    for side, searcher in searchers.items():
        searcher.tell(evaluation_of(wave, side, searcher.wants))
    metrics = {f"{side.label}.exploiter_win_share": wave.win_share(side) for side in Side}
    if (generation + 1) % settings.exploiter_every:
        return Exploits([wave], metrics=metrics)
    finalists = {
        side: choose_finalists(searcher, candidates[side], wave.fitness[side], settings)
        for side, searcher in searchers.items()
    }
    worlds = streams(config.seed, generation, Stream.EXPLOITER_FINAL_WORLDS)
    final = play_wave(evaluator, finalists, champions_only(populations, settings.finalist_episodes), worlds)
    best = {side: crown(finalists[side], final.fitness[side]) for side in Side}
    for side, population in populations.items():
        population.remember_exploiter(best[side], generation)
        population.exploiter = build_exploiter(config, side, population.hall.num_params, generation + 1)
        metrics[f"{side.label}.exploiter_score"] = best[side].score
    return Exploits([wave, final], best, metrics)


def champions_only(populations: Populations, num: int) -> dict[Side, Opponents]:
    """The other side's current champion for each side, so many times."""
    others = {side: populations[side.other] for side in Side}
    return {side: other.opponents(np.full(num, other.encounters.champion)) for side, other in others.items()}


def prune(populations: Populations, settings: CoevolutionConfig) -> None:
    """Keep so few opponents in play as the settings say."""
    if settings.hall_size is not None:
        for population in populations.values():
            population.encounters.prune(settings.hall_size, settings.hall_rule)


def waves_of_generation(config: RunConfig, spec: ObservationSpec, generation: int) -> list[int]:
    """Matches in each wave by which a generation trains."""
    settings, teams = config.coevolution, len(spec.teams)
    wave = sum(config.side(side).search.popsize for side in spec.teams) * settings.episodes_per_candidate
    final = teams * (settings.num_finalists + 1) * settings.finalist_episodes
    trials = [teams * 2 * settings.finalist_episodes] if settings.generalist and generation else []
    exploits: list[int] = []
    if settings.exploiter_every and teams > 1:
        exploits = [wave] if (generation + 1) % settings.exploiter_every else [wave, final]
    return [wave, *trials, final, *exploits]


def wave_metrics(wave: Wave, final: Wave, evaluator: Evaluator) -> dict[str, float]:
    """What a generation reports of its candidates: fitness and wins of both sides, statistics of the game.

    A side is disengaged when its candidates won all of their matches or none: nothing tells them apart by who wins.
    """
    metrics: dict[str, float] = {}
    for side in Side:
        fitness = wave.fitness[side].numpy()
        metrics |= {
            f"{side.label}.fitness_mean": float(fitness.mean()),
            f"{side.label}.fitness_max": float(fitness.max()),
            f"{side.label}.fitness_std": float(fitness.std()),
            f"{side.label}.champion_score": float(final.fitness[side].max()),
        }
    for side in evaluator.session.spec.teams:
        share = wave.win_share(side)
        metrics |= {f"{side.label}.win_share": share, f"{side.label}.disengaged": float(share in (0.0, 1.0))}
    return metrics | {f"game.{name}": value for name, value in mean_metrics(wave.episodes).items()}
