from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
import torch

from evo_hns.config import RulesConfig, WorldConfig
from evo_hns.envs.entities import Entities, EpisodeConstants
from evo_hns.envs.state import GameState
from evo_hns.envs.statistics import STATISTICS, EpisodeStatistics
from evo_hns.envs.task import Snapshot

DOORS = torch.tensor([[[3.1, 1.5, 1.0], [0.0, 0.0, 0.0]]], dtype=torch.float64)
UNLOCKED = torch.zeros(1, 3, dtype=torch.bool)
UNSEEN, SEEN = torch.tensor([False]), torch.tensor([True])  # None: in the preparation


def constants(absent: int | None = None) -> EpisodeConstants:
    """One world of four agents, two boxes and a ramp; one of the seven may be absent."""
    there = torch.arange(7)[None] != (-1 if absent is None else absent)
    return EpisodeConstants(
        seeds=torch.zeros(1, dtype=torch.int64),
        agent_mask=there[:, :4],
        object_mask=there[:, 4:],
        half_sizes=torch.full((1, 3, 3), 0.25, dtype=torch.float64),
        food=torch.zeros(1, 0, 3, dtype=torch.float64),
        sites=torch.zeros(1, 0, 5, 3),
        site_mask=torch.zeros(1, 0, dtype=torch.bool),
        doors=DOORS,
        floor_size=torch.tensor([6.0], dtype=torch.float64),
    )


def entities(moved: dict[int, Iterable[float]] | None = None, absent: int | None = None) -> Entities:
    """One world: agents 0-3, boxes 4 and 5, ramp 6, all at (1, 4, 0) but for the given places."""
    pos = torch.tensor([1.0, 4.0, 0.0], dtype=torch.float64).repeat(1, 7, 1)
    for entity, place in (moved or {}).items():
        pos[0, entity] = torch.tensor(list(place), dtype=torch.float64)
    qpos, upright = torch.cat([pos, torch.zeros(1, 7, 1)], -1), torch.eye(3, dtype=torch.float64).view(1, 1, 9)
    none = torch.zeros(1, 0, 2)
    return Entities(constants(absent), qpos, torch.zeros_like(qpos), pos, pos, upright.expand(1, 7, 9), none, none)


def snapshot(frame: Entities, locked=UNLOCKED, eaten: float = 0.0) -> Snapshot:
    state = replace(GameState.initial(1, 4, 3), locked=locked, eaten=torch.tensor([[eaten, 0.0, 0.0, 0.0]]).double())
    return Snapshot(frame, state)


def follow(*frames: tuple[Entities, float], locked=UNLOCKED, seen=UNSEEN, eaten=0.0, num_food=0, lock_ramp=False):
    statistics = EpisodeStatistics(WorldConfig(num_food=num_food), RulesConfig(lock_ramp=lock_ramp))
    statistics.reset(entities())
    for frame, prep_progress in frames:
        now = snapshot(frame, locked, eaten)
        statistics.update(now, prep_progress, seen)
    return {name: value.item() for name, value in statistics.metrics(now).items()}


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
    statistics.reset(entities())
    shares, now = [], snapshot(entities())
    for seen in (None, SEEN, UNSEEN, UNSEEN, UNSEEN):
        statistics.update(now, 0.5, seen)
        shares.append(statistics.metrics(now)["hider_seen_share"].item())
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


def test_who_is_absent_moves_no_figure():
    far = entities({1: (4, 2, 0), 4: (3.1, 1.5, 0)}, absent=4)
    metrics = follow((far, 1.0))
    assert (metrics["max_box_move"], metrics["box_at_door_prep"], metrics["hiders_in_room_prep"]) == (0.0, 0.0, 1.0)
    gone = follow((entities({1: (4, 2, 0)}, absent=1), 1.0))
    assert (gone["max_agent_travel"], gone["hiders_in_room_prep"]) == (0.0, 0.0)


def test_bites_are_added_up_in_games_with_food():
    frame = entities()
    metrics = follow((frame, 0.5), (frame, 1.0), (frame, 1.0), eaten=0.5, num_food=1)
    assert (metrics["food_eaten"], metrics["food_eaten_prep"]) == (1.5, 1.0)
    assert "food_eaten" not in follow((frame, 1.0))


def test_a_game_without_the_room_has_no_figure_of_it():
    statistics = EpisodeStatistics(WorldConfig(scenario="randomwalls"), RulesConfig())
    statistics.reset(entities())
    assert "hiders_in_room_prep" not in statistics.metrics(snapshot(entities()))


def test_every_metric_says_what_it_means():
    metrics = follow((entities(), 1.0), lock_ramp=True, num_food=1)
    assert set(metrics) == set(STATISTICS)
