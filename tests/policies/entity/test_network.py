"""The network beside a slow one, its genome, and the statistics it keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from evo_hns.config import EntityConfig
from evo_hns.policies.entity import EntityEncoder, EntityForm, EntityNetwork, genome_of, load_genome, sight_of
from evo_hns.policies.entity.genome import genome_size, network_of
from evo_hns.policies.entity.statistics import BETA, RunningStatistics
from evo_hns.policies.published import read_policy
from evo_hns.spec import ObjectColumns, ObservationSpec
from tests.policies.conftest import random_observation
from tests.policies.entity.oracle import KINDS, Oracle
from tests.published import Sizes, random_policy, variables, write

SIZED = ObjectColumns(has_size=True)
GAMES = {
    "quadrant": (ObservationSpec(2, 2, 2, 1, 5), {"agent_qpos_qvel": 10, "box_obs": 12, "ramp_obs": 9}),
    "food": (
        ObservationSpec(2, 1, 3, 2, 4, SIZED, SIZED, num_food=2, has_room=False),
        {"agent_qpos_qvel": 10, "box_obs": 15, "ramp_obs": 15, "food_obs": 4},
    ),
    "alone": (ObservationSpec(1, 0, 2, 0, 3, has_room=False), {"box_obs": 12}),
    "no lidar": (ObservationSpec(1, 1, 0, 1, 0), {"agent_qpos_qvel": 10, "ramp_obs": 9}),
}
SMALL = EntityConfig(embed_size=8, num_heads=2, dense_size=7, num_cells=5, num_filters=2)


@pytest.fixture(autouse=True)
def same_weights() -> None:
    """Draw the same networks every time: in one of ten, everything that a small layer reads may be cut off."""
    torch.manual_seed(0)


@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("game", GAMES)
def test_it_computes_what_plain_loops_do(game: str, layer_norm: bool, tmp_path: Path) -> None:
    spec, widths = GAMES[game]
    sizes = Sizes(rays=spec.num_lidar_rays, filters=3, embed=8, dense=6, cells=4)
    arrays = random_policy(5, variables(layer_norm, widths, sizes))
    policy = read_policy(write(tmp_path / "policy.npz", arrays))
    policy.check_game(spec)
    view = random_observation(spec, 3)
    names = [*policy.form.input_widths, *(name for masks in KINDS.values() for name in masks)]
    told = {name: getattr(view, name).flatten(0, 1) for name in names}
    memory = torch.rand(2, len(told["observation_self"]), 4, generator=torch.Generator().manual_seed(0)) - 0.5
    logits, (c, h) = policy.network(told, (memory[0], memory[1]))
    values, (critic_c, _) = policy.critic(told, (memory[0], memory[1]))
    for row in range(len(logits)):
        told_row = {name: tensor[row].numpy() for name, tensor in told.items()}
        if "lidar" not in told_row:
            told_row["lidar"] = np.empty((0, 1))
        before = memory[:, row].tolist()
        actor, critic = (Oracle(arrays, tower, layer_norm) for tower in ("policy_net", "vpred_net"))
        last, slow_c, slow_h = actor.step(told_row, *before, omniscient=False)
        heads = [actor.dense(f"policy_out/action_{name}/dense", last) for name in ("movement", "pull", "glueall")]
        close(logits[row], [logit for head in heads for logit in head])
        close(c[row], slow_c)
        close(h[row], slow_h)
        last, slow_c, _ = critic.step(told_row, *before, omniscient=True)
        close(values[row], critic.value(last))
        close(critic_c[row], slow_c)


def close(ours: torch.Tensor, slow: object) -> None:
    torch.testing.assert_close(ours, torch.tensor(slow, dtype=torch.float32), rtol=1e-5, atol=1e-5)


def test_a_genome_is_all_of_a_network(tmp_path: Path) -> None:
    form = EntityForm.of(SMALL, GAMES["food"][0])
    one, other = EntityNetwork(form), EntityNetwork(form)
    one.encoder.update_statistics(whole_sight(form, 4))
    genome = genome_of(one)
    assert genome.shape == (genome_size(form),)
    load_genome(other, genome)
    assert genome_of(other).equal(genome) and genome_of(network_of(form, genome)).equal(genome)
    assert all(values.equal(other.state_dict()[name]) for name, values in one.state_dict().items())
    with pytest.raises(ValueError, match=r"got a genome of shape \(7,\), expected"):
        load_genome(other, torch.zeros(7))


def test_a_network_to_play_with_draws_no_random_number() -> None:
    form = EntityForm.of(SMALL, GAMES["quadrant"][0])
    genome = torch.zeros(genome_size(form))
    before = torch.get_rng_state()
    network_of(form, genome)
    assert torch.get_rng_state().equal(before)


def whole_sight(form: EntityForm, seed: int) -> dict[str, torch.Tensor]:
    view = random_observation(GAMES["food"][0], 6, seed)
    return dict(sight_of(view, form))


def test_statistics_are_averages_in_which_the_past_fades() -> None:
    statistics, rng = RunningStatistics((3,)), np.random.default_rng(0)
    mean, square, weight = np.zeros(3), np.zeros(3), 0.0
    for _ in range(4):
        batch = rng.normal(2.0, 3.0, (5, 2, 3))
        statistics.update(torch.from_numpy(batch))
        mean = BETA * mean + (1 - BETA) * batch.mean((0, 1))
        square = BETA * square + (1 - BETA) * (batch**2).mean((0, 1))
        weight = BETA * weight + (1 - BETA)
    found_mean, found_deviation = statistics.moments()
    np.testing.assert_allclose(found_mean, mean / weight, rtol=1e-4)
    np.testing.assert_allclose(found_deviation, np.sqrt(square / weight - (mean / weight) ** 2), rtol=1e-3)


def test_before_anything_was_seen_numbers_are_cut_off_at_half() -> None:
    fresh = RunningStatistics((2,))
    assert fresh.normalise(torch.tensor([[0.2, -9.0]])).tolist() == [[2.0, -5.0]]
    assert float(RunningStatistics(()).denormalise(torch.tensor(2.0))) == pytest.approx(0.2)


def test_every_field_is_taken_into_its_statistics() -> None:
    form = EntityForm.of(SMALL, GAMES["food"][0])
    encoder, sight = EntityEncoder(form), whole_sight(form, 1)
    encoder.update_statistics(sight)
    for name, width in form.input_widths.items():
        statistics = encoder.statistics[name]
        assert statistics.mean.shape == (width,)
        expected = sight[name].reshape(-1, width).mean(0) * (1 - BETA)
        torch.testing.assert_close(statistics.mean, expected.float())


def test_a_critic_knows_what_the_agent_does_not_see() -> None:
    form = EntityForm.of(SMALL, GAMES["food"][0])
    encoder = EntityNetwork(form).encoder
    view = random_observation(GAMES["food"][0], 5, visible=0.0)
    everything = {name: value.flatten(0, 1) for name, value in vars(view).items() if name != "door_obs"}
    moved = everything | {"box_obs": everything["box_obs"] + 0.1}
    assert encoder(moved).equal(encoder(everything))
    assert (encoder(moved, omniscient=True) != encoder(everything, omniscient=True)).any(1).all()
