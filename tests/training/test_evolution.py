"""The loop on a game whose results are known: filters, exploiters, bounded halls, disengagement."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch

from evo_hns.archive.records import Champion
from evo_hns.envs.statistics import STATISTICS
from evo_hns.evaluation.candidates import EvaluationBatch, Opponents, evaluate_candidates
from evo_hns.evaluation.rollout import Episodes
from evo_hns.search import SEARCHERS
from evo_hns.spec import Side
from evo_hns.training.evolution import Evolution, draw_opponents, draw_others, exploit, update_searches
from evo_hns.training.population import Population
from evo_hns.training.random_streams import Stream, streams
from tests.toy import NUM_PARAMS, ToyEvaluator, toy

RNGS = streams(0, 0, Stream.WORLDS)


def by_first(hiders: np.ndarray, seekers: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Whoever has the larger first parameter wins."""
    return (hiders[:, 0] - seekers[:, 0]).astype(np.float64)


def genome(value: float) -> np.ndarray:
    return np.full(NUM_PARAMS, value, dtype=np.float32)


def give_past(population: Population, values: list[float]) -> None:
    for generation, value in enumerate(values):
        population.remember(Champion(genome(value), 0.0), generation)


def fake_batch(candidates: dict[Side, torch.Tensor], sign: float) -> EvaluationBatch:
    """A batch in which a candidate is worth its first parameter, or the opposite of it."""
    fitness = {side: sign * candidates[side][:, 0] for side in Side}
    nobody = {side: Opponents.untracked(torch.zeros(1, NUM_PARAMS)) for side in Side}
    nothing = torch.zeros(len(fitness[Side.HIDERS]), 2, dtype=torch.float64)
    statistics = dict.fromkeys(STATISTICS, nothing[:, 0])
    episodes = Episodes(nothing, statistics, nothing[:, 0].bool(), torch.ones_like(nothing).bool())
    rows = dict.fromkeys(Side, np.arange(len(nothing))[:, None])
    return EvaluationBatch(fitness, dict.fromkeys(Side, nothing[:, :1]), nobody, episodes, rows)


def update(
    trainer: Evolution, batch: EvaluationBatch, generation: int
) -> tuple[dict[str, float], list[EvaluationBatch]]:
    return update_searches(trainer.config, trainer.evaluator, trainer.populations, batch, generation, {})


@pytest.mark.parametrize("algorithm", sorted(SEARCHERS))
def test_an_update_that_is_worse_at_large_is_taken_back_and_the_search_asks_for_others(algorithm: str) -> None:
    search = {"algorithm": algorithm, "popsize": 8} | ({"ga": {"num_elites": 2}} if algorithm == "ga" else {})
    trainer = toy(by_first, generalist=True, search=search)
    searcher = trainer.populations[Side.HIDERS].searcher
    first = {side: trainer.populations[side].searcher.ask() for side in Side}
    sign = 1.0 if algorithm == "ga" else -1.0  # its worst would be elites; others may have momentum
    update(trainer, fake_batch(first, sign), 0)
    for side in Side:
        give_past(trainer.populations[side], [0.0, 1.0])
    before, center = searcher.state_dict(), searcher.center
    candidates = {side: trainer.populations[side].searcher.ask() for side in Side}
    metrics, trials = update(trainer, fake_batch(candidates, -1.0), 2)
    assert metrics["hiders.accepted"] == metrics["seekers.accepted"] == 0.0
    assert [trial.num_matches for trial in trials] == [2 * 2 * trainer.config.coevolution.finalist_episodes]
    assert torch.equal(searcher.center, center)
    after = searcher.state_dict()
    assert {name for name in before if before[name].tobytes() != after[name].tobytes()} == {"stream"}
    assert not torch.equal(searcher.ask(), candidates[Side.HIDERS])


def test_an_update_that_is_better_at_large_is_accepted() -> None:
    trainer = toy(by_first, generalist=True)
    for side in Side:
        give_past(trainer.populations[side], [0.0])
    candidates = {side: trainer.populations[side].searcher.ask() for side in Side}
    before = trainer.populations[Side.HIDERS].searcher.center
    metrics, _ = update(trainer, fake_batch(candidates, 1.0), 1)
    assert metrics["hiders.accepted"] == metrics["seekers.accepted"] == 1.0
    assert trainer.populations[Side.HIDERS].searcher.center[0] > before[0]


def test_the_opponents_that_judge_an_update_are_those_that_its_fitness_did_not_use() -> None:
    trainer = toy(by_first)
    population = trainer.populations[Side.SEEKERS]
    give_past(population, [0.0, 1.0, 2.0, 3.0])
    population.remember_exploiter(Champion(genome(9.0), 0.0), 3)
    rng = np.random.default_rng(0)
    drawn = draw_others(population, np.array([1, 3, -1]), 200, rng)
    assert set(drawn.genomes[:, 0].tolist()) == {0.0, 2.0, 9.0}
    everybody = draw_others(population, np.arange(5), 200, rng)
    assert set(everybody.rows.tolist()) == {0, 1, 2, 3, 4}


def test_every_batch_teaches_who_beats_whom() -> None:
    trainer = toy(by_first, episodes_per_candidate=4, finalist_episodes=3)
    for generation in range(3):
        next(trainer.generations(generation))
    for population in trainer.populations.values():
        past = population.opponent_stats.history
        assert len(past) == len(population.hall) == 3
        assert np.isnan(past.chances).tolist() == [False, False, True]  # the newest has been met by nobody
        assert past.beats.shape == (3, 3)
        assert np.isnan(past.beats[:, 0]).all()  # there was no past in the first generation


def test_a_population_that_nobody_beats_is_known_as_such() -> None:
    trainer = toy(lambda h, s, _: np.full(len(h), 5.0))
    for generation in range(3):
        record = next(trainer.generations(generation))
    assert (trainer.populations[Side.HIDERS].opponent_stats.history.chances[:2] < 0.2).all()
    assert (trainer.populations[Side.SEEKERS].opponent_stats.history.chances[:2] > 0.8).all()
    assert trainer.populations[Side.HIDERS].opponent_stats.history.beats[0, 1:].tolist() == [1.0, 1.0]
    assert record.metrics["hiders.win_share"] == 1.0
    assert record.metrics["seekers.win_share"] == 0.0
    assert record.metrics["hiders.disengaged"] == record.metrics["seekers.disengaged"] == 1.0


def test_sharing_and_virulence_change_what_candidates_are_told_but_not_what_champions_scored() -> None:
    told = {}
    for name, changes in {
        "mean-return": {},
        "wins": {"fitness": "wins"},
        "shared-wins": {"fitness": "shared-wins"},
        "moderate": {"fitness": "wins", "virulence": 0.5},
    }.items():
        trainer = toy(by_first, **changes)
        record = next(trainer.generations(0))
        told[name] = record.metrics["hiders.fitness_max"]
        assert record.champions[Side.HIDERS].score == record.metrics["hiders.champion_score"]
    assert len(set(told.values())) == 4


def test_an_exploiter_lives_its_generations_against_champions_alone_and_then_another_one() -> None:
    trainer = toy(by_first, exploiter_every=3, hall_size=None)
    asked, lives = [], []
    for generation in range(7):
        exploiter = trainer.populations[Side.HIDERS].exploiter
        assert exploiter is not None
        asked.append(exploiter.ask().clone())
        assert exploiter.generation == generation % 3
        lives.append(id(exploiter))
        record = next(trainer.generations(generation))
        assert bool(record.exploiters) == (generation in (2, 5))
        assert ("hiders.exploiter_score" in record.metrics) == (generation in (2, 5))
    assert lives[0] == lives[2] != lives[3] == lives[5] != lives[6]
    assert not torch.equal(asked[0], asked[3]) and not torch.equal(asked[3], asked[6])
    for population in trainer.populations.values():
        assert population.hall.generations.tolist() == list(range(7))  # the main line, and nobody else
        assert population.exploiters.generations.tolist() == [2, 5]
        assert population.opponent_stats.origins.tolist() == [0, 1, 2, -1, 3, 4, 5, -2, 6]
        assert population.opponent_stats.champion == 8


def test_exploiters_meet_the_current_champion_and_teach_only_themselves() -> None:
    trainer = toy(by_first, exploiter_every=5)
    for side in Side:
        give_past(trainer.populations[side], [3.0, 7.0])
    before = {side: trainer.populations[side].searcher.state_dict() for side in Side}
    known = {side: trainer.populations[side].opponent_stats.state_dict() for side in Side}
    exploits = exploit(trainer.config, trainer.evaluator, trainer.populations, 2)
    toys = cast(ToyEvaluator, trainer.evaluator)
    _, genomes = toys.tables[-1]
    half = len(genomes[Side.SEEKERS]) // 2
    assert (genomes[Side.SEEKERS][:half] == 7.0).all()  # met by exploiting hiders
    assert (genomes[Side.HIDERS][half:] == 7.0).all()
    assert len(exploits.batches) == 1
    for side in Side:
        assert_same_arrays(before[side], trainer.populations[side].searcher.state_dict())
        assert_same_arrays(known[side], trainer.populations[side].opponent_stats.state_dict())


def assert_same_arrays(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert {name: array.tobytes() for name, array in one.items()} == {n: a.tobytes() for n, a in other.items()}


def test_the_current_champion_is_never_an_exploiter() -> None:
    trainer = toy(by_first, champion_share=1.0)
    for side in Side:
        give_past(trainer.populations[side], [1.0, 2.0])
        trainer.populations[side].remember_exploiter(Champion(genome(9.0), 0.0), 1)
    drawn = draw_opponents(trainer.populations, {}, trainer.config.coevolution, dict.fromkeys(Side, 4), RNGS)
    assert (drawn[Side.HIDERS].genomes == 2.0).all()
    mixed = trainer.config.coevolution.model_copy(update={"champion_share": 0.0, "opponent_sampler": "latest"})
    drawn = draw_opponents(trainer.populations, {}, mixed, dict.fromkeys(Side, 3), RNGS)
    assert drawn[Side.HIDERS].genomes[:, 0].tolist() == [9.0, 2.0, 1.0]


@pytest.mark.parametrize("rule", ["oldest", "informative", "spread", "nash"])
def test_a_bounded_hall_keeps_few_in_play_and_loses_nobody(rule: str) -> None:
    trainer = toy(by_first, hall_size=3, hall_rule=rule, exploiter_every=2)
    for generation in range(8):
        record = next(trainer.generations(generation))
    for side, population in trainer.populations.items():
        assert np.count_nonzero(population.opponent_stats.in_play) == 3
        assert population.opponent_stats.in_play[population.opponent_stats.champion]
        assert len(population.hall) == 8 and len(population.exploiters) == 4
        state = cast(dict[str, dict[str, np.ndarray]], record.state["encounters"])
        assert np.count_nonzero(state[side.label]["in_play"]) == 3


def test_env_steps_count_every_match_that_trains() -> None:
    trainer = toy(by_first, generalist=True, exploiter_every=2, episodes_per_candidate=2, finalist_episodes=3)
    batches, finals, trials = 2 * 6 * 2, 2 * 2 * 3, 2 * 2 * 3
    expected = [batches + finals + batches, batches + trials + finals + batches + finals]
    for generation, matches in enumerate(expected):
        assert sum(trainer.matches(generation)) == matches
        record = next(trainer.generations(generation))
        assert record.metrics["env_steps"] == trainer.config.rules.horizon * matches


def by_first_with_noise(hiders: np.ndarray, seekers: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """As `by_first`, and a number that nothing but hider, seeker and seed decide."""
    noise = np.sin(1e4 * (hiders[:, 1] + 0.7 * seekers[:, 1]) + seeds % 1000)
    return (hiders[:, 0] - seekers[:, 0] + 2.0 * noise).astype(np.float64)


def test_matches_adapt_to_the_reliability_that_is_aimed_at() -> None:
    aims = {}
    for target in (0.2, 0.6):
        trainer = toy(by_first_with_noise, target_reliability=target, search={"algorithm": "ga", "popsize": 40})
        told = []
        for generation in range(24):
            promised = trainer.env_steps(generation)
            record = next(trainer.generations(generation))
            assert record.metrics["env_steps"] == promised
            told.append([record.metrics[f"hiders.{name}"] for name in ("reliability", "matches_per_candidate")])
        aims[target] = np.array(told)[12:].mean(0)  # a single estimate is noisy
    (low, few), (high, many) = aims.values()
    assert low == pytest.approx(0.2, abs=0.15)
    assert high == pytest.approx(0.6, abs=0.15)
    assert many > 4 * few


def test_matches_do_not_leave_their_bounds() -> None:
    same = toy(lambda h, s, _: np.full(len(h), 5.0), target_reliability=0.5, max_episodes_per_candidate=9)
    clear = toy(by_first, target_reliability=0.5)
    for generation in range(20):
        records = [next(trainer.generations(generation)) for trainer in (same, clear)]
    assert [record.metrics["hiders.matches_per_candidate"] for record in records] == [9.0, 2.0]
    assert np.isnan(records[0].metrics["hiders.reliability"])
    assert records[0].metrics["hiders.alike_share"] == 1.0
    assert records[1].metrics["hiders.reliability"] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="got 8 episodes_per_candidate to begin with, and at most 4: raise"):
        toy(by_first, target_reliability=0.5, episodes_per_candidate=8, max_episodes_per_candidate=4)


def test_wins_are_told_by_candidate_and_world() -> None:
    trainer = toy(by_first)
    candidates = {side: torch.from_numpy(np.stack([genome(v) for v in (0.0, 1.0, 2.0)])) for side in Side}
    opponents = {side: Opponents.untracked(torch.from_numpy(np.stack([genome(1.0), genome(-5.0)]))) for side in Side}
    batch = evaluate_candidates(trainer.evaluator, candidates, opponents, RNGS)
    for side in Side:
        assert batch.wins[side].tolist() == [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]]
        assert batch.win_share(side) == 4.5 / 6
