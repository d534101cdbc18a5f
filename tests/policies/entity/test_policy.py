"""Entity networks as players: the same bits wherever a match is played, and actions as likely as they should be."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from evo_hns.config import EntityConfig
from evo_hns.policies.entity import EntityForm, EntityNetwork, EntityPolicy, genome_of
from evo_hns.policies.entity.choice import choose
from evo_hns.policies.entity.form import NUM_LOGITS
from evo_hns.policies.entity.policy import BLOCK
from evo_hns.spec import Action, ObjectColumns, Observation, ObservationSpec
from tests.policies.conftest import random_observation, rows_of

SIZED = ObjectColumns(has_size=True)
GAMES = {
    "quadrant": ObservationSpec(2, 2, 2, 1, 30),
    "full": ObservationSpec(2, 2, 9, 2, 30, SIZED, SIZED, has_room=False),
}
SIZES = {
    "OpenAI's": EntityConfig(),
    "without norms": EntityConfig(layer_norm=False),
    "odd": EntityConfig(embed_size=12, num_heads=3, dense_size=7, num_cells=5, num_filters=2),
}
WORLDS = 21  # of four agents: two whole blocks and a part


def genomes(form: EntityForm, count: int) -> Tensor:
    torch.manual_seed(1)
    first = genome_of(EntityNetwork(form))
    return first + 0.05 * torch.randn(count, len(first))


def act(policy: EntityPolicy, params: Tensor, view: Observation, state: Tensor) -> Tensor:
    """Everything that comes of a step, in one tensor `(W, ...)`."""
    action, state = policy.bind(params, view.agent_mask.shape[1]).act(view, state)
    done = [action.movement, action.pull[..., None], action.glueall[..., None]]
    return torch.cat([*(part.double() for part in done), state], -1)


def blank(policy: EntityPolicy, num_worlds: int, num_agents: int = 4) -> Tensor:
    """Memory at the start of an episode."""
    team = policy.bind(genomes(policy.form, 1)[:, None], num_agents, torch.zeros(num_worlds, dtype=torch.int64))
    return team.initial_state(torch.arange(num_worlds))


@pytest.fixture(params=[(game, sizes) for game in GAMES for sizes in SIZES], ids=lambda p: f"{p[0]}, {p[1]}")
def played(request: pytest.FixtureRequest) -> tuple[EntityPolicy, Observation, Tensor]:
    """A policy, what is seen in some worlds, and memories of an episode in progress."""
    game, sizes = request.param
    spec = GAMES[game]
    policy = EntityPolicy(EntityForm.of(SIZES[sizes], spec), greedy=False)
    state = blank(policy, WORLDS)
    state[..., 1:] = torch.rand(state[..., 1:].shape, generator=torch.Generator().manual_seed(2)).float() - 0.5
    return policy, random_observation(spec, WORLDS), state


def test_bits_depend_neither_on_place_nor_neighbours_nor_number(
    played: tuple[EntityPolicy, Observation, Tensor],
) -> None:
    policy, view, state = played
    [genome] = genomes(policy.form, 1)
    whole = act(policy, genome.expand(WORLDS, 1, -1), view, state)
    assert WORLDS * 4 > 2 * BLOCK
    order = torch.randperm(WORLDS, generator=torch.Generator().manual_seed(3)).tolist()
    for rows in ([7], [20], order[:2], order[5:14], order, [3] * 40):
        params = genome.expand(len(rows), 1, -1)
        assert act(policy, params, rows_of(view, rows), state[rows]).equal(whole[rows])
        assert act(policy, params.contiguous(), rows_of(view, rows), state[rows]).equal(whole[rows])


def test_a_genome_plays_alike_beside_others_and_for_one_member_alone() -> None:
    spec = GAMES["quadrant"]
    policy = EntityPolicy(EntityForm.of(SIZES["odd"], spec), greedy=False)
    state, view = blank(policy, 6), random_observation(spec, 6)
    pool = genomes(policy.form, 3)
    alone = [act(policy, genome.expand(6, 1, -1), view, state) for genome in pool]
    mixed = act(policy, pool[[0, 1, 2, 1, 0, 2]][:, None], view, state)
    for world, genome in enumerate([0, 1, 2, 1, 0, 2]):
        assert mixed[world].equal(alone[genome][world])
    members = act(policy, pool[[2, 0, 1, 2]].expand(6, -1, -1), view, state)
    for member, genome in enumerate([2, 0, 1, 2]):
        assert members[:, member].equal(alone[genome][:, member])


def test_threads_may_share_a_policy() -> None:
    spec = GAMES["quadrant"]
    policy = EntityPolicy(EntityForm.of(SIZES["odd"], spec), greedy=False)
    state, view = blank(policy, 4), random_observation(spec, 4)
    pool = genomes(policy.form, 8)
    alone = [act(policy, genome.expand(4, 1, -1), view, state) for genome in pool]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda genome: act(policy, genome.expand(4, 1, -1), view, state), pool.repeat(5, 1)))
    assert all(result.equal(alone[k % 8]) for k, result in enumerate(found))


def test_a_network_is_made_once_for_all_who_play_with_equal_genomes() -> None:
    policy = EntityPolicy(EntityForm.of(SIZES["odd"], GAMES["quadrant"]), greedy=False)
    pool = genomes(policy.form, 2)[[0, 1, 0]][:, None]
    assert [group.rows.tolist() for group in policy.bind(pool, 2).groups] == [[0, 1, 4, 5], [2, 3]]
    two = policy.bind(pool, 2, torch.tensor([1, 1, 2, 1]))
    assert [group.rows.tolist() for group in two.groups] == [[0, 1, 2, 3, 6, 7], [4, 5]]


def drawn(logits: Tensor, count: int, *, greedy: bool = False) -> Action:
    """What many agents of one world do when all have these logits."""
    policy = EntityPolicy(EntityForm.of(SIZES["odd"], GAMES["quadrant"]), greedy=greedy)
    memory = policy.bind(genomes(policy.form, 1)[:, None], count).initial_state(torch.tensor([5]))
    return choose(
        torch.ones(1, count, dtype=torch.bool), logits.expand(1, count, -1).contiguous(), memory, greedy=greedy
    )


def test_actions_are_drawn_as_likely_as_the_logits_say() -> None:
    logits, count = torch.randn(NUM_LOGITS, generator=torch.Generator().manual_seed(4)), 40_000
    action = drawn(logits, count)
    for axis in range(3):
        expected = logits[11 * axis : 11 * axis + 11].softmax(0)
        found = torch.bincount(action.movement[0, :, axis], minlength=11) / count
        assert (found - expected).abs().max() < 5 * math.sqrt(0.25 / count)
    for part, at in ((action.pull, 33), (action.glueall, 35)):
        assert abs(float(part.double().mean() - logits[at : at + 2].softmax(0)[1])) < 5 * math.sqrt(0.25 / count)


def test_axes_are_drawn_independently() -> None:
    action = drawn(torch.zeros(NUM_LOGITS), 40_000)
    columns = torch.cat([action.movement[0], action.pull[0, :, None], action.glueall[0, :, None]], 1).double()
    assert (torch.corrcoef(columns.T) - torch.eye(5)).abs().max() < 0.025


def test_greedy_takes_the_likeliest_and_draws_nothing() -> None:
    logits = torch.randn(NUM_LOGITS, generator=torch.Generator().manual_seed(4))
    action = drawn(logits, 3, greedy=True)
    assert action.movement[0].tolist() == [[int(part.argmax()) for part in logits[:33].chunk(3)]] * 3
    assert action.pull[0].tolist() == [bool(logits[34] > logits[33])] * 3
    assert action.glueall[0].tolist() == [bool(logits[36] > logits[35])] * 3


def test_matches_with_other_seeds_and_agents_of_one_match_draw_other_actions() -> None:
    spec = GAMES["quadrant"]
    policy = EntityPolicy(EntityForm.of(SIZES["odd"], spec), greedy=False)
    [genome] = genomes(policy.form, 1)
    same = {
        name: value[:1, :1].expand(30, 4, *value.shape[2:]) for name, value in vars(random_observation(spec, 1)).items()
    }
    view = replace(
        random_observation(spec, 30), **{name: same[name].contiguous() for name in same if name != "door_obs"}
    )
    action, _ = policy.bind(genome.expand(30, 1, -1), 4).act(view, blank(policy, 30))
    rows = {tuple(row) for row in action.movement.flatten(0, 1).tolist()}
    assert len(rows) > 60
