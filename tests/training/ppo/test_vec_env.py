"""Agents as environments: what each is told, does and earns is what the game says of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.session import build_game
from evo_hns.spec import Action
from evo_hns.system.shutdown import ShutdownSignal, Stopped
from evo_hns.training.ppo.learner import build_worlds
from evo_hns.training.ppo.vec_env import SelfPlayEnv
from tests.training.ppo.learners import CROWDED, tiny_ppo

NUM_WORLDS = 4
SEEDS = np.arange(2 * NUM_WORLDS).reshape(2, NUM_WORLDS)


def actions_of(worlds: SelfPlayEnv, steps: int) -> np.ndarray:
    """Random ones: `(steps, N, 5)`."""
    rng = np.random.default_rng(0)
    return rng.integers(worlds.action_space.nvec, size=(steps, worlds.num_envs, 5))


def build(config: RunConfig, num_threads: int = 1) -> SelfPlayEnv:
    physics = config.physics.model_copy(update={"num_threads": num_threads})
    worlds = build_worlds(config.model_copy(update={"physics": physics}), NUM_WORLDS)
    worlds.schedule(SEEDS)
    return worlds


def test_an_environment_is_told_and_paid_what_its_agent_is() -> None:
    config = tiny_ppo(**CROWDED)
    worlds, game = build(config), build_game(config, NUM_WORLDS)
    told, num_agents = worlds.reset(), worlds.spec.num_agents
    observation = game.reset(SEEDS[0])
    returns = torch.zeros(NUM_WORLDS, num_agents)
    for actions in actions_of(worlds, worlds.horizon):
        for name, rows in told.items():
            expected = getattr(observation, name).float().numpy()
            for w in range(NUM_WORLDS):
                for a in range(num_agents):
                    assert np.array_equal(rows[w * num_agents + a], expected[w, a]), (name, w, a)
        told, rewards, dones, _ = worlds.step(actions)
        done = torch.from_numpy(actions).reshape(NUM_WORLDS, num_agents, 5)
        step = game.step(Action(done[..., :3], done[..., 3] == 1, done[..., 4] == 1))
        observation = step.observation
        returns += step.reward
        assert np.array_equal(rewards.reshape(NUM_WORLDS, -1), step.reward.float().numpy())
    assert dones.all()
    assert torch.allclose(worlds.last.returns.float(), returns)
    assert worlds.counted.tolist() == observation.agent_mask.flatten().tolist()
    assert not worlds.counted.all()  # or the game is not the one in which agents may be absent


def test_rollouts_follow_each_other_as_they_were_scheduled_and_the_last_one_ends() -> None:
    worlds, again = build(tiny_ppo()), build(tiny_ppo())
    worlds.reset()
    for actions in actions_of(worlds, worlds.horizon):
        told, _, dones, _ = worlds.step(actions)
    again.schedule(SEEDS[1:])
    first = again.reset()
    assert dones.all()
    assert all(np.array_equal(told[name], first[name]) for name in first)
    for actions in actions_of(worlds, worlds.horizon):
        worlds.step(actions)
    with pytest.raises(IndexError):
        worlds.reset()


def test_threads_change_no_number() -> None:
    one, three = build(tiny_ppo(**CROWDED)), build(tiny_ppo(**CROWDED), num_threads=3)
    pairs = [(one.reset(), three.reset())]
    for actions in actions_of(one, one.horizon):
        (told, rewards, *_), (others, their_rewards, *_) = one.step(actions), three.step(actions)
        pairs.append((told, others))
        assert np.array_equal(rewards, their_rewards)
    for told, others in pairs:
        assert all(told[name].tobytes() == others[name].tobytes() for name in told)
    assert torch.equal(one.last.returns, three.last.returns)
    assert all(torch.equal(value, three.last.metrics[name]) for name, value in one.last.metrics.items())


def test_what_failed_or_is_absent_does_not_count() -> None:
    worlds = build(tiny_ppo())
    worlds.reset()
    game = worlds._games[0]
    game.physics.field("qpos")[2, 0] = float("nan")
    for actions in actions_of(worlds, worlds.horizon):
        worlds.step(actions)
    assert worlds.last.failed.tolist() == [False, False, True, False]
    assert worlds.counted.tolist() == [True, True, True, True, False, False, True, True]


def test_a_signal_ends_a_rollout() -> None:
    shutdown = ShutdownSignal()
    worlds = build_worlds(tiny_ppo(), NUM_WORLDS, shutdown)
    worlds.schedule(SEEDS)
    worlds.reset()
    worlds.step(actions_of(worlds, 1)[0])
    shutdown.receive(15)
    with pytest.raises(Stopped):
        worlds.step(actions_of(worlds, 1)[0])
