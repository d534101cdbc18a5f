"""Where the parts of an agent's row stand, and what it draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evo_hns.config import SmallPolicyConfig
from evo_hns.policies import build_policy
from evo_hns.policies.actions import draw, start_streams
from evo_hns.policies.agent_state import lay_out

PARTS = {"redraw": True, "hold": True, "grab": True, "lock": True}


def team_of(spec, num_worlds, **options):
    policy = build_policy(SmallPolicyConfig(hidden_size=4, **options), spec)
    genome = torch.randn(1, 1, policy.num_params, generator=torch.Generator().manual_seed(0))
    return policy.bind(genome, spec.num_agents, torch.zeros(num_worlds, dtype=torch.int64))


def drawn(seeds, num_agents, count):
    """`(W, A, count)` what agents draw, one number after the other."""
    streams, numbers = np.zeros((len(seeds), num_agents, 1)), np.empty((len(seeds), num_agents, count))
    start_streams(np.asarray(seeds), streams)
    for w, a, j in np.ndindex(numbers.shape):
        numbers[w, a, j] = 2 * draw(streams[w, a]) - 1
    return numbers.astype(np.float32)


def test_the_parts_of_a_row_follow_each_other_and_what_is_not_needed_has_no_columns():
    whole = lay_out(3, 2, **PARTS)
    assert (whole.noise, whole.stream, whole.wait, whole.decision) == (3, 5, 7, 8)
    assert (whole.grab, whole.lock, whole.width) == (13, 14, 15)
    widths = {part: lay_out(3, 2, **{**PARTS, part: False}).width for part in PARTS}
    assert widths == {"redraw": 13, "hold": 9, "grab": 14, "lock": 14}
    assert lay_out(3, 2, **{**PARTS, "grab": False}).lock == 13
    assert lay_out(3, 0, **dict.fromkeys(PARTS, False)).width == 3


@pytest.mark.parametrize("options", [{}, {"gru_size": 3}, {"leaky_size": 3}, {"hold": 4, "lock_latch": 0.1}])
def test_memory_is_blank_at_the_start(options, make_spec):
    team = team_of(make_spec(), 2, **options)
    state = team.initial_state(torch.arange(2))
    assert state.shape == (2, 4, team.policy.layout.width)
    assert not state.any()


def test_random_inputs_of_an_episode_are_drawn_at_its_start_and_stay(make_spec, random_observation):
    team, seeds = team_of(make_spec(), 3, noise="episode", noise_size=2), torch.tensor([5, 6, 7])
    state = team.initial_state(seeds)
    np.testing.assert_array_equal(state, drawn(seeds.numpy(), 4, 2))
    assert len(np.unique(state)) == state.numel()
    assert torch.equal(team.act(random_observation(make_spec(), 3), state)[1], state)


def test_random_inputs_of_a_step_are_drawn_at_every_decision_from_the_seed_of_the_match(make_spec, random_observation):
    team, view = team_of(make_spec(), 3, noise="step", noise_size=2, hold=2), random_observation(make_spec(), 3)
    seeds, shown = torch.tensor([5, 6, 7]), []
    state = team.initial_state(seeds)
    for _ in range(6):
        state = team.act(view, state)[1]
        shown.append(state[..., :2].numpy())
    expected = drawn(seeds.numpy(), 4, 6).reshape(3, 4, 3, 2)
    for step, noise in enumerate(shown):
        np.testing.assert_array_equal(noise, expected[:, :, step // 2])  # held for two steps
    assert team.policy.layout.stream == 2
    assert ((state[..., 2:4] >= 0) & (state[..., 2:4] < 2**16)).all()
