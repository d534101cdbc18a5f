"""Outsiders find the game as they know games: PettingZoo's own tests pass, and the numbers are the game's."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from evo_hns.config import RunConfig
from evo_hns.evaluation.evaluators import build_game
from evo_hns.spec import Action

pytest.importorskip("pettingzoo")

from gymnasium import spaces
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


def make(name: str) -> HideAndSeekParallelEnv:
    return parallel_env(RunConfig.model_validate(SETTINGS[name]))


def act(env: HideAndSeekParallelEnv, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {agent: rng.integers(env.action_space(agent).nvec) for agent in env.agents}


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
    assert infos == {agent: {"world_seed": 7} for agent in ("hider_0", "seeker_0")}
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
    statistics = {name: float(values[0]) for name, values in game.metrics().items()}
    assert infos == {agent: {"discarded": False, "statistics": statistics} for agent in ("hider_0", "seeker_0")}


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
    monkeypatch.setattr(env._game.physics, "step", lambda *_: torch.ones(1, dtype=torch.bool))
    observations, rewards, terminations, truncations, infos = env.step(act(env, np.random.default_rng(0)))
    assert set(terminations.values()) == {True}
    assert set(truncations.values()) == {False}
    assert all(info["discarded"] for info in infos.values())
    assert set(rewards.values()) == {0.0}
    assert env.observation_space("hider_0").contains(observations["hider_0"])
    assert env.agents == []


def test_only_agents_that_are_there_take_part() -> None:
    world = {"scenario": "randomwalls", "num_hiders": (1, 3), "num_seekers": (1, 2), "num_boxes": (1, 3)}
    env = parallel_env(RunConfig.model_validate({"world": world, "rules": {"horizon": 5}}))
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
    with pytest.raises(ValueError, match="got the seed -1, expected 0 to 4294967295"):
        env.reset(seed=-1)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="got no action of seeker_0, expected one of each of hider_0, seeker_0"):
        env.step({"hider_0": still})
    for wrong in (replace_at(still, 0, 11), replace_at(still, 4, -1), still[:4]):
        with pytest.raises(ValueError, match=r"of seeker_0, expected 5 numbers below \[11, 11, 11, 2, 2\]"):
            env.step({"hider_0": still, "seeker_0": wrong})
    with pytest.raises(ValueError, match="render mode 'human', expected None"):
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
