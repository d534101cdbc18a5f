from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch

from evo_hns.config import RulesConfig, WorldConfig
from evo_hns.envs.entities import Entities
from evo_hns.envs.statistics import STATISTICS, EpisodeStatistics

DOORS = torch.tensor([[[3.1, 1.5, 1.0], [0.0, 0.0, 0.0]]], dtype=torch.float64)
UNLOCKED = torch.zeros(1, 3, dtype=torch.bool)
UNSEEN, SEEN = torch.tensor([False]), torch.tensor([True])


def entities(moved: dict[int, Iterable[float]] | None = None) -> Entities:
    """One world: agents 0-3, boxes 4 and 5, ramp 6, all at (1, 4, 0) but for the given places."""
    pos = torch.tensor([1.0, 4.0, 0.0], dtype=torch.float64).repeat(1, 7, 1)
    for entity, place in (moved or {}).items():
        pos[0, entity] = torch.tensor(list(place), dtype=torch.float64)
    qpos, turn = torch.cat([pos, torch.zeros(1, 7, 1)], -1), torch.ones(1, 7, dtype=torch.float64)
    return Entities(qpos, torch.zeros_like(qpos), pos, pos, turn, 0 * turn)


def follow(*frames: tuple[Entities, float], lock_ramp: bool = False, locked=UNLOCKED, seen=UNSEEN, rewarded=True):
    statistics = EpisodeStatistics(WorldConfig(), RulesConfig(lock_ramp=lock_ramp))
    statistics.reset(entities(), DOORS)
    for frame, clock in frames:
        metrics = statistics.update(frame, locked, clock, seen, rewarded)
    return {name: value.item() for name, value in metrics.items()}


def test_moves_are_from_the_start_to_now_in_three_dimensions():
    away, back = entities({4: (4, 8, 0), 6: (1, 4, 2)}), entities({5: (1, 3, 0)})
    assert follow((away, 0.5))["max_box_move"] == 5.0
    assert follow((away, 0.5))["max_ramp_move"] == 2.0
    assert follow((away, 0.5), (back, 0.5))["max_box_move"] == 1.0


def test_figures_of_the_preparation_are_taken_at_the_first_clock_of_one():
    near, far = entities({4: (2, 4, 0)}), entities({4: (1, 7, 0)})
    assert follow((far, 0.99999))["max_box_move_prep"] == 0.0
    assert follow((far, 0.99999), (near, 1.0), (far, 1.0))["max_box_move_prep"] == 1.0


def test_locks_are_counted_where_there_can_be_any():
    locked = torch.tensor([[True, True, True]])
    metrics = follow((entities(), 1.0), locked=locked)
    assert metrics["num_box_lock"] == metrics["num_box_lock_prep"] == 2.0
    assert "num_ramp_lock" not in metrics
    assert follow((entities(), 1.0), locked=locked, lock_ramp=True)["num_ramp_lock_prep"] == 1.0


def test_seen_share_counts_rewarded_steps_alone():
    statistics = EpisodeStatistics(WorldConfig(), RulesConfig())
    statistics.reset(entities(), DOORS)
    shares = [
        statistics.update(entities(), UNLOCKED, 0.5, seen, rewarded)["hider_seen_share"].item()
        for seen, rewarded in ((SEEN, False), (SEEN, True), (UNSEEN, True), (UNSEEN, True), (UNSEEN, True))
    ]
    assert shares == [0.0, 1.0, 0.5, pytest.approx(1 / 3), 0.25]


def test_travel_is_the_length_of_the_path_and_not_the_distance():
    there, back = entities({2: (4, 8, 5)}), entities()
    assert follow((there, 0.5), (back, 0.5))["max_agent_travel"] == 10.0


def test_room_and_doors_are_looked_at_when_the_preparation_ends():
    frame = entities({0: (4, 2, 0), 1: (4, 4, 0), 2: (4, 2, 0), 5: (3.1, 1.9, 0), 6: (3.1, 2.1, 0)})
    metrics = follow((entities(), 0.5), (frame, 1.0))
    assert metrics["hiders_in_room_prep"] == 1.0
    assert (metrics["box_at_door_prep"], metrics["ramp_at_door_prep"]) == (1.0, 0.0)


def test_a_door_that_does_not_exist_is_nowhere():
    assert follow((entities({4: (0, 0, 0)}), 1.0))["box_at_door_prep"] == 0.0


def test_every_metric_says_what_it_means():
    metrics = follow((entities(), 1.0), lock_ramp=True)
    assert set(metrics) == set(STATISTICS)
