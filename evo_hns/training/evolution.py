"""The order of a generation: the one place where both populations, their memory and the game meet.

Every random number of generation g comes from a stream of (seed, g) (`random_streams`) or from a searcher's own
stream, and every generation is committed to the run file as a whole. So a run that is stopped anywhere, by
anything, continues from its last generation to the same bits.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from evo_hns.archive.records import Champion, Generation, Run, State
from evo_hns.config import CoevolutionConfig, RunConfig
from evo_hns.evaluation.candidates import (
    ALL_FRESH,
    NO_KINDS,
    EvaluationBatch,
    Kinds,
    Opponents,
    PerSide,
    Skills,
    Starts,
    evaluate_against_fixed,
    evaluate_candidates,
)
from evo_hns.evaluation.evaluators import Evaluator
from evo_hns.evaluation.fitness import Fitness, build_fitness, mean_return
from evo_hns.evaluation.held_out import mean_metrics
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.reliability import alike_share, reliability, variance_shares
from evo_hns.search.base import Evaluation, Searcher, Want, before_move
from evo_hns.spec import Side
from evo_hns.training.beginnings import starts_of, trained_places
from evo_hns.training.costs import Clock
from evo_hns.training.curriculum import Curriculum
from evo_hns.training.demonstrations import Demonstrations
from evo_hns.training.external_players import (
    FIXED,
    ORIGINS,
    check_lengths,
    load_fixed,
    load_origins,
    players_of_run,
    with_players,
)
from evo_hns.training.novelty import BoxNovelty
from evo_hns.training.population import (
    Population,
    Populations,
    build_exploiter,
    build_populations,
    populations_state,
    restore_populations,
)
from evo_hns.training.random_streams import Stream, seed_of, streams
from evo_hns.training.rungs import build_ladders, climb, ladders_state, restore_ladders
from evo_hns.training.skills import also_keeping, build_second_objectives, build_skills


class Evolution:
    """Both sides evolve against each other, or each that has fixed opponents against these.

    Args:
        config: the run's settings.
        evaluator: where matches run.
        run: what there is of it already; None at its beginning.

    Raises:
        ConfigError: settings that cannot be searched, or a run that holds champions, but no search that could go on.
    """

    def __init__(self, config: RunConfig, evaluator: Evaluator, run: Run | None = None) -> None:
        self.config, self.evaluator = config, evaluator
        lengths, places = evaluator.session.genome_lengths, trained_places(config, evaluator.session)
        self.fixed = load_fixed(config, evaluator.session.spec) if run is None else players_of_run(run, FIXED)
        self.novelty = BoxNovelty(config, evaluator.session.spec)
        self.skills = build_skills(config, evaluator) | self.novelty.skills
        self.second_objectives = build_second_objectives(config, evaluator)
        if run is None:
            self.origins = load_origins(config, evaluator.session.spec)
            check_lengths(self.origins, lengths)
            starts = starts_of(self.origins, config, evaluator.session)
            self.populations = build_populations(config, lengths, places, starts)
        else:
            self.origins = players_of_run(run, ORIGINS)
            self.populations = restore_populations(config, run, places)
        self.ladders = build_ladders(config, evaluator)
        self.curriculum, self.demonstrations = Curriculum(config), Demonstrations(config)
        if run is not None:
            restore_ladders(self.ladders, run.state)
            for each in self._learners:
                each.restore(run.state)

    def generations(self, first: int = 0) -> Iterator[Generation]:
        """Ask, play, tell; find the champions on fresh worlds and remember them; see `Trainer.generations`."""
        config, evaluator, populations = self.config, self.evaluator, self.populations
        settings = config.coevolution
        for generation in itertools.count(first):
            clock = Clock()

            candidates = {side: population.searcher.ask() for side, population in populations.items()}
            clock.lap("time_search")
            rngs = streams(config.seed, generation, Stream.OPPONENTS)
            worlds = streams(config.seed, generation, Stream.WORLDS)
            numbers = {side: population.num_matches for side, population in populations.items()}
            skills = self.skills | {side: skill for side, each in self.ladders.items() if (skill := each.skill)}
            skills |= {
                side: also_keeping(second, skills.get(side), evaluator.session.spec, side)
                for side, second in self.second_objectives.items()
            }
            kinds, starts = self.curriculum.draw(numbers, generation), self.demonstrations.draw(numbers, generation)
            fitness = build_fitness(settings)
            batch = self._play(candidates, candidates, numbers, rngs, worlds, fitness, skills, kinds, starts)
            clock.lap("time_evaluation")
            seconds = {side: batch.mean_skill(side, skill) for side, skill in self.second_objectives.items()}
            update_metrics, trials = update_searches(config, evaluator, populations, batch, generation, seconds)
            clock.lap("time_search")

            finalists = {
                side: choose_finalists(
                    population.searcher,
                    candidates[side],
                    batch.mean_returns(side) if side in self.ladders else batch.fitness[side],
                    settings,
                )
                for side, population in populations.items()
            }
            rngs = streams(config.seed, generation, Stream.FINAL_OPPONENTS)
            worlds = streams(config.seed, generation, Stream.FINAL_WORLDS)
            numbers = dict.fromkeys(populations, settings.finalist_episodes)
            final = self._play(finalists, candidates, numbers, rngs, worlds, mean_return, self.skills)
            champions = {side: select_champion(finalists[side], final.fitness[side]) for side in populations}
            remember(populations, champions, [batch, *trials, final], generation)
            clock.lap("time_champions")

            metrics = batch_metrics(batch, final, evaluator) | climb(self.ladders, batch, final)
            for side, scores in batch.scores.items():
                populations[side].adapt_matches(metrics[f"{side.label}.reliability"], settings)
                metrics |= self.curriculum.learn(side, kinds.get(side), scores)
                metrics |= self.demonstrations.learn(side, scores, generation)
                self.novelty.learn(side, batch)
            exploits = exploit(config, evaluator, populations, generation)
            prune(populations, settings)
            clock.lap("time_exploiters")
            played = [batch, *trials, final, *exploits.batches]
            yield Generation(
                number=generation,
                champions=champions,
                metrics={
                    **metrics,
                    **update_metrics,
                    **exploits.metrics,
                    "env_steps": float(config.rules.horizon * sum(each.num_matches for each in played)),
                    **clock.metrics,
                },
                discards={"physics": sum(each.num_failed for each in played)},
                state=self._state(),
                exploiters=exploits.champions,
            )

    @property
    def _learners(self) -> tuple[Curriculum, Demonstrations, BoxNovelty]:
        """What learns from generation to generation beside the searches."""
        return self.curriculum, self.demonstrations, self.novelty

    def _state(self) -> State:
        """All that changes, and copies of the players from outside."""
        state = {**populations_state(self.populations), **ladders_state(self.ladders)}
        for each in self._learners:
            state |= each.state
        return with_players(with_players(state, self.fixed, FIXED), self.origins, ORIGINS)

    def _play(
        self,
        candidates: PerSide,
        stand_ins: PerSide,
        numbers: Mapping[Side, int],
        rngs: Mapping[Side, np.random.Generator],
        worlds: Mapping[Side, np.random.Generator],
        fitness: Fitness,
        skills: Skills,
        kinds: Kinds = NO_KINDS,
        starts: Starts = ALL_FRESH,
    ) -> EvaluationBatch:
        """Let candidates meet so many opponents each: fixed ones, or those of `draw_opponents`."""
        evaluator = self.evaluator
        if not self.fixed:
            opponents = draw_opponents(self.populations, stand_ins, self.config.coevolution, numbers, rngs)
            return evaluate_candidates(evaluator, candidates, opponents, worlds, fitness, skills, kinds, starts)
        rosters = {side: [each.roster for each in self.fixed if each.side is side.other] for side in candidates}
        met = {side: equal_shares(len(rosters[side]), numbers[side], rngs[side]) for side in candidates}
        return evaluate_against_fixed(evaluator, candidates, rosters, met, worlds, fitness, skills, kinds, starts)

    def env_steps(self, generation: int) -> int:
        """Env steps by which a generation will train; see `Trainer.env_steps`."""
        return self.config.rules.horizon * sum(self.matches(generation))

    def matches(self, generation: int) -> list[int]:
        """Matches in each batch by which a generation trains, by what is known now if they adapt."""
        config, settings = self.config, self.config.coevolution
        teams = [side for side in self.evaluator.session.spec.teams if side in self.populations]
        batch = sum(config.side(side).search.popsize * self.populations[side].num_matches for side in teams)
        final = len(teams) * (settings.num_finalists + 1) * settings.finalist_episodes
        trials = [len(teams) * 2 * settings.finalist_episodes] if settings.generalist and generation else []
        exploits: list[int] = []
        if settings.exploiter_every and len(teams) > 1:
            own = sum(config.side(side).search.popsize for side in teams) * settings.episodes_per_candidate
            exploits = [own] if (generation + 1) % settings.exploiter_every else [own, final]
        return [batch, *trials, final, *exploits]

    def remember_first_candidates(self) -> None:
        """Take a candidate of each side for the first champion, so that the generation after it can be timed."""
        for population in self.populations.values():
            genome = population.searcher.ask()[0].to(torch.float32).numpy()
            population.remember(Champion(genome, 0.0), 0)

    def measure_speed(self) -> float:
        """Env steps per second with random networks, measured on one batch per thread or rank."""
        session = self.evaluator.session
        generator = torch.Generator().manual_seed(seed_of(self.config.seed, 0, Stream.COST_ESTIMATE))
        rosters = {
            side: session.roster(side, torch.randn(8, session.genome_lengths[side], generator=generator))
            for side in Side
        }
        rosters |= {each.side: each.roster for each in self.fixed[:1]}
        rows = np.arange(self.evaluator.num_worlds) % 8
        table = MatchTable(rows, rows, np.arange(len(rows), dtype=np.int64))
        # The first match compiles the kernels, which is not what the run will cost.
        self.evaluator.evaluate(next(table.batches(1)), rosters, physics="search")
        start = time.perf_counter()
        self.evaluator.evaluate(table, rosters, physics="search")
        return len(table) * self.config.rules.horizon / (time.perf_counter() - start)


def equal_shares(num_opponents: int, num: int, rng: np.random.Generator) -> np.ndarray:
    """`(num,)` int64, all fixed opponents as often as each other, but for one; who is met more often is drawn."""
    return rng.permutation(num_opponents)[np.arange(num) % num_opponents]


def draw_opponents(
    populations: Populations,
    candidates: PerSide,
    settings: CoevolutionConfig,
    numbers: Mapping[Side, int],
    rngs: Mapping[Side, np.random.Generator],
) -> dict[Side, Opponents]:
    """Whom each side will meet, so many: the other side's champion, and who is drawn from its past.

    Before there is a past, the other side's first candidates stand in.
    """
    drawn: dict[Side, Opponents] = {}
    for side in Side:
        other, num = populations[side.other], numbers[side]
        if len(other.hall) == 0:
            rows = rngs[side].choice(len(candidates[side.other]), num, replace=num > len(candidates[side.other]))
            drawn[side] = Opponents.untracked(candidates[side.other][torch.from_numpy(rows)].to(torch.float32))
            continue
        latest = np.full(round(settings.champion_share * num), other.opponent_stats.champion)
        past = other.opponent_stats.draw(num - len(latest), rngs[side], settings)
        drawn[side] = other.opponents(np.concatenate([latest, past]))
    return drawn


def update_searches(
    config: RunConfig,
    evaluator: Evaluator,
    populations: Populations,
    batch: EvaluationBatch,
    generation: int,
    seconds: PerSide,
) -> tuple[dict[str, float], list[EvaluationBatch]]:
    """Tell both searches the fitness of their candidates; with `generalist`, take back updates that do not generalise.

    Returns:
        Metrics, and the batches that were played to decide.
    """
    settings, searchers = config.coevolution, {side: each.searcher for side, each in populations.items()}
    filtered = settings.generalist and all(len(population.hall) for population in populations.values())
    before = {side: (each.center, each.state_dict()) for side, each in searchers.items() if filtered}
    metrics: dict[str, float] = {}
    for side, searcher in searchers.items():
        evaluation = replace(evaluation_of(batch, side, searcher.wants), second=seconds.get(side))
        metrics |= {f"{side.label}.second_objective_mean": float(seconds[side].mean())} if side in seconds else {}
        metrics |= {f"{side.label}.{name}": value for name, value in searcher.tell(evaluation).items()}
    if not filtered:
        return metrics, []
    centers = {side: torch.stack([before[side][0], searchers[side].center]) for side in Side}
    opponents = {
        side: draw_others(populations[side.other], batch.opponents[side].rows, settings.finalist_episodes, rng)
        for side, rng in streams(config.seed, generation, Stream.JUDGES).items()
    }
    trial = evaluate_candidates(evaluator, centers, opponents, streams(config.seed, generation, Stream.JUDGES_WORLDS))
    for side in evaluator.session.spec.teams:
        old, new = trial.fitness[side]
        accepted = bool(new > old) or bool((centers[side][0] == centers[side][1]).all())
        if not accepted:
            searchers[side].load_state_dict(before_move(before[side][1], searchers[side].state_dict()))
        metrics[f"{side.label}.accepted"] = float(accepted)
    return metrics, [trial]


def evaluation_of(batch: EvaluationBatch, side: Side, wants: Collection[Want]) -> Evaluation:
    """What a search gets of a side's candidates: their fitness, and what it wants beside it.

    Statistics are the team's return and those of the game; a behaviour is the mean of each of the game's; cases are
    what the fitness is made of.
    """
    statistics = batch.statistics(side) if {"statistics", "behaviour"} & set(wants) else {}
    columns = [values.nanmean(1) for values in statistics.values()] if "behaviour" in wants else []
    size = len(batch.fitness[side])
    return Evaluation(
        fitness=batch.fitness[side],
        statistics={"return": batch.returns[side], **statistics} if "statistics" in wants else {},
        behaviour=torch.stack(columns, 1) if columns else torch.zeros(size, 0) if "behaviour" in wants else None,
        behaviour_names=tuple(statistics) if "behaviour" in wants else (),
        cases=batch.scores.get(side, batch.returns[side]) if "cases" in wants else None,
    )


def draw_others(population: Population, met: np.ndarray, num: int, rng: np.random.Generator) -> Opponents:
    """Opponents from all of a side's past, but for those that were met just now, if there are others.

    Source: Nolfi and Pagliuca 2025, "Global progress in competitive co-evolution"; Simione and Nolfi 2020.
    """
    everybody = np.arange(len(population.opponent_stats), dtype=np.int64)
    others = np.setdiff1d(everybody, met)
    return population.opponents(rng.choice(others if len(others) else everybody, num))


def choose_finalists(searcher: Searcher, candidates: Tensor, fitness: Tensor, settings: CoevolutionConfig) -> Tensor:
    """`(F + 1, L)` the best candidates and the search's own answer: a lucky one must win again."""
    best = torch.sort(fitness, descending=True, stable=True).indices[: settings.num_finalists]
    return torch.cat([candidates[best], searcher.center[None]]).to(torch.float32)


def select_champion(finalists: Tensor, fitness: Tensor) -> Champion:
    """The finalist with the highest mean return on the fresh worlds."""
    best = int(torch.argmax(fitness))
    return Champion(finalists[best].numpy(), float(fitness[best]))


def remember(
    populations: Populations, champions: Mapping[Side, Champion], batches: Sequence[EvaluationBatch], generation: int
) -> None:
    """Take in the champions, and what came of meeting those before them; the last batch chose the champions."""
    for side, population in populations.items():
        if not batches[-1].opponents:  # champions met fixed opponents instead
            population.remember(champions[side], generation)
            continue
        population.opponent_stats.decay()
        for batch in batches:
            opponents = batch.opponents[side.other]
            population.opponent_stats.meet(opponents.rows, batch.wins[side.other].numpy())
        chosen = int(torch.argmax(batches[-1].fitness[side.other]))
        population.opponent_stats.add_player(
            batches[-1].opponents[side.other].rows, batches[-1].wins[side.other][chosen].numpy()
        )
        population.remember(champions[side], generation)


@dataclass(frozen=True, eq=False)
class Exploits:
    """What the exploiters did in a generation."""

    batches: Sequence[EvaluationBatch] = ()
    champions: Mapping[Side, Champion] = field(default_factory=dict)  #: the best of each exploiter whose time ended
    metrics: Mapping[str, float] = field(default_factory=dict)


def exploit(config: RunConfig, evaluator: Evaluator, populations: Populations, generation: int) -> Exploits:
    """Let each side's exploiter learn against the other side's champion; its best becomes an opponent when it ends.

    Only exploiters learn from these matches: a side that trained against weak ones would become weak.
    """
    settings = config.coevolution
    searchers = {side: each for side, one in populations.items() if (each := one.exploiter) is not None}
    if not searchers or len(evaluator.session.spec.teams) < 2:
        return Exploits()
    candidates = {side: searcher.ask() for side, searcher in searchers.items()}
    opponents = champions_only(populations, settings.episodes_per_candidate)
    worlds = streams(config.seed, generation, Stream.EXPLOITER_WORLDS)
    batch = evaluate_candidates(evaluator, candidates, opponents, worlds)
    for side, searcher in searchers.items():
        searcher.tell(evaluation_of(batch, side, searcher.wants))
    metrics = {f"{side.label}.exploiter_win_share": batch.win_share(side) for side in Side}
    if (generation + 1) % settings.exploiter_every:
        return Exploits([batch], metrics=metrics)
    finalists = {
        side: choose_finalists(searcher, candidates[side], batch.fitness[side], settings)
        for side, searcher in searchers.items()
    }
    worlds = streams(config.seed, generation, Stream.EXPLOITER_FINAL_WORLDS)
    final = evaluate_candidates(evaluator, finalists, champions_only(populations, settings.finalist_episodes), worlds)
    best = {side: select_champion(finalists[side], final.fitness[side]) for side in Side}
    for side, population in populations.items():
        population.remember_exploiter(best[side], generation)
        population.exploiter = build_exploiter(config, side, population.hall.num_params, generation + 1)
        metrics[f"{side.label}.exploiter_score"] = best[side].score
    return Exploits([batch, final], best, metrics)


def champions_only(populations: Populations, num: int) -> dict[Side, Opponents]:
    """The other side's current champion for each side, so many times."""
    others = {side: populations[side.other] for side in Side}
    return {side: other.opponents(np.full(num, other.opponent_stats.champion)) for side, other in others.items()}


def prune(populations: Populations, settings: CoevolutionConfig) -> None:
    """Keep so few opponents in play as the settings say."""
    if settings.hall_size is not None:
        for population in populations.values():
            population.opponent_stats.prune(settings.hall_size, settings.hall_rule)


def batch_metrics(batch: EvaluationBatch, final: EvaluationBatch, evaluator: Evaluator) -> dict[str, float]:
    """What a generation reports of its candidates: fitness and wins of both sides, statistics of the game.

    A side is disengaged when its candidates won all of their matches or none: nothing tells them apart by who wins.
    How far scores (returns, or what candidates are selected for) do is the fitness' reliability, with the sources of
    their variance (`evaluation.reliability`).
    """
    metrics: dict[str, float] = {}
    for side in batch.fitness:
        fitness = batch.fitness[side].numpy()
        metrics |= {
            f"{side.label}.fitness_mean": float(fitness.mean()),
            f"{side.label}.fitness_max": float(fitness.max()),
            f"{side.label}.fitness_std": float(fitness.std()),
            f"{side.label}.champion_score": float(final.fitness[side].max()),
        }
    for side, scores in batch.scores.items():
        share, shares = batch.win_share(side), variance_shares(scores.numpy(), batch.met[side])
        metrics |= {f"{side.label}.win_share": share, f"{side.label}.disengaged": float(share in (0.0, 1.0))}
        metrics |= {f"{side.label}.variance_{source}": value for source, value in asdict(shares).items()}
        metrics |= {
            f"{side.label}.reliability": reliability(scores.numpy()),
            f"{side.label}.alike_share": alike_share(scores.numpy()),
            f"{side.label}.matches_per_candidate": float(scores.shape[1]),
        }
    return metrics | {f"game.{name}": value for name, value in mean_metrics(batch.episodes).items()}
