"""Where matches run: the same bits anywhere, and champions always at the game's own timestep."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import build_evaluator
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.rollout import Episodes
from evo_hns.evaluation.session import Sessions
from evo_hns.policies.roster import scripted_roster
from evo_hns.spec import Side

FULL = {
    "scenario": "randomwalls",
    "num_hiders": (1, 3),
    "num_seekers": (1, 2),
    "num_boxes": (1, 4),
    "num_elongated_boxes": (1, 4),
    "num_ramps": (0, 2),
    "outer_walls_probability": 0.5,
    "num_food": 2,
}


def settings(**physics: Any) -> RunConfig:
    rules = {"horizon": 12, "prep_fraction": 0.25, "lock_ramp": True, "food": {"radius": 1.0, "in_preparation": True}}
    return RunConfig.model_validate(
        {
            "world": FULL,
            "rules": rules,
            "physics": physics,
            "policy": {"hidden_size": 4, "gru_size": 2, "noise": "step", "hold": 2},
        }
    )


def play(config: RunConfig) -> Episodes:
    evaluator = build_evaluator(config)
    generator = torch.Generator().manual_seed(0)
    session = evaluator.session
    rosters = {
        side: session.roster(side, torch.randn(5, session.genome_lengths[side], generator=generator)) for side in Side
    }
    rows = np.arange(23) % 5
    return evaluator.evaluate(MatchTable(rows, rows[::-1].copy(), np.arange(23)), rosters)


def test_matches_of_the_full_game_have_the_same_bits_in_any_batch_and_on_any_thread() -> None:
    whole = play(settings(num_worlds=32, num_threads=1))
    assert not whole.agent_mask.all()
    assert (whole.returns[~whole.agent_mask] == 0.0).all()
    for num_worlds, num_threads in ((4, 1), (9, 3), (64, 2)):
        parts = play(settings(num_worlds=num_worlds, num_threads=num_threads))
        assert torch.equal(parts.returns, whole.returns)
        assert torch.equal(parts.agent_mask, whole.agent_mask)
        assert all(torch.equal(parts.metrics[name], values) for name, values in whole.metrics.items())


def test_a_coarse_search_is_measured_at_the_games_own_timestep() -> None:
    sessions = Sessions(settings(num_worlds=2, num_threads=1, search_substeps=8), 2)
    coarse, exact = sessions.search.game, sessions.exact.game
    assert (coarse.num_substeps, exact.num_substeps) == (8, 15)
    steps = [env.num_substeps * env.scene.model.opt.timestep for env in (coarse, exact)]
    np.testing.assert_allclose(steps, 0.075, rtol=1e-12)


def test_without_a_coarse_search_there_is_one_game() -> None:
    sessions = Sessions(settings(num_worlds=2, num_threads=1), 2)
    assert sessions["search"] is sessions["exact"]


def test_what_is_to_be_kept_is_kept_in_the_order_of_the_table() -> None:
    evaluator = build_evaluator(settings(num_worlds=4, num_threads=2))
    rosters, rows = dict.fromkeys(Side, scripted_roster("random")), np.zeros(5, dtype=np.int64)
    keep = ["actions", "trajectory", "final_observation"]
    kept = evaluator.evaluate(MatchTable(rows, rows, np.array([4, 1, 3, 0, 2])), rosters, keep=keep)
    alone = evaluator.evaluate(MatchTable(rows[:1], rows[:1], np.array([3])), rosters, keep=keep)
    third = kept.take(np.array([2]))
    assert third.trajectory.seeds.tolist() == [3]
    assert third.trajectory.qpos.tobytes() == alone.trajectory.qpos.tobytes()
    assert all(np.array_equal(third.actions[name], array) for name, array in alone.actions.items())
    seen = vars(third.final_observation)
    assert all(torch.equal(value, seen[name]) for name, value in vars(alone.final_observation).items())
    bare = evaluator.evaluate(MatchTable(rows, rows, np.array([4, 1, 3, 0, 2])), rosters)
    assert (bare.actions, bare.trajectory, bare.final_observation) == (None, None, None)
    assert torch.equal(bare.returns, kept.returns)
