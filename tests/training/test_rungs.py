"""Skills that count beside the return until that has grown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evo_hns.archive.run_file import RunFile
from evo_hns.config import ConfigError, RunConfig, RungConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.fitness import Skill, team_return
from evo_hns.evaluation.rollout import Episodes
from evo_hns.experiment import load_experiment, parse_config
from evo_hns.reports.info import as_typed, changed_settings, describe_run, of_diagnosis
from evo_hns.spec import ObservationSpec, Side
from evo_hns.training.driver import resume, train
from evo_hns.training.evolution import Evolution
from evo_hns.training.rungs import SMOOTHING, Ladder, build_ladders
from tests.runs import StopAfter, assert_same_bits, ignore, run_whole, tiny
from tests.toy import ToyEvaluator

SPEC = ObservationSpec(num_hiders=1, num_seekers=1, num_boxes=0, num_ramps=0, num_lidar_rays=30)
TRAVEL = {"skill": "max_agent_travel", "weight": 8.0, "start": -4.0, "target": 4.0}
PARETO = {"algorithm": "ga", "ga": {"num_elites": 1, "selection": "pareto"}}
GAP = {"skill": "-door_gap_prep", "weight": 3.0, "start": -2.0, "target": 1.0}


def ladder(*rungs: dict[str, Any]) -> Ladder:
    skills = [Skill(lambda episodes, k=k: episodes.metrics[str(k)]) for k in range(len(rungs))]  # type: ignore[misc]
    return Ladder(Side.HIDERS, [RungConfig.model_validate(rung) for rung in rungs], skills, SPEC)


def episodes(returns: list[float], *skills: list[float]) -> Episodes:
    hiders = torch.tensor(returns, dtype=torch.float64)
    metrics = {str(k): torch.tensor(values, dtype=torch.float64) for k, values in enumerate(skills)}
    there = torch.ones(len(hiders), 2, dtype=torch.bool)
    return Episodes(torch.stack([hiders, -hiders], 1), metrics, torch.isnan(hiders), there)


def with_rungs(*rungs: dict[str, Any], **changes: Any) -> RunConfig:
    return tiny(hiders={"opponents": ["scripted:chaser", "still"], "rungs": rungs}, **changes)


def test_weights_fall_as_the_running_return_grows_and_never_rise_again() -> None:
    climbing = ladder(TRAVEL, GAP)
    means, highest, seen = np.array([-4.0, -2.0]), np.array([-4.0, -2.0]), []
    for mean_return in [-9.0, -9.0, 2.0, 3.0, 3.0, -9.0, -9.0, 3.0, *[9.0] * 30]:
        climbing.follow(mean_return)
        means += SMOOTHING * (mean_return - means)
        highest = np.maximum(highest, means)
        expected = [8.0 * (4.0 - highest[0]) / 8.0, 3.0 * (1.0 - highest[1]) / 3.0]
        np.testing.assert_allclose(climbing.weights, np.maximum(expected, 0.0))
        seen.append(climbing.weights)
    assert (np.diff(seen, axis=0) <= 0.0).all()
    assert seen[1].tolist() == [8.0, 3.0]  # whoever does worse than where a rung begins gets no more than all of it
    assert seen[-1].tolist() == [0.0, 0.0]


def test_a_score_is_the_return_and_each_skill_by_its_weight_and_in_the_end_the_return_alone() -> None:
    climbing = ladder(TRAVEL, GAP)
    skill = climbing.skill
    assert skill is not None
    played = episodes([1.0, -2.0, float("nan")], [0.5, 0.0, 1.0], [-1.0, -3.0, 0.0])
    torch.testing.assert_close(
        skill.measure(played), torch.tensor([1.0 + 4.0 - 3.0, -2.0 - 9.0, torch.nan]).double(), equal_nan=True
    )
    for _ in range(60):
        climbing.follow(3.9)
    assert climbing.weights[1] == 0.0
    only = climbing.skill
    assert only is not None
    torch.testing.assert_close(
        only.measure(played)[:2], torch.tensor([1.0, -2.0]).double() + climbing.weights[0] * torch.tensor([0.5, 0.0])
    )
    for _ in range(60):
        climbing.follow(9.0)
    assert climbing.skill is None


def test_a_ladder_goes_on_from_its_state() -> None:
    one, other = ladder(TRAVEL, GAP), ladder(TRAVEL, GAP)
    for mean_return in (1.0, 3.0, -5.0):
        one.follow(mean_return)
    other.load_state_dict(one.state_dict())
    for each in (one, other):
        each.follow(0.5)
    assert one.weights.tolist() == other.weights.tolist()


def test_a_run_with_rungs_is_stopped_and_goes_on_to_the_same_bits_and_says_so(tmp_path: Path) -> None:
    config, broken = with_rungs(TRAVEL, GAP, rules={"horizon": 8, "prep_fraction": 0.5}), tmp_path / "broken.h5"
    unbroken = run_whole(tmp_path / "unbroken.h5", config)
    with pytest.raises(KeyboardInterrupt):
        train(config, broken, announce=ignore, observers=[StopAfter(2)])
    resume(broken, announce=ignore, observers=[])
    assert_same_bits(RunFile.read(broken), unbroken)
    weights = unbroken.metrics["hiders.rung_weight_0"]
    assert weights[0] == 8.0 > weights[-1] > 0.0
    assert (np.diff(weights) <= 0.0).all()
    reward = unbroken.metrics["hiders.fitness_mean"] - unbroken.metrics["hiders.return_mean"]
    np.testing.assert_allclose(unbroken.metrics["hiders.rung_reward_mean"], reward)
    sentences = of_diagnosis(unbroken.config)
    assert sentences[2:] == [
        "Candidates of the hiders were also rewarded for max_agent_travel, with a weight of 8 that "
        "falls to 0 as their return grows from -4 to 4; champions were chosen by return alone.",
        "Candidates of the hiders were also rewarded for -door_gap_prep, with a weight of 3 that "
        "falls to 0 as their return grows from -2 to 1; champions were chosen by return alone.",
    ]
    assert describe_run(unbroken)["of_diagnosis"] == sentences


def test_only_the_search_is_told_of_rungs_and_champions_are_chosen_by_return_alone() -> None:
    config = with_rungs(TRAVEL | {"weight": 1000.0})
    trainer = Evolution(config, build_evaluator(config))
    told, searcher = [], trainer.populations[Side.HIDERS].searcher
    tell = searcher.tell
    searcher.tell = lambda evaluation: (told.append(evaluation.fitness), tell(evaluation))[1]  # type: ignore[method-assign]
    asked = searcher.ask().to(torch.float32).numpy()
    played = []
    play = trainer.evaluator.evaluate

    def watch(*args: Any, **options: Any) -> Episodes:
        played.append(play(*args, **options))
        return played[-1]

    trainer.evaluator.evaluate = watch  # type: ignore[method-assign]
    generation = next(trainer.generations())
    search, final = played[:2], played[2:]  # each against two opponents
    spec, size = trainer.evaluator.session.spec, len(asked)
    returns = torch.cat([team_return(part, spec, Side.HIDERS).reshape(size, -1) for part in search], 1)
    travel = torch.cat([part.metrics["max_agent_travel"].reshape(size, -1) for part in search], 1)
    torch.testing.assert_close(told[0], (returns + 1000.0 * travel).mean(1))
    best_by_return = asked[int(returns.mean(1).argmax())]
    center = searcher.center.to(torch.float32).numpy()
    champion = generation.champions[Side.HIDERS]
    assert champion.genome.tolist() in (best_by_return.tolist(), center.tolist())
    scores = torch.cat([team_return(part, spec, Side.HIDERS).reshape(2, -1) for part in final], 1).mean(1)
    assert champion.score == float(scores.max())
    assert trainer.ladders[Side.HIDERS].weights.tolist() == [
        1000.0 * min(1.0, (4.0 - (-4.0 + SMOOTHING * (float(scores[1]) + 4.0))) / 8.0)
    ]


def test_without_rungs_a_run_has_neither_their_state_nor_their_metrics(tmp_path: Path) -> None:
    run = run_whole(tmp_path / "run.h5", tiny(coevolution={"generations": 1}))
    assert "rungs" not in run.state
    assert not [name for name in run.metrics if "rung" in name or "return_mean" in name]


def test_a_rung_that_the_game_does_not_have_is_refused_with_those_there_are() -> None:
    config = with_rungs(TRAVEL | {"skill": "food_eaten"})
    with pytest.raises(ConfigError, match=r"hiders\.rungs\.0\.skill: got 'food_eaten', expected one of max_box_move,"):
        build_ladders(config, build_evaluator(config))


def test_a_skill_of_things_that_the_game_lacks_is_refused() -> None:
    evaluator = ToyEvaluator(lambda h, *_: h[:, 0])
    evaluator.session.spec = replace(SPEC, num_ramps=0)
    config = tiny(hiders={"rungs": [TRAVEL | {"skill": "-ramp_gap"}]})
    with pytest.raises(ConfigError, match=r"hiders\.rungs\.0\.skill: got '-ramp_gap', which needs ramps, and this"):
        build_ladders(config, evaluator)  # type: ignore[arg-type]


def test_a_side_without_players_has_no_rungs() -> None:
    evaluator = ToyEvaluator(lambda h, *_: h[:, 0])
    evaluator.session.spec = replace(SPEC, num_seekers=0)
    config = tiny(seekers={"rungs": [TRAVEL]})
    with pytest.raises(ConfigError, match=r"seekers\.rungs: this game has no seekers: leave them out"):
        build_ladders(config, evaluator)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"hiders": {"rungs": [TRAVEL], "fitness": "fort"}}, r"hiders\.fitness and hiders\.rungs"),
        ({"hiders": {"rungs": [TRAVEL]}, "coevolution": {"fitness": "wins"}}, "counts matches that are won"),
        ({"hiders": {"rungs": [TRAVEL]}, "coevolution": {"generalist": True}}, r"rungs and coevolution\.generalist"),
        ({"hiders": {"opponents": "still"}, "seekers": {"rungs": [TRAVEL]}}, r"seekers\.rungs of a side that is not"),
        (
            {"hiders": {"rungs": [TRAVEL]}, "policy": {"network": "entity"}, "trainer": "ppo"},
            "rungs or second_objective of a side, PPO learns by self-play",
        ),
        ({"world": {"num_seekers": 0}, "seekers": {"second_objective": "fort", "search": PARETO}}, "not trained"),
        ({"hiders": {"rungs": [TRAVEL | {"target": -4.0}]}}, "got target -4 and start -4, expected a target above"),
    ],
)
def test_rungs_that_contradict_other_settings_are_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        tiny(**changes)


def test_a_side_without_players_needs_no_second_objective() -> None:
    config = tiny(world={"num_seekers": 0}, hiders={"second_objective": "fort"}, search=PARETO)
    assert config.hiders.second_objective == "fort"


def test_rungs_are_told_as_they_are_typed() -> None:
    config = with_rungs(TRAVEL, GAP)
    told = as_typed(changed_settings(config)["hiders.rungs"])
    assert load_experiment("quadrant-1v1", [f"hiders.rungs={told}"]).hiders.rungs == config.hiders.rungs


def test_rungs_are_typed_as_a_list_of_tables() -> None:
    typed = 'hiders.rungs=[{skill = "doors_locked_prep", weight = 30, start = -20, target = 20}]'
    config = load_experiment("quadrant-1v1", [typed])
    assert config.hiders.rungs == (RungConfig(skill="doors_locked_prep", weight=30, start=-20, target=20),)
    with pytest.raises(ConfigError, match=r"^settings: hiders\.rungs\.0\.weight: got 0"):
        parse_config({"hiders": {"rungs": [TRAVEL | {"weight": 0}]}})
