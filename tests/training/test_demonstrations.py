"""Demonstrations shrink world by world as candidates succeed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.candidates import FRESH
from evo_hns.evaluation.demonstrations import demonstrated_steps
from evo_hns.spec import Side
from evo_hns.training.demonstrations import Demonstrations
from evo_hns.worlds.layout import SEEDS_OF_A_START
from tests.runs import assert_same_bits, run_whole_and_broken_without, tiny
from tests.toy import ToyEvaluator, toy

SHOWN: dict[str, Any] = {"player": "builder", "env_steps": 10, "share": 0.5, "worlds": 4, "target": 5.0}


def demonstrations(**changes: Any) -> Demonstrations:
    return Demonstrations(RunConfig.model_validate({"hiders": {"demonstration": {**SHOWN, **changes}}}))


def scores(*matches: float) -> torch.Tensor:
    """Of four candidates in each match, the better two have these on average."""
    return torch.tensor([[value + 1.0, value - 1.0, -99.0, torch.nan] for value in matches]).T.double()


def test_a_share_of_the_matches_begins_in_the_demonstrated_worlds_each_as_often() -> None:
    shown = demonstrations()
    drawn = [shown.draw({Side.HIDERS: 7, Side.SEEKERS: 7}, generation) for generation in range(200)]
    assert all(set(each) == {Side.HIDERS} for each in drawn)  # nobody demonstrates to seekers
    seeds = np.stack([each[Side.HIDERS] for each in drawn])
    assert set((seeds != FRESH).sum(1).tolist()) == {3, 4}
    assert abs((seeds != FRESH).mean() - 0.5) < 0.03
    assert demonstrated_steps(seeds[seeds != FRESH], Side.HIDERS).tolist() == [10] * int((seeds != FRESH).sum())
    counts = np.unique(seeds[seeds != FRESH], return_counts=True)[1]
    assert len(counts) == 4 and counts.min() > 140
    assert (seeds != FRESH).mean(0).min() > 0.35  # no opponent meets demonstrated starts alone


def test_each_world_has_its_own_number_which_shrinks_by_success_and_grows_by_failure() -> None:
    shown = demonstrations(share=1.0)

    def steps(generation: int) -> dict[int, int]:
        seeds = shown.draw({Side.HIDERS: 4}, generation)[Side.HIDERS]
        return dict(zip((seeds % SEEDS_OF_A_START).tolist(), demonstrated_steps(seeds, Side.HIDERS), strict=True))

    worlds = sorted(steps(0))
    good = worlds[:2]
    for generation in range(5):
        seeds = shown.draw({Side.HIDERS: 4}, generation)[Side.HIDERS] % SEEDS_OF_A_START
        metrics = shown.learn(Side.HIDERS, scores(*(5.0 if s in good else 4.9 for s in seeds)), generation)
        assert metrics["hiders.demonstrated_solved"] == 0.0
    assert [steps(5)[world] for world in worlds] == [0, 0, 10, 10]
    assert metrics["hiders.demonstrated_steps"] == 5.0
    seeds = shown.draw({Side.HIDERS: 4}, 5)[Side.HIDERS] % SEEDS_OF_A_START
    metrics = shown.learn(Side.HIDERS, scores(*(9.0 if s == worlds[0] else 0.0 for s in seeds)), 5)
    assert metrics["hiders.demonstrated_solved"] == 1.0
    after = steps(6)
    assert worlds[0] not in after and worlds[1] in after  # solved from its true start: a fresh one in its place
    assert after[worlds[1]] == 1 and sorted(after.values()) == [1, 5, 10, 10]  # the fresh one begins at the median
    assert shown.learn(Side.SEEKERS, scores(1.0), 0) == {}


def test_matches_that_failed_say_nothing() -> None:
    shown = demonstrations(share=1.0, worlds=1)
    shown.draw({Side.HIDERS: 1}, 0)
    metrics = shown.learn(Side.HIDERS, torch.full((4, 1), torch.nan).double(), 0)
    assert metrics["hiders.demonstrated_steps"] == 10.0


def test_candidates_begin_there_and_champions_at_their_own_starts() -> None:
    trainer = toy(lambda hiders, seekers, seeds: hiders[:, 0] - seekers[:, 0])
    trainer.demonstrations = demonstrations()
    generation = next(trainer.generations())
    (candidates, _), (final, _) = cast(ToyEvaluator, trainer.evaluator).tables[:2]
    hiders = candidates.seed[: 6 * 8].reshape(6, 8)
    assert (hiders == hiders[0]).all() and (demonstrated_steps(hiders[0], Side.HIDERS) > 0).sum() == 4
    assert (candidates.seed[6 * 8 :] < SEEDS_OF_A_START).all() and (final.seed < SEEDS_OF_A_START).all()
    assert generation.metrics["hiders.demonstrated_steps"] <= 10.0


def test_a_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    shown = {"player": "reactive-builder", "env_steps": 3, "worlds": 2, "target": -1e9}
    config = tiny(hiders={"demonstration": shown}, seekers={"demonstration": {**shown, "player": "chaser"}})
    (unused := tmp_path / "unused").touch()
    unbroken, broken = run_whole_and_broken_without(unused, config, tmp_path)
    assert_same_bits(broken, unbroken)
    assert unbroken.metrics["seekers.demonstrated_steps"][-1] < 3.0
    assert "worlds" not in unbroken.state and set(cast(dict[str, Any], unbroken.state["demonstrations"])) == {
        side.label for side in Side
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hiders": {"demonstration": {**SHOWN, "env_steps": 80}}}, "env_steps 80, expected fewer than the 80"),
        (
            {"seekers": {"demonstration": SHOWN}, "hiders": {"opponents": ["random"]}},
            "seekers.demonstration of a side that does not evolve",
        ),
        ({"hiders": {"demonstration": SHOWN}, "coevolution": {"worlds": [{}]}}, "two ways to begin nearer"),
    ],
)
def test_demonstrations_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="got") as caught:
        RunConfig.model_validate(settings)
    assert message in str(caught.value)
