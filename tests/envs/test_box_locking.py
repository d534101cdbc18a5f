"""The box-locking tasks against the rules in plain words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from evo_hns.config import BoxLockingConfig, ConfigError, RulesConfig, WorldConfig
from evo_hns.envs.box_locking import BoxLocking
from evo_hns.envs.entities import Entities, EpisodeConstants
from evo_hns.envs.manipulation import ActionRequest
from evo_hns.envs.state import GameState
from evo_hns.envs.task import Snapshot

BOXES = ((1.0, 0.0), (3.0, 0.0), (0.0, 5.0))


def snapshot(agent: tuple[float, float], locked: list[bool], boxes=BOXES) -> Snapshot:
    """One agent and some boxes, at their observed places."""
    places = torch.tensor([[[*agent, 0.0, 0.0], *[[x, y, 0.0, 0.0] for x, y in boxes]]], dtype=torch.float64)
    count = len(boxes)
    constants = EpisodeConstants(
        seeds=torch.zeros(1, dtype=torch.int64),
        agent_mask=torch.ones(1, 1, dtype=torch.bool),
        object_mask=torch.ones(1, count, dtype=torch.bool),
        half_sizes=torch.full((1, count, 3), 0.25),
        food=torch.zeros(1, 0, 3),
        sites=torch.zeros(1, 0, 5, 3),
        site_mask=torch.zeros(1, 0, dtype=torch.bool),
        doors=torch.zeros(1, 0, 3),
        floor_size=torch.full((1,), 6.0),
    )
    entities = Entities(constants, places, 0 * places, places[..., :3], places[..., :3], *[torch.zeros(1, 0, 2)] * 3)
    return Snapshot(entities, replace(GameState.initial(1, 1, count), locked=torch.tensor([locked])))


def task(goal: str = "all", **rewards: float) -> BoxLocking:
    world = WorldConfig(num_hiders=1, num_seekers=0, num_boxes=3, num_ramps=0)
    return BoxLocking(world, RulesConfig(task="box-locking", box_locking=BoxLockingConfig(goal=goal, **rewards)))


def earn(rules: BoxLocking, *snapshots: Snapshot) -> list[float]:
    rules.reset(snapshots[0])
    return [rules.reward(now).item() for now in snapshots[1:]]


NONE, FIRST, FAR, ALL = [False] * 3, [True, False, False], [False, True, False], [True] * 3


def test_locking_pays_and_unlocking_costs():
    rules = task(shaped_reward_scale=0.0, lock_reward=5.0, unlock_penalty=7.0)
    snapshots = [snapshot((0, 0), locked) for locked in (NONE, FIRST, FIRST, NONE, ALL, ALL)]
    assert earn(rules, *snapshots) == [5.0, 0.0, -7.0, 16.0, 1.0]


def test_the_way_to_the_nearest_box_that_is_not_locked_is_paid():
    rules = task(shaped_reward_scale=2.0, lock_reward=0.0, unlock_penalty=0.0)
    steps = [snapshot((0, 0), NONE), snapshot((0.4, 0), NONE), snapshot((0.4, 0), FIRST), snapshot((0.4, 0), NONE)]
    # 0.4 nearer; the first box is locked: its old distance; it is unlocked again: minus its distance.
    assert earn(rules, *steps) == pytest.approx([2 * 0.4, 2 * 0.6, -2 * 0.6])


def test_a_box_that_merely_became_the_nearest_pays_the_difference():
    rules = task(shaped_reward_scale=1.0)
    assert earn(rules, snapshot((1.9, 0), NONE), snapshot((2.2, 0), NONE)) == pytest.approx([0.9 - 0.8])


def test_in_order_the_first_box_that_is_not_locked_is_the_target():
    rules = task("order", shaped_reward_scale=1.0, lock_reward=0.0)
    assert earn(rules, snapshot((3, 0), FIRST), snapshot((3, 1), FIRST)) == pytest.approx([-1.0])


def test_in_order_only_that_box_may_be_locked_and_any_may_be_unlocked():
    rules, wish = task("order"), torch.ones(1, 1, 3, dtype=torch.bool)
    for locked, may in ((NONE, [True, False, False]), (FIRST, [True, True, False]), (FAR, [True, True, False])):
        state = snapshot((0, 0), locked).state
        _, request = rules.mask_actions(torch.zeros(1, 1, 3), ActionRequest(wish, wish), state)
        assert request.lock[0, 0].tolist() == may
        assert request.grab.all()


def test_when_all_are_locked_the_way_home_is_paid_and_being_there_is_success():
    rules = task("all-return", shaped_reward_scale=1.0, lock_reward=0.0, return_threshold=0.1)
    places = [((0, 0), NONE), ((2, 0), NONE), ((2, 0), ALL), ((0.5, 0), ALL), ((0.05, 0), ALL)]
    earned = earn(rules, *(snapshot(*place) for place in places))
    assert earned[2:] == pytest.approx([1.5, 0.45 + 1.0])


def test_without_a_return_being_done_is_success_wherever_the_agent_is():
    rules = task("all", shaped_reward_scale=1.0, lock_reward=0.0)
    assert earn(rules, snapshot((2, 0), ALL), snapshot((4, 0), ALL)) == [1.0]


@pytest.mark.parametrize("counts", [{"num_seekers": 1}, {"num_boxes": 0}, {"num_hiders": 2}])
def test_a_game_that_is_not_for_one_agent_and_a_box_is_refused(counts):
    world = WorldConfig(**{"num_hiders": 1, "num_seekers": 0, "num_boxes": 1, **counts})
    with pytest.raises(ConfigError, match="a task of one agent and at least one box"):
        BoxLocking(world, RulesConfig(task="box-locking"))


def test_a_network_plays_the_task(make_game):
    from evo_hns.config import SmallPolicyConfig
    from evo_hns.evaluation.session import play
    from evo_hns.policies.roster import PlayerSpec, Roster, scripted_roster
    from evo_hns.spec import Side

    env = make_game(
        3, task="box-locking", scenario="randomwalls", num_hiders=1, num_seekers=0, num_boxes=1, num_ramps=0, horizon=20
    )
    network = PlayerSpec(network=SmallPolicyConfig())
    length = network.genome_length(env.observation_spec, Side.HIDERS)
    genomes = torch.randn(3, length, generator=torch.Generator().manual_seed(0))
    rosters = {Side.HIDERS: Roster(network, genomes), Side.SEEKERS: scripted_roster("still")}
    rows = {Side.HIDERS: torch.arange(3), Side.SEEKERS: torch.zeros(3, dtype=torch.int64)}
    teams = {side: rosters[side].bind(env.observation_spec, side, rows[side]) for side in Side}
    episodes = play(env, teams, np.arange(3))
    assert episodes.returns.shape == (3, 1)
    assert episodes.returns.abs().max() > 0.0
    assert set(episodes.metrics) == {"num_box_lock", "distance_to_start"}
