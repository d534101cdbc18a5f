"""Outsiders find the game as they know games: PettingZoo's own tests pass, and the numbers are the game's."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.session import build_game
from evo_hns.spec import Action

pytest.importorskip("pettingzoo")

from gymnasium import spaces
from gymnasium.utils.env_checker import data_equivalence
from pettingzoo.test import parallel_api_test, parallel_seed_test
from pettingzoo.test.state_test import test_parallel_env as check_state
from pettingzoo.utils import parallel_to_aec

from evo_hns.parallel_env import HideAndSeekParallelEnv, parallel_env

SETTINGS: dict[str, dict[str, Any]] = {
    "quadrant": {},
    "1v1": {"world": {"num_hiders": 1, "num_seekers": 1}},
    "no objects, two seekers": {
        "world": {"num_hiders": 1, "num_boxes": 0, "num_ramps": 0},
        "rules": {"horizon": 20},
    },
}
ONE_AGAINST_ONE = RunConfig.model_validate({"world": {"num_hiders": 1, "num_seekers": 1}, "rules": {"horizon": 12}})
COUNT_RANGES = RunConfig.model_validate(
    {
        "world": {"scenario": "randomwalls", "num_hiders": (1, 3), "num_seekers": (1, 2), "num_boxes": (1, 3)},
        "rules": {"horizon": 5},
    }
)


def make(name: str) -> HideAndSeekParallelEnv:
    return parallel_env(RunConfig.model_validate(SETTINGS[name]))


def act(env: HideAndSeekParallelEnv, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {agent: rng.integers(env.action_space(agent).nvec) for agent in env.agents}


def sample(env: HideAndSeekParallelEnv) -> dict[str, np.ndarray]:
    return {agent: env.action_space(agent).sample() for agent in env.agents}


@pytest.mark.parametrize("name", SETTINGS)
def test_pettingzoo_finds_nothing_to_complain_about(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(make(name), num_cycles=200)
        parallel_seed_test(partial(make, name), num_cycles=100)
        check_state(make(name))


def test_the_game_can_be_played_in_turns() -> None:
    env = parallel_to_aec(parallel_env(ONE_AGAINST_ONE))
    env.reset(seed=1)
    turns = [
        agent
        for agent in env.agent_iter()
        if env.step(None if env.terminations[agent] or env.truncations[agent] else env.action_space(agent).sample())
        is None
    ]
    assert turns == ["hider_0", "seeker_0"] * 13


def test_agents_and_their_spaces_are_what_libraries_recognise() -> None:
    env = make("quadrant")
    assert env.possible_agents == ["hider_0", "hider_1", "seeker_0", "seeker_1"]
    assert env.agents == []
    space = env.observation_space("hider_1")
    assert {name: (type(each), each.shape, each.dtype) for name, each in space.items()} == {
        "observation_self": (spaces.Box, (10,), np.float32),
        "agent_qpos_qvel": (spaces.Box, (3, 10), np.float32),
        "mask_aa_obs": (spaces.MultiBinary, (3,), np.int8),
        "box_obs": (spaces.Box, (2, 12), np.float32),
        "mask_ab_obs": (spaces.MultiBinary, (2,), np.int8),
        "ramp_obs": (spaces.Box, (1, 9), np.float32),
        "mask_ar_obs": (spaces.MultiBinary, (1,), np.int8),
        "lidar": (spaces.Box, (30, 1), np.float32),
    }
    assert env.action_space("seeker_0") == spaces.MultiDiscrete([11, 11, 11, 2, 2])
    assert not {"box_obs", "mask_ab_obs", "ramp_obs"} & set(
        make("no objects, two seekers").observation_space("hider_0")
    )


def test_an_episode_is_the_game_with_hidden_things_as_zeros() -> None:
    env, rng = parallel_env(ONE_AGAINST_ONE), np.random.default_rng(0)
    game = build_game(ONE_AGAINST_ONE, 1)
    observations, infos = env.reset(seed=7)
    expected = game.reset(np.array([7]))
    assert {agent: info["world_seed"] for agent, info in infos.items()} == {"hider_0": 7, "seeker_0": 7}
    hidden = 0
    for time in range(12):
        for row, agent in enumerate(env.agents):
            told = observations[agent]
            assert env.observation_space(agent).contains(told)
            assert np.array_equal(told["lidar"], expected.lidar[0, row].numpy().astype(np.float32))
            assert np.array_equal(told["mask_ab_obs"], expected.mask_ab_obs[0, row].numpy())
            seen = expected.mask_ab_obs[0, row]
            assert np.array_equal(told["box_obs"][seen], expected.box_obs[0, row][seen].numpy().astype(np.float32))
            assert not told["box_obs"][~seen].any()
            hidden += int((~seen).sum())
        actions = act(env, rng)
        numbers = torch.from_numpy(np.stack(list(actions.values())))[None]
        step = game.step(Action(numbers[..., :3], numbers[..., 3].bool(), numbers[..., 4].bool()))
        observations, rewards, terminations, truncations, infos = env.step(actions)
        expected = step.observation
        assert list(rewards.values()) == step.reward[0].tolist()
        assert set(terminations.values()) == {False}
        assert set(truncations.values()) == {time == 11}
        assert len(env.state()) == sum(value.numel() for value in vars(expected).values())
    assert hidden > 0
    assert env.agents == []
    statistics = {f"last_episode_{name}": float(values[0]) for name, values in game.metrics().items()}
    assert statistics["last_episode_max_agent_travel"] > 0.0
    ended = {"present": True, "world_seed": 7, "num_episodes": 1, "last_episode_discarded": False} | statistics
    assert infos == {"hider_0": ended, "seeker_0": ended}
    assert env.reset(seed=8)[1]["hider_0"] == ended | {"world_seed": 8}


def test_every_info_has_the_same_keys_and_plain_values() -> None:
    env, rng = parallel_env(ONE_AGAINST_ONE), np.random.default_rng(0)
    keys = []
    for _ in range(2):
        infos = env.reset()[1]
        assert len(infos) == 2
        keys += [list(info) for info in infos.values()]
        while env.agents:
            infos = env.step(act(env, rng))[4]
            keys += [list(info) for info in infos.values()]
            assert {type(value) for info in infos.values() for value in info.values()} == {bool, int, float}
    assert len(keys) == 2 * 2 * 13
    assert all(each == keys[0] for each in keys)


def pickled(env: HideAndSeekParallelEnv) -> HideAndSeekParallelEnv:
    copied: HideAndSeekParallelEnv = pickle.loads(pickle.dumps(env))
    return copied


@pytest.mark.parametrize("copy_of", [copy.deepcopy, pickled])
@pytest.mark.parametrize("num_steps", [0, 7, 12])
def test_a_copy_goes_on_as_its_original_to_the_bit(
    copy_of: Callable[[HideAndSeekParallelEnv], HideAndSeekParallelEnv], num_steps: int
) -> None:
    original = parallel_env(ONE_AGAINST_ONE)
    original.reset(seed=3)
    for seed, agent in enumerate(original.possible_agents):
        original.action_space(agent).seed(seed)
    for _ in range(num_steps):
        original.step(sample(original))
    copied = copy_of(original)
    assert original.agents == copied.agents == ([] if num_steps == 12 else ["hider_0", "seeker_0"])
    assert np.array_equal(original.state(), copied.state())
    for _ in range(20):  # to the end and into the next world, which both draw
        expected, got = (env.step(sample(env)) if env.agents else env.reset() for env in (original, copied))
        assert data_equivalence(expected, got, exact=True)
        assert np.array_equal(original.state(), copied.state())


def test_a_copy_is_its_own() -> None:
    original, rng = parallel_env(ONE_AGAINST_ONE), np.random.default_rng(0)
    original.reset(seed=3)
    copied = copy.deepcopy(original)
    state = original.state()
    copied.step(act(copied, rng))
    assert np.array_equal(original.state(), state)
    assert not np.array_equal(copied.state(), state)


def test_copies_of_an_environment_that_was_never_reset_play_different_worlds() -> None:
    fresh = parallel_env(ONE_AGAINST_ONE)
    worlds = {env.reset()[1]["hider_0"]["world_seed"] for env in (fresh, pickled(fresh), copy.deepcopy(fresh))}
    assert len(worlds) == 3


def test_worlds_follow_from_the_last_seed() -> None:
    def worlds(env: HideAndSeekParallelEnv) -> list[int]:
        return [env.reset(seed=seed)[1]["hider_0"]["world_seed"] for seed in (5, None, None, 5, None)]

    one, other = worlds(parallel_env(ONE_AGAINST_ONE)), worlds(parallel_env(ONE_AGAINST_ONE))
    assert one == other
    assert one[0] == one[3] == 5
    assert one[1] == one[4] != one[2]
    unseeded = [parallel_env(ONE_AGAINST_ONE).reset()[1]["hider_0"]["world_seed"] for _ in range(2)]
    assert unseeded[0] != unseeded[1]
    assert max(*one, *unseeded) < 2**31


def test_a_failed_world_ends_the_episode_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    env = parallel_env(ONE_AGAINST_ONE)
    env.reset(seed=0)
    monkeypatch.setattr(env._world.game.game.physics, "step", lambda *_: torch.ones(1, dtype=torch.bool))
    observations, rewards, terminations, truncations, infos = env.step(act(env, np.random.default_rng(0)))
    assert set(terminations.values()) == {True}
    assert set(truncations.values()) == {False}
    assert all(info["last_episode_discarded"] and info["present"] for info in infos.values())
    assert set(rewards.values()) == {0.0}
    assert env.observation_space("hider_0").contains(observations["hider_0"])
    assert env.agents == []


def test_only_agents_that_are_there_take_part() -> None:
    env = parallel_env(COUNT_RANGES)
    assert env.possible_agents == ["hider_0", "hider_1", "hider_2", "seeker_0", "seeker_1"]
    teams = set()
    for seed in range(20):
        observations, infos = env.reset(seed=seed)
        assert env.agents == list(observations) == list(infos)
        assert "agent_mask" not in observations["hider_0"]
        still = dict.fromkeys(env.agents, np.array([5, 5, 5, 0, 0]))
        assert list(env.step(still)[1]) == list(observations)
        teams.add(tuple(env.agents))
    assert len(teams) == 6
    parallel_api_test(env, num_cycles=50)


def test_absent_agents_may_take_part_without_effect() -> None:
    padded, plain = parallel_env(COUNT_RANGES, pad_agents=True), parallel_env(COUNT_RANGES)
    absent_agents = set()
    for seed in range(10):
        observations, infos = padded.reset(seed=seed)
        expected, _ = plain.reset(seed=seed)
        assert padded.agents == padded.possible_agents == list(observations) == list(infos)
        absent = set(padded.possible_agents) - set(expected)
        assert {agent for agent, info in infos.items() if not info["present"]} == absent
        actions = sample(padded)
        observations, rewards, _, truncations, _ = padded.step(actions)
        expected, expected_rewards, *_ = plain.step(actions)
        for agent in padded.possible_agents:
            assert padded.observation_space(agent).contains(observations[agent])
            assert rewards[agent] == expected_rewards.get(agent, 0.0)
            for name, values in observations[agent].items():
                assert np.array_equal(values, expected[agent][name] if agent in expected else np.zeros_like(values))
        assert truncations == dict.fromkeys(padded.possible_agents, False)
        absent_agents |= absent
    assert absent_agents == {"hider_1", "hider_2", "seeker_1"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(padded, num_cycles=50)


def test_stable_baselines_learns_on_two_processes_from_different_worlds() -> None:
    supersuit, sb3 = pytest.importorskip("supersuit"), pytest.importorskip("stable_baselines3")
    team = supersuit.pettingzoo_env_to_vec_env_v1(parallel_env(COUNT_RANGES, pad_agents=True))
    worlds = supersuit.concat_vec_envs_v1(team, 2, num_cpus=2, base_class="stable_baselines3")
    try:
        assert worlds.num_envs == 2 * 5
        model = sb3.PPO("MultiInputPolicy", worlds, n_steps=8, batch_size=40, n_epochs=1, device="cpu").learn(80)
        assert model.num_timesteps == 80
        worlds.reset()
        for _ in range(5):
            _, _, dones, infos = worlds.step(np.stack([worlds.action_space.sample() for _ in range(10)]))
        assert dones.all()
        assert infos[0]["world_seed"] != infos[5]["world_seed"]
        assert infos[0]["num_episodes"] == 2  # the first in learning; a second was cut off there
        assert all(info["last_episode_max_agent_travel"] > 0.0 for info in infos)
    finally:
        worlds.close()


@pytest.mark.filterwarnings("ignore:PettingZoo in TorchRL is tested using:UserWarning")
def test_torchrl_rolls_out_whole_episodes() -> None:
    pytest.importorskip("torchrl")
    from torchrl.envs import PettingZooWrapper
    from torchrl.envs.utils import check_env_specs

    env = PettingZooWrapper(parallel_env(ONE_AGAINST_ONE), return_state=True)
    check_env_specs(env)
    played = env.rollout(100, auto_reset=False, tensordict=env.reset(seed=7))
    assert played.batch_size == (12,)
    assert played["next", "truncated"].flatten().tolist() == [False] * 11 + [True]
    assert not played["next", "terminated"].any()
    plain = parallel_env(ONE_AGAINST_ONE)
    plain.reset(seed=7)
    for time in range(12):
        actions = {f"{side}_0": played[side, "action"][time, 0].numpy() for side in ("hider", "seeker")}
        observations, rewards, _, _, infos = plain.step(actions)
        assert np.array_equal(played["next", "state"][time], plain.state())
        for side in ("hider", "seeker"):
            told = {name: values[time, 0] for name, values in played["next", side, "observation"].items()}
            assert data_equivalence({name: value.numpy() for name, value in told.items()}, observations[f"{side}_0"])
            assert played["next", side, "reward"][time].item() == rewards[f"{side}_0"]
            kept = {name: values[time, 0].item() for name, values in played["next", side, "info"].items()}
            assert kept == pytest.approx({name: float(value) for name, value in infos[f"{side}_0"].items()})


@pytest.mark.filterwarnings("ignore:PettingZoo in TorchRL is tested using:UserWarning")
def test_torchrl_takes_absent_agents_of_count_ranges() -> None:
    pytest.importorskip("torchrl")
    from torchrl.envs import PettingZooWrapper
    from torchrl.envs.utils import check_env_specs

    env = PettingZooWrapper(parallel_env(COUNT_RANGES, pad_agents=True))
    check_env_specs(env)
    played = env.rollout(20, break_when_any_done=False)
    present = torch.cat([played[side, "info", "present"] for side in ("hider", "seeker")], 1)
    assert played["next", "done"].sum() == 4
    assert present.shape == (20, 5)
    assert present[:, [0, 3]].all()
    assert not present.all()


def test_supersuit_flattens_what_agents_observe() -> None:
    supersuit = pytest.importorskip("supersuit")
    dictionaries = parallel_env(ONE_AGAINST_ONE)
    flat = supersuit.observation_lambda_v0(
        parallel_env(ONE_AGAINST_ONE), lambda told, space: spaces.flatten(space, told), spaces.flatten_space
    )
    expected, got = dictionaries.reset(seed=1)[0]["hider_0"], flat.reset(seed=1)[0]["hider_0"]
    assert flat.observation_space("hider_0").contains(got)
    assert got.dtype == np.float32
    assert np.array_equal(
        got, np.concatenate([expected[name].ravel() for name in dictionaries.observation_space("hider_0")])
    )


def test_it_may_be_closed_twice_and_is_not_drawn_unless_asked_to() -> None:
    env = parallel_env(ONE_AGAINST_ONE)
    env.close()
    env.close()
    assert env.render_mode is env.render() is None
    assert env.metadata["render_modes"] == ["rgb_array"]


def test_agents_may_name_what_they_pull() -> None:
    env = parallel_env(RunConfig.model_validate({"rules": {"grab_selective": True}}))
    assert env.action_space("hider_0").nvec.tolist() == [11, 11, 11, 2, 2, 2, 2]
    env.reset(seed=0)
    pulls = {agent: np.array([5, 5, 5, 1, 0, 1, 0]) for agent in env.agents}
    assert np.isfinite(list(env.step(pulls)[1].values())).all()


def test_mistakes_are_told_in_one_line() -> None:
    env = parallel_env(ONE_AGAINST_ONE)
    still = np.array([5, 5, 5, 0, 0])
    with pytest.raises(ValueError, match="no episode is going on"):
        env.step({})
    for seed in (-1, 2**32, 1.5, "1"):
        with pytest.raises(ValueError, match=f"got the seed {seed}, expected a whole number from 0 to 4294967295"):
            env.reset(seed=seed)  # type: ignore[arg-type]
    env.reset(seed=0)
    with pytest.raises(ValueError, match="got no action of seeker_0, expected one of each of hider_0, seeker_0"):
        env.step({"hider_0": still})
    too_large, negative = replace_at(still, 0, 11), replace_at(still, 4, -1)
    for wrong in (too_large, negative, still[:4], still + 0.5, still * np.nan, None, "left", [5, [5], 5, 0, 0]):
        with pytest.raises(ValueError, match=r"of seeker_0, expected 5 whole numbers, 0 or more, below \[11, 11, 11, "):
            env.step({"hider_0": still, "seeker_0": wrong})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="got an action of seeker_1, expected one of each of hider_0, seeker_0"):
        env.step({"hider_0": still, "seeker_0": still, "seeker_1": still})
    with pytest.raises(ValueError, match="render mode 'human', expected None or 'rgb_array'"):
        parallel_env(render_mode="human")


def replace_at(row: np.ndarray, place: int, value: int) -> np.ndarray:
    changed = row.copy()
    changed[place] = value
    return changed


def test_pettingzoo_that_is_not_installed_is_asked_for() -> None:
    code = """
import sys
sys.modules["pettingzoo"] = None
import evo_hns, evo_hns.evaluation.evaluators
try:
    import evo_hns.parallel_env
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"evo_hns\.parallel_env needs PettingZoo: pip install .*pettingzoo.*\n", done.stdout)
