"""Minibatches: whole episodes, each step once, in the order in which they were played."""

from __future__ import annotations

import numpy as np
import torch

from evo_hns.training.ppo.learner import Learner
from tests.training.ppo.learners import play_rollouts


def test_a_minibatch_gives_the_chances_and_values_of_its_rollout_again(learner: Learner) -> None:
    play_rollouts(learner, 1)  # with the statistics that the fixture's rollouts left, and a blank memory
    ppo = learner.ppo
    statistics = {name: tensor.clone() for name, tensor in ppo.policy.named_buffers()}
    learner.worlds.schedule(np.arange(learner.worlds.num_worlds)[None])
    ppo.begin()
    assert ppo.env is not None
    _, callback = ppo._setup_learn(1, reset_num_timesteps=False)
    ppo.collect_rollouts(ppo.env, callback, ppo.rollout_buffer, ppo.n_steps)
    assert all(torch.equal(tensor, statistics[name]) for name, tensor in ppo.policy.named_buffers())
    num_steps = 0
    for batch in ppo.rollout_buffer.get(ppo.batch_size):
        values, log_prob, _ = ppo.policy.evaluate_actions(
            batch.observations, batch.actions, batch.lstm_states, batch.episode_starts
        )
        torch.testing.assert_close(log_prob, batch.old_log_prob, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(values.flatten(), batch.old_values, atol=1e-5, rtol=1e-5)
        num_steps += len(batch.actions)
    assert num_steps == learner.worlds.horizon * learner.worlds.counted.sum()


def test_every_counted_step_is_in_one_minibatch_and_worlds_stay_together(learner: Learner) -> None:
    ppo, num_agents = learner.ppo, learner.worlds.spec.num_agents
    buffer = ppo.rollout_buffer
    buffer.returns[:] = np.arange(buffer.returns.size).reshape(buffer.returns.shape)  # (T, N), each step its number
    seen, worlds_seen = [], []
    for batch in buffer.get(ppo.batch_size):
        numbers = batch.returns.numpy().astype(int)
        seen += numbers.tolist()
        worlds_seen.append({number % buffer.n_envs // num_agents for number in numbers})
    counted = np.flatnonzero(np.tile(learner.worlds.counted, buffer.buffer_size))
    assert sorted(seen) == counted.tolist()
    assert len(worlds_seen) == learner.settings.minibatches
    assert not set.intersection(*worlds_seen)
    assert not learner.worlds.counted.all()


def test_episodes_are_handed_out_from_their_start_to_their_end(learner: Learner) -> None:
    buffer = learner.ppo.rollout_buffer
    buffer.returns[:] = np.arange(buffer.buffer_size)[:, None]
    for batch in buffer.get(None):
        steps = batch.returns.reshape(-1, buffer.buffer_size)
        assert (steps == torch.arange(buffer.buffer_size)).all()
