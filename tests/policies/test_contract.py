"""What every player promises, networks and scripts alike."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
import torch

from evo_hns.config import PolicyConfig
from evo_hns.policies import POLICIES, SCRIPTED, build_policy
from evo_hns.spec import Side

FORMS = {name: PolicyConfig(network=name) for name in POLICIES}
FORMS |= {f"{name}+gru": PolicyConfig(network=name, gru_size=5) for name in POLICIES}
PLAYERS = {name: functools.partial(build_policy, form) for name, form in FORMS.items()} | SCRIPTED
GAMES = [(1, 1, 2, 1), (2, 2, 2, 1), (1, 3, 3, 2), (3, 1, 0, 1), (2, 2, 2, 0), (1, 1, 0, 0)]

pytestmark = pytest.mark.parametrize("name", PLAYERS)


def genomes(policy, num_worlds):
    return torch.randn(num_worlds, 1, policy.num_params, generator=torch.Generator().manual_seed(0))


def play(policy, params, observations, seeds):
    """Actions of a few steps, and the last memory."""
    state = policy.initial_state(seeds, observations[0].observation_self.shape[1])
    actions = []
    for observation in observations:
        action, state = policy.act(params, observation, state)
        actions.append(torch.cat([action.movement, action.pull[..., None], action.glueall[..., None]], -1))
    return torch.stack(actions), state


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("side", list(Side))
def test_it_plays_either_side_of_any_game(name, game, side, make_spec, random_observation):
    spec = make_spec(*game)
    policy, seeds = PLAYERS[name](spec), torch.arange(4)
    views = [random_observation(spec, 4, seed=k).of(spec.team(side)) for k in range(3)]
    actions, state = play(policy, genomes(policy, 4), views, seeds)
    assert actions.shape == (3, 4, spec.team_size(side), 5)
    assert actions.min() >= 0
    assert actions[..., :3].max() <= 10
    assert state.isfinite().all()
    action, _ = policy.act(genomes(policy, 4), views[0], state)
    assert (action.movement.dtype, action.pull.dtype, action.glueall.dtype) == (torch.int64, torch.bool, torch.bool)


def test_a_match_gets_the_same_bits_in_any_slot_and_any_batch(name, make_spec, random_observation, rows_of):
    spec = make_spec()
    policy, seeds = PLAYERS[name](spec), torch.arange(7) + 100
    views = [random_observation(spec, 7, seed=k) for k in range(4)]
    params = genomes(policy, 7)
    actions, state = play(policy, params, views, seeds)
    for rows in ([5], [6, 0, 2]):
        part, part_state = play(policy, params[rows], [rows_of(view, rows) for view in views], seeds[rows])
        assert torch.equal(part, actions[:, rows])
        assert torch.equal(part_state, state[rows])


def test_what_is_hidden_has_no_influence(name, make_spec, random_observation):
    spec = make_spec(2, 2, 3, 2)
    policy, seeds = PLAYERS[name](spec), torch.arange(6)
    params = genomes(policy, 6)
    views = [random_observation(spec, 6, seed=k, visible=0.4) for k in range(3)]
    lies = [
        replace(
            view,
            agent_qpos_qvel=torch.where(view.mask_aa_obs[..., None], view.agent_qpos_qvel, torch.nan),
            box_obs=torch.where(view.mask_ab_obs[..., None], view.box_obs, torch.nan),
            ramp_obs=torch.where(view.mask_ar_obs[..., None], view.ramp_obs, -77.0),
            mask_ab_obs_spoof=~view.mask_ab_obs_spoof,
        )
        for view in views
    ]
    actions, state = play(policy, params, views, seeds)
    lied, lied_state = play(policy, params, lies, seeds)
    assert torch.equal(actions, lied)
    assert torch.equal(state, lied_state)


def test_the_order_of_the_entities_does_not_matter(name, make_spec, random_observation):
    spec = make_spec(2, 3, 3, 2)
    policy, seeds = PLAYERS[name](spec), torch.arange(30)
    params = genomes(policy, 30)
    view = random_observation(spec, 30, visible=0.8)
    shuffled = replace(
        view,
        agent_qpos_qvel=view.agent_qpos_qvel.flip(2),
        mask_aa_obs=view.mask_aa_obs.flip(2),
        box_obs=view.box_obs[:, :, [1, 2, 0]],
        mask_ab_obs=view.mask_ab_obs[:, :, [1, 2, 0]],
        ramp_obs=view.ramp_obs.flip(2),
        mask_ar_obs=view.mask_ar_obs.flip(2),
    )
    actions, state = play(policy, params, [view], seeds)
    other, other_state = play(policy, params, [shuffled], seeds)
    assert (actions - other).abs().max() <= 1  # a bin's border may lie between two roundings
    assert (actions != other).float().mean() < 0.01
    torch.testing.assert_close(state, other_state, rtol=1e-4, atol=1e-5)


def test_what_it_is_given_is_left_as_it_was(name, make_spec, random_observation):
    spec = make_spec()
    policy, view = PLAYERS[name](spec), random_observation(spec, 3)
    params, state = genomes(policy, 3), policy.initial_state(torch.arange(3), 4)
    before = [params.clone(), state.clone(), *(value.clone() for value in vars(view).values())]
    policy.act(params, view, state)
    assert all(torch.equal(a, b) for a, b in zip(before, [params, state, *vars(view).values()], strict=True))
