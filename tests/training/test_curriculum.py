"""Candidates are compared in several kinds of worlds; champions are chosen and measured in the game's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.matches import FRESH_SEED
from evo_hns.experiment import load_experiment
from evo_hns.spec import Side
from evo_hns.training.curriculum import Curriculum, shares_of
from evo_hns.worlds.layout import SEEDS_OF_A_KIND
from tests.runs import GENERATIONS, assert_same_bits, run_whole_and_broken_without, tiny
from tests.toy import ToyEvaluator, toy

OWN: dict[str, Any] = {"weight": 2}
ROOM: dict[str, Any] = {"name": "room", "world": {"hider_placement": "quadrant", "door_dropout": 1.0}}
CLOSED: dict[str, Any] = {"name": "closed", "world": {"door_size": 0}}


def curriculum(*kinds: dict[str, Any], **settings: Any) -> Curriculum:
    return Curriculum(RunConfig.model_validate({"coevolution": {"worlds": kinds, **settings}}))


def test_fixed_shares_are_the_weights() -> None:
    mix = curriculum(OWN, ROOM, CLOSED)
    assert mix.shares(Side.HIDERS).tolist() == [0.5, 0.25, 0.25]
    drawn = mix.draw({Side.HIDERS: 8, Side.SEEKERS: 6}, 0)
    assert np.bincount(drawn[Side.HIDERS]).tolist() == [0, 4, 2, 2]
    orders = {tuple(mix.draw({Side.HIDERS: 8}, generation)[Side.HIDERS].tolist()) for generation in range(9)}
    assert len(orders) > 5  # no opponent is met in one kind alone
    counts = sum(np.bincount(mix.draw({Side.HIDERS: 3}, g)[Side.HIDERS], minlength=4)[1:] for g in range(400))
    np.testing.assert_allclose(counts / 1200, [0.5, 0.25, 0.25], atol=0.02)


def test_a_kind_that_tells_nobody_apart_is_drawn_less_often_but_for_a_floor() -> None:
    mix = curriculum({}, ROOM, CLOSED, world_shares="learnability", world_floor=0.1)
    np.testing.assert_allclose(mix.shares(Side.HIDERS), 1 / 3)
    kinds = np.array([1, 2, 3, 1])
    scores = torch.tensor([[4.0, 1.0, 5.0, 2.0], [0.0, -1.0, 5.0, 4.0]], dtype=torch.float64)
    metrics = mix.learn(Side.HIDERS, kinds, scores)
    assert metrics["hiders.world_own_spread"] == 1.5  # standard deviations of 2 and 1
    assert metrics["hiders.world_room_spread"] == 1.0 and metrics["hiders.world_closed_spread"] == 0.0
    assert metrics["hiders.world_own_score"] == 2.5 and metrics["hiders.world_own_share"] == 0.5
    np.testing.assert_allclose(mix.shares(Side.HIDERS), 0.1 + 0.7 * np.array([0.6, 0.4, 0.0]))
    np.testing.assert_allclose(mix.shares(Side.SEEKERS), 1 / 3)
    mix.learn(Side.HIDERS, np.array([1]), torch.tensor([[3.0], [-3.0]], dtype=torch.float64))
    np.testing.assert_allclose(mix.shares(Side.HIDERS), 0.1 + 0.7 * np.array([1.65, 1.0, 0.0]) / 2.65)


def test_failed_matches_and_kinds_that_were_not_drawn_change_nothing() -> None:
    mix = curriculum({}, ROOM, world_shares="learnability")
    failed = torch.tensor([[torch.nan, 1.0], [2.0, 5.0]], dtype=torch.float64)
    metrics = mix.learn(Side.SEEKERS, np.array([2, 2]), failed)
    assert metrics["seekers.world_room_spread"] == 2.0  # of the second match alone
    assert metrics["seekers.world_own_share"] == 0.0 and "seekers.world_own_score" not in metrics
    np.testing.assert_allclose(mix.shares(Side.SEEKERS), 0.5)  # what is not known is taken for the mean


def test_where_nothing_tells_candidates_apart_all_kinds_are_drawn_alike() -> None:
    settings = RunConfig.model_validate({"coevolution": {"worlds": [OWN, ROOM], "world_shares": "learnability"}})
    assert shares_of(settings.coevolution, np.zeros(2)).tolist() == [0.5, 0.5]


def ladder() -> Curriculum:
    return curriculum({"name": "near", "target": 5.0}, {**ROOM, "target": 9.0}, {}, world_shares="ladder")


def test_a_ladder_is_climbed_kind_by_kind_once_ten_generations_reach_the_target() -> None:
    rungs, scores = ladder(), torch.tensor([[4.0, 7.0], [6.0, 8.0]], dtype=torch.float64)
    drawn = rungs.draw({Side.HIDERS: 50, Side.SEEKERS: 50}, 0)
    assert set(drawn[Side.HIDERS].tolist()) == {1}  # what is above the rung is not met
    for _ in range(9):
        rungs.learn(Side.HIDERS, np.array([1, 1]), scores)  # 6.25 on average
    np.testing.assert_allclose(rungs.shares(Side.HIDERS), [1.0, 0.0, 0.0])
    metrics = rungs.learn(Side.HIDERS, np.array([1, 1]), scores)
    assert metrics["hiders.world_rung"] == 0.0  # of this generation
    np.testing.assert_allclose(rungs.shares(Side.HIDERS), [0.1, 0.9, 0.0])
    np.testing.assert_allclose(rungs.shares(Side.SEEKERS), [1.0, 0.0, 0.0])  # each side climbs by itself
    for _ in range(30):  # better on the rung below: that is no reason to climb
        rungs.learn(Side.HIDERS, np.array([1, 2]), torch.tensor([[40.0, 8.0], [40.0, 8.0]], dtype=torch.float64))
    np.testing.assert_allclose(rungs.shares(Side.HIDERS), [0.1, 0.9, 0.0])
    for _ in range(30):
        rungs.learn(Side.HIDERS, np.array([2]), torch.tensor([[10.0], [10.0]], dtype=torch.float64))
    for _ in range(30):  # the last is the last, and nobody falls
        metrics = rungs.learn(Side.HIDERS, np.array([3]), torch.tensor([[20.0], [20.0]], dtype=torch.float64))
    assert metrics["hiders.world_rung"] == 2.0
    np.testing.assert_allclose(rungs.shares(Side.HIDERS), [0.1, 0.1, 0.8])


def test_a_lucky_start_does_not_climb_and_the_mean_forgets() -> None:
    rungs = ladder()
    for score in [40.0] + [-5.0] * 12:
        rungs.learn(Side.SEEKERS, np.array([1]), torch.full((2, 1), score, dtype=torch.float64))
    assert rungs.shares(Side.SEEKERS)[0] == 1.0
    # 40 and nine of -5 average -0.5, each further -5 takes a tenth of the way there.
    mean = -5.0 + 4.5 * 0.9**3
    for _ in range(12):
        mean += (9.0 - mean) / 10
        assert rungs.shares(Side.SEEKERS)[0] == 1.0
        rungs.learn(Side.SEEKERS, np.array([1]), torch.full((2, 1), 9.0, dtype=torch.float64))
        if mean >= 5.0:
            break
    assert mean >= 5.0 and rungs.shares(Side.SEEKERS)[0] == 0.1


def test_candidates_meet_in_all_kinds_and_champions_are_chosen_in_the_games_own() -> None:
    trainer = toy(lambda hiders, seekers, seeds: hiders[:, 0] - seekers[:, 0], worlds=[{}, ROOM])
    generation = next(trainer.generations())
    tables = cast(ToyEvaluator, trainer.evaluator).tables
    candidates, final = (table.seed for table, _ in tables[:2])
    assert np.unique(candidates // SEEDS_OF_A_KIND).tolist() == [1, 2]
    assert (final < FRESH_SEED).all()
    assert generation.metrics["hiders.world_room_share"] == 0.5
    lists = candidates[: 6 * 8].reshape(6, 8)
    assert (lists == lists[0]).all()  # all candidates in the same worlds


def test_without_kinds_nothing_is_drawn_reported_or_kept() -> None:
    trainer = toy(lambda hiders, seekers, seeds: hiders[:, 0] - seekers[:, 0])
    generation = next(trainer.generations())
    assert not any(".world_" in name for name in generation.metrics) and "worlds" not in generation.state


@pytest.mark.parametrize("shares", ["learnability", "ladder"])
def test_a_run_goes_on_to_the_same_bits(tmp_path: Path, shares: str) -> None:
    config = tiny(coevolution={"worlds": [{}, ROOM], "world_shares": shares})
    (unused := tmp_path / "unused").touch()
    unbroken, broken = run_whole_and_broken_without(unused, config, tmp_path)
    assert_same_bits(broken, unbroken)
    if shares == "ladder":
        climbs = cast(dict[str, np.ndarray], unbroken.state["world_ladder"])
        assert all(climbs[side.label][1] == GENERATIONS for side in Side)
        return
    known = cast(dict[str, np.ndarray], unbroken.state["worlds"])
    assert all(np.isfinite(known[side.label]).all() for side in Side)
    assert any(known[side.label][0] != known[side.label][1] for side in Side)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("coevolution.worlds=[{world={num_boxes=1}}]", "got world.num_boxes of the worlds 'own', expected settings of"),
        ("coevolution.worlds=[{world={door_dropout=2}}]", "got a wrong world.door_dropout of the worlds 'own'"),
        ("coevolution.worlds=[{},{}]", "got two kinds of coevolution.worlds with the name 'own': give each its own"),
        ("coevolution.worlds=[{weight=0}]", "weight"),
        ("coevolution.world_shares=learnability", "and 0 kinds of coevolution.worlds, expected two or more"),
    ],
)
def test_kinds_that_make_no_sense_are_refused(option: str, message: str) -> None:
    with pytest.raises(ValueError, match="got") as caught:
        load_experiment("quadrant-1v1", [option])
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_floors_that_leave_nothing_and_ppo_are_refused() -> None:
    with pytest.raises(ValueError, match=r"world_floor 0\.6 for each of 2 kinds of worlds, expected at most 0\.5"):
        curriculum({}, ROOM, world_shares="learnability", world_floor=0.6)
    with pytest.raises(ValueError, match="PPO learns in the game's own worlds"):
        RunConfig.model_validate({"trainer": "ppo", "policy": {"network": "entity"}, "coevolution": {"worlds": [{}]}})
