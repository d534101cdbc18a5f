"""Ablations and timesteps are measured on the same worlds, and what changes nothing is found to change nothing."""

from __future__ import annotations

from evo_hns.config import PhysicsConfig, RulesConfig, RunConfig
from evo_hns.diagnostics.ablations import ABLATIONS, measure
from evo_hns.diagnostics.timestep_study import compare
from evo_hns.spec import Side


def test_an_ablation_that_changes_nothing_drifts_by_nothing_and_a_push_drifts() -> None:
    effects = measure(
        RunConfig(), num_worlds=2, ablations={name: ABLATIONS[name] for name in ("no sensors", "no sleep")}
    )
    assert effects["none"].same_bits
    assert effects["no sensors"].same_bits
    assert set(effects["no sensors"].drift.values()) == {0.0}
    push = effects["a push of 1e-06 m"]
    assert not push.same_bits
    assert 0.0 < push.drift[1] < 0.1
    assert all(effect.speed_up > 0.0 for effect in effects.values())


def test_fewer_substeps_play_the_same_matches() -> None:
    config = RunConfig(rules=RulesConfig(horizon=10))
    cuts = [PhysicsConfig(search_substeps=n).of_search for n in (15, 5)]
    own, coarse = compare(config, cuts, dict.fromkeys(Side, "random"), num_worlds=6, batch=4)
    assert (own.num_substeps, coarse.num_substeps) == (15, 5)
    assert min(own.microseconds, coarse.microseconds) > 0.0
    assert own.metrics.keys() == coarse.metrics.keys()
    assert own.metrics["max_agent_travel"].num_samples == 6
    assert own.metrics["left_field"].mean == 0.0
