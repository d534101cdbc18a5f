"""A side trains against players who stay, or for one skill alone; the other side is not trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evo_hns.archive.run_file import RunFile
from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.candidates import evaluate_against_fixed
from evo_hns.evaluation.evaluators import LocalEvaluator, build_evaluator
from evo_hns.evaluation.held_out import meet
from evo_hns.evaluation.matches import draw_training_seeds
from evo_hns.players.addresses import Archived, parse_address
from evo_hns.policies.roster import scripted_roster
from evo_hns.reports.info import of_diagnosis
from evo_hns.spec import Side
from evo_hns.training.driver import resume, train
from evo_hns.training.evolution import Evolution, equal_shares
from evo_hns.training.external_players import FIXED, players_of_run, trained_against
from evo_hns.training.random_streams import Stream, streams
from evo_hns.training.skills import build_skills
from tests.runs import StopAfter, assert_same_bits, ignore, run_whole, run_whole_and_broken_without, tiny

PREPARATION = {"horizon": 8, "prep_fraction": 0.5}


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of other networks, whose champions are met."""
    path = tmp_path_factory.mktemp("others") / "others.h5"
    run_whole(path, tiny(seed=11, policy={"hidden_size": 3}, coevolution={"generations": 2}))
    return path


@pytest.fixture(scope="module")
def evaluator() -> LocalEvaluator:
    return build_evaluator(tiny(rules=PREPARATION))


def mixed(others: Path, **changes: Any) -> RunConfig:
    """Hiders who train against a chaser, twice as often against the seekers of a run, and against nobody in motion."""
    met = ["scripted:chaser", f"{others}:seekers/last", f"{others}:seekers/0", "still"]
    return tiny(hiders={"opponents": met, **changes})


def test_a_side_against_fixed_opponents_goes_on_to_the_same_bits_without_the_files_of_these(
    others: Path, tmp_path: Path
) -> None:
    unbroken, broken = run_whole_and_broken_without(others, mixed(others), tmp_path)
    assert_same_bits(broken, unbroken)
    assert [len(unbroken.halls[side]) for side in Side] == [4, 0]
    names = [each.name for each in players_of_run(unbroken, FIXED)]
    assert names == ["scripted:chaser", f"{others}:seekers/1", f"{others}:seekers/0", "scripted:still"]


def test_nobody_is_measured_against_whom_it_trains_against(others: Path, tmp_path: Path) -> None:
    config = tiny(hiders={"opponents": ["scripted:chaser", f"{others}:seekers/last"]}, coevolution={"generations": 1})
    held_out = config.coevolution.model_copy(update={"held_out_runs": (str(others),)})
    run = run_whole(tmp_path / "run.h5", config.model_copy(update={"coevolution": held_out}))
    assert {(row.side, row.opponent) for row in run.held_out} == {(Side.HIDERS, "still"), (Side.HIDERS, "random")}


def test_players_of_every_kind_have_an_origin_that_is_held_out_no_more() -> None:
    met = ["still", "scripted:chaser", "runs/a.h5:seekers/best", "openai:some.npz"]
    found = trained_against(tiny(hiders={"opponents": met}), Side.HIDERS)
    assert found == {"still", "chaser", "runs/a.h5", "openai:some.npz"}


def test_both_sides_can_train_against_fixed_opponents(tmp_path: Path) -> None:
    config = tiny(hiders={"opponents": "scripted:chaser"}, seekers={"opponents": ["scripted:fugitive"]})
    run = run_whole(tmp_path / "run.h5", config)
    assert [len(run.halls[side]) for side in Side] == [4, 4]
    assert run.metrics["env_steps"].tolist() == [2 * (4 * 2 + 2 * 2) * 6] * 4
    assert run.num_matches > 0  # the champions of both sides meet each other, to be seen


def test_candidates_meet_all_in_equal_shares_and_score_what_single_matches_give(evaluator: LocalEvaluator) -> None:
    spec, side, met = evaluator.session.spec, Side.SEEKERS, np.array([0, 1, 1, 0, 2])
    genomes = torch.randn(3, evaluator.session.genome_lengths[side], generator=torch.Generator().manual_seed(1))
    past = evaluator.session.roster(Side.HIDERS, torch.randn(1, evaluator.session.genome_lengths[Side.HIDERS]))
    rosters = [scripted_roster("fugitive"), past, scripted_roster("fugitive")]
    rngs = streams(0, 0, Stream.WORLDS)
    batch = evaluate_against_fixed(evaluator, {side: genomes}, {side: rosters}, {side: met}, rngs)
    seeds = draw_training_seeds(5, streams(0, 0, Stream.WORLDS)[side])
    expected = [
        [
            float(meet(evaluator, rosters[k], evaluator.session.roster(side, g[None]), seeds[[e]]).returns[0, 1])
            for e, k in enumerate(met)
        ]
        for g in genomes
    ]
    assert batch.returns[side].tolist() == expected
    assert batch.fitness[side].tolist() == pytest.approx(np.mean(expected, axis=1))
    assert batch.statistics(side)["max_agent_travel"].shape == (3, 5)
    assert spec.teams == tuple(Side)
    shares = [np.bincount(equal_shares(3, 8, np.random.default_rng(seed))).tolist() for seed in range(9)]
    assert all(sorted(share) == [2, 3, 3] for share in shares)
    assert len(set(map(tuple, shares))) == 3  # who is met less often changes


def test_a_champion_is_selected_for_its_skill_and_says_so(tmp_path: Path) -> None:
    fitness = "-max_agent_travel"
    config = tiny(hiders={"opponents": "still", "fitness": fitness}, coevolution={"generations": 1})
    run = run_whole(tmp_path / "run.h5", config)
    assert run.halls[Side.HIDERS].scores[0] < 0
    assert -run.metrics["game.max_agent_travel"][0] < run.metrics["hiders.fitness_max"][0] < 0
    assert of_diagnosis(run.config) == [
        "The seekers were not trained.",
        "The hiders met fixed opponents alone: still.",
        f"Champions of the hiders were selected for {fitness}, not for their return: they serve diagnosis alone.",
    ]
    assert of_diagnosis(tiny()) == []


def test_a_stage_is_a_skill_that_an_episode_shows_or_not(evaluator: LocalEvaluator) -> None:
    config = tiny(rules=PREPARATION, seekers={"fitness": "chasing"})
    trainer = Evolution(config, evaluator)
    generation = next(trainer.generations())
    score = generation.champions[Side.SEEKERS].score * config.coevolution.finalist_episodes
    assert score in (0.0, 1.0, 2.0)
    assert set(trainer.skills) == {Side.SEEKERS}


def test_a_skill_that_there_is_not_is_refused_with_those_there_are(evaluator: LocalEvaluator) -> None:
    with pytest.raises(
        ConfigError, match=r"hiders\.fitness: got 'food_eaten', expected return, box_novelty or one of max_box_move,"
    ):
        build_skills(tiny(hiders={"fitness": "food_eaten"}), evaluator)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"hiders": {"opponents": "still"}, "coevolution": {"generalist": True}}, "need the other side's champions"),
        ({"hiders": {"opponents": "still"}, "coevolution": {"exploiter_every": 2}}, "need the other side's champions"),
        ({"hiders": {"opponents": "still"}, "seekers": {"fitness": "chasing"}}, "of a side that is not trained"),
        ({"hiders": {"fitness": "fort"}, "coevolution": {"fitness": "wins"}}, "counts matches that are won"),
        ({"hiders": {"fitness": "fort"}, "policy": {"network": "entity"}, "trainer": "ppo"}, "PPO learns by self-play"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        tiny(**changes)


@pytest.mark.parametrize(
    ("opponents", "complaint"),
    [
        (["scripted:nobody"], r"hiders\.opponents: no scripted player 'nobody'"),
        (["OTHERS:hiders/last"], r"hiders\.opponents: .* is one of the hiders, expected one of the seekers"),
        (["OTHERS:seekers/9"], r"hiders\.opponents: .* has no champion of generation 9"),
    ],
)
def test_an_address_that_leads_nowhere_leaves_no_file(
    opponents: list[str], complaint: str, others: Path, tmp_path: Path
) -> None:
    config = tiny(hiders={"opponents": [text.replace("OTHERS", str(others)) for text in opponents]})
    with pytest.raises(ConfigError, match=complaint):
        train(config, tmp_path / "run.h5", announce=ignore, observers=[])
    assert not (tmp_path / "run.h5").exists()


def test_opponents_of_another_game_are_refused(others: Path, evaluator: LocalEvaluator) -> None:
    config = tiny(rules=PREPARATION, hiders={"opponents": f"{others}:seekers/last"})
    with pytest.raises(ConfigError, match=r"hiders\.opponents: .*others\.h5 plays another game"):
        Evolution(config, evaluator)


def test_champions_of_a_side_that_was_not_trained_are_missed_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    run_whole(path, tiny(hiders={"opponents": "still"}, coevolution={"generations": 1}))
    address = parse_address(f"{path}:seekers/last", Side.SEEKERS)
    assert isinstance(address, Archived)
    with pytest.raises(ConfigError, match=r"did not train its seekers, .*; its hiders met still"):
        _ = address.member


def test_a_skill_can_be_a_second_objective_of_the_genetic_algorithm(tmp_path: Path) -> None:
    pareto = {"algorithm": "ga", "popsize": 6, "ga": {"num_elites": 2, "selection": "pareto"}}
    hiders = {"opponents": ["still", "scripted:chaser"], "second_objective": "-door_gap_prep", "search": pareto}
    config, broken = tiny(hiders=hiders, rules=PREPARATION), tmp_path / "broken.h5"
    unbroken = run_whole(tmp_path / "unbroken.h5", config)
    with pytest.raises(KeyboardInterrupt):
        train(config, broken, announce=ignore, observers=[StopAfter(2)])
    resume(broken, announce=ignore, observers=[])
    assert_same_bits(RunFile.read(broken), unbroken)
    assert (unbroken.metrics["hiders.second_objective_mean"] < 0.0).all()
    assert of_diagnosis(unbroken.config)[-1].startswith(
        "Candidates of the hiders were also selected for -door_gap_prep"
    )


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"hiders": {"second_objective": "fort"}}, "which only the genetic algorithm takes"),
        (
            {"search": {"algorithm": "ga", "ga": {"num_elites": 1, "selection": "pareto"}}},
            r"no hiders\.second_obj",
        ),
    ],
)
def test_a_second_objective_and_the_search_that_knows_of_it_come_together(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        tiny(**changes)


def test_lexicase_selects_over_the_matches_of_a_run_and_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    lexicase = {"algorithm": "ga", "popsize": 6, "ga": {"num_elites": 2, "selection": "lexicase"}}
    config, broken = tiny(search=lexicase), tmp_path / "broken.h5"
    unbroken = run_whole(tmp_path / "unbroken.h5", config)
    with pytest.raises(KeyboardInterrupt):
        train(config, broken, announce=ignore, observers=[StopAfter(2)])
    resume(broken, announce=ignore, observers=[])
    assert_same_bits(RunFile.read(broken), unbroken)
