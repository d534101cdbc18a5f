"""Evolution and PPO side by side: the same files, the same measures, names that tell them apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_hns.comparison.compare import ComparisonOptions, compare
from evo_hns.comparison.conditions import read_conditions
from evo_hns.spec import Side
from tests.comparison.made import config, make_run

ENTITY = {"embed_size": 8, "num_heads": 2, "dense_size": 12, "num_cells": 10, "num_filters": 2}


def test_a_run_of_ppo_is_called_so_and_its_settings_are_told(tmp_path: Path) -> None:
    evolved = [str(make_run(tmp_path / f"e{seed}.h5", config(seed))) for seed in range(2)]
    learnt = [
        str(make_run(tmp_path / f"p{rate}.h5", config(policy={"network": "entity"}, ppo={"learning_rate": rate})))
        for rate in (0.001, 0.002)
    ]
    assert [condition.name for condition in read_conditions([*evolved, learnt[0]])] == ["sep-CMA-ES", "PPO"]
    assert [condition.name for condition in read_conditions([*evolved, *learnt])] == [
        "sep-CMA-ES, mlp 7 parameters",
        "PPO, entity 7 parameters, ppo.learning_rate=0.001",
        "PPO, entity 7 parameters, ppo.learning_rate=0.002",
    ]
    told = compare(
        read_conditions([*evolved, learnt[0]]), ComparisonOptions(tmp_path / "cross.h5", is_played=False)
    ).settings
    assert told["ppo.learning_rate"] == (None, 0.001)
    assert told["hiders.policy.network"] == ("mlp", "entity")


def test_champions_of_both_meet_and_decide_in_one_comparison(trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("sb3_contrib", reason="PPO needs the extra `baselines`")
    from evo_hns.training.driver import train
    from tests.conftest import tiny

    measured = tiny().coevolution.model_copy(update={"generations": 2}).model_dump()
    small = {"num_worlds": 4, "rollouts_per_generation": 1, "epochs": 1, "minibatches": 2}
    settings = tiny(coevolution=measured, ppo=small, policy={"network": "entity", "entity": ENTITY})
    train(settings, tmp_path / "p0.h5", announce=lambda _: None, observers=[])
    conditions = read_conditions([str(trained / "a0.h5"), str(trained / "a1.h5"), str(tmp_path / "p0.h5")])
    options = ComparisonOptions(
        tmp_path / "cross.h5", players=("scripted:still",), max_episodes=8, stage_champions=2, stage_episodes=2
    )
    found = compare(conditions, options)
    assert [condition.name for condition in found.conditions] == ["SNES", "PPO"]
    assert found.crossplay is not None
    assert len(found.crossplay.hiders) == 3
    assert all(found.expenses[1].microseconds[side] > 0 for side in Side)
    assert found.extras[0].parameters == dict.fromkeys(Side, 0)
    assert found.extras[0].microseconds[Side.HIDERS] > 0
    assert found.expenses[1].core_hours[0] is not None
    assert found.emergence is not None
    assert {name: len(lines) for name, lines in found.emergence.timelines.items()} == dict(
        zip((condition.name for condition in conditions), (2, 1), strict=True)
    )
