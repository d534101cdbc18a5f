"""Many worlds at once are the single environments to the bit, in the form that Gymnasium's vector wrappers expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import evo_hns

pytest.importorskip("gymnasium")

import gymnasium
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from tests.gym.test_env import ALONE, RANGES, TEAM


def fail_at(monkeypatch: pytest.MonkeyPatch, physics: Any, row: int, when: int) -> None:
    """Let the physics of one world fail in an env step, once."""
    step, calls = physics.step, iter(range(10**6))

    def failing(*args: Any) -> torch.Tensor:
        failed: torch.Tensor = step(*args)
        if next(calls) == when:
            failed = failed.clone()
            failed[row] = True
        return failed

    monkeypatch.setattr(physics, "step", failing)


@pytest.mark.parametrize("settings", [ALONE, {**RANGES, "rules.horizon": 4}], ids=["one agent", "teams of any size"])
def test_it_is_the_single_environments_to_the_bit(settings: dict[str, Any]) -> None:
    singles = SyncVectorEnv([lambda: evo_hns.make_gym_env(settings=settings)] * 3)
    env = evo_hns.make_vector_env(settings=settings, num_envs=3, num_threads=2)
    assert env.metadata["autoreset_mode"] is singles.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert (env.observation_space, env.action_space) == (singles.observation_space, singles.action_space)
    assert data_equivalence(env.reset(seed=5), singles.reset(seed=5), exact=True)
    rng, ends = np.random.default_rng(0), []
    for _ in range(16):
        actions = rng.integers(np.tile(env.single_action_space.nvec, (3, 1)))
        ours, theirs = env.step(actions), singles.step(actions)
        assert data_equivalence(ours, theirs, exact=True)
        ends.append((ours[2] | ours[3]).tolist())
    assert np.sum(ends, axis=0).min() >= 2
    assert env.observation_space.contains(ours[0])
    assert data_equivalence(env.reset(seed=[7, None, 8]), singles.reset(seed=[7, None, 8]), exact=True)
    env.close()


def test_another_world_takes_the_place_of_one_that_fails_until_the_horizon(monkeypatch: pytest.MonkeyPatch) -> None:
    env = evo_hns.make_vector_env(settings=ALONE, num_envs=3, num_threads=1)
    fail_at(monkeypatch, env._batches[0].game.game.physics, 1, when=1)
    env.reset(seed=5)
    rng = np.random.default_rng(0)
    actions = rng.integers([11, 11, 11, 2, 2], size=(14, 3, 5))
    turns = [env.step(each) for each in actions]
    assert [turn[2].tolist() for turn in turns] == [[False, step == 1, False] for step in range(14)]
    assert [turn[3].tolist() for turn in turns] == [[step in (5, 12)] * 3 for step in range(14)]
    discarded = [turns[step][4]["discarded"].tolist() for step in (1, 5, 12)]
    assert discarded == [[False, True, False], [False, True, False], [False] * 3]
    assert turns[1][4]["_statistics"].tolist() == [False, True, False]
    single = evo_hns.make_gym_env(settings=ALONE)
    worlds = [single.reset(seed=seed)[1]["world_seed"] for seed in (6, None, None)]
    assert [turns[step][4]["world_seed"][1] for step in (0, 2, 6)] == worlds
    told, _ = single.reset(seed=worlds[1])  # what took its place is that world
    assert all(np.array_equal(turns[2][0][name][1], values) for name, values in told.items())
    for step in (3, 4, 5):
        told, reward, *_ = single.step(actions[step, 1])
        assert all(np.array_equal(turns[step][0][name][1], values) for name, values in told.items())
        assert turns[step][1][1] == reward
    env.close()


def test_gymnasiums_statistics_are_those_of_evaluate() -> None:
    env = RecordEpisodeStatistics(evo_hns.make_vector_env(settings=TEAM, num_envs=4, opponent="scripted:chaser"))
    env.reset(seed=2)
    singles = [evo_hns.make_gym_env(settings=TEAM, opponent="scripted:chaser") for _ in range(4)]
    still = np.tile([5, 5, 5, 0, 0] * 2, (4, 1))
    for _ in range(6):
        *_, infos = env.step(still)
    returns = []
    for number, single in enumerate(singles):
        single.reset(seed=2 + number)
        returns.append(sum(single.step(still[0])[1] for _ in range(6)))
    assert infos["episode"]["r"].tolist() == returns
    assert infos["episode"]["l"].tolist() == [6] * 4
    env.close()


def test_the_registered_id_makes_many_worlds_too() -> None:
    import evo_hns.gym  # noqa: F401

    many = gymnasium.make_vec(
        "evo_hns/HideAndSeek-v0", num_envs=2, vectorization_mode="vector_entry_point", settings=ALONE
    )
    assert many.num_envs == 2
    assert many.reset(seed=3)[1]["world_seed"].tolist() == [3, 4]
    many.close()


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (lambda env: env.step(np.zeros((2, 5), int)), "got a step, expected reset"),
        (lambda env: env.reset(seed=2**32 - 1), "got the seed 4294967296, expected a whole number"),
        (lambda env: env.reset(seed=[1]), "got 1 seeds, expected one for each of 2 environments"),
        (lambda env: env.reset(options={"reset_mask": np.ones(2, bool)}), "got a reset_mask, expected none"),
        (lambda env: (env.reset(), env.step(np.full((2, 5), 11))), "of all environments, expected"),
        (lambda _: evo_hns.make_vector_env(num_envs=0), "got 0 environments on 0 threads, expected 1 or more"),
        (lambda _: evo_hns.make_vector_env(num_envs="2"), "num_envs: got '2', expected a whole number"),
    ],
)
def test_a_mistake_is_one_line(mistake: Callable[[Any], object], said: str) -> None:
    env = evo_hns.make_vector_env(settings=ALONE, num_envs=2, num_threads=1)
    with pytest.raises(ValueError, match=said):
        mistake(env)
    env.close()
