"""The task's own rules: who must be there, who is frozen, who eats; rewards and food are tested in their files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from evo_hns.config import ConfigError, FoodConfig, RulesConfig, WorldConfig
from evo_hns.envs.hide_and_seek import HideAndSeek, hider_columns
from evo_hns.envs.vision import circulant


@pytest.mark.parametrize("num_seekers", [0, (0, 2)])
def test_a_game_that_may_be_without_seekers_is_refused(num_seekers):
    with pytest.raises(ConfigError, match=r"a game of hiders and seekers, got world\.num_seekers"):
        HideAndSeek(WorldConfig(num_seekers=num_seekers), RulesConfig())


@pytest.mark.parametrize(("horizon", "fraction", "num"), [(81, 0.4, 33), (80, 0.4, 32), (9, 0.0, 1), (2, 0.9, 2)])
def test_settings_and_game_agree_how_long_the_preparation_is(make_game, horizon, fraction, num):
    rules = RulesConfig(horizon=horizon, prep_fraction=fraction)
    env = make_game(1, horizon=horizon, prep_fraction=fraction, restrict_rect=None)
    env.reset(np.arange(1))
    unpaid = 0
    for t in range(1, horizon + 1):
        env.state = replace(env.state, t=t)
        unpaid += bool((env.reward() == 0).all())
    assert unpaid == rules.num_prep_steps == num
    assert rules.return_range == 2 * rules.most_return == 2.0 * (horizon - num)


def test_every_seeker_knows_which_of_the_others_are_hiders():
    for hiders, n in ((1, 2), (2, 4), (3, 5), (5, 6)):
        others = circulant(n)[hiders:]
        assert others.gather(1, hider_columns(hiders, n)).tolist() == [list(range(hiders))] * (n - hiders)


EATING = {"num_food": 1, "num_hiders": 2, "num_seekers": 1, "num_boxes": 0, "num_ramps": 0, "prep_fraction": 0.2}


def bites(env, *, seen: bool, caught: bool, prep: bool) -> list[float]:
    """What the three agents eat in a step after which they stand on the food, having seen this before it."""
    env.reset(np.array([0]))
    food = env._constants.food[0, 0]
    joints = torch.as_tensor(env.scene.agent_qpos)
    for agent in range(3):  # observed corners, not centres, are what is compared
        env.physics.field("qpos")[0, joints[agent, :3]] = food + torch.tensor([0.0, 0.0, 0.2 * agent])
    env.physics.forward()
    state = env.state
    sees = torch.zeros_like(state.sees_agents)
    sees[0, 2, hider_columns(2, 3)[0, 0]] = caught
    env.state = replace(state, t=3 if prep else 20, sees_food=torch.full_like(state.sees_food, seen), sees_agents=sees)
    env.observe()
    return env.state.eaten[0].tolist()


@pytest.mark.parametrize(
    ("rules", "situation", "expected"),
    [
        ({}, {"seen": True, "caught": False, "prep": False}, [1.0, 1.0, 0.0]),
        ({}, {"seen": False, "caught": False, "prep": False}, [0.0, 0.0, 0.0]),
        ({}, {"seen": True, "caught": True, "prep": False}, [0.0, 0.0, 0.0]),
        ({"when_caught": True}, {"seen": True, "caught": True, "prep": False}, [1.0, 1.0, 0.0]),
        ({}, {"seen": True, "caught": False, "prep": True}, [0.0, 0.0, 0.0]),
        ({"in_preparation": True}, {"seen": True, "caught": False, "prep": True}, [1.0, 1.0, 0.0]),
        ({"max_health": 1.0}, {"seen": True, "caught": False, "prep": False}, [0.5, 0.5, 0.0]),
        ({"radius": 0.1}, {"seen": True, "caught": False, "prep": False}, [1.0, 0.0, 0.0]),
    ],
)
def test_hiders_eat_what_they_saw_when_they_may(make_game, rules, situation, expected):
    env = make_game(1, **EATING, food=FoodConfig(**{"max_health": 5.0, "radius": 1.0, **rules}))
    assert bites(env, **situation) == expected


def test_food_is_paid_also_in_the_preparation_and_by_the_rule(make_game):
    for kind, paid in (("selfish", [3.0, 3.0, 0.0]), ("joint_mean", [3.0, 3.0, 0.0])):
        rules = FoodConfig(max_health=5.0, in_preparation=True, reward_type=kind, reward_scale=3.0)
        env = make_game(1, **EATING, food=rules)
        bites(env, seen=True, caught=False, prep=True)
        assert env.reward()[0].tolist() == paid


def test_a_range_of_rewards_is_drawn_for_each_episode(make_game):
    env = make_game(40, **EATING, food=FoodConfig(in_preparation=True, reward_scale=(1.0, 2.0), max_health=9.0))
    env.reset(np.arange(40))
    env.state = replace(env.state, t=3, eaten=torch.ones_like(env.state.eaten))
    scale = env.reward()[:, 0]
    assert ((scale >= 1.0) & (scale <= 2.0)).all()
    assert len(set(scale.tolist())) == 40
    assert torch.equal(scale, env.reward()[:, 1])
