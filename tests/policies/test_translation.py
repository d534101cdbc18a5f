"""A network of one game does the same in another, as far as both observe the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from evo_hns.config import ConfigError, RunConfig
from evo_hns.evaluation.matches import MatchTable
from evo_hns.evaluation.session import GameSession, build_session
from evo_hns.policies import build_policy
from evo_hns.policies.features import entity_columns, entity_widths
from evo_hns.policies.network import NetworkPolicy
from evo_hns.policies.translation import output_weights, translated
from evo_hns.spec import Side

NETWORKS: dict[str, dict[str, Any]] = {
    "mlp": {"hidden_size": 6},
    "mlp with memory and senses": {"hidden_size": 5, "gru_size": 3, "doors": 1, "last_seen": 1, "nearest": 2},
    "attention": {"network": "attention", "hidden_size": 4},
}
RULES = {"horizon": 20, "prep_fraction": 0.4}


def session_of(network: str, **rules: Any) -> GameSession:
    settings = {
        "world": {"num_hiders": 1, "num_seekers": 1},
        "rules": {**RULES, **rules},
        "policy": NETWORKS[network],
        "physics": {"num_threads": 1},
    }
    return build_session(RunConfig.model_validate(settings), 4)


def policies(network: str, here: GameSession, there: GameSession) -> tuple[NetworkPolicy, NetworkPolicy]:
    found = [build_policy(each.networks[Side.HIDERS].network, each.spec) for each in (here, there)]  # type: ignore[arg-type]
    assert all(isinstance(each, NetworkPolicy) for each in found)
    return found[0], found[1]  # type: ignore[return-value]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_is_done_where_more_is_observed(network: str) -> None:
    """The other game also tells the sizes of boxes."""
    plain, telling = session_of(network), session_of(network, tell_box_size=True)
    ours, theirs = policies(network, plain, telling)
    genomes = 1.5 * torch.randn(3, ours.num_params, generator=torch.Generator().manual_seed(4))
    there = torch.from_numpy(translated(genomes.numpy(), ours, theirs))
    assert there.shape[1] > genomes.shape[1]
    table = MatchTable(np.arange(3), np.arange(3), np.array([3, 4, 5]))
    done = []
    for session, players in ((plain, genomes), (telling, there)):
        rosters = {side: session.roster(side, players) for side in Side}
        episodes = session.play(table, rosters, keep=("actions",))
        assert episodes.actions is not None
        done.append(episodes.actions["movement"])
    # sums are the same but for rounding, which a bin's edge may feel
    assert (np.asarray(done[0]) == np.asarray(done[1])).mean() > 0.995
    others = {side: telling.roster(side, torch.randn_like(there)) for side in Side}
    noise = telling.play(table, others, keep=("actions",))
    assert noise.actions is not None and (np.asarray(done[0]) == np.asarray(noise.actions["movement"])).mean() < 0.9


@pytest.mark.parametrize("network", NETWORKS)
def test_there_and_back_is_where_it_began(network: str) -> None:
    ours, theirs = policies(network, session_of(network), session_of(network, tell_box_size=True, lock_ramp=True))
    genome = np.random.default_rng(0).normal(size=(2, ours.num_params)).astype(np.float32)
    np.testing.assert_array_equal(translated(genome, ours, ours), genome)
    back = translated(translated(genome, ours, theirs), theirs, ours)
    np.testing.assert_allclose(back, genome, rtol=1e-6, atol=0)
    new = translated(genome, ours, theirs)
    assert (new[0] == 0).sum() == theirs.num_params - ours.num_params  # what is new, and nothing else


def test_rays_in_other_directions_are_not_taken_for_the_old_ones() -> None:
    ours, theirs = policies("mlp", session_of("mlp"), session_of("mlp", num_lidar_rays=8))
    genome = np.ones((1, ours.num_params), dtype=np.float32)
    layer = theirs.graph.layers["self embedding"]
    weights = layer.weights(translated(genome, ours, theirs))[0]
    assert (weights[:11] > 0).all() and (weights[11:] == 0).all()


def test_columns_are_as_many_as_there_are_in_every_game() -> None:
    for rules in ({}, {"tell_box_size": True}, {"tell_box_size": True, "lock_ramp": True}):
        spec = session_of("mlp", **rules).spec
        widths = [len(names) for names in entity_columns(spec)]
        assert widths[: len(entity_widths(spec))] == list(entity_widths(spec))
        assert not any(widths[len(entity_widths(spec)) :])


def test_the_last_layer_is_the_end_of_the_genome_and_the_papers_network_is_refused() -> None:
    policy = policies("mlp", session_of("mlp"), session_of("mlp"))[0]
    place = output_weights(policy)
    assert place.stop == policy.num_params
    assert place.stop - place.start == policy.graph.layers["action outputs"].num_outputs * (1 + 6)
    paper = build_policy(
        RunConfig.model_validate({"policy": {"network": "entity"}}).hiders.policy, session_of("mlp").spec
    )
    with pytest.raises(ConfigError, match="have a last layer"):
        output_weights(paper)
    with pytest.raises(ConfigError, match="go from one game to another"):
        translated(np.zeros((1, paper.num_params), dtype=np.float32), paper, paper)
