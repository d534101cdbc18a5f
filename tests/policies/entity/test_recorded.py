"""The network against what OpenAI's own code made of a policy: ten decisions of four agents of the full game."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from evo_hns.policies.entity import EntityPolicy, Memory
from evo_hns.policies.published import PublishedPolicy, read_policy
from evo_hns.spec import Observation
from tests.published import random_policy, variables, write

RECORDED = Path(__file__).parents[2] / "data" / "policy_recorded.npz"
LOGITS, STATES, VALUES = 3e-5, 1e-5, 3e-5  # absolute deviations that float32 explains; logits run to 14

Recording = Mapping[str, torch.Tensor]


@pytest.fixture(scope="module")
def recorded() -> Recording:
    """Steps and agents are the first two axes."""
    with np.load(RECORDED) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> PublishedPolicy:
    """The policy of the recording: random numbers from a seed."""
    arrays = random_policy(11, variables(layer_norm=True))
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(name.encode() + array.tobytes())
    assert digest.hexdigest() == "2530d3c8a73c913e13bd0da9e987f6dda821831cc85b981bb47ac649bd15b38b"
    return read_policy(write(tmp_path_factory.mktemp("openai") / "full.npz", arrays))


@pytest.fixture
def sight(recorded: Recording) -> Recording:
    """What all agents saw, one row for each step and agent; all agents and ramps are there."""
    told = observed(recorded)
    return {name: values.flatten(0, 1) for name, values in (told | everyone(told)).items()}


@pytest.fixture
def memory(recorded: Recording) -> Callable[[str], Memory]:
    """The memory of a tower before each step: what it was after the one before."""

    def before(tower: str) -> Memory:
        after = [recorded[f"state_{tower}_{name}"] for name in "ch"]
        c, h = (torch.cat([torch.zeros_like(values[:1]), values[:-1]]).flatten(0, 1) for values in after)
        return c, h

    return before


def observed(recorded: Recording) -> dict[str, torch.Tensor]:
    return {name.removeprefix("obs_"): values for name, values in recorded.items() if name.startswith("obs_")}


def everyone(told: Recording) -> dict[str, torch.Tensor]:
    """Masks that the original does not have, because all agents and ramps are there."""
    return {f"mask_{kind}_obs_spoof": torch.ones_like(told[f"mask_{kind}_obs"]) for kind in ("aa", "ar")}


def deviation(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs.reshape(ours.shape)).abs().max())


def test_the_policy_has_the_parameters_of_the_paper(policy: PublishedPolicy) -> None:
    towers = (policy.network, policy.critic)
    assert sum(values.numel() for tower in towers for values in tower.parameters()) == 1_626_222
    assert len(policy.genome) == 808_228 + 9_509 + 3 * (10 + 10 + 15 + 15 + 1)  # and the statistics


def test_logits_and_memory_are_those_of_the_original(
    policy: PublishedPolicy, recorded: Recording, sight: Recording, memory: Callable[[str], Memory]
) -> None:
    logits, (c, h) = policy.network(sight, memory("policy"))
    theirs = torch.cat([recorded[f"logits_{name}"] for name in ("movement", "pull", "glueall")], -1)
    assert deviation(logits, theirs) < LOGITS
    assert deviation(c, recorded["state_policy_c"]) < STATES
    assert deviation(h, recorded["state_policy_h"]) < STATES


def test_the_likeliest_actions_their_probability_and_the_entropy_are_those_of_the_original(
    policy: PublishedPolicy, recorded: Recording, sight: Recording, memory: Callable[[str], Memory]
) -> None:
    logits, _ = policy.network(sight, memory("policy"))
    movement, pull, glueall = logits.split_with_sizes([33, 2, 2], 1)
    heads = [*movement.chunk(3, 1), pull, glueall]
    modes = torch.stack([head.argmax(1) for head in heads], 1)
    theirs = [recorded["mode_movement"].flatten(0, 1).T, recorded["mode_pull"].flatten()[None]]
    assert torch.equal(modes, torch.cat([*theirs, recorded["mode_glueall"].flatten()[None]]).T)
    told = [head.log_softmax(1) for head in heads]
    entropy = -sum((each.exp() * each).sum(1) for each in told)
    assert deviation(entropy, recorded["entropy"]) < LOGITS
    assert deviation(sum(each.amax(1) for each in told), recorded["logp_mode"]) < LOGITS


def test_values_and_the_critics_memory_are_those_of_the_original(
    policy: PublishedPolicy, recorded: Recording, sight: Recording, memory: Callable[[str], Memory]
) -> None:
    values, (c, h) = policy.critic(sight, memory("vpred"))
    assert deviation(values, recorded["value"]) < VALUES
    assert deviation(c, recorded["state_vpred_c"]) < STATES
    assert deviation(h, recorded["state_vpred_h"]) < STATES


def test_as_a_player_it_does_what_the_original_does(policy: PublishedPolicy, recorded: Recording) -> None:
    team = EntityPolicy(policy.form, greedy=True).bind(torch.from_numpy(policy.genome)[None, None], 4)
    state = team.initial_state(torch.zeros(1, dtype=torch.int64))
    for step in range(10):
        action, state = team.act(observation_at(recorded, step), state)
        assert torch.equal(action.movement[0], recorded["mode_movement"][step].long())
        assert torch.equal(action.pull[0], recorded["mode_pull"][step] == 1)
        assert torch.equal(action.glueall[0], recorded["mode_glueall"][step] == 1)
    assert deviation(state[0, :, 1:257].float(), recorded["state_policy_c"][9]) < 10 * STATES  # ten steps of rounding


def observation_at(recorded: Recording, step: int) -> Observation:
    """Of the four agents of one world."""
    told = {name: values[step][None] for name, values in observed(recorded).items()}
    return Observation(
        **told,
        **everyone(told),
        agent_mask=torch.ones(1, 4, dtype=torch.bool),
        food_obs=torch.zeros(1, 4, 0, 4),
        mask_af_obs=torch.zeros(1, 4, 0, dtype=torch.bool),
        mask_af_obs_spoof=torch.zeros(1, 4, 0, dtype=torch.bool),
        construction_site_obs=torch.zeros(1, 4, 0, 15),
        mask_acs_obs=torch.zeros(1, 4, 0, dtype=torch.bool),
        door_obs=torch.zeros(1, 0, 3),
    )
