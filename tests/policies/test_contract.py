"""What every player promises, networks and scripts alike."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
import torch

from evo_hns.config import EntityConfig, EntityPolicyConfig, SideConfig, SmallPolicyConfig
from evo_hns.policies import POLICIES, SCRIPTED, build_policy
from evo_hns.spec import ObjectColumns, ObservationSpec, Side

SMALL = EntityConfig(embed_size=8, num_heads=2, dense_size=7, num_cells=5, num_filters=2)
ENTITY = {"drawn": SMALL, "plain": SMALL.model_copy(update={"layer_norm": False, "greedy": True})}
FORMS = {name: SideConfig.model_validate({"policy": {"network": name}}).policy for name in POLICIES if name != "entity"}
FORMS |= {f"{name}+gru": form.model_copy(update={"gru_size": 5}) for name, form in FORMS.items()}
FORMS["mlp, all options"] = SmallPolicyConfig(
    **{"leaky_size": 4, "noise": "step", "noise_size": 2, "frame": "nearest", "hold": 2},
    **{"grab_latch": 0.2, "lock_latch": 0.2, "grabbing_turn": 0.5},
)
SENSES = {"openings": 2, "doors": 2, "last_seen": 1, "nearest": 1}
FORMS["attention, all senses"] = SmallPolicyConfig(network="attention", gru_size=3, **SENSES)
FORMS |= {f"entity, {name}": EntityPolicyConfig(entity=entity) for name, entity in ENTITY.items()}
PLAYERS = {name: functools.partial(build_policy, form) for name, form in FORMS.items()} | SCRIPTED
SIZED = ObjectColumns(has_size=True)
GAMES = {
    "quadrant": ObservationSpec(2, 2, 2, 1, 30),
    "no boxes": ObservationSpec(3, 1, 0, 1, 30),
    "nothing": ObservationSpec(1, 1, 0, 0, 30),
    "more seekers": ObservationSpec(1, 3, 3, 2, 30),
    "full": ObservationSpec(2, 2, 9, 2, 30, SIZED, SIZED, has_room=False),
    "food": ObservationSpec(2, 1, 2, 2, 30, num_food=4),
    "ranges": ObservationSpec(3, 3, 4, 2, 30, SIZED, SIZED, num_food=2, has_room=False),
    "sites": ObservationSpec(1, 0, 3, 0, 30, num_sites=2, has_room=False),
    "tipping": ObservationSpec(1, 1, 3, 2, 30, ObjectColumns(num_angles=3, has_index=True)),
    "radians": ObservationSpec(1, 1, 3, 2, 30, ObjectColumns(polar=False), ObjectColumns(3, polar=False)),
    "alone": ObservationSpec(1, 0, 2, 1, 30, has_room=False),
    "no lidar": ObservationSpec(1, 1, 2, 1, 0),
}
ABSENT = {"ranges": 0.4}

DAILY = {"ranges", "tipping", "radians", "alone"}
"""Games in which there is everything that a player may be told, and nobody to be told of."""

READERS = {"sitter", "builder", "ramp-fetcher", "climber", "placer"}
"""Scripts that may read what is out of sight."""
NUMBERED = READERS | {"reactive-builder", "attention, all senses"}
"""Players that remember objects by their number; scripts of two that are equally good take the first."""

any_player = pytest.mark.parametrize("name", PLAYERS)
honest = pytest.mark.parametrize("name", [name for name in PLAYERS if name not in READERS])
unnumbered = pytest.mark.parametrize("name", [name for name in PLAYERS if name not in NUMBERED])
any_game = pytest.mark.parametrize("game", GAMES)
some_games = pytest.mark.parametrize(
    "game", [game if game in DAILY else pytest.param(game, marks=pytest.mark.release) for game in GAMES]
)


@pytest.fixture
def look(game, random_observation):
    """Random observations of the game."""
    return functools.partial(random_observation, GAMES[game], absent=ABSENT.get(game, 0.0))


def genomes(policy, num_worlds):
    return torch.randn(num_worlds, 1, policy.num_params, generator=torch.Generator().manual_seed(0))


def play(policy, params, observations, seeds, rows=None):
    """Actions of a few steps, and the last memory."""
    team = policy.bind(params, observations[0].observation_self.shape[1], rows)
    state = team.initial_state(seeds)
    actions = []
    for observation in observations:
        action, state = team.act(observation, state)
        actions.append(torch.cat([action.movement, action.pull[..., None], action.glueall[..., None]], -1))
    return torch.stack(actions), state


@any_player
@any_game
@pytest.mark.parametrize("side", list(Side))
def test_it_plays_either_side_of_any_game(name, game, side, look):
    spec = GAMES[game]
    policy, seeds = PLAYERS[name](spec), torch.arange(4)
    views = [look(4, seed=k).of(spec.team(side)) for k in range(3)]
    actions, state = play(policy, genomes(policy, 4), views, seeds)
    assert actions.shape == (3, 4, spec.team_size(side), 5)
    assert (actions >= 0).all()
    assert (actions[..., :3] <= 10).all()
    assert (actions[..., 3:] <= 1).all()
    assert state.isfinite().all()
    action, _ = policy.bind(genomes(policy, 4), spec.team_size(side)).act(views[0], state)
    assert (action.movement.dtype, action.pull.dtype, action.glueall.dtype) == (torch.int64, torch.bool, torch.bool)


@any_player
@some_games
def test_a_match_gets_the_same_bits_in_any_slot_and_any_batch(name, game, look, rows_of):
    policy, seeds = PLAYERS[name](GAMES[game]), torch.arange(7) + 100
    views = [look(7, seed=k) for k in range(4)]
    params = genomes(policy, 7)
    actions, state = play(policy, params, views, seeds)
    for rows in ([5], [6, 0, 2]):
        part, part_state = play(policy, params[rows], [rows_of(view, rows) for view in views], seeds[rows])
        assert torch.equal(part, actions[:, rows])
        assert torch.equal(part_state, state[rows])


@honest
@some_games
def test_what_is_hidden_has_no_influence(name, game, look):
    policy, seeds = PLAYERS[name](GAMES[game]), torch.arange(6)
    params = genomes(policy, 6)
    views = [look(6, seed=k, visible=0.4) for k in range(3)]
    lies = [
        replace(
            view,
            observation_self=torch.where(view.agent_mask[..., None], view.observation_self, torch.nan),
            lidar=torch.where(view.agent_mask[..., None, None], view.lidar, torch.nan),
            agent_qpos_qvel=torch.where(view.mask_aa_obs[..., None], view.agent_qpos_qvel, torch.nan),
            box_obs=torch.where(view.mask_ab_obs[..., None], view.box_obs, torch.nan),
            ramp_obs=torch.where(view.mask_ar_obs[..., None], view.ramp_obs, -77.0),
            food_obs=torch.where(view.mask_af_obs[..., None], view.food_obs, torch.nan),
            mask_aa_obs_spoof=~view.mask_aa_obs_spoof,
            mask_ab_obs_spoof=~view.mask_ab_obs_spoof,
            mask_ar_obs_spoof=~view.mask_ar_obs_spoof,
            mask_af_obs_spoof=~view.mask_af_obs_spoof,
        )
        for view in views
    ]
    actions, state = play(policy, params, views, seeds)
    lied, lied_state = play(policy, params, lies, seeds)
    assert torch.equal(actions, lied)
    assert torch.equal(state, lied_state)


@any_player
@some_games
def test_who_does_not_exist_does_nothing_and_remembers_what_it_did(name, game, look):
    policy, seeds = PLAYERS[name](GAMES[game]), torch.arange(20)
    views = [look(20, seed=5) for _ in range(2)]
    params, rows = genomes(policy, 3), seeds % 3
    actions, state = play(policy, params, views, seeds, rows)
    absent = ~views[0].agent_mask
    assert absent.any() == (game in ABSENT)
    assert (actions[:, absent] == torch.tensor([5, 5, 5, 0, 0])).all()
    assert torch.equal(state[absent], policy.bind(params, absent.shape[1], rows).initial_state(seeds)[absent])


@unnumbered
@some_games
def test_the_order_of_the_entities_does_not_matter(name, game, look):
    policy, seeds = PLAYERS[name](GAMES[game]), torch.arange(30)
    params, rows = genomes(policy, 3), seeds % 3
    view = look(30, visible=0.8)
    order = torch.arange(view.box_obs.shape[2]).roll(1)
    shuffled = replace(
        view,
        agent_qpos_qvel=view.agent_qpos_qvel.flip(2),
        mask_aa_obs=view.mask_aa_obs.flip(2),
        box_obs=view.box_obs[:, :, order],
        mask_ab_obs=view.mask_ab_obs[:, :, order],
        ramp_obs=view.ramp_obs.flip(2),
        mask_ar_obs=view.mask_ar_obs.flip(2),
        food_obs=view.food_obs.flip(2),
        mask_af_obs=view.mask_af_obs.flip(2),
    )
    actions, state = play(policy, params, [view], seeds, rows)
    other, other_state = play(policy, params, [shuffled], seeds, rows)
    assert (actions - other).abs().max() <= 1  # a bin's border may lie between two roundings
    assert (actions != other).float().mean() < 0.01
    torch.testing.assert_close(state, other_state, rtol=1e-4, atol=1e-4)  # float32 sums in another order


@any_player
@some_games
def test_what_it_is_given_is_left_as_it_was(name, game, look):
    policy, view = PLAYERS[name](GAMES[game]), look(3)
    params = genomes(policy, 3)
    team = policy.bind(params, view.agent_mask.shape[1])
    state = team.initial_state(torch.arange(3))
    before = [params.clone(), state.clone(), *(value.clone() for value in vars(view).values())]
    team.act(view, state)
    assert all(torch.equal(a, b) for a, b in zip(before, [params, state, *vars(view).values()], strict=True))


@any_player
@some_games
def test_a_genome_plays_the_worlds_that_its_row_is_given(name, game, look):
    policy, view = PLAYERS[name](GAMES[game]), look(5)
    pool, rows, num_agents = genomes(policy, 3), torch.tensor([2, 0, 0, 2, 1]), view.agent_mask.shape[1]
    team, copies = policy.bind(pool, num_agents, rows), policy.bind(pool[rows], num_agents)
    state = team.initial_state(torch.arange(5))
    (action, after), (expected, expected_after) = team.act(view, state), copies.act(view, state)
    assert all(torch.equal(a, b) for a, b in zip(vars(action).values(), vars(expected).values(), strict=True))
    assert torch.equal(after, expected_after)
